"""What one program for all fits gains over calling the program of one fit again and again."""

from __future__ import annotations

from benchmarks import tuning
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Both sides are ours: `lax.map` in one call, or a call for each fit."""
    return tuning.ways("map", "loop", "the search mapped in one program, beside a call for each fit", goal=1.0)
