"""A deep tree on all flights: 30 levels, 370,000 nodes, of up to 32,000 on a level."""

from __future__ import annotations

from benchmarks import fit_cart
from benchmarks.harness import Fit


def benchmark() -> Fit:
    """Fit, with what the host prepares; scored by the area under the curve on held-out rows."""
    return fit_cart.benchmark(depth=30)
