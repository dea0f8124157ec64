"""The best split of a node, from the sums of derivatives of the loss in each bin of each column.

A node of rows with sums of first derivatives G and of second derivatives H, all times weight and cost, has the value
w = -G / (H + l2), kept within bounds, and lowers the loss by -(G w + (H + l2) w^2 / 2), which is G^2 / (2 (H + l2))
where no bound holds. A split gains what its children lower more than their parent. Tried are:

Numbers: x <= the last value of each bin, with missing values left and right. With all numbers left and missing ones
right, missing is what is split by.

Categories: their levels in the order of G / (H + smooth), in which one of the cuts is the best partition of all
(Fisher 1958), but for the smoothing; missing values left and right. Of many levels some look good by chance, so that
above 4 levels in a node smooth is 10 and 10 is added to l2 in the gain (not in the values), and at most 32 levels stand
alone on one side (as in LightGBM). Levels that have no row in the node go with missing ones.

Where no row of the node misses the value, missing ones go with the heavier side. A child must have `min_samples_leaf`
by weight and `min_hessian` of H. Weights of bins are exact where histograms have a third sum; else they are taken from
H, in proportion (exact where every row has the same second derivative, as with squared error; LightGBM does the same),
and whoever moves the rows knows better afterwards.

Monotone columns: a split is refused if its children's values are in the wrong order, and what is between them bounds
all that is grown below (the basic method of LightGBM). Bounds hold for splits by other columns, too.

Shapes:  a histogram [d, bins + 1, 2 or 3], the last bin that of missing values. O(d bins), and a sort for categories.
Units:   gains are in the units of the loss.
Sources: Friedman 2001, doi:10.1214/aos/1013203451; Chen & Guestrin 2016, doi:10.1145/2939672.2939785 (XGBoost);
         Ke et al. 2017, NeurIPS (LightGBM); Fisher 1958, doi:10.1080/01621459.1958.10501479 (ordered categories).
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt

SMOOTH = 10.0  # second derivatives that are added to those of a level
PENALTY = 10.0  # added to l2 in the gain of a split of levels
FEW = 4  # levels, up to which neither is
ALONE = 32  # levels on the smaller side, at most
_WIDE = 16  # bins that are summed up in one product


@attrs.frozen
class Growth:
    """How trees grow; static. `leaves` and `max_depth` are limits (0: none); `by_depth` grows level by level rather
    than the best leaf first. By column: `categories`, whose bins are levels, and `monotone`, 1 rising, -1 falling, else
    0. `words` are those that the levels of any column need in `Trees.subset`. `missing` is whether any value may be
    missing, or a level be none of the bins.
    """

    leaves: int
    max_depth: int
    by_depth: bool
    bins: int
    categories: tuple[bool, ...]
    monotone: tuple[int, ...]
    words: int = 0
    missing: bool = True


class Limits(NamedTuple):
    """Numbers that trees grow by, which may change without recompiling."""

    l2: Float[Array, ""]
    min_samples_leaf: Float[Array, ""]
    min_hessian: Float[Array, ""]


class Node(NamedTuple):
    """Sums of a node's rows, and the bounds of its value; -inf and inf at the root."""

    gradient: Float[Array, ""]
    hessian: Float[Array, ""]
    weight: Float[Array, ""]
    low: Float[Array, ""]
    high: Float[Array, ""]


class Split(NamedTuple):
    """The best split of a node: gain 0 where there is none.

    `bin` is the last that goes left, of a number; `goes_left` says it of every bin, missing values the last. Weights of
    `left` and `right` may be estimates.
    """

    gain: Float[Array, ""]
    feature: Int[Array, ""]
    bin: Int[Array, ""]
    missing_left: Bool[Array, ""]
    goes_left: Bool[Array, " codes"]
    left: Node
    right: Node


def root(gradient: Float[Array, ""], hessian: Float[Array, ""], weight: Float[Array, ""]) -> Node:
    """The node of all rows."""
    bound = jnp.full_like(gradient, jnp.inf)
    return Node(gradient, hessian, weight, -bound, bound)


def value(node: Node, l2: Float[Array, ""]) -> Float[Array, "*nodes"]:
    """What a node answers; 0 where it has no second derivative."""
    return _step(node.gradient, node.hessian + l2, node.low, node.high)


def best_split(
    histogram: Float[Array, "d codes sums"],
    node: Node,
    growth: Growth,
    limits: Limits,
    columns: Bool[Array, " d"],
) -> Split:
    """The best split of a node by one of `columns`. Of equal ones that of the first column, at the lowest bin.

    For several nodes at a time, `vmap` it.
    """
    return best_of(jnp.moveaxis(histogram, -1, 0), node, growth, limits, columns)


def best_of(
    sums: Float[Array, "sums d codes"],
    node: Node,
    growth: Growth,
    limits: Limits,
    columns: Bool[Array, " d"],
) -> Split:
    """`best_split` of a histogram whose sums stand apart, as long vectors want it.

    Bins are handled as a table of `_WIDE` columns, the shape in which they are summed up: with another one in between,
    XLA would compute all that follows number by number and not with vectors.
    """
    bins, l2 = growth.bins, limits.l2
    missing = sums[:, :, bins]
    number = jnp.arange(bins + 1, dtype=jnp.int32)
    known = jnp.where(number < bins, sums, 0) if growth.missing else sums
    values, order, used, penalty = _ordered(known, growth)
    within, before = running_sum(values)
    rows, wide = within.shape[2:]
    floor, least = _least(columns, node, limits, known=len(sums) > 2)
    few = _few(used, growth, rows * wide)
    own = _worth(node.gradient, node.hessian + l2, value(node, l2))

    def tried(*, missing_left: bool) -> Array:
        """What each cut gains [d, rows, wide]."""
        left = within + before[..., None] + (missing[:, :, None, None] if missing_left else 0)
        others = node.gradient - left[0], node.hessian - left[1]
        fine = (left[1] >= floor) & (others[1] >= floor)
        if len(sums) > 2:
            fine &= (left[2] >= least) & (node.weight - left[2] >= least)
        if few is not None:
            fine &= few.reshape(-1, rows, wide)
        lowered, ordered = _lowered(left[0], left[1], others, (l2 + penalty)[:, None, None], node, growth)
        return jnp.where(fine & ordered, lowered - own, 0)

    gains = [tried(missing_left=way) for way in ((False, True) if growth.missing else (False,))]

    # Sums that would be equal are so but for rounding: a gain below it is none, and of columns that part the rows alike
    # the first is taken. It is looked for among rows of the table, then within one.
    by_row = jnp.stack([gain.max(axis=2) for gain in gains], axis=1)  # [d, ways, rows]
    top = by_row.max()
    most = jnp.asarray(8 * jnp.finfo(sums.dtype).eps, sums.dtype) * (top + 2 * own)
    first = lambda x: jax.lax.argmax((x >= top - most).reshape(-1), 0, jnp.int32)  # noqa: E731
    at, ways = first(by_row), len(gains)
    feature, way, row = at // (ways * rows), at // rows % ways, at % rows
    around = jnp.stack([gain[feature, row] for gain in gains])[way]
    column = first(around)
    last = row * wide + column
    absent = jnp.all(missing[:, feature] == 0)
    chosen = within[:, feature, row, column] + before[:, feature, row] + jnp.where(way == 1, missing[:, feature], 0)
    heavier = chosen[1] >= node.hessian - chosen[1]
    missing_left = jnp.where(absent, heavier, way == 1)
    if any(growth.categories):  # the number of each bin in the order
        number = number.at[order[feature]].set(number, unique_indices=True)
    goes_left = jnp.where(used[feature] & (jnp.arange(bins + 1) < bins), number <= last, missing_left)
    weight = chosen[2] if len(sums) > 2 else chosen[1] * _share(node)
    one, two = _children(chosen, weight, node, feature, l2, growth)
    found = jnp.where(top > most, around[column], 0)
    return Split(found, feature, last, missing_left, goes_left, one, two)


def running_sum(x: Float[Array, "*shape bins"]) -> tuple[Float[Array, "*shape rows wide"], Float[Array, "*shape rows"]]:
    """Cumulative sums of the last axis, as a table of rows: within the row, and before it. Bins beyond are sums of all.

    As products with triangles of ones: a third of the time of `cumsum`.
    """
    *shape, bins = x.shape
    rows = -(-bins // _WIDE)
    x = jnp.pad(x, [(0, 0)] * len(shape) + [(0, rows * _WIDE - bins)])
    ones = jnp.triu(jnp.ones((_WIDE, _WIDE), x.dtype))
    within = jnp.matmul(x.reshape(-1, _WIDE), ones, precision="highest").reshape(-1, rows, _WIDE)
    before = jnp.matmul(within[..., -1], jnp.triu(jnp.ones((rows, rows), x.dtype), 1), precision="highest")
    return within.reshape(*shape, rows, _WIDE), before.reshape(*shape, rows)


def subset_of(
    goes_left: Bool[Array, " codes"], missing_left: Bool[Array, ""], level: Int[Array, " bins"], words: int
) -> UInt[Array, " words"]:
    """The levels that go left as bits; `level` are those of the bins, -1 for none. Others go with missing values."""
    known = level >= 0
    word, bit = jnp.where(known, level // 32, 0), jnp.left_shift(jnp.uint32(1), (level % 32).astype(jnp.uint32))
    zeros = jnp.zeros(words, jnp.uint32)
    of = lambda which: zeros.at[word].add(jnp.where(which, bit, 0))  # noqa: E731 - each bit at most once
    rest = jnp.where(missing_left, jnp.uint32(0xFFFFFFFF), jnp.uint32(0))
    return (rest & ~of(known)) | of(known & goes_left[:-1])


def _share(node: Node) -> Array:
    """Weight for each unit of the second derivative: what a bin weighs, where nothing says it."""
    return node.weight / jnp.where(node.hessian > 0, node.hessian, 1)


def _least(
    columns: Bool[Array, " d"], node: Node, limits: Limits, *, known: bool
) -> tuple[Float[Array, "d 1 1"], Float[Array, ""]]:
    """The least sum of second derivatives of a child, and its least weight.

    The first is infinite where a column is not to be split by, and stands for the second unless weights are `known`.
    """
    least, share = limits.min_samples_leaf * (1 - 1e-5), _share(node)
    needed = jnp.where(share > 0, least / jnp.where(share > 0, share, 1), jnp.inf)
    floor = jnp.maximum(limits.min_hessian, jnp.finfo(needed.dtype).tiny)
    floor = floor if known else jnp.maximum(floor, needed)
    return jnp.where(columns, floor, jnp.inf)[:, None, None], least


def _ordered(sums: Array, growth: Growth) -> tuple[Array, Array, Array, Array]:
    """The sums [sums, d, bins] in the order in which bins are cut, that order [d, bins], which bins have rows here or
    are of numbers, and what is added to l2 [d]. Only bins that levels can have are sorted.
    """
    _, d, bins = sums.shape
    numbers = jnp.broadcast_to(jnp.arange(bins, dtype=jnp.int32), (d, bins))
    cats = np.flatnonzero(growth.categories)
    everywhere, nothing = jnp.ones((d, bins), bool), jnp.zeros(d, sums.dtype)
    if not len(cats):
        return sums, numbers, everywhere, nothing
    levels = min(bins, 32 * growth.words)
    of = sums[:, cats, :levels]
    here = of[1] > 0
    many = here.sum(axis=1) > FEW
    smooth = jnp.where(many, SMOOTH, 0).astype(sums.dtype)
    key = jnp.where(here, of[0] / jnp.where(here, of[1] + smooth[:, None], 1), jnp.inf)
    order = jnp.argsort(key, axis=1, stable=True).astype(jnp.int32)
    return (
        sums.at[:, cats, :levels].set(jnp.take_along_axis(of, order[None], axis=2)),
        numbers.at[cats, :levels].set(order),
        everywhere.at[cats].set(False).at[cats, :levels].set(here),
        nothing.at[cats].set(jnp.where(many, PENALTY, 0).astype(sums.dtype)),
    )


def _few(used: Bool[Array, "d bins"], growth: Growth, width: int) -> Bool[Array, "d width"] | None:
    """Cuts of levels that leave few alone on one side, none beyond the last bin; nothing where there are no levels."""
    if not any(growth.categories):
        return None
    cats = jnp.asarray(growth.categories)[:, None]
    count, left = used.sum(axis=1, keepdims=True), jnp.arange(1, used.shape[1] + 1)[None]
    few = ~cats | ((left <= count) & (jnp.minimum(left, count - left) <= ALONE))
    return jnp.pad(few, ((0, 0), (0, width - used.shape[1])))


def _step(gradient: Array, curve: Array, low: Array, high: Array) -> Array:
    return jnp.clip(jnp.where(curve > 0, -gradient / jnp.where(curve > 0, curve, 1), 0), low, high)


def _worth(gradient: Array, curve: Array, step: Array) -> Array:
    return -(gradient * step + curve * step * step / 2)


def _lowered(
    g: Array, h: Array, others: tuple[Array, Array], l2: Array, node: Node, growth: Growth
) -> tuple[Array, Array]:
    """What both children lower, and whether their values are in the order that their column asks for.

    Where a child has no second derivative it is not a number.
    """
    if not any(growth.monotone):
        return (g * g / (h + l2) + others[0] * others[0] / (others[1] + l2)) / 2, jnp.ones((), bool)
    one = _step(g, h + l2, node.low, node.high)
    two = _step(others[0], others[1] + l2, node.low, node.high)
    sign = jnp.asarray(growth.monotone)[:, None, None]
    ordered = jnp.where(sign > 0, one <= two, jnp.where(sign < 0, one >= two, True))
    return _worth(g, h + l2, one) + _worth(others[0], others[1] + l2, two), ordered


def _children(
    chosen: Float[Array, " sums"], weight: Array, node: Node, feature: Array, l2: Array, growth: Growth
) -> tuple[Node, Node]:
    """Sums and bounds of both."""
    left = Node(chosen[0], chosen[1], weight, node.low, node.high)
    rest = node.gradient - chosen[0], node.hessian - chosen[1], node.weight - weight
    right = Node(*rest, node.low, node.high)
    if not any(growth.monotone):
        return left, right
    sign = jnp.asarray(growth.monotone)[feature]
    middle = (value(left, l2) + value(right, l2)) / 2
    above, below = jnp.maximum(node.low, middle), jnp.minimum(node.high, middle)
    return (
        left._replace(low=jnp.where(sign < 0, above, node.low), high=jnp.where(sign > 0, below, node.high)),
        right._replace(low=jnp.where(sign > 0, above, node.low), high=jnp.where(sign < 0, below, node.high)),
    )
