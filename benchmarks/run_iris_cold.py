"""Iris from the command line, for the first time: nothing compiled, no declaration read."""

from __future__ import annotations

from benchmarks import run_iris_warm
from benchmarks.harness import Process


def benchmark() -> Process:
    """The whole process."""
    return run_iris_warm.benchmark(cold=True)
