"""Sums and products of a sparse matrix are those of the dense one, weighted or not, by class or not, folds at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mldsl.contract import Numbered, Sparse, matmul, segment_reduce, weighted_mean, weighted_sum
from mldsl.contract import sparse as module

N, D, K = 40, 7, 3
rng = np.random.default_rng(2)
DENSE = np.where(rng.random((N, D)) < 0.3, rng.normal(size=(N, D)), 0).astype(np.float32)
DENSE[[4, 9]] = 0
WEIGHT = rng.integers(0, 3, N).astype(np.float32)
LABEL = jnp.asarray(rng.integers(0, K, N), jnp.int32)
RIGHT, LEFT = (jnp.asarray(rng.normal(size=(size, K)), jnp.float32) for size in (D, N))


def sparse(dense: np.ndarray, spare: int = 9) -> Sparse:
    row, column = np.nonzero(dense)
    n, d = dense.shape
    return Sparse(
        jnp.asarray(np.pad(dense[row, column], (0, spare))),
        jnp.asarray(np.pad(row, (0, spare), constant_values=n - 1).astype(np.int32)),
        jnp.asarray(np.pad(column, (0, spare)).astype(np.int32)), jnp.zeros((n, 0, d), dense.dtype),
    )  # fmt: skip


X = sparse(DENSE)
ONE_HOT = (np.arange(K) == np.asarray(LABEL)[:, None]).astype(np.float32)

SAME = {
    "matmul": (lambda x: x.matmul(RIGHT), DENSE @ np.asarray(RIGHT)),
    "transposed": (lambda x: x.transposed_matmul(LEFT), DENSE.T @ np.asarray(LEFT)),
    "column sums": (lambda x: x.column_sums(WEIGHT), WEIGHT @ DENSE),
    "class sums": (lambda x: x.class_sums(WEIGHT, LABEL, K), DENSE.T @ (WEIGHT[:, None] * ONE_HOT)),
    "row sums": (lambda x: x.row_sums(), DENSE.sum(axis=1)),
    "l1": (lambda x: x.row_norms("l1"), np.abs(DENSE).sum(axis=1)),
    "l2": (lambda x: x.row_norms(), np.linalg.norm(DENSE, axis=1)),
    "max": (lambda x: x.row_norms("max"), np.abs(DENSE).max(axis=1)),
    "squared": (lambda x: x.squared().column_sums(WEIGHT), WEIGHT @ DENSE**2),
    "presence": (lambda x: x.presence().column_sums(WEIGHT), WEIGHT @ (DENSE != 0)),
    "by row and column": (
        lambda x: x.scaled(LEFT[:, 0], RIGHT[:, 0]).matmul(jnp.eye(D)),
        np.asarray(LEFT)[:, :1] * DENSE * np.asarray(RIGHT)[:, 0],
    ),
    "only": (lambda x: x.only(jnp.arange(D) < 4).matmul(jnp.eye(D)), DENSE * (np.arange(D) < 4)),
    "weighted_sum": (lambda x: weighted_sum(x, WEIGHT), WEIGHT @ DENSE),
    "weighted_mean": (lambda x: weighted_mean(x, WEIGHT), WEIGHT @ DENSE / WEIGHT.sum()),
    "segments": (lambda x: segment_reduce(x, LABEL, K, weight=WEIGHT), (WEIGHT[:, None] * ONE_HOT).T @ DENSE),
    "either": (lambda x: matmul(x, RIGHT), DENSE @ np.asarray(RIGHT)),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
@pytest.mark.parametrize("blocks", [False, True])
def test_it_is_what_the_dense_matrix_gives(name, blocks, monkeypatch):
    if blocks:  # of 16 entries, the last of which overlaps the one before
        monkeypatch.setattr(module, "BLOCK", 16)
        monkeypatch.setattr(module, "WHOLE", 0)
    function, expected = SAME[name]
    np.testing.assert_allclose(jax.jit(function)(X), expected, rtol=2e-5, atol=1e-6)


def test_the_dense_forms_agree():
    for name in ("weighted_sum", "weighted_mean", "segments", "either"):
        function, expected = SAME[name]
        np.testing.assert_allclose(function(jnp.asarray(DENSE)), expected, rtol=2e-5, atol=1e-6)


def test_rows_of_weight_0_add_nothing_whatever_they_hold():
    absent = np.flatnonzero(WEIGHT == 0)
    loud = np.where((WEIGHT == 0)[:, None] & (DENSE != 0), 1e15, DENSE)
    assert len(absent)
    assert (loud != DENSE).any()
    for function in (lambda x: x.column_sums(WEIGHT), lambda x: x.class_sums(WEIGHT, LABEL, K)):
        np.testing.assert_array_equal(function(X), function(sparse(loud)))


def test_labels_that_are_no_class_count_for_none():
    odd = np.where(np.arange(N) % 4 == 0, -1, np.where(np.arange(N) % 4 == 1, K, LABEL)).astype(np.int32)
    odd = jnp.asarray(odd)
    here = np.arange(N) % 4 > 1
    found = X.class_sums(WEIGHT, odd, K)
    np.testing.assert_allclose(found, DENSE[here].T @ (WEIGHT[:, None] * ONE_HOT)[here], rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("function", [lambda x, w: x.column_sums(w), lambda x, w: x.class_sums(w, LABEL, K)])
def test_folds_share_the_entries(function):
    weights = jnp.asarray(np.stack([WEIGHT, WEIGHT * (np.arange(N) % 2), WEIGHT * (np.arange(N) < 9)]))
    together = jax.vmap(lambda w: function(X, w))(weights)
    np.testing.assert_allclose(together, [function(X, w) for w in weights], rtol=1e-6)
    entries = X.value.shape[0]
    closed = jax.make_jaxpr(jax.vmap(lambda w: function(X, w)))(weights)
    shapes = {v.aval.shape for e in closed.jaxpr.eqns for v in e.outvars}
    assert (3, entries) not in shapes, "the entries are not copied for each fold"


def test_weights_may_be_differentiated():
    def of(w):
        return (X.column_sums(w) ** 2).sum()

    expected = 2 * DENSE @ (WEIGHT @ DENSE)
    np.testing.assert_allclose(jax.grad(of)(jnp.asarray(WEIGHT)), expected, rtol=1e-4, atol=1e-5)


def test_numbered_names_are_made_when_asked_for():
    names = Numbered("text_", 1 << 20)
    assert len(names) == 1 << 20
    assert (names[0], names[-1], names[2:4]) == ("text_0", "text_1048575", ["text_2", "text_3"])
    with pytest.raises(IndexError):
        names[1 << 20]
