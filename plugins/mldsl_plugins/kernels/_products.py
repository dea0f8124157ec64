"""What kernels are made of: the moments of the columns, the width, and products of rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

GAMMA_DOC = (
    "How fast likeness falls: a number, `scale` (1 over the number of columns times the variance of all their values) "
    "or `auto` (1 over the number of columns)."
)


class Columns(NamedTuple):
    """Of the training rows: the mean of each column [d], the variance of all values together, how many columns."""

    mean: Float[Array, " d"]
    variance: Float[Array, ""]
    count: Float[Array, ""]


def width(gamma: Any, columns: Columns) -> Array:
    """gamma as a number."""
    if not isinstance(gamma, str):
        return jnp.asarray(gamma, columns.mean.dtype)
    count = jnp.maximum(columns.count, 1)
    return 1 / count if gamma == "auto" else 1 / (count * jnp.where(columns.variance > 0, columns.variance, 1))


def products(x: Float[Array, "m d"], z: Float[Array, "k d"]) -> Float[Array, "m k"]:
    """The products of all pairs of rows."""
    return jnp.matmul(x, z.T, precision="highest")


def squares(x: Float[Array, "m d"]) -> Float[Array, " m"]:
    """The product of each row with itself."""
    return (x * x).sum(axis=1)
