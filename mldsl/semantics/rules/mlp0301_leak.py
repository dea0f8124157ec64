"""The target is used as an input, so the answer leaks.

## What it does

Finds steps, their arguments, computed columns and formulas that read the target, a column that a computed target is
made from, or a column that is computed from either.

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
from mldsl.semantics.flow import Move
from mldsl.semantics.formulas import sides
from mldsl.source import Span
from mldsl.syntax import ast

# Roles whose values reach a model: an offset is added to what it predicts, rows are ordered and decay by time.
_SEEN = ("input", "offset", "user", "item", "time", "position")


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Every place outside of `where` that names the target or a source of it."""
    if draft.target is None:
        return
    for move in draft.all_moves():
        for name, span in move.leaks:
            yield _leak(draft, name, span)
        yield from _past(draft, move)
    yield from _computed(draft)
    for model in draft.learners():
        yield from _formula(draft, model)


def _leak(draft: Draft, name: str, span: Span) -> Diagnostic:
    assert draft.target is not None
    target = draft.target.name
    if name == target:
        message = f"`{name}` is the target; using it here would leak the answer into the inputs"
        return Diagnostic("MLP0301", message, span, label="the target")
    if name in draft.features.never_inputs():
        message = f"the target `{target}` is made from `{name}`; using it here would leak the answer"
        return Diagnostic("MLP0301", message, span, label="part of the target")
    used = draft.features.made_from(name)
    answer = sorted((used & draft.features.never_inputs()) - {target})
    why = f"`{answer[0]}`, which the target `{target}` is made from" if answer else f"the target `{target}`"
    message = f"`{name}` is computed from {why}; using it here would leak the answer"
    return Diagnostic("MLP0301", message, span, label="part of the answer")


def _past(draft: Draft, move: Move) -> Iterator[Diagnostic]:
    """Steps that look back may name the target, where no row is held out that lies before a training row."""
    declaration = move.declaration
    if declaration is None or not declaration.looks_back or not draft.split.known:
        return
    if {"time", "order"} & set(draft.split.plan.by) or draft.role("time") is None:
        return  # without any order MLP0314 asks for one
    leaking = draft.features.leaks()
    for picked in move.on:
        if picked.name in leaking:
            yield Diagnostic(
                "MLP0301", f"the past of `{picked.name}` holds answers of the rows that are held out", picked.span,
                notes=("rows are not split in order of time",), help="write `by = time` or `by = order` in `split`",
            )  # fmt: skip


def _computed(draft: Draft) -> Iterator[Diagnostic]:
    """Columns of `features` that a model looks at, whatever their role, and that the answer can be read from."""
    leaking, made_from = draft.features.leaks(), draft.features.never_inputs()
    for name, column in draft.features.columns.items():
        if column.role not in _SEEN:
            continue
        row = draft.features.rows.get(name)
        if name in made_from and column.role == "offset" and column.span is not None:
            yield _leak(draft, name, column.span)
        elif row is not None and name not in made_from:
            for used, span in row.uses:
                if used in leaking and used != name:
                    yield _leak(draft, used, span)


def _formula(draft: Draft, model: ModelDraft) -> Iterator[Diagnostic]:
    """The left side of a formula holds the target alone, the right side anything else."""
    if model.formula is None or draft.target is None:
        return
    target = draft.target.name
    leaking = draft.features.leaks()
    found = sides(model.formula, tuple(model.frame.columns))
    for name, span in found.right:
        if name in leaking:
            yield _leak(draft, name, span)
    if not isinstance(model.formula.left, ast.Ref | ast.Column):
        return  # that `log(...)` takes the target, and what else is wrong with it, is said where it is read
    for name, span in found.left or ():
        if name != target and model.frame.find(name) is not None:
            yield Diagnostic(
                "MLP0301", f"the left side of a formula is the target, and that is `{target}`", span,
                help="write `~ ...` to take the target as it is",
            )  # fmt: skip
