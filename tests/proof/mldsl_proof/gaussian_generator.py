"""Gaussian generator: new rows drawn from the normal distribution with the mean and covariance of the old ones.

x = mean + L z with z standard normal and L L' = covariance + `ridge` times each feature's own variance.

Shapes:  n rows, d features. O(n d^2 + d^3) time to fit, O(m d^2) for m samples.
Units:   samples are in the units of the features.
Errors:  none; constant features are drawn with the tiny spread that `ridge` gives, as if their variance were 1.
Sources: Anderson 2003, An Introduction to Multivariate Statistical Analysis, chapter 2.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, tiny, weighted_gram, weighted_moments
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of the Gaussian generator."""

    ridge: float = param(1e-6, gt=0, traced=True, doc="Added to each variance, as a share of it.")


class Params(NamedTuple):
    """What sample needs."""

    mean: Float[Array, " d"]
    factor: Float[Array, "d d"]


class Info(NamedTuple):
    """What reports show."""

    variance: Float[Array, " d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Estimate mean and covariance; the covariance is factored once."""
    x, weight = examples.inputs, examples.weight
    if examples.active is not None:
        x = jnp.where(examples.active[None, :], x, 0)
    mean, variance, mass = weighted_moments(x, weight)
    centred = jnp.where(weight[:, None] > 0, x - mean[None, :], 0)
    covariance = weighted_gram(centred, weight) / jnp.maximum(mass, tiny(mass))
    jitter = spec.ridge * jnp.where(variance > 0, variance, 1)
    factor = jnp.linalg.cholesky(covariance + jnp.diag(jitter))
    return Params(mean, factor), Info(variance)


def sample(spec: Spec, params: Params, key: Key[Array, ""], n: int) -> Float[Array, "n d"]:
    """Draw n new rows."""
    z = jax.random.normal(key, (n, params.mean.shape[0]), params.mean.dtype)
    return params.mean[None, :] + jnp.matmul(z, params.factor.T, precision="highest")


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "gaussian_generator",
            Spec,
            fit=fit,
            sample=sample,
            tasks={"generate"},
            sources=["Anderson 2003, An Introduction to Multivariate Statistical Analysis, chapter 2"],
        )
    ]
