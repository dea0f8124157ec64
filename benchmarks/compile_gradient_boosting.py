"""What a first fit of gradient boosting takes longer than the next one: tracing and compiling, from empty caches."""

from __future__ import annotations

from benchmarks.boosting import PACKAGES, alone, environment
from benchmarks.harness import Process


def benchmark() -> Process:
    """Seconds, in a process of its own."""
    return Process(
        title="gradient_boosting, 100,000 x 28: the first fit less the second, nothing compiled before",
        goal=3.0,
        ours=alone("ours", "first"),
        before=environment,
        seconds=float,
        warm_up=0,
        rounds=3,
        packages=PACKAGES,
    )
