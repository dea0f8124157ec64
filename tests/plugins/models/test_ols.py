"""ols agrees with NIST's certified values and with statsmodels, whatever the covariance and the meaning of weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from mldsl_plugins.linear import ols
from mldsl_plugins.linear._t import two_sided_t
from scipy import stats

from mldsl.contract import ColumnShape, Shape

CERTIFIED = Path("../shared/data/longley_certified.json")
LONGLEY = ["gnp_deflator", "gnp", "unemployed", "armed_forces", "population", "year"]
SCALES = [1, 1000, 10, 10, 1000, 1]
NORRIS_X = """0.2 337.4 118.2 884.6 10.1 226.5 666.3 996.3 448.6 777.0 558.2 0.4 0.6 775.5 666.9 338.0 447.5 11.6 556.0
228.1 995.8 887.6 120.2 0.3 0.3 556.8 339.1 887.2 999.0 779.0 11.1 118.3 229.2 669.1 448.9 0.5"""
NORRIS_Y = """0.1 338.8 118.1 888.0 9.2 228.1 668.5 998.5 449.1 778.9 559.2 0.3 0.1 778.1 668.8 339.3 448.9 10.8 557.7
228.3 998.0 888.8 119.6 0.3 0.6 557.6 339.3 888.0 998.5 778.9 10.2 117.6 228.9 668.4 449.2 0.2"""
SPECS = {
    **{name: ols.Spec(covariance=name) for name in ("classical", "hc0", "hc1", "hc2", "hc3")},
    "cluster": ols.Spec(covariance=ols.Cluster("island")),
}  # fmt: skip


@pytest.fixture(scope="module")
def penguins() -> dict[str, Any]:
    """Bill length and depth, flipper length and sex of 333 penguins, their mass, island and year; weights 1 to 3."""
    frame = pl.read_csv("examples/data/penguins.csv", null_values=["", "NA"]).drop_nulls()
    x = frame.select("bill_length_mm", "bill_depth_mm", "flipper_length_mm", (pl.col("sex") == "male").cast(float))
    years = frame["year"].to_numpy() - 2007
    islands = np.unique(frame["island"].to_numpy(), return_inverse=True)[1]
    rows = np.arange(len(x))
    return {
        "x": x.to_numpy(), "y": frame["body_mass_g"].to_numpy().astype(float),
        "cluster": 3 * islands + years, "weight": (rows % 3 + 1).astype(float),
    }  # fmt: skip


def fitted(run: Any, spec: ols.Spec, penguins: dict[str, Any], **more: Any) -> Any:
    given = {"cluster": penguins["cluster"]} if isinstance(spec.covariance, ols.Cluster) else {}
    return run("ols", spec, penguins["x"], penguins["y"], **given, **more)


def reference(name: str, model: Any, groups: np.ndarray) -> Any:
    if name == "classical":
        return model.fit()
    words = {"groups": groups} if name == "cluster" else {}
    return model.fit(cov_type=name.upper() if name != "cluster" else name, cov_kwds=words, use_t=True)


def compare(found: Any, wanted: Any, agreement: Any, what: str) -> None:
    to = {"reference": "statsmodels", "data": "penguins"}
    info, params = found.info, found.params
    agreement("model.ols", f"coefficients, {what}", [*params.intercept, *params.coefficients[0]], wanted.params, **to)
    agreement("model.ols", f"covariance, {what}", info.covariance, wanted.cov_params(), **to)
    errors = np.append(info.intercept_standard_error, info.standard_error[0])
    agreement("model.ols", f"standard errors, {what}", errors, wanted.bse, **to)
    statistics = [info.r2, info.adjusted_r2, info.f, info.log_likelihood, info.aic, info.bic, info.condition_number]
    theirs = [wanted.rsquared, wanted.rsquared_adj, wanted.fvalue, wanted.llf, wanted.aic, wanted.bic]
    for one, other in zip(statistics, [*theirs, wanted.condition_number], strict=True):
        assert one == pytest.approx(other, rel=1e-9)
    assert info.degrees_of_freedom == pytest.approx(wanted.df_resid)
    assert info.model_degrees_of_freedom == pytest.approx(wanted.df_model)
    assert info.rows == pytest.approx(wanted.nobs)


# ---- certified values ------------------------------------------------------------------------------------------------
def test_longley_to_twelve_digits(run: Any, agreement: Any) -> None:
    if not CERTIFIED.exists():
        pytest.skip(f"{CERTIFIED} is not here")
    frame = pl.read_csv("../shared/data/longley.csv")
    x = frame.select(LONGLEY).to_numpy() * SCALES
    found = run("ols", ols.Spec(), x, frame["employed"].to_numpy() * 1000)
    certified = json.loads(CERTIFIED.read_text())
    nist = {"reference": "NIST StRD", "data": "longley"}
    params, info = found.params, found.info
    agreement("model.ols", "coefficients", [*params.coefficients[0], *params.intercept], certified["params"],
              digits=12, **nist)  # fmt: skip
    errors = [*info.standard_error[0], *info.intercept_standard_error]
    agreement("model.ols", "standard errors", errors, certified["bse"], digits=11, **nist)
    agreement("model.ols", "residual variance", info.residual_deviation**2, certified["scale"], digits=11, **nist)
    agreement("model.ols", "R2", info.r2, certified["rsquared"], digits=12, **nist)
    agreement("model.ols", "F", info.f, certified["fvalue"], digits=11, **nist)
    assert info.degrees_of_freedom == certified["df_resid"]
    assert info.adjusted_r2 == pytest.approx(certified["rsquared_adj"], abs=1e-8)
    assert info.aic == pytest.approx(certified["aic"], abs=1e-3)
    assert info.bic == pytest.approx(certified["bic"], abs=1e-3)


def test_norris_to_twelve_digits(run: Any, agreement: Any) -> None:
    x, y = (np.array(text.split(), float) for text in (NORRIS_X, NORRIS_Y))
    found = run("ols", ols.Spec(), x[:, None], y)
    nist = {"reference": "NIST StRD", "data": "Norris"}
    params, info = found.params, found.info
    agreement("model.ols", "coefficients", [*params.intercept, *params.coefficients[0]],
              [-0.262323073774029, 1.00211681802045], digits=12, **nist)  # fmt: skip
    agreement("model.ols", "standard errors", [*info.intercept_standard_error, *info.standard_error[0]],
              [0.232818234301152, 0.429796848199937e-03], digits=12, **nist)  # fmt: skip
    agreement("model.ols", "residual standard deviation", info.residual_deviation, 0.884796396144373, digits=12, **nist)
    agreement("model.ols", "R2", info.r2, 0.999993745883712, digits=12, **nist)


def test_wampler_to_nine_digits(run: Any, agreement: Any) -> None:
    """A polynomial of degree five that fits exactly, and with the same x a noisy one (Wampler1)."""
    x = np.arange(21.0)
    powers = np.stack([x**k for k in range(1, 6)], axis=1)
    found = run("ols", ols.Spec(), powers, 1 + powers.sum(axis=1))
    agreement("model.ols", "coefficients", [*found.params.intercept, *found.params.coefficients[0]], np.ones(6),
              reference="NIST StRD", data="Wampler1", digits=9)  # fmt: skip
    assert found.info.r2 == pytest.approx(1, abs=1e-12)


# ---- statsmodels -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SPECS)
def test_frequencies_are_rows_repeated(name: str, run: Any, penguins: Any, agreement: Any) -> None:
    found = fitted(run, SPECS[name], penguins, weight=penguins["weight"], pad=3)
    again = np.repeat(np.arange(len(penguins["y"])), penguins["weight"].astype(int))
    model = sm.OLS(penguins["y"][again], sm.add_constant(penguins["x"][again]))
    compare(found, reference(name, model, penguins["cluster"][again]), agreement, f"{name}, frequencies")
    assert found.info.residual_degrees_of_freedom == (8 if name == "cluster" else len(again) - 5)


@pytest.mark.parametrize("name", ["classical", "hc3", "cluster"])
def test_precisions_are_weighted_least_squares(name: str, run: Any, penguins: Any, agreement: Any) -> None:
    spec = attrs.evolve(SPECS[name], weights="precision")
    weight = penguins["weight"] / 7.3
    found = fitted(run, spec, penguins, weight=weight, pad=3)
    model = sm.WLS(penguins["y"], sm.add_constant(penguins["x"]), weights=weight)
    compare(found, reference(name, model, penguins["cluster"]), agreement, f"{name}, precisions")


def test_the_scale_of_precisions_does_not_matter(run: Any, penguins: Any) -> None:
    spec = ols.Spec(weights="precision", covariance="hc3")
    one, other = (fitted(run, spec, penguins, weight=k * penguins["weight"], pad=3) for k in (1.0, 100.0))
    np.testing.assert_allclose(one.info.covariance, other.info.covariance, rtol=1e-9)


def test_without_an_intercept_r2_is_about_zero(run: Any, penguins: Any, agreement: Any) -> None:
    found = fitted(run, ols.Spec(), penguins, intercept=False)
    wanted = sm.OLS(penguins["y"], penguins["x"]).fit()
    to = {"reference": "statsmodels", "data": "penguins"}
    agreement("model.ols", "coefficients, no intercept", found.params.coefficients[0], wanted.params, **to)
    agreement("model.ols", "covariance, no intercept", found.info.covariance, wanted.cov_params(), **to)
    info = found.info
    assert found.params.intercept == 0
    assert np.isnan(info.intercept_standard_error)
    ours = [info.r2, info.adjusted_r2, info.f, info.aic, info.condition_number]
    theirs = [wanted.rsquared, wanted.rsquared_adj, wanted.fvalue, wanted.aic, wanted.condition_number]
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_the_offset_is_taken_off_the_target(run: Any, penguins: Any) -> None:
    offset = 10 * penguins["x"][:, 0]
    found = fitted(run, ols.Spec(), penguins, offset=offset, pad=3)
    plain = run("ols", ols.Spec(), penguins["x"], penguins["y"] - offset, pad=3)
    np.testing.assert_array_equal(found.params.coefficients, plain.params.coefficients)
    assert found.info.r2 == plain.info.r2


@pytest.mark.parametrize("name", ["classical", "hc3", "cluster"])
def test_intervals_of_new_rows(name: str, run: Any, penguins: Any, agreement: Any) -> None:
    found = fitted(run, SPECS[name], penguins, pad=3)
    model = sm.OLS(penguins["y"], sm.add_constant(penguins["x"]))
    wanted = reference(name, model, penguins["cluster"])
    new = penguins["x"][:20] + np.array([[3.0, -1, 40, 0]])
    said = found.predict(new)
    around = wanted.get_prediction(sm.add_constant(new, has_constant="add"))
    covariance = around.var_pred_mean + wanted.scale
    reach = stats.t.ppf(0.975, wanted.df_resid) * np.sqrt(covariance)
    theirs = np.column_stack([around.predicted_mean - reach, around.predicted_mean + reach])
    agreement("model.ols", f"prediction intervals, {name}", said.interval, theirs, reference="statsmodels",
              data="penguins")  # fmt: skip
    np.testing.assert_allclose(said.mean, around.predicted_mean, rtol=1e-10)


def test_confidence_widens_the_interval(run: Any, penguins: Any) -> None:
    widths = []
    for confidence in (0.5, 0.99):
        found = fitted(run, ols.Spec(confidence=confidence), penguins, pad=3)
        ends = found.predict(penguins["x"][:5]).interval
        widths.append(ends[:, 1] - ends[:, 0])
    reach = stats.t.ppf([0.75, 0.995], len(penguins["y"]) - 5)
    np.testing.assert_allclose(np.array(widths) / widths[0], (reach / reach[0])[:, None] * np.ones(5), rtol=1e-9)


# ---- what cannot be told ---------------------------------------------------------------------------------------------
def said_of(found: Any, spec: ols.Spec, names: str) -> list[Any]:
    return list(ols.remarks(spec, found.info, Shape(9, tuple(map(ColumnShape, names.split())))))


def test_columns_that_others_explain_share_and_are_named(run: Any, penguins: Any) -> None:
    x, y = penguins["x"], penguins["y"]
    wide = np.column_stack([x, x[:, 0] - 2 * x[:, 1], np.full(len(x), 4.0)])
    found, plain = run("ols", ols.Spec(), wide, y), run("ols", ols.Spec(), x, y, pad=3)
    assert found.info.rank == plain.info.rank == 5
    assert found.info.degrees_of_freedom == plain.info.degrees_of_freedom
    np.testing.assert_allclose(found.predict(wide[:9]).mean, plain.predict(x[:9]).mean, rtol=1e-9)
    np.testing.assert_allclose(found.predict(wide[:9]).interval, plain.predict(x[:9]).interval, rtol=1e-9)
    np.testing.assert_allclose([found.info.r2, found.info.f, found.info.aic],
                               [plain.info.r2, plain.info.f, plain.info.aic], rtol=1e-9)  # fmt: skip
    assert found.params.coefficients[0, 5] == 0
    errors = found.info.standard_error[0]
    np.testing.assert_array_equal(np.isnan(errors), [True, True, False, False, True, True])  # not determined
    np.testing.assert_allclose(errors[2:4], plain.info.standard_error[0, 2:], rtol=1e-9)
    assert np.isfinite(found.info.intercept_standard_error)
    first, second = said_of(found, ols.Spec(), "length depth flipper male mix four")
    assert first.startswith("`mix` = `length` - 2 `depth`: they share what they explain")
    assert second == "`four` does not vary"
    assert found.info.condition_number > 1e12
    assert said_of(plain, ols.Spec(), "length depth flipper male") == []


def test_more_columns_than_rows_say_so(run: Any, penguins: Any) -> None:
    found = run("ols", ols.Spec(covariance="hc1"), penguins["x"][:4], penguins["y"][:4])
    info = found.info
    assert info.degrees_of_freedom == 0
    assert np.isnan(info.standard_error).all()
    assert np.isnan(info.adjusted_r2)
    assert np.isfinite(found.params.coefficients).all()
    said = found.predict(penguins["x"][:4])
    np.testing.assert_allclose(said.mean, penguins["y"][:4], rtol=1e-9)
    assert np.isneginf(said.interval[:, 0]).all()
    assert np.isposinf(said.interval[:, 1]).all()
    assert "no standard errors and no intervals" in said_of(found, ols.Spec(), "a b c d")[-1]


def test_a_level_of_one_row_is_fitted_exactly_and_counted(run: Any, penguins: Any) -> None:
    single = np.zeros(len(penguins["y"]))
    single[7] = 1
    wide = np.column_stack([penguins["x"], single])
    spec = ols.Spec(covariance="hc3")
    found = run("ols", spec, wide, penguins["y"])
    plain = run("ols", spec, wide, penguins["y"], weight=1 - single)
    assert found.info.at_leverage_one == 1
    np.testing.assert_allclose(found.params.coefficients[0, :4], plain.params.coefficients[0, :4], rtol=1e-9)
    np.testing.assert_allclose(found.info.covariance[:5, :5], plain.info.covariance[:5, :5], rtol=1e-7)
    assert plain.info.at_leverage_one == 0
    (said,) = said_of(found, spec, "a b c d e")
    assert said.startswith("1 row is fitted exactly (leverage 1) and left out of the standard errors by hc3")
    assert said.endswith(": `e` has no other row")


def test_without_columns_the_mean_is_left(run: Any, penguins: Any) -> None:
    found = run("ols", ols.Spec(), penguins["x"][:, :0], penguins["y"])
    wanted = sm.OLS(penguins["y"], np.ones(len(penguins["y"]))).fit()
    np.testing.assert_allclose(found.params.intercept, wanted.params)
    np.testing.assert_allclose(found.info.intercept_standard_error, wanted.bse, rtol=1e-12)
    assert found.info.aic == pytest.approx(wanted.aic)
    assert np.isnan(found.info.f)


def test_one_cluster_is_refused(run: Any, penguins: Any) -> None:
    spec = SPECS["cluster"]
    found = run("ols", spec, penguins["x"], penguins["y"], cluster=np.full(len(penguins["y"]), 8), pad=3)
    (problem,) = said_of(found, spec, "a b c d")
    assert (problem.parameter, problem.message) == ("covariance", "expected at least 2 clusters, found 1")


def test_leverages_from_what_info_holds(run: Any, penguins: Any) -> None:
    """As the module's docstring says it, for the reports."""
    found = fitted(run, ols.Spec(), penguins, weight=penguins["weight"], pad=3)
    info, x, w = found.info, penguins["x"], penguins["weight"]
    leverage = w * (1 / info.mass + (((x - info.center) @ info.factor) ** 2).sum(axis=1))
    design = np.sqrt(w)[:, None] * sm.add_constant(x)
    hat = design @ np.linalg.pinv(design)
    np.testing.assert_allclose(leverage, np.diag(hat), rtol=1e-9)
    centred = x - np.average(x, axis=0, weights=w)
    np.testing.assert_allclose(info.triangle.T @ info.triangle, (centred * w[:, None]).T @ centred, rtol=1e-9)


def test_the_quantile_of_t() -> None:
    with jax.enable_x64(True):
        quantile = jax.jit(two_sided_t)
        for free in (1.0, 2.5, 30.0, 2892.0, 1e6):
            for p in (0.5, 0.05, 0.001):
                found = float(quantile(p, jnp.asarray(free)))
                assert found == pytest.approx(stats.t.isf(p / 2, free), rel=1e-8)
