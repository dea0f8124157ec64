"""The target is used as an input, so the answer leaks.

## What it does

Finds steps, computed columns and formulas that read the target, or a column that a computed target is made from.

## Why is this bad?

The model would be shown what it is to predict: its metrics look excellent, and it is worthless, because the target is
not known when it is used.

## Example

```mlp
mlp 1
data { csv("titanic.csv") }
features {
  survived: binary("no", "yes") as target
  fare: continuous
  deck: integer
}
transforms { rate = if_else(survived == "yes", fare, 0) }
model { logistic_regression }
```

## Use instead

```mlp
mlp 1
data { csv("titanic.csv") }
features {
  survived: binary("no", "yes") as target
  fare: continuous
  deck: integer
}
transforms { rate = fare / deck }
model { logistic_regression }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.formulas import sides
from mldsl.source import Span


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Every place outside of `where` that names the target or a source of it."""
    if draft.target is None:
        return
    for move in draft.all_moves():
        for name, span in move.leaks:
            yield _leak(draft, name, span)
    yield from _computed(draft, draft.target.name)
    for model in draft.models:
        yield from _formula(draft, model)


def _leak(draft: Draft, name: str, span: Span) -> Diagnostic:
    assert draft.target is not None
    if name == draft.target.name:
        message = f"`{name}` is the target; using it here would leak the answer into the inputs"
        return Diagnostic("MLP0301", message, span, label="the target")
    return Diagnostic(
        "MLP0301", f"the target `{draft.target.name}` is made from `{name}`; using it here would leak the answer", span,
        label="part of the target",
    )  # fmt: skip


def _computed(draft: Draft, target: str) -> Iterator[Diagnostic]:
    """Computed inputs of `features` that read the target."""
    leaking = {target} | draft.features.never_inputs()
    for name, row in draft.features.rows.items():
        column = draft.features.columns[name]
        if column.role != "input" or name in leaking:
            continue
        for used, span in row.uses:
            if used in leaking:
                yield _leak(draft, used, span)


def _formula(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    """The left side of a formula holds the target alone, the right side anything else."""
    if model.formula is None or draft.target is None:
        return
    target = draft.target.name
    leaking = {target} | draft.features.never_inputs()
    found = sides(model.formula, tuple(model.frame.columns))
    for name, span in found.right:
        if name in leaking:
            yield _leak(draft, name, span)
    for name, span in found.left or ():
        if name != target and model.frame.find(name) is not None:
            yield Diagnostic(
                "MLP0301", f"the left side of a formula is the target, and that is `{target}`", span,
                help="write `~ ...` to take the target as it is",
            )  # fmt: skip
