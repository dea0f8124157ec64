"""A typed row expression, and how messages speak of one."""

from __future__ import annotations

import attrs

from mldsl.plan.model import ColumnUse, Constant, RowExpression
from mldsl.semantics.constants import Value
from mldsl.semantics.frame import UNKNOWN_TYPE
from mldsl.source import Span

# Columns whose values are written as texts.
WORDS = ("text", "categorical", "ordinal", "id", "binary")


@attrs.frozen(eq=False, repr=False)
class Row:
    """A typed row expression.

    `uses` are the columns it names, with places; `gathered` those that a function takes together. `levels` are known
    where the value is a column that has them. `literal` is set for a constant.
    """

    expression: RowExpression
    type: str
    missing: bool = False
    uses: tuple[tuple[str, Span], ...] = ()
    gathered: tuple[str, ...] = ()
    levels: tuple[str, ...] | None = None
    literal: Value | None = None
    span: Span | None = None

    @property
    def known(self) -> bool:
        """Whether its type is known."""
        return self.type != UNKNOWN_TYPE


def unknown(span: Span, *parts: Row) -> Row:
    """What stands for a part that failed; the columns it names are still used."""
    uses = tuple(use for part in parts for use in part.uses)
    gathered = tuple(name for part in parts for name in part.gathered)
    return Row(Constant(None, span=span), UNKNOWN_TYPE, False, uses, gathered, span=span)


def shown(row: Row) -> str:
    """What a row is, for a message: `age`, which is `continuous`."""
    if row.literal is not None:
        return {"text": "text", "boolean": "true or false", "duration": "a duration"}.get(row.literal.kind, "a number")
    if isinstance(row.expression, ColumnUse):
        return f"`{row.expression.name}`, which is `{row.type}`"
    return f"a `{row.type}` value"


def plain(row: Row) -> str:
    """`age` (`continuous`): a subject for a message that names two."""
    if isinstance(row.expression, ColumnUse):
        return f"`{row.expression.name}` (`{row.type}`)"
    return shown(row)
