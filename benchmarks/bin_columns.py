"""A million rows cut into bins, as a fit of trees begins."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.dense import COLUMNS, ROWS, data
from benchmarks.harness import Fit

BINS = 255


def benchmark() -> Fit:
    """Cut and code; scored by how many bins the first column has."""
    import lightgbm
    from mldsl_plugins.trees._bins import bin_columns

    from mldsl.contract import ColumnShape, Shape

    rows = data()
    shape = Shape(ROWS, tuple(ColumnShape(f"x{j}") for j in range(COLUMNS)))
    columns = {column.name: np.ascontiguousarray(rows.x[:, j]) for j, column in enumerate(shape.columns)}
    weight = np.ones(ROWS, np.float32)

    def theirs() -> Any:
        return lightgbm.Dataset(
            rows.x, rows.label, params={"max_bin": BINS, "num_threads": 2, "verbose": -1}
        ).construct()

    return Fit(
        title=f"bins of trees, 1M x {COLUMNS}, {BINS} bins",
        goal=1.0,
        peer_call="lightgbm.Dataset(x, label).construct()",
        ours=lambda: bin_columns(shape, columns, weight, BINS),
        peer=theirs,
        score_name="bins of the first column",
        score_ours=lambda prepared: int(prepared.shared.used[0]),
        score_peer=lambda dataset: dataset.feature_num_bin(0),
        packages=("mldsl", "numpy", "lightgbm"),
    )
