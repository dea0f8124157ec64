"""How two programs are compared: alternating A B A B, so that what disturbs the machine disturbs both.

Whole processes are timed for start-up, cold and warm runs. Fits are timed inside this process after one warm-up, until
their results are there. The figure is the median of the ratios of neighbouring measurements, with its quartiles, beside
the held-out score of either side, so that speed is never bought with quality.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


@attrs.frozen
class Fit:
    """A computation in this process: `ours` and `peer` do it once, completely, and return what `score` judges.

    `goal` is the greatest ratio ours / peer that counts as reached. `peer_call` says in code what the peer does.
    `seeds` gives the held-out score of ours and of each peer, by name, for other splits of the rows.
    """

    title: str
    goal: float
    peer_call: str
    ours: Callable[[], Any]
    peer: Callable[[], Any]
    score_name: str
    score_ours: Callable[[Any], float]
    score_peer: Callable[[Any], float]
    rounds: int = 7
    packages: Sequence[str] = ("mldsl", "jax", "numpy", "scikit-learn")
    seeds: Callable[[], Mapping[str, Sequence[float]]] | None = None


@attrs.frozen
class Process:
    """A whole process. `before` prepares each round of ours (an empty cache) and gives environment variables to set.

    With a peer, `goal` is the greatest ratio; without one, the most seconds. `score` reads standard output, as text;
    so does `seconds`, for processes that time a part of themselves, or measure something else, in another `unit`.
    """

    title: str
    goal: float
    ours: Sequence[str]
    peer: Sequence[str] | None = None
    peer_call: str = ""
    before: Callable[[], Mapping[str, str]] = dict
    score_name: str = ""
    score_ours: Callable[[str], float] | None = None
    score_peer: Callable[[str], float] | None = None
    seconds: Callable[[str], float] | None = None
    unit: str = "s"
    warm_up: int = 1
    rounds: int = 9
    cwd: Path = ROOT
    packages: Sequence[str] = ("mldsl", "jax", "numpy")


def run(name: str, benchmark: Fit | Process, rounds: int | None = None) -> dict[str, Any]:
    """Measure, and write `results/<name>.json`; gives what was written."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None  # before we add to it
    measure = _measure_fit if isinstance(benchmark, Fit) else _measure_process
    ours, peer, scores = measure(benchmark, rounds or benchmark.rounds)
    result: dict[str, Any] = {
        "name": name,
        "title": benchmark.title,
        "kind": "fit" if isinstance(benchmark, Fit) else "process",
        "peer": benchmark.peer_call,
        "unit": getattr(benchmark, "unit", "s"),
        "goal": benchmark.goal,
        "ours_seconds": _summary(ours),
        "peer_seconds": _summary(peer) if peer else None,
        "ratio": _summary([a / b for a, b in zip(ours, peer, strict=True)]) if peer else None,
        "score": {"name": benchmark.score_name, **scores} if scores else None,
        "seeds": _over_seeds(benchmark),
        "rounds": len(ours),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in benchmark.packages}},
        "machine": machine(),
        "load_before": load,
        "date": time.strftime("%Y-%m-%d"),
    }
    figure = result["ratio"] or result["ours_seconds"]
    result["reached"] = figure["median"] <= benchmark.goal
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    return result


def _measure_fit(benchmark: Fit, rounds: int) -> tuple[list[float], list[float], dict[str, float]]:
    scores = {"ours": benchmark.score_ours(benchmark.ours()), "peer": benchmark.score_peer(benchmark.peer())}
    ours, peer = [], []
    for _ in range(rounds):
        ours.append(_seconds(benchmark.ours))
        peer.append(_seconds(benchmark.peer))
    return ours, peer, scores


def _over_seeds(benchmark: Fit | Process) -> dict[str, Any] | None:
    """Mean scores of all sides, and how far each peer's is from ours, with the standard error of the difference."""
    if not isinstance(benchmark, Fit) or benchmark.seeds is None:
        return None
    scores = {side: list(values) for side, values in benchmark.seeds().items()}
    found: dict[str, Any] = {"scores": {side: [round(v, 6) for v in values] for side, values in scores.items()}}
    found["mean"] = {side: round(statistics.fmean(values), 6) for side, values in scores.items()}
    found["ours_less_peer"] = {}
    for side, values in scores.items():
        apart = [a - b for a, b in zip(scores["ours"], values, strict=True)]
        if side != "ours":
            error = statistics.stdev(apart) / len(apart) ** 0.5
            found["ours_less_peer"][side] = {"mean": round(statistics.fmean(apart), 6), "error": round(error, 6)}
    return found


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _measure_process(benchmark: Process, rounds: int) -> tuple[list[float], list[float], dict[str, float]]:
    ours, peer, scores = [], [], {}
    for number in range(benchmark.warm_up + rounds):
        seconds, text = _process(benchmark.ours, benchmark.before(), benchmark.cwd)
        ours.append(benchmark.seconds(text) if benchmark.seconds else seconds)
        if number == 0 and benchmark.score_ours:
            scores["ours"] = benchmark.score_ours(text)
        if benchmark.peer:
            seconds, text = _process(benchmark.peer, {}, benchmark.cwd)
            peer.append(benchmark.seconds(text) if benchmark.seconds else seconds)
            if number == 0 and benchmark.score_peer:
                scores["peer"] = benchmark.score_peer(text)
    return ours[benchmark.warm_up :], peer[benchmark.warm_up :], scores


def _process(command: Sequence[str], extra: Mapping[str, str], cwd: Path) -> tuple[float, str]:
    environment = {**os.environ, **extra, "PYTHONDONTWRITEBYTECODE": ""}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr}")
    return seconds, done.stdout


def _summary(values: Sequence[float]) -> dict[str, float]:
    low, median, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": round(median, 5), "low": round(low, 5), "high": round(high, 5)}


def machine() -> dict[str, Any]:
    """The processor, the cores this process may use, and the system, without names of hosts or people."""
    model = platform.processor() or platform.machine()
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        names = [line.partition(":")[2].strip() for line in facts.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": model, "cores": cores, "system": f"{platform.system()} {platform.machine()}"}


def command(*arguments: str) -> list[str]:
    """`mldsl ARGUMENTS` as people start it: by the script that the installation put beside this interpreter."""
    return [str(Path(sys.executable).parent / "mldsl"), *arguments]
