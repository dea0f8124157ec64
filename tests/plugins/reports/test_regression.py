"""residual_plots and training_curve."""

import attrs
import numpy as np
import pytest
from mldsl_plugins.reports import residual_plots, training_curve
from mldsl_plugins.reports._shared import histogram, moments, weighted_quantile
from scipy import stats

from mldsl.plugin import NoSpec


def test_residuals(numbers, build) -> None:
    part = numbers.models[0].held_out
    residual = part.target - part.prediction
    output = residual_plots.compute(NoSpec(), numbers)
    found = {name: values[0] for name, values in build.cells(output).items()}
    assert found["standard deviation"] == pytest.approx(residual.std(ddof=1))
    assert found["lower quartile"] == pytest.approx(np.quantile(residual, 0.25))
    assert found["skewness"] == pytest.approx(stats.skew(residual))
    worst = build.cells(output, 1)
    assert worst["row"][0] == np.argmax(np.abs(residual)) + 1
    assert np.abs(worst["residual"]).tolist() == sorted(np.abs(residual), reverse=True)[:10]
    assert [p.title for p in output.figures[0].panels] == [
        "Against the prediction", "Against the normal", "Distribution", "Spread",
    ]  # fmt: skip


def test_quantiles_of_normal_residuals_lie_on_the_line(build) -> None:
    z = stats.norm.ppf((np.arange(400) + 0.5) / 400)
    held = build.part(target=z, prediction=np.zeros(400))
    figure = residual_plots.compute(NoSpec(), build.view("regression", [build.model("m", held)])).figures[0]
    points = figure.panels[1].series[1]
    assert np.asarray(points.y) == pytest.approx(np.asarray(points.x) / z.std(ddof=1), abs=1e-9)


def test_the_trend_follows_a_bent_relation(build) -> None:
    x = np.linspace(-1, 1, 300)
    held = build.part(target=x + x**2, prediction=x)
    trend = (
        residual_plots.compute(NoSpec(), build.view("regression", [build.model("m", held)]))
        .figures[0]
        .panels[0]
        .series[2]
    )
    assert trend.name == "trend"
    assert trend.y[0] > 0.5 > 0.3 > trend.y[len(trend.y) // 2]


def test_two_models_have_a_figure_each(numbers, build) -> None:
    both = attrs.evolve(numbers, models=(numbers.models[0], attrs.evolve(numbers.models[0], name="other")))
    output = residual_plots.compute(NoSpec(), both)
    assert [f.name for f in output.figures] == ["", "other"]
    assert build.cells(output)["model"] == ["ridge", "other"]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_rows_and_perfect_fits_do_not_fail(n, build) -> None:
    held = build.part(target=np.arange(float(n)), prediction=np.arange(float(n)))
    output = residual_plots.compute(NoSpec(), build.view("regression", [build.model("m", held)]))
    assert output.figures


def test_many_rows_are_thinned_but_the_worst_is_drawn(build) -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=50_000)
    target[12_345] = 100.0
    held = build.part(target=target, prediction=rng.normal(size=50_000))
    panel = residual_plots.compute(NoSpec(), build.view("regression", [build.model("m", held)])).figures[0].panels[0]
    assert len(panel.series[1].x) < 2_100
    assert max(panel.series[1].y) > 90


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
