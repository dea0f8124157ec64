"""A random forest of a hundred pure trees on a hundred thousand rows with many columns, some of them noise."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from benchmarks.harness import Fit

ROWS, HELD_OUT, COLUMNS, TREES = 100_000, 20_000, 50, 100


@cache
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """float32 rows and classes to learn from, and held-out ones: products, bends, lines, and a noisy class."""
    rng = np.random.default_rng(0)
    n = ROWS + HELD_OUT
    mixing = np.eye(COLUMNS) + 0.3 * rng.normal(size=(COLUMNS, COLUMNS)) / np.sqrt(COLUMNS)
    x = rng.normal(size=(n, COLUMNS)) @ mixing
    score = x[:, 0] * x[:, 1] + x[:, 2] + 0.5 * np.abs(x[:, 3]) * x[:, 4] + 0.7 * np.sin(2 * x[:, 5])
    score += x[:, 6:12] @ rng.normal(size=6) * 0.4
    y = (score + rng.logistic(scale=0.3 * score.std(), size=n) > 0).astype(np.int32)
    x = x.astype(np.float32)
    return x[:ROWS], y[:ROWS], x[ROWS:], y[ROWS:]


def benchmark() -> Fit:
    """Cut into bins and grow all trees, with out-of-bag answers; scored by ROC AUC on held-out rows."""
    import jax
    from mldsl_plugins.trees import random_forest as ours
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score

    from mldsl.contract import ColumnShape, Examples, Shape, as_tree
    from mldsl.execute.buckets import bucket, pad
    from mldsl.execute.settings import configure

    configure()
    x, y, x_test, y_test = data()
    n = bucket(ROWS)
    shape = Shape(n, tuple(ColumnShape(f"x{j}") for j in range(COLUMNS)), classes=2)
    spec = ours.Spec(trees=TREES)
    matrix, weight = pad(x, n), pad(np.ones(ROWS, np.float32), n)
    target, active = pad(y, n), np.ones(COLUMNS, bool)
    tree = as_tree(spec)
    compiled = jax.jit(lambda key, examples: ours.fit(tree, key, shape, examples))
    predict = jax.jit(lambda params, rows: ours.mldsl_components()[0].predict(tree, params, rows).probability)

    def fit() -> Any:
        columns = {f"x{j}": matrix[:, j] for j in range(COLUMNS)}
        inputs, _ = ours.prepare(spec, shape, columns, weight)
        return jax.block_until_ready(compiled(jax.random.key(0), Examples(inputs, weight, target, active)))

    return Fit(
        title=f"random_forest, {ROWS // 1000}k x {COLUMNS}, {TREES} trees",
        goal=0.7,
        peer_call=f"RandomForestClassifier({TREES}, n_jobs=2)",
        ours=fit,
        peer=lambda: RandomForestClassifier(TREES, n_jobs=2, random_state=0).fit(x, y),
        score_name="ROC AUC",
        score_ours=lambda fitted: float(roc_auc_score(y_test, np.asarray(predict(fitted[0], x_test))[:, 1])),
        score_peer=lambda model: float(roc_auc_score(y_test, model.predict_proba(x_test)[:, 1])),
        rounds=3,
    )
