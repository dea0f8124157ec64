"""Nearest weighted centroid: a class is its mean, and a row belongs to the nearest one.

p(class c | x) is proportional to exp(-|x - mean_c|^2 / (2 spread)), the posterior of equally likely spherical normal
classes with variance `spread` times the mean within-class variance.

Shapes:  n rows, d features, k classes. O(n d k) time.
Units:   all features share one unit u; centroids are in u, the variance in u squared.
Errors:  none; a class without rows of positive weight gets probability 0. Without any variance it is taken to be 1.
Sources: Tibshirani, Hastie, Narasimhan & Chu 2002, doi:10.1073/pnas.082099299 (without their shrinkage).
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Prediction, Shape, segment_reduce, squared_distances, tiny, weighted_mean
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of the nearest centroid."""

    spread: float = param(1.0, gt=0, traced=True, doc="Variance of a class over the mean within-class variance.")


class Params(NamedTuple):
    """What predict needs."""

    centroids: Float[Array, "k d"]
    variance: Float[Array, ""]
    present: Bool[Array, " k"]


class Info(NamedTuple):
    """What reports show."""

    mass: Float[Array, " k"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Take the mean of each class."""
    x, target, weight = examples.inputs, examples.target, examples.weight
    if examples.active is not None:
        x = jnp.where(examples.active[None, :], x, 0)
    mass = segment_reduce(weight, target, shape.classes)
    total = segment_reduce(x, target, shape.classes, weight=weight)
    centroids = total / jnp.maximum(mass, tiny(mass))[:, None]
    within = jnp.where(weight[:, None] > 0, (x - centroids[target]) ** 2, 0)
    variance = weighted_mean(within.mean(axis=1), weight)
    return Params(centroids, jnp.where(variance > 0, variance, 1), mass > 0), Info(mass)


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Posterior probabilities, and the negative squared distances as scores."""
    score = -squared_distances(inputs, params.centroids)  # [n, k]
    logits = jnp.where(params.present[None, :], score / (2 * spec.spread * params.variance), -jnp.inf)
    return Prediction(probability=jax.nn.softmax(logits, axis=1), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "nearest_centroid",
            Spec,
            fit=fit,
            predict=predict,
            tasks={"classify"},
            scale_sensitive=True,
            sources=["Tibshirani, Hastie, Narasimhan & Chu 2002, doi:10.1073/pnas.082099299"],
        )
    ]
