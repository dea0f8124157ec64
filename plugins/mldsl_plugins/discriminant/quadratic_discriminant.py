"""Quadratic discriminant analysis: each class is normal with a covariance of its own.

    log p(c | x) = -(x - m_c)' S_c^-1 (x - m_c) / 2 - log |S_c| / 2 + log p(c) + a number in common

with m_c and S_c the weighted mean and covariance of class c (over its weight: of greatest likelihood), and p(c) its
share or the given prior. So boundaries are quadratic. `regularization` r replaces S_c by (1 - r) S_c + r I, which every
class can bear; it is in the squared units of the columns, so `standardize` them.

Shapes:  n rows, d columns, k classes. O(n k d^2) time, O(k d^2) memory beside the inputs.
Units:   means are in the units of the columns, covariances in their products; log-likelihoods in nats.
Errors:  priors that are not one number per class adding up to 1; a class whose rows do not vary in all directions (it
         has too few, or columns that are combinations of others) with `regularization = 0`.
Sources: Friedman 1989, doi:10.1080/01621459.1989.10478752; Hastie, Tibshirani & Friedman 2009,
         doi:10.1007/978-0-387-84858-7, section 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, tiny
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.discriminant._classes import PRIORS_DOC, check_priors, classes, log_prior, spreads

LEAST = 1e-4  # of the largest deviation (in units of the columns' own): less is no variation


@attrs.frozen
class Spec:
    """Hyperparameters of quadratic discriminant analysis."""

    regularization: float = param(
        0.0, ge=0, le=1, traced=True, search="0..1", simpler="larger", also_known_as=("reg_param", "shrinkage"),
        doc="How far each class's covariance is drawn towards the identity.",
    )  # fmt: skip
    priors: tuple[float, ...] | None = param(None, ge=0, le=1, doc=PRIORS_DOC)


class Params(NamedTuple):
    """Class c is normal: |(x - mean_c) whitening_c|^2 is the squared distance of x from it."""

    log_prior: Float[Array, " k"]
    mean: Float[Array, "k d"]
    whitening: Float[Array, "k d d"]
    log_determinant: Float[Array, " k"]


class Info(NamedTuple):
    """`covariance` of each class before regularization; `rank`, in how many of the `columns` directions it varies."""

    class_mass: Float[Array, " k"]
    prior: Float[Array, " k"]
    mean: Float[Array, "k d"]
    covariance: Float[Array, "k d d"]
    rank: Array
    columns: Array


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Priors must be a distribution over the classes."""
    yield from check_priors(spec, shape)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn means and covariances."""
    found = classes(spec, shape, examples)
    there = jnp.ones(shape.d, bool) if examples.active is None else examples.active
    covariance = spreads(found).squares / jnp.maximum(found.mass, tiny(found.mass))[:, None, None]

    def of_class(covariance: Array) -> tuple[Array, Array, Array]:
        deviation = jnp.sqrt(jnp.diagonal(covariance))
        alike = covariance / jnp.where(deviation > 0, jnp.outer(deviation, deviation), 1)
        size = jnp.linalg.eigvalsh(jnp.where(jnp.outer(deviation, deviation) > 0, alike, 0))
        rank = (size > LEAST**2 * jnp.maximum(size.max(), 1e-300)).sum()
        drawn = (1 - spec.regularization) * covariance + spec.regularization * jnp.diag(there.astype(covariance.dtype))
        # A column that is not there varies by 1 and is unrelated to all: it adds 0 to distances and determinants.
        size, axes = jnp.linalg.eigh(drawn + jnp.diag(1 - there.astype(drawn.dtype)))
        size = jnp.maximum(size, jnp.maximum(LEAST**4 * size.max(), 1e-30))
        return axes / jnp.sqrt(size)[None], jnp.log(size).sum(), rank

    whitening, log_determinant, rank = jax.lax.map(of_class, covariance)
    mean = jnp.where(there[None], found.center[None] + found.mean, 0)
    whitening = jnp.where(there[None, :, None], whitening, 0)
    return Params(log_prior(found.prior), mean, whitening, log_determinant), Info(
        found.mass, found.prior, mean, covariance, rank, there.sum()
    )


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""

    def of_class(params: Params) -> Array:
        off = jnp.matmul(inputs - params.mean[None], params.whitening, precision="highest")
        return params.log_prior - 0.5 * ((off * off).sum(axis=1) + params.log_determinant)

    joint = jax.lax.map(of_class, params).T
    score = jax.nn.log_softmax(jnp.maximum(joint, jnp.finfo(joint.dtype).min / 2), axis=1)
    return Prediction(probability=jnp.exp(score), score=score)


def remarks(spec: Spec, info: Any, shape: Shape) -> Iterator[Problem | str]:
    """A class that does not vary in all directions has no density."""
    low = np.flatnonzero((np.asarray(info.rank) < int(info.columns)) & (np.asarray(info.class_mass) > 0))
    if spec.regularization == 0 and len(low):
        worst = low[np.argmin(np.asarray(info.rank)[low])]
        yield Problem(
            "regularization",
            f"expected a number above 0, found 0: in {len(low)} of {len(info.rank)} classes the {int(info.columns)} "
            f"columns vary in fewer directions than they are (in {int(info.rank[worst])}, in a class of "
            f"{info.class_mass[worst]:g} rows), which leaves it without a density",
        )


@hookimpl
def mldsl_components() -> list[Component]:
    """Quadratic discriminant analysis."""
    return [
        Model(
            "quadratic_discriminant", Spec, fit=fit, predict=predict, check=check, remarks=remarks,
            tasks=("classify",), precision="float64", shards=True,
            snippet="model { quadratic_discriminant(regularization = 0.1) }",
            sources=("Friedman 1989, doi:10.1080/01621459.1989.10478752",
                     "Hastie, Tibshirani & Friedman 2009, doi:10.1007/978-0-387-84858-7"),
            also_known_as=("QuadraticDiscriminantAnalysis", "qda"),
        )
    ]  # fmt: skip
