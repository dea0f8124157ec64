"""Shapley values of a thousand rows under a hundred trees of LightGBM's, by either side."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dense import COLUMNS, data
from benchmarks.harness import Fit

TREES, LEAVES, ROWS = 100, 31, 1000
GROWN_ON = 200_000


def benchmark() -> Fit:
    """In memory, paths of trees made ready anew each time; scored by the mean size of values, which is one number."""
    import jax
    import lightgbm
    from mldsl_plugins.trees._shap import contributions, paths_of, points_of

    from benchmarks.trees import translated
    from mldsl.execute.settings import configure

    configure()
    rows = data()
    options = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 2, "verbose": -1, "seed": 0}
    few = lightgbm.Dataset(rows.x[:GROWN_ON], rows.label[:GROWN_ON])
    booster = lightgbm.train(options, few, TREES)
    trees, x = translated(booster), rows.x[:ROWS]
    categorical = np.zeros(x.shape[1], bool)
    compiled = jax.jit(contributions)

    def ours() -> Any:
        paths = paths_of(trees)
        return jax.block_until_ready(compiled(trees, paths, points_of(paths), x, categorical))

    return Fit(
        title=f"trees explained (SHAP), {ROWS:,} x {COLUMNS}, {TREES} trees of {LEAVES} leaves",
        goal=1.0,
        peer_call="Booster.predict(x, pred_contrib=True)",
        ours=ours,
        peer=lambda: booster.predict(x, pred_contrib=True, num_threads=2)[:, :-1],
        score_name="mean size",
        score_ours=lambda value: float(np.abs(np.asarray(value)).mean()),
        score_peer=lambda value: float(np.abs(value).mean()),
        packages=("mldsl", "jax", "numpy", "lightgbm"),
    )
