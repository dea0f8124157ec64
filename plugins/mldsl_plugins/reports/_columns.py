"""Columns of the frame as reports look at them: as numbers, or as levels with their counts."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import PartView, ReportView

NUMBERS = ("continuous", "integer", "time")
LEVELS = ("binary", "categorical", "ordinal")


@attrs.frozen
class Numbers:
    """A column of numbers, missing ones left out: `rows` are the places of the values among all rows."""

    values: np.ndarray
    rows: np.ndarray


def is_number(frame: Any, column: Any) -> bool:
    """Whether a column is a number or a point in time in this frame."""
    kind = frame.schema[column.name]
    return column.type in NUMBERS and (kind.is_numeric() or kind.is_temporal())


def numbers(frame: Any, name: str) -> Numbers:
    """The finite values of a column as float64; times as seconds since 1970."""
    found = values(frame, name)
    rows = np.flatnonzero(np.isfinite(found))
    return Numbers(found[rows], rows)


def values(frame: Any, name: str) -> np.ndarray:
    """A column of numbers as Float64[n], missing ones NaN; times as seconds since 1970."""
    import polars as pl

    series = frame[name]
    if series.dtype.is_temporal():
        series = series.cast(pl.Datetime("us")).dt.timestamp("us").cast(pl.Float64) / 1e6
    return np.asarray(series.cast(pl.Float64).fill_null(float("nan")).to_numpy())


def texts(frame: Any, name: str) -> Any:
    """A column as text (levels as they are written), nulls kept: a Polars series."""
    import polars as pl

    return frame[name].cast(pl.String)


def codes(frame: Any, column: Any) -> np.ndarray:
    """A binary or ordinal column as Float64[n]: the places of its levels, lowest first; missing ones NaN.

    Levels that the file does not write are in the order of their texts.
    """
    import polars as pl

    series = texts(frame, column.name)
    levels = column.levels or sorted(series.drop_nulls().unique())
    places = dict(zip(levels, map(float, range(len(levels))), strict=True))
    found = series.replace_strict(places, default=None, return_dtype=pl.Float64)
    return np.asarray(found.fill_null(float("nan")).to_numpy())


@attrs.frozen(eq=False)
class Trained:
    """The training rows of positive weight: their places among all rows, and how often each counts."""

    rows: np.ndarray
    weight: np.ndarray

    @property
    def words(self) -> str:
        """`1,047 training rows`, and their weight where it differs."""
        total = float(self.weight.sum())
        said = f"{len(self.rows):,} training rows"
        return said if total == len(self.rows) else f"{said} that count {total:,.6g}"


def trained(view: ReportView) -> Trained:
    """The rows that models learned from; all rows where there are no parts."""
    part = np.asarray(view.part)
    member = part == "train" if (part == "train").any() else np.ones(view.frame.height, bool)
    column = next((c for c in view.columns if c.role == "weight" and c.name in view.frame.columns), None)
    weight = np.ones(view.frame.height) if column is None else values(view.frame, column.name)
    rows = np.flatnonzero(member & (weight > 0))
    return Trained(rows, weight[rows])


def rows_of(view: ReportView, part: PartView) -> np.ndarray | None:
    """The rows of `view.frame` that a part holds, in the part's order; None if that cannot be told."""
    if part.index is not None:
        return part.index.astype(int)
    member = np.flatnonzero(np.asarray(view.part) == part.name)
    if len(member) == len(part.weight):
        return member
    return np.arange(view.frame.height) if view.frame.height == len(part.weight) else None
