"""Tables of the calling Python program: whatever speaks Arrow becomes a Polars frame.

Why it exists: `frame("name")`, `mldsl.run(..., data = df)` and `model.predict(df)` take the same things.
"""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl

from mldsl.data.context import refuse


def to_polars(name: str, value: Any) -> pl.DataFrame | pl.LazyFrame:
    """A Polars, pandas or PyArrow table, or anything with `__arrow_c_stream__`, as Polars; no copy where possible.

    A pandas column of mixed objects, which Arrow refuses, becomes text, so that its cells are checked one by one.
    Raises MLP0406 for anything else, MLP0409 for a column given twice.
    """
    if isinstance(value, pl.DataFrame | pl.LazyFrame):
        return value
    columns = [str(column) for column in getattr(value, "columns", ())] if hasattr(value, "dtypes") else []
    if twice := [column for column in dict.fromkeys(columns) if columns.count(column) > 1]:
        raise refuse("MLP0409", f"the frame `{name}` has the column `{twice[0]}` twice")
    if not columns and not hasattr(value, "__arrow_c_stream__") and not isinstance(value, dict):
        raise refuse(
            "MLP0406", f"`{name}` is a {type(value).__name__}, not a table",
            help="give a Polars, pandas or PyArrow table, or anything else that speaks Arrow",
        )  # fmt: skip
    try:
        return pl.DataFrame(value)
    except pl.exceptions.DuplicateError as error:
        raise refuse("MLP0409", f"the frame `{name}` has a column twice", str(error).partition("\n")[0]) from None
    except Exception as error:  # Arrow's and pandas' own exceptions have no common base
        if not columns:
            raise refuse("MLP0406", f"the frame `{name}` cannot be read", str(error).partition("\n")[0]) from None
        return pl.DataFrame([_column(str(column), value[column]) for column in value.columns])


def _column(name: str, values: Any) -> pl.Series:
    try:
        return pl.Series(name, values)
    except Exception:  # the same
        missing = values.isna().to_numpy()
        cells = [None if absent else str(cell) for cell, absent in zip(values, missing, strict=True)]
        return pl.Series(name, cells, dtype=pl.String)


class _Hash:
    """A file that only hashes what is written to it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def sha256_of_frame(frame: pl.DataFrame) -> str:
    """The hash of a frame's Arrow buffers, names and types included; neither chunks nor slices matter."""
    sink = _Hash()
    # Gathering every row makes fresh buffers: two equal frames may differ in offsets and unused bytes.
    fresh = frame.select(pl.all().gather(pl.int_range(pl.len()))).rechunk()
    fresh.write_ipc_stream(sink, compression="uncompressed")  # type: ignore[call-overload]
    return sink.digest.hexdigest()
