"""What the host hands to the device: sparse matrices as NumPy arrays, before they are padded; prepared inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import attrs
import numpy as np


class Prepared(NamedTuple):
    """Inputs that a model's `prepare` made on the host: what has a row for each row, and what all rows share.

    `rows` is a tree of arrays with n as their first axis; `shared` one of arrays that every device gets whole.
    """

    rows: Any
    shared: Any = ()


@attrs.frozen(eq=False)
class HostSparse:
    """A row-compressed matrix [n, d] on the host: row i holds entries `indptr[i]:indptr[i + 1]`.

    `indptr` Int[n + 1], `indices` Int[entries] (columns, each at most once in a row), `values` Float[entries]; `names`
    are the d column names, which may be made only when they are asked for.
    """

    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    names: Sequence[str]

    @property
    def rows(self) -> int:
        """n."""
        return len(self.indptr) - 1

    @property
    def d(self) -> int:
        """The number of columns."""
        return len(self.names)


@attrs.frozen
class Numbered(Sequence[str]):
    """`text_0`, `text_1`, ...: names of so many columns, none of which is written down before it is asked for."""

    prefix: str
    size: int

    def __len__(self) -> int:
        """How many names."""
        return self.size

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: Any) -> Any:
        """The name at a place."""
        numbers = range(self.size)[index]
        return [f"{self.prefix}{i}" for i in numbers] if isinstance(index, slice) else f"{self.prefix}{numbers}"
