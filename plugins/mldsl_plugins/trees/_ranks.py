"""Ranks of the distinct values of columns, on the host, where sorting is several times faster than in XLA on a CPU."""

from __future__ import annotations

import numpy as np

WIDE = 1 << 20  # whole numbers within so many are counted, not sorted


def ranks(x: np.ndarray, levels: tuple[int, ...]) -> np.ndarray:
    """The rank of each value among the distinct values of its column, -1 where it is missing, Int32[n, d].

    A column with `levels` is of categories, whose codes are their ranks.
    """
    made = np.empty((x.shape[1], x.shape[0]), np.int32)
    for j in range(x.shape[1]):
        made[j] = _codes(x[:, j], levels[j]) if levels[j] else _ranks(np.ascontiguousarray(x[:, j]))
    return np.ascontiguousarray(made.T)


def _codes(column: np.ndarray, levels: int) -> np.ndarray:
    known = (column >= 0) & (column < levels)
    return np.where(known, column, -1).astype(np.int32)


def _ranks(column: np.ndarray) -> np.ndarray:
    missing = np.isnan(column)
    known = column[~missing] if missing.any() else column
    if not len(known):
        return np.full(len(column), -1, np.int32)
    low = known.min()
    if known.max() - low < WIDE and (np.floor(known) == known).all():
        place = (known - low).astype(np.int32)
        there = np.zeros(int(place.max()) + 1, bool)
        there[place] = True
        rank = (np.cumsum(there, dtype=np.int32) - 1)[place]
    else:
        rank = np.unique(known, return_inverse=True)[1].astype(np.int32)
    if not missing.any():
        return rank
    made = np.full(len(column), -1, np.int32)
    made[~missing] = rank
    return made
