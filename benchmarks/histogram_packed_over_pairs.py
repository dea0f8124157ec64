"""A histogram from packed whole numbers, in chunks, beside one from pairs of float32."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.histograms import N, compared, packed, pairs


def benchmark() -> Any:
    """All rows."""
    title = "histogram, 500k x 28: packed whole numbers over float32 pairs"
    return compared(title, partial(packed, count=N), pairs, "lax.map over columns of one scatter of float32 pairs")
