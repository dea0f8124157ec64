"""The arrays of a run on their way to the device: padded to a bucket, cast once, one pytree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from mldsl.contract import HostSparse, Sparse
from mldsl.execute.buckets import aligned, bucket, pad


class Rows(NamedTuple):
    """All rows of a pipeline's device half; parts that do not exist are None or empty.

    matrix [n, D] (numbers and codes, missing NaN, unseen -1), sparse blocks and tensors by name, and per-row columns.
    """

    matrix: Any
    sparse: dict[str, Sparse]
    tensors: dict[str, Any]
    target: Any = None
    cost: Any = None
    offset: Any = None
    query: Any = None
    user: Any = None
    item: Any = None
    time: Any = None
    group: Any = None
    cluster: Any = None


def pad_sparse(block: HostSparse, rows: int, dtype: Any) -> Sparse:
    """A host matrix as `Sparse` of bucketed capacity; the spare entries add nothing."""
    entries = len(block.values)
    capacity = bucket(max(entries, 1))
    row = np.repeat(np.arange(block.rows, dtype=np.int32), np.diff(block.indptr))
    parts: Any = (  # NumPy until the program is called
        pad(np.asarray(block.values, dtype), capacity),
        pad(row, capacity, rows - 1),
        pad(np.asarray(block.indices, np.int32), capacity),
        np.zeros((rows, 0, len(block.names)), dtype),
    )
    return Sparse(*parts)


def rows_of(
    matrix: np.ndarray,
    sparse: Mapping[str, HostSparse],
    tensors: Mapping[str, np.ndarray],
    columns: Mapping[str, np.ndarray | None],
    dtype: Any,
    *,
    integer_target: bool,
) -> Rows:
    """Cast and pad everything to one bucket of rows.

    Rows added by padding hold the first row, and 0 beside the matrix: their weight is 0, and no algorithm may look at
    them. Per-row `columns` are those of `Rows`; absent ones are None.
    """
    n = bucket(len(matrix))
    casts: dict[str, Any] = {
        "target": np.int32 if integer_target else dtype,
        "cost": dtype, "offset": dtype, "time": dtype,
        "query": np.int32, "user": np.int32, "item": np.int32, "group": np.int32,
        "cluster": np.int32,
    }  # fmt: skip
    per_row = {
        name: None if columns.get(name) is None else pad(np.asarray(columns[name]).astype(cast), n)
        for name, cast in casts.items()
    }
    return Rows(
        matrix=_cast_and_pad(matrix, n, dtype),
        sparse={name: pad_sparse(block, n, dtype) for name, block in sparse.items()},
        tensors={name: pad(np.ascontiguousarray(t), n) for name, t in tensors.items()},
        **per_row,
    )


def _cast_and_pad(matrix: np.ndarray, n: int, dtype: Any) -> np.ndarray:
    # One pass: a million rows are cast into place, never copied twice.
    out = aligned((n, matrix.shape[1]), dtype)
    out[: len(matrix)] = matrix
    # Another row of the kind: what steps make of it has a value wherever theirs has (the logarithm of 0 has none).
    out[len(matrix) :] = matrix[:1] if len(matrix) else 0
    return out


def join_sparse(dense: Any, blocks: Sequence[Sparse]) -> Sparse:
    """Dense columns [n, D] and sparse blocks side by side as one `Sparse`, entries still sorted by row.

    A row has exactly D dense entries, so each sparse entry's place follows from counting, without sorting. O(entries).
    """
    result: Sparse | None = None
    n, d = dense.shape
    if d:
        entry = jnp.arange(n * d, dtype=jnp.int32)
        result = Sparse(dense.ravel(), entry // d, entry % d, jnp.zeros((n, 0, d), dense.dtype))
    for block in blocks:
        result = block if result is None else _beside(result, block, n)
    assert result is not None, "a model without any input column"
    return result


def _beside(left: Sparse, right: Sparse, n: int) -> Sparse:
    rows = jnp.arange(n + 1)
    starts_left = jnp.searchsorted(left.row, rows)
    starts_right = jnp.searchsorted(right.row, rows)
    place_left = jnp.arange(left.value.size) + starts_right[left.row]
    place_right = jnp.arange(right.value.size) + starts_left[right.row + 1]

    def merged(a: Any, b: Any) -> Any:
        out = jnp.zeros(left.value.size + right.value.size, a.dtype)
        return out.at[place_left].set(a, unique_indices=True).at[place_right].set(b, unique_indices=True)

    return Sparse(
        merged(left.value, right.value),
        merged(left.row, right.row),
        merged(left.column, right.column + left.d),
        jnp.zeros((n, 0, left.d + right.d), left.value.dtype),
    )
