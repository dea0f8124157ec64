"""residual_plots and training_curve."""

import attrs
import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from mldsl_plugins.reports import residual_plots, training_curve
from mldsl_plugins.reports._shared import histogram, moments, weighted_quantile
from mldsl_plugins.reports._smooth import lowess
from scipy import stats
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.outliers_influence import OLSInfluence
from statsmodels.stats.stattools import durbin_watson

from mldsl.plan import ColumnPlan


def test_residuals(numbers, build) -> None:
    part = numbers.models[0].held_out
    residual = part.target - part.prediction
    output = residual_plots.compute(residual_plots.Spec(), numbers)
    found = {name: values[0] for name, values in build.cells(output).items()}
    assert found["standard deviation"] == pytest.approx(residual.std(ddof=1))
    assert found["lower quartile"] == pytest.approx(np.quantile(residual, 0.25))
    assert found["skewness"] == pytest.approx(stats.skew(residual))
    worst = build.cells(output, 2)
    assert worst["row"][0] == np.argmax(np.abs(residual)) + 1
    assert np.abs(worst["residual"]).tolist() == sorted(np.abs(residual), reverse=True)[:10]
    assert [p.title for p in output.figures[0].panels] == [
        "Against the prediction", "Against the normal", "Spread", "Distribution",
    ]  # fmt: skip


def test_quantiles_of_normal_residuals_lie_on_the_line(build) -> None:
    z = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    held = build.part(target=z, prediction=np.zeros(400))
    figure = residual_plots.compute(residual_plots.Spec(), build.view("regression", [build.model("m", held)])).figures[
        0
    ]
    points = figure.panels[1].series[2]
    assert np.asarray(points.y) == pytest.approx(np.asarray(points.x) / z.std(ddof=1), abs=1e-9)


def test_the_trend_follows_a_bent_relation(build) -> None:
    x = np.linspace(-1, 1, 300)
    held = build.part(target=x + x**2, prediction=x)
    trend = (
        residual_plots.compute(residual_plots.Spec(), build.view("regression", [build.model("m", held)]))
        .figures[0]
        .panels[0]
        .series[2]
    )
    assert trend.name == "trend"
    assert trend.y[0] > 0.5 > 0.3 > trend.y[len(trend.y) // 2]


def test_two_models_have_a_figure_each(numbers, build) -> None:
    both = attrs.evolve(numbers, models=(numbers.models[0], attrs.evolve(numbers.models[0], name="other")))
    output = residual_plots.compute(residual_plots.Spec(), both)
    assert [f.name for f in output.figures] == ["", "other"]
    assert build.cells(output)["model"] == ["ridge", "other"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_rows_and_perfect_fits_do_not_fail(n, build) -> None:
    held = build.part(target=np.arange(float(n)), prediction=np.arange(float(n)))
    output = residual_plots.compute(residual_plots.Spec(), build.view("regression", [build.model("m", held)]))
    assert output.figures


def test_many_rows_are_drawn_as_quantiles_with_the_worst_as_points(build) -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=50_000)
    target[12_345] = 100.0
    held = build.part(target=target, prediction=rng.normal(size=50_000))
    view = build.view("regression", [build.model("m", held)])
    panel = residual_plots.compute(residual_plots.Spec(), view).figures[0].panels[0]
    drawn = {s.name: s for s in panel.series}
    assert sum(len(s.x) for s in panel.series) < 500
    assert max(drawn["rows furthest off"].y) > 90
    half = drawn["middle half"]
    np.testing.assert_allclose(np.mean(np.array(half.high) - half.low), 2 * 0.6745, atol=0.1)


def test_a_few_thousand_rows_are_points(build) -> None:
    rng = np.random.default_rng(0)
    held = build.part(target=rng.normal(size=4500), prediction=rng.normal(size=4500))
    view = build.view("regression", [build.model("m", held)])
    panel = residual_plots.compute(residual_plots.Spec(), view).figures[0].panels[0]
    assert 1900 < len(panel.series[1].x) < 2100


@pytest.mark.parametrize("share", [0.3, 2 / 3])
def test_the_trend_is_that_of_statsmodels(share, agreement) -> None:
    frame = pl.read_csv("examples/data/wine.csv")[::4]
    x, y = frame["alcohol"].to_numpy(), frame["proline"].to_numpy().astype(float)
    assert len(np.unique(x)) <= 60
    places, curve = lowess(x, y, np.ones(len(x)), share)
    theirs = sm.nonparametric.lowess(y, x, frac=share, it=3, xvals=places)
    agreement("report.residual_plots", "lowess", curve, theirs, reference="statsmodels", data="wine", relative=1e-8)


def test_breusch_pagan_and_durbin_watson_as_statsmodels(numbers, build, agreement) -> None:
    part = numbers.models[0].held_out
    residual = part.target - part.prediction
    output = residual_plots.compute(residual_plots.Spec(), numbers)
    found = {name: values[0] for name, values in build.cells(output, 1).items()}
    lm, p, *_ = het_breuschpagan(residual, sm.add_constant(part.inputs))
    place = {"reference": "statsmodels", "data": "diabetes"}
    agreement("report.residual_plots", "Breusch-Pagan", found["Breusch-Pagan"], lm, relative=1e-8, **place)
    agreement("report.residual_plots", "Breusch-Pagan p", found["p"], p, relative=1e-7, **place)
    agreement(
        "report.residual_plots",
        "Durbin-Watson",
        found["Durbin-Watson"],
        durbin_watson(residual),
        relative=1e-9,
        **place,
    )


def test_weights_and_times_in_the_tests(numbers, build) -> None:
    weight = np.random.default_rng(0).integers(1, 3, len(numbers.models[0].held_out.target)).astype(float)
    model = numbers.models[0]
    part = attrs.evolve(model.held_out, weight=weight)
    output = residual_plots.compute(
        residual_plots.Spec(), attrs.evolve(numbers, models=(attrs.evolve(model, held_out=part),))
    )
    found = {name: values[0] for name, values in build.cells(output, 1).items()}
    times = weight.astype(int)
    residual = np.repeat(part.target - part.prediction, times)
    assert found["Breusch-Pagan"] == pytest.approx(
        het_breuschpagan(residual, sm.add_constant(np.repeat(part.inputs, times, axis=0)))[0]
    )
    assert np.isnan(found["Durbin-Watson"])
    n = len(part.target)
    later = np.random.default_rng(1).permutation(n)
    frame = pl.DataFrame({"when": later})
    dated = attrs.evolve(model, held_out=attrs.evolve(model.held_out, index=np.arange(n)))
    view = attrs.evolve(numbers, models=(dated,), frame=frame, columns=(ColumnPlan("when", "integer", role="time"),))
    found = build.cells(residual_plots.compute(residual_plots.Spec(), view), 1)
    expected = durbin_watson((part.target - part.prediction)[np.argsort(later)])
    assert found["Durbin-Watson"][0] == pytest.approx(expected)


def test_of_training_rows_of_least_squares_there_is_leverage(numbers) -> None:
    output = residual_plots.compute(residual_plots.Spec(rows="train"), numbers)
    assert [p.title for p in output.figures[0].panels][-1] == "Against leverage"
    part = numbers.models[0].held_out
    theirs = OLSInfluence(sm.OLS(part.target, sm.add_constant(part.inputs)).fit()).resid_studentized_internal
    shown = np.asarray(output.figures[0].panels[1].series[2].y)
    assert shown.max() == pytest.approx(theirs.max())
    trees = attrs.evolve(numbers, models=(attrs.evolve(numbers.models[0], params=()),))
    output = residual_plots.compute(residual_plots.Spec(rows="train"), trees)
    assert output.figures[0].panels[-1].title == "Distribution"
    assert "not a linear model" in output.notes[0]


def test_against_columns_of_the_file(build) -> None:
    rng = np.random.default_rng(0)
    level = rng.choice(["a", "b"], 300, p=[0.7, 0.3])
    frame = pl.DataFrame({"x": rng.normal(size=300), "g": level})
    held = build.part(target=(level == "b") * 2.0, prediction=np.zeros(300), index=np.arange(300))
    columns = [ColumnPlan("x", "continuous"), ColumnPlan("g", "categorical")]
    view = build.view("regression", [build.model("m", held)], frame=frame, columns=columns)
    output = residual_plots.compute(residual_plots.Spec(against=("x", "g")), view)
    assert [f.name for f in output.figures] == ["", "columns"]
    number, levels = output.figures[1].panels
    assert number.series[-1].name == "trend"
    assert list(levels.series[1].y) == ["a", "b"]
    assert list(levels.series[1].x) == [0.0, 2.0]


def test_weights_count_as_repetition() -> None:
    rng = np.random.default_rng(0)
    value, weight = rng.normal(size=50), rng.integers(1, 5, 50).astype(float)
    repeated = np.repeat(value, weight.astype(int))
    shares = (0, 0.1, 0.25, 0.5, 0.9, 1)
    assert weighted_quantile(value, weight, shares) == pytest.approx(np.quantile(repeated, shares))
    assert moments(value, weight) == pytest.approx((repeated.mean(), repeated.std(ddof=1)))
    assert histogram(value, weight)[1].sum() == pytest.approx(weight.sum())


def test_whole_numbers_get_a_bar_each() -> None:
    middle, mass = histogram(np.array([1.0, 1, 2, 5]), np.ones(4))
    assert middle.tolist() == [1, 2, 3, 4, 5]
    assert mass.tolist() == [2, 1, 0, 0, 1]


def test_training_curve(numbers, build) -> None:
    history = {"loss": [3.0, 2.0, 1.0], "validation_loss": [3.0, 1.5, 2.5]}
    model = attrs.evolve(numbers.models[0], history=history)
    output = training_curve.compute(training_curve.Spec(log=True), attrs.evolve(numbers, models=(model,)))
    found = build.cells(output)
    assert found["watched"] == ["loss", "validation loss"]
    assert found["least"] == [1.0, 1.5]
    assert found["at step"] == [3, 2]
    assert found["last"] == [1.0, 2.5]
    assert output.figures[0].panels[0].y_kind == "log"
    assert build.cells(output, 1)["step"] == [1, 2, 3, 1, 2, 3]


def test_a_model_in_closed_form_says_so_instead_of_an_empty_picture(numbers) -> None:
    output = training_curve.compute(training_curve.Spec(), numbers)
    assert not output.figures
    assert not output.tables
    assert "not fitted step by step" in output.notes[0]


def test_losses_below_zero_are_not_drawn_by_logarithm(numbers) -> None:
    model = attrs.evolve(numbers.models[0], history={"loss": [1.0, -1.0]})
    output = training_curve.compute(training_curve.Spec(log=True), attrs.evolve(numbers, models=(model,)))
    assert output.figures[0].panels[0].y_kind == "number"
    assert "not positive" in output.notes[0]
