"""Planes agree with LinearSVC and SVC run to convergence, by every solver, dense and sparse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from mldsl_plugins.vectors import linear_svm
from sklearn.svm import SVC, LinearSVC


def standard(x):
    return (x - x.mean(0)) / x.std(0)


def objective(b, a, x, y, v, squared):
    """What is minimised, by its definition."""
    lack = np.maximum(0, 1 - y * (x @ b + a))
    return 0.5 * b @ b + v @ (lack**2 if squared else lack)


def reference(x, y, c, loss, weight=None):
    """Coefficients and intercept of scikit-learn's: the intercept is as good as free, or free (SVC)."""
    if loss == "hinge":
        fitted = SVC(kernel="linear", C=c, tol=1e-8).fit(x, y, sample_weight=weight)
    else:
        fitted = LinearSVC(C=c, tol=1e-12, dual=False, intercept_scaling=1e3, max_iter=100_000)
        fitted.fit(x, y, sample_weight=weight)
    return np.asarray(fitted.coef_)[0], fitted.intercept_[0]


NAMES = {"hinge": "scikit-learn SVC", "squared_hinge": "scikit-learn"}


@pytest.fixture(scope="module")
def cancer(data):
    x, y = data("breast_cancer_wdbc")
    return standard(x), y


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("c", [0.05, 5.0])
@pytest.mark.parametrize("solver", ["newton", "dual"])
def test_two_classes_agree(run, cancer, agreement, loss, c, solver):
    x, y = cancer
    tol = 1e-12 if solver == "newton" else 1e-13
    spec = linear_svm.Spec(c=c, loss=loss, solver=solver, tol=tol)
    fitted = run("linear_svm", spec, x, y, classes=2, pad=11)
    b, a = reference(x, y, c, loss)
    sign, v, squared = 2 * y - 1, np.full(len(y), c), loss == "squared_hinge"
    least = objective(b, a, x, sign, v, squared)
    ours = fitted.params
    where = {"reference": "scikit-learn", "data": "breast cancer"}
    kind = f"{loss}, c = {c:g}, {solver}"
    agreement("model.linear_svm", f"objective, {kind}", fitted.info.objective[0], least, relative=1e-5, **where)
    assert fitted.info.objective[0] <= least * (1 + 1e-6), "ours is at least as good"
    assert fitted.info.objective[0] == pytest.approx(
        objective(ours.coefficients[0], ours.intercept[0], x, sign, v, squared), rel=1e-9
    )
    agreement("model.linear_svm", f"coefficients, {kind}", ours.coefficients[0], b, relative=1e-3, **where)
    assert ours.intercept[0] == pytest.approx(a, rel=2e-3, abs=2e-3)
    assert fitted.info.converged
    assert fitted.info.margin[0] == pytest.approx(1 / np.linalg.norm(b), rel=1e-3)
    lack = np.maximum(0, 1 - sign * (x @ b + a)).sum()
    assert fitted.info.slack[0] == pytest.approx(lack, rel=1e-3)


@pytest.mark.parametrize("solver", ["newton", "sub_gradient"])
def test_several_classes_are_each_against_the_rest(run, data, agreement, solver):
    x, y = data("wine")
    x = standard(x)
    spec = linear_svm.Spec(c=1.0, solver=solver, max_iter=2000)
    fitted = run("linear_svm", spec, x, y, classes=3)
    theirs = LinearSVC(C=1.0, tol=1e-12, dual=False, intercept_scaling=1e3, max_iter=100_000).fit(x, y)
    score = fitted.predict(x).score
    where = {"reference": "scikit-learn", "data": "wine"}
    kind, allowed = ("", 1e-4) if solver == "newton" else (", sub_gradient", 0.02)
    agreement("model.linear_svm", f"decision of several classes{kind}", score, theirs.decision_function(x),
              relative=allowed, **where)  # fmt: skip
    np.testing.assert_array_equal(score.argmax(1), theirs.predict(x))


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_sub_gradients_come_near(run, cancer, loss):
    x, y = cancer
    best = run("linear_svm", linear_svm.Spec(loss=loss), x, y, classes=2)
    near = run("linear_svm", linear_svm.Spec(loss=loss, solver="sub_gradient", max_iter=2000), x, y, classes=2)
    assert best.info.objective[0] < near.info.objective[0] < 1.05 * best.info.objective[0]


@pytest.mark.parametrize(("loss", "solver"), [("hinge", "newton"), ("squared_hinge", "newton"), ("hinge", "dual")])
def test_sparse_rows_and_dense_ones_agree(run, loss, solver):
    """More columns than rows, so that the dense fit goes by pairs of columns and the sparse one by products."""
    rng = np.random.default_rng(3)
    x = sp.random(120, 200, density=0.05, random_state=4, format="csr")
    y = (np.asarray(x[:, :20].sum(axis=1)).ravel() + 0.1 * rng.normal(size=120) > 0.5).astype(int)
    weight = rng.choice([0.0, 1.0, 2.0], 120)
    spec = linear_svm.Spec(c=3.0, loss=loss, solver=solver, tol=1e-10)
    dense = run("linear_svm", spec, x.toarray(), y, classes=2, weight=weight)
    sparse = run("linear_svm", spec, x, y, classes=2, weight=weight, pad=7)
    assert sparse.info.objective[0] == pytest.approx(dense.info.objective[0], rel=1e-5)
    np.testing.assert_allclose(sparse.predict(x).score, dense.predict(x.toarray()).score, atol=5e-3)
    b, a = reference(x.toarray(), y, 3.0, loss, weight)
    least = objective(b, a, x.toarray(), 2 * y - 1, 3.0 * weight, loss == "squared_hinge")
    assert sparse.info.objective[0] == pytest.approx(least, rel=2e-5)


def test_weights_and_costs_multiply_the_loss(run, cancer, agreement):
    x, y = cancer
    weight = np.random.default_rng(0).choice([0.0, 0.5, 1.0, 3.0], len(y))
    cost = np.where(y == 1, 2.5, 1.0)
    fitted = run("linear_svm", linear_svm.Spec(c=0.5), x, y, classes=2, weight=weight, cost=cost)
    b, a = reference(x, y, 0.5, "squared_hinge", weight * cost)
    where = {"reference": "scikit-learn", "data": "breast cancer"}
    agreement("model.linear_svm", "coefficients, weighted", fitted.params.coefficients[0], b, relative=1e-3, **where)
    assert fitted.params.intercept[0] == pytest.approx(a, abs=1e-3)


def test_rows_that_separate_have_the_margin_of_the_nearest(run):
    x, y = np.array([[-3.0], [-1.0], [2.0], [7.0]]), np.array([0, 0, 1, 1])
    for solver in ("newton", "dual"):
        spec = linear_svm.Spec(c=1e4, loss="hinge", solver=solver, tol=1e-12)
        fitted = run("linear_svm", spec, x, y, classes=2)
        assert fitted.info.margin[0] == pytest.approx(1.5, rel=1e-4)
        assert fitted.info.slack[0] == pytest.approx(0, abs=1e-4)
        np.testing.assert_allclose(fitted.predict([[0.5], [2.0]]).score[:, 1], [0, 1], atol=1e-4)


def test_few_steps_are_said(run, cancer):
    x, y = cancer
    assert not run("linear_svm", linear_svm.Spec(max_iter=2), x, y, classes=2).info.converged
