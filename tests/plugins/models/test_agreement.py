"""The numbers of the references, on the same rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mldsl_plugins.baseline import constant
from mldsl_plugins.bayes import gaussian_naive_bayes
from mldsl_plugins.clustering import k_means
from mldsl_plugins.linear import logistic_regression, ridge

from mldsl.contract import ColumnShape, Shape

CERTIFIED = Path("../shared/data/longley_certified.json")
# Columns of longley.csv in the units of the certified values.
LONGLEY_UNITS = np.asarray([1, 1000, 10, 10, 1000, 1]), 1000


def digits(found, certified):
    """The least log relative error: how many digits of every number are right."""
    found, certified = np.asarray(found, float), np.asarray(certified, float)
    return float(-np.log10(np.maximum(np.abs(found - certified) / np.abs(certified), 1e-16)).max())


def relative(found, expected):
    """The largest difference over the largest number."""
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


# ---- least squares ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("way", ["qr", "gram", "blocks"])
def test_longley_to_twelve_digits(run, data, way, monkeypatch, agreement):
    from mldsl_plugins.linear import _least_squares

    if not CERTIFIED.exists():
        pytest.skip(f"{CERTIFIED} is not here")
    if way == "gram":
        monkeypatch.setattr(_least_squares, "SHORT", 0)
    if way == "blocks":
        monkeypatch.setattr(_least_squares, "SHORT", 10)
        monkeypatch.setattr(_least_squares, "WELL", 0.0)
    x, y = data("longley")
    # Another padding for each way: what is compiled for one must not serve another.
    fitted = run("ridge", ridge.Spec(0.0), np.round(x * LONGLEY_UNITS[0], 6), np.round(y * LONGLEY_UNITS[1]),
                 pad={"qr": 0, "gram": 1, "blocks": 2}[way])  # fmt: skip
    certified = json.loads(CERTIFIED.read_text())
    nist = {"reference": "NIST StRD", "data": "longley"}
    found = np.append(fitted.params.coefficients[0], fitted.params.intercept)
    agreement("model.ridge", "coefficients", found, certified["params"], digits=12, **nist)
    found = np.append(fitted.info.standard_error[0], fitted.info.intercept_standard_error)
    agreement("model.ridge", "standard errors", found, certified["bse"], digits=11, **nist)
    assert digits(fitted.info.residual_sum_of_squares, certified["ssr"]) >= 11
    assert digits(fitted.info.residual_deviation**2, certified["scale"]) >= 11
    assert digits(fitted.info.r2, certified["rsquared"]) >= 12
    assert fitted.info.residual_degrees_of_freedom == pytest.approx(certified["df_resid"])


def test_wampler1_to_nine_digits(run, agreement):
    x = np.arange(21.0)
    powers = x[:, None] ** np.arange(1, 6)
    fitted = run("ridge", ridge.Spec(0.0), powers, 1 + powers.sum(1))
    found = np.append(fitted.params.coefficients[0], fitted.params.intercept)
    agreement(
        "model.ridge", "coefficients, l2 = 0", found, np.ones(6), reference="NIST StRD", data="Wampler1", digits=9
    )


@pytest.mark.parametrize("l2", [0.0, 0.1, 30.0])
def test_ridge_is_scikit_learns(run, data, l2, agreement):
    from sklearn.linear_model import LinearRegression, Ridge

    x, y = data("diabetes")
    weight = np.arange(len(y)) % 3
    reference = (Ridge(l2) if l2 else LinearRegression()).fit(x, y, sample_weight=weight)
    fitted = run("ridge", ridge.Spec(l2), x, y, weight=weight, pad=70)
    of = {"reference": "scikit-learn", "data": "diabetes", "relative": 1e-9}
    agreement("model.ridge", "coefficients", fitted.params.coefficients[0], reference.coef_, **of)
    assert fitted.params.intercept[0] == pytest.approx(reference.intercept_, rel=1e-9)
    assert fitted.info.r2 == pytest.approx(reference.score(x, y, weight), rel=1e-9)
    np.testing.assert_allclose(fitted.predict(x).mean, reference.predict(x), rtol=1e-9)


def test_ols_errors_are_statsmodels(run, data, agreement):
    import statsmodels.api as sm

    x, y = data("diabetes")
    times = np.arange(len(y)) % 3
    reference = sm.OLS(np.repeat(y, times), sm.add_constant(np.repeat(x, times, axis=0))).fit()
    fitted = run("ridge", ridge.Spec(0.0), x, y, weight=times, pad=70)
    of = {"reference": "statsmodels", "data": "diabetes", "relative": 1e-9}
    agreement("model.ridge", "standard errors, l2 = 0", fitted.info.standard_error[0], reference.bse[1:], **of)
    np.testing.assert_allclose(fitted.info.intercept_standard_error[0], reference.bse[0], rtol=1e-9)
    assert fitted.info.residual_degrees_of_freedom == pytest.approx(reference.df_resid)
    assert fitted.info.residual_deviation**2 == pytest.approx(reference.mse_resid)


def test_cost_and_offset_of_least_squares(run, data):
    import statsmodels.api as sm

    x, y = data("diabetes")
    cost, offset = 0.5 + np.arange(len(y)) % 4, np.sin(np.arange(len(y)))
    reference = sm.WLS(y - offset, sm.add_constant(x), weights=cost).fit()
    fitted = run("ridge", ridge.Spec(0.0), x, y, pad=70, cost=cost, offset=offset)
    np.testing.assert_allclose(fitted.params.coefficients[0], reference.params[1:], rtol=1e-8)
    np.testing.assert_allclose(fitted.info.standard_error[0], reference.bse[1:], rtol=1e-8)


def test_collinear_columns_share_and_rank_says_so(run, data):
    x, y = data("diabetes")
    x = x[:, :3]
    whole = run("ridge", ridge.Spec(0.0), x, y, pad=70)
    doubled = run("ridge", ridge.Spec(0.0), np.c_[x, x[:, 0] + x[:, 2]], y, pad=70)
    np.testing.assert_allclose(doubled.predict(np.c_[x, x[:, 0] + x[:, 2]]).mean, whole.predict(x).mean, rtol=1e-9)
    assert doubled.info.rank == 3
    assert doubled.info.residual_degrees_of_freedom == pytest.approx(len(y) - 4)


# ---- logistic --------------------------------------------------------------------------------------------------------
def loss(spec, x, y, intercept, coefficients):
    logit = x @ np.asarray(coefficients).T + intercept
    logit = np.c_[np.zeros(len(y)), logit] if logit.shape[1] == 1 else logit
    own = np.take_along_axis(logit, y[:, None], 1)[:, 0] - np.logaddexp.reduce(logit, axis=1)
    return -own.sum() + 0.5 * spec.l2 * np.sum(np.square(coefficients))


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer_wdbc"])
def test_penalised_logistic_is_scikit_learns(run, data, name, solver):
    from sklearn.linear_model import LogisticRegression

    x, y = data(name)
    classes = int(y.max()) + 1
    for l2 in (1.0, 0.1):
        reference = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000, solver="newton-cholesky").fit(x, y)
        spec = logistic_regression.Spec(l2, solver)
        fitted = run("logistic_regression", spec, x, y, classes=classes, pad=3)
        assert fitted.info.converged
        assert not fitted.info.separated
        tolerance = 1e-6 if solver == "newton" else 1e-3
        assert relative(fitted.params.coefficients, reference.coef_) < tolerance
        ours = loss(spec, x, y, fitted.params.intercept, fitted.params.coefficients)
        theirs = loss(spec, x, y, reference.intercept_, reference.coef_)
        assert ours == pytest.approx(theirs, rel=1e-9 if solver == "newton" else 1e-6)
        steps = fitted.info.iterations
        assert fitted.info.loss_history[steps] == pytest.approx(ours / len(y), rel=1e-9)
        assert np.isnan(fitted.info.loss_history[steps + 1 :]).all()
        assert (np.diff(fitted.info.loss_history[: steps + 1]) <= 1e-9 * theirs).all()
        np.testing.assert_allclose(fitted.predict(x).probability, reference.predict_proba(x), atol=10 * tolerance)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
def test_unpenalised_binary_is_statsmodels_logit(run, data, solver):
    import statsmodels.api as sm

    x, y = data("breast_cancer_wdbc")
    x = x[:, [1, 4, 5]]
    times = np.arange(len(y)) % 3
    reference = sm.Logit(np.repeat(y, times), sm.add_constant(np.repeat(x, times, axis=0))).fit(disp=0, tol=1e-12)
    fitted = run("logistic_regression", logistic_regression.Spec(0.0, solver), x, y, classes=2, weight=times, pad=3)
    rtol = 1e-8 if solver == "newton" else 1e-4
    np.testing.assert_allclose(fitted.params.coefficients[0], reference.params[1:], rtol=rtol)
    np.testing.assert_allclose(fitted.params.intercept[0], reference.params[0], rtol=rtol)
    np.testing.assert_allclose(fitted.info.standard_error[0], reference.bse[1:], rtol=rtol)
    np.testing.assert_allclose(fitted.info.intercept_standard_error[0], reference.bse[0], rtol=rtol)
    assert fitted.info.log_likelihood == pytest.approx(reference.llf, rel=1e-9)
    assert fitted.info.null_log_likelihood == pytest.approx(reference.llnull, rel=1e-8)
    assert fitted.info.residual_degrees_of_freedom == np.inf
    assert fitted.info.parameters == 4
    assert fitted.info.mass == times.sum()
    assert not fitted.info.separated


def test_unpenalised_multinomial_is_statsmodels_mnlogit(run, data):
    import statsmodels.api as sm

    x, y = data("wine")
    x = x[:, [1, 2, 7]]
    reference = sm.MNLogit(y, sm.add_constant(x)).fit(disp=0, maxiter=100)
    fitted = run("logistic_regression", logistic_regression.Spec(0.0), x, y, classes=3, pad=3)
    np.testing.assert_allclose(fitted.params.coefficients[1:], reference.params[1:].T, rtol=1e-7)
    np.testing.assert_allclose(fitted.params.intercept[1:], reference.params[0], rtol=1e-7)
    assert not fitted.params.coefficients[0].any()
    assert fitted.params.intercept[0] == 0
    np.testing.assert_allclose(fitted.info.standard_error[1:], reference.bse[1:].T, rtol=1e-7)
    np.testing.assert_allclose(fitted.info.intercept_standard_error[1:], reference.bse[0], rtol=1e-7)
    assert fitted.info.log_likelihood == pytest.approx(reference.llf, rel=1e-9)
    assert fitted.info.null_log_likelihood == pytest.approx(reference.llnull, rel=1e-8)
    assert fitted.info.parameters == 8


def test_cost_and_offset_of_logistic(run, data):
    import statsmodels.api as sm

    x, y = data("breast_cancer_wdbc")
    x, cost, offset = x[:, [1, 4, 5]], 0.5 + np.arange(len(y)) % 4, np.sin(np.arange(len(y)))
    model = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=cost, offset=offset)
    reference = model.fit(tol=1e-14)
    spec = logistic_regression.Spec(0.0)
    fitted = run("logistic_regression", spec, x, y, classes=2, pad=3, cost=cost, offset=offset)
    np.testing.assert_allclose(fitted.params.coefficients[0], reference.params[1:], rtol=1e-8)
    np.testing.assert_allclose(fitted.info.standard_error[0], reference.bse[1:], rtol=1e-7)
    assert fitted.info.log_likelihood == pytest.approx(reference.llf, rel=1e-9)
    null = sm.GLM(y, np.ones(len(y)), family=sm.families.Binomial(), freq_weights=cost, offset=offset).fit(tol=1e-14)
    assert fitted.info.null_log_likelihood == pytest.approx(null.llf, rel=1e-9)


def test_an_offset_with_three_classes_is_refused():
    shape = Shape(150, (ColumnShape("a"),), classes=3, offset=True)
    (problem,) = logistic_regression.check(logistic_regression.Spec(), shape)
    assert problem.parameter == "offset"


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize(
    ("classes", "separated"),
    [("setosa_versicolor", True), ("versicolor_virginica", False), ("quasi", True), ("all", True)],
)
def test_separation_is_said(run, data, solver, classes, separated):
    x, y = data("iris")
    if classes == "setosa_versicolor":
        x, y = x[y < 2], y[y < 2]
    elif classes == "versicolor_virginica":
        x, y = x[y > 0], y[y > 0] - 1
    elif classes == "quasi":  # one value of the column has both classes, the other only one
        x, y = np.asarray([[0.0], [0.0], [1.0], [1.0], [1.0]]).repeat(20, 0), np.tile([0, 0, 0, 1, 1], 20)
        y = np.asarray([0, 0, 0, 1, 1]).repeat(20)
    fitted = run("logistic_regression", logistic_regression.Spec(0.0, solver), x, y, classes=int(y.max()) + 1)
    assert bool(fitted.info.separated) == separated
    assert np.isfinite(fitted.params.coefficients).all()
    penalised = run("logistic_regression", logistic_regression.Spec(1.0, solver), x, y, classes=int(y.max()) + 1)
    assert not penalised.info.separated


# ---- Gaussian naive Bayes --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer_wdbc"])
def test_gaussian_naive_bayes_is_scikit_learns_to_the_log_probability(run, data, name):
    from sklearn.naive_bayes import GaussianNB

    x, y = data(name)
    weight = np.arange(len(y)) % 3
    classes = int(y.max()) + 1
    for smoothing, priors in (
        (1e-9, "learned"),
        (1e-3, tuple(np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())),
    ):
        # On repeated rows: with sample_weight its smoothing would take the variance of the unweighted columns.
        reference = GaussianNB(var_smoothing=smoothing, priors=None if priors == "learned" else priors)
        reference.fit(np.repeat(x, weight, axis=0), np.repeat(y, weight))
        spec = gaussian_naive_bayes.Spec(smoothing, priors)
        fitted = run("gaussian_naive_bayes", spec, x, y, classes=classes, weight=weight, pad=7)
        np.testing.assert_allclose(fitted.params.mean, reference.theta_, rtol=1e-5)
        np.testing.assert_allclose(fitted.params.variance, reference.var_, rtol=1e-4)
        np.testing.assert_allclose(np.exp(fitted.params.log_prior), reference.class_prior_, rtol=1e-6)
        answer = fitted.predict(x)
        expected = reference.predict_log_proba(x)
        np.testing.assert_allclose(answer.score, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
        np.testing.assert_array_equal(answer.probability.argmax(1), reference.predict(x))
        joint = reference.predict_joint_log_proba(x)
        evidence = np.logaddexp.reduce(joint, axis=1)
        own = joint[np.arange(len(y)), y]
        assert fitted.info.log_evidence == pytest.approx(weight @ evidence, rel=1e-4)
        assert fitted.info.log_posterior == pytest.approx(weight @ (own - evidence), rel=2e-3, abs=0.05)
        prior = weight @ np.log(reference.class_prior_)[y]
        assert fitted.info.log_likelihood == pytest.approx(weight @ own - prior, rel=1e-4)


# ---- k-means ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["iris", "wine", "faithful"])
def test_k_means_reaches_scikit_learns_inertia(run, data, name):
    from sklearn.cluster import KMeans

    x, _ = data(name)
    x = (x - x.mean(0)) / x.std(0)
    for k in (3, 5):
        reference = KMeans(k, n_init=20, random_state=0).fit(x)
        fitted = run("k_means", k_means.Spec(k, restarts=30), x, pad=5)
        assert fitted.info.inertia <= 1.002 * reference.inertia_
        assert fitted.info.converged
        answer = fitted.predict(x)
        np.testing.assert_allclose(answer.distance.min(1) ** 2 @ np.ones(len(x)), fitted.info.inertia, rtol=1e-5)
        np.testing.assert_array_equal(np.bincount(answer.label, minlength=k), fitted.info.mass)
        history = fitted.info.inertia_history
        assert (np.diff(history[~np.isnan(history)]) <= 1e-4 * history[0]).all()


def test_k_means_goes_on_from_where_scikit_learn_stops(run, data):
    """At a fixed point of Lloyd's algorithm: our centroids are the means of our clusters."""
    x, _ = data("wine")
    fitted = run("k_means", k_means.Spec(3, tol=0.0), x, weight=np.arange(len(x)) % 3)
    label = fitted.predict(x).label
    weight = np.arange(len(x)) % 3
    means = [np.average(x[label == c], axis=0, weights=weight[label == c]) for c in range(3)]
    np.testing.assert_allclose(fitted.params.centroids, means, rtol=1e-4)


@pytest.mark.parametrize("init", ["k_means_plus_plus", "random"])
def test_k_means_leaves_no_cluster_empty_while_rows_differ(run, init):
    x = np.repeat([[0.0, 0], [0, 1], [9, 9], [9, 8], [50, 0]], 8, axis=0)
    for key in range(5):
        fitted = run("k_means", k_means.Spec(5, init), x, key=key)
        assert fitted.info.inertia == pytest.approx(0, abs=1e-6)
        assert (fitted.info.mass == 8).all()
    more = run("k_means", k_means.Spec(7, init), x)
    assert np.isfinite(more.params.centroids).all()
    assert more.info.inertia == pytest.approx(0, abs=1e-6)


def test_k_means_far_from_the_origin(run, data):
    x, _ = data("iris")
    near = run("k_means", k_means.Spec(3, restarts=5), x)
    far = run("k_means", k_means.Spec(3, restarts=5), x + 1000)
    assert far.info.inertia == pytest.approx(near.info.inertia, rel=1e-2)


# ---- baseline --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strategy", ["most_frequent", "prior"])
def test_constant_is_scikit_learns_dummy_classifier(run, data, strategy):
    from sklearn.dummy import DummyClassifier

    x, y = data("wine")
    weight = np.arange(len(y)) % 4
    reference = DummyClassifier(strategy=strategy).fit(x, y, sample_weight=weight)
    fitted = run("constant", constant.Spec(strategy), x, y, classes=3, weight=weight, pad=4)
    np.testing.assert_allclose(fitted.predict(x).probability, reference.predict_proba(x), rtol=1e-6)
    default = run("constant", constant.Spec(), x, y, classes=3, weight=weight, pad=4)
    np.testing.assert_allclose(default.predict(x).probability[0], np.bincount(y, weight) / weight.sum(), rtol=1e-6)


@pytest.mark.parametrize("q", ["mean", "median", 0.0, 0.3, 1.0])
def test_constant_is_scikit_learns_dummy_regressor(run, data, q):
    from sklearn.dummy import DummyRegressor

    x, y = data("diabetes")
    times = np.arange(len(y)) % 3
    strategy, quantile = (q, None) if isinstance(q, str) else ("quantile", q)
    reference = DummyRegressor(strategy=strategy, quantile=quantile).fit(x, y)
    expected = {"mean": np.mean, "median": np.median}.get(q, lambda a: np.quantile(a, q))(np.repeat(y, times))
    spec = constant.Spec(constant.Quantile(q) if quantile is not None else q)
    fitted = run("constant", spec, x, y, weight=times, pad=70)
    np.testing.assert_allclose(fitted.predict(x).mean, np.full(len(y), expected), rtol=1e-6)
    alike = run("constant", spec, x, y, pad=70)
    np.testing.assert_allclose(alike.predict(x[:1]).mean, reference.predict(x[:1]), rtol=1e-6)
