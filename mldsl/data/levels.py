"""The levels of columns: written in the file, or learned on training rows, once and not for each fold."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import polars as pl

from mldsl.data.checks import binary_refused, positive_pair
from mldsl.data.convert import LEVEL_TYPES
from mldsl.data.dataset import Dataset
from mldsl.diagnostics import MldslError
from mldsl.plan import ColumnPlan


@attrs.frozen
class Levels:
    """`of` maps a column to its levels in order; the code of a level is its place. For binary the last is positive."""

    of: Mapping[str, tuple[str, ...]]


def has_levels(column: ColumnPlan) -> bool:
    """Whether values of a column are encoded as the place of a level; users and items are too, whatever their type."""
    return column.type in LEVEL_TYPES or column.role in ("user", "item")


def learn_levels(dataset: Dataset, rows: np.ndarray) -> Levels:
    """The levels of every column that has some, the target's included. `rows` Bool[n] are the outer training rows.

    Levels that the file does not write are those of the training rows, sorted as numbers if all are, else by code
    point. Binary columns take 0/1, false/true, no/yes, the last being positive, and refuse others (MLP0404).
    """
    training = dataset.frame.filter(pl.Series(rows))
    found: dict[str, tuple[str, ...]] = {}
    problems = []
    for column in dataset.columns:
        if not has_levels(column):
            continue
        if column.levels is not None:
            found[column.name] = column.levels
            continue
        values = _values(dataset, training, column)
        if column.type == "binary" and column.role not in ("user", "item"):
            listed = sorted(values.to_list())
            if (refused := binary_refused(column, listed)) is not None:
                problems.append(refused)
            found[column.name] = positive_pair(listed) or ("0", "1")
        else:
            found[column.name] = in_level_order(values)
    if problems:
        raise MldslError(*problems)
    return Levels(found)


def _values(dataset: Dataset, training: pl.DataFrame, column: ColumnPlan) -> pl.Series:
    """The distinct values to learn from; every user and item with a row of its own is known, rated or not."""
    values = training[column.name].drop_nulls().unique().cast(pl.String)
    side = dataset.sides.get({"user": "users", "item": "items"}.get(column.role, ""))
    if side is None:
        return values
    return pl.concat([values, side[column.name].drop_nulls().cast(pl.String)]).unique()


def in_level_order(values: pl.Series) -> tuple[str, ...]:
    """Distinct levels, sorted as numbers if all of them are (equal numbers by code point), else by code point."""
    numbers = values.cast(pl.Float64, strict=False)
    if not numbers.null_count() and numbers.is_finite().all():
        return tuple(pl.DataFrame({"number": numbers, "text": values}).sort("number", "text")["text"])
    return tuple(values.sort())
