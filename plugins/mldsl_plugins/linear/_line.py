"""A linear function of the inputs: what linear models of one number learn, and how they answer.

Shapes:  n rows, d columns, k = 1 output. O(n d) time.
Units:   a coefficient is in the unit of the target over that of its column.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import Prediction


class Params(NamedTuple):
    """The linear function; k = 1."""

    intercept: Float[Array, " k"]
    coefficients: Float[Array, "k d"]


def predict(spec: Any, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """intercept + inputs . coefficients, at offset 0."""
    return Prediction(mean=params.intercept[0] + jnp.dot(inputs, params.coefficients[0], precision="highest"))
