"""Forests: trees that are grown apart from each other, each from rows and columns that it draws, and averaged.

What random forests and extremely randomized trees share: how rows are drawn, how levels of categories get an order, the
trees as arrays, and what each row is told by the trees that have not seen it (out of bag).

Drawing. A tree draws as many rows as there are (by weight), with replacement: places on a line on which every row is as
long as it weighs. So a row of weight 2 is drawn as two rows would be. The rows lie on the line in an order that depends
on what they hold, not on where they stand, so the order of the rows does not matter, and neither do rows of weight 0.

Categories. Before a tree is grown, the levels of a categorical column get an order by the rows that the tree has drawn:
by their mean target, or the share of the last of two classes; with more classes by the shares of all, along the
direction in which they differ most. Splits then part the levels in this order. It is the order in which the best split
of all is found at the root, and it takes no more time than a number (Wright & König 2019, who order once a forest; here
rows out of bag have no part in it). Levels that a tree has not drawn stand in the middle.

Shapes:  n rows, d columns, T trees, N nodes a tree has room for, k classes, or 1. Room is made for a leaf for each row
         that a tree may draw, but no more than 1 GiB for all trees; a tree that would need more is cut off, and a
         warning of the run says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Prepared, Shape, Trees, over_devices
from mldsl_plugins.trees import _deep
from mldsl_plugins.trees._bootstrap import by_content, drawn
from mldsl_plugins.trees._forest_sizes import bytes_of, growth_of, together
from mldsl_plugins.trees._groups import Phase
from mldsl_plugins.trees._impurity import Growth, Rows, counted, loss_of, weight_of
from mldsl_plugins.trees._levels import WORD, categories_of, level_ranks, ranked_rows, subsets, words_of
from mldsl_plugins.trees._out_of_bag import Tree, out_of_bag
from mldsl_plugins.trees._predict import averaged


class Params(NamedTuple):
    """The trees, whose values are shares of classes or means."""

    grown: Trees
    categories: Bool[Array, " d"]


class Info(NamedTuple):
    """What rows were told by the trees that had not drawn them, [n, k] or [n], 0 where there was none.

    `out_of_bag_score` is the accuracy, or R2, of these answers over the `out_of_bag_share` of rows that have one. `cut`
    trees had no room for all of their nodes; `nodes` and `depth` are means over trees, `largest` the most nodes.
    """

    out_of_bag: Float[Array, " n *k"] | None
    out_of_bag_score: Float[Array, ""] | None
    out_of_bag_share: Float[Array, ""] | None
    nodes: Float[Array, ""]
    largest: Int[Array, ""]
    depth: Float[Array, ""]
    cut: Int[Array, ""]


@attrs.frozen
class Kind:
    """What the two forests do differently: how splits are found, by the growth and the rows of a queue, and whether
    inputs are bins.
    """

    phases: Callable[[Growth, int], tuple[Phase, ...]]
    binned: bool


def fit(kind: Kind, spec: Any, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Grow the trees, and ask those that have not drawn a row about it."""
    inputs: Any = examples.inputs
    x = inputs.rows if isinstance(inputs, Prepared) else inputs
    weight, target = examples.weight, examples.target
    assert target is not None
    dtype = weight.dtype
    active = jnp.ones(shape.d, bool) if examples.active is None else examples.active
    y = jnp.where(weight > 0, target, 0).astype(jnp.int32 if shape.classes else dtype)
    cost = jnp.ones_like(weight) if examples.cost is None else examples.cost
    many = together(spec.trees, x, bytes_of(shape.classes, words_of(shape)))
    growth = growth_of(spec, shape, examples.cost is not None, alone=many == 1)
    places = categories_of(shape)
    order = by_content(x, active, y, weight)
    line = jnp.cumsum(weight[order])

    n = len(weight)

    def some(seed: Array) -> Tree:
        """The trees of one queue."""
        own = jnp.broadcast_to(weight, (many, n))
        if spec.bootstrap:
            times = jax.lax.map(lambda one: drawn(one, line, spec.row_sample), seed[:, 0])
            own = jnp.zeros_like(own).at[:, order].set(times)
        own = jnp.where(weight[None] > 0, own, 0)
        loss = own * cost[None]
        ranks = jax.lax.map(lambda one: level_ranks(kind.binned, shape, x, y, one), loss) if places else None
        rows = Rows(ranked_rows(x, places, ranks, many), jnp.tile(y, many), own.reshape(-1), loss.reshape(-1))
        first = order[None] + n * jnp.arange(many, dtype=jnp.int32)[:, None]
        grown = _deep.grow(growth, kind.phases(growth, many * n), seed[0, 1], active, rows, first)
        made = jax.lax.map(lambda one: _trees(kind, shape, inputs, one[0], growth, one[1]), (grown, ranks))
        absent = (own == 0) & (weight[None] > 0) if spec.bootstrap else None
        return Tree(made, grown.at, grown.depth.max(axis=1), grown.used, grown.cut, absent, ranks)

    queues = -(-spec.trees // many)
    trees = over_devices(some, jax.random.bits(key, (queues, many, 2), jnp.uint32))
    if trees.absent is not None:  # those that only fill the last queue
        counts = (jnp.arange(queues * many) < spec.trees).reshape(queues, many)
        trees = trees._replace(absent=trees.absent & counts[..., None])
    told, score, share = out_of_bag(trees, x, y, weight, places) if spec.bootstrap else (None, None, None)
    trees = jax.tree.map(lambda part: part.reshape(queues * many, *part.shape[2:])[: spec.trees], trees)
    info = Info(
        told, score, share, trees.used.astype(dtype).mean(), trees.used.max(), trees.depth.astype(dtype).mean(),
        counted(trees.cut > 0),
    )  # fmt: skip
    categories = np.zeros(shape.d, bool)
    categories[list(places)] = True
    return Params(trees.grown, jnp.asarray(categories)), info


def _trees(kind: Kind, shape: Shape, inputs: Any, grown: Any, growth: Growth, ranks: Array | None) -> Trees:
    """A tree in terms of the matrix as it is."""
    n, inner = growth.nodes, grown.column >= 0
    column = jnp.maximum(grown.column, 0)
    at = grown.at
    if kind.binned:
        edges = jnp.asarray(inputs.shared.edges).astype(at.dtype)
        edges = jnp.concatenate([edges, jnp.full((len(edges), 1), jnp.inf, at.dtype)], axis=1)
        at = edges[column, jnp.clip(at, 0, edges.shape[1] - 1).astype(jnp.int32)]
    words = words_of(shape)
    subset = jnp.zeros((n, words), jnp.uint32)
    if ranks is not None:
        which = np.full(shape.d, -1, np.int32)
        which[list(categories_of(shape))] = np.arange(len(ranks))
        number = jnp.where(inner, jnp.asarray(which)[column], -1)
        by_level = ranks
        if kind.binned:  # bins of levels, and rare levels without a bin, which are as good as missing
            level = jnp.asarray(inputs.shared.level)[np.asarray(categories_of(shape))].astype(jnp.int32)
            level = jnp.where(level < 0, WORD * words, level)
            lines = jnp.arange(len(ranks), dtype=jnp.int32)[:, None]
            by_level = jnp.full((len(ranks), WORD * words), jnp.nan, ranks.dtype)
            by_level = by_level.at[lines, level].set(ranks[:, : level.shape[1]], mode="drop")
        subset = subsets(by_level, number, grown.at, grown.missing_left, words)
        at = jnp.where(number >= 0, 0, at)
    total = loss_of(growth, grown.sums.T)
    safe = jnp.where(total > 0, total, 1)[:, None]
    if growth.classes:
        value = grown.sums[:, : growth.classes] / safe
    else:
        value = grown.center[:, None] + grown.sums[:, 1:2] / safe
    node = jnp.arange(n, dtype=jnp.int32)
    weight = weight_of(growth, grown.sums.T)
    return Trees(
        jnp.where(inner, column, -1), jnp.where(inner, at, 0), subset, inner & grown.missing_left,
        jnp.where(inner, grown.left, node), jnp.where(inner, grown.left + 1, node), value, weight, grown.gain,
    )  # fmt: skip


def remarks(spec: Any, info: Info, shape: Shape) -> Iterator[str]:
    """Trees that were cut off, and rows that no tree was left for."""
    if info.cut > 0:
        yield (
            f"{int(info.cut)} of {spec.trees} trees have no room for more than {int(info.largest):,} nodes and were "
            "cut off: a larger `min_samples_leaf`, a `max_depth` or fewer `trees` makes them fit"
        )


def compact(params: Params) -> Params:
    """Without the nodes that no tree needed; on the host."""
    used = int((np.asarray(params.grown.weight) > 0).sum(axis=1).max(initial=1))
    cut = Trees(*(np.asarray(part)[:, :used] for part in params.grown))
    return params._replace(grown=cut)


def trees(spec: Any, params: Params) -> Trees:
    """The trees as they are."""
    return params.grown


def predict(spec: Any, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The mean over trees of the shares of classes, or means, in the row's leaves."""
    value = averaged(params.grown, inputs, params.categories)
    return Prediction(probability=value) if value.shape[1] > 1 else Prediction(mean=value[:, 0])
