"""A diary: an observer that implements every hook and writes down what it is told.

`ENTRIES` is read by the tests. It warns of pipelines called `untitled`, and adds a section and a command.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mldsl.diagnostics import Diagnostic
from mldsl.plugin import ReportOutput, hookimpl

ENTRIES: list[tuple[str, Any]] = []


@hookimpl
def mldsl_lint(plan: Any) -> Iterable[Diagnostic]:
    """Warn of a pipeline without a proper name."""
    ENTRIES.append(("lint", plan.task))
    if Path(plan.file).stem == "untitled":
        yield Diagnostic("MLP0312", "the file has no name that says what it is for", severity="warning")


@hookimpl
def mldsl_run_start(record: Any) -> None:
    """Note the beginning."""
    ENTRIES.append(("run_start", record))


@hookimpl
def mldsl_run_end(record: Any) -> None:
    """Note the end."""
    ENTRIES.append(("run_end", record))


@hookimpl
def mldsl_stage_start(stage: str) -> None:
    """Note the stage."""
    ENTRIES.append(("stage_start", stage))


@hookimpl
def mldsl_stage_end(stage: str) -> None:
    """Note its end."""
    ENTRIES.append(("stage_end", stage))


@hookimpl
def mldsl_fit_progress(stage: str, step: int, total: int, info: dict[str, float]) -> None:
    """Note a step of an iterative fit."""
    ENTRIES.append(("fit_progress", (stage, step, total, dict(info))))


@hookimpl
def mldsl_report_sections(record: Any) -> Iterable[ReportOutput]:
    """Add a sentence to the end of the report."""
    stages = sum(1 for kind, _ in ENTRIES if kind == "stage_start")
    yield ReportOutput(notes=[f"The diary has {stages} stages."])


@hookimpl
def mldsl_cli(group: Any) -> None:
    """Add `mldsl diary`."""
    import click

    @group.command("diary")
    def diary() -> None:
        """Print how many entries the diary has."""
        click.echo(f"{len(ENTRIES)} entries")
