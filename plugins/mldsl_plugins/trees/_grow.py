"""A tree grown on binned columns, split by split: the best leaf first, or level by level.

A node that is split hands each child its rows. The histogram of the child with fewer of them is summed up, that of the
other is what remains of the parent's, and the best split of either is looked for at once. So a tree of l leaves costs
l - 1 searches, and in all about as many visits of rows as the smaller children have, half of a level's at most; all in
one loop of fixed shapes, whatever the tree becomes. With rows sharded over devices every device sums up its own; the
only thing that they exchange are histograms, one a split.

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
from mldsl_plugins.trees import _histogram as histograms
from mldsl_plugins.trees._bins import MISSING
from mldsl_plugins.trees._rows import answered, heavy_first, part, spread
from mldsl_plugins.trees._splits import Growth, Limits, Node, Split, best_of, root, subset_of, value


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


class _Leaves(NamedTuple):
    """What is known of each leaf so far: its stretch of the rows, its sums, the best split of it [L]."""

    start: Int[Array, " L"]
    count: Int[Array, " L"]
    id: Int[Array, " L"]
    depth: Int[Array, " L"]
    node: Node
    split: Split


class _State(NamedTuple):
    made: Int[Array, ""]  # leaves so far
    rows: Int[Array, " m"]
    histogram: Int[Array, "L sums"]
    leaves: _Leaves
    tree: Grown
    bin: Int[Array, " N"]  # the last that goes left
    goes_left: Bool[Array, "N codes"]  # by code, where there are categories


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
    chunk = histograms.chunk_of(n)
    words = histograms.words_of(columns)
    packed = histograms.pack(gradient, hessian, weight)
    listed, heavy, straight = heavy_first(weight, chunk)

    alike = not any(growth.categories) and not any(growth.monotone)
    own, begin = histograms.own_columns(records.shape[1], alike=alike)
    shared = own < d
    mine = jax.lax.dynamic_slice_in_dim(jnp.pad(columns, (0, own)), begin, own) if shared else columns

    def searched(histogram: Array, nodes: Node, depth: Array) -> Split:
        """The best splits of two nodes, from their histograms [2, ...]."""
        sums = [x[:, : mine.shape[0]] for x in histograms.by_column(histogram, packed.unit)]
        sums = jnp.stack([jnp.concatenate([x[:, :, : growth.bins], x[:, :, MISSING:]], axis=2) for x in sums], axis=1)
        found: Split = jax.vmap(lambda h, node: best_of(h, node, growth, limits, mine))(sums, nodes)
        if shared:
            found = _best_of_devices(found._replace(feature=found.feature + begin))
        if growth.max_depth:
            found = found._replace(gain=jnp.where(depth < growth.max_depth, found.gain, 0))
        return found

    def goes(feature: Array, last: Array, missing_left: Array, by_code: Array | None, row: Array) -> Array:
        code = by_column.at[feature * n + row].get(mode="promise_in_bounds")
        if by_code is not None:
            at = jnp.minimum(code, growth.bins).astype(jnp.int32)
            index = at if by_code.ndim == 1 else (jnp.arange(at.shape[0]), at)
            return by_code.at[index].get(mode="promise_in_bounds")
        return jnp.where(code == MISSING, missing_left, code <= last.astype(code.dtype))

    def more(state: _State) -> Array:
        return (state.made == 0) | ((state.made < most) & (state.leaves.split.gain.max() > 0))

    def body(state: _State) -> _State:
        """One split; the first time, before there is any, the root is summed up and searched as both children are."""
        made, leaves = state.made, state.leaves
        first = made == 0
        one = _next(growth, leaves)
        start, count, id_, depth, node, split = jax.tree.map(lambda x: x[one], leaves)
        parted = jnp.where(first, 0, count)
        by_code = split.goes_left if any(growth.categories) else None
        way = lambda row: goes(split.feature, split.bin, split.missing_left, by_code, row)  # noqa: E731
        rows, left = part(state.rows, start, parted, way, n, chunk)
        right = count - left
        is_left = split.left.weight <= split.right.weight
        begins, fewer = jnp.where(is_left | first, start, start + left), jnp.where(is_left, left, right)
        visited = jnp.where(first, count, fewer)
        found, mass = histograms.of_rows(
            records, packed, words, rows, begins, visited, straight=first & straight, alike=alike
        )
        pair = histograms.apart(found, state.histogram, one, left=is_left, whole=first)
        other = jnp.where(first, mass, node.weight - mass)
        masses = jnp.where(is_left, jnp.stack([mass, other]), jnp.stack([other, mass]))
        bounds = jax.tree.map(lambda a, b: jnp.stack([a, b]), split.left, split.right)
        nodes = Node(*histograms.whole(pair, packed.unit), masses, bounds.low, bounds.high)
        deeper = jnp.where(first, 0, depth + 1)
        places = jnp.stack([one, made])
        ids = jnp.where(first, 0, 2 * made - 1 + jnp.arange(2, dtype=jnp.int32))
        children = _Leaves(
            jnp.stack([start, start + left]), jnp.where(first, heavy, jnp.stack([left, right])), ids,
            jnp.stack([deeper, deeper]), nodes, searched(pair, nodes, deeper),
        )  # fmt: skip
        return _State(
            jnp.where(first, 1, made + 1),
            rows,
            histograms.kept(state.histogram, pair, one, made),
            jax.tree.map(lambda old, new: old.at[places].set(new), leaves, children),
            _written(growth, state.tree, id_, ids, split, nodes, table, limits),
            state.bin.at[id_].set(split.bin),
            state.goes_left.at[id_].set(split.goes_left[: state.goes_left.shape[1]]),
        )

    nothing = _State(
        jnp.int32(0), listed, histograms.empty(most, own), _bare(growth, heavy), _seedling(growth),
        jnp.zeros(2 * most - 1, jnp.int32),
        jnp.zeros((2 * most - 1, growth.bins + 1 if any(growth.categories) else 0), bool),
    )  # fmt: skip
    state = jax.lax.while_loop(more, body, nothing)
    here = jnp.where(jnp.arange(most) < state.made, state.leaves.count, 0)
    leaf = spread(state.rows, state.leaves.start, here, state.leaves.id, n, chunk)

    def down(row: Array) -> Array:
        """The leaves of rows that did not grow the tree."""
        tree = state.tree

        def step(node: Array) -> Array:
            by_code = state.goes_left[node] if any(growth.categories) else None
            feature = jnp.maximum(tree.feature[node], 0)
            left = goes(feature, state.bin[node], tree.missing_left[node], by_code, row)
            return jnp.where(left, tree.left[node], tree.right[node])

        return jax.lax.while_loop(lambda node: jnp.any(tree.feature[node] >= 0), step, jnp.zeros_like(row))

    return state.tree._replace(leaf=answered(listed, heavy, n - heavy, down, leaf, chunk))


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
    """Of the splits [2] that devices found among their own columns the best; of equal ones the first columns'."""
    every = jax.tree.map(gather, split)  # [devices, 2, ...]
    most = jnp.argmax(every.gain, axis=0)
    return jax.tree.map(lambda x: jnp.stack([x[most[0], 0], x[most[1], 1]]), every)


def _next(growth: Growth, leaves: _Leaves) -> Array:
    """Which leaf is split next: that of the greatest gain, level by level among those that are least deep."""
    gain = leaves.split.gain
    if growth.by_depth:
        least = jnp.where(gain > 0, leaves.depth, jnp.iinfo(jnp.int32).max).min()
        gain = jnp.where(leaves.depth == least, gain, 0)
    found: Array = jax.lax.argmax(gain, 0, jnp.int32)
    return found


def _bare(growth: Growth, n: Array) -> _Leaves:
    """Leaves before anything is known of them: the first has all rows, and no column to be split by."""
    most = most_leaves(growth)
    zeros, floats = jnp.zeros(most, jnp.int32), jnp.zeros(most)
    node = jax.tree.map(lambda x: jnp.broadcast_to(x, most), root(*[jnp.zeros(())] * 3))
    goes = jnp.zeros((most, growth.bins + 1), bool)
    split = Split(floats, zeros - 1, zeros, goes[:, 0], goes, node, node)
    return _Leaves(zeros, zeros.at[0].set(n), zeros, zeros, node, split)


def _seedling(growth: Growth) -> Grown:
    """A tree before its root."""
    size = 2 * most_leaves(growth) - 1
    own, zeros, goes = jnp.arange(size, dtype=jnp.int32), jnp.zeros(size), jnp.zeros(size, bool)
    subset = jnp.zeros((size, growth.words), jnp.uint32)
    return Grown(jnp.full(size, -1, jnp.int32), zeros, subset, goes, own, own, zeros, zeros, zeros, own[:1])


def _written(
    growth: Growth, tree: Grown, at: Array, ids: Array, split: Split, nodes: Node, table: Any, limits: Limits
) -> Grown:
    """The tree with one leaf split; by no column, column -1, it stays a leaf, and both children are itself."""
    threshold = table.edges[split.feature].at[split.bin].get(mode="fill", fill_value=jnp.inf)
    subset = tree.subset
    if subset.shape[1]:
        bits = subset_of(split.goes_left, split.missing_left, table.level[split.feature], subset.shape[1])
        subset = subset.at[at].set(jnp.where(jnp.asarray(growth.categories)[split.feature], bits, 0))
    return tree._replace(
        feature=tree.feature.at[at].set(split.feature), threshold=tree.threshold.at[at].set(threshold), subset=subset,
        missing_left=tree.missing_left.at[at].set(split.missing_left), left=tree.left.at[at].set(ids[0]),
        right=tree.right.at[at].set(ids[1]), gain=tree.gain.at[at].set(split.gain),
        value=tree.value.at[ids].set(value(nodes, limits.l2)), weight=tree.weight.at[ids].set(nodes.weight),
    )  # fmt: skip
