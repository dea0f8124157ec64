"""What rows are told by the trees of a forest that have not drawn them."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Trees, over_devices, tiny
from mldsl_plugins.trees._groups import goes_left
from mldsl_plugins.trees._levels import ranked_rows

_BLOCK = 16384  # rows that are walked together


class Tree(NamedTuple):
    """One grown tree: as it is kept, and as rows are walked down (`at`, `places` by level) and which rows drew it."""

    grown: Trees
    at: Float[Array, " N"]
    depth: Int[Array, ""]
    used: Int[Array, ""]
    cut: Int[Array, ""]
    absent: Bool[Array, " n"] | None
    ranks: Float[Array, "c codes"] | None


def out_of_bag(trees: Tree, x: Array, y: Array, weight: Array, places: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """What rows are told by the trees that have not drawn them; how good that is; how many rows there are of them."""
    (_, many, _, k), n = trees.grown.value.shape, len(weight)
    size = min(_BLOCK, n)
    first = jnp.minimum(jnp.arange(-(-n // size), dtype=jnp.int32) * size, n - size)

    def block(first: Array, trees: Tree) -> tuple[Array, Array]:
        own = jax.lax.dynamic_slice_in_dim(x, first, size)

        def add(value: tuple[Array, Array], some: Tree) -> tuple[tuple[Array, Array], None]:
            total, votes = value
            assert some.absent is not None
            absent = jax.lax.dynamic_slice_in_dim(some.absent, first, size, axis=1)
            says = jnp.where(absent[..., None], walked(some, ranked_rows(own, places, some.ranks, many)), 0)
            return (total + says.sum(axis=0), votes + absent.astype(total.dtype).sum(axis=0)), None

        zero = jnp.zeros((size, k), weight.dtype), jnp.zeros(size, weight.dtype)
        return jax.lax.scan(add, zero, trees)[0]

    total, votes = over_devices(block, first, trees)
    place = (first[:, None] + jnp.arange(size, dtype=jnp.int32)[None]).reshape(-1)
    told = jnp.zeros((n, k), weight.dtype).at[place].set((total / jnp.maximum(votes, 1)[..., None]).reshape(-1, k))
    some = jnp.zeros(n, bool).at[place].set(votes.reshape(-1) > 0)
    counted = jnp.where(some, weight, 0)
    mass = counted.sum()
    safe = jnp.maximum(mass, tiny(mass))
    if jnp.issubdtype(y.dtype, jnp.floating):
        told = told[:, 0]
        mean = (counted * y).sum() / safe
        off, spread = (counted * (y - told) ** 2).sum(), (counted * (y - mean) ** 2).sum()
        score = jnp.where(spread > 0, 1 - off / jnp.where(spread > 0, spread, 1), jnp.nan)
    else:
        score = jnp.where(mass > 0, (counted * (told.argmax(axis=1) == y)).sum() / safe, jnp.nan)
    return told, score, mass / jnp.maximum(weight.sum(), tiny(weight))


def walked(some: Tree, x: Array) -> Float[Array, "many b k"]:
    """What trees say of rows, of bins or numbers; `x` has the b rows once for each tree."""
    many, size, k = some.grown.value.shape
    row = jnp.arange(len(x), dtype=jnp.int32)
    root = row // (len(x) // many) * size
    flat = jax.tree.map(lambda part: part.reshape(many * size, *part.shape[2:]), some.grown)
    at = some.at.reshape(-1)

    def step(value: tuple[Array, Array]) -> tuple[Array, Array]:
        node, _ = value
        column = flat.feature[node]
        left = goes_left(x, row, jnp.maximum(column, 0), at[node], flat.missing_left[node])
        following = root + jnp.where(left, flat.left[node], flat.right[node])
        return following, (following != node).any()

    leaf = jax.lax.while_loop(lambda value: value[1], step, (root, jnp.asarray(True)))[0]
    return flat.value[leaf].reshape(many, -1, k)
