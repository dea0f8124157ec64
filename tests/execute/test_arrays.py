"""Padding, buckets and joining sparse blocks: the device sees rows of weight 0, never another program."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldsl.contract import HostSparse
from mldsl.execute.arrays import join_sparse, pad_sparse, rows_of
from mldsl.execute.buckets import bucket, pad


@given(st.integers(1, 10_000_000))
def test_buckets_hold_the_rows_and_waste_at_most_a_quarter(n: int) -> None:
    size = bucket(n)
    assert size >= n
    assert size % 8 == 0
    assert size <= max(32, 1.25 * n + 8)
    assert bucket(size) == size


def test_buckets_are_about_a_quarter_apart() -> None:
    sizes = sorted({bucket(n) for n in range(32, 5000)})
    assert all(1.1 < b / a <= 1.26 for a, b in pairwise(sizes))


def test_pad_keeps_values_and_fills() -> None:
    out = pad(np.arange(3, dtype=np.float32), 5, fill=-1)
    assert out.tolist() == [0, 1, 2, -1, -1]
    assert out.dtype == np.float32


def host_sparse(dense: np.ndarray) -> HostSparse:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    return HostSparse(indptr, columns, dense[rows, columns], tuple(f"w{i}" for i in range(dense.shape[1])))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2), st.integers(1, 2))
def test_joined_sparse_equals_dense_side_by_side(seed: int, dense_columns: int, blocks: int) -> None:
    generator = np.random.default_rng(seed)
    n, rows = 5, 8
    dense = generator.normal(size=(n, dense_columns))
    parts = [generator.normal(size=(n, 3)) * (generator.random((n, 3)) < 0.4) for _ in range(blocks)]
    padded = np.zeros((rows, dense_columns), np.float32)
    padded[:n] = dense
    joined = join_sparse(padded, [pad_sparse(host_sparse(p), rows, np.float32) for p in parts])
    expected = np.hstack([dense, *parts])
    assert joined.d == expected.shape[1]
    found = np.asarray(joined.matmul(np.eye(joined.d, dtype=np.float32)))[:n]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    assert np.all(np.diff(np.asarray(joined.row)) >= 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_cast_once_and_padded_with_their_first(dtype: type) -> None:
    matrix = np.arange(6.0).reshape(3, 2) + 1
    rows = rows_of(matrix, {}, {}, {"target": np.array([0, 1, 1])}, dtype, integer_target=True)
    assert rows.matrix.shape == (32, 2)
    assert rows.matrix.dtype == dtype
    np.testing.assert_array_equal(rows.matrix[:3], matrix)
    np.testing.assert_array_equal(
        rows.matrix[3:], np.tile(matrix[0], (29, 1))
    )  # log(x) has a value wherever it has one
    assert rows.target.dtype == np.int32
    assert rows.offset is None
