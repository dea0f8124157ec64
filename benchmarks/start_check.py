"""Checking a file of sixty lines."""

from __future__ import annotations

from benchmarks.harness import Process, command

FILE = "benchmarks/pipelines/sixty_lines.mlp"


def benchmark() -> Process:
    """The whole process, with a warm cache of declarations."""
    return Process(
        title="`mldsl check` of a 60-line file",
        goal=0.15,
        ours=command("check", FILE),
        rounds=21,
        packages=("mldsl", "lark"),
    )
