"""Growth of a tree with exact splits, level by level: every distinct value of every column is a place to cut.

One turn of the loop is one level. Each column's cells are refined by the splits of the level before, summed, and
searched for the best cut of every node; each node takes the best column (of equal ones the first, at its lowest cut);
rows move to the children, those that miss the value by surrogates, else with the majority, and where both sides are
equally heavy they stay. Nodes are numbered level by level. Rows are never sorted or moved; O(n d) time for a level.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from mldsl_plugins.trees import _categories as categories
from mldsl_plugins.trees import _medians as medians
from mldsl_plugins.trees import _surrogates as surrogates
from mldsl_plugins.trees._cells import OUT, Columns, begun, refined, sized, widened
from mldsl_plugins.trees._criteria import (
    Between,
    Cells,
    Criterion,
    Rows,
    allowed,
    best,
    between,
    first_best,
    gains,
    rounding,
    running,
    take,
    threshold,
)
from mldsl_plugins.trees._nodes import COMPETITORS, Nodes, Split, Tables, blank, tables

NARROW = 1 << 16  # nodes of a level: more of them get a loop of their own, as room for them costs where there are few


class Growth(NamedTuple):
    """What is known before any row: sizes and rules. `nodes` and `width` bound the tree and any of its levels, `least`
    is the least size that programs for cells are made for.
    """

    criterion: Criterion
    max_depth: int
    min_samples_split: int
    min_samples_leaf: int
    surrogates: int
    numbers: tuple[int, ...]
    categories: tuple[int, ...]
    levels: int
    nodes: int
    width: int
    least: int = 0

    @property
    def order(self) -> tuple[int, ...]:
        """The columns as growth goes through them: numbers, then categories."""
        return self.numbers + self.categories

    @property
    def words(self) -> int:
        """Words of a set of levels."""
        return -(-self.levels // 32)


class Table(NamedTuple):
    """Inputs made ready: ranks of the values of each column, and the values by rank of those that are numbers."""

    rank: Int[Array, "n d"]
    value: Float[Array, "numbers V"]


class _Level(NamedTuple):
    """What the loop carries: the rows' nodes, and how the level before was split."""

    nodes: Any
    numbers: Columns
    categories: Columns
    node: Int[Array, " n"]
    side: Int[Array, " n"]
    child: Int[Array, "M 2"]
    start: Int[Array, ""]
    count: Int[Array, ""]
    depth: Int[Array, ""]


def grow(growth: Growth, table: Table, rows: Rows, active: Bool[Array, " d"]) -> Tables:
    """The tree with all its nodes. Targets that are numbers come about their mean."""
    n, there = rows.weight.shape[0], rows.weight > 0
    room = max(n, growth.levels)
    narrow = growth._replace(width=min(growth.width, NARROW))
    numbers, cats = (
        begun(chosen(table.rank, which), there, room, narrow.width) for which in (growth.numbers, growth.categories)
    )
    none = jnp.full((narrow.width, 2), narrow.width, jnp.int32)
    s = _Level(
        tables(blank(growth, growth.nodes + narrow.width, rows.loss.dtype)), numbers, cats,
        node=jnp.where(there, 0, -1).astype(jnp.int32),
        side=jnp.where(there, 0, OUT).astype(jnp.int32), child=none.at[0, 0].set(0),
        start=jnp.int32(0), count=jnp.int32(1), depth=jnp.int32(0),
    )  # fmt: skip
    targets = medians.ranked(jnp.where(there, rows.target, 0)) if growth.criterion.name == "absolute_error" else None
    of = _Of(narrow, table, rows, active, targets)
    s = jax.lax.while_loop(
        lambda s: (s.count > 0) & ((2 * s.count <= narrow.width) | (narrow.width == growth.width)),
        lambda s: _level(of, s), s,
    )  # fmt: skip

    def rest(s: _Level) -> Tables:
        wide = of._replace(growth=growth._replace(least=NARROW))
        s = _widened(s, growth.width)
        return jax.lax.while_loop(lambda s: s.count > 0, lambda s: _level(wide, s), s).nodes

    def grown(nodes: Tables) -> Tables:
        return Tables(*(lines[:, : growth.nodes] for lines in nodes))

    if narrow.width == growth.width:
        return grown(s.nodes)
    return jax.lax.cond(s.count > 0, lambda s: grown(rest(s)), lambda s: grown(s.nodes), s)  # type: ignore[no-any-return]


def _widened(s: _Level, width: int) -> _Level:
    """The same level, with room for more nodes."""
    slots = s.child.shape[0]
    child = jnp.pad(jnp.where(s.child >= slots, width, s.child), ((0, width - slots), (0, 0)), constant_values=width)
    nodes = Tables(*(jnp.pad(lines, ((0, 0), (0, width - slots))) for lines in s.nodes))
    return s._replace(
        nodes=nodes, numbers=widened(s.numbers, width), categories=widened(s.categories, width), child=child
    )


def chosen(x: Shaped[Array, "n d"], which: tuple[int, ...]) -> Shaped[Array, "n c"]:
    """Some of the columns, without a copy where these are all."""
    return x if which == tuple(range(x.shape[1])) else x[:, jnp.asarray(which, jnp.int32)]


class _Of(NamedTuple):
    """What all levels have in common."""

    growth: Growth
    table: Table
    rows: Rows
    active: Array
    targets: medians.Ranked | None


class _Found(NamedTuple):
    """The best cuts along some columns: [d, M]; `member` [d, C] says of cells of categories whether they go left."""

    gain: Array
    at: Array
    threshold: Array
    member: Array


def _level(of: _Of, s: _Level) -> _Level:
    growth = of.growth
    slot = jnp.where((s.node >= s.start) & (of.rows.weight > 0), s.node - s.start, growth.width)
    leaves, scale = _leaves(of, s, slot)
    close = rounding(scale)
    may = (leaves.weight >= growth.min_samples_split) & (leaves.risk > close) & (s.depth < growth.max_depth)
    after, made = jax.lax.cond(
        may.any(), lambda s: _split(of, s, slot, leaves, may, close),
        lambda s: (s._replace(nodes=(), count=jnp.int32(0)), tables(leaves)), s._replace(nodes=()),
    )  # fmt: skip

    nodes = Tables(
        *(jax.lax.dynamic_update_slice_in_dim(*pair, s.start, axis=1) for pair in zip(s.nodes, made, strict=True))
    )
    return after._replace(nodes=nodes, start=s.start + s.count, depth=s.depth + 1)


def _leaves(of: _Of, s: _Level, slot: Array) -> tuple[Nodes, Array]:
    """The nodes of this level as leaves, and how large the numbers are that their risks are differences of."""
    criterion, m, rows = of.growth.criterion, of.growth.width, of.rows
    sums = criterion.tally(rows, slot, m)
    weight, mass, value = criterion.count(sums), criterion.mass(sums), criterion.shares(sums)
    if criterion.classes:
        risk, scale = criterion.risk(sums), mass
        loss = mass - sums[: criterion.classes].max(axis=0)
    elif of.targets is not None:
        told = medians.of_slots(rows, of.targets, slot, m)
        value, risk, loss = told.median[None], told.deviation, told.deviation
        scale = jnp.zeros(m, mass.dtype).at[slot].add(rows.loss * jnp.abs(rows.target), mode="drop")
    else:
        scale = jnp.zeros(m, mass.dtype).at[slot].add(rows.loss * rows.target**2, mode="drop")
        risk = loss = jnp.maximum(scale + criterion.risk(sums), 0)
    empty = blank(of.growth, m, rows.loss.dtype, s.start)
    depth = jnp.full(m, s.depth)
    return empty._replace(depth=depth, value=value.T, weight=weight, sums=sums.T, risk=risk, loss=loss), scale


def _split(of: _Of, s: _Level, slot: Array, leaves: Nodes, may: Array, close: Array) -> tuple[_Level, Tables]:
    """This level's rows and cells after its nodes have split, and the nodes."""
    growth, rows, m = of.growth, of.rows, of.growth.width
    numbers, categorical, found = _cuts(of, s, close)
    order = jnp.asarray(growth.order, jnp.int32)
    gain = jnp.where(of.active[order][:, None] & may[None], found.gain, -jnp.inf)
    gain = jnp.where(gain > close[None], gain, -jnp.inf)
    pick = first_best(gain, close, order)
    splits = gain[pick, jnp.arange(m)] > -jnp.inf
    # No more than there is room for: only rows that weigh more than `prepare` was told can need more.
    number = running(splits[None])[0, :-1]
    splits &= (number < m // 2) & (s.start + s.count + 2 * number + 2 <= growth.nodes)
    groups = surrogates.Groups(numbers, categorical)
    node = jnp.minimum(slot, m - 1)
    moves = (slot < m) & take(splits, node)
    primary = surrogates.Rule(found.at, jnp.ones_like(found.gain, bool), found.member)
    side = jnp.where(moves, surrogates.route(groups, primary, take(pick, node), node), surrogates.UNKNOWN)
    sent = jnp.zeros(2 * m, rows.weight.dtype)
    sent = sent.at[jnp.where(side < 2, 2 * node + side, 2 * m)].add(rows.weight, mode="drop").reshape(m, 2)
    default = jnp.where(sent[:, 0] == sent[:, 1], 2, (sent[:, 1] > sent[:, 0]).astype(jnp.int32))
    stand = surrogates.stand_ins(growth, of.table, groups, rows.weight, side, pick, sent, of.active)
    side = surrogates.through(groups, stand, side, node, moves)
    side = jnp.where(moves & (side == surrogates.UNKNOWN), take(default, node), side)
    side = jnp.where(moves, side, OUT)
    first = s.start + s.count
    child = 2 * number[:, None] + jnp.arange(2, dtype=jnp.int32)[None]
    below = first + take(child.reshape(-1), 2 * node + jnp.minimum(side, 1))
    after = s._replace(
        numbers=numbers, categories=categorical, side=side, child=jnp.where(splits[:, None], child, m),
        node=jnp.where(moves & (side < 2), below, s.node), count=2 * splits.sum(dtype=jnp.int32),
    )  # fmt: skip
    made = _written(growth, leaves, found, stand, groups, pick, gain, splits, default, first + child)
    return after, tables(made)


def _cuts(of: _Of, s: _Level, close: Array) -> tuple[Columns, Columns, _Found]:
    """All columns refined, and the best cut of each in every node."""
    growth, criterion, rows = of.growth, of.growth.criterion, of.rows

    def tally(place: Array, size: int) -> Array:
        return criterion.tally(rows, place, size)

    def gain_of(parts: Between, cells: Cells, code: Array) -> Array:
        if of.targets is None:
            return gains(criterion, parts, cells)
        return medians.gains(rows, of.targets, parts, cells, code)

    def number(_: None, given: tuple[Columns, Array]) -> tuple[None, Any]:
        def within(size: int, given: tuple[Columns, Array]) -> Any:
            column, sums = refined(tally, criterion.count, size, given[0], s.side, s.child)
            cells = column.first(sums.shape[1])
            parts = between(sums, cells)
            gain = allowed(criterion, parts, gain_of(parts, cells, column.code), growth.min_samples_leaf)
            cut = best(gain, cells, close)
            return column, (cut.gain, cut.at, threshold(given[1], column.rank[: sums.shape[1]], cut.at))

        return None, sized(given[0].used, given[0].capacity, growth.least, within, given)

    def category(_: None, column: Columns) -> tuple[None, Any]:
        def within(size: int, column: Columns) -> Any:
            column, sums = refined(tally, criterion.count, size, column, s.side, s.child)
            cells, rank = column.first(sums.shape[1]), column.rank[: sums.shape[1]]
            gain, member = categories.cut(
                criterion, sums, cells, rank, column.code, gain_of, growth.min_samples_leaf, close, growth.levels,
                s.count,
            )  # fmt: skip
            return column, (gain, jnp.zeros(column.capacity, jnp.int32).at[: sums.shape[1]].set(member))

        return None, sized(column.used, column.capacity, growth.least, within, column)

    d = len(growth.categories)
    numbers, (gain, at, cut) = jax.lax.scan(number, None, (s.numbers, of.table.value))[1]
    categorical, member = s.categories, jnp.zeros((0, s.categories.capacity), jnp.int32)
    if d:
        categorical, (more, member) = jax.lax.scan(category, None, s.categories)[1]
        gain = jnp.concatenate([gain, more])
        at, cut = (jnp.pad(part, ((0, d), (0, 0))) for part in (at, cut))
    return numbers, categorical, _Found(gain, at, cut, member)


def _written(
    growth: Growth, leaves: Nodes, found: _Found, stand: surrogates.StandIns, groups: surrogates.Groups, pick: Array,
    gain: Array, splits: Array, default: Array, child: Array,
) -> Nodes:  # fmt: skip
    """The nodes with what this level's splits are."""
    m, order = growth.width, jnp.asarray(growth.order, jnp.int32)
    here = jnp.arange(m)
    on = splits[:, None]
    split = Split(
        jnp.where(splits, order[pick], -1), jnp.where(splits, found.threshold[pick, here], 0), splits,
        *surrogates.sets_of(growth, groups, found.member, pick, splits, default),
    )  # fmt: skip
    surrogate = Split(
        jnp.where(on & (stand.column >= 0), order[jnp.maximum(stand.column, 0)], -1), stand.threshold, stand.low_left,
        *surrogates.sets_of_stand_ins(growth, groups, stand, splits),
    )  # fmt: skip
    other, cut, rest = _competitors(growth, found, gain, pick)
    return leaves._replace(
        split=split, left=jnp.where(splits, child[:, 0], leaves.left),
        right=jnp.where(splits, child[:, 1], leaves.right), default=jnp.where(splits, default, 0),
        gain=jnp.where(splits, gain[pick, here], 0), surrogate=surrogate, agree=jnp.where(on, stand.agree, 0),
        adjusted=jnp.where(on, stand.adjusted, 0), competitor=jnp.where(on, other, -1),
        competitor_threshold=jnp.where(on, cut, 0), competitor_gain=jnp.where(on, rest, 0),
    )  # fmt: skip


def _competitors(growth: Growth, found: _Found, gain: Array, pick: Array) -> tuple[Array, Array, Array]:
    """The next best columns of each node, [M, C]: which, their thresholds, what they would gain."""
    order = jnp.asarray(growth.order, jnp.int32)
    here = jnp.arange(growth.width)
    taken = jnp.where(jnp.arange(len(growth.order))[:, None] == pick[None], -jnp.inf, gain)

    def next_one(left: Array, _: None) -> tuple[Array, tuple[Array, ...]]:
        j = first_best(left, jnp.zeros_like(left[0]), order)
        value = left[j, here]
        there = value > -jnp.inf
        told = jnp.where(there, order[j], -1), jnp.where(there, found.threshold[j, here], 0), jnp.where(there, value, 0)
        return left.at[j, here].set(-jnp.inf), told

    count = min(COMPETITORS, max(len(growth.order) - 1, 0))
    _, told = jax.lax.scan(next_one, taken, length=count)
    other, cut, rest = (part.T for part in told)
    return other, cut, rest
