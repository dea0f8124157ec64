"""Logistic regression on a million rows, against the fastest of scikit-learn's solvers for such a table."""

from __future__ import annotations

from benchmarks import fit_logistic_regression
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit; both sides by Newton's method."""
    return fit_logistic_regression.benchmark("newton-cholesky")
