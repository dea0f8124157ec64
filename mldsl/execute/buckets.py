"""Row counts are padded to buckets about 1.25 apart, with rows of weight 0, so that a few rows more compile nothing.

Above 32,768 rows, where a row costs more than its program's shape is worth, they are about 1.06 apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_SMALLEST = 32
_MANY = 1 << 15
_BOUNDARY = 64  # bytes


def bucket(n: int) -> int:
    """The smallest bucket that holds n rows: 32, 40, 48, 56, 64, 80, 96 ... (four to each doubling, 16 of many rows).

    Always a multiple of 8, so that rows divide evenly over devices. Padding costs at most a quarter, of many rows a
    sixteenth.
    """
    if n <= _SMALLEST:
        return _SMALLEST
    power = 1 << ((n - 1).bit_length() - 1)  # the largest power of two below n
    step = power // (4 if power < _MANY else 16)
    return power + step * -(-(n - power) // step)


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised array that starts at a multiple of 64 bytes.

    JAX uses such an array on the CPU as it is, and copies every other one at every call: 0.06 s for a million rows of
    28 columns. Whoever hands it over must not change it afterwards.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + _BOUNDARY, np.uint8)
    start = -room.ctypes.data % _BOUNDARY
    array: np.ndarray = room[start : start + size].view(dtype).reshape(shape)
    return array


def pad(array: Any, rows: int, fill: float = 0) -> np.ndarray:
    """`array` with its first axis filled up to `rows`, aligned; the array itself if it is both already."""
    given: np.ndarray = np.asarray(array)
    if len(given) == rows and given.ctypes.data % _BOUNDARY == 0:
        return given
    out = aligned((rows, *given.shape[1:]), given.dtype)
    out[: len(given)] = given
    out[len(given) :] = fill
    return out
