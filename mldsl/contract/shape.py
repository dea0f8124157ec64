"""What an algorithm may know without seeing a row: small, hashable, static; it selects a compiled program."""

from __future__ import annotations

import attrs


@attrs.frozen
class ColumnShape:
    """One column of the matrix: its name, its type, how many levels its dictionary has (0 for numbers), and whether
    values may be missing.
    """

    name: str
    type: str = "continuous"
    levels: int = 0
    missing: bool = False


@attrs.frozen
class Shape:
    """Counts and kinds. `rows` is the bucket (padding included), never the exact number of rows.

    `classes` is the number of target levels (0 if the target is a number or absent); `ordered` says they have an order.
    `queries`, `users`, `items`, `vocabulary` are bucketed counts. `tensors` are the shapes of tensor inputs by name,
    without the row axis. `largest_class` is the weight of the heaviest class of training rows, bucketed, where a step
    adds rows; in a fold no class is heavier. `intercept` is false where a formula leaves it out: a linear model then
    has none. `clusters` is the bucketed number of values of the column that the rows are clustered by. `wide` counts
    the columns of sparse blocks, which stand after `columns`; all are numbers, and they may be a million, so they have
    no entries of their own. `offset` is whether rows have one.
    """

    rows: int
    columns: tuple[ColumnShape, ...] = ()
    classes: int = 0
    ordered: bool = False
    queries: int = 0
    users: int = 0
    items: int = 0
    vocabulary: int = 0
    tensors: tuple[tuple[str, tuple[int, ...]], ...] = ()
    largest_class: int = 0
    intercept: bool = True
    clusters: int = 0
    wide: int = 0
    offset: bool = False

    @property
    def d(self) -> int:
        """The number of columns of the matrix, those of sparse blocks among them."""
        return len(self.columns) + self.wide

    def name_of(self, place: int) -> str:
        """What to call a column of the matrix; those of sparse blocks are known by their places only."""
        wide = place - len(self.columns)
        return self.columns[place].name if wide < 0 else f"column {wide + 1} of the sparse ones"
