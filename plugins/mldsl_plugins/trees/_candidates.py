"""The splits that a node may get: the best of all bins of its columns, or the best of one threshold drawn for each."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._draws import mixed_bits
from mldsl_plugins.trees._groups import Group, Phase, Split, Window, Windows
from mldsl_plugins.trees._impurity import Growth, Rows, amounts, weight_of, worth

_BINS = 256  # codes, the last of which is that of missing values
_FEW = 31  # rows of a node up to which they are compared with each other, and the last place but one of such
_CELLS = 1 << 18  # of a table of sums by bin: it should stay in a core's cache
_TAKEN = 1 << 15  # values of a window
_WORTH = 4096  # rows of a queue, from which small nodes get a loop of their own
_OTHER = np.uint32(0x85157AF5)  # another sequence of bits than that which draws columns

Extremes = tuple[Float[Array, " G"], Float[Array, " G"]] | None


def phases_of_bins(growth: Growth, rows: int) -> tuple[Phase, ...]:
    """Large nodes get sums by bin; small ones sums by rank, where there are enough to be worth a loop of their own."""
    cell = growth.sums * growth.columns
    window = max(256, min(4096, _TAKEN // growth.columns))
    large = Phase(best_bin, max(1, min(128, _CELLS // (_BINS * cell))), 1 << (window.bit_length() - 1))
    if rows < _WORTH:
        return (large,)
    nodes = max(8, min(128, _CELLS // ((_FEW + 1) * cell)))
    return attrs.evolve(large, above=_FEW), Phase(best_rank, nodes, nodes * (_FEW + 1))


def best_bin(growth: Growth, seed: Array, rows: Rows, group: Group, windows: Windows) -> Split:
    """The best of all places between bins, with missing values on either side.

    Sums by bin of each node's own columns, then all places from the left to the right: O(rows m + nodes m bins K).
    Of neighbouring places that part the rows of the node alike, the one in the middle counts.
    """
    k, (m, g) = growth.sums, group.drawn.shape

    def add(value: tuple[Array, Extremes], window: Window) -> tuple[Array, Extremes]:
        table, range_ = value
        code = rows.x[window.row[:, None], jnp.maximum(group.drawn, 0).T[window.node]].astype(jnp.int32)  # [R m]
        return added(growth, rows, group, window, code, table, _BINS), stretched(rows, window, range_)

    table = jnp.zeros(k * _BINS * m * g, group.sums.dtype)
    table, range_ = windows.fold(add, (table, unstretched(growth, group)))
    found = searched(growth, group, table, _BINS)
    bins = jnp.arange(_BINS - 1, dtype=jnp.int32)[:, None]
    filled = (bins > found.at[None]) & (found.own[: growth.classes or 1, :-1] > 0).any(axis=0)
    following = jnp.where(filled, bins, 2 * _BINS).min(axis=0)
    middle = jnp.where(following < _BINS, (found.at + following - 1) // 2, _BINS - 2)
    return split_of(growth, group, range_, found, middle)


def best_rank(growth: Growth, seed: Array, rows: Rows, group: Group, windows: Windows) -> Split:
    """The same split of nodes of few rows, from sums by rank: each row is compared with the others of its node.

    O(rows m size), of which size is that of the largest node in the group.
    """
    k, (m, g) = growth.sums, group.drawn.shape
    window = windows.at(jnp.int32(0))
    n = len(window.row)
    node = jnp.where(window.there, window.node, -1)
    code = rows.x[window.row[None], jnp.maximum(group.drawn, 0)[:, window.node]].astype(jnp.int32)  # [m R]
    around, whose = jnp.pad(code, ((0, 0), (_FEW, _FEW))), jnp.pad(node, _FEW, constant_values=-2)

    def before(i: Array, rank: Array) -> Array:
        for place in (_FEW - i, _FEW + i):
            same = jax.lax.dynamic_slice_in_dim(whose, place, n) == node
            other = jax.lax.dynamic_slice_in_dim(around, place, n, axis=1)
            rank += (same[None] & (other < code)).astype(jnp.int32)
        return rank

    rank = jax.lax.fori_loop(1, group.rows.max(), before, jnp.zeros_like(code))
    missing = code == _BINS - 1
    rank = jnp.where(missing, _FEW, rank)
    table = jnp.zeros(k * (_FEW + 1) * m * g, group.sums.dtype)
    table = added(growth, rows, group, window, rank.T, table, _FEW + 1)
    found = searched(growth, group, table, _FEW + 1)
    own = found.choice[window.node][None]
    code, rank, missing = (jnp.take_along_axis(part, own, axis=0)[0] for part in (code, rank, missing))
    known, left = window.there & ~missing, rank <= found.at[window.node]
    low = jnp.zeros(g, jnp.int32).at[window.node].max(jnp.where(known & left, code, 0))
    high = jnp.full(g, _BINS, jnp.int32).at[window.node].min(jnp.where(known & ~left, code, _BINS))
    middle = jnp.where(high < _BINS, (low + high - 1) // 2, _BINS - 2)
    return split_of(growth, group, stretched(rows, window, unstretched(growth, group)), found, middle)


# ---- sums by bin -----------------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """The best split of each node: which of its columns, what it is worth, the last bin that goes left.

    `own` are the sums by bin of its column, `left` and `right` those of its sides.
    """

    choice: Int[Array, " G"]
    best: Float[Array, " G"]
    at: Int[Array, " G"]
    with_missing: Bool[Array, " G"]
    known: Bool[Array, " G"]
    own: Float[Array, "K bins G"] | None
    left: Float[Array, "K G"]
    right: Float[Array, "K G"]


def added(
    growth: Growth, rows: Rows, group: Group, window: Window, code: Int[Array, "R m"], table: Array, bins: int
) -> Float[Array, " sums"]:
    """Sums by bin [K bins m G], those of the window's rows added."""
    (m, g), lanes = group.drawn.shape, group.drawn.size
    channel, amount = amounts(growth, rows, window.row, group.center[window.node])
    lane = window.node[:, None] + g * jnp.arange(m, dtype=jnp.int32)[None]
    place = (channel[:, None, :] * bins + code[:, :, None]) * lanes + lane[:, :, None]  # [R m c]
    place = jnp.where(window.there[:, None, None], place, len(table))
    amount = jnp.broadcast_to(amount[:, None, :], place.shape)
    return table.at[place].add(amount, mode="drop", wrap_negative_indices=False)


def searched(growth: Growth, group: Group, table: Float[Array, " sums"], bins: int) -> Found:
    """The best place of all, in so many steps as a stretch of bins is long; stretches are gone through side by side."""
    k, (m, g) = growth.sums, group.drawn.shape
    lanes, dtype = m * g, table.dtype
    count = 1 << (bins.bit_length() // 2)
    steps = bins // count
    table = table.reshape(k, bins, lanes)
    missing = table[:, -1]
    stretches = table.reshape(k, count, steps, lanes)
    whole = stretches.sum(axis=2)
    total = whole.sum(axis=1)
    before = jnp.einsum("ij,kjl->kil", jnp.tril(jnp.ones((count, count), dtype), -1), whole, precision="highest")
    last = (jnp.arange(count) == count - 1)[:, None]

    def scan(extra: Float[Array, "K l"]) -> tuple[Array, Array]:
        """The best place of each lane, and what it is worth, with `extra` on the left whatever the place."""

        def step(i: Array, value: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            left, best, at = value
            left = left + jax.lax.dynamic_index_in_dim(stretches, i, 2, keepdims=False)
            score = judged(growth, left, total[:, None] - left)
            score = jnp.where(last & (i == steps - 1), -jnp.inf, score)  # after the missing values
            return left, jnp.maximum(best, score), jnp.where(score > best, i, at)

        start = before + extra[:, None]
        shape = start.shape[1:]
        none = jnp.full(shape, -jnp.inf, dtype), jnp.zeros(shape, jnp.int32)
        _, best, at = jax.lax.fori_loop(0, steps, step, (start, *none))
        stretch = best.argmax(axis=0).astype(jnp.int32)
        return best.max(axis=0), stretch * steps + jnp.take_along_axis(at, stretch[None], axis=0)[0]

    def side(i: Array, value: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        best, at, with_missing = value
        score, place = scan(missing * i.astype(dtype))
        better = score > best
        return jnp.where(better, score, best), jnp.where(better, place, at), jnp.where(better, i > 0, with_missing)

    none = jnp.full(lanes, -jnp.inf, dtype), jnp.zeros(lanes, jnp.int32), jnp.zeros(lanes, bool)
    sides = 1 + (missing != 0).any().astype(jnp.int32)
    score, at, with_missing = jax.lax.fori_loop(0, sides, side, none)
    choice, best, (at, with_missing, *total) = chosen(group, score, at, with_missing, *total)
    own = jnp.take_along_axis(table.reshape(k, bins, m, g), choice[None, None, None], axis=2)[:, :, 0]  # [K bins G]
    place = jnp.arange(bins - 1, dtype=jnp.int32)[:, None]
    left = (own[:, :-1] * (place <= at[None])[None]).sum(axis=1) + own[:, -1] * with_missing.astype(dtype)[None]
    known = (own[:, -1] != 0).any(axis=0)
    return Found(choice, best, at, with_missing, known, own, left, jnp.stack(total) - left)


# ---- one threshold for each column -----------------------------------------------------------------------------------


def phases_of_drawn(growth: Growth, rows: int) -> tuple[Phase, ...]:
    """All nodes alike."""
    window = max(256, min(4096, _TAKEN // growth.columns))
    return (Phase(drawn_threshold, max(8, min(256, _TAKEN // growth.columns)), 1 << (window.bit_length() - 1)),)


def drawn_threshold(growth: Growth, seed: Array, rows: Rows, group: Group, windows: Windows) -> Split:
    """The best of one threshold for each column drawn, anywhere between the node's least and greatest value.

    Missing values go to the better side. O(rows m).
    """
    k, (m, g) = growth.sums, group.drawn.shape
    lanes = m * g
    column = jnp.maximum(group.drawn, 0).T  # [G m]
    dtype = group.sums.dtype

    def values(window: Window) -> tuple[Array, Array]:
        x = rows.x[window.row[:, None], column[window.node]]
        lane = window.node[:, None] + g * jnp.arange(m, dtype=jnp.int32)[None]
        return x, jnp.where(window.there[:, None], lane, lanes)

    def ends(value: tuple[Array, Array, Extremes], window: Window) -> tuple[Array, Array, Extremes]:
        low, high, range_ = value
        x, lane = values(window)
        low = low.at[lane].min(jnp.where(jnp.isnan(x), jnp.inf, x), mode="drop")
        high = high.at[lane].max(jnp.where(jnp.isnan(x), -jnp.inf, x), mode="drop")
        return low, high, stretched(rows, window, range_)

    top = jnp.full(lanes, jnp.inf, dtype)
    low, high, range_ = windows.fold(ends, (top, -top, unstretched(growth, group)))
    bits = mixed_bits(mixed_bits(seed + group.node.astype(jnp.uint32))[None] + group.drawn.astype(jnp.uint32) * _OTHER)
    share = (bits >> 8).astype(dtype).reshape(lanes) / (1 << 24)
    between = low * (1 - share) + high * share
    at = jnp.where(low < high, jnp.where(between < high, jnp.maximum(between, low), low), low)

    def add(value: Array, window: Window) -> Array:
        x, lane = values(window)
        channel, amount = amounts(growth, rows, window.row, group.center[window.node])
        side = jnp.where(jnp.isnan(x), 2, (x > at[jnp.minimum(lane, lanes - 1)]).astype(jnp.int32))
        place = (channel[:, None, :] * 3 + side[:, :, None]) * lanes + lane[:, :, None]
        place = jnp.where(window.there[:, None, None], place, 3 * k * lanes)
        amount = jnp.broadcast_to(amount[:, None, :], place.shape)
        return value.at[place].add(amount, mode="drop", wrap_negative_indices=False)

    left, right, missing = windows.fold(add, jnp.zeros(3 * k * lanes, dtype)).reshape(k, 3, lanes).swapaxes(0, 1)
    apart = low < high  # else only missing values can be parted from the others
    one = judged(growth, left, right + missing)
    other = jnp.where(apart, judged(growth, left + missing, right), -jnp.inf)
    with_missing = other > one
    left = left + jnp.where(with_missing[None], missing, 0)
    right = right + jnp.where(with_missing[None], 0, missing)
    known = (missing != 0).any(axis=0)
    score = jnp.maximum(one, other)
    choice, best, (at, with_missing, known, *sums) = chosen(group, score, at, with_missing, known, *left, *right)
    left, right = jnp.stack(sums[:k]), jnp.stack(sums[k:])
    found = Found(choice, best, at, with_missing, known, None, left, right)
    return split_of(growth, group, range_, found, at)


# ---- what both have --------------------------------------------------------------------------------------------------


def judged(growth: Growth, left: Float[Array, " K *s"], right: Float[Array, " K *s"]) -> Float[Array, "*s"]:
    """What two sides are worth; -inf if one of them is too light."""
    least = max(growth.min_leaf, float(jnp.finfo(left.dtype).tiny))
    fits = (weight_of(growth, left) >= least) & (weight_of(growth, right) >= least)
    return jnp.where(fits, worth(growth, left) + worth(growth, right), -jnp.inf)


def chosen(group: Group, score: Float[Array, " l"], *values: Array) -> tuple[Array, Array, tuple[Array, ...]]:
    """Of lanes [m G] the best of each node: which column drawn, what it is worth, and its other values."""
    m, g = group.drawn.shape
    score = jnp.where(group.drawn >= 0, score.reshape(m, g), -jnp.inf)
    choice = score.argmax(axis=0).astype(jnp.int32)

    def of(value: Array) -> Array:
        return jnp.take_along_axis(value.reshape(m, g), choice[None], axis=0)[0]

    return choice, score.max(axis=0), tuple(of(value) for value in values)


def split_of(growth: Growth, group: Group, range_: Extremes, found: Found, at: Array) -> Split:
    """The split; where a node has no missing values to judge by, they go where most rows go."""
    column = jnp.take_along_axis(group.drawn, found.choice[None], axis=0)[0]
    left, right = found.left, found.right
    more = weight_of(growth, left) > weight_of(growth, right)
    mixed = jnp.ones_like(found.known) if range_ is None else range_[0] < range_[1]
    some = jnp.isfinite(found.best)
    gain = jnp.maximum(jnp.where(some, found.best - worth(growth, left + right), 0), 0)
    with_missing = jnp.where(found.known, found.with_missing, more)
    return Split(some, mixed, gain, column, at.astype(left.dtype), with_missing, left, right)


def unstretched(growth: Growth, group: Group) -> Extremes:
    """No least and greatest target yet; of classes they are not asked for."""
    if growth.classes:
        return None
    top = jnp.full(len(group.center), jnp.inf, group.center.dtype)
    return top, -top


def stretched(rows: Rows, window: Window, so_far: Extremes) -> Extremes:
    """The least and greatest target of each node, those of the window among them."""
    if so_far is None:
        return None
    y, (low, high) = rows.y[window.row], so_far
    low = low.at[window.node].min(jnp.where(window.there, y, jnp.inf))
    return low, high.at[window.node].max(jnp.where(window.there, y, -jnp.inf))
