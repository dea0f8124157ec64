"""Starting: `mldsl --help`."""

from __future__ import annotations

from benchmarks.harness import Process, command


def benchmark() -> Process:
    """The whole process."""
    return Process(title="`mldsl --help`", goal=0.12, ours=command("--help"), rounds=21, packages=("mldsl",))
