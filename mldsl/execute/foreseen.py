"""What a run would find kept, said before it runs: for each model, whether it is trained, and why."""

from __future__ import annotations

from typing import Any

from mldsl.data import Dataset, Split
from mldsl.execute.fit import Run
from mldsl.execute.outcome import needed_folds
from mldsl.execute.searches import domains_by_model
from mldsl.execute.stages import Stages, explain
from mldsl.execute.tune import named_in, search_parts, searched_folds
from mldsl.plan import Plan


def foreseen(stages: Stages, plan: Plan, dataset: Dataset, split: Split) -> list[tuple[str, str]]:
    """(model, what becomes of it) in the order of the file."""
    nothing: Any = None
    run = Run(plan, dataset, split, nothing, nothing, nothing, nothing)
    tuned = domains_by_model(plan)
    found = []
    for model in plan.models:
        searched = model.name in tuned
        waits = sorted(named_in(model) & set(tuned))
        if waits:
            found.append((model.name, f"is trained once its members are tuned: {', '.join(waits)}"))
            continue
        if searched:
            parts = search_parts(stages, plan, model, searched_folds(run))
        else:
            parts = stages.parts(model, needed_folds(run, model, len(plan.models) > 1))
        state, words = explain(stages, model.name, parts)
        doing = "is tuned and trained" if searched else "is trained"
        found.append(
            (
                model.name,
                f"its {'trials' if searched else 'fits'} are those of {words}" if state == "kept"
                else f"{doing}: {words}" if state == "changed"
                else f"{doing}: nothing of it is kept",
            )
        )  # fmt: skip
    return found
