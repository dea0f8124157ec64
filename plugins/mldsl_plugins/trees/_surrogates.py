"""Surrogate splits: by which other columns rows that miss a value go the way that it would have sent them.

Of the rows of a node whose primary value is known, w_l go left and w_r right. A surrogate is a cut of another column;
its agreement is the weight of the rows that it sends the same way, of those in which both are known, over w_l + w_r. It
counts if it does better than sending all rows the heavier way, and has two rows on either side: adjusted agreement
(a - m) / (1 - m) > 0 with m = max(w_l, w_r) / (w_l + w_r). The best few are kept, by agreement, of equal ones the first
column; a level goes where most of its rows go, and a level without such rows tells nothing. These are rpart's rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._cells import Columns, sized
from mldsl_plugins.trees._criteria import best, between, first_best, rounding, take, threshold

if TYPE_CHECKING:
    from mldsl_plugins.trees._exact import Growth, Table

LEFT, RIGHT, UNKNOWN = 0, 1, 2
LEAST = 2  # rows on either side of a surrogate
BETTER = 1e-10  # adjusted agreement that is more than none


class Groups(NamedTuple):
    """The columns, numbers and categories."""

    numbers: Columns
    categories: Columns


class Rule(NamedTuple):
    """How columns would send rows, by column and slot [d, M]: the last cell of the low side, and whether that is left.

    `member` [categories, C]: the side of each cell of a category.
    """

    at: Int[Array, "d M"]
    low_left: Bool[Array, "d M"]
    member: Int[Array, "c C"]


class StandIns(NamedTuple):
    """The surrogates of each slot, best first; `column` is -1 where there are no more; and the rule of all columns."""

    column: Int[Array, "M S"]
    threshold: Float[Array, "M S"]
    low_left: Bool[Array, "M S"]
    agree: Float[Array, "M S"]
    adjusted: Float[Array, "M S"]
    rule: Rule


class Sets(NamedTuple):
    """Sets of levels as bits."""

    subset: Array
    known: Array


def route(groups: Groups, rule: Rule, column: Int[Array, " n"], slot: Int[Array, " n"]) -> Int[Array, " n"]:
    """Where each row goes by a column (one for each row): left, right or unknown."""
    d, row = groups.numbers.code.shape[0], jnp.arange(column.shape[0])
    side = jnp.full(column.shape, UNKNOWN, jnp.int32)
    if d:
        j = jnp.clip(column, 0, d - 1)
        code = groups.numbers.code[j, row]
        low = code <= rule.at[j, slot]
        to = jnp.where(low == rule.low_left[j, slot], LEFT, RIGHT)
        side = jnp.where((column < d) & (code >= 0), to, side)
    if groups.categories.code.shape[0]:
        j = jnp.clip(column - d, 0, groups.categories.code.shape[0] - 1)
        code = groups.categories.code[j, row]
        side = jnp.where((column >= d) & (code >= 0), rule.member[j, jnp.maximum(code, 0)], side)
    return side


def stand_ins(
    growth: Growth, table: Table, groups: Groups, weight: Array, side: Array, pick: Array,
    sent: Float[Array, "M 2"], active: Array,
) -> StandIns:  # fmt: skip
    """The surrogates of every slot: `side` is where the primary split sends the rows that it knows."""
    m, s, d, c = growth.width, growth.surrogates, len(growth.numbers), len(growth.categories)
    if not s:
        nothing = jnp.zeros((m, 0), weight.dtype)
        rule = Rule(jnp.zeros((d + c, m), jnp.int32), jnp.zeros((d + c, m), bool), jnp.zeros((c, 1), jnp.int32))
        return StandIns(nothing.astype(jnp.int32), nothing, nothing > 0, nothing, nothing, rule)
    heavier = (sent[:, 1] > sent[:, 0]).astype(jnp.int32)
    whole = sent.sum(axis=1)
    known = jnp.where(side < 2, weight, 0)

    def sums_of(size: int, column: Columns) -> Array:
        key = jnp.where((column.code >= 0) & (known > 0), column.code + size * side, 2 * size)
        return jnp.zeros(2 * size, weight.dtype).at[key].add(known, mode="drop").reshape(2, size)

    def number(_: None, given: tuple[Columns, Array]) -> tuple[None, Any]:
        def of(size: int, given: tuple[Columns, Array]) -> Any:
            column, value = given
            cells, rank = column.first(size), column.rank[:size]
            parts = between(sums_of(size, column), cells)
            low_left = parts.left[0] + parts.right[1]
            low_right = parts.left[1] + parts.right[0]
            enough = parts.inside & (parts.left.sum(axis=0) >= LEAST) & (parts.right.sum(axis=0) >= LEAST)
            agree = jnp.where(enough, jnp.maximum(low_left, low_right), -jnp.inf)
            cut = best(agree, cells, rounding(whole))
            at = jnp.minimum(cut.at, size - 1)
            return cut.gain, cut.at, take(low_left, at) >= take(low_right, at), threshold(value, rank, at)

        return None, sized(given[0].used, given[0].capacity, growth.least, of, given)

    def category(_: None, column: Columns) -> tuple[None, Any]:
        def of(size: int, column: Columns) -> Any:
            cells, sums = column.first(size), sums_of(size, column)
            to = jnp.where(sums[0] == sums[1], take(heavier, cells.node), (sums[1] > sums[0]).astype(jnp.int32))
            to = jnp.where(sums.sum(axis=0) > 0, to, UNKNOWN)
            agree = jnp.zeros(m, weight.dtype).at[cells.slot].add(sums.max(axis=0), mode="drop")
            return agree, jnp.full(column.capacity, UNKNOWN, jnp.int32).at[:size].set(to)

        return None, sized(column.used, column.capacity, growth.least, of, column)

    agree, at, low_left, cut = jax.lax.scan(number, None, (groups.numbers, table.value))[1]
    member = jnp.zeros((0, groups.categories.capacity), jnp.int32)
    if c:
        more, member = jax.lax.scan(category, None, groups.categories)[1]
        agree = jnp.concatenate([agree, more])
        at, cut = (jnp.pad(part, ((0, c), (0, 0))) for part in (at, cut))
        low_left = jnp.pad(low_left, ((0, c), (0, 0)), constant_values=True)  # sets of levels are those that go left
    order = jnp.asarray(growth.order, jnp.int32)
    other = active[order][:, None] & (jnp.arange(d + c)[:, None] != pick[None])
    most = sent.max(axis=1)
    adjusted = (agree - most[None]) / jnp.maximum(whole - most, jnp.finfo(weight.dtype).tiny)[None]
    agree = jnp.where(other & (adjusted > BETTER), agree, -jnp.inf)
    here = jnp.arange(m)

    def next_one(left: Array, _: None) -> tuple[Array, tuple[Array, ...]]:
        j = first_best(left, rounding(whole), order)
        there = left[j, here] > -jnp.inf
        told = (
            jnp.where(there, j, -1), jnp.where(there, cut[j, here], 0), there & low_left[j, here],
            jnp.where(there, left[j, here] / jnp.where(there, whole, 1), 0), jnp.where(there, adjusted[j, here], 0),
        )  # fmt: skip
        return left.at[j, here].set(-jnp.inf), told

    _, told = jax.lax.scan(next_one, agree, length=s)
    return StandIns(*(part.T for part in told), Rule(at, low_left, member))


def through(groups: Groups, stand: StandIns, side: Array, slot: Array, moves: Array) -> Array:
    """The side of the rows that the primary split does not know, by the first surrogate that does."""
    if not stand.column.shape[1]:
        return side

    def ask(side: Array) -> Array:
        def by(side: Array, column: Array) -> tuple[Array, None]:
            j = column[slot]
            to = jnp.where(j >= 0, route(groups, stand.rule, jnp.maximum(j, 0), slot), UNKNOWN)
            return jnp.where(moves & (side == UNKNOWN), to, side), None

        return jax.lax.scan(by, side, stand.column.T)[0]

    return jax.lax.cond((moves & (side == UNKNOWN)).any(), ask, lambda side: side, side)


def sets_of(growth: Growth, groups: Groups, member: Array, pick: Array, splits: Array, default: Array) -> Sets:
    """The levels that go left, and those that the node has seen, as bits [M, words].

    Levels that it has not seen go with the majority, for whoever looks at `subset` alone.
    """
    m, w = growth.width, growth.words
    if not growth.categories:
        return Sets(jnp.zeros((m, w), jnp.uint32), jnp.zeros((m, w), jnp.uint32))
    chosen = jnp.where(splits, pick - len(growth.numbers), -1)
    seen = _bits(growth, groups.categories, jnp.ones_like(member, bool), chosen)
    left = _bits(growth, groups.categories, member == LEFT, chosen)
    rest = jnp.where(((default == LEFT) & (chosen >= 0))[:, None], ~seen, jnp.uint32(0))
    return Sets(left | rest, seen)


def sets_of_stand_ins(growth: Growth, groups: Groups, stand: StandIns, splits: Array) -> Sets:
    """The same of the surrogates, [M, S, words]."""
    m, s, w = growth.width, growth.surrogates, growth.words
    if not (growth.categories and s):
        return Sets(jnp.zeros((m, s, w), jnp.uint32), jnp.zeros((m, s, w), jnp.uint32))

    def of(column: Array) -> tuple[Array, Array]:
        chosen = jnp.where(splits & (column >= 0), column - len(growth.numbers), -1)
        member = stand.rule.member
        left = _bits(growth, groups.categories, member == LEFT, chosen)
        return left, _bits(growth, groups.categories, member != UNKNOWN, chosen)

    left, known = jax.lax.map(of, stand.column.T)
    return Sets(left.transpose(1, 0, 2), known.transpose(1, 0, 2))


def _bits(growth: Growth, columns: Columns, inside: Bool[Array, "c C"], chosen: Int[Array, " M"]) -> Array:
    """The levels of cells that are `inside`, of the column that each slot has chosen, as bits."""
    m = growth.width

    def add(bits: Array, given: tuple[Array, ...]) -> tuple[Array, None]:
        slot, rank, used, inside, j = given
        ours = inside & (jnp.arange(slot.shape[0]) < used) & (slot < m) & (chosen[jnp.minimum(slot, m - 1)] == j)
        bit = jnp.where(ours, jnp.uint32(1) << (rank % 32).astype(jnp.uint32), jnp.uint32(0))
        return bits.at[jnp.where(ours, slot, m), rank // 32].add(bit, mode="drop"), None

    start = jnp.zeros((m, growth.words), jnp.uint32)
    numbers = jnp.arange(len(growth.categories), dtype=jnp.int32)
    return jax.lax.scan(add, start, (columns.slot, columns.rank, columns.used, inside, numbers))[0]
