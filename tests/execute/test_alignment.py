"""Arrays are handed over where JAX can use them as they are; elsewhere it copies them at every call of a program."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from mldsl.execute.arrays import rows_of
from mldsl.execute.buckets import aligned, bucket, pad


@pytest.mark.parametrize("shape", [(0,), (7,), (33, 3), (40, 2, 5), (0, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8])
def test_arrays_start_at_a_multiple_of_64_bytes(shape: tuple[int, ...], dtype: type) -> None:
    array = aligned(shape, dtype)
    assert (array.shape, array.dtype, array.flags.c_contiguous) == (shape, dtype, True)
    assert array.size == 0 or array.ctypes.data % 64 == 0  # nothing is nowhere


def test_padding_aligns_what_was_not_and_leaves_alone_what_was() -> None:
    room = aligned((41,), np.float32)
    room[:] = np.arange(41)
    shifted = room[1:]
    padded = pad(shifted, 40)
    assert padded.ctypes.data % 64 == 0
    assert (padded == np.arange(1, 41)).all()
    assert pad(room, 41) is room
    assert (pad(room, 48, 7)[41:] == 7).all()


def test_what_a_run_hands_over_is_used_without_a_copy() -> None:
    matrix = np.arange(300.0).reshape(100, 3)
    rows = rows_of(matrix, {}, {}, {"target": np.arange(100) % 2}, np.float32, integer_target=True)
    assert rows.matrix.shape == (bucket(100), 3)
    on_device = jax.device_put(rows.matrix, jax.devices("cpu")[0])
    assert on_device.unsafe_buffer_pointer() == rows.matrix.ctypes.data
    assert rows.target.ctypes.data % 64 == 0
