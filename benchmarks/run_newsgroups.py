"""Twenty newsgroups from the command line: 18,821 posts read, their words counted, a linear machine trained and judged.

The posts are read from beside the repository; they are for research only.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile

from benchmarks.harness import Process, command

PEER = "benchmarks/peers/newsgroups.py"


def benchmark() -> Process:
    """The whole process, run before: its programs are kept."""
    scratch = tempfile.mkdtemp(prefix="mldsl-bench-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    file = "benchmarks/pipelines/newsgroups.mlp"
    return Process(
        title="`mldsl run` on twenty newsgroups, TF-IDF and `linear_svm`, with test intervals, run before",
        goal=1.0,
        ours=command("run", file, "--json", "--force", "--runs-dir", f"{scratch}/runs"),
        peer=[sys.executable, PEER],
        peer_call=PEER,
        score_name="accuracy",
        score_ours=_accuracy,
        score_peer=float,
        rounds=3,
        packages=("mldsl", "jax", "polars", "scikit-learn", "pandas"),
    )


def _accuracy(text: str) -> float:
    record = json.loads(text)
    return float(record["models"][record["best"]]["metrics"]["test"]["accuracy"]["value"])
