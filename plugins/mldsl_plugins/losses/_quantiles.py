"""Weighted quantiles of all rows, and of each leaf's: 0 where there are none."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import segment_quantile, weighted_quantile


def of_all(x: Float[Array, " n"], weight: Float[Array, " n"], q: Float[Array, ""]) -> Float[Array, 1]:
    """The quantile, as scores start."""
    found = weighted_quantile(x, weight, q[None])
    return jnp.where(jnp.isnan(found), 0, found)


def of_leaves(
    x: Float[Array, " n"], weight: Float[Array, " n"], q: Float[Array, ""], leaf: Int[Array, " n"], leaves: int
) -> Float[Array, " leaves"]:
    """The quantile of each leaf."""
    found = segment_quantile(x[:, None], weight, q[None], leaf, leaves)[:, 0, 0]
    return jnp.where(jnp.isnan(found), 0, found)
