"""Moments of one row: their parts, and the time between them.

Times are in UTC and proleptic Gregorian. A part of a missing time is missing.

    year(t) month(t) day(t) hour(t)      2024; 1..12; 1..31; 0..23
    weekday(t)                           1 Monday .. 7 Sunday, as in ISO 8601
    date(year, month, day, hour = 0)     the moment; missing where there is no such day or hour
    days_between(start, end)             end - start in days, with fractions; negative where end is earlier
    elapsed(t, unit = days)              t - 1970-01-01 in days, or seconds, minutes, hours, weeks, years (365.2425 d)
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from mldsl.plugin import Choice, Component, Function, Operand, ParameterType, hookimpl

DAY = 86_400_000_000  # microseconds
UNITS: Mapping[str, int] = {
    "seconds": 1_000_000, "minutes": 60_000_000, "hours": 3_600_000_000, "days": DAY, "weeks": 7 * DAY,
    "years": 31_556_952_000_000,
}  # fmt: skip
LAST_DAY = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def year(time: pl.Expr) -> pl.Expr:
    """The calendar year."""
    return time.dt.year().cast(pl.Int64)


def month(time: pl.Expr) -> pl.Expr:
    """1 to 12."""
    return time.dt.month().cast(pl.Int64)


def day(time: pl.Expr) -> pl.Expr:
    """The day of the month, 1 to 31."""
    return time.dt.day().cast(pl.Int64)


def weekday(time: pl.Expr) -> pl.Expr:
    """1 Monday to 7 Sunday."""
    return time.dt.weekday().cast(pl.Int64)


def hour(time: pl.Expr) -> pl.Expr:
    """0 to 23."""
    return time.dt.hour().cast(pl.Int64)


def days_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """`end - start` in days."""
    return (end - start).dt.total_microseconds() / DAY


def elapsed(time: pl.Expr, unit: str | None = None) -> pl.Expr:
    """Since 1970-01-01T00:00Z."""
    return time.dt.timestamp("us") / UNITS[unit or "days"]


def date(year: pl.Expr, month: pl.Expr, day: pl.Expr, hour: pl.Expr | None = None) -> pl.Expr:
    """The moment of these parts; missing where they are none."""
    parts = [year, month, day, pl.lit(0) if hour is None else hour]
    y, m, d, h = (part.cast(pl.Float64) for part in parts)
    leap = ((y % 4 == 0) & (y % 100 != 0)) | (y % 400 == 0)
    last = m.replace_strict(range(1, 13), LAST_DAY, default=0, return_dtype=pl.Float64)
    last = last + ((m == 2) & leap).cast(pl.Float64)
    fits = y.is_between(1, 9999) & m.is_between(1, 12) & d.is_between(1, last) & h.is_between(0, 23)
    for part in (y, m, d, h):
        fits = fits & (part == part.floor())
    # Polars raises on dates that do not exist, so those rows are given one that does, and then none.
    y, m, d, h = (pl.when(fits).then(part).otherwise(1).cast(pl.Int32) for part in (y, m, d, h))
    return pl.when(fits).then(pl.datetime(y, m, d, h, time_unit="us"))


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    time = Operand("time", ("time",))
    number = ("integer", "continuous")
    unit = ParameterType("enum", choices=tuple(Choice(name) for name in UNITS), optional=True)
    rule = "Missing where the time is missing; times are in UTC."
    return [
        Function("year", expression=year, operands=(time,), gives="integer",
                 doc=f"Calendar year of a time.\n\n{rule} Example: `year(sold_on)`."),
        Function("month", expression=month, operands=(time,), gives="integer",
                 doc=f"Month of a time, 1 to 12.\n\n{rule} Example: `month(sold_on)`."),
        Function("day", expression=day, operands=(time,), gives="integer",
                 doc=f"Day of the month of a time, 1 to 31.\n\n{rule} Example: `day(sold_on)`."),
        Function("weekday", expression=weekday, operands=(time,), gives="integer",
                 doc=f"Day of the week of a time, 1 for Monday to 7 for Sunday (ISO 8601).\n\n{rule} "
                     "Example: `weekday(sold_on) >= 6`."),
        Function("hour", expression=hour, operands=(time,), gives="integer",
                 doc=f"Hour of a time, 0 to 23.\n\n{rule} Example: `hour(called_at)`."),
        Function("days_between", expression=days_between, operands=(Operand("start", ("time",)),
                 Operand("end", ("time",))), gives="continuous",
                 doc="Days from one time to another.\n\nend - start in days, with fractions; negative where `end` is "
                     "the earlier. Missing where one of them is. Example: `days_between(opened, closed)`."),
        Function("elapsed", expression=elapsed, operands=(time, Operand("unit", literal=unit, optional=True)),
                 gives="continuous",
                 doc="Time since 1970-01-01 as a number.\n\nIn days unless `unit` is seconds, minutes, hours, weeks or "
                     f"years (of 365.2425 days); negative before. {rule} Example: `elapsed(sold_on, unit = years)`."),
        Function("date", expression=date, operands=(Operand("year", number), Operand("month", number),
                 Operand("day", number), Operand("hour", number, optional=True)), gives="time",
                 doc="Time of a year, month, day and hour.\n\nThe hour is 0 if left out. Missing where an operand is, "
                     "and where there is no such day (30 February) or hour (24). "
                     "Example: `date(year, month, day, hour)`."),
    ]  # fmt: skip
