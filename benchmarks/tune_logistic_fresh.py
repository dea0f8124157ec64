"""The first search of a process: kept executables are read, workers are started."""

from __future__ import annotations

import sys

from benchmarks.harness import Process


def benchmark() -> Process:
    """5 folds x 20 settings and the last fit; imports and reading are left out on both sides."""
    return Process(
        title="the same search, the first of its process, imports left out",
        goal=0.1,
        ours=[sys.executable, "-m", "benchmarks.tuning", "ours"],
        peer=[sys.executable, "-m", "benchmarks.tuning", "peer"],
        peer_call="GridSearchCV(LogisticRegression(max_iter=1000), ..., n_jobs=2)",
        score_name="best mean accuracy over the folds",
        score_ours=lambda text: float(text.split()[1]),
        score_peer=lambda text: float(text.split()[1]),
        seconds=lambda text: float(text.split()[0]),
        rounds=7,
        packages=("mldsl", "jax", "numpy", "scikit-learn"),
    )
