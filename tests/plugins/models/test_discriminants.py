"""Discriminants agree with scikit-learn, weigh rows, and answer what has no density."""

from __future__ import annotations

import numpy as np
import pytest
from mldsl_plugins.discriminant import linear_discriminant as lda
from mldsl_plugins.discriminant import quadratic_discriminant as qda
from scipy.special import softmax
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

SKLEARN = {"reference": "scikit-learn"}
SETS = ["iris", "wine", "breast_cancer_wdbc"]


def agree(agreement, model, kind, answer, theirs, x, name):
    """Probabilities and their logarithms."""
    where = {**SKLEARN, "data": name}
    agreement(model, f"probability{kind}", answer.probability, theirs.predict_proba(x), relative=1e-6, **where)
    # Where a class is as good as impossible, scikit-learn's probability of two classes has lost the digits.
    expected = np.log(np.maximum(theirs.predict_proba(x), 1e-300))
    sure = expected > -15
    agreement(model, f"log-probability{kind}", answer.score[sure], expected[sure], relative=1e-6, **where)


# ---- linear ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SETS)
def test_linear_agrees(run, data, agreement, name):
    x, y = data(name)
    k = len(np.unique(y))
    fitted = run("linear_discriminant", lda.Spec(), x, y, classes=k, pad=9)
    theirs = LinearDiscriminantAnalysis(store_covariance=True).fit(x, y)
    agree(agreement, "model.linear_discriminant", "", fitted.predict(x), theirs, x, name)
    where = {**SKLEARN, "data": name}
    info = fitted.info
    ratio = theirs.explained_variance_ratio_
    agreement("model.linear_discriminant", "explained variance", info.explained_variance, ratio, **where)
    scalings = theirs.scalings_[:, : k - 1]
    sign = np.sign((info.scalings * scalings).sum(axis=0))
    agreement("model.linear_discriminant", "scalings", info.scalings * sign, scalings, **where)
    np.testing.assert_allclose(info.mean, theirs.means_, rtol=1e-10)
    assert info.rank == info.columns == x.shape[1]
    assert not list(lda.remarks(lda.Spec(), info, fitted.shape))


@pytest.mark.parametrize("shrinkage", ["auto", 0.3])
@pytest.mark.parametrize("name", SETS)
def test_shrinkage_agrees(run, data, agreement, name, shrinkage):
    x, y = data(name)
    fitted = run("linear_discriminant", lda.Spec(shrinkage=shrinkage), x, y, classes=len(np.unique(y)))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(x, y)
    agree(agreement, "model.linear_discriminant", f", shrinkage = {shrinkage}", fitted.predict(x), theirs, x, name)


def test_priors_agree(run, data, agreement):
    x, y = data("wine")
    priors = (0.2, 0.5, 0.3)
    fitted = run("linear_discriminant", lda.Spec(priors=priors), x, y, classes=3)
    theirs = LinearDiscriminantAnalysis(priors=priors).fit(x, y)
    agree(agreement, "model.linear_discriminant", ", priors", fitted.predict(x), theirs, x, "wine")
    fitted = run("quadratic_discriminant", qda.Spec(priors=priors), x, y, classes=3)
    theirs = QuadraticDiscriminantAnalysis(priors=priors).fit(x, y)
    agree(agreement, "model.quadratic_discriminant", ", priors", fitted.predict(x), theirs, x, "wine")


def test_weights_are_repetitions(run, data, agreement):
    x, y = data("iris")
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    x_, y_ = np.repeat(x, weight, axis=0), np.repeat(y, weight)
    ours = run("linear_discriminant", lda.Spec(), x, y, classes=3, weight=weight, pad=5).predict(x)
    theirs = LinearDiscriminantAnalysis().fit(x_, y_)
    agree(agreement, "model.linear_discriminant", ", weighted", ours, theirs, x, "iris")
    ours = run("quadratic_discriminant", qda.Spec(), x, y, classes=3, weight=weight, pad=5).predict(x)
    theirs = QuadraticDiscriminantAnalysis().fit(x_, y_)
    agree(agreement, "model.quadratic_discriminant", ", weighted", ours, theirs, x, "iris")
    ours = run("linear_discriminant", lda.Spec(shrinkage="auto"), x, y, classes=3, weight=weight, pad=5).predict(x)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x_, y_)
    agree(agreement, "model.linear_discriminant", ", weighted, shrinkage = auto", ours, theirs, x, "iris")


def test_repeated_columns_tell_nothing_more_and_are_said(run, data):
    """The answer is that without the repeated column; scikit-learn's is the same, with a warning."""
    x, y = data("iris")
    more = np.column_stack([x, x[:, 0] + 2 * x[:, 1]])
    plain = run("linear_discriminant", lda.Spec(), x, y, classes=3).predict(x)
    fitted = run("linear_discriminant", lda.Spec(), more, y, classes=3)
    np.testing.assert_allclose(fitted.predict(more).probability, plain.probability, atol=1e-9)
    assert (fitted.info.rank, fitted.info.columns) == (4, 5)
    (remark,) = lda.remarks(lda.Spec(), fitted.info, fitted.shape)
    assert "5 columns vary in 4 directions" in remark


def test_far_from_0_nothing_cancels(run, data):
    x, y = data("iris")
    for name, module in (("linear_discriminant", lda), ("quadratic_discriminant", qda)):
        near = run(name, module.Spec(), x, y, classes=3).predict(x).score
        far = run(name, module.Spec(), x + 1e6, y, classes=3).predict(x + 1e6).score
        np.testing.assert_allclose(far, near, atol=2e-4)


def test_a_class_of_one_row_is_answered(run):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    y = np.r_[np.zeros(15, int), np.ones(14, int), 2]
    x[:15] += 1
    x[-1] = 6
    answer = run("linear_discriminant", lda.Spec(), x, y, classes=3).predict(x)
    assert np.isfinite(answer.score).all()
    assert answer.probability[-1].argmax() == 2
    theirs = LinearDiscriminantAnalysis().fit(x, y)
    np.testing.assert_allclose(answer.probability, theirs.predict_proba(x), atol=1e-9)


# ---- quadratic -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("regularization", [0.0, 0.2])
def test_quadratic_agrees(run, data, agreement, name, regularization):
    x, y = data(name)
    spec = qda.Spec(regularization=regularization)
    fitted = run("quadratic_discriminant", spec, x, y, classes=len(np.unique(y)), pad=7)
    theirs = QuadraticDiscriminantAnalysis(reg_param=regularization, store_covariance=True, tol=1e-12).fit(x, y)
    kind = f", regularization = {regularization}" if regularization else ""
    agree(agreement, "model.quadratic_discriminant", kind, fitted.predict(x), theirs, x, name)
    assert not list(qda.remarks(spec, fitted.info, fitted.shape))
    if not regularization:
        where = {**SKLEARN, "data": name}
        agreement("model.quadratic_discriminant", "covariance", fitted.info.covariance, theirs.covariance_, **where)


def test_a_class_without_a_density_is_refused_or_regularized(run, data):
    x, y = data("wine")
    few = np.r_[np.flatnonzero(y != 2), np.flatnonzero(y == 2)[:6]]
    fitted = run("quadratic_discriminant", qda.Spec(), x[few], y[few], classes=3)
    (problem,) = qda.remarks(qda.Spec(), fitted.info, fitted.shape)
    assert problem.parameter == "regularization"
    assert "in 1 of 3 classes the 13 columns vary in fewer directions than they are (in 5, in a class of 6 rows)" in (
        problem.message
    )
    assert np.isfinite(fitted.predict(x).score).all()
    spec = qda.Spec(regularization=0.5)
    fitted = run("quadratic_discriminant", spec, x[few], y[few], classes=3)
    assert not list(qda.remarks(spec, fitted.info, fitted.shape))
    joint = np.stack(
        [
            multivariate_normal(
                x[few][y[few] == c].mean(axis=0), 0.5 * np.cov(x[few][y[few] == c].T, bias=True) + 0.5 * np.eye(13)
            ).logpdf(x) + np.log((y[few] == c).mean())
            for c in range(3)
        ],
        axis=1,
    )  # fmt: skip
    np.testing.assert_allclose(fitted.predict(x).probability, softmax(joint, axis=1), atol=1e-9)
