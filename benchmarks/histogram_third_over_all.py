"""The histogram of a third of the rows, gathered, beside that of all rows in order: what the smaller child saves."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.histograms import N, compared, packed


def benchmark() -> Any:
    """A child with a third of the rows of its parent."""
    title = "histogram, 500k x 28: a third of the rows, gathered, over all of them"
    return compared(title, partial(packed, count=N // 3), partial(packed, count=N), "all rows in order")
