"""Columns on different scales reach a model that measures distances.

## What it does

Warns where numeric columns come straight from the data, with different ranges or none, into a model or step that
declares itself sensitive to scale.

## Why is this bad?

Distances add up units. An income in dollars beside an age in years makes the age irrelevant, and nothing fails: the
clusters or neighbors are simply those of the income.

## Example

```mlp
mlp 1
data { csv("customers.csv") }
features { age, income: continuous }
model { k_means(clusters = 3) }
```

## Use instead

```mlp
mlp 1
data { csv("customers.csv") }
features { age, income: continuous }
transforms { standardize on numeric }
model { k_means(clusters = 3) }
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.arguments import Resolved
from mldsl.semantics.draft import Draft
from mldsl.semantics.flow import Move
from mldsl.semantics.frame import NUMERIC, Known
from mldsl.semantics.rules._insert import add_step
from mldsl.semantics.rules._words import listed


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Models sensitive to scale, and the columns that nothing has brought to one."""
    if "transforms" in draft.lost:
        return
    yield from _steps(draft)
    for model in draft.learners():
        declaration = model.declaration
        if declaration is None or not declaration.scale_sensitive or model.algorithm is None:
            continue
        if draft.verb not in declaration.tasks or _free(model.algorithm):
            continue  # the model is wrong anyway (MLP0310), or looks at no scale
        raw = [k for k in model.matrix if k.type in NUMERIC and not k.state.sparse and not _scaled(k, model.moves)]
        if not raw or _comparable(draft, model.matrix, raw):
            continue
        yield Diagnostic(
            "MLP0802", f"`{declaration.name}` depends on the scale of its columns, and these have their own",
            model.algorithm.span, label=listed([known.name for known in raw]),
            help="add `standardize on numeric` to `transforms`",
            fix=add_step(draft, model.whole or model, "standardize on numeric", safe=False), severity="warning",
        )  # fmt: skip


def _free(algorithm: Resolved) -> bool:
    """Whether the settings are some with which the model does not depend on scale."""
    given = dict(algorithm.value.args) if algorithm.value is not None else {}
    conditions = algorithm.declaration.scale_free if algorithm.declaration is not None else ()
    pairs = [tuple(part.strip() for part in condition.split("=")) for condition in conditions]
    return any(str(given.get(name)) == value for name, value in pairs)


def _steps(draft: Draft) -> Iterator[Diagnostic]:
    """Steps sensitive to scale, and the columns that no line above has brought to one."""
    seen: set[int] = set()
    for model in draft.models:
        for number, move in enumerate(model.moves):
            declaration = move.declaration
            if declaration is None or not declaration.scale_sensitive or id(move) in seen:
                continue
            seen.add(id(move))
            on = [picked.known for picked in move.on]
            raw = [known for known in on if known.type in NUMERIC and not _scaled(known, model.moves[:number])]
            if not raw or _comparable(draft, on, raw) or (declaration.tasks and draft.verb not in declaration.tasks):
                continue
            yield Diagnostic(
                "MLP0802", f"`{declaration.name}` depends on the scale of its columns, and these have their own",
                move.node.span, label=listed([known.name for known in raw]),
                help="write `standardize on numeric` in a line above", severity="warning",
            )  # fmt: skip


def _scaled(known: Known, moves: Sequence[Move]) -> bool:
    """Whether a fitted step that keeps missing values as they are, such as a scaler, made the column."""
    for move in moves:
        declaration = move.declaration
        made = known.state.made_by and declaration is not None and declaration.name == known.state.made_by
        if made and declaration is not None and declaration.missing != "fills":
            return True
        # What a scaler has seen and a later step filled is still on the scaler's scale.
        worked_on = any(picked.name == known.name for picked in move.on)
        if worked_on and declaration is not None and declaration.fitted and declaration.missing != "fills":
            return True
    return False


def _comparable(draft: Draft, matrix: Sequence[Known], raw: list[Known]) -> bool:
    """Whether all columns share one unit as far as the file says: one range for all, or only one column at all."""
    if len(matrix) == 1 and not matrix[0].state.pattern:
        return True
    if len(raw) < len([known for known in matrix if known.type in NUMERIC]):
        return False
    declared = [draft.features.columns.get(known.name) for known in raw]
    ranges = {(column.low, column.high) if column is not None else None for column in declared}
    return len(ranges) == 1 and None not in ranges and (None, None) not in ranges
