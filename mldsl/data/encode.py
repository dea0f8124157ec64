"""From rows in canonical types to arrays: the matrix of inputs, the target, and everything else that a role names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import polars as pl

from mldsl.data.convert import LEVEL_TYPES, TENSOR_TYPES
from mldsl.data.expression import gathered, reads
from mldsl.data.levels import Levels, has_levels
from mldsl.plan import ColumnPlan

MATRIX_TYPES = ("continuous", "integer", "time", *LEVEL_TYPES)
DAY = 86_400_000_000  # microseconds
UNSEEN = -1
# Roles whose levels a model learns from: elsewhere a level that no training row has means nothing.
LEARNED = ("input", "target", "user", "item")


@attrs.frozen(eq=False)
class Encoded:
    """Arrays of n rows.

    `matrix` Float64[n, d], column-major, holds the inputs `names` of `types`: continuous and integer as they are, time
    as days since 1970 in UTC, binary 0 or 1, ordinal its rank, categorical its code; missing is NaN, unseen levels -1.
    `host` are inputs that only host steps take (text, id), as Polars series. `tensors` are Float32 arrays: image
    [n, height, width, channels], sequence [n, time, channels], vector [n, length]; a missing row is NaN.
    `target` Float64[n], or Int64[n] class indices with -1 for unseen; None if absent. `weight`, `offset` Float64[n].
    `group`, `query` Int64[n] codes of this frame's values; `user`, `item` Int64[n] places in `levels`, -1 if unseen.
    `time` Float64[n] in days. `unseen` counts cells by column, `keys` holds the key columns.
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    types: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]
    host: Mapping[str, pl.Series]
    tensors: Mapping[str, np.ndarray]
    target: np.ndarray | None
    weight: np.ndarray | None
    offset: np.ndarray | None
    group: np.ndarray | None
    query: np.ndarray | None
    user: np.ndarray | None
    item: np.ndarray | None
    time: np.ndarray | None
    unseen: Mapping[str, int]
    keys: pl.DataFrame


def input_columns(columns: Sequence[ColumnPlan]) -> tuple[ColumnPlan, ...]:
    """The columns without a role, in declared order, that are inputs before any step.

    Columns gathered into an image, sequence or vector leave the inputs, and so does whatever a computed target reads.
    """
    computed = {column.name: column.computed for column in columns if column.computed is not None}
    gone: set[str] = set()
    for column in columns:
        if column.computed is not None:
            gone.update(gathered(column.computed))
        if column.role == "target":
            gone.update(reads(column.name, computed))
    return tuple(column for column in columns if column.role == "input" and column.name not in gone)


def encode(frame: pl.DataFrame, columns: Sequence[ColumnPlan], levels: Levels) -> Encoded:
    """Encode the rows of a frame in canonical types. Roles whose column the frame lacks (at prediction) are None.

    Cost: one pass over each column; levels are looked up by hashing, never row by row in Python.
    """
    inputs = [column for column in input_columns(columns) if column.name in frame.columns]
    in_matrix = [column for column in inputs if column.type in MATRIX_TYPES]
    names = tuple(column.name for column in in_matrix)
    types = tuple(column.type for column in in_matrix)
    by_role = {column.role: column for column in columns if column.name in frame.columns}
    target = by_role.get("target")
    coded = [column for column in columns if has_levels(column) and column.name in frame.columns]
    codes = frame.lazy().select(_code(column, levels).alias(column.name) for column in coded).collect()
    matrix = np.empty((frame.height, len(names)), order="F")
    for index, column in enumerate(in_matrix):
        source = codes if column.name in codes.columns else frame
        matrix[:, index] = _numbers(source[column.name])
    unseen = codes.select((pl.all() == UNSEEN).sum()).row(0, named=True) if coded else {}
    return Encoded(
        names=names, matrix=matrix, types=types, levels={name: levels.of[name] for name in codes.columns},
        host={c.name: frame[c.name] for c in inputs if c.type not in (*MATRIX_TYPES, *TENSOR_TYPES)},
        tensors={c.name: tensor(frame[c.name]) for c in inputs if c.type in TENSOR_TYPES},
        target=_target(frame, codes, target), weight=_role(frame, by_role, "weight"),
        offset=_role(frame, by_role, "offset"), group=_own_codes(frame, by_role, "group"),
        query=_own_codes(frame, by_role, "query"), user=_known_codes(codes, by_role, "user"),
        item=_known_codes(codes, by_role, "item"), time=_role(frame, by_role, "time"),
        unseen={c.name: unseen[c.name] for c in coded if unseen[c.name] and c.role in LEARNED},
        keys=frame.select(column.name for column in columns if column.role == "key" and column.name in frame.columns),
    )  # fmt: skip


def _code(column: ColumnPlan, levels: Levels) -> pl.Expr:
    """The place of each cell's level, -1 if it is none of them, null if missing."""
    known = levels.of[column.name]
    text = pl.col(column.name).cast(pl.String)
    code = text.cast(pl.Enum(known), strict=False).to_physical().cast(pl.Int64)
    return pl.when(text.is_not_null() & code.is_null()).then(UNSEEN).otherwise(code)


def _numbers(values: pl.Series) -> np.ndarray:
    """Float64[n], missing as NaN, times as days."""
    if isinstance(values.dtype, pl.Datetime):
        return _numbers(values.dt.timestamp("us").cast(pl.Float64) / DAY)
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _target(frame: pl.DataFrame, codes: pl.DataFrame, column: ColumnPlan | None) -> np.ndarray | None:
    if column is None:
        return None
    if column.name in codes.columns:
        return codes[column.name].fill_null(UNSEEN).to_numpy()
    return _numbers(frame[column.name])


def _role(frame: pl.DataFrame, by_role: Mapping[str, ColumnPlan], role: str) -> np.ndarray | None:
    column = by_role.get(role)
    return None if column is None else _numbers(frame[column.name])


def _known_codes(codes: pl.DataFrame, by_role: Mapping[str, ColumnPlan], role: str) -> np.ndarray | None:
    column = by_role.get(role)
    return None if column is None else codes[column.name].fill_null(UNSEEN).to_numpy()


def _own_codes(frame: pl.DataFrame, by_role: Mapping[str, ColumnPlan], role: str) -> np.ndarray | None:
    """Int64[n] in the order of the values; each missing one is a value of its own."""
    column = by_role.get(role)
    return None if column is None else value_codes(frame[column.name])


def value_codes(values: pl.Series) -> np.ndarray:
    """The values as Int64[n] in their order; each missing one is a value of its own, after all others."""
    distinct = values.drop_nulls().unique().sort()
    if isinstance(values.dtype, pl.String):
        codes = values.cast(pl.Enum(distinct)).to_physical()
    else:
        codes = values.replace_strict(distinct, range(len(distinct)), return_dtype=pl.Int64)
    missing = values.is_null()
    found: np.ndarray = codes.cast(pl.Int64).fill_null(0).to_numpy().copy()
    found[missing.to_numpy()] = len(distinct) + np.arange(int(missing.sum()))
    return found


def tensor(values: pl.Series) -> np.ndarray:
    """Float32[n, ...] of a column of arrays; rows that are missing are NaN."""
    dtype: Any = values.dtype
    shape: list[int] = []
    while isinstance(dtype, pl.Array):
        shape.append(dtype.size)
        dtype = dtype.inner
    present = values.is_not_null().to_numpy()
    if present.all():
        return np.asarray(values.to_numpy(), np.float32).reshape(len(values), *shape)
    array = np.full((len(values), *shape), np.nan, np.float32)
    array[present] = values.drop_nulls().to_numpy().reshape(-1, *shape)
    return array
