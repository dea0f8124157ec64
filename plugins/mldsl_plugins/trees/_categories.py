"""Categories are split as sets of levels.

For two classes the best set is found among the cuts of the levels in order of the share of the second class, for
numbers and squared errors in order of their means (Breiman et al. 1984, theorem 4.5), so the search is exact; for
absolute errors that order is a guess. For more classes all sets are tried while a column has at most 10 levels; with
more, the levels are ordered along the direction in which their shares of the classes vary most (Coppersmith, Hong &
Hosking 1999), which finds a good set, not always the best. The side that goes left is the one of the lower mean (of
classes: of their numbers).
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mldsl_plugins.trees._criteria import Between, Cells, Criterion, allowed, best, between, take

ALL_SETS = 10  # levels of which all sets are tried
TOGETHER = 16  # nodes for which they are tried at a time
ITERATIONS = 16  # of the power method
LEFT, RIGHT = 0, 1


def cut(
    criterion: Criterion, sums: Float[Array, "p K"], cells: Cells, rank: Int[Array, " K"], code: Int[Array, " n"],
    gain_of: Callable[[Between, Cells, Array], Array], least: int, close: Float[Array, " M"], levels: int,
    used: Int[Array, ""],
) -> tuple[Float[Array, " M"], Int[Array, " K"]]:  # fmt: skip
    """The gain of the best set in each slot, and the side of each cell; `used` slots have cells.

    `gain_of(parts, cells, code)` is what cuts after each cell gain, `code` the cell of each row.
    """
    if criterion.classes > 2 and levels <= ALL_SETS:
        return _all_sets(criterion, sums, cells, rank, least, close, levels, used)
    score = _direction(criterion, sums, cells) if criterion.classes > 2 else criterion.middle(sums)
    place = jnp.arange(cells.slot.shape[0], dtype=jnp.int32)
    _, _, order = jax.lax.sort((cells.slot, score, place), num_keys=3)
    moved = jnp.zeros_like(place).at[order].set(place)
    parts = between(take(sums, order), cells)
    code = jnp.where(code >= 0, take(moved, jnp.maximum(code, 0)), -1)
    found = best(allowed(criterion, parts, gain_of(parts, cells, code), least), cells, close)
    low = moved <= take(found.at, cells.node)
    if criterion.classes > 2:
        last = jnp.minimum(found.at, place.shape[0] - 1)
        upside = criterion.middle(take(parts.left, last)) > criterion.middle(take(parts.right, last))
        low ^= take(upside, cells.node)
    return found.gain, jnp.where(low, LEFT, RIGHT).astype(jnp.int32)


def _direction(criterion: Criterion, sums: Array, cells: Cells) -> Float[Array, " K"]:
    """Scores of the levels along the first principal component of their shares, weighted by what they weigh."""
    total = jnp.zeros((sums.shape[0], cells.slots), sums.dtype).at[:, cells.slot].add(sums, mode="drop")
    off = criterion.shares(sums) - take(criterion.shares(total), cells.node)
    mass = criterion.mass(sums)[None]
    start = jnp.cos(jnp.arange(criterion.classes, dtype=sums.dtype) + 1)[:, None]

    def turn(along: Array, _: None) -> tuple[Array, None]:
        score = (off * take(along, cells.node)).sum(axis=0)
        along = jnp.zeros_like(along).at[:, cells.slot].add(mass * score[None] * off, mode="drop")
        size = jnp.sqrt((along**2).sum(axis=0, keepdims=True))
        return jnp.where(size > 0, along / jnp.where(size > 0, size, 1), start), None

    along, _ = jax.lax.scan(turn, jnp.broadcast_to(start, (criterion.classes, cells.slots)), length=ITERATIONS)
    return (off * take(along, cells.node)).sum(axis=0)


def _all_sets(
    criterion: Criterion, sums: Array, cells: Cells, rank: Array, least: int, close: Array, levels: int, used: Array
) -> tuple[Array, Array]:
    """Every set of levels without the last one, whose complement goes to the other side."""
    sets, slots = 2 ** max(levels - 1, 1), cells.slots
    inside = jnp.asarray(np.arange(sets)[:, None] >> np.arange(levels)[None] & 1, sums.dtype)
    room = -(-slots // TOGETHER) * TOGETHER
    table = jnp.zeros((criterion.planes, room, levels), sums.dtype)
    table = table.at[:, jnp.where(cells.slot < slots, cells.slot, room), rank].add(sums, mode="drop")
    near = jnp.pad(close, (0, room - slots))

    def some(block: Array, told: tuple[Array, Array]) -> tuple[Array, Array]:
        here = jax.lax.dynamic_slice_in_dim(table, block * TOGETHER, TOGETHER, axis=1)
        left = jnp.einsum("sl,pbl->pbs", inside, here, precision="highest")
        total = here.sum(axis=2)
        right = total[:, :, None] - left
        gain = criterion.risk(total)[:, None] - criterion.risk(left) - criterion.risk(right)
        enough = (criterion.count(left) >= least) & (criterion.count(right) >= least)
        gain = jnp.where(enough, gain, -jnp.inf)
        top = gain.max(axis=1)
        slack = jax.lax.dynamic_slice_in_dim(near, block * TOGETHER, TOGETHER)
        pick = jnp.argmax((gain >= (top - slack)[:, None]) & enough, axis=1).astype(jnp.int32)
        row = jnp.arange(TOGETHER)
        upside = criterion.middle(left[:, row, pick]) > criterion.middle(right[:, row, pick])
        made = top, jnp.where(upside, ~pick, pick)
        return tuple(  # type: ignore[return-value]
            jax.lax.dynamic_update_slice_in_dim(whole, part, block * TOGETHER, 0)
            for whole, part in zip(told, made, strict=True)
        )

    start = jnp.full(room, -jnp.inf, sums.dtype), jnp.zeros(room, jnp.int32)
    gain, chosen = jax.lax.fori_loop(0, -(-used // TOGETHER), some, start)
    bit = take(chosen, cells.node) >> jnp.minimum(rank, 31) & 1
    return gain[:slots], jnp.where(bit == 1, LEFT, RIGHT).astype(jnp.int32)
