"""Cells: the distinct values of a column in each node that grows, with the sums of the rows that hold them.

An exact tree looks at every distinct value. Sorting the rows of every node would do; so does counting: each row knows
the cell of its value, cells lie in order of node and value, and when nodes split, cells split with them. A level then
costs one pass over the rows of a column, wherever they lie, and a pass over its cells, of which there are few as long
as there are few nodes or few values, and never more than rows. Each pass over cells works on the smallest of a few
sizes that has room for them, because shapes are static.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._criteria import Cells, running, take

SIZES = (1 << 12, 1 << 15, 1 << 18)
OUT = 2  # the side of a row that goes to no child


class Columns(NamedTuple):
    """Some columns: the cell of each row (-1: missing), and of each cell the slot of its node with its rank.

    Cells lie in order of slot and rank; `begin` and `end` are the first and the one after the last of each slot. There
    are `used` cells; what lies behind them has no meaning.
    """

    code: Int[Array, "d n"]
    slot: Int[Array, "d C"]
    rank: Int[Array, "d C"]
    begin: Int[Array, "d M"]
    end: Int[Array, "d M"]
    used: Int[Array, " d"]

    @property
    def capacity(self) -> int:
        """C, for how many cells there is room."""
        return self.slot.shape[-1]

    def first(self, size: int) -> Cells:
        """So many cells of a column."""
        return Cells(self.slot[:size], self.begin, self.end)


def ranked(x: Float[Array, "n d"], there: Bool[Array, " n"]) -> Int[Array, "n d"]:
    """The rank of each value among the distinct values of its column, -1 where it is missing. O(n d log n)."""

    def one(column: Array) -> Array:
        known = there & ~jnp.isnan(column)
        order = jnp.argsort(jnp.where(known, column, jnp.inf), stable=True)
        ordered = column[order]
        new = jnp.concatenate([jnp.zeros(1, bool), ordered[1:] != ordered[:-1]]) & known[order]
        rank = jnp.zeros(len(column), jnp.int32).at[order].set(jnp.cumsum(new.astype(jnp.int32)).astype(jnp.int32))
        return jnp.where(known, rank, -1)

    return jax.lax.map(one, x.T).T


def begun(rank: Int[Array, "n d"], there: Bool[Array, " n"], room: int, slots: int) -> Columns:
    """One cell for each rank, all in slot 0, from which `refined` makes the cells of the root."""
    code = jnp.where(there[None, :], rank.T, -1)
    used = (code.max(axis=1, initial=-1) + 1).astype(jnp.int32)
    place = jnp.broadcast_to(jnp.arange(room, dtype=jnp.int32), (rank.shape[1], room))
    begin = jnp.zeros((rank.shape[1], slots), jnp.int32)
    slot = jnp.where(place < used[:, None], 0, slots).astype(jnp.int32)
    return Columns(code, slot, place, begin, begin.at[:, 0].set(used), used)


def sized(used: Int[Array, ""], capacity: int, least: int, of: Callable[[int, Any], Any], operands: Any) -> Any:
    """`of(size, operands)` with the smallest size from `least` on that has room for the cells that are used."""
    sizes = (*(size for size in SIZES if least <= size <= capacity // 2), capacity)
    index = sum((used > size).astype(jnp.int32) for size in sizes[:-1])
    if len(sizes) == 1:
        return of(capacity, operands)
    return jax.lax.switch(index, [lambda given, size=size: of(size, given) for size in sizes], operands)


def widened(columns: Columns, slots: int) -> Columns:
    """The same cells, with room for more slots."""
    more = ((0, 0), (0, slots - columns.begin.shape[1]))
    slot = jnp.where(columns.slot >= columns.begin.shape[1], slots, columns.slot)
    return columns._replace(slot=slot, begin=jnp.pad(columns.begin, more), end=jnp.pad(columns.end, more))


def refined(
    tally: Callable[[Array, int], Array], present: Callable[[Array], Array], size: int, column: Columns,
    side: Int[Array, " n"], child: Int[Array, "M 2"],
) -> tuple[Columns, Float[Array, "p K"]]:  # fmt: skip
    """One column after its nodes have split, and the sums of the cells that there may be.

    `side` says where each row went, `child` the slots of the children of each slot. `tally(place, size)` sums rows by
    place, `present(sums)` is above 0 where there are rows. The column's arrays have no axis d here.
    """
    capacity, old = column.capacity, column.first(size)
    after = min(2 * size, capacity)
    key = jnp.where((column.code >= 0) & (side != OUT), column.code + size * side, 2 * size)
    sums = tally(key, 2 * size)
    there = present(sums) > 0
    # A node's cells on the left come before those on the right, in the order that they have.
    left, right = running(there.reshape(2, size))
    first, turn, last = (take(left, a) + take(right, b) for a, b in (
        (old.begin, old.begin), (old.end, old.begin), (old.end, old.end)))  # fmt: skip
    place = jnp.concatenate([
        take(take(right, old.begin), old.node) + left[:-1], take(take(left, old.end), old.node) + right[:-1],
    ])  # fmt: skip
    # Without the barrier XLA would find the place of a cell anew for each row of it.
    place = jax.lax.optimization_barrier(jnp.where(there, place, after))
    used = left[-1] + right[-1]
    source = jnp.zeros(after, jnp.int32).at[place].set(jnp.arange(2 * size, dtype=jnp.int32), mode="drop")
    valid = jnp.arange(after, dtype=jnp.int32) < used
    high = (source >= size).astype(jnp.int32)
    before = source - size * high
    slot = jnp.where(valid, take(child.reshape(-1), 2 * take(old.node, before) + high), child.shape[0])
    rank = take(column.rank[:size], before)

    def bounds(at_left: Array, at_right: Array) -> Array:
        made = jnp.zeros(child.shape[0], jnp.int32)
        return made.at[child[:, 0]].set(at_left, mode="drop").at[child[:, 1]].set(at_right, mode="drop")

    # What lies behind the cells that are used is whatever was there before.
    made = Columns(
        jnp.where(key < 2 * size, take(place, jnp.minimum(key, 2 * size - 1)), -1),
        column.slot.at[:after].set(slot), column.rank.at[:after].set(rank),
        bounds(first, turn), bounds(turn, last), used,
    )  # fmt: skip
    return made, jnp.where(valid[None], take(sums, source), 0)


def values_of(x: Float[Array, "n d"], rank: Int[Array, "n d"]) -> Float[Array, "d n"]:
    """The value of each rank of each column."""
    place = jnp.where(rank >= 0, rank, x.shape[0])

    def one(pair: tuple[Array, Array]) -> Array:
        return jnp.zeros(x.shape[0], x.dtype).at[pair[1]].set(pair[0], mode="drop")

    return jax.lax.map(one, (x.T, place.T))
