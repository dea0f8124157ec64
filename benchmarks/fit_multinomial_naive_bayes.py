"""Multinomial naive Bayes on sparse counts of words, of the size and skew of newsgroups."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import Fit

DOCUMENTS, HELD_OUT, WORDS, LENGTH, CLASSES = 40_000, 5_000, 50_000, 150, 20


class Counts(NamedTuple):
    """Counts of words as SciPy's matrices, and classes, for training and held-out documents."""

    x: Any
    y: np.ndarray
    x_test: Any
    y_test: np.ndarray


@cache
def data() -> Counts:
    """Documents of Zipf-distributed words, of which each class prefers its own."""
    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    n = DOCUMENTS + HELD_OUT
    y = rng.integers(0, CLASSES, n)
    zipf = 1 / np.arange(1, WORDS + 1) ** 1.05
    cumulative = np.cumsum(zipf / zipf.sum())
    length = rng.poisson(LENGTH, n)
    row = np.repeat(np.arange(n), length)
    word = np.searchsorted(cumulative, rng.random(len(row))).clip(max=WORDS - 1)
    own = rng.random(len(row)) < 0.15  # of words that a class turns to others of its own
    word = np.where(own, (word * 7 + 101 * y[row]) % WORDS, word)
    x = sp.coo_matrix((np.ones(len(row), np.float32), (row, word)), (n, WORDS)).tocsr()
    return Counts(x[:DOCUMENTS], y[:DOCUMENTS], x[DOCUMENTS:], y[DOCUMENTS:])


def handed_over(x: Any) -> Any:
    """The matrix as a run hands it over."""
    from mldsl.contract import HostSparse
    from mldsl.execute.arrays import pad_sparse
    from mldsl.execute.buckets import bucket

    names = tuple(f"w{j}" for j in range(WORDS))
    return pad_sparse(HostSparse(x.indptr, x.indices, x.data, names), bucket(x.shape[0]), np.float32)


def benchmark() -> Fit:
    """Fit; scored by accuracy on held-out documents."""
    import jax
    from mldsl_plugins.bayes import multinomial_naive_bayes as ours
    from sklearn.naive_bayes import MultinomialNB

    from mldsl.contract import ColumnShape, Examples, Shape, as_tree
    from mldsl.execute.buckets import bucket, pad
    from mldsl.execute.settings import configure

    configure()
    rows, n = data(), bucket(DOCUMENTS)
    shape = Shape(n, tuple(ColumnShape(f"w{j}") for j in range(WORDS)), classes=CLASSES)
    weight, target = pad(np.ones(DOCUMENTS, np.float32), n), pad(rows.y.astype(np.int32), n)
    examples = Examples(handed_over(rows.x), weight, target, np.ones(WORDS, bool))
    spec = as_tree(ours.Spec())
    compiled = jax.jit(lambda spec, key, examples: ours.fit(spec, key, shape, examples))
    predict = jax.jit(ours.predict)

    def accuracy(result: Any) -> float:
        answer = predict(spec, result[0], handed_over(rows.x_test)).probability
        return float((np.asarray(answer)[:HELD_OUT].argmax(axis=1) == rows.y_test).mean())

    return Fit(
        title=f"multinomial_naive_bayes, sparse, {DOCUMENTS // 1000}k x {WORDS // 1000}k, "
        f"{rows.x.nnz / 1e6:.1f}M entries, {CLASSES} classes",
        goal=0.5,
        peer_call="MultinomialNB()",
        ours=lambda: jax.block_until_ready(compiled(spec, jax.random.key(0), examples)),
        peer=lambda: MultinomialNB().fit(rows.x, rows.y),
        score_name="accuracy",
        score_ours=accuracy,
        score_peer=lambda model: model.score(rows.x_test, rows.y_test),
    )
