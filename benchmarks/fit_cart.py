"""A tree on all flights: a million rows, seven columns with few distinct values, exact splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.harness import Fit

DATA = Path(__file__).parents[2] / "shared" / "data" / "flights_2001.parquet"
DEPTH, HELD_OUT = 10, 10  # levels; every tenth row


def benchmark(depth: int = DEPTH) -> Fit:
    """Fit, with what the host prepares; scored by the area under the curve on held-out rows."""
    import jax
    import numpy as np
    import polars as pl
    from mldsl_plugins.trees import cart
    from sklearn.metrics import roc_auc_score
    from sklearn.tree import DecisionTreeClassifier

    from mldsl.contract import ColumnShape, Examples, Prepared, Shape, as_tree
    from mldsl.execute.buckets import bucket, pad
    from mldsl.execute.settings import configure

    configure()
    frame = pl.read_parquet(DATA)
    names = frame.columns[:-1]
    late = (frame["delay"] > 15).to_numpy().astype(np.int32)
    x = np.stack([frame[name].to_physical().to_numpy() for name in names], axis=1).astype(np.float32)
    held = np.arange(len(x)) % HELD_OUT == 0
    n = bucket(len(x))
    columns = tuple(ColumnShape(name) for name in names)
    shape = Shape(n, columns, classes=2)
    spec = cart.Spec(max_depth=depth, min_samples_split=2, min_samples_leaf=1, surrogate_splits=0)
    wide = x.astype(np.float64)
    weight, target = np.where(held, 0.0, 1.0), pad(late, n)
    active, key = np.ones(len(names), bool), jax.random.key(0)
    fit, tree = jax.jit(cart.fit, static_argnums=2), as_tree(spec, np.float64)

    def ours() -> Any:
        prepared, _ = cart.prepare(spec, shape, {c.name: wide[:, j] for j, c in enumerate(columns)}, weight)
        inputs = Prepared(tuple(pad(part, n) for part in prepared.rows), prepared.shared)
        with jax.enable_x64(True):
            examples = Examples(inputs, pad(weight, n), target, active)
            return jax.block_until_ready(fit(tree, key, shape, examples))[0]

    def auc(params: Any) -> float:
        with jax.enable_x64(True):
            answer = jax.jit(cart.predict)(tree, params, wide[held])
        return float(roc_auc_score(late[held], np.asarray(answer.probability)[:, 1]))

    return Fit(
        title=f"cart, all flights (928,135 x 7), depth {depth}",
        goal=1.0,
        peer_call=f"DecisionTreeClassifier(max_depth={depth})",
        ours=ours,
        peer=lambda: DecisionTreeClassifier(max_depth=depth, random_state=0).fit(x[~held], late[~held]),
        score_name="AUC",
        score_ours=auc,
        score_peer=lambda model: float(roc_auc_score(late[held], model.predict_proba(x[held])[:, 1])),
        rounds=5,
    )
