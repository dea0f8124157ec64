"""What a column was some rows ago: yesterday's sales beside today's.

`lag([1, 7]) on sales` makes `sales_lag_1` and `sales_lag_7`: the values 1 and 7 rows before, in order of time (the
column `as time`, or the order of the file under `by = order`); with `per = shop` within the rows of the same shop. Rows
that have no row so far back have no value, so `impute` follows, or `where` leaves the first rows out.

Only earlier rows are looked at. That is why this step may also name the target, whose past is no leak, as long as the
split is by time or order; what it makes of a row that is held out are values known at its moment. It looks at all rows
before the split, and the artifact keeps the last rows of each level, so that the next rows find their past.

Shapes: n rows in, a column for each step back out. O(n log n) time.
Units:  those of the columns; steps are rows.
Errors: neither a column `as time` nor `by = order`; the target under another split (MLP0301).
Sources: Box & Jenkins 1976, Time Series Analysis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import polars as pl

from mldsl.plugin import Column, Component, Order, Output, Transform, hookimpl, param
from mldsl_plugins.dates._past import PER, last_rows, looking_back, ordered


@attrs.frozen
class Spec:
    """How far back, and within what."""

    steps: tuple[int, ...] = param(
        (1,),
        ge=1,
        unit="rows",
        doc="How many rows back, one column each.",
        also_known_as=("periods", "lags", "shift", "n"),
    )
    per: Column | None = param(None, doc="Look back within the rows of the same level of this column.")


def fit(spec: Spec, columns: Mapping[str, pl.Series], weight: np.ndarray, order: Order) -> dict[str, Any]:
    """Keep the last rows."""
    return last_rows(ordered(columns, order), max(spec.steps))


def apply(spec: Spec, state: Any, columns: Mapping[str, pl.Series], order: Order) -> dict[str, Any]:
    """The values of earlier rows."""

    def back(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(
            pl.col(name).shift(step).over(PER, order_by=None).alias(f"{name}_lag_{step}")
            for name in columns
            for step in spec.steps
        )

    made = looking_back(columns, order, state, back)
    return {f"{name}_lag_{step}": made[f"{name}_lag_{step}"] for name in columns for step in spec.steps}


@hookimpl
def mldsl_components() -> list[Component]:
    """Lags."""
    return [
        Transform(
            "lag", Spec, fit=fit, apply=apply, host=True, looks_back=True, missing="accepts",
            inputs=("continuous", "integer", "binary", "categorical", "ordinal"),
            outputs=(Output("{column}_lag_*", "same", "yes"),), snippet="lag([1, 12]) on passengers",
            also_known_as=("shift", "lagged", "autoregressive"),
        )
    ]  # fmt: skip
