"""What host steps hand to the device: sparse matrices as NumPy arrays, before they are padded."""

from __future__ import annotations

import attrs
import numpy as np


@attrs.frozen(eq=False)
class HostSparse:
    """A row-compressed matrix [n, d] on the host: row i holds entries `indptr[i]:indptr[i + 1]`.

    `indptr` Int[n + 1], `indices` Int[entries] (columns), `values` Float[entries], `names` the d column names.
    """

    indptr: np.ndarray
    indices: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]

    @property
    def rows(self) -> int:
        """n."""
        return len(self.indptr) - 1
