"""From what a source holds to the canonical type of the declared one, counting what does not fit.

continuous                              Float64, NaN is missing
integer                                 Int64
binary categorical ordinal text id      String, as read; a whole number is its digits, a truth value true or false
time                                    Datetime in microseconds, UTC without zone
image sequence vector                   Array of Float32
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import polars as pl

from mldsl.data.moments import MOMENT, iso_8601, since_epoch, written_form
from mldsl.plan import ColumnPlan

TEXT_TYPES = ("binary", "categorical", "ordinal", "text", "id")
LEVEL_TYPES = ("binary", "categorical", "ordinal")
TENSOR_TYPES = ("image", "sequence", "vector")
CANONICAL: Mapping[str, pl.DataType] = {
    "continuous": pl.Float64(), "integer": pl.Int64(), "time": MOMENT, **dict.fromkeys(TEXT_TYPES, pl.String()),
}  # fmt: skip
EXACT = 2.0**53  # whole numbers up to here are exact in float64


PARSED = "__parsed "  # what the name of a half-converted column begins with
BAD = "__bad "  # what the name of a mark begins with


@attrs.frozen
class Conversion:
    """`value` in the canonical type, null where missing or not of the type; `bad` is true for the latter, or None.

    Where `parsed` is given, the other two read its result, as the column `parsed_name`: it is the costly part, and so
    it is done once, in a step before.
    """

    value: pl.Expr
    bad: pl.Expr | None = None
    parsed: pl.Expr | None = None


def parsed_name(column: ColumnPlan) -> str:
    """Where `value` and `bad` of a conversion find what `parsed` gave."""
    return PARSED + column.name


def convert(column: ColumnPlan, held: pl.DataType, *, decimal: str = ".", lenient: bool = False) -> Conversion:
    """How cells of the type `held` become `column`'s type.

    `lenient` also takes blanks around numbers, whole numbers written as `3.0` and every form of ISO 8601; it is slower,
    so it is tried where the strict reading leaves cells that do not fit.
    """
    cell = pl.col(column.name)
    if isinstance(held, pl.Categorical | pl.Enum | pl.Binary):
        cell, held = cell.cast(pl.String, strict=False), pl.String()
    if isinstance(held, pl.Decimal):
        cell, held = cell.cast(pl.Float64), pl.Float64()
    if isinstance(held, pl.Null):
        dtype = CANONICAL.get(column.type, pl.Array(pl.Float32, 0))
        return Conversion(cell.cast(dtype))
    if isinstance(held, pl.String):
        return _from_text(column, cell, decimal, lenient)
    if held.is_numeric():
        return _from_number(column, cell, held)
    if isinstance(held, pl.Boolean):
        return Conversion(cell.cast(pl.String)) if column.type in TEXT_TYPES else _misfit(column, cell)
    if isinstance(held, pl.Date | pl.Datetime):
        return _from_moment(column, cell, held)
    if isinstance(held, pl.List | pl.Array) and column.type in TENSOR_TYPES:
        return _from_list(column, cell, held)
    return _misfit(column, cell)


def _misfit(column: ColumnPlan, cell: pl.Expr) -> Conversion:
    """Every cell that is there is of another type."""
    dtype = CANONICAL.get(column.type, pl.Array(pl.Float32, 0))
    # A bare literal would be one value long; this is as long as the cells.
    return Conversion(pl.when(cell.is_null() & cell.is_not_null()).then(pl.lit(None, dtype)), cell.is_not_null())


def _from_text(column: ColumnPlan, cell: pl.Expr, decimal: str, lenient: bool) -> Conversion:
    if column.type in TEXT_TYPES:
        return Conversion(pl.when(cell != "").then(cell))
    if column.type in TENSOR_TYPES:
        return _misfit(column, cell)
    text = cell.str.strip_chars() if lenient else cell
    parsed = pl.col(parsed_name(column))
    # A quoted empty cell is missing; strictly it does not fit, and then it is looked at leniently.
    bad = parsed.is_null() & ((text != "") if lenient else cell.is_not_null())
    if column.type == "time":
        return Conversion(parsed, bad, _time_from_text(column, text, lenient))
    if decimal == ",":
        text = text.str.replace(",", ".", literal=True)
    number = text.cast(pl.Float64, strict=False)
    if column.type == "continuous":
        return Conversion(parsed.fill_nan(None), bad, number)
    whole = text.cast(pl.Int64, strict=False)
    if not lenient:
        return Conversion(parsed, bad, whole)
    not_a_number = number.is_nan().fill_null(False)
    return Conversion(parsed, bad & ~not_a_number, pl.coalesce(whole, _whole(number.fill_nan(None))))


def _whole(number: pl.Expr) -> pl.Expr:
    exact = (number == number.floor()) & (number.abs() <= EXACT)
    return pl.when(exact).then(number).cast(pl.Int64, strict=False)


def _time_from_text(column: ColumnPlan, text: pl.Expr, lenient: bool) -> pl.Expr:
    if column.form in ("seconds", "milliseconds"):
        return since_epoch(text.cast(pl.Float64, strict=False).fill_nan(None), column.form)
    return written_form(text, column.form) if column.form else iso_8601(text, every_form=lenient)


def _from_number(column: ColumnPlan, cell: pl.Expr, held: pl.DataType) -> Conversion:
    fractions = held.is_float()
    present = cell.is_not_null() & cell.is_not_nan() if fractions else cell.is_not_null()
    if column.type == "continuous":
        number = cell.cast(pl.Float64)
        return Conversion(number.fill_nan(None) if fractions else number)
    if column.type == "integer":
        whole = _whole(cell.cast(pl.Float64)) if fractions else cell.cast(pl.Int64, strict=False)
        return Conversion(whole, whole.is_null() & present)
    if column.type in TEXT_TYPES:
        if not fractions:
            return Conversion(cell.cast(pl.String))
        digits = pl.coalesce(_whole(cell.cast(pl.Float64)).cast(pl.String), cell.fill_nan(None).cast(pl.String))
        return Conversion(digits)
    if column.type == "time" and column.form in ("seconds", "milliseconds"):
        moment = since_epoch(cell.cast(pl.Float64).fill_nan(None) if fractions else cell, column.form)
        return Conversion(moment, moment.is_null() & present)
    return _misfit(column, cell)


def _from_moment(column: ColumnPlan, cell: pl.Expr, held: pl.DataType) -> Conversion:
    if column.type == "time":
        if isinstance(held, pl.Datetime) and held.time_zone:
            cell = cell.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return Conversion(cell.cast(MOMENT))
    return Conversion(cell.cast(pl.String)) if column.type in TEXT_TYPES else _misfit(column, cell)


def _from_list(column: ColumnPlan, cell: pl.Expr, held: pl.DataType) -> Conversion:
    inner: pl.DataType = held
    while isinstance(inner, pl.List | pl.Array):
        inner = inner.inner  # type: ignore[assignment]
    if not inner.is_numeric():
        return _misfit(column, cell)
    if isinstance(held, pl.Array):
        return Conversion(cell.cast(_float_array(held)))
    return Conversion(cell)  # the width is only known from the rows: see `fixed_width`


def _float_array(held: pl.DataType) -> pl.DataType:
    if isinstance(held, pl.Array):
        return pl.Array(_float_array(held.inner), held.size)  # type: ignore[arg-type]
    return pl.Float32()


def converted(frame: pl.LazyFrame, found: Mapping[ColumnPlan, Conversion]) -> pl.LazyFrame:
    """The columns in their canonical types, with a mark column beside each whose cells may not fit."""
    parsed = [c.parsed.alias(parsed_name(column)) for column, c in found.items() if c.parsed is not None]
    marks = [c.bad.alias(BAD + column.name) for column, c in found.items() if c.bad is not None]
    values = [c.value.alias(column.name) for column, c in found.items()]
    return frame.with_columns(parsed).select(*values, *marks)


def marked(frame: pl.DataFrame) -> list[str]:
    """The columns with a cell that is not of the type, by their marks."""
    marks = [name for name in frame.columns if name.startswith(BAD) and name != BAD]
    if not marks:
        return []
    found = frame.select(pl.col(marks).any())
    return [name.removeprefix(BAD) for name in marks if found[name].item()]


def fixed_width(column: ColumnPlan, values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Lists as arrays of the width of the first row that has one, and which rows have another width."""
    if not isinstance(values.dtype, pl.List):
        return values, pl.repeat(False, len(values), dtype=pl.Boolean, eager=True)
    present = values.drop_nulls()
    if not len(present):
        return values.cast(pl.Array(pl.Float32, 0)), values.is_null() & values.is_not_null()
    first = present[0]
    shape: list[int] = []
    inner = first
    while isinstance(inner, pl.Series):
        shape.append(len(inner))
        inner = inner[0] if len(inner) else None
    bad = (values.list.len() != shape[0]).fill_null(False)
    kept = values.to_frame("v").select(pl.when(~bad).then(pl.col("v"))).to_series()
    dtype: pl.DataType = pl.Float32()
    for size in reversed(shape):
        dtype = pl.Array(dtype, size)
    return kept.cast(dtype).rename(values.name), bad
