"""How a row finds its way through a tree with surrogates: from the root to the node that answers it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._nodes import Nodes, Split

NUMBER, ORDERED, CATEGORY = 0, 1, 2
LEFT, RIGHT, UNKNOWN = 0, 1, 2


class Ways(NamedTuple):
    """What a walk needs: the splits, where they lead, and whether a column holds numbers or codes of levels."""

    split: Split
    surrogate: Split
    left: Int[Array, " N"]
    right: Int[Array, " N"]
    default: Int[Array, " N"]
    kind: Int[Array, " d"]


def ways(nodes: Nodes, kind: Int[Array, " d"]) -> Ways:
    """Those of grown nodes."""
    return Ways(nodes.split, nodes.surrogate, nodes.left, nodes.right, nodes.default, kind)


def side(split: Split, kind: Int[Array, " d"], x: Float[Array, "n d"]) -> Int[Array, " n"]:
    """Where each row goes by a split of its own: left, right or unknown."""
    column = jnp.maximum(split.feature, 0)
    value = x[jnp.arange(x.shape[0]), column]
    of = kind[column]
    known = ~jnp.isnan(value) & ((of == NUMBER) | (value >= 0)) & (split.feature >= 0)
    low = value <= split.threshold
    words = split.subset.shape[-1]
    if words:
        code = jnp.clip(jnp.where(known, value, 0), 0, 32 * words - 1).astype(jnp.int32)
        word, bit = code // 32, (code % 32).astype(jnp.uint32)

        def holds(bits: Array) -> Bool[Array, " n"]:
            return (bits[jnp.arange(x.shape[0]), word] >> bit & 1) == 1

        low = jnp.where(of == CATEGORY, holds(split.subset), low)
        known &= (of != CATEGORY) | (holds(split.known) & (value < 32 * words))
    return jnp.where(known, jnp.where(low == split.low_left, LEFT, RIGHT), UNKNOWN)


def step(ways: Ways, x: Float[Array, "n d"], node: Int[Array, " n"]) -> Int[Array, " n"]:
    """The next node of each row; the same one where it stays."""
    here = side(jax.tree.map(lambda a: a[node], ways.split), ways.kind, x)
    inner = ways.split.feature[node] >= 0

    def ask(here: Array) -> Array:
        def by(here: Array, s: Array) -> tuple[Array, None]:
            told = side(jax.tree.map(lambda a: a[node, s], ways.surrogate), ways.kind, x)
            return jnp.where(here == UNKNOWN, told, here), None

        return jax.lax.scan(by, here, jnp.arange(ways.surrogate.feature.shape[1]))[0]

    if ways.surrogate.feature.shape[1]:
        here = jax.lax.cond((inner & (here == UNKNOWN)).any(), ask, lambda here: here, here)
    here = jnp.where(here == UNKNOWN, ways.default[node], here)
    child = jnp.where(here == LEFT, ways.left[node], ways.right[node])
    return jnp.where(inner & (here != UNKNOWN), child, node)


def leaf(ways: Ways, x: Float[Array, "n d"]) -> Int[Array, " n"]:
    """The node that answers each row."""

    def down(found: tuple[Array, Array]) -> tuple[Array, Array]:
        after = step(ways, x, found[0])
        return after, (after != found[0]).any()

    start = jnp.zeros(x.shape[0], jnp.int32)
    return jax.lax.while_loop(lambda found: found[1], down, (start, jnp.asarray(True)))[0]
