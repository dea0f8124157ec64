"""A tree grown on binned columns, split by split: the best leaf first, or level by level.

A node that is split hands each child its rows. The histogram of the child with fewer of them is summed up, that of the
other is what remains of the parent's, and the best split of either is looked for at once. So a tree of l leaves costs
l - 1 searches, and in all about as many visits of rows as the smaller children have, half of a level's at most; all in
one loop of fixed shapes, whatever the tree becomes.

With rows sharded over devices every device sums up its own; the only thing that they exchange are histograms. To meet
less often they split several leaves at a time: that which is next, and those that look as if they will follow. What the
tree is, is then told by going through the splits that are known, the best first, until one is needed that is not known
yet: so the tree is the same to the last bit whatever was split ahead, and a few splits may be for nothing.

Shapes:  n rows, d columns, L leaves: N = 2 L - 1 nodes; histograms of all leaves take 2 KB d L.
Cost:    O(n d) for the root, and for every split O(rows of the smaller child * d + rows of the node + 256 d).
Sources: Ke et al. 2017, NeurIPS (LightGBM: leaf-wise growth, histograms by subtraction); Shi 2007, thesis, Waikato
         (best-first trees); Chen & Guestrin 2016, doi:10.1145/2939672.2939785 (XGBoost: both orders of growth).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt

from mldsl.contract import Prepared, gather
from mldsl.contract.blocks import axis
from mldsl_plugins.trees import _histogram as histograms
from mldsl_plugins.trees._bins import MISSING
from mldsl_plugins.trees._rows import answered, heavy_first, part, spread
from mldsl_plugins.trees._splits import Growth, Limits, Node, Split, best_of, root, subset_of, value

_AT_ONCE = 4  # leaves that are split at a time, at most, where devices exchange histograms
_AHEAD = 2 * (_AT_ONCE - 1)  # splits that are made before it is known that the tree has them, at most


class Grown(NamedTuple):
    """A tree, as in `mldsl.contract.Trees` but one, of one output: `value` [N]; and the node of each row."""

    feature: Int[Array, " N"]
    threshold: Float[Array, " N"]
    subset: UInt[Array, "N words"]
    missing_left: Bool[Array, " N"]
    left: Int[Array, " N"]
    right: Int[Array, " N"]
    value: Float[Array, " N"]
    weight: Float[Array, " N"]
    gain: Float[Array, " N"]
    leaf: Int[Array, " n"]


class _Nodes(NamedTuple):
    """What is known of nodes, in the order in which they were made: node 0 is the root, those of split e are 2 e + 1
    and 2 e + 2. Of each its stretch of the rows, its depth, the place of its histogram, its sums, its best split, and
    its left child once it is split, else -1. `node` and `split` have arrays [N] each.
    """

    start: Int[Array, " N"]
    count: Int[Array, " N"]
    depth: Int[Array, " N"]
    place: Int[Array, " N"]
    child: Int[Array, " N"]
    node: Node
    split: Split


class _Order(NamedTuple):
    """The tree so far, as the best-first order makes it of the nodes that are known.

    `made` leaves; `leaf` [L] their nodes, `id` [L] what these are called in the tree. Of the tree's nodes [2 L - 1]
    `node` is which they are, and `left` their left child in the tree, or 0. `next` is the leaf to be split first, which
    has not been yet; -1 if the tree is done.
    """

    made: Int[Array, ""]
    leaf: Int[Array, " L"]
    id: Int[Array, " L"]
    node: Int[Array, " N"]
    left: Int[Array, " N"]
    next: Int[Array, ""]


class _State(NamedTuple):
    begun: Bool[Array, ""]
    splits: Int[Array, ""]
    rows: Int[Array, " m"]
    histogram: Int[Array, "places sums"]
    nodes: _Nodes
    order: _Order


def grow(
    growth: Growth,
    limits: Limits,
    inputs: Prepared,
    gradient: Float[Array, " n"],
    hessian: Float[Array, " n"],
    weight: Float[Array, " n"],
    columns: Bool[Array, " d"],
    across: UInt[Array, "n codes"] | None = None,
) -> Grown:
    """The tree that lowers the loss most, greedily; derivatives are those of rows times their weight and cost.

    Rows of weight 0 add nothing, but are told their leaf. `across` are the codes as `turned` gives them, for whoever
    grows many trees.
    """
    records, table = histograms.records_of(inputs.rows), inputs.shared
    n, most, d = records.shape[0], most_leaves(growth), len(growth.categories)
    by_column = (turned(inputs.rows) if across is None else across).reshape(-1)
    chunk, width = histograms.chunk_of(n), at_once(most)
    words = histograms.words_of(columns)
    packed = histograms.pack(gradient, hessian, weight)
    listed, heavy, straight = heavy_first(weight, chunk)

    alike = not any(growth.categories) and not any(growth.monotone)
    own, begin = histograms.own_columns(records.shape[1], alike=alike)
    shared = own < d
    mine = jax.lax.dynamic_slice_in_dim(jnp.pad(columns, (0, own)), begin, own) if shared else columns

    def searched(pair: Array, nodes: Node) -> Split:
        """The best splits of two nodes, from their histograms [2, ...]."""
        sums = jnp.stack([x[:, : mine.shape[0]] for x in histograms.by_column(pair, packed.unit)])
        if growth.bins < MISSING:
            sums = jnp.concatenate([sums[..., : growth.bins], sums[..., MISSING:]], axis=-1)
        found: Split = jax.vmap(lambda h, node: best_of(h, node, growth, limits, mine), (1, 0))(sums, nodes)
        return found._replace(feature=found.feature + begin)

    def goes(feature: Array, last: Array, missing_left: Array, by_code: Array | None, row: Array) -> Array:
        code = by_column.at[feature * n + row].get(mode="promise_in_bounds")
        if by_code is not None:
            at = jnp.minimum(code, growth.bins).astype(jnp.int32)
            index = at if by_code.ndim == 1 else (jnp.arange(at.shape[0]), at)
            return by_code.at[index].get(mode="promise_in_bounds")
        return jnp.where(code == MISSING, missing_left, code <= last.astype(code.dtype))

    def body(state: _State) -> _State:
        """Some splits; the first time, before there is any, the root is summed up and searched as children are."""
        nodes, first = state.nodes, ~state.begun
        picked, count = _picked(growth, nodes, state.splits, state.order, width)
        there = jnp.arange(width, dtype=jnp.int32) < count
        parents = jax.tree.map(lambda x: x[picked], nodes)
        split, is_left = parents.split, parents.split.left.weight <= parents.split.right.weight

        def visited(w: Array, given: tuple[Array, Array, Any]) -> tuple[Array, Array, Any]:
            """One parted, and its child with fewer rows summed up."""
            rows, lefts, sums = given
            one, start, many = jax.tree.map(lambda x: x[w], (split, parents.start, parents.count))
            by_code = one.goes_left if any(growth.categories) else None
            way = lambda row: goes(one.feature, one.bin, one.missing_left, by_code, row)  # noqa: E731
            rows, left = part(rows, start, jnp.where(first, 0, many), way, n, chunk)
            begins = jnp.where(is_left[w] | first, start, start + left)
            fewer = jnp.where(first, many, jnp.where(is_left[w], left, many - left))
            found = histograms.of_rows(records, packed, words, rows, begins, fewer, straight=first & straight)
            return rows, lefts.at[w].set(left), histograms.put(sums, w, found)

        rows, left, sums = jax.lax.fori_loop(
            0, count, visited, (state.rows, jnp.zeros(width, jnp.int32), histograms.nothing(width, words))
        )
        found = histograms.joined(sums, alike=alike)
        low, high = [jnp.stack([getattr(x, of) for x in (split.left, split.right)], axis=1) for of in ("low", "high")]
        number = state.splits + jnp.arange(width, dtype=jnp.int32)
        places = jnp.stack([parents.place, jnp.where(first, parents.place, number + 1)], axis=1)

        def looked_at(w: Array, given: tuple[Array, tuple[Node, Split]]) -> tuple[Array, tuple[Node, Split]]:
            """The histograms of both children of one, and the best splits in them."""
            every, known = given
            pair = histograms.apart(found[w], every, parents.place[w], left=is_left[w], whole=first)
            both = Node(*histograms.whole(pair, packed), low[w], high[w])
            said = both, searched(pair, both)
            known = jax.tree.map(lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, 2 * w, 0), known, said)
            return histograms.kept(every, pair, *places[w]), known

        blank = jax.tree.map(lambda x: jnp.zeros((2 * width, *x.shape[1:]), x.dtype), (nodes.node, nodes.split))
        histogram, (node, best) = jax.lax.fori_loop(0, count, looked_at, (state.histogram, blank))
        depth = jnp.where(first, 0, _twice(parents.depth + 1))
        if shared:
            best = _best_of_devices(best)
        if growth.max_depth:
            best = best._replace(gain=jnp.where(depth < growth.max_depth, best.gain, 0))
        starts = jnp.stack([parents.start, parents.start + left], axis=1).reshape(-1)
        counts = jnp.stack([left, parents.count - left], axis=1).reshape(-1)
        children = _Nodes(
            starts, jnp.where(first, heavy, counts), depth, places.reshape(-1), jnp.full(2 * width, -1, jnp.int32),
            node, best,
        )  # fmt: skip
        beyond = nodes.start.shape[0]  # where nothing is written
        ids = _twice(2 * number + 1) + jnp.arange(2 * width, dtype=jnp.int32) % 2
        to = jnp.where(_twice(there), jnp.where(first, 0, ids), beyond)
        nodes = jax.tree.map(lambda old, new: old.at[to].set(new, mode="drop"), nodes, children)
        done = jnp.where(there & ~first, picked, beyond)
        nodes = nodes._replace(child=nodes.child.at[done].set(2 * number + 1, mode="drop"))
        return _State(
            jnp.ones((), bool), jnp.where(first, 0, state.splits + count), rows, histogram, nodes,
            _settled(growth, nodes, state.order),
        )  # fmt: skip

    splits = most - 1 + (_AHEAD if width > 1 else 0)
    order = _Order(
        jnp.int32(1), *[jnp.zeros(k, jnp.int32) for k in (most, most, 2 * most - 1, 2 * most - 1)], jnp.int32(0)
    )
    nothing = _State(
        jnp.zeros((), bool),
        jnp.int32(0),
        listed,
        histograms.empty(splits + 1, own),
        _bare(growth, splits, heavy),
        order,
    )
    state = jax.lax.while_loop(lambda state: state.order.next >= 0, body, nothing)
    return _tree(growth, limits, table, state, goes, listed, heavy, n, chunk)


def _twice(x: Array) -> Array:
    """Every number twice, one after the other."""
    return jnp.broadcast_to(x[:, None], (x.shape[0], 2)).reshape(-1)


def at_once(most: int) -> int:
    """How many leaves are split at a time: one where nothing is exchanged, which is all that is gained by more."""
    return 1 if axis() is None else max(min(_AT_ONCE, most // 4), 1)


def _picked(growth: Growth, nodes: _Nodes, splits: Array, order: _Order, width: int) -> tuple[Array, Array]:
    """The leaves that are split now [width], and how many of these there are: that which comes next, and others.

    It is not certain that the others are ever asked for. So there are at most `_AHEAD` splits that the tree does not
    have (yet), and not more than it can still take.
    """
    gain = _urgent(growth, jnp.where(nodes.child < 0, nodes.split.gain, 0), nodes.depth)
    gain = gain.at[order.next].set(jnp.inf)
    top, picked = jax.lax.top_k(gain, width)
    idle, left = splits - (order.made - 1), order.leaf.shape[0] - order.made
    some = jnp.maximum(jnp.minimum(_AHEAD + 1, left) - idle, 1)
    return picked, jnp.minimum(some, (top > 0).sum(dtype=jnp.int32))


def _settled(growth: Growth, nodes: _Nodes, order: _Order) -> _Order:
    """The order, after some nodes were split."""
    most = order.leaf.shape[0]

    def found(order: _Order) -> tuple[Array, Array]:
        """Where the leaf is that is split next, and whether there is one."""
        here = jnp.arange(most, dtype=jnp.int32) < order.made
        gain = _urgent(growth, jnp.where(here, nodes.split.gain[order.leaf], 0), nodes.depth[order.leaf])
        one = jax.lax.argmax(gain, 0, jnp.int32)
        return one, (gain[one] > 0) & (order.made < most)

    def step(order: _Order) -> _Order:
        one, _ = found(order)
        pair = jnp.arange(2, dtype=jnp.int32)
        both, ids, places = nodes.child[order.leaf[one]] + pair, 2 * order.made - 1 + pair, jnp.stack([one, order.made])
        return _Order(
            order.made + 1, order.leaf.at[places].set(both), order.id.at[places].set(ids),
            order.node.at[ids].set(both), order.left.at[order.id[one]].set(ids[0]), order.next,
        )  # fmt: skip

    def known(order: _Order) -> Array:
        one, some = found(order)
        return some & (nodes.child[order.leaf[one]] >= 0)

    order = jax.lax.while_loop(known, step, order)
    one, some = found(order)
    return order._replace(next=jnp.where(some, order.leaf[one], -1))


def _urgent(growth: Growth, gain: Array, depth: Array) -> Array:
    """The gains of leaves; level by level, of those alone that are least deep."""
    if not growth.by_depth:
        return gain
    least = jnp.where(gain > 0, depth, jnp.iinfo(jnp.int32).max).min()
    return jnp.where(depth == least, gain, 0)


def _tree(
    growth: Growth,
    limits: Limits,
    table: Any,
    state: _State,
    goes: Any,
    listed: Array,
    heavy: Array,
    n: int,
    chunk: int,
) -> Grown:
    """The tree of a state in which it is done, and the leaf of each row."""
    order, size = state.order, state.order.node.shape[0]
    own = jnp.arange(size, dtype=jnp.int32)
    here = own < 2 * order.made - 1
    nodes = jax.tree.map(lambda x: x[order.node], state.nodes)
    inner = here & (order.left > 0)
    split = nodes.split
    feature = jnp.where(inner, split.feature, -1)
    column = jnp.maximum(feature, 0)
    threshold = table.edges.at[column, split.bin].get(mode="fill", fill_value=jnp.inf)
    subset = jnp.zeros((size, growth.words), jnp.uint32)
    if growth.words:
        bits = jax.vmap(lambda g, m, j: subset_of(g, m, table.level[j], growth.words))(
            split.goes_left, split.missing_left, column
        )
        subset = jnp.where((inner & jnp.asarray(growth.categories)[column])[:, None], bits, subset)
    left = jnp.where(inner, order.left, own)
    right = jnp.where(inner, order.left + 1, own)
    leaves = here & ~inner
    leaf = spread(state.rows, jnp.where(leaves & (nodes.count > 0), nodes.start, n), own, n)

    def down(row: Array) -> Array:
        """The leaves of rows that did not grow the tree."""

        def step(node: Array) -> Array:
            by_code = split.goes_left[node] if any(growth.categories) else None
            return jnp.where(
                goes(column[node], split.bin[node], split.missing_left[node], by_code, row), left[node], right[node]
            )

        return jax.lax.while_loop(lambda node: jnp.any(feature[node] >= 0), step, jnp.zeros_like(row))

    return Grown(
        feature, jnp.where(inner, threshold, 0), subset, inner & split.missing_left, left, right,
        jnp.where(here, value(nodes.node, limits.l2), 0), jnp.where(here, nodes.node.weight, 0),
        jnp.where(inner, split.gain, 0), answered(listed, heavy, n - heavy, down, leaf, chunk),
    )  # fmt: skip


def _bare(growth: Growth, splits: int, n: Array) -> _Nodes:
    """Room for nodes before anything is known of them: the root has all rows, and no column to be split by."""
    size = 2 * splits + 1
    zeros, floats = jnp.zeros(size, jnp.int32), jnp.zeros(size)
    node = jax.tree.map(lambda x: jnp.broadcast_to(x, size), root(*[jnp.zeros(())] * 3))
    goes = jnp.zeros((size, growth.bins + 1), bool)
    split = Split(floats, zeros - 1, zeros, goes[:, 0], goes, node, node)
    return _Nodes(zeros, zeros.at[0].set(n), zeros, zeros, zeros - 1, node, split)


def turned(codes: UInt[Array, "n w"]) -> UInt[Array, "n codes"]:
    """Codes column by column, of the rows that a device has: the form in which one column is read for many rows.

    What is told apart by the first axis are not rows, but as many equal parts.
    """
    by_row = histograms.codes_of(codes).astype(jnp.uint8)
    return by_row.T.reshape(by_row.shape)


def most_leaves(growth: Growth) -> int:
    """How many leaves a tree can have: `leaves`, or what `max_depth` leaves room for."""
    deepest = 2 ** min(growth.max_depth, 30) if growth.max_depth else None
    return min(n for n in (growth.leaves or None, deepest) if n is not None)


def _best_of_devices(split: Split) -> Split:
    """Of the splits that devices found among their own columns the best; of equal ones the first columns'."""
    every = jax.tree.map(gather, split)  # [devices, nodes, ...]
    most = jax.lax.argmax(every.gain, 0, jnp.int32)
    return jax.tree.map(lambda x: jax.vmap(lambda of, one: of[one], (1, 0))(x, most), every)
