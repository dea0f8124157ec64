"""Nearest neighbors by brute force: many queries against a hundred thousand rows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from benchmarks.harness import Fit

ROWS, QUERIES, COLUMNS, K = 100_000, 20_000, 50, 5


@cache
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """float32 rows and classes to choose from, queries and their classes."""
    rng = np.random.default_rng(0)
    n = ROWS + QUERIES
    x = (rng.normal(size=(n, 8)) @ rng.normal(size=(8, COLUMNS)) + 0.3 * rng.normal(size=(n, COLUMNS))).astype(
        np.float32
    )
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.int32)
    return x[:ROWS], y[:ROWS], x[ROWS:], y[ROWS:]


def benchmark() -> Fit:
    """Answer all queries (fitting keeps the rows); scored by accuracy."""
    import jax
    from mldsl_plugins.neighbors import k_nearest_neighbors as ours
    from sklearn.neighbors import KNeighborsClassifier

    from mldsl.contract import ColumnShape, Examples, Shape, as_tree
    from mldsl.execute.buckets import bucket, pad
    from mldsl.execute.settings import configure

    configure()
    x, y, queries, expected = data()
    n = bucket(ROWS)
    shape = Shape(n, tuple(ColumnShape(f"x{j}") for j in range(COLUMNS)), classes=2)
    examples = Examples(pad(x, n), pad(np.ones(ROWS, np.float32), n), pad(y, n), np.ones(COLUMNS, bool))
    spec = as_tree(ours.Spec(K))

    def both(key: Any, examples: Any, queries: Any) -> Any:
        params, _ = ours.fit(spec, key, shape, examples)
        return ours.predict(spec, params, queries).probability

    compiled = jax.jit(both)

    def score(probability: Any) -> float:
        return float((np.asarray(probability)[:QUERIES].argmax(axis=1) == expected).mean())

    padded = pad(queries, bucket(QUERIES))
    return Fit(
        title=f"k_nearest_neighbors, {ROWS // 1000}k x {COLUMNS}, {QUERIES // 1000}k queries",
        goal=0.7,
        peer_call=f'KNeighborsClassifier({K}, algorithm="brute"), fit and predict_proba',
        ours=lambda: jax.block_until_ready(compiled(jax.random.key(0), examples, padded)),
        peer=lambda: KNeighborsClassifier(K, algorithm="brute").fit(x, y).predict_proba(queries),
        score_name="accuracy",
        score_ours=score,
        score_peer=score,
        rounds=3,
    )
