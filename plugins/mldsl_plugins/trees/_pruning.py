"""Minimal cost-complexity pruning: of all subtrees with the same root the one with the least loss + alpha * splits.

The smallest such subtree T(alpha) is unique, and T(b) is a subtree of T(a) for a < b, so a few values of alpha make a
path of trees, from the whole one to its root. Cross-validation grows a tree without each fold, prunes it between the
values of the path, and asks it for the rows of the fold: what rpart prints as its table of cp.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees import _walk
from mldsl_plugins.trees._criteria import Rows, prefix, running
from mldsl_plugins.trees._exact import Growth
from mldsl_plugins.trees._nodes import CHILDREN, OF_LEAVES, Nodes, Tables, named, of_leaves

SHOWN = 1023  # nodes of the largest tree of a path
PATH = 64  # trees of a path, the smallest ones
TIE = 1e-10  # of the root's loss: what does not save more is not worth a split


class Path(NamedTuple):
    """The smallest trees of the path, from the root on; NaN where there are no more.

    `alpha` is the least complexity for which the tree is the best one, over the root's loss, `splits` how many it has,
    `error` its loss over the root's, `held_out_error` that of rows which folds held out, with its standard error.
    """

    alpha: Float[Array, " P"]
    splits: Float[Array, " P"]
    error: Float[Array, " P"]
    held_out_error: Float[Array, " P"]
    standard_error: Float[Array, " P"]


class Shape(NamedTuple):
    """What pruning looks at: which nodes split, their children and parents (the root where there is none), losses."""

    splits: Bool[Array, " N"]
    left: Int[Array, " N"]
    right: Int[Array, " N"]
    parent: Int[Array, " N"]
    loss: Float[Array, " N"]


def shape_of(nodes: Nodes) -> Shape:
    """That of grown nodes."""
    rows, splits = nodes.left.shape[0], nodes.split.feature >= 0
    child = jnp.where(splits, jnp.stack([nodes.left, nodes.right]), rows)
    here = jnp.broadcast_to(jnp.arange(rows, dtype=jnp.int32), child.shape)
    parent = jnp.zeros(rows, jnp.int32).at[child].set(here, mode="drop")
    return Shape(splits, nodes.left, nodes.right, parent, nodes.loss)


def _settled(of: Callable[[Any], Any], start: Any) -> Any:
    """`of` applied until nothing changes: as many times as the tree is high."""

    def again(found: tuple[Any, Array]) -> tuple[Any, Array]:
        after = of(found[0])
        changed = jax.tree.map(lambda a, b: a != b, after, found[0])
        return after, jax.tree.reduce(jnp.logical_or, changed).any()

    return jax.lax.while_loop(lambda found: found[1], again, (start, jnp.asarray(True)))[0]


def inner(of: Shape, alpha: Float[Array, ""]) -> Bool[Array, " N"]:
    """The nodes that T(alpha) splits; alpha is in the units of the loss."""
    leaf = of.loss + alpha  # a tree has one leaf more than splits, so it may as well be leaves that cost alpha
    least = _settled(lambda cost: jnp.where(of.splits, jnp.minimum(leaf, cost[of.left] + cost[of.right]), leaf), leaf)
    worth = of.splits & (leaf - (least[of.left] + least[of.right]) > TIE * of.loss[0])
    return worth & _reached(of.parent, worth)


def _reached(parent: Int[Array, " N"], splits: Bool[Array, " N"]) -> Bool[Array, " N"]:
    """Whether all ancestors of a node split."""
    own = jnp.where(jnp.arange(parent.shape[0]) == 0, True, splits[parent])
    return _settled(lambda found: (found[0] & found[0][found[1]], found[1][found[1]]), (own, parent))[0]


class _Kept(NamedTuple):
    """A part of a tree, its nodes numbered anew: the old number of each, whether it is there; the new number of all."""

    old: Int[Array, " N"]
    there: Bool[Array, " N"]
    new: Int[Array, " N"]


def _kept(of: Shape, splits: Bool[Array, " N"], there: Bool[Array, " N"]) -> _Kept:
    """The part that splits these nodes alone."""
    rows = splits.shape[0]
    reached = jnp.where(jnp.arange(rows) == 0, True, splits[of.parent] & there)
    until = running(reached[None])[0, 1:]
    here = jnp.arange(rows, dtype=jnp.int32)
    old = jnp.full(rows, rows - 1, jnp.int32).at[jnp.where(reached, until - 1, rows)].set(here, mode="drop")
    return _Kept(old, here < until[-1], until - 1)


def with_splits(growth: Growth, tree: Tables, empty: Tables, splits: Bool[Array, " N"]) -> Tables:
    """The tree that splits these nodes alone, its nodes numbered anew; `empty` are leaves of weight 0."""
    nodes = named(growth, tree)
    kept = _kept(shape_of(nodes), splits, nodes.weight > 0)
    whole = tree.whole.at[CHILDREN].set(kept.new[tree.whole[CHILDREN]])
    inside = kept.there & splits[kept.old]

    def moved(lines: Array, empty: Array, of_leaves: int) -> Array:
        own = jnp.where((jnp.arange(len(lines)) < of_leaves)[:, None], kept.there[None], inside[None])
        return jnp.where(own, lines[:, kept.old], empty)

    return Tables(moved(whole, empty.whole, OF_LEAVES), moved(tree.parts, empty.parts, of_leaves(growth)))


def path(of: Shape, alpha: Float[Array, ""]) -> Path:
    """The trees from T(alpha), of which `of` is, to the root; alpha is a share of the root's loss."""
    whole = jnp.where(of.loss[0] > 0, of.loss[0], 1)

    def totals(splits: Array) -> tuple[Array, Array]:
        def below(found: tuple[Array, Array]) -> tuple[Array, Array]:
            loss, count = found
            return (
                jnp.where(splits, loss[of.left] + loss[of.right], of.loss),
                jnp.where(splits, 1 + count[of.left] + count[of.right], 0),
            )

        return _settled(below, (of.loss, jnp.zeros(splits.shape, jnp.int32)))

    def tell(found: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        table, alpha, splits, _ = found
        loss, count = totals(splits)
        row = jnp.stack([alpha, count[0].astype(loss.dtype), jnp.where(of.loss[0] > 0, loss[0] / whole, 1)])
        table = jnp.concatenate([row[:, None], table[:, :-1]], axis=1)
        saved = jnp.where(splits, (of.loss - loss) / jnp.maximum(count, 1), jnp.inf)
        least = saved.min()
        left = splits & (saved > least + TIE * whole)
        return table, jnp.maximum(least / whole, alpha), left & _reached(of.parent, left), splits.any()

    none = jnp.full((3, PATH), jnp.nan, of.loss.dtype)
    table = jax.lax.while_loop(lambda found: found[3], tell, (none, alpha, of.splits, jnp.asarray(True)))[0]
    return Path(*table, none[0], none[0])


class Growing(NamedTuple):
    """What pruning needs: the rows and their inputs, how a tree grows of weights, what a row loses at a node.

    `lost(rows, nodes, node)` is what each row loses per unit of weight; `empty` are nodes that are not needed.
    """

    growth: Growth
    rows: Rows
    x: Float[Array, "n d"]
    kind: Int[Array, " d"]
    grow: Callable[[Array], Tables]
    lost: Callable[[Rows, Nodes, Array], Array]
    empty: Tables


class Whole(NamedTuple):
    """The whole tree, the nodes that T(alpha) splits for the alpha that was given, and the path from there."""

    tree: Tables
    splits: Bool[Array, " N"]
    path: Path


class _Told(NamedTuple):
    """What the loop over trees carries: of the whole tree, and what rows that folds hold out lose, and its squares."""

    whole: Whole
    lost: Float[Array, " P"]
    squared: Float[Array, " P"]


class _Tried(NamedTuple):
    """Values of alpha that are tried in turn: how many, the last one as a share of the root's loss, which nodes the
    first and the last one split, and how many did not split a node.
    """

    count: Int[Array, ""]
    alpha: Float[Array, ""]
    first: Bool[Array, " N"]
    last: Bool[Array, " N"]
    without: Int[Array, " N"]


def crossed(growing: Growing, alpha: Float[Array, ""], folds: int, key: Any) -> Whole:
    """The whole tree, and the path of T(alpha) with the errors of rows that folds, made at random, hold out.

    The trees grow and are pruned in one loop, the whole one first, because the program is a large one.
    """
    weight = growing.rows.weight
    n = weight.shape[0]
    drawn = jnp.where(weight > 0, jax.random.uniform(key, (n,), weight.dtype), 2)
    number = jnp.full(n, -1, jnp.int32)
    if folds:
        number = number.at[jnp.argsort(drawn)].set(jnp.arange(n, dtype=jnp.int32) % folds)
    none = jnp.full(PATH, jnp.nan, weight.dtype)
    splits = jnp.zeros(growing.empty.whole.shape[1], bool)
    nothing = jnp.zeros(PATH, weight.dtype)
    start = _Told(Whole(growing.empty, splits, Path(none, none, none, none, none)), nothing, nothing)

    def turn(f: Array, told: _Told) -> _Told:
        return _with_one(growing, alpha, number == f, f < 0, told)

    told = jax.lax.fori_loop(jnp.int32(-1), jnp.int32(folds), turn, start)
    if not folds:
        return told.whole
    root, total = named(growing.growth, told.whole.tree).loss[0], weight.sum()
    spread = jnp.sqrt(jnp.maximum(told.squared - told.lost**2 / jnp.where(total > 0, total, 1), 0))
    safe, there = jnp.where(root > 0, root, 1), ~jnp.isnan(told.whole.path.alpha)
    error, deviation = (jnp.where(there, part / safe, jnp.nan) for part in (told.lost, spread))
    return told.whole._replace(path=told.whole.path._replace(held_out_error=error, standard_error=deviation))


def _with_one(growing: Growing, alpha: Array, mine: Array, first: Array, told: _Told) -> _Told:
    """The next tree, without the rows that are `mine`, and what it says.

    Of the `first` tree the least of alpha, 2 alpha, 4 alpha ... is sought that leaves no more nodes than a path can
    have; of the others, for how many trees of the path a node is not split: trees shrink as alpha grows.
    """
    weight = growing.rows.weight
    without = jnp.where(mine & ~first, 0, weight)
    tree = growing.grow(without)
    nodes = named(growing.growth, tree)
    shape = shape_of(nodes)
    of_path = told.whole.path.alpha
    total = jnp.where(weight.sum() > 0, weight.sum(), 1)
    before = jnp.concatenate([100 * of_path[:1], of_path[:-1]])
    root = named(growing.growth, told.whole.tree).loss[0]
    between = jnp.where(jnp.isnan(of_path), 0, jnp.sqrt(before * of_path)) * root * without.sum() / total
    count = (~jnp.isnan(of_path)).sum(dtype=jnp.int32)

    def again(tried: _Tried) -> Array:
        return jnp.where(first, (tried.count == 0) | (tried.last.sum() > SHOWN // 2), tried.count < count)

    def one(tried: _Tried) -> _Tried:
        alpha = jnp.where(first & (tried.count > 0), jnp.maximum(2 * tried.alpha, 1e-6), tried.alpha)
        splits = inner(shape, jnp.where(first, alpha * nodes.loss[0], between[jnp.minimum(tried.count, PATH - 1)]))
        kept = jnp.where(tried.count == 0, splits, tried.first)
        return _Tried(tried.count + 1, alpha, kept, splits, tried.without + ~splits)

    none = jnp.zeros_like(shape.splits)
    tried = jax.lax.while_loop(again, one, _Tried(jnp.int32(0), alpha, none, none, none.astype(jnp.int32)))

    def start(told: _Told) -> _Told:
        kept = _kept(shape, tried.last, nodes.weight > 0)
        small = jax.tree.map(lambda part: part[kept.old[:SHOWN]], shape)
        small = small._replace(
            splits=kept.there[:SHOWN] & tried.last[kept.old[:SHOWN]],
            left=kept.new[small.left], right=kept.new[small.right], parent=kept.new[small.parent],
        )  # fmt: skip
        return told._replace(whole=Whole(tree, tried.first, path(small, tried.alpha)))

    def further(told: _Told) -> _Told:
        ends = jnp.where(shape.splits, tried.without, PATH)
        lost, squared = _lost_on_the_way(growing, nodes, ends, jnp.where(mine, weight, 0))
        return told._replace(lost=told.lost + lost, squared=told.squared + squared)

    return jax.lax.cond(first, start, further, told)


def _lost_on_the_way(growing: Growing, nodes: Nodes, ends: Array, weight: Array) -> tuple[Array, Array]:
    """Sums over rows of their losses, and of the squares, for each tree of the path.

    A row that comes to a node is answered there by the trees of the path from those which have not answered it yet to
    those that do not split the node.
    """
    ways = _walk.ways(nodes, growing.kind)
    n = weight.shape[0]

    def down(found: tuple[Array, ...]) -> tuple[Array, ...]:
        node, first, sums, _ = found
        after = _walk.step(ways, growing.x, node)
        last = jnp.maximum(jnp.where(after == node, PATH, ends[node]), first)
        loss = growing.lost(growing.rows, nodes, node)
        change = jnp.stack([weight * loss, weight * loss**2])
        sums = sums.at[:, jnp.concatenate([first, last])].add(jnp.concatenate([change, -change], axis=1))
        return after, last, sums, (after != node).any()

    start = jnp.zeros(n, jnp.int32), jnp.zeros(n, jnp.int32), jnp.zeros((2, PATH + 1), weight.dtype), jnp.asarray(True)
    sums = jax.lax.while_loop(lambda found: found[-1], down, start)[2]
    lost, squared = prefix(sums)[:, :-1]
    return lost, squared


def by_one_standard_error(table: Path) -> Float[Array, ""]:
    """The alpha of the smallest tree whose held-out error is within one standard error of the least."""
    best = jnp.nanargmin(table.held_out_error)
    limit = table.held_out_error[best] + table.standard_error[best]
    return table.alpha[jnp.argmax(table.held_out_error <= limit)]
