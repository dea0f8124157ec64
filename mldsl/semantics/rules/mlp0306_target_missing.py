"""The target may be missing.

## What it does

Finds a `?` on the target, or on another column whose role every row needs (weight, group, time ...), and computed
targets whose expression may be missing.

## Why is this bad?

A row without an answer can be neither learned from nor judged, and a row without its group can be put into no part.
Whether such rows are dropped is a decision about the data; the file should say so.

## Example

```mlp
mlp 1
data { csv("flats.csv") }
features {
  rent: continuous? as target
  area: continuous
}
model { ridge }
```

## Use instead

```mlp
mlp 1
data {
  csv("flats.csv")
  where = not is_missing(rent)
}
features {
  rent: continuous as target
  area: continuous
}
model { ridge }
```
"""

from __future__ import annotations

from collections.abc import Iterator

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.plan.model import ColumnPlan
from mldsl.semantics.draft import Draft
from mldsl.semantics.features import SINGLE_ROLES
from mldsl.source import Span


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Columns whose role forbids missing values."""
    for column in draft.features.columns.values():
        if column.role not in SINGLE_ROLES:
            continue
        row = draft.features.rows.get(column.name)
        if column.missing:
            yield _declared(column, draft.features.type_spans.get(column.name))
        elif row is not None and row.known and row.missing:
            yield Diagnostic(
                "MLP0306", f"`{column.name}` is the {column.role}, and what computes it may be missing", row.span,
                help="fill it with `coalesce(...)`, or drop those rows with `where`",
            )  # fmt: skip


def _declared(column: ColumnPlan, type_span: Span | None) -> Diagnostic:
    mark = None
    if type_span is not None:  # the `?` closes the type
        end_line, end = type_span.end_line, type_span.end_column
        mark = Span(type_span.file, end_line, end - 1, end_line, end)
    return Diagnostic(
        "MLP0306", f"`{column.name}` is the {column.role} and must not be missing", mark, label="may be missing",
        help=f"leave the `?` out, and drop rows without it: `where = not is_missing({column.name})`",
    )  # fmt: skip
