"""Categories are split as sets of levels.

For two classes the best set is found among the cuts of the levels in order of the share of the second class, for
numbers and squared errors in order of their means (Breiman et al. 1984, theorem 4.5), so the search is exact; for
absolute errors that order is a guess. For more classes all sets are tried while a column has at most 10 levels; with
more, the levels are ordered along the direction in which their shares of the classes vary most (Coppersmith, Hong &
Hosking 1999), which finds a good set, not always the best. The side that goes left is the one of the lower mean (of
classes: of their numbers).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mldsl_plugins.trees._criteria import Criterion, best, between, gains

ALL_SETS = 10  # levels of which all sets are tried
TOGETHER = 16  # nodes for which they are tried at a time
ITERATIONS = 16  # of the power method
LEFT, RIGHT = 0, 1


def cut(
    criterion: Criterion, sums: Float[Array, "K p"], slot: Int[Array, " K"], rank: Int[Array, " K"], slots: int,
    least: int, close: Float[Array, " M"], levels: int, used: Int[Array, ""],
) -> tuple[Float[Array, " M"], Int[Array, " K"]]:  # fmt: skip
    """The gain of the best set in each slot, and the side of each cell; `used` slots have cells."""
    if criterion.classes > 2 and levels <= ALL_SETS:
        return _all_sets(criterion, sums, slot, rank, slots, least, close, levels, used)
    if criterion.classes > 2:
        score = _direction(criterion, sums, slot, slots)
    elif criterion.classes == 2:
        score = criterion.shares(sums)[:, 1]
    else:
        score = criterion.shares(sums)[:, 0]
    place = jnp.arange(slot.shape[0], dtype=jnp.int32)
    _, _, order = jax.lax.sort((slot, score, place), num_keys=3)
    parts = between(sums[order], slot, slots)
    found = best(gains(criterion, parts, slot, least), slot, slots, close)
    low = jnp.zeros(slot.shape, bool).at[order].set(place <= found.at[jnp.minimum(slot, slots - 1)])
    if criterion.classes > 2:
        last = jnp.minimum(found.at, slot.shape[0] - 1)
        upside = _mean(criterion, parts.left[last]) > _mean(criterion, parts.right[last])
        low ^= upside[jnp.minimum(slot, slots - 1)]
    return found.gain, jnp.where(low, LEFT, RIGHT).astype(jnp.int32)


def _mean(criterion: Criterion, sums: Float[Array, "*m p"]) -> Float[Array, "*m"]:
    """The mean number of the classes."""
    return criterion.shares(sums) @ jnp.arange(criterion.classes, dtype=sums.dtype)


def _direction(criterion: Criterion, sums: Array, slot: Array, slots: int) -> Float[Array, " K"]:
    """Scores of the levels along the first principal component of their shares, weighted by what they weigh."""
    node = jnp.minimum(slot, slots - 1)
    total = jnp.zeros((slots, criterion.planes), sums.dtype).at[slot].add(sums, mode="drop")
    off = criterion.shares(sums) - criterion.shares(total)[node]
    mass = criterion.mass(sums)[:, None]
    start = jnp.cos(jnp.arange(criterion.classes, dtype=sums.dtype) + 1)

    def turn(along: Array, _: None) -> tuple[Array, None]:
        score = (off * along[node]).sum(axis=1)
        along = jnp.zeros_like(along).at[slot].add(mass * score[:, None] * off, mode="drop")
        size = jnp.sqrt((along**2).sum(axis=1, keepdims=True))
        return jnp.where(size > 0, along / jnp.where(size > 0, size, 1), start[None]), None

    along, _ = jax.lax.scan(turn, jnp.broadcast_to(start, (slots, criterion.classes)), length=ITERATIONS)
    return (off * along[node]).sum(axis=1)


def _all_sets(
    criterion: Criterion, sums: Array, slot: Array, rank: Array, slots: int, least: int, close: Array, levels: int,
    used: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Every set of levels without the last one, whose complement goes to the other side."""
    sets = 2 ** max(levels - 1, 1)
    inside = jnp.asarray(np.arange(sets)[:, None] >> np.arange(levels)[None] & 1, sums.dtype)
    blocks = -(-slots // TOGETHER)
    table = jnp.zeros((blocks * TOGETHER, levels, criterion.planes), sums.dtype)
    table = table.at[jnp.where(slot < slots, slot, blocks * TOGETHER), rank].add(sums, mode="drop")
    near = jnp.pad(close, (0, blocks * TOGETHER - slots))

    def some(block: Array, told: tuple[Array, Array]) -> tuple[Array, Array]:
        here = jax.lax.dynamic_slice_in_dim(table, block * TOGETHER, TOGETHER)
        left = jnp.einsum("sl,blp->bsp", inside, here, precision="highest")
        total = here.sum(axis=1)
        right = total[:, None] - left
        gain = criterion.risk(total)[:, None] - criterion.risk(left) - criterion.risk(right)
        enough = (criterion.count(left) >= least) & (criterion.count(right) >= least)
        gain = jnp.where(enough, gain, -jnp.inf)
        top = gain.max(axis=1)
        slack = jax.lax.dynamic_slice_in_dim(near, block * TOGETHER, TOGETHER)
        pick = jnp.argmax((gain >= (top - slack)[:, None]) & enough, axis=1).astype(jnp.int32)
        row = jnp.arange(TOGETHER)
        upside = _mean(criterion, left[row, pick]) > _mean(criterion, right[row, pick])
        chosen = jnp.where(upside, ~pick, pick)
        return tuple(  # type: ignore[return-value]
            jax.lax.dynamic_update_slice_in_dim(whole, part, block * TOGETHER, 0)
            for whole, part in zip(told, (top, chosen), strict=True)
        )

    start = jnp.full(blocks * TOGETHER, -jnp.inf, sums.dtype), jnp.zeros(blocks * TOGETHER, jnp.int32)
    gain, chosen = jax.lax.fori_loop(0, -(-used // TOGETHER), some, start)
    bit = chosen[jnp.minimum(slot, slots - 1)] >> jnp.minimum(rank, 31) & 1
    return gain[:slots], jnp.where(bit == 1, LEFT, RIGHT).astype(jnp.int32)
