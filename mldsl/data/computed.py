"""Columns computed from others of their row: declared in `features`, or derived on the host half of `transforms`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from mldsl.data.convert import BAD, Conversion, convert, converted, marked
from mldsl.data.dataset import ROW, SOURCE
from mldsl.data.expression import Functions, columns_of, row_expression
from mldsl.diagnostics import Diagnostic, InternalError, MldslError
from mldsl.plan import ColumnPlan, RowExpression
from mldsl.source import Span


def compute_all(
    columns: Sequence[ColumnPlan], frame: pl.DataFrame, bad: dict[str, pl.Series], functions: Functions
) -> pl.DataFrame:
    """The frame with the computed columns among `columns`, in their order; `bad` gets marks where cells do not fit."""
    by_name = {column.name: column for column in columns}
    for column in in_order([column for column in columns if column.computed is not None]):
        values, marks = compute_column(column, frame, by_name, functions)
        frame = frame.with_columns(values)
        if marks is not None:
            bad[column.name] = marks
    return frame.select(*by_name, SOURCE, ROW)


def compute_column(
    column: ColumnPlan, frame: pl.DataFrame, columns: Mapping[str, ColumnPlan], functions: Functions
) -> tuple[pl.Series, pl.Series | None]:
    """The values of a computed column in its canonical type, and marks on those that are not of its type (or None).

    `frame` holds the columns that its expression reads, in their canonical types; `columns` are their plans.
    """
    assert column.computed is not None
    expression = row_expression(column.computed, functions, columns)
    try:
        made = frame.select(expression.alias(column.name))
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise InternalError(f"`{column.name}` could not be computed: {reason}") from error
    if made.height != frame.height:  # an expression that reads no column is one value long
        made = pl.select(pl.repeat(made.item(), frame.height).alias(column.name))
    typed = converted(made.lazy(), {column: _declared(column, made.schema[column.name])}).collect()
    marks = typed[BAD + column.name].fill_null(False) if marked(typed) else None
    return typed[column.name], marks


def derive(
    name: str, type_: str, expression: RowExpression, frame: pl.DataFrame, columns: Sequence[ColumnPlan],
    functions: Functions, *, fitting: bool, span: Span | None = None,
) -> pl.Series:  # fmt: skip
    """A derived column of `transforms`, in the canonical type of `type_`.

    While fitting, infinite values raise MLP0411; at prediction they are missing, since every row gets an answer.
    """
    column = ColumnPlan(name, type_, missing=True, computed=expression)
    values, _ = compute_column(column, frame, {c.name: c for c in columns}, functions)
    if values.dtype != pl.Float64 or not (count := int(values.is_infinite().sum())):
        return values
    if fitting:
        rows = "row" if count == 1 else "rows"
        raise MldslError(
            Diagnostic(
                "MLP0411",
                f"`{name}` is infinite in {count:,} {rows}",
                span,
                help="dividing by 0 and `log(0)` are infinite: drop those rows with `where`, or compute it otherwise",
            )
        )
    return values.to_frame().select(pl.when(pl.col(name).is_finite()).then(pl.col(name))).to_series()


def _declared(column: ColumnPlan, made: pl.DataType) -> Conversion:
    if isinstance(made, pl.Boolean) and column.levels and len(column.levels) == 2 and column.type == "binary":
        # A condition has two levels: the file names them, the last being the one that holds.
        no, yes = column.levels
        cell = pl.col(column.name)
        return Conversion(pl.when(cell).then(pl.lit(yes)).when(~cell).then(pl.lit(no)))
    return convert(column, made)


def in_order(computed: Sequence[ColumnPlan]) -> list[ColumnPlan]:
    """Computed columns so that each follows those it reads (the plan rules out circles)."""
    waiting = {column.name: column for column in computed}
    done: list[ColumnPlan] = []
    while waiting:
        ready = [
            column for column in waiting.values()
            if column.computed is not None and not any(name in waiting for name in columns_of(column.computed))
        ]  # fmt: skip
        if not ready:
            raise InternalError(f"computed columns read each other: {', '.join(waiting)}")
        for column in ready:
            done.append(waiting.pop(column.name))
    return done
