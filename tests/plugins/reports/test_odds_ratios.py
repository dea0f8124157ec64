"""odds_ratios agrees with statsmodels, by unit and standard deviation; what is said of units, fit and separation."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import statsmodels.api as sm
from mldsl_plugins.reports import coefficients, odds_ratios


@attrs.frozen
class L1:
    """A penalty that is absent by default."""

    l2: float = 1.0
    l1: float | None = None


@pytest.fixture(scope="module")
def logit(build: Any) -> Any:
    rng = np.random.default_rng(3)
    x = np.column_stack([rng.normal(size=400) * 5, rng.integers(0, 2, 400)])
    y = (rng.random(400) < 1 / (1 + np.exp(-(0.3 * x[:, 0] - x[:, 1])))).astype(int)
    fitted = sm.Logit(y, sm.add_constant(x)).fit(disp=0)
    part = attrs.evolve(build.part(target=y, prediction=y), inputs=x)
    info = build.Info(fitted.bse[None, 1:], fitted.bse[:1], math.inf)
    model = build.model(
        "logistic_regression", part, features=("dose", "treated"), classes=2, info=info, train=part,
        params=build.Params(fitted.params[:1], fitted.params[None, 1:]),
    )  # fmt: skip
    return fitted, x, build.view("classification", [model], ["alive", "dead"])


def test_ratios_and_intervals_are_statsmodels(logit: Any, build: Any) -> None:
    theirs, _, view = logit
    output = odds_ratios.compute(odds_ratios.Spec(confidence=0.9), view)
    found = build.cells(output)
    assert found["term"] == ["dose", "treated"], "the intercept is no ratio"
    assert found["odds ratio"] == pytest.approx(np.exp(theirs.params[1:]))
    assert found["90% low"] == pytest.approx(np.exp(theirs.conf_int(0.1)[1:, 0]))
    assert found["90% high"] == pytest.approx(np.exp(theirs.conf_int(0.1)[1:, 1]))
    assert found["p"] == pytest.approx(theirs.pvalues[1:])
    assert "odds of `dead` against `alive`" in output.notes[0]
    (panel,) = output.figures[0].panels
    assert (panel.x_kind, list(panel.series[0].x)) == ("log", [1.0, 1.0])
    assert list(panel.series[1].high) == pytest.approx(np.exp(theirs.conf_int(0.1)[1:, 1]))


def test_per_standard_deviation_leaves_indicators_alone(logit: Any, build: Any) -> None:
    theirs, x, view = logit
    found = build.cells(odds_ratios.compute(odds_ratios.Spec(per="standard_deviation"), view))
    assert found["per"] == pytest.approx([x[:, 0].std(), 1.0])
    assert found["odds ratio"] == pytest.approx(np.exp(theirs.params[1:] * [x[:, 0].std(), 1.0]))
    assert found["p"] == pytest.approx(theirs.pvalues[1:]), "a unit changes no test"
    ends = theirs.conf_int()[1:, 1] * [x[:, 0].std(), 1.0]
    assert found["95% high"] == pytest.approx(np.exp(ends))


def test_a_penalty_leaves_ratios_alone_and_says_what_to_write(logit: Any, build: Any) -> None:
    _, _, view = logit
    penalized = attrs.evolve(view.models[0], spec=L1(2.0))
    output = odds_ratios.compute(odds_ratios.Spec(), attrs.evolve(view, models=(penalized,)))
    assert list(build.cells(output)) == ["term", "odds ratio"]
    assert any("Write `logistic_regression(l2 = 0)` for these" in note for note in output.notes)
    lasso = attrs.evolve(view.models[0], spec=L1(0.0, 3.0))
    for report in (odds_ratios, coefficients):
        output = report.compute(report.Spec(), attrs.evolve(view, models=(lasso,)))
        assert any("Write `logistic_regression(l2 = 0)` without `l1` for these" in note for note in output.notes)


def test_a_solver_that_goes_downhill_has_no_errors_and_the_note_says_why(logit: Any, build: Any) -> None:
    _, _, view = logit
    descent = attrs.evolve(view.models[0], info=None, history={"loss": [0.6, 0.5]}, spec=L1(0.0))
    output = odds_ratios.compute(odds_ratios.Spec(), attrs.evolve(view, models=(descent,)))
    assert list(build.cells(output)) == ["term", "odds ratio"]
    assert any("Write `solver = newton` for these" in note for note in output.notes)


def test_several_classes_have_ratios_against_the_first(build: Any) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(300, 2))
    y = np.argmax(x @ rng.normal(size=(2, 3)) + rng.gumbel(size=(300, 3)), axis=1)
    fitted = sm.MNLogit(y, sm.add_constant(x)).fit(disp=0)
    zero = np.zeros((1, 2))
    coefficient, error = np.vstack([zero, fitted.params[1:].T]), np.vstack([zero, fitted.bse[1:].T])
    info = build.Info(error, np.append(0, fitted.bse[0]), math.inf)
    model = build.model(
        "logistic_regression", build.part(target=y, prediction=y), features=("a", "b"), classes=3, info=info,
        params=build.Params(np.append(0, fitted.params[0]), coefficient),
    )  # fmt: skip
    output = odds_ratios.compute(odds_ratios.Spec(), build.view("classification", [model], ["x", "y", "z"]))
    found = build.cells(output)
    assert found["class"] == ["y", "y", "z", "z"]
    assert found["odds ratio"] == pytest.approx(np.exp(fitted.params[1:].T.ravel()))
    assert found["p"] == pytest.approx(fitted.pvalues[1:].T.ravel())
    assert output.notes[0] == "logistic_regression: odds of each class against `x`."
    assert [panel.title for panel in output.figures[0].panels] == ["y", "z"]


def test_other_models_have_none(build: Any) -> None:
    model = build.model("gaussian_naive_bayes", build.part(target=np.zeros(3, int), prediction=np.zeros(3, int)))
    output = odds_ratios.compute(odds_ratios.Spec(), build.view("classification", [model], ["no", "yes"]))
    assert not output.tables
    assert "has no odds ratios" in output.notes[0]


class Fit(NamedTuple):
    """The parts of an Info that the statistics of a fit, and its warnings, come from."""

    mass: float
    log_likelihood: float
    null_log_likelihood: float
    mcfadden_r2: float
    likelihood_ratio: float
    likelihood_ratio_degrees: float
    aic: float
    bic: float
    standard_error: np.ndarray
    intercept_standard_error: np.ndarray
    residual_degrees_of_freedom: float = math.inf
    separated: bool = False
    separated_wholly: bool = False
    separating: tuple[int, ...] = (0, 0)


def test_statistics_of_the_fit_stand_below_the_coefficients(logit: Any, build: Any) -> None:
    theirs, _, view = logit
    given = Fit(theirs.nobs, theirs.llf, theirs.llnull, theirs.prsquared, theirs.llr, theirs.df_model, theirs.aic,
                theirs.bic, theirs.bse[None, 1:], theirs.bse[:1])  # fmt: skip
    whole = attrs.evolve(view.models[0], info=given)

    def figures(model: Any) -> dict[str, float]:
        tables = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(model,))).tables[1:]
        return {column.name: column.values[0] for table in tables for column in table.columns}

    found = figures(whole)
    assert found["McFadden's R²"] == pytest.approx(theirs.prsquared)
    assert found["p"] == pytest.approx(theirs.llr_pvalue)
    assert (found["AIC"], found["BIC"]) == pytest.approx((theirs.aic, theirs.bic))
    penalized = attrs.evolve(whole, spec=L1(2.0))
    assert "McFadden's R²" in figures(penalized)
    assert not {"p", "AIC", "BIC"} & set(figures(penalized)), "they mean nothing with a penalty"


def test_separation_is_said_with_the_columns_that_do_it_alone(logit: Any, build: Any) -> None:
    theirs, _, view = logit
    given = Fit(400, -0.0, -270.0, 1.0, 540.0, 2, 6, 18, theirs.bse[None, 1:], theirs.bse[:1], math.inf, True, False,
                (0, 1))  # fmt: skip
    model = attrs.evolve(view.models[0], info=given)
    (said,) = odds_ratios.compute(odds_ratios.Spec(), attrs.evolve(view, models=(model,))).warnings
    assert "separate the classes in part (quasi-complete separation) (`treated` alone)" in said
    wholly = attrs.evolve(model, info=given._replace(separated_wholly=True, separating=(0, 0)))
    (said,) = coefficients.compute(coefficients.Spec(), attrs.evolve(view, models=(wholly,))).warnings
    assert "separate the classes perfectly, so" in said
