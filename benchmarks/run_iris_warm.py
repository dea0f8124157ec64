"""Iris from the command line, when it has been run before."""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile

from benchmarks.harness import Process, command

PEER = "benchmarks/peers/iris.py"


def benchmark(*, cold: bool = False) -> Process:
    """The whole process; `cold` gives each run an empty cache."""
    scratch = tempfile.mkdtemp(prefix="mldsl-bench-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)

    def before() -> dict[str, str]:
        return {"MLDSL_CACHE_DIR": tempfile.mkdtemp(dir=scratch) if cold else f"{scratch}/cache"}

    return Process(
        title="`mldsl run` on iris, " + ("first run ever" if cold else "run before"),
        goal=1.5 if cold else 0.8,
        ours=command("run", "benchmarks/pipelines/iris.mlp", "--json", "--force", "--runs-dir", f"{scratch}/runs"),
        peer=[sys.executable, PEER],
        peer_call=PEER,
        before=before,
        score_name="accuracy",
        score_ours=_accuracy,
        score_peer=float,
        warm_up=2,
        packages=("mldsl", "jax", "polars", "scikit-learn", "pandas"),
    )


def _accuracy(text: str) -> float:
    record = json.loads(text)
    return float(record["models"][record["best"]]["metrics"]["test"]["accuracy"]["value"])
