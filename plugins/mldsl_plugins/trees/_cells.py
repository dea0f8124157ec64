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

from mldsl_plugins.trees._criteria import bounds, prefix, running

SIZES = (1 << 12, 1 << 15, 1 << 18)
OUT = 2  # the side of a row that goes to no child


class Columns(NamedTuple):
    """Some columns: the cell of each row (-1: missing), and the slot of each cell's node (M: none) with its rank."""

    code: Int[Array, "d n"]
    slot: Int[Array, "d C"]
    rank: Int[Array, "d C"]
    used: Int[Array, " d"]

    @property
    def capacity(self) -> int:
        """C, for how many cells there is room."""
        return self.slot.shape[-1]


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
    used = (code.max(axis=1) + 1).astype(jnp.int32)
    place = jnp.broadcast_to(jnp.arange(room, dtype=jnp.int32), (rank.shape[1], room))
    return Columns(code, jnp.where(place < used[:, None], 0, slots).astype(jnp.int32), place, used)


def sized(used: Int[Array, ""], capacity: int, of: Callable[[int, Any], Any], operands: Any) -> Any:
    """`of(size, operands)` with the smallest size that has room for the cells that are used."""
    sizes = (*(size for size in SIZES if 2 * size <= capacity), capacity)
    index = sum((used > size).astype(jnp.int32) for size in sizes[:-1])
    if len(sizes) == 1:
        return of(capacity, operands)
    return jax.lax.switch(index, [lambda given, size=size: of(size, given) for size in sizes], operands)


def refined(
    tally: Callable[[Array, int], Array], present: Callable[[Array], Array], size: int,
    column: Columns, side: Int[Array, " n"], child: Int[Array, "M 2"],
) -> tuple[Columns, Float[Array, "K p"], int]:  # fmt: skip
    """One column after its nodes have split, the sums of its cells, and how many of those there may be.

    `side` says where each row went, `child` the slots of the children of each slot. `tally(place, size)` sums rows by
    place, `present(sums)` is above 0 where there are rows. The column's arrays have no axis d here.
    """
    capacity, slots = column.capacity, child.shape[0]
    after = min(2 * size, capacity)
    slot, rank = column.slot[:size], column.rank[:size]
    key = jnp.where((column.code >= 0) & (side != OUT), 2 * column.code + side, 2 * size)
    sums = tally(key, 2 * size).reshape(size, 2, -1)
    there = present(sums) > 0
    # A node's cells on the left come before those on the right, in the order that they have.
    begin, end = bounds(slot, slots)
    node = jnp.minimum(slot, slots - 1)
    so_far = [jnp.pad(running(there[:, i], sums), (1, 0)) for i in range(2)]
    left = so_far[1][begin[node]] + so_far[0][1:] - 1
    right = so_far[0][end[node]] + so_far[1][1:] - 1
    place = jnp.where(there, jnp.stack([left, right], axis=1), after)

    flat = place.reshape(-1)
    moved = jnp.zeros((after, sums.shape[-1]), sums.dtype).at[flat].set(sums.reshape(2 * size, -1), mode="drop")
    slot = (
        jnp.full(capacity, slots, jnp.int32)
        .at[jnp.where(there.reshape(-1), flat, capacity)]
        .set(child[node].reshape(-1), mode="drop")
    )
    rank = (
        jnp.zeros(capacity, jnp.int32)
        .at[jnp.where(there.reshape(-1), flat, capacity)]
        .set(jnp.repeat(rank, 2), mode="drop")
    )
    where = jnp.concatenate([flat, jnp.full(1, -1, jnp.int32)])
    code = where[key]
    used = so_far[0][-1] + so_far[1][-1]
    return Columns(code, slot, rank, used), moved, after


def values_of(x: Float[Array, "n d"], rank: Int[Array, "n d"]) -> Float[Array, "d n"]:
    """The value of each rank of each column."""
    place = jnp.where(rank >= 0, rank, x.shape[0])

    def one(pair: tuple[Array, Array]) -> Array:
        return jnp.zeros(x.shape[0], x.dtype).at[pair[1]].set(pair[0], mode="drop")

    return jax.lax.map(one, (x.T, place.T))


__all__ = ["OUT", "Columns", "begun", "prefix", "ranked", "refined", "sized", "values_of"]
