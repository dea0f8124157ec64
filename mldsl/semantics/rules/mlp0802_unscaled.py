"""Columns on different scales reach a model that measures distances.

## What it does

Warns where numeric columns come straight from the data, with different ranges or none, into a model that declares
itself sensitive to scale.

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

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.semantics.draft import Draft, ModelDraft
from mldsl.semantics.frame import NUMERIC, Known
from mldsl.semantics.rules._insert import add_step
from mldsl.semantics.rules._words import listed


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Models sensitive to scale, and the columns that nothing has brought to one."""
    for model in draft.models if "transforms" not in draft.lost else ():
        declaration = model.declaration
        if declaration is None or not declaration.scale_sensitive or model.algorithm is None:
            continue
        if draft.verb not in declaration.tasks:
            continue  # the model is wrong anyway (MLP0310)
        raw = [known for known in model.matrix if known.type in NUMERIC and not _scaled(known, model)]
        if not raw or _comparable(draft, model, raw):
            continue
        yield Diagnostic(
            "MLP0802", f"`{declaration.name}` depends on the scale of its columns, and these have their own",
            model.algorithm.span, label=listed([known.name for known in raw]),
            help="add `standardize on numeric` to `transforms`",
            fix=add_step(draft, model, "standardize on numeric", safe=False), severity="warning",
        )  # fmt: skip


def _scaled(known: Known, model: ModelDraft) -> bool:
    """Whether a fitted step that keeps missing values as they are, such as a scaler, made the column."""
    for move in model.moves:
        declaration = move.declaration
        made = known.state.made_by and declaration is not None and declaration.name == known.state.made_by
        if made and declaration is not None and declaration.missing != "fills":
            return True
        # What a scaler has seen and a later step filled is still on the scaler's scale.
        worked_on = any(picked.name == known.name for picked in move.on)
        if worked_on and declaration is not None and declaration.fitted and declaration.missing != "fills":
            return True
    return False


def _comparable(draft: Draft, model: ModelDraft, raw: list[Known]) -> bool:
    """Whether all columns share one unit as far as the file says: one range for all, or only one column at all."""
    if len(model.matrix) == 1 and not model.matrix[0].state.pattern:
        return True
    if len(raw) < len([known for known in model.matrix if known.type in NUMERIC]):
        return False
    declared = [draft.features.columns.get(known.name) for known in raw]
    ranges = {(column.low, column.high) if column is not None else None for column in declared}
    return len(ranges) == 1 and None not in ranges and (None, None) not in ranges
