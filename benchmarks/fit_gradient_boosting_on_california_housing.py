"""Gradient boosting of `california_housing`, defaults against defaults."""

from __future__ import annotations

from typing import Any

from benchmarks.real import comparison


def benchmark() -> Any:
    """Fit, in memory."""
    return comparison("california_housing")
