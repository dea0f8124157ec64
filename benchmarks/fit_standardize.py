"""Standardizing, on a million rows."""

from __future__ import annotations

from benchmarks.dense import scaler
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit and apply; scored by the greatest deviation between the held-out rows that both sides scale."""
    from sklearn.preprocessing import StandardScaler

    return scaler("standardize", StandardScaler, "StandardScaler().fit_transform")
