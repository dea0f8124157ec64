"""What each column adds to the answer of trees for a row: exact Shapley values, dependent on the paths of trees.

A coalition S of columns answers for a row as a tree does that is asked only about S: where it splits by another column,
it goes both ways, as often as training rows did. The Shapley value of a column is how much it adds to a coalition, in
the mean over all orders in which columns may join; values of a row add up to its answer less the mean answer.

A tree is a sum over leaves, and what a leaf with the value v adds to the answer of S is v times a product over the m
columns on its path: o_j (0 or 1, whether the row goes the leaf's way at every split by j) if j is in S, else z_j (the
share of training rows that do). With 1 / (m binomial(m - 1, s)) as an integral over t of t^s (1 - t)^(m - 1 - s),

    phi_i = v (o_i - z_i)  integral from 0 to 1 of  prod over j != i of (t o_j + (1 - t) z_j)  dt,

a polynomial of degree m - 1, so a Gauss-Legendre rule of m / 2 points is exact. All factors are positive, hence nothing
cancels, where the polynomials of TreeSHAP are unwound by division.

Shapes:  n rows, d columns, T trees of L leaves, D columns on a path at most: O(n T L D^2) time.
Units:   those of the values of the trees.
Sources: Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9 (TreeSHAP); Mitchell, Frank & Holmes 2022,
         doi:10.7717/peerj-cs.880 (by paths of leaves, columns that come twice merged); Yu et al. 2022, NeurIPS (Linear
         TreeSHAP: the same polynomials at fixed points).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Trees

_ROWS = 64  # that one step holds at least: with fewer, large trees take four times as long
_CELLS = 1 << 19  # leaves times columns on a path times rows, that one step holds


class Paths(NamedTuple):
    """The ways to all leaves of T trees: L leaves, at most P splits on a path, by at most D columns.

    `split` are the nodes on the way, those of one column side by side; `left` whether the way goes left there, `first`
    whether a column begins. What is not needed repeats the last one. `column` are the columns on a path, `end` the
    place of their last split among the P, `share` of the rows that go all of its ways (1, and the column 0, where a
    path has fewer). `value` [T, L, k] is 0 for leaves that are not needed. `mean` [k] is the mean answer of all trees.
    """

    split: Int[np.ndarray, "T L P"]
    left: Bool[np.ndarray, "T L P"]
    first: Bool[np.ndarray, "T L P"]
    column: Int[np.ndarray, "T L D"]
    end: Int[np.ndarray, "T L D"]
    share: Float[np.ndarray, "T L D"]
    value: Float[np.ndarray, "T L k"]
    mean: Float[np.ndarray, " k"]


def paths_of(trees: Trees) -> Paths:
    """The paths of trees with NumPy leaves, on the host."""
    feature, left, right = (np.asarray(v) for v in (trees.feature, trees.left, trees.right))
    weight, value = np.asarray(trees.weight, float), np.asarray(trees.value)
    many, size = feature.shape
    tree = np.arange(many)[:, None]
    inner = feature >= 0
    # Of each node but the root: its parent, whether it is the left child, the share of its parent's rows.
    parent, is_left = np.full((many, size), -1), np.zeros((many, size), bool)
    at = np.nonzero(inner)
    for child, side in ((left, True), (right, False)):
        parent[at[0], child[at]], is_left[at[0], child[at]] = at[1], side
    both = np.where(inner, weight[tree, left] + weight[tree, right], 1.0)[tree, parent]
    share = np.where(both > 0, weight / np.where(both > 0, both, 1.0), 0.5)

    leaf = ~inner & ((parent >= 0) | (np.arange(size) == 0))  # others were not needed
    order = np.argsort(~leaf, axis=1, kind="stable")[:, : leaf.sum(axis=1).max()]
    there = leaf[tree, order]  # [T, L]
    steps = []
    node = np.where(there, order, 0)
    while (above := parent[tree, node]).max() >= 0:
        steps.append((above, is_left[tree, node], np.where(above >= 0, share[tree, node], 1.0)))
        node = np.where(above >= 0, above, node)
    if not steps:
        steps.append((np.full(node.shape, -1), np.zeros(node.shape, bool), np.ones(node.shape)))
    split, ways, shares = (np.stack(part, axis=2) for part in zip(*steps, strict=True))  # [T, L, P]

    column = np.where(split >= 0, feature[tree[:, :, None], split], np.iinfo(np.int32).max)
    by_column = np.argsort(column, axis=2, kind="stable")
    column, split, ways, shares = (np.take_along_axis(v, by_column, axis=2) for v in (column, split, ways, shares))
    first = np.diff(column, axis=2, prepend=-1) > 0
    slot = np.cumsum(first & (split >= 0), axis=2) - 1
    t, of, place = np.nonzero(split >= 0)
    shape = (*order.shape, max(1, int(slot.max(initial=0)) + 1))
    columns, end, merged = np.zeros(shape, np.int32), np.full(shape, -1, np.int32), np.ones(shape)
    where = (t, of, slot[t, of, place])
    columns[where], end[where] = column[t, of, place], place  # the last of a column is written last
    np.multiply.at(merged, where, shares[t, of, place])
    says = np.where(there[:, :, None], np.take_along_axis(value, order[:, :, None], axis=1), 0)
    mean = (merged.prod(axis=2)[:, :, None] * says).sum(axis=(0, 1))
    return Paths(
        np.maximum(split, 0).astype(np.int32), ways, first, columns, end, merged.astype(np.float32), says, mean
    )


def points_of(paths: Paths) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights of the rule that integrates over 0..1 exactly for paths of so many columns."""
    place, weight = np.polynomial.legendre.leggauss((paths.column.shape[2] + 1) // 2)
    return ((place + 1) / 2).astype(np.float32), (weight / 2).astype(np.float32)


def goes_left(tree: Trees, x: Float[Array, "d n"], categorical: Bool[Array, " d"]) -> Bool[Array, "N n"]:
    """Which way each row would go at each node of one tree."""
    column = jnp.maximum(tree.feature, 0)
    v = x[column]
    gone, left = jnp.isnan(v), v <= tree.threshold[:, None]
    words = tree.subset.shape[1]
    if words:
        named = categorical[column][:, None]
        gone = gone | (named & ~((v >= 0) & (v < 32 * words)))
        code = jnp.where(named & ~gone, v, 0).astype(jnp.int32)
        word = jnp.take_along_axis(tree.subset, code >> 5, axis=1)
        left = jnp.where(named, (word >> (code & 31).astype(word.dtype)) & 1 == 1, left)
    return jnp.where(gone, tree.missing_left[:, None], left)


def contributions(
    trees: Trees, paths: Paths, points: tuple[Any, Any], x: Float[Array, "n d"], categorical: Bool[Array, " d"]
) -> Float[Array, "n d k"]:
    """The Shapley values of every row and column, summed over trees."""
    n, d = x.shape
    k = paths.value.shape[2]
    cells = paths.column.shape[1] * max(paths.column.shape[2], paths.split.shape[2])
    block = max(1, min(n, max(_ROWS, _CELLS // cells)))
    blocks = -(-n // block)
    rows = jnp.pad(x, ((0, blocks * block - n), (0, 0))).reshape(blocks, block, d)

    def of_block(rows: Float[Array, "b d"]) -> Float[Array, "b d k"]:
        def add(total: Float[Array, "k d b"], tree: tuple[Trees, Paths]) -> tuple[Float[Array, "k d b"], None]:
            grown, ways = tree
            left = goes_left(grown, rows.T, categorical)
            return total + _of_tree(ways, left, points, d), None

        # Every tree has the same mean: what is scanned over has the axis of trees.
        scanned = paths._replace(mean=jnp.zeros(len(paths.split), x.dtype))
        total, _ = jax.lax.scan(add, jnp.zeros((k, d, block), x.dtype), (trees, scanned))
        return total.transpose(2, 1, 0)

    return jax.lax.map(of_block, rows).reshape(blocks * block, d, k)[:n]


def _of_tree(paths: Paths, left: Bool[Array, "N b"], points: tuple[Any, Any], d: int) -> Float[Array, "k d b"]:
    leaves = jnp.arange(len(paths.split))[:, None]

    def along(so_far: Bool[Array, "L b"], at: tuple[Any, Any, Any]) -> tuple[Bool[Array, "L b"], Bool[Array, "L b"]]:
        split, way, first = at
        meets = (left[split] == way[:, None]) & (so_far | first[:, None])
        return meets, meets

    start = jnp.ones((len(paths.split), left.shape[1]), bool)
    _, met = jax.lax.scan(along, start, (paths.split.T, paths.left.T, paths.first.T))  # [P, L, b]
    goes = met[paths.end, leaves] | (paths.end < 0)[:, :, None]  # [L, D, b]
    share = paths.share

    def at_point(total: Float[Array, "L D b"], point: tuple[Any, Any]) -> tuple[Float[Array, "L D b"], None]:
        t, weight = point
        factor = jnp.where(goes, (t + (1 - t) * share)[:, :, None], ((1 - t) * share)[:, :, None])
        product = weight * factor.prod(axis=1)[:, None, :]
        # (o - z) over the factor of the column itself, which the product has too much.
        own = jnp.where(goes, ((1 - share) / (t + (1 - t) * share))[:, :, None], -1 / (1 - t))
        return total + product * own, None

    inner, _ = jax.lax.scan(at_point, jnp.zeros(goes.shape, paths.share.dtype), points)

    def of_output(value: Float[Array, " L"]) -> Float[Array, "d b"]:
        given = (inner * value[:, None, None]).reshape(-1, inner.shape[2])
        return jax.ops.segment_sum(given, paths.column.reshape(-1), num_segments=d)

    return jax.lax.map(of_output, paths.value.T)
