"""Which task a pipeline does: roles decide first, then the type of the target, then the models (language 4.3)."""

from __future__ import annotations

from collections.abc import Iterable

from mldsl.plan.model import ColumnPlan, Task
from mldsl.plugin.declaration import Declaration
from mldsl.semantics.draft import TASKS
from mldsl.semantics.frame import UNKNOWN_TYPE
from mldsl.semantics.rows import UNWRITTEN_BINARY

_WITHOUT_TARGET = ("cluster", "generate")


def infer_task(
    columns: Iterable[ColumnPlan], algorithms: Iterable[Declaration | None], *, blurred: bool
) -> Task | None:
    """The task; None while something that decides it is unknown."""
    known = list(columns)
    roles = {column.role for column in known}
    if "query" in roles:
        return "ranking"
    if {"user", "item"} <= roles:
        return "recommendation"
    target = next((column for column in known if column.role == "target"), None)
    if target is not None:
        if target.type == UNKNOWN_TYPE:
            return None
        return "regression" if target.type in ("continuous", "integer") else "classification"
    if blurred:
        return None
    return _without_target(list(algorithms))


def _without_target(algorithms: list[Declaration | None]) -> Task | None:
    """Without a target a model says what it does; a file without models transforms."""
    if not algorithms:
        return "transform"
    for algorithm in algorithms:
        if algorithm is None:
            return None
        for verb in _WITHOUT_TARGET:
            if verb in algorithm.tasks:
                return TASKS[verb]
    return None


def target_levels(target: ColumnPlan | None, learned: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """The levels of the target where they are known: written, learned, or the few that a binary column takes."""
    if target is None or target.type not in ("binary", "categorical", "ordinal"):
        return None
    if target.levels is not None:
        return target.levels
    if target.name in learned:
        return learned[target.name]
    return UNWRITTEN_BINARY if target.type == "binary" else None
