"""What reading gives: the rows that count, in canonical types, and where each came from."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import polars as pl

from mldsl.diagnostics import Diagnostic
from mldsl.plan import ColumnPlan

SOURCE, ROW = "__source", "__row"


@attrs.frozen
class SourceInfo:
    """One file or frame that was read: its name as written, the hash of its bytes, its rows before `where`.

    `part` is train, validation or test where parts have their own sources, users or items for tables that are joined,
    else None.
    """

    name: str
    sha256: str
    rows: int
    part: str | None = None


@attrs.frozen(eq=False)
class Dataset:
    """The rows that `where` keeps, in the order of the sources.

    `frame` has the declared columns in canonical types (see `mldsl.data.convert`), computed ones included, and
    `__source` (UInt32, index into `sources`) and `__row` (UInt32, 0-based in its source). `rows_read` counts all rows,
    `dropped` names those that `where` dropped. `parts` [n] is each row's part where parts have their own sources.
    `sides` has the tables of `users` and `items`, whole: every item in it is a candidate. Only `load_rows` fills
    `row_warnings` [n] (what was odd about a row; None: nothing) and `given` (the rows as the source has them).
    """

    frame: pl.DataFrame
    columns: tuple[ColumnPlan, ...]
    sources: tuple[SourceInfo, ...]
    rows_read: int
    dropped: pl.DataFrame
    warnings: tuple[Diagnostic, ...] = ()
    parts: np.ndarray | None = None
    row_warnings: tuple[str | None, ...] = ()
    given: pl.DataFrame | None = None
    sides: Mapping[str, pl.DataFrame] = attrs.field(factory=dict)

    @property
    def rows(self) -> int:
        """n, the number of rows kept."""
        return self.frame.height

    @property
    def extra(self) -> pl.DataFrame:
        """The given columns that nothing was read from."""
        return pl.DataFrame() if self.given is None else self.given.drop(self.frame.columns, strict=False)

    def column(self, role: str) -> ColumnPlan | None:
        """The column of a role that one column at most has; None if the plan has none."""
        return next((column for column in self.columns if column.role == role), None)
