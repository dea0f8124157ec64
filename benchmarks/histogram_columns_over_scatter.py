"""A histogram column by column beside one scatter of all columns."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.histograms import N, compared, packed, scattered


def benchmark() -> Any:
    """All rows."""
    title = "histogram, 500k x 28: column by column over one scatter"
    return compared(title, partial(packed, count=N), scattered, "one scatter of [n, d] pairs of float32")
