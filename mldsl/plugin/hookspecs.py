"""The hooks of mldsl (pluggy; prefix `mldsl_`). An observer that raises is reported by name and isolated.

Implement one by decorating a function of that name with `mldsl.plugin.hookimpl`; take any subset of its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("mldsl")
hookimpl = pluggy.HookimplMarker("mldsl")


@hookspec
def mldsl_components() -> Iterable[Any]:
    """Give the components (`Model`, `Transform`, ...) that this module provides."""
    return ()


@hookspec
def mldsl_lint(plan: Any) -> Iterable[Any]:
    """Look at a complete plan (`mldsl.plan.Plan`) before it runs; give `Diagnostic`s (MLP0312 and warnings)."""
    return ()


@hookspec
def mldsl_run_start(record: Any) -> None:
    """A run begins; `record` is the `RunRecord` with file, plan and split, metrics still empty."""


@hookspec
def mldsl_run_end(record: Any) -> None:
    """A run has ended and its folder is in place; `record` is complete."""


@hookspec
def mldsl_stage_start(stage: str) -> None:
    """A stage such as `model/forest/fold=3/fit` begins, on the host."""


@hookspec
def mldsl_stage_end(stage: str) -> None:
    """That stage has ended."""


@hookspec
def mldsl_fit_progress(stage: str, step: int, total: int, info: dict[str, float]) -> None:
    """An iterative fit made a step: `step` of `total` updates, `info` the scalars it reported (loss ...)."""


@hookspec
def mldsl_report_sections(record: Any) -> Iterable[Any]:
    """Give further `ReportOutput`s for the end of the report page."""
    return ()


@hookspec
def mldsl_cli(group: Any) -> None:
    """Add commands to the click group `group`; names already taken are refused and reported."""
