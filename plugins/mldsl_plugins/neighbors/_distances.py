"""Distances between rows: made ready once, computed block against block, and exactly for few candidates.

A distance between two rows is a sum (or the largest) of what columns contribute. Blocks of rows against blocks of
queries are accumulated column by column, or come from one product of matrices where the distance is one of squares. The
order of the nearest is then taken from differences of the rows themselves, in which nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import tiny

ROWS = 2048  # of a block
QUERIES = 512  # of a block
GROUP = 64  # rows of which only the nearest is looked at first
AT_ONCE = 1 << 21  # numbers of candidates that are compared exactly at a time

Contribution = Callable[[Array, Array, Array], Any]  # of a column to a distance; the third says whether it is nominal


class Minkowski(NamedTuple):
    """Minkowski's distance, of a power."""

    p: Any


class Scaling(NamedTuple):
    """What makes columns ready: (x - center) scale, and which of them exist and hold levels without order."""

    center: Float[Array, " d"]
    scale: Float[Array, " d"]
    active: Bool[Array, " d"]
    nominal: Bool[Array, " d"]


def ready(distance: Any, scaling: Scaling, x: Float[Array, "n d"]) -> Float[Array, "n c"]:
    """Rows as distances compare them: 0 in columns that do not exist; for `cosine` with one more column."""
    x = jnp.where(scaling.active[None], (x - scaling.center[None]) * scaling.scale[None], 0)
    if distance == "cosine":
        largest = jnp.abs(x).max(axis=1, keepdims=True, initial=0)
        x = x / jnp.where(largest > 0, largest, 1)  # squares of large numbers would be infinite
        norm = jnp.sqrt(jnp.sum(x * x, axis=1, keepdims=True))
        # Rows of zeros have a direction of their own, at a right angle to all others.
        return jnp.concatenate([x / jnp.where(norm > 0, norm, 1), (norm == 0).astype(x.dtype)], axis=1)
    if distance == "jaccard":
        return (x > 0).astype(x.dtype)
    return x


def contribution(distance: Any, columns: Array) -> tuple[Contribution, Callable[[Any], Array], Any]:
    """What a column contributes, how the sum becomes the distance, and how two contributions are put together.

    `columns` is the number of columns that exist.
    """
    count = jnp.maximum(columns, 1)
    if isinstance(distance, Minkowski):
        p = distance.p
        return (lambda x, y, _: jnp.abs(x - y) ** p), (lambda s: s ** (1 / p)), jnp.add
    match distance:
        case "euclidean":
            return (lambda x, y, _: (x - y) ** 2), jnp.sqrt, jnp.add
        case "cosine":
            return (lambda x, y, _: (x - y) ** 2), (lambda s: s / 2), jnp.add
        case "manhattan":
            return (lambda x, y, _: jnp.abs(x - y)), (lambda s: s), jnp.add
        case "chebyshev":
            return (lambda x, y, _: jnp.abs(x - y)), (lambda s: s), jnp.maximum
        case "jaccard":

            def either(x: Array, y: Array, _: Array) -> tuple[Array, Array]:
                return jnp.abs(x - y), jnp.maximum(x, y)

            return either, (lambda s: s[0] / jnp.maximum(s[1], 1)), jnp.add
        case "hamming" | "simple_matching":
            return (lambda x, y, _: (x != y).astype(x.dtype)), (lambda s: s / count), jnp.add
    assert distance == "gower"

    def known(x: Array, y: Array, nominal: Array) -> tuple[Array, Array]:
        both = ~(jnp.isnan(x) | jnp.isnan(y))
        apart = jnp.where(nominal, (x != y).astype(x.dtype), jnp.minimum(jnp.abs(x - y), 1))
        return jnp.where(both, apart, 0), both.astype(x.dtype)

    return known, (lambda s: jnp.where(s[1] > 0, s[0] / jnp.maximum(s[1], 1), 1)), jnp.add


class Rows(NamedTuple):
    """The rows to choose from, ready, and how often each counts."""

    x: Float[Array, "n d"]
    weight: Float[Array, " n"]


def nearest(
    distance: Any, scaling: Scaling, rows: Rows, queries: Float[Array, "q d"], count: int
) -> tuple[Int[Array, "q count"], Float[Array, "q count"]]:
    """The nearest rows of each query, nearest first, equally distant ones in the order of the rows; and how far.

    Rows of weight 0 are infinitely far. O(q n d) time; memory for a block of queries against a block of rows, beside
    one number for each query of a block and each group of rows.
    """
    n, d = rows.x.shape
    size = min(ROWS, -(-n // GROUP) * GROUP)
    blocks, queries_at_once = -(-n // size), min(QUERIES, max(queries.shape[0], 1))
    x = jnp.pad(rows.x, ((0, blocks * size - n), (0, 0)))
    weight = jnp.pad(rows.weight, (0, blocks * size - n))
    norm = jnp.sum(x * x, axis=1)
    groups = min(count, blocks * size // GROUP)
    many = max(1, AT_ONCE // (groups * GROUP * max(d, 1)))

    # A column that does not exist is left out of gower's distance, and is 0 in all rows for the others.
    here = jnp.where(scaling.active, 0, jnp.nan).astype(x.dtype) if distance == "gower" else jnp.zeros(d, x.dtype)
    of_column, finish, join = contribution(distance, scaling.active.sum().astype(x.dtype))

    def block_of(array: Array, i: Array) -> Array:
        return jax.lax.dynamic_slice_in_dim(array, i * size, size)

    def against(q: Float[Array, "b d"], i: Array) -> Float[Array, "m b"]:
        """Of a block of rows to the queries: something that orders as the distance does."""
        t = block_of(x, i)
        if distance in ("euclidean", "cosine"):
            return block_of(norm, i)[:, None] - 2 * jnp.matmul(t, q.T, precision="highest")

        def column(total: Any, one: tuple[Array, ...]) -> tuple[Any, None]:
            mine, theirs, nominal, absent = one
            new = of_column((mine + absent)[:, None], theirs[None, :], nominal)
            return jax.tree.map(join, total, new), None

        shape = jax.eval_shape(lambda: of_column(t[:, :1], q[:, :1].T, scaling.nominal[0]))
        start = jax.tree.map(lambda s: jnp.zeros((size, q.shape[0]), s.dtype), shape)
        return finish(jax.lax.scan(column, start, (t.T, q.T, scaling.nominal, here))[0])

    def of_block(q: Float[Array, "b d"]) -> tuple[Array, Array]:
        def least(i: Array) -> Float[Array, "groups b"]:
            apart = jnp.where(block_of(weight, i)[:, None] > 0, against(q, i), jnp.inf)
            return apart.reshape(size // GROUP, GROUP, q.shape[0]).min(axis=1)

        # The nearest rows lie in the groups whose nearest rows are nearest.
        lowest = jax.lax.map(least, jnp.arange(blocks)).reshape(-1, q.shape[0]).T
        chosen = jnp.sort(jax.lax.top_k(-lowest, groups)[1], axis=1)
        return jax.lax.map(exactly, (q, chosen), batch_size=min(many, q.shape[0]))

    def exactly(one: tuple[Array, Array]) -> tuple[Array, Array]:
        q, chosen = one
        place = (chosen[:, None] * GROUP + jnp.arange(GROUP)[None]).ravel()
        each = of_column(x[place] + here[None], q[None], scaling.nominal[None])
        apart = finish(jax.tree.map(lambda c: c.max(axis=1) if join is jnp.maximum else c.sum(axis=1), each))
        least, best = jax.lax.top_k(jnp.where(weight[place] > 0, -apart, -jnp.inf), min(count, place.shape[0]))
        return place[best], -least

    spare = -queries.shape[0] % queries_at_once
    cut = jnp.pad(queries, ((0, spare), (0, 0))).reshape(-1, queries_at_once, d)
    index, apart = (part.reshape(-1, part.shape[-1])[: queries.shape[0]] for part in jax.lax.map(of_block, cut))
    return index, apart


def ranges(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Float[Array, " d"]:
    """Largest less least value of each column among rows that are there, missing ones left out."""
    there = (weight > 0)[:, None] & ~jnp.isnan(x)
    low = jnp.min(jnp.where(there, x, jnp.inf), axis=0)
    high = jnp.max(jnp.where(there, x, -jnp.inf), axis=0)
    return jnp.where(high > low, high - low, 0)


def inverse(x: Array) -> Array:
    """1 / x, and 1 where x is 0."""
    return 1 / jnp.where(x > 0, jnp.maximum(x, tiny(x)), 1)
