"""Lasso, elastic net, Huber and quantile regression beside scikit-learn and statsmodels, run to convergence."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from mldsl_plugins.linear import elastic_net, huber_regression, lasso, quantile_regression

TIMES = np.arange(442) % 3


@pytest.fixture(scope="module")
def diabetes(data):
    """Rows, targets, how often each counts, and the same repeated."""
    x, y = data("diabetes")
    times = TIMES[: len(y)]
    return x, y, times, np.repeat(x, times, axis=0), np.repeat(y, times)


def squares(x, y, weight, intercept, coefficients, l1, l2):
    residual = y - intercept - x @ coefficients
    return 0.5 * weight @ residual**2 + l1 * np.abs(coefficients).sum() + 0.5 * l2 * (coefficients**2).sum()


@pytest.mark.parametrize("l1", [30.0, 3000.0, 1e9])
def test_lasso_is_scikit_learns(run, diabetes, l1, agreement):
    from sklearn.linear_model import Lasso

    x, y, times, _, _ = diabetes
    n = times.sum()
    reference = Lasso(l1 / n, tol=1e-12, max_iter=100_000).fit(x, y, sample_weight=times)
    fitted = run("lasso", lasso.Spec(l1), x, y, weight=times, pad=70)
    assert fitted.info.converged
    np.testing.assert_array_equal(fitted.params.coefficients[0] == 0, reference.coef_ == 0)
    assert fitted.info.selected == (reference.coef_ != 0).sum()
    if fitted.info.selected:
        of = {"reference": "scikit-learn", "data": "diabetes", "relative": 1e-6}
        agreement("model.lasso", "coefficients", fitted.params.coefficients[0], reference.coef_, **of)
    ours = squares(x, y, times, fitted.params.intercept[0], fitted.params.coefficients[0], l1, 0)
    theirs = squares(x, y, times, reference.intercept_, reference.coef_, l1, 0)
    assert ours <= theirs * (1 + 1e-12)
    np.testing.assert_allclose(fitted.predict(x).mean, reference.predict(x), rtol=1e-6)


@pytest.mark.parametrize(("l1", "l2"), [(300.0, 50.0), (0.0, 40.0), (20.0, 0.0)])
def test_elastic_net_is_scikit_learns(run, diabetes, l1, l2, agreement):
    from sklearn.linear_model import ElasticNet, Lasso, Ridge

    x, y, times, _, _ = diabetes
    n = times.sum()
    if l1 and l2:
        reference = ElasticNet((l1 + l2) / n, l1_ratio=l1 / (l1 + l2), tol=1e-12, max_iter=100_000)
    else:
        reference = Lasso(l1 / n, tol=1e-12, max_iter=100_000) if l1 else Ridge(l2)
    reference.fit(x, y, sample_weight=times)
    fitted = run("elastic_net", elastic_net.Spec(l1, l2), x, y, weight=times, pad=70)
    of = {"reference": "scikit-learn", "data": "diabetes", "relative": 1e-6}
    agreement("model.elastic_net", f"coefficients, {type(reference).__name__}", fitted.params.coefficients[0],
              reference.coef_, **of)  # fmt: skip
    assert fitted.info.converged
    assert fitted.info.r2 == pytest.approx(reference.score(x, y, times), rel=1e-9)


def test_collinear_columns_still_reach_the_optimum(run, diabetes):
    x, y, _, _, _ = diabetes
    both = np.c_[x[:, :4], x[:, 2], x[:, 1] - x[:, 3], np.ones(len(y))]
    spec = lasso.Spec(50.0)
    fitted = run("lasso", spec, both, y, pad=70)
    single = run("lasso", spec, np.c_[x[:, :4], x[:, 2] * 0, x[:, 1] - x[:, 3], np.ones(len(y))], y, pad=70)
    assert fitted.info.converged
    assert fitted.params.coefficients[0, -1] == 0
    one = squares(both, y, 1.0 + 0 * y, fitted.params.intercept[0], fitted.params.coefficients[0], 50, 0)
    other = squares(both, y, 1.0 + 0 * y, single.params.intercept[0], single.params.coefficients[0], 50, 0)
    assert one == pytest.approx(other, rel=1e-9)


def test_a_column_more_than_the_rows_allow(run):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 60))
    y = x[:, :3] @ [3.0, -2.0, 1.0]
    fitted = run("lasso", lasso.Spec(0.5), x, y)
    assert fitted.info.converged
    assert set(np.flatnonzero(np.abs(fitted.params.coefficients[0]) > 0.3)) == {0, 1, 2}


# ---- Huber -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("delta", "l2"), [(1.35, 0.0), (1.1, 200.0)])
def test_huber_is_scikit_learns(run, diabetes, delta, l2, agreement):
    from sklearn.linear_model import HuberRegressor

    x, y, times, _, _ = diabetes
    y = np.where(np.arange(len(y)) % 29 == 0, 3000.0, y)
    center, scale = x.mean(0), x.std(0)
    x = (x - center) / scale
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = HuberRegressor(epsilon=delta, alpha=l2 / 2, tol=1e-12, max_iter=100_000)
        reference.fit(x, y, sample_weight=times)
    fitted = run("huber_regression", huber_regression.Spec(delta, l2), x, y, weight=times, pad=70)
    assert fitted.info.converged
    of = {"reference": "scikit-learn", "data": "diabetes with outliers", "relative": 1e-3}
    agreement("model.huber_regression", "coefficients", fitted.params.coefficients[0], reference.coef_, **of)
    agreement("model.huber_regression", "scale", fitted.info.scale, reference.scale_, **of)
    assert fitted.info.outliers == times[reference.outliers_].sum()

    def objective(intercept, b, s):
        r = np.abs(y - intercept - x @ b) / s
        each = np.where(r <= delta, r**2, 2 * delta * r - delta**2)
        return times @ (s + s * each) + l2 / 2 * b @ b

    ours = objective(fitted.params.intercept[0], fitted.params.coefficients[0], fitted.info.scale)
    assert ours <= objective(reference.intercept_, reference.coef_, reference.scale_) * (1 + 1e-10)
    assert ours == pytest.approx(fitted.info.objective, rel=1e-9)


def test_huber_passes_by_what_lies_off_the_line(run):
    x = np.arange(40.0)[:, None]
    y = 2 + 3 * x[:, 0] + 0.1 * np.sin(np.arange(40) * 1.7)
    y[::8] += 500
    fitted = run("huber_regression", huber_regression.Spec(), x, y)
    assert fitted.params.coefficients[0, 0] == pytest.approx(3, abs=0.01)
    assert fitted.info.outliers >= 5
    assert fitted.info.scale < 0.2
    exact = run("huber_regression", huber_regression.Spec(), x, 2 + 3 * x[:, 0])
    assert exact.params.coefficients[0, 0] == pytest.approx(3, rel=1e-6)
    assert np.isfinite(exact.info.scale)


# ---- quantiles -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("q", "l1"), [(0.5, 0.0), (0.9, 0.0), (0.1, 0.0), (0.3, 40.0)])
def test_quantiles_are_scikit_learns(run, diabetes, q, l1, agreement):
    from sklearn.linear_model import QuantileRegressor

    x, y, times, _, _ = diabetes
    reference = QuantileRegressor(quantile=q, alpha=l1 / times.sum(), solver="highs").fit(x, y, sample_weight=times)
    fitted = run("quantile_regression", quantile_regression.Spec(q, l1), x, y, weight=times, pad=70)
    assert fitted.info.converged

    def objective(intercept, b):
        r = y - intercept - x @ b
        return times @ np.where(r >= 0, q * r, (q - 1) * r) + l1 * np.abs(b).sum()

    of = {"reference": "scikit-learn", "data": "diabetes"}
    ours = objective(fitted.params.intercept[0], fitted.params.coefficients[0])
    theirs = objective(reference.intercept_, reference.coef_)
    agreement("model.quantile_regression", "objective", ours, theirs, relative=1e-8, **of)
    found, expected = fitted.params.coefficients[0], reference.coef_
    agreement("model.quantile_regression", "coefficients", found, expected, relative=1e-4, **of)
    assert fitted.info.below == pytest.approx(q, abs=0.04)


@pytest.mark.parametrize("q", [0.5, 0.8])
def test_standard_errors_of_quantiles_are_statsmodels(run, diabetes, q, agreement):
    import statsmodels.api as sm

    x, y, times, more_x, more_y = diabetes
    x, more_x = x[:, 2:6], more_x[:, 2:6]
    fitted = run("quantile_regression", quantile_regression.Spec(q), x, y, weight=times, pad=70)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = sm.QuantReg(more_y, sm.add_constant(more_x))
        reference = model.fit(q, p_tol=1e-9, max_iter=5000)
    of = {"reference": "statsmodels", "data": "diabetes"}
    # Its iterations stop near the solution, and its standard errors are those of the residuals there.
    found = fitted.info.standard_error[0]
    agreement("model.quantile_regression", "standard errors", found, reference.bse[1:], relative=2e-2, **of)
    assert fitted.info.pseudo_r2 == pytest.approx(reference.prsquared, rel=1e-3)
    assert fitted.info.residual_degrees_of_freedom == reference.df_resid


def test_quantile_of_nothing_but_a_constant(run):
    y = np.asarray([1.0, 2, 3, 4, 100])
    fitted = run("quantile_regression", quantile_regression.Spec(0.5), np.ones((5, 1)), y)
    assert fitted.params.coefficients[0, 0] == 0
    assert fitted.params.intercept[0] == pytest.approx(3, abs=1e-6)
