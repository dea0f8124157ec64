"""Least squares by centred normal equations, with the rows spread over all devices.

Minimises sum w (y - a - x b)^2 + l2 |b|^2. Every sum over rows is one of the contract's reductions, which add up over
the devices; nothing else knows that there is more than one.

Shapes:  n rows, d features. O(n d^2 + d^3) time.
Units:   b is in units of the target per unit of the feature.
Errors:  none.
Sources: Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
import jax.scipy.linalg
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, weighted_gram, weighted_mean
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of sharded least squares."""

    l2: float = param(1e-3, gt=0, traced=True, doc="Penalty on the squared norm of the coefficients.")


class Params(NamedTuple):
    """What predict needs."""

    intercept: Float[Array, ""]
    coefficients: Float[Array, " d"]


class Info(NamedTuple):
    """What reports show: the error, and how many rows (padding included) each device had."""

    mean_squared_error: Float[Array, ""]
    rows_per_device: Int[Array, ""]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Centre, add up, solve."""
    weight = examples.weight
    x = jnp.where(weight[:, None] > 0, examples.inputs, 0)
    y = jnp.where(weight > 0, examples.target, 0)
    if examples.active is not None:
        x = jnp.where(examples.active[None, :], x, 0)
    x_mean, y_mean = weighted_mean(x, weight), weighted_mean(y, weight)
    x, y = x - x_mean[None, :], y - y_mean
    left = weighted_gram(x, weight) + spec.l2 * jnp.eye(x.shape[1], dtype=x.dtype)
    right = weighted_gram(x, weight, y[:, None])[:, 0]
    coefficients = jax.scipy.linalg.solve(left, right, assume_a="pos")
    error = y - jnp.matmul(x, coefficients, precision="highest")
    info = Info(weighted_mean(error**2, weight), jnp.asarray(len(weight)))
    return Params(y_mean - x_mean @ coefficients, coefficients), info


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The expected target."""
    return Prediction(mean=params.intercept + jnp.matmul(inputs, params.coefficients, precision="highest"))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "sharded_least_squares",
            Spec,
            fit=fit,
            predict=predict,
            tasks={"regress"},
            shards=True,
            sources=["Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634"],
        )
    ]
