"""Losses agree with scikit-learn's, their slopes are slopes, and nothing constant is better than where they start."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.losses import absolute_error, huber, logistic, poisson, quantile, softmax, squared_error
from mldsl_plugins.losses._loss import Loss
from sklearn._loss import loss as theirs

from mldsl.contract import Shape, as_tree
from mldsl.plugin.spec import Configured


def chosen(module, **numbers):
    component = module.mldsl_components()[0]
    return Configured(component, component.Spec(**numbers))


# Each with scikit-learn's, how many classes its target has, and what our second derivatives are of theirs.
LOSSES = {
    "squared_error": (chosen(squared_error), theirs.HalfSquaredError(), 0, lambda h, f: h),
    "absolute_error": (chosen(absolute_error), theirs.AbsoluteError(), 0, None),
    "huber": (chosen(huber, delta=40.0), theirs.HuberLoss(delta=40.0), 0, None),
    "quantile": (chosen(quantile, q=0.8), theirs.PinballLoss(quantile=0.8), 0, None),
    "poisson": (chosen(poisson), theirs.HalfPoissonLoss(), 0, lambda h, f: h * np.exp(0.7)),
    "logistic": (chosen(logistic), theirs.HalfBinomialLoss(), 2, lambda h, f: h),
    "softmax": (chosen(softmax), theirs.HalfMultinomialLoss(n_classes=3), 3, lambda h, f: h * 1.5),
}
EVERY = pytest.mark.parametrize("name", list(LOSSES))


@pytest.fixture(scope="module")
def cases(data):
    """name -> (loss with its Spec as a tree, scores, targets, weights): progression of diabetes, and its thirds."""
    y = data("diabetes")[1]
    random = np.random.default_rng(4)

    def of(name):
        configured, _, classes, _ = LOSSES[name]
        target = y if not classes else np.digitize(y, np.quantile(y, np.arange(1, classes) / classes)).astype(np.int32)
        size = (len(y), max(classes, 1) if classes > 2 else 1)
        score = random.normal(0, 1.5, size) if classes or name == "poisson" else y[:, None] + random.normal(0, 50, size)
        score = score + (4 if name == "poisson" else 0)
        return Loss(as_tree(configured, np.float64)), score, target, random.integers(0, 3, len(y)).astype(float)

    return of


def called(function, *arguments):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, jax.jit(function)(*arguments))


def raw(score):
    return np.ascontiguousarray(score[:, 0] if score.shape[1] == 1 else score)


@EVERY
def test_values_and_slopes_are_scikit_learns(cases, agreement, name):
    loss, score, target, _ = cases(name)
    _, reference, _, second = LOSSES[name]
    where = {"reference": "scikit-learn", "data": "diabetes", "relative": 1e-12}
    value, (first, curvature) = called(lambda f, y: (loss.value(f, y), loss.slopes(f, y)), score, target)
    y = target.astype(float)
    agreement(f"loss.{name}", "value", value, reference.loss(y, raw(score)), **where)
    gradient, hessian = reference.gradient_hessian(y, raw(score))
    agreement(f"loss.{name}", "slope", first, gradient.reshape(score.shape), **where)
    if second is None:  # theirs has no more than the constant
        np.testing.assert_array_equal(curvature, 1)
    else:
        expected = np.broadcast_to(second(hessian, score[:, 0]), gradient.shape).reshape(score.shape)
        agreement(f"loss.{name}", "second slope", curvature, expected, **where)


@EVERY
def test_slopes_are_those_of_the_value(cases, name):
    loss, score, target, _ = cases(name)

    def both(f, y):
        return jax.grad(lambda f: loss.value(f, y).sum())(f), loss.slopes(f, y)[0]

    found, expected = called(both, score, target)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@EVERY
def test_no_constant_is_better_than_the_start(cases, name):
    loss, _, target, weight = cases(name)
    classes = LOSSES[name][2]
    n = len(target)

    def judged(y, w):
        start = loss.start(y, w, classes)
        steps = np.concatenate([np.zeros((1, len(start))), np.eye(len(start)), -np.eye(len(start))])
        scores = start[None] + 1e-3 * steps
        return start, jax.lax.map(lambda f: (w * loss.value(jnp.broadcast_to(f, (n, f.shape[0])), y)).sum(), scores)

    start, totals = called(judged, target, weight)
    assert np.isfinite(start).all()
    assert totals[0] <= totals[1:].min() + 2e-7 * abs(totals[0])  # flat between two rows, but for rounding
    repeated = np.repeat(target, weight.astype(int))
    twice = called(lambda y: loss.start(y, jnp.ones(len(repeated)), classes), repeated)
    np.testing.assert_allclose(start, twice, rtol=1e-9)


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "quantile", "poisson", "logistic", "softmax"])
def test_starts_are_scikit_learns(cases, agreement, name):
    loss, _, target, _ = cases(name)
    _, reference, classes, _ = LOSSES[name]
    start = called(lambda y, w: loss.start(y, w, classes), target, np.ones(len(target)))
    expected = np.reshape(reference.fit_intercept_only(target.astype(float)), -1)
    if name == "softmax":  # theirs add up to 0
        start = start - start.mean()
    agreement(f"loss.{name}", "start", start, expected, reference="scikit-learn", data="diabetes", relative=1e-12)


@pytest.mark.parametrize(("name", "q"), [("absolute_error", 0.5), ("quantile", 0.8)])
def test_leaves_get_the_quantile_of_their_rows(cases, name, q):
    loss, _, target, weight = cases(name)
    leaf = (np.arange(len(target)) % 7).astype(np.int32)  # 7 of 8: the last is empty
    found = called(lambda y, w, s: loss.renew(y, w, s, 8), target, weight, leaf)
    for i in range(7):
        here = np.repeat(target[leaf == i], weight[leaf == i].astype(int))
        np.testing.assert_allclose(found[i], np.quantile(here, q), rtol=1e-12)
    assert found[7] == 0
    assert loss.renews


def test_scores_mean_probabilities_and_means(cases):
    odds = np.array([[-800.0], [0.0], [np.log(3)], [800.0]])
    found = called(cases("logistic")[0].answer, odds).probability
    np.testing.assert_allclose(found, [[1, 0], [0.5, 0.5], [0.25, 0.75], [0, 1]], atol=1e-12)
    found = called(cases("softmax")[0].answer, np.log([[1.0, 2, 5], [4, 4, 2]])).probability
    np.testing.assert_allclose(found, [[0.125, 0.25, 0.625], [0.4, 0.4, 0.2]], rtol=1e-12)
    np.testing.assert_allclose(called(cases("poisson")[0].answer, np.log([[3.0], [0.5]])).mean, [3, 0.5])
    np.testing.assert_array_equal(called(cases("huber")[0].answer, np.array([[3.0], [-1]])).mean, [3, -1])


def test_far_scores_stay_finite_in_float32():
    score = np.float32([[-1e4], [1e4], [-60], [60]])
    for name in ("logistic", "poisson"):
        loss = Loss(as_tree(LOSSES[name][0], np.float32))
        y = np.int32([1, 0, 1, 0]) if name == "logistic" else np.float32([1, 0, 2, 3])
        found = jax.tree.leaves(jax.jit(lambda f, y, loss=loss: (loss.value(f, y), loss.slopes(f, y)))(score, y))
        assert all(np.isfinite(part).all() for part in found)
    # What is nearly certain keeps its digits: 1 - p would not.
    loss = Loss(as_tree(LOSSES["logistic"][0], np.float32))
    first, second = jax.jit(loss.slopes)(np.float32([[30.0]]), np.int32([1]))
    np.testing.assert_allclose(first, [[-np.exp(-30.0)]], rtol=1e-5)
    np.testing.assert_allclose(second, [[np.exp(-30.0)]], rtol=1e-5)


def test_classes_without_rows_and_counts_of_nothing(cases):
    loss = cases("logistic")[0]
    np.testing.assert_allclose(
        called(lambda y: loss.start(y, jnp.ones(4), 2), np.int32([1, 1, 1, 1])), [-np.log(1e-15)]
    )
    loss = cases("softmax")[0]
    start = called(lambda y: loss.start(y, jnp.ones(4), 3), np.int32([0, 0, 2, 2]))
    np.testing.assert_allclose(start, np.log([0.5, 1e-15, 0.5]))
    loss = cases("poisson")[0]
    np.testing.assert_allclose(called(lambda y: loss.start(y, jnp.ones(3), 0), np.zeros(3)), [np.log(1e-15)])
    np.testing.assert_array_equal(called(loss.outside, np.array([-1.0, 0, 0.5])), [True, False, False])
    assert not called(cases("huber")[0].outside, np.array([-1.0, 0, 0.5])).any()
    assert "at least 0" in loss.domain()


@pytest.mark.parametrize(
    ("name", "classes", "expected"),
    [
        ("squared_error", 2, "expected logistic or softmax, since the target has 2 classes, found squared_error"),
        ("logistic", 0, "expected a loss of numbers such as squared_error, since the target is one, found logistic"),
        ("logistic", 3, "expected softmax, since the target has 3 classes, found logistic"),
        ("softmax", 0, "expected a loss of numbers such as squared_error, since the target is one, found softmax"),
        ("softmax", 2, ""), ("logistic", 2, ""), ("poisson", 0, ""),
    ],
)  # fmt: skip
def test_losses_say_which_targets_they_are_for(name, classes, expected):
    problems = list(Loss(LOSSES[name][0]).check(Shape(rows=8, classes=classes)))
    assert [p.message for p in problems] == ([expected] if expected else [])
    assert all(p.parameter == "loss" for p in problems)
