"""Which rows are in which node: one list of rows in which every node has a stretch, so that work goes with its rows.

A split parts its node's stretch in two, in order, chunk by chunk: the rows that go left move to the front, the others
into the list's second half and from there behind them. Where a row goes is a running count, which XLA's own way, a
tree of sums, would make the dearest part of it (`benchmarks/running_count_over_cumsum.py`).

Shapes:  n rows; the list has room for n and a few chunks, twice.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_BYTES = 8  # in a word


def every_row(n: int, chunk: int) -> Int[Array, " m"]:
    """The list before any split."""
    return jnp.concatenate([jnp.arange(n, dtype=jnp.int32), jnp.zeros(n + 3 * chunk, jnp.int32)])


def heavy_first(weight: Float[Array, " n"], chunk: int) -> tuple[Int[Array, " m"], Int[Array, ""], Bool[Array, ""]]:
    """The list with all rows that count before those that do not, how many do, and whether they are the first ones."""
    n, counts = weight.shape[0], weight > 0
    many = counts.sum(dtype=jnp.int32)
    straight = ~jnp.any(counts & (jnp.arange(n, dtype=jnp.int32) >= many))

    def moved() -> Array:
        goes = lambda row: counts.at[row].get(mode="promise_in_bounds")  # noqa: E731
        return part(every_row(n, chunk), jnp.int32(0), jnp.int32(n), goes, n, chunk)[0]

    return jax.lax.cond(straight, lambda: every_row(n, chunk), moved), many, straight


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
    """How many are true up to and with each place; c is a multiple of 64.

    Eight flags are the bytes of one word, and that word times 0x0101010101010101 has their running counts as its bytes;
    the counts of eight such words are counted up in the same way.
    """
    with jax.enable_x64(True):
        ones = jnp.uint64(0x0101010101010101)
        within = jax.lax.bitcast_convert_type(true.astype(jnp.uint8).reshape(-1, _BYTES), jnp.uint64) * ones
        each = (within >> jnp.uint64(56)).astype(jnp.uint8).reshape(-1, _BYTES)
        until = jax.lax.bitcast_convert_type(each, jnp.uint64) * ones
        many = (until >> jnp.uint64(56)).astype(jnp.int32)
        bytes_of = lambda word: jax.lax.bitcast_convert_type(word, jnp.uint8).astype(jnp.int32)  # noqa: E731
        before = bytes_of(until) - each.astype(jnp.int32) + (jnp.cumsum(many, dtype=jnp.int32) - many)[:, None]
        return (bytes_of(within) + before.reshape(-1)[:, None]).reshape(-1)


def spread(rows: Int[Array, " m"], start: Int[Array, " s"], value: Int[Array, " s"], n: int) -> Int[Array, " n"]:
    """The value of the stretch that each row is in; stretches begin at `start`, n for those that are none.

    Where a stretch begins is marked, and how many marks there are so far is the number of the stretch.
    """
    wide = -(-n // 64) * 64
    marks = running_count(jnp.zeros(wide, bool).at[start].set(True, mode="drop"))[:n]
    number = jnp.maximum(marks - 1, 0)
    of_number = jnp.zeros_like(value).at[number.at[start].get(mode="fill", fill_value=n)].set(value, mode="drop")
    there = of_number.at[number].get(mode="promise_in_bounds")
    of: Array = jnp.zeros(n, value.dtype)
    return of.at[rows[:n]].set(there, mode="promise_in_bounds", unique_indices=True)


def answered(
    rows: Int[Array, " m"],
    start: Int[Array, ""],
    count: Int[Array, ""],
    answer: Callable[[Array], Array],
    of: Int[Array, " n"],
    chunk: int,
) -> Int[Array, " n"]:
    """`of` with what `answer(row) -> Int[chunk]` says of the rows in a stretch."""
    n, place = of.shape[0], jnp.arange(chunk, dtype=jnp.int32)

    def body(state: tuple[Array, Array]) -> tuple[Array, Array]:
        i, of = state
        row = jax.lax.dynamic_slice_in_dim(rows, start + i * chunk, chunk)
        to = jnp.where(place < count - i * chunk, row, n + place)
        return i + 1, of.at[to].set(answer(row), mode="promise_in_bounds", unique_indices=True)

    found = jax.lax.while_loop(lambda s: s[0] * chunk < count, body, (jnp.int32(0), jnp.pad(of, (0, chunk))))[1]
    return found[:n]
