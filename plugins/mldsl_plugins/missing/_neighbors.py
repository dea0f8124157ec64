"""Filling from the nearest rows: distances over what both rows have, and the mean of the nearest that have a value."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

BLOCK = 64  # rows whose distances to all donors are held at once


def filled(
    x: Float[Array, "n d"], donors: Float[Array, "m d"], weight: Float[Array, " m"], fill: Float[Array, " d"], k: int
) -> Float[Array, "n d"]:
    """Gaps of x filled with the mean of the column in the k nearest donors that have it, `fill` where none has.

    The squared distance of two rows is the mean squared difference over the columns that both have. A donor of weight
    w stands for w rows. Rows without a gap cost nothing: those with one come first, and blocks without any are passed.
    """
    gap = jnp.isnan(x)
    order = jnp.argsort(~gap.any(axis=1), stable=True)
    blocks = -(-x.shape[0] // BLOCK)
    rows = jnp.pad(x[order], ((0, blocks * BLOCK - x.shape[0]), (0, 0))).reshape(blocks, BLOCK, x.shape[1])
    has = ~jnp.isnan(donors)
    known = jnp.where(has, donors, 0)

    def of(block: Float[Array, "b d"]) -> Float[Array, "b d"]:
        return jax.lax.cond(
            jnp.isnan(block).any(), lambda b: _of_block(b, known, has, weight, fill, k), lambda b: b, block
        )

    made = jax.lax.map(of, rows).reshape(-1, x.shape[1])[: x.shape[0]]
    return jnp.zeros_like(x).at[order].set(made)


def _of_block(
    x: Float[Array, "b d"], donors: Float[Array, "m d"], has: Bool[Array, "m d"], weight: Float[Array, " m"],
    fill: Float[Array, " d"], k: int,
) -> Float[Array, "b d"]:  # fmt: skip
    gap = jnp.isnan(x)
    mine = jnp.where(gap, 0, x)

    def column(j: Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        total, shared = so_far
        both = (~gap[:, j])[:, None] & has[:, j][None]
        off = mine[:, j][:, None] - donors[:, j][None]
        return total + jnp.where(both, off * off, 0), shared + both.astype(x.dtype)

    zero = jnp.zeros((x.shape[0], donors.shape[0]), x.dtype)
    total, shared = jax.lax.fori_loop(0, x.shape[1], column, (zero, zero))
    near = (shared > 0) & (weight > 0)[None]
    distance = jnp.where(near, total / jnp.maximum(shared, 1), jnp.inf)
    order = jnp.argsort(distance, axis=1)
    heavy = jnp.where(jnp.take_along_axis(near, order, axis=1), weight[order], 0)

    def value(j: Array) -> Array:
        mass = jnp.where(has[:, j][order], heavy, 0)
        before = jnp.cumsum(mass, axis=1) - mass
        taken = jnp.clip(k - before, 0, mass)
        count = taken.sum(axis=1)
        mean = (taken * donors[:, j][order]).sum(axis=1) / jnp.where(count > 0, count, 1)
        return jnp.where(count > 0, mean, fill[j])

    found = jax.lax.map(value, jnp.arange(x.shape[1])).T
    return jnp.where(gap, found, x)
