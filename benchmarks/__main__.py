"""`python -m benchmarks [NAME ...] [--rounds N]`: measure, write results/*.json, and rewrite docs/benchmarks.md."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from typing import Any

import benchmarks
from benchmarks import harness, page

HELPERS = {"__main__", "boosting", "dense", "harness", "histograms", "page", "real", "text", "trees", "tuning"}
NAMES = sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if m.name not in HELPERS and not m.ispkg)


def main() -> None:
    """Run the benchmarks that are named, else all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, help="measurements of each side")
    arguments = parser.parse_args()
    for name in arguments.names or NAMES:
        print(line(harness.run(name, importlib.import_module(f"benchmarks.{name}").benchmark(), arguments.rounds)))
    page.write()


def line(result: dict[str, Any]) -> str:
    """One result in one line."""
    ours, peer, ratio, score = (result[key] for key in ("ours_seconds", "peer_seconds", "ratio", "score"))
    unit = result["unit"]
    text = f"{result['name']:32} {ours['median']:8.3f} {unit}"
    if ratio:
        text += f"  peer {peer['median']:8.3f} {unit}  "
        text += f"ratio {ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
    if score:
        text += f"  {score['name']} {score['ours']:.4f}, peer {score['peer']:.4f}"
    if (result["load_before"] or 0) > result["machine"]["cores"] / 2:
        text += f"  (the machine was busy: load {result['load_before']:.1f})"
    return text + ("" if result["reached"] else f"  above the goal of {result['goal']:g}")


if __name__ == "__main__":
    main()
