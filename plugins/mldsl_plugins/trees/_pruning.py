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
from mldsl_plugins.trees._criteria import Rows
from mldsl_plugins.trees._exact import Nodes

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


def _settled(of: Callable[[Any], Any], start: Any) -> Any:
    """`of` applied until nothing changes: as many times as the tree is high."""

    def again(found: tuple[Any, Array]) -> tuple[Any, Array]:
        after = of(found[0])
        same = jax.tree.map(lambda a, b: (a == b).all(), after, found[0])
        return after, ~jax.tree.reduce(jnp.logical_and, same)

    return jax.lax.while_loop(lambda found: found[1], again, (start, jnp.asarray(True)))[0]


def inner(nodes: Nodes, alpha: Float[Array, ""]) -> Bool[Array, " N"]:
    """The nodes that T(alpha) splits; alpha is in the units of the loss."""
    splits, left, right = nodes.split.feature >= 0, nodes.left, nodes.right
    leaf = nodes.loss + alpha  # a tree has one leaf more than splits, so it may as well be leaves that cost alpha
    least = _settled(lambda cost: jnp.where(splits, jnp.minimum(leaf, cost[left] + cost[right]), leaf), leaf)
    worth = splits & (leaf - (least[left] + least[right]) > TIE * nodes.loss[0])
    return worth & _reached(_parents(nodes), worth)


def _parents(nodes: Nodes) -> Int[Array, " N"]:
    """The parent of each node, the root of nodes that have none."""
    rows = nodes.left.shape[0]
    here, splits = jnp.arange(rows, dtype=jnp.int32), nodes.split.feature >= 0
    parent = jnp.zeros(rows, jnp.int32)
    for child in (nodes.left, nodes.right):
        parent = parent.at[jnp.where(splits, child, rows)].set(here, mode="drop")
    return parent


def _reached(parent: Int[Array, " N"], splits: Bool[Array, " N"]) -> Bool[Array, " N"]:
    """Whether all ancestors of a node split."""
    own = jnp.where(jnp.arange(parent.shape[0]) == 0, True, splits[parent])
    return _settled(lambda found: (found[0] & found[0][found[1]], found[1][found[1]]), (own, parent))[0]


def with_splits(nodes: Nodes, empty: Nodes, splits: Bool[Array, " N"]) -> Nodes:
    """The tree that splits these nodes alone, its nodes numbered anew; `empty` are leaves of weight 0."""
    rows = nodes.left.shape[0]
    reached = jnp.where(jnp.arange(rows) == 0, True, splits[_parents(nodes)] & (nodes.weight > 0))
    number = (jnp.cumsum(reached.astype(jnp.int32)) - 1).astype(jnp.int32)
    order = jnp.nonzero(reached, size=rows, fill_value=rows - 1)[0]
    there = jnp.arange(rows) < reached.sum()

    def chosen(keep: Array, one: Array, other: Array) -> Array:
        return jnp.where(keep.reshape(-1, *(1,) * (one.ndim - 1)), one, other)

    whole = nodes._replace(left=number[nodes.left], right=number[nodes.right])
    moved = jax.tree.map(lambda a, b: chosen(there, a[order], b), whole, empty)
    kept = {name: getattr(moved, name) for name in ("value", "weight", "sums", "risk", "loss")}
    return jax.tree.map(lambda a, b: chosen(there & splits[order], a, b), moved, empty)._replace(**kept)


def path(nodes: Nodes, alpha: Float[Array, ""]) -> Path:
    """The trees from T(alpha), which `nodes` are, to the root; alpha is a share of the root's loss."""
    whole = jnp.where(nodes.loss[0] > 0, nodes.loss[0], 1)
    parent = _parents(nodes)
    none = jnp.full(PATH, jnp.nan, nodes.loss.dtype)

    def totals(splits: Array) -> tuple[Array, Array]:
        def below(found: tuple[Array, Array]) -> tuple[Array, Array]:
            loss, count = found
            return (
                jnp.where(splits, loss[nodes.left] + loss[nodes.right], nodes.loss),
                jnp.where(splits, 1 + count[nodes.left] + count[nodes.right], 0),
            )

        return _settled(below, (nodes.loss, jnp.zeros(splits.shape, jnp.int32)))

    def told(table: Path, alpha: Array, splits: Array) -> Path:
        loss, count = totals(splits)
        row = alpha, count[0].astype(loss.dtype), jnp.where(nodes.loss[0] > 0, loss[0] / whole, 1)
        parts = [jnp.concatenate([one[None], column[:-1]]) for one, column in zip(row, table, strict=False)]
        return Path(*parts, none, none)

    def shorter(found: tuple[Path, Array]) -> tuple[Path, Array]:
        table, splits = found
        loss, count = totals(splits)
        saved = jnp.where(splits, (nodes.loss - loss) / jnp.maximum(count, 1), jnp.inf)
        least = saved.min()
        left = splits & (saved > least + TIE * whole)
        left &= _reached(parent, left)
        return told(table, jnp.maximum(least / whole, table.alpha[0]), left), left

    splits = nodes.split.feature >= 0
    start = told(Path(none, none, none, none, none), alpha, splits)
    return jax.lax.while_loop(lambda found: found[1].any(), shorter, (start, splits))[0]


class Growing(NamedTuple):
    """What pruning needs: the rows and their inputs, how a tree grows of weights, what a row loses at a node.

    `lost(rows, nodes, node)` is what each row loses per unit of weight; `empty` are nodes that are not needed.
    """

    rows: Rows
    x: Float[Array, "n d"]
    kind: Int[Array, " d"]
    grow: Callable[[Array], Nodes]
    lost: Callable[[Rows, Nodes, Array], Array]
    empty: Nodes


def crossed(growing: Growing, alpha: Float[Array, ""], folds: int, key: Any) -> tuple[Nodes, Path]:
    """The whole tree, and the path of T(alpha) with the errors of rows that folds, made at random, hold out.

    The trees grow in one loop, the whole one first, because the program of growing is a large one.
    """
    weight = growing.rows.weight
    if not folds:
        nodes = growing.grow(weight)
        return nodes, _path_from(growing, nodes, alpha)
    n = weight.shape[0]
    drawn = jnp.where(weight > 0, jax.random.uniform(key, (n,), weight.dtype), 2)
    number = jnp.zeros(n, jnp.int32).at[jnp.argsort(drawn)].set(jnp.arange(n, dtype=jnp.int32) % folds)
    none = jnp.full(PATH, jnp.nan, weight.dtype)

    def one(known: tuple[Nodes, Path, Array, Array], f: Array) -> tuple[tuple[Nodes, Path, Array, Array], None]:
        nodes = growing.grow(jnp.where(number == f, 0, weight))

        def first(known: tuple[Nodes, Path, Array, Array]) -> tuple[Nodes, Path, Array, Array]:
            return nodes, _path_from(growing, nodes, alpha), *known[2:]

        def later(known: tuple[Nodes, Path, Array, Array]) -> tuple[Nodes, Path, Array, Array]:
            found = _held_out(growing, nodes, known[1], known[0].loss[0], number == f)
            return known[0], known[1], known[2] + found[0], known[3] + found[1]

        return jax.lax.cond(f < 0, first, later, known), None

    start = (
        growing.empty,
        Path(none, none, none, none, none),
        jnp.zeros(PATH, weight.dtype),
        jnp.zeros(PATH, weight.dtype),
    )
    (nodes, table, lost, squared), _ = jax.lax.scan(one, start, jnp.arange(-1, folds, dtype=jnp.int32))
    whole, total = nodes.loss[0], weight.sum()
    spread = jnp.sqrt(jnp.maximum(squared - lost**2 / jnp.where(total > 0, total, 1), 0))
    safe, there = jnp.where(whole > 0, whole, 1), ~jnp.isnan(table.alpha)
    error, deviation = (jnp.where(there, part / safe, jnp.nan) for part in (lost, spread))
    return nodes, table._replace(held_out_error=error, standard_error=deviation)


def _path_from(growing: Growing, nodes: Nodes, alpha: Array) -> Path:
    """The path of T(alpha), or from the largest tree on that a path can have."""
    start = small_enough(nodes, alpha)
    small = with_splits(nodes, growing.empty, inner(nodes, start * nodes.loss[0]))
    return path(jax.tree.map(lambda a: a[:SHOWN], small), start)


def _held_out(growing: Growing, nodes: Nodes, table: Path, whole: Array, mine: Array) -> tuple[Array, Array]:
    """What the rows of a fold lose, and its squares, by each tree of the path made without them."""
    weight = growing.rows.weight
    before = jnp.concatenate([100 * table.alpha[:1], table.alpha[:-1]])
    between = jnp.where(jnp.isnan(table.alpha), 0, jnp.sqrt(before * table.alpha))
    total = jnp.where(weight.sum() > 0, weight.sum(), 1)
    alpha = between * whole * jnp.where(mine, 0, weight).sum() / total
    # Trees shrink as alpha grows, so it is enough to know for how many of the path a node is not split.
    count = (~jnp.isnan(table.alpha)).sum()
    start = jnp.zeros(nodes.left.shape, jnp.int32)
    ends = jax.lax.fori_loop(0, count, lambda i, c: c + ~inner(nodes, alpha[i]), start)
    ends = jnp.where(nodes.split.feature >= 0, ends, PATH)
    return _lost_on_the_way(growing, nodes, ends, jnp.where(mine, weight, 0))


def _lost_on_the_way(growing: Growing, nodes: Nodes, ends: Array, weight: Array) -> tuple[Array, Array]:
    """Sums over rows of their losses, and of the squares, for each tree of the path.

    A row that comes to a node is answered there by the trees of the path from those which have not answered it yet to
    those that do not split the node.
    """
    ways = _walk.ways(nodes, growing.kind)
    n = weight.shape[0]

    def down(found: tuple[Array, ...]) -> tuple[Array, ...]:
        node, first, lost, squared, _ = found
        after = _walk.step(ways, growing.x, node)
        last = jnp.maximum(jnp.where(after == node, PATH, ends[node]), first)
        loss = growing.lost(growing.rows, nodes, node)
        lost = lost.at[first].add(weight * loss).at[last].add(-weight * loss)
        squared = squared.at[first].add(weight * loss**2).at[last].add(-weight * loss**2)
        return after, last, lost, squared, (after != node).any()

    nothing = jnp.zeros(PATH + 1, weight.dtype)
    start = jnp.zeros(n, jnp.int32), jnp.zeros(n, jnp.int32), nothing, nothing, jnp.asarray(True)
    _, _, lost, squared, _ = jax.lax.while_loop(lambda found: found[-1], down, start)
    return jnp.cumsum(lost)[:-1], jnp.cumsum(squared)[:-1]


def small_enough(nodes: Nodes, alpha: Float[Array, ""]) -> Float[Array, ""]:
    """The least of alpha, 2 alpha, 4 alpha ... that leaves no more nodes than a path can have."""

    def more(found: tuple[Array, Array]) -> tuple[Array, Array]:
        alpha = jnp.maximum(2 * found[0], 1e-6)
        return alpha, inner(nodes, alpha * nodes.loss[0]).sum()

    start = alpha, inner(nodes, alpha * nodes.loss[0]).sum()
    return jax.lax.while_loop(lambda found: found[1] > SHOWN // 2, more, start)[0]


def by_one_standard_error(table: Path) -> Float[Array, ""]:
    """The alpha of the smallest tree whose held-out error is within one standard error of the least."""
    best = jnp.nanargmin(table.held_out_error)
    limit = table.held_out_error[best] + table.standard_error[best]
    return table.alpha[jnp.argmax(table.held_out_error <= limit)]


def depth(nodes: Nodes) -> Int[Array, ""]:
    """The most splits between the root and a node."""
    splits, parent = nodes.split.feature >= 0, _parents(nodes)
    start = (parent >= 0) & splits[parent] & (jnp.arange(parent.shape[0]) > 0)

    def further(found: tuple[Array, Array]) -> tuple[Array, Array]:
        return found[0] + found[0][found[1]], found[1][found[1]]

    return _settled(further, (start.astype(jnp.int32), parent))[0].max()
