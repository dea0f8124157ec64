"""The nodes of a tree: by name, and as the two tables that loops carry while the tree grows and is pruned.

Compiling a program takes time for each array that a loop carries, a branch gives back or a choice is made between. So
there are two: one of all that is whole, one of all that is not, each with a line for every number that a node has.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt

if TYPE_CHECKING:
    from mldsl_plugins.trees._exact import Growth

COMPETITORS = 4  # splits by other columns that are kept beside the best


class Split(NamedTuple):
    """How N nodes send rows to their children; `feature` is -1 where they do not.

    Numbers up to `threshold`, and categories in `subset`, go left where `low_left`; `known` are the categories that can
    be told.
    """

    feature: Int[Array, "N ..."]
    threshold: Float[Array, "N ..."]
    low_left: Bool[Array, "N ..."]
    subset: UInt[Array, "N ... words"]
    known: UInt[Array, "N ... words"]


class Nodes(NamedTuple):
    """The tree. `default` is where rows go whose value nothing tells: 0 left, 1 right, 2 they stay.

    `depth` is how many splits lie above a node. `sums` are those of the criterion, `risk` its impurity as a total,
    `loss` the risk that pruning weighs: the loss weight of other classes than the most frequent, or that of `risk`.
    `gain` is by how much the split lowers `risk` among rows that do not miss the value. `agree` and `adjusted` are
    those of surrogates. The first fields are what a leaf has as well.
    """

    depth: Int[Array, " N"]
    value: Float[Array, "N k"]
    weight: Float[Array, " N"]
    sums: Float[Array, "N p"]
    risk: Float[Array, " N"]
    loss: Float[Array, " N"]
    left: Int[Array, " N"]
    right: Int[Array, " N"]
    default: Int[Array, " N"]
    split: Split
    gain: Float[Array, " N"]
    surrogate: Split
    agree: Float[Array, "N S"]
    adjusted: Float[Array, "N S"]
    competitor: Int[Array, "N C"]
    competitor_threshold: Float[Array, "N C"]
    competitor_gain: Float[Array, "N C"]


class Tables(NamedTuple):
    """The same nodes: whole numbers, of which `OF_LEAVES` lines come first, and others."""

    whole: Int[Array, "a N"]
    parts: Float[Array, "b N"]


OF_LEAVES, CHILDREN = 1, slice(1, 3)  # the lines of `whole` that leaves have; those of the children


def blank(growth: Growth, rows: int, dtype: Any, first: Any = 0) -> Nodes:
    """Leaves of weight 0."""
    s, w, c = growth.surrogates, growth.words, min(COMPETITORS, max(len(growth.order) - 1, 0))
    here = jnp.arange(rows, dtype=jnp.int32) + first

    def split(*size: int) -> Split:
        return Split(
            jnp.full((rows, *size), -1, jnp.int32), jnp.zeros((rows, *size), dtype), jnp.zeros((rows, *size), bool),
            jnp.zeros((rows, *size, w), jnp.uint32), jnp.zeros((rows, *size, w), jnp.uint32),
        )  # fmt: skip

    none, nothing = jnp.zeros(rows, dtype), jnp.zeros(rows, jnp.int32)
    value = jnp.full((rows, max(growth.criterion.classes, 1)), 1 / max(growth.criterion.classes, 1), dtype)
    return Nodes(
        nothing, value, none, jnp.zeros((rows, growth.criterion.planes), dtype), none, none, here, here, nothing,
        split(), none, split(s), jnp.zeros((rows, s), dtype), jnp.zeros((rows, s), dtype),
        jnp.full((rows, c), -1, jnp.int32), jnp.zeros((rows, c), dtype), jnp.zeros((rows, c), dtype),
    )  # fmt: skip


def _is_whole(x: Any) -> bool:
    return not jnp.issubdtype(x.dtype, jnp.floating)


def tables(nodes: Nodes) -> Tables:
    """All fields as lines of two tables."""

    def lines(x: Array) -> Array:
        if x.dtype == jnp.uint32:
            x = jax.lax.bitcast_convert_type(x, jnp.int32)
        flat = x.reshape(x.shape[0], prod(x.shape[1:])).T
        return flat.astype(jnp.int32) if _is_whole(x) else flat

    every = jax.tree.leaves(nodes)
    return Tables(*(jnp.concatenate([lines(x) for x in every if _is_whole(x) == whole]) for whole in (True, False)))


def of_leaves(growth: Growth) -> int:
    """How many lines of `parts` come first that leaves have."""
    return max(growth.criterion.classes, 1) + growth.criterion.planes + 3


def named(growth: Growth, tables: Tables) -> Nodes:
    """The fields by name."""
    n, used = tables.whole.shape[1], [0, 0]
    like = jax.eval_shape(lambda: blank(growth, n, tables.parts.dtype))

    def field(x: Any) -> Array:
        whole, count = _is_whole(x), prod(x.shape[1:])
        lines = tables.whole if whole else tables.parts
        made = lines[used[whole] : used[whole] + count].T.reshape(x.shape)
        used[whole] += count
        if x.dtype == jnp.uint32:
            return jax.lax.bitcast_convert_type(made, jnp.uint32)
        return made.astype(x.dtype)

    return jax.tree.map(field, like)  # type: ignore[no-any-return]
