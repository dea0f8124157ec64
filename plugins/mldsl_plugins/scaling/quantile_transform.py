"""Replace values by their place in the distribution of the training rows: x' = F(x).

F is the empirical distribution, by `quantiles` evenly spaced quantiles (type 7, of the sample in which a row of weight
w is repeated w times) and straight lines between them; there are no more quantiles than the sum of weights. A value
that several quantiles share becomes the middle of their places. Values beyond those of the training rows become 0 or 1.
With `normal` the places become those of a standard normal distribution, -5.2..5.2.

This keeps the order of values and nothing else of them. Missing values stay missing and do not count.

Shapes:  n rows, d columns, q quantiles; O(n d) time to learn for long columns, O(n log q d) to apply.
Units:   the result has none: 0..1, or standard deviations.
Errors:  none. A column without any value in the training rows becomes 0.
Sources: Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566; van der Waerden 1952.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, weighted_quantile
from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl_plugins.scaling import _columns as columns

BOUND = 1e-7  # of places of a normal distribution, as scikit-learn has it
FARTHEST = 5.199337582  # the normal quantile of 1 - BOUND


@attrs.frozen
class Spec:
    """Hyperparameters of transforms to a distribution."""

    distribution: Literal["uniform", "normal"] = param(
        "uniform", doc="What the training rows become.", also_known_as=("output_distribution",)
    )
    quantiles: int = param(
        1000, ge=2, le=10_000, doc="How many quantiles stand for the distribution.", also_known_as=("n_quantiles",)
    )


class Params(NamedTuple):
    """The quantiles of each column, their places, and for a value that is a quantile the middle of its places."""

    quantile: Float[Array, "d q"]
    place: Float[Array, " q"]
    middle: Float[Array, "d q"]


class Info(NamedTuple):
    """Least value, median and greatest value of the training rows."""

    least: Float[Array, " d"]
    median: Float[Array, " d"]
    greatest: Float[Array, " d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the quantiles."""
    x, weight = examples.inputs, examples.weight
    most = jnp.clip(jnp.floor(weight.sum()), 1, spec.quantiles)
    index = jnp.arange(spec.quantiles, dtype=x.dtype)
    place = jnp.minimum(index / jnp.maximum(most - 1, 1), 1)
    found = weighted_quantile(x, weight, jnp.append(place, 0.5).astype(x.dtype)).T
    quantile, median = jnp.where(jnp.isnan(found[:, :-1]), 0, found[:, :-1]), found[:, -1]
    quantile = jax.lax.cummax(quantile, axis=1)  # interpolation rounds

    def middles(q: Array) -> Array:
        first, last = jnp.searchsorted(q, q, side="left"), jnp.searchsorted(q, q, side="right") - 1
        among = (place[first] + place[last]) / 2
        return jnp.where(q == q[0], 0, jnp.where(q == q[-1], 1, among))

    params = Params(quantile, place, jax.vmap(middles)(quantile).astype(x.dtype))
    return params, Info(found[:, 0], median, found[:, spec.quantiles - 1])


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Look the places up."""

    def of(given: tuple[Array, Array, Array]) -> Array:
        x, q, middle = given
        below = jnp.clip(jnp.searchsorted(q, x, side="right", method="scan_unrolled") - 1, 0, q.shape[0] - 1)
        above = jnp.minimum(below + 1, q.shape[0] - 1)
        low, high, start = q[below], q[above], params.place[below]
        width = jnp.where(high > low, high - low, 1)
        between = start + (params.place[above] - start) * jnp.clip((x - low) / width, 0, 1)
        made = jnp.where(x == low, middle[below], between)
        if spec.distribution == "normal":
            near = jnp.where(x - BOUND < q[0], 0, jnp.where(x + BOUND > q[-1], 1, made))
            upper = near > 0.5
            tail = jax.scipy.special.ndtri(jnp.maximum(jnp.where(upper, 1 - near, near), BOUND / 2))
            made = jnp.clip(jnp.where(upper, -tail, tail), -FARTHEST, FARTHEST)
        return jnp.where(jnp.isnan(x), x, made)

    return jax.lax.map(of, (inputs.T, params.quantile, params.middle)).T


@hookimpl
def mldsl_components() -> list[Component]:
    """Transforms to a distribution."""
    return [
        Transform(
            "quantile_transform", Spec, fit=fit, apply=apply, names=columns.names, missing="accepts",
            inputs=("continuous", "integer", "ordinal"), outputs=(Output("{column}", "continuous", "same"),),
            snippet="quantile_transform(normal) on numeric",
            sources=("Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566",),
            also_known_as=("QuantileTransformer", "rank_transform", "rank_gauss", "gaussianize"),
        )
    ]  # fmt: skip
