"""Which rows are in which node: one list of rows in which every node has a stretch, so that work goes with its rows.

A split parts its node's stretch in two, in order, chunk by chunk: the rows that go left move to the front, the others
into the list's second half and from there behind them. Where a row goes is a running count; XLA's own, a tree of
sums, takes 7 ns a row on a CPU, a product with a triangle of ones 2.

Shapes:  n rows; the list has room for n and a few chunks, twice.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

_WIDE = 64  # rows that one product counts


def every_row(n: int, chunk: int) -> Int[Array, " m"]:
    """The list before any split."""
    return jnp.concatenate([jnp.arange(n, dtype=jnp.int32), jnp.zeros(n + 3 * chunk, jnp.int32)])


def part(
    rows: Int[Array, " m"],
    start: Int[Array, ""],
    count: Int[Array, ""],
    goes_left: Callable[[Array], Array],
    n: int,
    chunk: int,
) -> tuple[Int[Array, " m"], Int[Array, ""]]:
    """Part the stretch `rows[start : start + count]`; how many rows are left. `goes_left(row) -> Bool[chunk]`."""
    there = n + chunk  # where the second half begins
    place = jnp.arange(chunk, dtype=jnp.int32)

    def body(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        i, left, right, rows = state
        row = jax.lax.dynamic_slice_in_dim(rows, start + i * chunk, chunk)
        here = place < count - i * chunk
        goes = goes_left(row) & here
        until = running_count(goes)
        to = jnp.where(goes, start + left + until - 1, there + right + place - until)
        to = jnp.where(here, to, 2 * there + place)
        rows = rows.at[to].set(row, mode="promise_in_bounds", unique_indices=True)
        found = until[-1]
        return i + 1, left + found, right + jnp.minimum(chunk, count - i * chunk) - found, rows

    zero = jnp.int32(0)
    _, left, right, rows = jax.lax.while_loop(lambda s: s[0] * chunk < count, body, (zero, zero, zero, rows))

    def back(state: tuple[Array, Array]) -> tuple[Array, Array]:
        i, rows = state
        to = start + left + i * chunk
        moved = jax.lax.dynamic_slice_in_dim(rows, there + i * chunk, chunk)
        new = jnp.where(place < right - i * chunk, moved, jax.lax.dynamic_slice_in_dim(rows, to, chunk))
        return i + 1, jax.lax.dynamic_update_slice_in_dim(rows, new, to, 0)

    return jax.lax.while_loop(lambda s: s[0] * chunk < right, back, (zero, rows))[1], left


def running_count(true: Bool[Array, " c"]) -> Int[Array, " c"]:
    """How many are true up to and with each place; c is a multiple of 64. Exact up to 2^24."""
    ones = jnp.triu(jnp.ones((_WIDE, _WIDE), jnp.float32))
    within = jnp.dot(true.reshape(-1, _WIDE).astype(jnp.float32), ones)
    each = within[:, -1]
    return (within + (jnp.cumsum(each) - each)[:, None]).astype(jnp.int32).reshape(-1)


def spread(
    rows: Int[Array, " m"],
    start: Int[Array, " s"],
    count: Int[Array, " s"],
    value: Int[Array, " s"],
    n: int,
    chunk: int,
) -> Int[Array, " n"]:
    """The value of the stretch that each row is in."""
    place = jnp.arange(chunk, dtype=jnp.int32)

    def stretch(s: Array, of: Array) -> Array:
        def body(state: tuple[Array, Array]) -> tuple[Array, Array]:
            i, of = state
            row = jax.lax.dynamic_slice_in_dim(rows, start[s] + i * chunk, chunk)
            row = jnp.where(place < count[s] - i * chunk, row, n + place)
            return i + 1, of.at[row].set(value[s], mode="promise_in_bounds", unique_indices=True)

        return jax.lax.while_loop(lambda state: state[0] * chunk < count[s], body, (jnp.int32(0), of))[1]

    return jax.lax.fori_loop(0, start.shape[0], stretch, jnp.zeros(n + chunk, jnp.int32))[:n]
