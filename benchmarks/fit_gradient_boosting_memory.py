"""The most memory that gradient boosting of a million rows takes, beside LightGBM's: whole processes, data included."""

from __future__ import annotations

from benchmarks.boosting import PACKAGES, alone
from benchmarks.harness import Process


def benchmark() -> Process:
    """MB of each process at its largest."""
    return Process(
        title="gradient_boosting, 1,000,000 x 28, 100 trees: peak memory",
        goal=2.0,
        ours=alone("ours", "memory"),
        peer=alone("lightgbm", "memory"),
        peer_call="LGBMClassifier(n_estimators=100, num_leaves=31, max_bin=255, n_jobs=2).fit in its process",
        seconds=float,
        unit="MB",
        warm_up=0,
        rounds=3,
        packages=PACKAGES,
    )
