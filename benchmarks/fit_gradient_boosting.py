"""Gradient boosting beside LightGBM: bins and rounds, the same task, two cores."""

from __future__ import annotations

from typing import Any

from benchmarks.boosting import comparison


def benchmark() -> Any:
    """Fit, in memory."""
    return comparison("", "lightgbm")
