"""Farthest-first clustering: centres that are actual rows, each the farthest from those before it.

The first centre is the row nearest to the mean. Gonzalez proves that the largest distance to a centre is at most twice
the smallest possible. A row counts if its weight is positive; how often it counts changes only the mean.

Shapes:  n rows, d features, k clusters. O(n d k) time.
Units:   all features share one unit u; centres and the radius are in u.
Errors:  more clusters than rows.
Sources: Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, squared_distances, weighted_mean
from mldsl.plugin import Component, Model, Problem, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of farthest-first clustering."""

    clusters: int = param(ge=1, doc="Number of centres, k.", search="2..12")


class Params(NamedTuple):
    """What predict needs."""

    centroids: Float[Array, "k d"]


class Info(NamedTuple):
    """What reports show."""

    radius: Float[Array, ""]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Sizes that cannot fit."""
    if spec.clusters > shape.rows:
        yield Problem("clusters", f"expected at most {shape.rows} (the rows), found {spec.clusters}")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Choose the centres one after the other."""
    weight = examples.weight
    x = jnp.where(weight[:, None] > 0, examples.inputs, 0)
    if examples.active is not None:
        x = jnp.where(examples.active[None, :], x, 0)
    there = weight > 0
    to_mean = squared_distances(x, weighted_mean(x, weight)[None, :])[:, 0]
    first = x[jnp.argmin(jnp.where(there, to_mean, jnp.inf))]
    centres = jnp.zeros((spec.clusters, x.shape[1]), x.dtype).at[0].set(first)

    def add(k: Array, loop: tuple[Array, Array]) -> tuple[Array, Array]:
        centres, nearest = loop
        centre = x[jnp.argmax(jnp.where(there, nearest, -1))]
        return centres.at[k].set(centre), jnp.minimum(nearest, ((x - centre[None, :]) ** 2).sum(axis=1))

    nearest = ((x - first[None, :]) ** 2).sum(axis=1)
    centres, nearest = jax.lax.fori_loop(1, spec.clusters, add, (centres, nearest))
    return Params(centres), Info(jnp.sqrt(jnp.max(jnp.where(there, nearest, 0))))


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The nearest centre, and the distances to all."""
    distance = jnp.sqrt(squared_distances(inputs, params.centroids))
    return Prediction(label=distance.argmin(axis=1), distance=distance)


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "farthest_first",
            Spec,
            fit=fit,
            predict=predict,
            check=check,
            tasks={"cluster"},
            scale_sensitive=True,
            example=Spec(clusters=3),
            sources=["Gonzalez 1985, doi:10.1016/0304-3975(85)90224-5"],
        )
    ]
