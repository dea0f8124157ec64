"""anova agrees with statsmodels, type by type and covariance by covariance, and refuses what is not nested."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from mldsl_plugins.reports import anova

import mldsl

pytestmark = pytest.mark.xdist_group("anova")  # one process makes what they share

FEATURES = """mlp 1
data { frame("rows") }
features {
  body_mass_g: continuous as target
  bill_length_mm, flipper_length_mm: continuous
  species, island, sex: categorical
}
split { test = 0% }
"""
LARGE = "species*sex + island*bill_length_mm"
TEXT = (
    FEATURES
    + f"""
model small {{ ols(~ species + bill_length_mm) }}
model large {{ ols(~ {LARGE}) }}
model robust {{ ols(~ {LARGE}, covariance = hc3) }}
model clustered {{ ols(~ species*sex, covariance = cluster(island)) }}
model logs {{ ols(log(body_mass_g) ~ {LARGE}) }}
metrics {{ r2 }}
report {{
  anova(type = 1)
  anova
  anova(type = 3)
  anova(models = [small, large])
  anova(models = [small, robust])
  anova(models = [large, small])
  anova(models = [small, logs])
  coefficients
}}
"""
)
NAMES = ("anova", "anova-2", "anova-3", "anova-4", "anova-5", "anova-6", "anova-7", "coefficients")


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return pl.read_csv("examples/data/penguins.csv", null_values=["", "NA"]).drop_nulls()


@pytest.fixture(scope="module")
def outputs(frame: pl.DataFrame) -> dict[str, Any]:
    finished = mldsl.run(TEXT, frames={"rows": frame}, keep=False)._finished
    assert tuple(finished.outputs) == NAMES
    return dict(finished.outputs)


@pytest.fixture(scope="module")
def theirs(frame: pl.DataFrame) -> Any:
    def fit(formula: str) -> Any:
        return smf.ols(f"body_mass_g ~ {formula}", frame.to_pandas()).fit()

    return fit


def rows(output: Any, model: str) -> dict[str, dict[str, float]]:
    """Term -> column -> value, of the table of a model."""
    table = next(t for t in output.tables if t.title.endswith(f": {model}"))
    cells = {c.name: list(c.values) for c in table.columns}
    return {term: {name: cells[name][i] for name in cells} for i, term in enumerate(cells["term"])}


def summed(formula: str) -> str:
    for name in ("species", "sex", "island"):
        formula = formula.replace(name, f"C({name}, Sum)")
    return formula


def compare(found: dict[str, Any], wanted: Any, agreement: Any, what: str, statistic: str = "F") -> None:
    names = [t.replace("C(", "").replace(", Sum)", "") for t in wanted.index]
    terms = {"residual" if n == "Residual" else n: wanted.iloc[i] for i, n in enumerate(names) if n != "Intercept"}
    assert set(found) == set(terms)
    to = {"reference": "statsmodels", "data": "penguins"}
    for column, theirs in ((statistic, "F"), ("p", "PR(>F)"), ("df", "df"), ("sum of squares", "sum_sq")):
        if column not in next(iter(found.values())):
            continue
        kept = [t for t in found if t != "residual"] if column != "sum of squares" else list(found)
        ours, reference = [found[t][column] for t in kept], [terms[t][theirs] for t in kept]
        agreement("report.anova", f"{column}, {what}", ours, reference, relative=1e-6, **to)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_sums_of_squares(kind: int, outputs: Any, theirs: Any, agreement: Any) -> None:
    formula = LARGE if kind < 3 else summed(LARGE)
    wanted = sm.stats.anova_lm(theirs(formula), typ=kind)
    found = rows(outputs[NAMES[kind - 1]], "large")
    if kind == 1:  # patsy puts categorical terms first; the order of these two is the same in both
        assert found["species"]["sum of squares"] == pytest.approx(wanted.loc["species", "sum_sq"], rel=1e-9)
        assert found["sex"]["sum of squares"] == pytest.approx(wanted.loc["sex", "sum_sq"], rel=1e-9)
        total = sum(row["sum of squares"] for row in found.values())
        assert total == pytest.approx(wanted["sum_sq"].sum(), rel=1e-9)
        return
    compare(found, wanted, agreement, f"type {kind}")
    residual = found["residual"]
    assert residual["mean square"] == pytest.approx(residual["sum of squares"] / residual["df"])
    one = found["species:sex"]
    assert one["partial η²"] == pytest.approx(
        one["sum of squares"] / (one["sum of squares"] + residual["sum of squares"])
    )


def test_the_first_type_in_the_order_of_the_formula(outputs: Any, theirs: Any) -> None:
    """Each term's sum of squares is what the residual sum falls by when it joins those before it."""
    found = rows(outputs["anova"], "large")
    order = [term for term in found if term != "residual"]
    assert order == ["species", "sex", "island", "bill_length_mm", "species:sex", "island:bill_length_mm"]
    before = theirs("1").ssr
    for i, term in enumerate(order):
        after = theirs(" + ".join(order[: i + 1])).ssr
        assert found[term]["sum of squares"] == pytest.approx(before - after, rel=1e-7)
        before = after


@pytest.mark.parametrize("kind", [2, 3])
def test_robust_tests_are_walds(kind: int, outputs: Any, theirs: Any, agreement: Any) -> None:
    formula = LARGE if kind < 3 else summed(LARGE)
    wanted = sm.stats.anova_lm(theirs(formula), typ=kind, robust="hc3")
    found = rows(outputs[NAMES[kind - 1]], "robust")
    assert "sum of squares" not in found["species"]
    compare(found, wanted, agreement, f"type {kind}, hc3", "Wald F")


def test_too_few_clusters_are_said(outputs: Any) -> None:
    """Three islands: no more than two coefficients can be tested together."""
    found = rows(outputs["anova"], "clustered")
    assert np.isnan(found["species"]["Wald F"])
    assert any("too few clusters" in note for note in outputs["anova"].notes)
    assert rows(outputs["anova-3"], "clustered")["sex"]["Wald F"] > 0


def test_the_third_type_says_how_factors_are_coded(outputs: Any) -> None:
    (said,) = (note for note in outputs["anova-3"].notes if "factors are coded by sums" in note)
    assert said.startswith("large, robust, clustered, logs: ")
    assert said.endswith(", so a main effect is the mean over the other's levels.")


def test_nested_models(outputs: Any, theirs: Any, agreement: Any) -> None:
    small, large = theirs("species + bill_length_mm"), theirs(LARGE)
    wanted = sm.stats.anova_lm(small, large)
    (table,) = outputs["anova-4"].tables
    cells = {c.name: list(c.values) for c in table.columns}
    assert cells["model"] == ["small", "large"]
    to = {"reference": "statsmodels", "data": "penguins"}
    agreement("report.anova", "F of nested models", cells["F"][1], wanted["F"].iloc[1], **to)
    agreement("report.anova", "p of nested models", cells["p"][1], wanted["Pr(>F)"].iloc[1], **to)
    assert cells["df"][1] == wanted["df_diff"].iloc[1]
    assert cells["residual sum of squares"] == pytest.approx(wanted["ssr"])


def test_nested_models_with_a_robust_covariance(outputs: Any, theirs: Any, agreement: Any) -> None:
    """Wald's test that all coefficients are 0 which the smaller model has not."""
    large = theirs(LARGE)
    more = [i for i, name in enumerate(large.model.exog_names) if name.count("sex") or name.count("island")]
    wanted = large.f_test(np.eye(len(large.params))[more], cov_p=large.cov_HC3)
    (table,) = outputs["anova-5"].tables
    cells = {c.name: list(c.values) for c in table.columns}
    to = {"reference": "statsmodels", "data": "penguins"}
    agreement("report.anova", "Wald F of nested models", cells["Wald F"][1], float(wanted.fvalue), **to)
    assert cells["p"][1] == pytest.approx(float(wanted.pvalue), rel=1e-6)


def test_models_that_are_not_nested_are_refused(outputs: Any) -> None:
    (turned,), (scales,) = outputs["anova-6"].warnings, outputs["anova-7"].warnings
    assert turned.startswith("anova: `large` is not nested in `small`, which has no `sex[male]`")
    assert turned.endswith("the other way round it is: `models = [small, large]`")
    assert scales == "anova: `small` and `logs` are fitted on different scales of the target"
    assert not outputs["anova-6"].tables


def test_the_summary_below_the_coefficients(outputs: Any, theirs: Any, agreement: Any) -> None:
    wanted = theirs(LARGE)
    by_name = {t.title + t.name: t for t in outputs["coefficients"].tables}
    fit, rest = by_name["Fit of the training rowssquares"], by_name["Likelihood and residualslikelihood"]
    found: dict[str, float] = {}
    for table in (rest, fit):
        cells = {c.name: list(c.values) for c in table.columns}
        found |= {name: values[cells["model"].index("large")] for name, values in cells.items()}
        if table is rest:
            normal = found.pop("p")
    to = {"reference": "statsmodels", "data": "penguins"}
    ours = ["R²", "adjusted R²", "F", "p", "log-likelihood", "AIC", "BIC", "condition number", "Durbin-Watson",
            "Jarque-Bera", "residual deviation", "rows", "residual df"]  # fmt: skip
    bera = sm.stats.stattools.jarque_bera(wanted.resid)
    expected = [
        wanted.rsquared, wanted.rsquared_adj, wanted.fvalue, wanted.f_pvalue, wanted.llf, wanted.aic, wanted.bic,
        wanted.condition_number, sm.stats.stattools.durbin_watson(wanted.resid), bera[0], wanted.scale**0.5, 333, 322,
    ]  # fmt: skip
    for name, value in zip(ours, expected, strict=True):
        agreement("report.coefficients", name, found[name], value, **to)
    assert normal == pytest.approx(bera[1])
    table = outputs["coefficients"].tables[0]
    assert "Standard errors are robust (hc3)." in table.note
    assert "within the 3 clusters of island" in table.note


def test_likelihoods_are_compared_by_their_ratio(frame: pl.DataFrame, agreement: Any) -> None:
    text = FEATURES.replace("body_mass_g: continuous as target", "body_mass_g: continuous").replace(
        "species, island, sex: categorical", 'species, island: categorical\n  sex: binary("female", "male") as target'
    )
    text += """
transforms some { keep on bill_length_mm }
transforms all { keep on numeric }
model one {
  logistic_regression(l2 = 0)
  inputs = some
}
model two {
  logistic_regression(l2 = 0)
  inputs = all
}
report { anova(models = [one, two]) }
"""
    outputs = mldsl.run(text, frames={"rows": frame}, keep=False)._finished.outputs
    (table,) = outputs["anova"].tables
    cells = {c.name: list(c.values) for c in table.columns}
    data = frame.to_pandas()
    data["male"] = (data["sex"] == "male").astype(int)
    small = smf.logit("male ~ bill_length_mm", data).fit(disp=0)
    large = smf.logit("male ~ bill_length_mm + flipper_length_mm + body_mass_g", data).fit(disp=0)
    to = {"reference": "statsmodels", "data": "penguins"}
    agreement("report.anova", "likelihood ratio", cells["χ²"][1], 2 * (large.llf - small.llf), relative=1e-5, **to)
    assert cells["df"][1] == 2


def test_an_estimated_dispersion_makes_it_an_f(frame: pl.DataFrame, agreement: Any) -> None:
    text = (
        FEATURES
        + """
model one { generalized_linear(formula = ~ species, family = gamma) }
model two { generalized_linear(formula = ~ species*sex, family = gamma) }
report { anova(models = [one, two]) }
"""
    )
    (table,) = mldsl.run(text, frames={"rows": frame}, keep=False)._finished.outputs["anova"].tables
    cells = {c.name: list(c.values) for c in table.columns}
    family = sm.families.Gamma(sm.families.links.Log())  # with factors alone all links fit the same means
    small, large = (
        smf.glm(f"body_mass_g ~ {right}", frame.to_pandas(), family=family).fit()
        for right in ("species", "species*sex")
    )
    wanted = (small.deviance - large.deviance) / 3 / large.scale
    agreement("report.anova", "F of deviances", cells["F"][1], wanted, reference="statsmodels", data="penguins",
              relative=1e-5)  # fmt: skip
    assert (cells["df"][1], cells["residual df"]) == (3, [330, 327])


def test_what_the_plan_rules_out(frame: pl.DataFrame) -> None:
    def said(report: str, model: str = "ridge(l2 = 0)") -> str:
        text = (
            FEATURES.replace("species, island, sex: categorical\n", "") + f"model {{ {model} }}\nreport {{ {report} }}"
        )
        with pytest.raises(mldsl.MldslError) as caught:
            mldsl.run(text, frames={"rows": frame}, keep=False)
        return caught.value.diagnostics[0].message

    assert "expected an `ols` model, found none" in said("anova")
    assert "expected at least 2 models to compare, found 1" in said("anova(models = [ridge])")


def test_type_is_bounded() -> None:
    from mldsl.plugin.extract import parameters_of

    (kind, _) = parameters_of(anova.Spec)
    assert (kind.ge, kind.le, kind.default) == (1, 3, 2)
