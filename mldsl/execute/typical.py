"""Every row gets an answer: what stands in for a cell of a new row that tells nothing.

That is a missing cell in a column that may not be missing, and an unknown level of an ordinal or binary column, whose
code would lie outside of all that was learned. Such rows are flagged where they are read. A category of unknown level
needs no stand-in: it is none of the known ones. Nor does any level where a formula codes them: an unknown one counts as
the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from mldsl.data import Encoded
from mldsl.plan import ColumnPlan


def typical_values(encoded: Encoded, weight: np.ndarray) -> tuple[float, ...]:
    """By encoded column, over rows of weight [n] above 0: the mean of numbers, the commonest level; 0 without any."""
    found = []
    for i, kind in enumerate(encoded.types):
        column = encoded.matrix[:, i]
        there = (weight > 0) & np.isfinite(column)
        if not there.any():
            found.append(0.0)
        elif kind in ("binary", "ordinal", "categorical"):
            codes = np.maximum(column[there], 0).astype(int)
            found.append(float(np.bincount(codes, weight[there]).argmax()))
        else:
            found.append(float(np.average(column[there], weights=weight[there])))
    return tuple(found)


def with_typical(
    encoded: Encoded, columns: Sequence[ColumnPlan], typical: Sequence[float], *, coded: bool = False
) -> Encoded:
    """The encoded rows with stand-ins in the cells that tell nothing; the same object where there are none.

    `coded`: unknown levels stay, because a formula knows what they are.
    """
    may_miss = {c.name for c in columns if c.missing}
    matrix = encoded.matrix
    for i, (name, kind, value) in enumerate(zip(encoded.names, encoded.types, typical, strict=True)):
        column = matrix[:, i]
        empty = np.zeros(len(column), bool) if name in may_miss else np.isnan(column)
        if kind in ("ordinal", "binary") and not coded:
            empty |= column < 0
        if empty.any():
            matrix = matrix.copy() if matrix is encoded.matrix else matrix
            matrix[empty, i] = value
    return encoded if matrix is encoded.matrix else attrs.evolve(encoded, matrix=matrix)
