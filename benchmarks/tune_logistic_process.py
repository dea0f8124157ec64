"""The search from a file, whole processes: start Python, read the CSV, search, test, report."""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import tuning
from benchmarks.harness import Process, command

PEER = "benchmarks/peers/tuning.py"


def benchmark() -> Process:
    """`mldsl run` beside a script that does the same with pandas and scikit-learn."""
    scratch = tempfile.mkdtemp(prefix="mldsl-bench-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    table, file = Path(scratch) / "rows.csv", Path(scratch) / "tuning.mlp"
    tuning.table().write_csv(table)
    file.write_text(tuning.FILE.replace('frame("data")', 'csv("rows.csv")'), encoding="utf-8")
    return Process(
        title="the same search from a CSV file, whole process",
        goal=0.1,
        ours=command("run", str(file), "--json", "--force", "--runs-dir", f"{scratch}/runs"),
        peer=[sys.executable, PEER, str(table)],
        peer_call=PEER,
        before=lambda: {"MLDSL_CACHE_DIR": f"{scratch}/cache"},
        score_name="test accuracy",
        score_ours=_accuracy,
        score_peer=float,
        warm_up=2,
        rounds=7,
        packages=("mldsl", "jax", "polars", "scikit-learn", "pandas"),
    )


def _accuracy(text: str) -> float:
    record = json.loads(text)
    return float(record["models"][record["best"]]["metrics"]["test"]["accuracy"]["value"])
