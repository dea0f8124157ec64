"""A statistic of a column over the rows just before: the mean of the last seven days.

`rolling(7, mean) on sales` makes `sales_mean_7`: the mean of the seven rows before this one, in order of time (the
column `as time`, or the order of the file under `by = order`); the row itself is left out, so that nothing of today is
in it. `within = 7d` takes the rows of the seven days before instead. With `per = shop` only rows of the same shop
count. Values that are missing are passed over; fewer than `min_rows` give no value, so `impute` follows.

Only earlier rows are looked at, so the target may be named as long as the split is by time or order. The step looks at
all rows before the split, and the artifact keeps the last rows of each level, so that the next rows find their past.

Shapes: n rows in, a column for each column and statistic out. O(n log n) time.
Units:  those of the columns; `count` is in rows.
Errors: neither `window` nor `within`, or both; neither a column `as time` nor `by = order` (`within` needs the time);
        the target under another split (MLP0301).
Sources: Box & Jenkins 1976, Time Series Analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args

import attrs
import numpy as np
import polars as pl

from mldsl.contract import Shape
from mldsl.plugin import Column, Component, Duration, Order, Output, Problem, Transform, hookimpl, param
from mldsl_plugins.dates._past import PER, TIME, last_rows, looking_back, ordered

KEPT = 10_000  # rows of each level that an artifact keeps for a window in time

LABELS = {"standard_deviation": "deviation"}
Statistic = Literal["mean", "sum", "min", "max", "standard_deviation", "median", "count"]


@attrs.frozen
class Spec:
    """The window, and what is computed of it."""

    window: int | None = param(None, ge=1, unit="rows", doc="How many rows before this one.")
    statistic: Statistic = param("mean", doc="What is computed of their values.")
    within: Duration | None = param(None, gt=0, doc="In place of `window`: rows of so much time before this one.")
    min_rows: int = param(
        1, ge=1, unit="rows", doc="Fewer values than these give none.", also_known_as=("min_periods",)
    )
    per: Column | None = param(None, doc="Look back within the rows of the same level of this column.")


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """One of both windows."""
    if (spec.window is None) == (spec.within is None):
        found = "neither" if spec.window is None else "both"
        yield Problem("window", f"expected either `window` (rows) or `within` (time), found {found}")


def label(spec: Spec, name: str) -> str:
    """`sales_mean_7`, or `sales_mean_604800s` for a window in time."""
    size = str(spec.window) if spec.window is not None else f"{spec.within:g}s"
    return f"{name}_{LABELS.get(spec.statistic, spec.statistic)}_{size}"


def fit(spec: Spec, columns: Mapping[str, pl.Series], weight: np.ndarray, order: Order) -> dict[str, Any]:
    """Keep the last rows."""
    return last_rows(ordered(columns, order), spec.window if spec.window is not None else KEPT)


def apply(spec: Spec, state: Any, columns: Mapping[str, pl.Series], order: Order) -> dict[str, Any]:
    """The statistic of earlier rows."""

    def roll(frame: pl.DataFrame) -> pl.DataFrame:
        made = [_rolled(spec, name).over(PER).alias(label(spec, name)) for name in columns]
        return frame.with_columns(made)

    made = looking_back(columns, order, state, roll)
    return {label(spec, name): made[label(spec, name)] for name in columns}


def _rolled(spec: Spec, name: str) -> pl.Expr:
    values = pl.col(name).cast(pl.Float64)
    if spec.statistic == "count":
        values = pl.when(values.is_not_null()).then(1.0)
    if spec.window is not None:
        return _ROWS[spec.statistic](values.shift(1), spec.window, spec.min_rows)
    assert spec.within is not None
    by, size = pl.col(TIME).cast(pl.Datetime("us")), f"{round(spec.within * 1e6)}us"
    # Closed on the left: rows of this very moment are not before it.
    return _MOMENTS[spec.statistic](values, by, size, spec.min_rows)


_ROWS: Mapping[str, Callable[[pl.Expr, int, int], pl.Expr]] = {
    "mean": lambda v, w, m: v.rolling_mean(w, min_samples=m),
    "sum": lambda v, w, m: v.rolling_sum(w, min_samples=m),
    "min": lambda v, w, m: v.rolling_min(w, min_samples=m),
    "max": lambda v, w, m: v.rolling_max(w, min_samples=m),
    "standard_deviation": lambda v, w, m: v.rolling_std(w, min_samples=max(m, 2)),
    "median": lambda v, w, m: v.rolling_median(w, min_samples=m),
    "count": lambda v, w, m: v.rolling_sum(w, min_samples=m),
}
_MOMENTS: Mapping[str, Callable[[pl.Expr, pl.Expr, str, int], pl.Expr]] = {
    "mean": lambda v, t, w, m: v.rolling_mean_by(t, w, min_samples=m, closed="left"),
    "sum": lambda v, t, w, m: v.rolling_sum_by(t, w, min_samples=m, closed="left"),
    "min": lambda v, t, w, m: v.rolling_min_by(t, w, min_samples=m, closed="left"),
    "max": lambda v, t, w, m: v.rolling_max_by(t, w, min_samples=m, closed="left"),
    "standard_deviation": lambda v, t, w, m: v.rolling_std_by(t, w, min_samples=max(m, 2), closed="left"),
    "median": lambda v, t, w, m: v.rolling_median_by(t, w, min_samples=m, closed="left"),
    "count": lambda v, t, w, m: v.rolling_sum_by(t, w, min_samples=m, closed="left"),
}


@hookimpl
def mldsl_components() -> list[Component]:
    """Rolling statistics."""
    outputs = tuple(
        Output(f"{{column}}_{LABELS.get(name, name)}_*", "continuous", "yes", only_if=f"statistic = {name}")
        for name in get_args(Statistic)
    )
    return [
        Transform(
            "rolling", Spec, fit=fit, apply=apply, check=check, host=True, looks_back=True, missing="accepts",
            inputs=("continuous", "integer"), outputs=outputs,
            snippet="rolling(12) on passengers", example=Spec(3),
            also_known_as=("rolling_mean", "moving_average", "rolling_window", "sma"),
        )
    ]  # fmt: skip
