"""Row counts are padded to buckets about 1.25 apart, with rows of weight 0, so that a few rows more compile nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

_SMALLEST = 32


def bucket(n: int) -> int:
    """The smallest bucket that holds n rows: 32, 40, 48, 56, 64, 80, 96 ... (four to each doubling).

    Always a multiple of 8, so that rows divide evenly over devices. Padding costs at most a quarter.
    """
    if n <= _SMALLEST:
        return _SMALLEST
    power = 1 << ((n - 1).bit_length() - 1)  # the largest power of two below n
    step = power // 4
    return power + step * -(-(n - power) // step)


def pad(array: Any, rows: int, fill: float = 0) -> np.ndarray:
    """`array` with its first axis filled up to `rows`."""
    given: np.ndarray = np.asarray(array)
    if len(given) == rows:
        return given
    out = np.full((rows, *given.shape[1:]), fill, given.dtype)
    out[: len(given)] = given
    return out
