"""Sums of absolute deviations from medians, for all cuts of all nodes along a column at once.

Where rows lie in the order of their cells, a side of a cut is a range of rows. The median of any range is found bit by
bit from the top of the targets' ranks: rows are sorted by a bit, stably, which maps ranges to ranges, and the weight of
a range's rows with bit 0 says on which side of them its median lies (a wavelet matrix). O((n + ranges) log n).

Source: Claude, Navarro & Ordonez 2015, The wavelet matrix, doi:10.1016/j.is.2014.06.002.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._criteria import Between, Cells, Rows, prefix, running, take


class Ranges(NamedTuple):
    """The medians of ranges of rows, and the sums of absolute deviations from them."""

    median: Float[Array, " q"]
    deviation: Float[Array, " q"]


class Ranked(NamedTuple):
    """The rank of each row's target among all targets, and the targets in order."""

    rank: Int[Array, " n"]
    value: Float[Array, " n"]


def ranked(target: Float[Array, " n"]) -> Ranked:
    """Ranks from 0, each row its own."""
    order = jnp.argsort(target, stable=True)
    rank = jnp.zeros(order.shape, jnp.int32).at[order].set(jnp.arange(order.shape[0], dtype=jnp.int32))
    return Ranked(rank, target[order])


def of_ranges(
    loss: Float[Array, " n"], targets: Ranked, begin: Int[Array, " q"], end: Int[Array, " q"],
    above: Bool[Array, " q"],
) -> Ranges:  # fmt: skip
    """Medians of the rows `begin` to `end`: the first target up to which there is half of the weight, or, where
    `above`, more than half.
    """
    n = loss.shape[0]
    bits = max((n - 1).bit_length(), 1)
    heavy = loss * take(targets.value, targets.rank)
    so_far = jnp.pad(prefix(jnp.stack([loss, heavy])), ((0, 0), (1, 0)))
    whole = take(so_far, end) - take(so_far, begin)
    nothing = jnp.zeros(begin.shape, loss.dtype)

    def turn(known: tuple[Array, ...], bit: Array) -> tuple[tuple[Array, ...], None]:
        rank, parts, begin, end, below, found = known
        low = (rank >> bit & 1) == 0
        zeros = running(low[None])[0]
        weight = jnp.pad(prefix(jnp.where(low[None], parts, 0)), ((0, 0), (1, 0)))
        inside = take(weight, end) - take(weight, begin)
        up_to = below[0] + inside[0]
        down = jnp.where(above, up_to > whole[0] / 2, up_to >= whole[0] / 2)

        def follow(at: Array) -> Array:
            lower = take(zeros, at)
            return jnp.where(down, lower, zeros[-1] + at - lower)

        place = jnp.where(low, zeros[:-1], zeros[-1] + jnp.arange(n, dtype=jnp.int32) - zeros[:-1])
        moved = jnp.zeros_like(parts).at[:, place].set(parts)
        return (
            jnp.zeros_like(rank).at[place].set(rank), moved, follow(begin), follow(end),
            below + jnp.where(down[None], 0, inside), jnp.where(down, found, found | 1 << bit),
        ), None  # fmt: skip

    start = (targets.rank, jnp.stack([loss, heavy]), begin, end, jnp.stack([nothing, nothing]), jnp.zeros_like(begin))
    known, _ = jax.lax.scan(turn, start, jnp.arange(bits - 1, -1, -1, dtype=jnp.int32))
    below, median = known[4], take(targets.value, jnp.minimum(known[5], n - 1))
    deviation = (whole[1] - below[1] - median * (whole[0] - below[0])) + (median * below[0] - below[1])
    return Ranges(median, jnp.maximum(deviation, 0))


def gains(rows: Rows, targets: Ranked, parts: Between, cells: Cells, code: Int[Array, " n"]) -> Float[Array, " K"]:
    """What a cut after each cell takes from the sum of absolute deviations."""
    size, slots = cells.slot.shape[0], cells.slots
    loss, targets, place = _in_order(rows, targets, code, size)
    begin, end = (take(place, at) for at in (cells.begin, cells.end))
    here = place[1:]
    first, last = take(begin, cells.node), take(end, cells.node)
    ranges = of_ranges(
        loss, targets, jnp.concatenate([first, here, begin]), jnp.concatenate([here, last, end]),
        jnp.zeros(2 * size + slots, bool),
    ).deviation  # fmt: skip
    return take(ranges[2 * size :], cells.node) - ranges[:size] - ranges[size : 2 * size]


def _in_order(rows: Rows, targets: Ranked, code: Array, size: int) -> tuple[Array, Ranked, Array]:
    """Losses and ranks in the order of the code, and where each code begins [size + 1]."""
    at = jnp.where(code >= 0, code, size)
    order = jnp.argsort(at, stable=True)
    count = jnp.zeros(size, jnp.int32).at[at].add(1, mode="drop")
    place = jnp.pad(jnp.cumsum(count).astype(jnp.int32), (1, 0))
    return take(rows.loss, order), targets._replace(rank=take(targets.rank, order)), place


def of_slots(rows: Rows, targets: Ranked, slot: Int[Array, " n"], slots: int) -> Ranges:
    """Median and deviation of the rows of each slot; of two medians that are as good, the middle."""
    loss, targets, place = _in_order(rows, targets, jnp.where(slot < slots, slot, -1), slots)
    both = jnp.concatenate([place[:-1], place[:-1]]), jnp.concatenate([place[1:], place[1:]])
    found = of_ranges(loss, targets, *both, jnp.arange(2 * slots) >= slots)
    return Ranges((found.median[:slots] + found.median[slots:]) / 2, found.deviation[:slots])
