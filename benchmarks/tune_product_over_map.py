"""What `batches` of logistic regression gains: the search side by side, beside the same search mapped."""

from __future__ import annotations

from benchmarks import tuning
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Both sides are ours: one program, fits side by side or one after the other."""
    return tuning.ways(
        "product", "map", "the search side by side, beside the same mapped: what `batches` gains", goal=1.0
    )
