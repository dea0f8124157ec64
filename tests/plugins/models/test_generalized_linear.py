"""Generalized linear models against statsmodels on real data, and at the edges of their families."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.linear import generalized_linear as glm

from mldsl.plugin import Problem

SHARED = Path("../shared/data")


def sm():
    import statsmodels.api

    return statsmodels.api


@cache
def visits():
    path = SHARED / "doctor_visits_nmes1988.csv"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    frame = pl.read_csv(path)
    return frame.select("hospital", "chronic", "age", "school", "income").to_numpy().astype(float), frame["visits"]


@cache
def houses():
    frame = pl.read_csv("examples/data/ames_housing.csv", infer_schema_length=None, null_values="NA").drop_nulls(
        ["garage_area", "total_bsmt_sf"]
    )
    return frame.select("gr_liv_area", "garage_area", "year_built").to_numpy().astype(float), frame["sale_price"]


@cache
def passengers():
    frame = pl.read_csv("examples/data/titanic.csv").drop_nulls("age")
    columns = frame.select(pl.col("sex") == "male", "age", "sibsp", "parch", pl.col("pclass").str.head(1).cast(pl.Int8))
    return columns.cast(pl.Float64).to_numpy(), frame["survived"] == "survived"


@cache
def bicycles():
    frame = pl.read_csv("examples/data/bike_sharing.csv")
    return frame.select("temp", "humidity", "windspeed", "workingday").to_numpy().astype(float), frame["count"]


def families():
    return sm().families


CASES = {
    "poisson": (visits, glm.Spec("poisson"), lambda: families().Poisson()),
    "negative_binomial": (
        visits, glm.Spec(glm.NegativeBinomial(0.8)), lambda: families().NegativeBinomial(alpha=0.8)
    ),
    "gamma": (houses, glm.Spec("gamma"), lambda: families().Gamma()),
    "gamma, log": (houses, glm.Spec("gamma", "log"), lambda: families().Gamma(families().links.Log())),
    "binomial": (passengers, glm.Spec("binomial"), lambda: families().Binomial()),
    "binomial, probit": (
        passengers, glm.Spec("binomial", "probit"), lambda: families().Binomial(families().links.Probit())
    ),
    "binomial, cloglog": (
        passengers, glm.Spec("binomial", "cloglog"), lambda: families().Binomial(families().links.CLogLog())
    ),
    "tweedie": (bicycles, glm.Spec(glm.Tweedie(1.4)), lambda: families().Tweedie(var_power=1.4)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore")  # the reference warns of links that a family may leave
def test_fits_are_statsmodels(run, agreement, case):
    data, spec, family = CASES[case]
    x, y = data()
    y = y.to_numpy().astype(float)
    classes = 2 if case.startswith("binomial") else 0
    ours = run("generalized_linear", spec, x, y, classes=classes, pad=5)
    start = np.r_[ours.params.intercept, ours.params.coefficients[0]]  # its own way there may end at a worse place
    theirs = sm().GLM(y, sm().add_constant(x), family=family()).fit(tol=1e-13, maxiter=200, start_params=0.99 * start)
    assert ours.info.converged

    def same(quantity, found, expected, relative=1e-6):
        agreement(
            "model.generalized_linear", f"{quantity}, {case}", found, expected, reference="statsmodels",
            data=data.__name__, relative=relative,
        )  # fmt: skip

    np.testing.assert_allclose(start, theirs.params, rtol=1e-5)
    same("coefficients", start, theirs.params)
    same("standard errors", np.r_[ours.info.intercept_standard_error, ours.info.standard_error[0]], theirs.bse)
    same("deviance", ours.info.deviance, theirs.deviance)
    same("null deviance", ours.info.null_deviance, theirs.null_deviance)
    same("Pearson's chi-squared", ours.info.pearson_chi2, theirs.pearson_chi2)
    same("dispersion", ours.info.dispersion, theirs.scale)
    if "tweedie" in case:
        assert np.isnan(ours.info.log_likelihood)
    else:
        same("log-likelihood", ours.info.log_likelihood, theirs.llf)
        assert ours.info.aic == pytest.approx(theirs.aic, rel=1e-9)
    if case in ("poisson", "negative_binomial", "binomial"):
        assert ours.info.mcfadden_r2 == pytest.approx(theirs.pseudo_rsquared("mcf"), rel=1e-9)
        assert ours.info.likelihood_ratio == pytest.approx(2 * (theirs.llf - theirs.llnull), rel=1e-6)
        assert ours.info.likelihood_ratio_degrees == theirs.df_model
        assert ours.info.bic == pytest.approx(theirs.bic_llf, rel=1e-9)
    answer = ours.predict(x)
    said = answer.probability[:, 1] if classes else answer.mean
    np.testing.assert_allclose(said, theirs.predict(), rtol=1e-6)
    if classes:
        np.testing.assert_allclose(answer.probability.sum(axis=1), 1, rtol=1e-12)


def test_alpha_by_maximum_likelihood(run, agreement):
    x, y = visits()
    y = y.to_numpy().astype(float)
    ours = run("generalized_linear", glm.Spec(glm.NegativeBinomial()), x, y, pad=5)
    start = np.r_[ours.params.intercept, ours.params.coefficients[0], ours.info.alpha]
    model = sm().NegativeBinomial(y, sm().add_constant(x))
    theirs = model.fit(start_params=start * 1.001, disp=0, gtol=1e-8, maxiter=500, method="bfgs")
    for quantity, found, expected in (
        ("coefficients", start[:-1], theirs.params[:-1]), ("alpha", start[-1], theirs.params[-1]),
        ("log-likelihood", ours.info.log_likelihood, theirs.llf),
    ):  # fmt: skip
        agreement(
            "model.generalized_linear", f"{quantity}, negative binomial of unknown alpha", found, expected,
            reference="statsmodels", data="visits", relative=1e-5,
        )  # fmt: skip
    # Theirs is from the joint Hessian, ours takes the coefficients as known, as R's glm.nb does.
    assert ours.info.alpha_standard_error == pytest.approx(theirs.bse[-1], rel=1e-2)
    assert np.isnan(run("generalized_linear", CASES["poisson"][1], x, y, pad=5).info.alpha)


# ---- weights, offsets ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def counts():
    """150 rows of counts with two columns, an offset and weights, one of which is 0."""
    random = np.random.default_rng(8)
    x = random.normal(size=(150, 2))
    exposure = np.log(random.uniform(0.5, 4, 150))
    y = random.poisson(np.exp(0.5 + x @ [0.6, -0.4] + exposure)).astype(float)
    return x, y, exposure, random.integers(0, 4, 150).astype(float)


@pytest.mark.parametrize("weights", ["frequency", "precision"])
def test_weights_and_offsets(run, agreement, counts, weights):
    x, y, exposure, weight = counts
    cost = 0.5 + np.arange(150) % 3
    ours = run(
        "generalized_linear", glm.Spec(glm.Tweedie(1.5), weights=weights), x, y, weight=weight, cost=cost,
        offset=exposure, pad=10,
    )  # fmt: skip
    there = weight > 0
    given = (
        {"freq_weights": weight[there], "var_weights": cost[there]} if weights == "frequency"
        else {"var_weights": (weight * cost)[there]}
    )  # fmt: skip
    theirs = (
        sm()
        .GLM(
            y[there], sm().add_constant(x[there]), family=families().Tweedie(var_power=1.5), offset=exposure[there],
            **given,
        )
        .fit(tol=1e-13)
    )  # fmt: skip
    found = np.r_[ours.params.intercept, ours.params.coefficients[0]]
    errors = np.r_[ours.info.intercept_standard_error, ours.info.standard_error[0]]
    for quantity, mine, expected in (
        ("coefficients", found, theirs.params), ("standard errors", errors, theirs.bse),
        ("null deviance", ours.info.null_deviance, theirs.null_deviance),
        ("dispersion", ours.info.dispersion, theirs.scale),
    ):  # fmt: skip
        agreement(
            "model.generalized_linear", f"{quantity}, weights = {weights}, offset", mine, expected,
            reference="statsmodels", data="made", relative=1e-6,
        )  # fmt: skip
    assert ours.info.degrees_of_freedom == pytest.approx(theirs.df_resid)


def test_predictions_take_the_offset_on_the_scale_of_the_link(run, counts):
    x, y, exposure, _ = counts
    ours = run("generalized_linear", glm.Spec("poisson"), x, y, offset=exposure, pad=10)
    with jax.enable_x64(True):
        shifted = glm.predict_at(ours.spec, ours.params, jnp.asarray(x), jnp.asarray(exposure))
    np.testing.assert_allclose(shifted.mean, ours.predict(x).mean * np.exp(exposure), rtol=1e-12)
    theirs = sm().GLM(y, sm().add_constant(x), family=families().Poisson(), offset=exposure).fit()
    np.testing.assert_allclose(ours.predict(x).mean * np.exp(exposure), theirs.fittedvalues, rtol=1e-8)


def test_a_penalty_is_half_the_squared_norm(run, counts):
    """At the minimum of sum d/2 + l2/2 |b|^2 the derivative by the coefficients is l2 b."""
    x, y, *_ = counts
    ours = run("generalized_linear", glm.Spec("poisson", l2=3.0), x, y, pad=10)
    residual = y - ours.predict(x).mean
    np.testing.assert_allclose(x.T @ residual, 3.0 * ours.params.coefficients[0], rtol=1e-7)
    assert residual.sum() == pytest.approx(0, abs=1e-7)


# ---- edges -----------------------------------------------------------------------------------------------------------
def said(ours):
    return list(glm.remarks(ours.spec, ours.info, ours.shape))


def test_collinear_columns_share_and_are_named(run, counts):
    x, y, *_ = counts
    whole = run("generalized_linear", glm.Spec("poisson"), x, y, pad=10)
    more = np.c_[x, x[:, 0] + x[:, 1], np.full(150, 7.0)]
    ours = run("generalized_linear", glm.Spec("poisson"), more, y, pad=10)
    np.testing.assert_allclose(ours.predict(more).mean, whole.predict(x).mean, rtol=1e-8)
    assert ours.info.rank == 3
    assert ours.info.deviance == pytest.approx(whole.info.deviance)
    assert ours.params.coefficients[0, 3] == 0
    assert np.isnan(ours.info.standard_error[0, 3])
    words = said(ours)
    assert any(text.startswith("`x2` = `x0` + `x1`") for text in words), words
    assert any("`x3` does not vary" in text for text in words), words


def test_more_columns_than_rows(run):
    random = np.random.default_rng(2)
    x = random.normal(size=(6, 9))
    ours = run("generalized_linear", glm.Spec("gaussian"), x, np.arange(6.0))
    np.testing.assert_allclose(ours.predict(x).mean, np.arange(6.0), atol=1e-8)
    assert np.isnan(ours.info.dispersion)
    assert any("as many coefficients as rows" in text for text in said(ours))


def test_perfect_separation_is_said(run):
    x = np.arange(20.0)[:, None]
    ours = run("generalized_linear", glm.Spec("binomial"), x, (x[:, 0] > 9).astype(int), classes=2)
    assert ours.info.separated
    assert np.isfinite(ours.predict(x).probability).all()
    overlapping = np.r_[np.arange(10) % 2, np.arange(10) % 2]
    assert not run("generalized_linear", glm.Spec("binomial"), x, overlapping, classes=2).info.separated


def test_counts_that_are_all_0_for_some_rows_have_no_maximum(run):
    x = np.repeat([0.0, 1.0], 10)[:, None]
    y = np.where(x[:, 0] == 1, 0.0, np.arange(20) % 4)
    ours = run("generalized_linear", glm.Spec("poisson"), x, y)
    assert ours.info.unbounded
    assert not ours.info.separated
    assert any("no maximum" in text for text in said(ours))
    assert np.isfinite(ours.predict(x).mean).all()


@pytest.mark.parametrize(
    ("spec", "bad", "words"),
    [(glm.Spec("gamma", "log"), 0.0, "numbers above 0"), (glm.Spec("poisson"), -1.0, "counts (0 or more)")],
)
def test_targets_that_a_family_does_not_have(run, counts, spec, bad, words):
    x, y, *_ = counts
    y = np.r_[bad, y[1:] + 1]
    ours = run("generalized_linear", spec, x, y, weight=np.r_[2.0, np.ones(149)], pad=10)
    problem = said(ours)[0]
    assert isinstance(problem, Problem)
    assert words in problem.message
    assert "in 2 rows" in problem.message
    absent = run("generalized_linear", spec, x, y, weight=np.r_[0.0, np.ones(149)], pad=10)
    assert absent.info.improper == 0


def test_too_much_variance_for_poisson_is_said(run):
    x, y = visits()
    ours = run("generalized_linear", glm.Spec("poisson"), x, y.to_numpy().astype(float), pad=5)
    assert any("`negative_binomial` allows for that" in text for text in said(ours))


def test_counts_without_more_variance_have_no_alpha(run):
    x = np.tile([0.0, 1.0], 50)[:, None]
    y = np.tile([3.0, 5.0, 4.0, 6.0], 25)
    ours = run("generalized_linear", glm.Spec(glm.NegativeBinomial()), x, y)
    assert any("alpha has no maximum" in text for text in said(ours))
    poisson = run("generalized_linear", glm.Spec("poisson"), x, y)
    np.testing.assert_allclose(ours.params.coefficients, poisson.params.coefficients, rtol=1e-5)


@pytest.mark.parametrize(
    ("spec", "classes", "words"),
    [
        (glm.Spec("binomial"), 0, "expected a binary target for binomial, found a number; declare it `binary`"),
        (glm.Spec("binomial"), 3, "found 3 classes"),
        (glm.Spec("poisson"), 2, "expected a number as target for poisson, found classes"),
        (glm.Spec("gamma", "logit"), 0, "expected a link that gamma means can have, found logit"),
    ],
)
def test_families_that_do_not_suit_the_target(spec, classes, words):
    from mldsl.contract import Shape

    (problem,) = glm.check(spec, Shape(10, classes=classes))
    assert words in problem.message
