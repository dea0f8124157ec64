"""Gradient boosting of `flights_2001`, defaults against defaults."""

from __future__ import annotations

from typing import Any

from benchmarks.real import comparison


def benchmark() -> Any:
    """Fit, in memory."""
    return comparison("flights_2001")
