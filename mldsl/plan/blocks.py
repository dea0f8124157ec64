"""What a sparse block is called: check and run must agree on it, though only the run knows the block's columns."""

from __future__ import annotations

from collections.abc import Collection

from mldsl.plan.model import StepPlan


def block_name(column: str, step: str, patterns: Collection[str]) -> str:
    """The name of the block that a step makes of a column; its own columns are `NAME_*`.

    It is the column's name, unless columns of `patterns` are called so: then the step's name is in it as well.
    """
    candidate, number = column, 1
    while f"{candidate}_*" in patterns:
        candidate = f"{column}_{step}" if number == 1 else f"{column}_{step}_{number}"
        number += 1
    return candidate


def blocks_of(step: StepPlan) -> dict[str, str]:
    """The blocks that a step of the plan makes, by the column that each is made of."""
    patterns = {state.name for state in step.before if state.pattern}
    found = {}
    for column in step.on:
        name = step.component.name if step.component is not None else ""
        found[column] = block_name(column, name, patterns)
        patterns.add(f"{found[column]}_*")
    return found
