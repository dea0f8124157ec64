"""The parts of a moment as columns of their own: year, month, weekday, hour ...

A model cannot read a date, but it can learn that Mondays, Decembers or nights differ. Parts that go round (month,
weekday, hour) end where they begin again: `cyclical` says so to a linear model. The number of days since 1970 (`days`)
is what a trend needs.

Times are in UTC. `month` is 1 to 12, `weekday` 1 Monday to 7 Sunday (ISO 8601), `week` the ISO week 1 to 53, `quarter`
1 to 4, `day_of_year` 1 to 366; `weekend` is 1 on Saturdays and Sundays.

Shapes: n moments in, one column for each part out. O(n) time.
Units:  those of the parts; `days` is in days, with fractions.
Errors: none; the parts of a missing moment are missing.
Sources: ISO 8601-1:2019.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs
import polars as pl

from mldsl.plugin import Component, Output, Transform, hookimpl, param

DAY = 86_400_000_000  # microseconds
PARTS: Mapping[str, Callable[[pl.Series], pl.Series]] = {
    "year": lambda t: t.dt.year(),
    "quarter": lambda t: t.dt.quarter(),
    "month": lambda t: t.dt.month(),
    "week": lambda t: t.dt.week(),
    "day": lambda t: t.dt.day(),
    "day_of_year": lambda t: t.dt.ordinal_day(),
    "weekday": lambda t: t.dt.weekday(),
    "weekend": lambda t: t.dt.weekday() >= 6,
    "hour": lambda t: t.dt.hour(),
    "minute": lambda t: t.dt.minute(),
    "second": lambda t: t.dt.second(),
    "days": lambda t: t.dt.timestamp("us") / DAY,
}
TYPES = {"weekend": "binary", "days": "continuous"}
CELLS = {"integer": pl.Int64, "continuous": pl.Float64, "binary": pl.String}


@attrs.frozen
class Spec:
    """Which parts."""

    parts: tuple[
        Literal[
            "year", "quarter", "month", "week", "day", "day_of_year", "weekday", "weekend", "hour", "minute", "second",
            "days",
        ],
        ...,
    ] = param(("year", "month", "weekday"), variadic=True, doc="The parts, in the order of their columns.")  # fmt: skip


def apply(spec: Spec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """`column_part` for each part."""
    made = {}
    for name, series in columns.items():
        for part in spec.parts:
            values = PARTS[part](series)
            if part == "weekend":
                values = values.cast(pl.Int8)
            made[f"{name}_{part}"] = values.cast(CELLS[TYPES.get(part, "integer")])
    return made


@hookimpl
def mldsl_components() -> list[Component]:
    """Parts of dates."""
    outputs = tuple(
        Output(f"{{column}}_{part}", TYPES.get(part, "integer"), only_if=f"parts = {part}") for part in PARTS
    )
    return [
        Transform(
            "date_parts", Spec, apply=apply, host=True, inputs=("time",), missing="accepts", outputs=outputs,
            snippet="date_parts(month, weekday) on sold", also_known_as=("datetime_features", "dt", "extract_dates"),
        )
    ]  # fmt: skip
