"""Scores of a million rows from a hundred trees of LightGBM's, by either side."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dense import COLUMNS, data
from benchmarks.harness import Fit

TREES, LEAVES = 100, 31
GROWN_ON = 200_000  # rows: trees of that size hardly change with more


def benchmark() -> Fit:
    """Predict, in memory; scored by the accuracy on all rows."""
    import jax
    import lightgbm
    from mldsl_plugins.trees._predict import summed

    from benchmarks.trees import translated
    from mldsl.execute.settings import configure

    configure()
    rows = data()
    options = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 2, "verbose": -1, "seed": 0}
    few = lightgbm.Dataset(rows.x[:GROWN_ON], rows.label[:GROWN_ON])
    booster = lightgbm.train(options, few, TREES)
    trees, x = jax.device_put((translated(booster), rows.x))
    compiled = jax.jit(summed)

    def accuracy(score: Any) -> float:
        return float(((np.asarray(score).reshape(-1) > 0) == rows.label).mean())

    return Fit(
        title=f"trees predict, 1M x {COLUMNS}, {TREES} trees of {LEAVES} leaves",
        goal=1.0,
        peer_call=f"Booster.predict(x, raw_score=True), of {TREES} trees of {LEAVES} leaves",
        ours=lambda: jax.block_until_ready(compiled(trees, x)),
        peer=lambda: booster.predict(rows.x, raw_score=True, num_threads=2),
        score_name="accuracy",
        score_ours=accuracy,
        score_peer=accuracy,
        packages=("mldsl", "jax", "numpy", "lightgbm"),
    )
