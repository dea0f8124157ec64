"""coefficients agrees with statsmodels, and refuses what a penalty makes meaningless."""

import math

import attrs
import numpy as np
import pytest
import statsmodels.api as sm
from mldsl_plugins.reports import coefficients
from mldsl_plugins.reports._statistics import two_sided_p, two_sided_quantile
from scipy import stats
from sklearn import datasets


def test_least_squares_agrees_with_statsmodels(numbers, build) -> None:
    data = datasets.load_diabetes()
    theirs = sm.OLS(data.target, sm.add_constant(data.data[:, :5] * 100)).fit()
    found = build.cells(coefficients.compute(coefficients.Spec(confidence=0.9), numbers))
    assert found["term"][0] == "(intercept)"
    assert found["estimate"] == pytest.approx(theirs.params)
    assert found["standard error"] == pytest.approx(theirs.bse)
    assert found["t"] == pytest.approx(theirs.tvalues)
    assert found["p"] == pytest.approx(theirs.pvalues, rel=1e-6)
    interval = theirs.conf_int(0.1)
    assert found["90% low"] == pytest.approx(interval[:, 0])
    assert found["90% high"] == pytest.approx(interval[:, 1])


@pytest.fixture(scope="module")
def logit(build):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    y = (rng.random(300) < 1 / (1 + np.exp(-x[:, 0]))).astype(int)
    fitted = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    held = build.part(target=y, prediction=y)
    info = build.Info(fitted.bse[None, 1:], fitted.bse[:1], math.inf)
    model = build.model(
        "logistic_regression", held, features=("a", "b"), classes=2, info=info,
        params=build.Params(fitted.params[:1], fitted.params[None, 1:]),
    )  # fmt: skip
    return fitted, build.view("classification", [model], ["no", "yes"])


def test_logistic_regression_has_z_and_odds_ratios(logit, build) -> None:
    theirs, view = logit
    output = coefficients.compute(coefficients.Spec(exponentiate=True), view)
    found = build.cells(output)
    assert found["z"] == pytest.approx(theirs.tvalues)
    assert found["p"] == pytest.approx(theirs.pvalues)
    assert found["odds ratio"] == pytest.approx(np.exp(theirs.params))
    assert found["odds ratio low"] == pytest.approx(np.exp(theirs.conf_int()[:, 0]))
    assert output.figures[0].panels[0].x_kind == "log"


def test_a_penalty_refuses_standard_errors_and_says_what_to_write(logit, build) -> None:
    _, view = logit
    penalized = attrs.evolve(view.models[0], spec=build.Penalty(2.0))
    output = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(penalized,)))
    assert list(build.cells(output)) == ["term", "estimate"]
    assert "`logistic_regression(l2 = 0)`" in output.notes[0]
    assert output.figures[0].panels[0].series[1].low is None


def test_separation_is_said(logit, build) -> None:
    _, view = logit
    model = attrs.evolve(view.models[0], info=view.models[0].info._replace(separated=np.array(True)))
    output = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(model,)))
    assert "separate the classes perfectly" in output.warnings[0]
    kept = coefficients.compute(coefficients.Spec(), view)
    assert not kept.warnings


def test_one_block_of_terms_for_each_class(logit, build) -> None:
    _, view = logit
    params = build.Params(np.zeros(3), np.arange(6.0).reshape(3, 2))
    model = attrs.evolve(view.models[0], params=params, info=())
    found = build.cells(
        coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(model,), levels=("a", "b", "c")))
    )
    assert found["class"] == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    reference = attrs.evolve(model, params=build.Params(np.zeros(2), np.ones((2, 2))))
    found = build.cells(
        coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(reference,), levels=("a", "b", "c")))
    )
    assert found["class"] == ["b"] * 3 + ["c"] * 3


def test_models_without_coefficients_are_named(logit, build) -> None:
    _, view = logit
    other = attrs.evolve(view.models[0], name="tree", algorithm="cart", params=())
    output = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(*view.models, other)))
    assert "tree has no coefficients" in output.notes[0]
    assert set(build.cells(output)["model"]) == {"logistic_regression"}
    alone = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(other,)))
    assert not alone.tables
    assert alone.notes


def test_scales_are_said(numbers) -> None:
    model = attrs.evolve(numbers.models[0], steps=[("standardize", ("age",), None, None)], target_scale="log")
    notes = coefficients.compute(coefficients.Spec(), attrs.evolve(numbers, models=(model,))).notes
    assert any("after `standardize`" in note for note in notes)
    assert any("`log` of the target" in note for note in notes)


@pytest.mark.parametrize("degrees", [1.0, 5.0, 436.0, math.inf])
def test_tails(degrees) -> None:
    z = np.array([0.0, 0.5, -2.0, 12.0, np.nan])
    law = stats.norm if math.isinf(degrees) else stats.t(degrees)
    assert two_sided_p(z, degrees) == pytest.approx(2 * law.sf(np.abs(z)), rel=1e-9, nan_ok=True)
    assert two_sided_quantile(0.95, degrees) == pytest.approx(law.ppf(0.975), rel=1e-9)


def test_of_many_terms_the_largest_are_drawn(logit, build) -> None:
    _, view = logit
    names = tuple(f"c{i}" for i in range(50))
    params = build.Params(np.zeros(1), np.linspace(-1, 2, 50)[None])
    model = attrs.evolve(view.models[0], features=names, params=params, info=())
    output = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(model,)))
    drawn = output.figures[0].panels[0].series[1]
    assert output.figures[0].title == "The 30 largest coefficients"
    assert sorted(drawn.x, reverse=True) == list(drawn.x)
    assert min(np.abs(drawn.x)) == pytest.approx(np.sort(np.abs(np.linspace(-1, 2, 50)))[-30])
    assert len(build.cells(output)["term"]) == 51


def test_the_reference_class_is_left_out_and_named(logit, build) -> None:
    _, view = logit
    params = build.Params(np.array([0.0, 1, 2]), np.array([[0.0, 0], [1, 2], [3, 4]]))
    info = build.Info(np.array([[0.0, 0], [1, 1], [1, 1]]), np.array([0.0, 1, 1]), math.inf)
    model = attrs.evolve(view.models[0], params=params, info=info)
    output = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(model,), levels=("a", "b", "c")))
    assert build.cells(output)["class"] == ["b"] * 3 + ["c"] * 3
    assert any("against the class `a`" in note for note in output.notes)


def test_an_interval_that_would_hide_all_estimates_is_cut() -> None:
    from mldsl_plugins.reports._terms import _frame

    estimate = np.array([-1.0, 1.0])
    assert _frame(estimate, estimate - 2, estimate + 2) is None
    reach = np.array([2.0, 900.0])
    assert _frame(estimate, estimate - reach, estimate + reach) == (-3, 3)
    assert _frame(estimate, estimate * np.nan, estimate * np.nan) is None
    assert _frame(estimate[:0], estimate[:0], estimate[:0]) is None
