"""Rows in order of time, with what an artifact keeps of the past before them: for steps that look back.

Rows are ordered by time, or as they come where there is none; rows of one moment stay as they come. With `per` every
level has a past of its own. What is kept are the last rows of each level: rows to predict come after them. Kept rows
that are not earlier than all rows to predict are left out: those are rows that the file holds again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from mldsl.plugin import Order

ROW, TIME, PER = "\0row", "\0time", "\0per"


def ordered(columns: Mapping[str, pl.Series], order: Order) -> pl.DataFrame:
    """The columns with number, moment (microseconds) and level of each row, in order of time."""
    rows = len(next(iter(columns.values())))
    frame = pl.DataFrame({**columns, ROW: pl.Series(range(rows), dtype=pl.Int64)})
    time = pl.lit(None, pl.Int64) if order.time is None else order.time.cast(pl.Datetime("us")).to_physical()
    per = pl.lit(None, pl.String) if order.per is None else order.per.cast(pl.String)
    return frame.with_columns(time.alias(TIME), per.alias(PER)).sort(TIME, nulls_last=True, maintain_order=True)


def last_rows(frame: pl.DataFrame, rows: int) -> dict[str, Any]:
    """What an artifact keeps: the last rows of each level, as lists."""
    kept = frame.group_by(PER, maintain_order=True).tail(rows).drop(ROW)
    return {name.lstrip("\0"): _plain(series) for name, series in kept.to_dict().items()} | {"rows": kept.height}


def _plain(series: pl.Series) -> list[Any]:
    return (
        [None if value is None else str(value) for value in series.to_list()]
        if series.dtype == pl.String
        else ([None if value is None else float(value) for value in series.to_list()])
    )


def looking_back(
    columns: Mapping[str, pl.Series],
    order: Order,
    state: Mapping[str, Any] | None,
    of: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """`of(frame)` for the kept rows and these, in order; of its result the rows of `columns`, as they came."""
    frame = ordered(columns, order)
    if state is not None and state["rows"]:
        frame = pl.concat([_kept(state, frame), frame], how="vertical")
    return of(frame).filter(pl.col(ROW).is_not_null()).sort(ROW)


def _kept(state: Mapping[str, Any], frame: pl.DataFrame) -> pl.DataFrame:
    names = {ROW: None, **{n: n.lstrip("\0") for n in frame.columns if n != ROW}}
    kept = pl.DataFrame(
        {
            name: pl.Series(state[key] if key else [None] * state["rows"], dtype=frame.schema[name], strict=False)
            for name, key in names.items()
        }
    ).select(frame.columns)
    first = frame.group_by(PER).agg(pl.col(TIME).min().alias("\0first"))
    kept = kept.join(first, on=PER, how="left", nulls_equal=True, maintain_order="left")
    earlier = pl.col(TIME).is_null() | pl.col("\0first").is_null() | (pl.col(TIME) < pl.col("\0first"))
    return kept.filter(earlier).select(frame.columns)
