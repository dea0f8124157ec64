"""What encoders by level share: sums by level, and looking levels up.

A column of codes is turned into places: its code, the last place L for a missing value, -1 for a level that training
has not seen. Tables have a line for each column and L + 1 places, with L the most levels of any column.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Shape, segment_reduce


def most(shape: Shape) -> int:
    """L, the most levels of any of the columns."""
    return max((c.levels for c in shape.columns), default=0)


def places(inputs: Float[Array, "n d"], levels: int) -> Int[Array, "n d"]:
    """Codes as places in a table."""
    return jnp.where(jnp.isnan(inputs), levels, jnp.where(inputs < levels, inputs, -1)).astype(jnp.int32)


def sums(
    values: Float[Array, " n *k"], place: Int[Array, " n"], weight: Float[Array, " n"], shape: Shape
) -> Float[Array, " levels *k"]:
    """Weighted sums of values by the places of one column."""
    return segment_reduce(values, place, most(shape) + 1, weight=weight)


def look_up(
    table: Float[Array, "d levels *k"], place: Int[Array, "n d"], unseen: Float[Array, " d *k"]
) -> Float[Array, "n d *k"]:
    """The table's values at the places of each row, `unseen` at -1."""
    found = table[jnp.arange(table.shape[0])[None, :], jnp.maximum(place, 0)]
    known = (place >= 0).reshape(place.shape + (1,) * (table.ndim - 2))
    return jnp.where(known, found, unseen[None])
