"""Support vectors agree with LIBSVM run to convergence, whole and in blocks, weighted and with several classes."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from mldsl_plugins.kernels import linear, polynomial, rbf, sigmoid
from mldsl_plugins.vectors import _dual, svm, svm_regression
from mldsl_plugins.vectors._machine import compact
from sklearn.svm import SVC, SVR

from mldsl.contract import as_tree
from mldsl.plugin.spec import Configured

SKLEARN = {"reference": "scikit-learn"}


def kernel(module, **numbers):
    component = module.mldsl_components()[0]
    return Configured(component, component.Spec(**numbers))


def standard(x):
    return (x - x.mean(0)) / x.std(0)


def dual_objective(theirs, x, y, matrix):
    """What LIBSVM maximises, of a fitted SVC of two classes or an SVR."""
    t = theirs.dual_coef_[0]
    k = matrix[np.ix_(theirs.support_, theirs.support_)]
    if isinstance(theirs, SVR):
        return y[theirs.support_] @ t - 0.5 * t @ k @ t - theirs.epsilon * np.abs(t).sum()
    return np.abs(t).sum() - 0.5 * t @ k @ t


# ---- kernels ---------------------------------------------------------------------------------------------------------
KERNELS = {
    "linear": (kernel(linear), {"kernel": "linear"}, lambda x: x @ x.T),
    "rbf": (kernel(rbf), {"kernel": "rbf"}, None),
    "rbf(gamma = 0.2)": (kernel(rbf, gamma=0.2), {"kernel": "rbf", "gamma": 0.2}, None),
    "rbf(gamma = auto)": (kernel(rbf, gamma="auto"), {"kernel": "rbf", "gamma": "auto"}, None),
    "polynomial": (kernel(polynomial, degree=2, constant=1.0), {"kernel": "poly", "degree": 2, "coef0": 1.0}, None),
    "polynomial of 3": (kernel(polynomial), {"kernel": "poly"}, None),
    "sigmoid": (kernel(sigmoid, gamma=0.01), {"kernel": "sigmoid", "gamma": 0.01}, None),
}


@pytest.mark.parametrize("name", list(KERNELS))
def test_two_classes_agree(run, data, agreement, name):
    x, y = data("breast_cancer_wdbc")
    x = standard(x)
    chosen, theirs, _ = KERNELS[name]
    fitted = run("svm", svm.Spec(kernel=chosen, c=2.0, tol=1e-6), x, y, classes=2)
    reference = SVC(C=2.0, tol=1e-6, **theirs).fit(x, y)
    expected = reference.decision_function(x)
    score = fitted.predict(x).score
    where = {**SKLEARN, "data": "breast cancer"}
    agreement("model.svm", f"decision, {name}", score[:, 1], expected, relative=1e-4, **where)
    np.testing.assert_array_equal(score[:, 0], -score[:, 1])
    np.testing.assert_array_equal(score.argmax(1), reference.predict(x))
    info = fitted.info
    assert info.converged
    np.testing.assert_allclose(info.support, reference.n_support_, atol=1)
    y_ = 2 * y - 1
    assert info.slack[0] == pytest.approx(np.maximum(0, 1 - y_ * expected).sum(), rel=1e-4)
    t = reference.dual_coef_[0]
    square = t @ (expected - reference.intercept_)[reference.support_]
    assert info.margin[0] == pytest.approx(1 / np.sqrt(square), rel=1e-4)
    objective = np.abs(t).sum() - 0.5 * square
    agreement("model.svm", f"dual objective, {name}", info.dual_objective[0], objective, relative=1e-5, **where)
    np.testing.assert_allclose(info.bounded.sum(), (np.abs(t) == 2.0).sum(), atol=1)


@pytest.mark.parametrize("name", ["iris", "wine", "digits_8x8"])
def test_several_classes_agree(run, data, agreement, name):
    x, y = data(name)
    x = standard(x) if name != "digits_8x8" else x[:400] / 16
    y = y[: len(x)]
    k = len(np.unique(y))
    fitted = run("svm", svm.Spec(kernel=kernel(rbf), c=3.0, tol=1e-6), x, y, classes=k)
    reference = SVC(C=3.0, tol=1e-6, break_ties=True).fit(x, y)
    score = fitted.predict(x).score
    where = {**SKLEARN, "data": name}
    agreement("model.svm", "decision of several classes", score, reference.decision_function(x), relative=1e-4, **where)
    np.testing.assert_array_equal(score.argmax(1), reference.predict(x))
    np.testing.assert_allclose(fitted.info.support, reference.n_support_, atol=2)
    assert len(fitted.info.margin) == k * (k - 1) // 2


def test_weights_and_costs_are_limits(run, data, agreement):
    x, y = data("breast_cancer_wdbc")
    x = standard(x)[:300]
    y = y[:300]
    weight = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 3.0], 300)
    cost = np.where(y == 1, 2.5, 1.0)
    spec = svm.Spec(kernel=kernel(rbf, gamma=0.05), tol=1e-6)
    fitted = run("svm", spec, x, y, classes=2, weight=weight, cost=cost, pad=12)
    there = weight > 0
    reference = SVC(gamma=0.05, tol=1e-6, class_weight={1: 2.5}).fit(x[there], y[there], sample_weight=weight[there])
    expected = reference.decision_function(x)
    where = {**SKLEARN, "data": "breast cancer"}
    agreement("model.svm", "decision, weighted", fitted.predict(x).score[:, 1], expected, relative=1e-4, **where)
    twice = run("svm", spec, np.repeat(x, 2, axis=0), np.repeat(y, 2), classes=2, weight=np.repeat(weight / 2, 2),
                cost=np.repeat(cost, 2))  # fmt: skip
    np.testing.assert_allclose(twice.predict(x).score, fitted.predict(x).score, atol=1e-5)


# ---- blocks ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def blocks(monkeypatch):
    """Blocks of few rows, and float32 kernels, as where there are many rows."""
    monkeypatch.setattr(_dual, "WORKING", 64)
    monkeypatch.setattr(_dual, "WIDE", 100)
    monkeypatch.setattr("mldsl_plugins.vectors._machine.TOGETHER", 150)


@pytest.mark.parametrize("rough", [False, True])
def test_blocks_find_the_same(run, data, agreement, blocks, monkeypatch, rough):
    if rough:
        monkeypatch.setattr(_dual, "EXACT", 0)
        monkeypatch.setattr("mldsl_plugins.vectors._machine.EXACT", 0)
    jax.clear_caches()
    x, y = data("breast_cancer_wdbc")
    x = standard(x)
    tol = 1e-4 if rough else 1e-7
    fitted = run("svm", svm.Spec(kernel=kernel(rbf), c=5.0, tol=tol), x, y, classes=2, pad=20 + rough)
    assert fitted.info.converged
    assert fitted.params.coefficients.dtype == (np.float32 if rough else np.float64)
    expected = SVC(C=5.0, tol=1e-7).fit(x, y).decision_function(x)
    kind = "decision in blocks" + (", float32 kernels" if rough else "")
    agreement("model.svm", kind, fitted.predict(x).score[:, 1], expected, relative=5e-4 if rough else 1e-5,
              data="breast cancer", **SKLEARN)  # fmt: skip
    jax.clear_caches()


def test_what_does_not_suffice_ends_and_says_so(run, data):
    x, y = data("iris")
    x = standard(x)
    below_rounding = run("svm", svm.Spec(kernel=kernel(rbf), tol=1e-18, max_iter=500), x, y, classes=3)
    few_steps = run("svm", svm.Spec(kernel=kernel(rbf), max_iter=5), x, y, classes=3)
    for fitted in (below_rounding, few_steps):
        assert not fitted.info.converged
        assert (fitted.predict(x).score.argmax(1) == y).mean() > 0.8
    assert few_steps.info.iterations == 15


# ---- what is kept ----------------------------------------------------------------------------------------------------
def test_only_support_vectors_are_kept(run, data):
    x, y = data("wine")
    x = standard(x)
    fitted = run("svm", svm.Spec(kernel=kernel(rbf)), x, y, classes=3, pad=10)
    small = compact(fitted.params)
    assert len(small.vectors) == len(small.coefficients) == int(fitted.info.support_vectors) < len(x)
    np.testing.assert_array_equal(fitted.params.vectors[len(small.vectors) :], 0)
    whole = fitted.predict(x).score
    with jax.enable_x64(True):
        answer = jax.jit(svm.predict)(as_tree(fitted.spec, np.float64), small, x).score
    np.testing.assert_allclose(answer, whole, rtol=1e-12)


def test_rows_that_separate_have_the_margin_of_the_nearest(run):
    """Four points on a line: the margin is half their gap, the middle is the boundary, two rows decide."""
    x, y = np.array([[-3.0], [-1.0], [2.0], [7.0]]), np.array([0, 0, 1, 1])
    fitted = run("svm", svm.Spec(kernel=kernel(linear), c=100.0, tol=1e-9), x, y, classes=2)
    assert fitted.info.margin[0] == pytest.approx(1.5)
    assert fitted.info.slack[0] == pytest.approx(0, abs=1e-8)
    np.testing.assert_array_equal(fitted.info.support, [1, 1])
    np.testing.assert_allclose(fitted.predict([[0.5], [2.0]]).score[:, 1], [0, 1], atol=1e-8)


def test_one_class_alone_is_said_of_every_row(run):
    x = np.random.default_rng(0).normal(size=(20, 2))
    for code, sign in ((0, -1), (1, 1)):
        fitted = run("svm", svm.Spec(kernel=kernel(rbf)), x, np.full(20, code), classes=2)
        np.testing.assert_allclose(fitted.predict(x).score[:, 1], sign)


# ---- regression ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["linear", "rbf", "polynomial"])
def test_regression_agrees(run, data, agreement, name):
    x, y = data("diabetes")
    x = standard(x)
    chosen, theirs, _ = KERNELS[name]
    fitted = run("svm_regression", svm_regression.Spec(kernel=chosen, c=20.0, epsilon=5.0, tol=1e-5), x, y)
    reference = SVR(C=20.0, epsilon=5.0, tol=1e-5, **theirs).fit(x, y)
    expected = reference.predict(x)
    where = {**SKLEARN, "data": "diabetes"}
    agreement("model.svm_regression", f"predictions, {name}", fitted.predict(x).mean, expected, relative=1e-4, **where)
    t = reference.dual_coef_[0]
    square = t @ (expected - reference.intercept_)[reference.support_]
    objective = y[reference.support_] @ t - 0.5 * square - 5.0 * np.abs(t).sum()
    kind = f"dual objective, {name}"
    agreement("model.svm_regression", kind, fitted.info.dual_objective, objective, relative=1e-5, **where)
    assert fitted.info.converged
    assert fitted.info.norm == pytest.approx(np.sqrt(square), rel=1e-4)
    assert fitted.info.slack == pytest.approx(np.maximum(np.abs(y - expected) - 5, 0).sum(), rel=1e-4)
    assert abs(int(fitted.info.support_vectors) - len(reference.support_)) <= 2


def test_regression_weighted_and_in_blocks(run, data, agreement, blocks):
    jax.clear_caches()
    x, y = data("diabetes")
    x = standard(x)
    weight = np.random.default_rng(1).choice([0.0, 1.0, 2.0], len(x))
    spec = svm_regression.Spec(kernel=kernel(rbf, gamma=0.1), c=30.0, epsilon=0.0, tol=1e-5)
    fitted = run("svm_regression", spec, x, y, weight=weight, pad=8)
    there = weight > 0
    reference = SVR(gamma=0.1, C=30.0, epsilon=0.0, tol=1e-6).fit(x[there], y[there], sample_weight=weight[there])
    expected = reference.predict(x)
    agreement("model.svm_regression", "predictions, weighted, epsilon 0", fitted.predict(x).mean, expected,
              relative=1e-4, data="diabetes", **SKLEARN)  # fmt: skip
    jax.clear_caches()


def test_targets_within_epsilon_need_no_vectors(run):
    x = np.random.default_rng(0).normal(size=(30, 2))
    fitted = run("svm_regression", svm_regression.Spec(kernel=kernel(rbf), epsilon=2.0), x, 5 + np.sin(x[:, 0]))
    assert fitted.info.support_vectors == 0
    found = fitted.predict(x).mean
    assert np.ptp(found) == 0
    assert np.abs(found - 5 - np.sin(x[:, 0])).max() <= 2
