"""Ordinal regression against statsmodels' OrderedModel on real data, and at the edges of levels and columns."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.linear import ordinal_regression as ordinal

from mldsl.contract import Shape


@cache
def diamonds():
    """1,500 stones and their cut, of five grades."""
    from pathlib import Path

    path = Path("../shared/data/diamonds.csv")
    if not path.exists():
        pytest.skip(f"{path} is not here")
    frame = pl.read_csv(path).sample(1500, seed=4)
    grades = ["Fair", "Good", "Very Good", "Premium", "Ideal"]
    code = frame["cut"].replace_strict(grades, list(range(5)), return_dtype=pl.Int32).to_numpy()
    return frame.select("carat", "depth", "table", pl.col("price").log()).to_numpy().astype(float), code


def reference(x, y, link, offset=None):
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    model = OrderedModel(y, x, distr=link, offset=offset)
    return model, model.fit(method="bfgs", disp=0, gtol=1e-8, maxiter=1000)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_fits_are_statsmodels(run, agreement, link):
    x, y = diamonds()
    scaled = (x - x.mean(0)) / x.std(0)  # the reference's optimiser needs it
    ours = run("ordinal_regression", ordinal.Spec(link), scaled, y, classes=5, pad=20)
    assert ours.info.converged
    assert not ours.info.separated
    model, theirs = reference(scaled, y, link)
    d = x.shape[1]
    cuts = model.transform_threshold_params(theirs.params)[1:-1]

    def same(quantity, found, expected, relative):
        agreement(
            "model.ordinal_regression", f"{quantity}, {link}", found, expected, reference="statsmodels",
            data="diamonds", relative=relative,
        )  # fmt: skip

    same("log-likelihood", ours.info.log_likelihood, theirs.llf, 1e-9)
    same("coefficients", ours.params.coefficients[0], theirs.params[:d], 1e-5)
    same("cutpoints", ours.params.cutpoints, cuts, 1e-5)
    same("standard errors", ours.info.standard_error[0], theirs.bse[:d], 1e-4)
    same("probabilities", ours.predict(scaled).probability, model.predict(theirs.params), 1e-5)
    assert ours.info.cutpoint_standard_error[0] == pytest.approx(theirs.bse[d], rel=1e-4)
    assert ours.info.null_log_likelihood == pytest.approx(theirs.llnull, rel=1e-9)
    assert ours.info.mcfadden_r2 == pytest.approx(theirs.prsquared, rel=1e-6)
    assert ours.info.aic == pytest.approx(theirs.aic, rel=1e-8)
    assert ours.info.bic == pytest.approx(theirs.bic, rel=1e-8)
    assert ours.info.likelihood_ratio == pytest.approx(theirs.llr, rel=1e-6)
    assert ours.info.likelihood_ratio_degrees == 4


def test_columns_as_they_are_give_the_same_fit(run):
    """Newton's steps on whitened columns do not mind units; errors of cutpoints follow from the shift."""
    x, y = diamonds()
    scaled = (x - x.mean(0)) / x.std(0)
    one = run("ordinal_regression", ordinal.Spec(), scaled, y, classes=5, pad=20)
    two = run("ordinal_regression", ordinal.Spec(), x, y, classes=5, pad=20)
    np.testing.assert_allclose(two.predict(x).probability, one.predict(scaled).probability, rtol=1e-8)
    np.testing.assert_allclose(two.params.coefficients * x.std(0), one.params.coefficients, rtol=1e-8)
    np.testing.assert_allclose(two.info.standard_error * x.std(0), one.info.standard_error, rtol=1e-7)


@pytest.fixture(scope="module")
def grades():
    """120 rows with two columns, three levels, an offset and weights from 0 to 3."""
    random = np.random.default_rng(5)
    x = random.normal(size=(120, 2))
    offset = random.normal(size=120)
    hidden = x @ [1.0, -0.5] + offset + random.logistic(size=120)
    return x, np.searchsorted([-0.7, 0.9], hidden), offset, random.integers(0, 4, 120).astype(float)


def test_weights_and_offsets(run, grades):
    x, y, offset, weight = grades
    ours = run("ordinal_regression", ordinal.Spec(), x, y, classes=3, weight=weight, offset=offset, pad=8)
    again = np.repeat(np.arange(120), weight.astype(int))
    model, theirs = reference(x[again], y[again], "logit", offset[again])
    np.testing.assert_allclose(ours.params.coefficients[0], theirs.params[:2], rtol=1e-5)
    np.testing.assert_allclose(ours.info.standard_error[0], theirs.bse[:2], rtol=1e-4)
    assert ours.info.log_likelihood == pytest.approx(theirs.llf, rel=1e-9)
    import jax
    import jax.numpy as jnp

    with jax.enable_x64(True):
        said = ordinal.predict_at(ours.spec, ours.params, jnp.asarray(x[again]), jnp.asarray(offset[again]))
    np.testing.assert_allclose(said.probability, model.predict(theirs.params, offset=offset[again]), rtol=1e-5)


def test_two_levels_are_logistic_regression(run, grades):
    from mldsl_plugins.linear import logistic_regression

    x, y, *_ = grades
    ours = run("ordinal_regression", ordinal.Spec(), x, y > 0, classes=2, pad=8)
    theirs = run("logistic_regression", logistic_regression.Spec(l2=0.0), x, y > 0, classes=2, pad=8)
    np.testing.assert_allclose(ours.params.coefficients, theirs.params.coefficients, rtol=1e-7)
    np.testing.assert_allclose(ours.params.cutpoints, -theirs.params.intercept, rtol=1e-7)
    np.testing.assert_allclose(ours.info.standard_error, theirs.info.standard_error, rtol=1e-6)


@pytest.mark.parametrize(("kept", "empty"), [((0, 1, 3), 2), ((1, 2, 3), 0), ((0, 1, 2), 3)])
def test_a_level_without_rows_has_no_probability(run, grades, kept, empty):
    x, y, *_ = grades
    whole = run("ordinal_regression", ordinal.Spec(), x, y, classes=3, pad=8)
    ours = run("ordinal_regression", ordinal.Spec(), x, np.asarray(kept)[y], classes=4, pad=8)
    probability = ours.predict(x).probability
    np.testing.assert_allclose(probability[:, empty], 0, atol=1e-12)
    np.testing.assert_allclose(probability[:, list(kept)], whole.predict(x).probability, rtol=1e-7)
    words = list(ordinal.remarks(ours.spec, ours.info, Shape(10, ours.shape.columns, classes=4, ordered=True)))
    assert words == ["1 level has no training row, and never any probability"]


def test_perfect_separation_and_one_level(run, grades):
    x, y, *_ = grades
    ours = run("ordinal_regression", ordinal.Spec(), x, np.searchsorted([-0.5, 0.5], x[:, 0]), classes=3, pad=8)
    assert ours.info.separated
    assert np.isfinite(ours.predict(x).probability).all()
    assert (ours.predict(x).probability.argmax(axis=1) == np.searchsorted([-0.5, 0.5], x[:, 0])).all()
    assert not run("ordinal_regression", ordinal.Spec(), x, y, classes=3, pad=8).info.separated
    alone = run("ordinal_regression", ordinal.Spec(), x, np.ones(120, int), classes=3, pad=8)
    np.testing.assert_allclose(alone.predict(x).probability, np.tile([0.0, 1.0, 0.0], (120, 1)), atol=1e-9)


def test_collinear_and_constant_columns(run, grades):
    x, y, *_ = grades
    whole = run("ordinal_regression", ordinal.Spec(), x, y, classes=3, pad=8)
    more = np.c_[x, x[:, 0] - x[:, 1], np.full(120, 3.0)]
    ours = run("ordinal_regression", ordinal.Spec(), more, y, classes=3, pad=8)
    np.testing.assert_allclose(ours.predict(more).probability, whole.predict(x).probability, rtol=1e-7)
    assert ours.info.rank == 2
    words = list(ordinal.remarks(ours.spec, ours.info, ours.shape))
    assert any("`x2` = `x0` - `x1`" in text for text in words), words
    assert any("`x3` does not vary" in text for text in words), words


def test_a_penalty_is_half_the_squared_norm(run, grades):
    """The derivative of the log-likelihood by the coefficients, by differences, is l2 b."""
    x, y, *_ = grades
    ours = run("ordinal_regression", ordinal.Spec(l2=2.0), x, y, classes=3, pad=8)

    def likelihood(b):
        moved = ours.params._replace(coefficients=b[None])
        ours_params, ours.params = ours.params, moved
        found = np.log(ours.predict(x).probability[np.arange(120), y]).sum()
        ours.params = ours_params
        return found

    b, h = ours.params.coefficients[0], 1e-5
    slope = [(likelihood(b + h * e) - likelihood(b - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(slope, 2.0 * b, rtol=1e-5)


def test_a_number_is_no_level():
    (problem,) = ordinal.check(ordinal.Spec(), Shape(10))
    assert problem.message == "expected at least 2 levels, found a number"
