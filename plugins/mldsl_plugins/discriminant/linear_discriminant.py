"""Linear discriminant analysis: classes are normal with one covariance in common.

    log p(c | x) = m_c' S^-1 x - m_c' S^-1 m_c / 2 + log p(c) + a number in common

with m_c the weighted mean of class c, p(c) its share or the given prior, and S the pooled covariance within classes:
the weighted sum of squares and products about the class means, over the sum of weights (of greatest likelihood). So
boundaries are planes. The discriminants are the directions in which class means differ most, measured within classes;
there are at most k - 1, and `explained_variance` says how much of the difference each holds.

Where columns are combinations of each other within classes, S has no inverse: only directions in which classes vary
(by more than 1e-4 of the columns' own deviations) count, and a warning says so. `shrinkage` draws each class's
covariance towards a multiple of the identity instead, with weights that are the shares (as solver `lsqr` of
scikit-learn does): by this share, or `auto` by that of least expected error (Ledoit and Wolf).

Shapes:  n rows, d columns, k classes. O(n d (d + k)) time, with `shrinkage` O(n k d^2); O(k d + d^2) memory.
Units:   coefficients are in nats per unit of their column; scalings in 1 over it.
Errors:  priors that are not one number per class adding up to 1. A class without rows gets probability 0.
Sources: Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x; Rao 1948, JRSS B 10; Ledoit & Wolf 2004,
         doi:10.1016/S0047-259X(03)00096-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, tiny
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.discriminant._classes import (
    PRIORS_DOC,
    Classes,
    check_priors,
    classes,
    log_prior,
    spreads,
    within,
)  # fmt: skip

LEAST = 1e-4  # of the columns' deviations: in directions that vary less, classes are not told apart


@attrs.frozen
class Spec:
    """Hyperparameters of linear discriminant analysis."""

    shrinkage: float | Literal["none", "auto"] = param(
        "none", ge=0, le=1, traced=True, search="0..1", simpler="", also_known_as=("lambda", "regularization"),
        doc="How far covariances are drawn towards equal, unrelated variances: none, auto, or a share.",
    )  # fmt: skip
    priors: tuple[float, ...] | None = param(None, ge=0, le=1, doc=PRIORS_DOC)


class Params(NamedTuple):
    """The log-odds of the classes, up to a number in common."""

    intercept: Float[Array, " k"]
    coefficients: Float[Array, "k d"]


class Info(NamedTuple):
    """`mean` of each class; `scalings`, the discriminants as directions; `explained_variance`, the share of the
    difference between class means that each holds, largest first; `shrinkage` of each class; `rank`, the number of
    directions in which classes vary, of `columns`.
    """

    mean: Float[Array, "k d"]
    prior: Float[Array, " k"]
    scalings: Float[Array, "d c"]
    explained_variance: Float[Array, " c"]
    shrinkage: Float[Array, " k"]
    rank: Array
    columns: Array


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Priors must be a distribution over the classes."""
    yield from check_priors(spec, shape)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn means, the covariance in common and the discriminants."""
    found = classes(spec, shape, examples)
    there = jnp.ones(shape.d, bool) if examples.active is None else examples.active
    if spec.shrinkage == "none":
        covariance = within(found) / jnp.maximum(found.mass.sum(), tiny(found.mass))
        shrunk = jnp.zeros_like(found.mass)
    else:
        covariance, shrunk = _shrunken(spec, found, there)
    deviation = jnp.sqrt(jnp.diagonal(covariance))
    deviation = jnp.where(deviation > 0, deviation, 1)
    size, axes = jnp.linalg.eigh(covariance / jnp.outer(deviation, deviation))
    kept = size > LEAST**2
    whitening = axes / deviation[:, None] * jnp.where(kept, 1 / jnp.sqrt(jnp.where(kept, size, 1)), 0)[None]
    # The center that the class means are seen from, by the priors: the same as their own where priors are shares.
    level = found.mean - jnp.matmul(found.prior, found.mean, precision="highest")[None]
    apart = max(len(found.mass) - 1, 1)
    between = jnp.sqrt(found.mass.sum() * found.prior / apart)[:, None] * level @ whitening
    _, spread, directions = jnp.linalg.svd(between, full_matrices=False)
    some = spread > LEAST * spread[0]
    scalings = whitening @ directions.T * some[None]
    projected = level @ scalings
    coefficients = projected @ scalings.T
    center = found.center + jnp.matmul(found.prior, found.mean, precision="highest")
    intercept = log_prior(found.prior) - 0.5 * (projected**2).sum(axis=1) - coefficients @ center
    count = min(apart, shape.d)
    power = spread**2
    return Params(intercept, jnp.where(there[None], coefficients, 0)), Info(
        mean=jnp.where(there[None], found.center[None] + found.mean, 0),
        prior=found.prior,
        scalings=scalings[:, :count],
        explained_variance=(power / jnp.maximum(power.sum(), tiny(power)))[:count],
        shrinkage=shrunk,
        rank=kept.sum(),
        columns=there.sum(),
    )


def _shrunken(spec: Spec, found: Classes, there: Array) -> tuple[Array, Array]:
    """The covariances of the classes, each drawn towards a multiple of the identity, in the mean; and how far."""
    mass = jnp.maximum(found.mass, tiny(found.mass))
    d = jnp.maximum(there.sum(), 1).astype(mass.dtype)
    covariance = spreads(found).squares / mass[:, None, None]
    deviation = jnp.sqrt(jax.vmap(jnp.diagonal)(covariance))
    deviation = jnp.where(deviation > 0, deviation, 1)
    if isinstance(spec.shrinkage, str):
        scaled = covariance / (deviation[:, :, None] * deviation[:, None, :])
        fourth = spreads(found, deviation).fourth
        trace = jnp.trace(scaled, axis1=1, axis2=2)
        level, square = trace / d, (scaled**2).sum(axis=(1, 2))
        noise = (fourth / mass - square) / (d * mass)
        distance = (square - 2 * level * trace + d * level**2) / d
        share = jnp.where(distance > 0, jnp.minimum(noise, distance) / jnp.where(distance > 0, distance, 1), 0)
        share = jnp.clip(share, 0, 1)
    else:  # in the columns' own units
        scaled, deviation = covariance, jnp.ones_like(deviation)
        level, share = jnp.trace(scaled, axis1=1, axis2=2) / d, jnp.full_like(found.mass, spec.shrinkage)
    identity = jnp.diag(there.astype(mass.dtype))[None]
    drawn = (1 - share)[:, None, None] * scaled + (share * level)[:, None, None] * identity
    drawn = drawn * deviation[:, :, None] * deviation[:, None, :]
    return jnp.tensordot(found.prior, drawn, axes=1, precision="highest"), share


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""
    joint = params.intercept[None] + jnp.matmul(inputs, params.coefficients.T, precision="highest")
    score = jax.nn.log_softmax(joint, axis=1)
    return Prediction(probability=jnp.exp(score), score=score)


def remarks(spec: Spec, info: Any, shape: Shape) -> Iterator[Problem | str]:
    """Columns that are combinations of others within classes."""
    if int(info.rank) < int(info.columns):
        yield (
            f"within classes the {int(info.columns)} columns vary in {int(info.rank)} directions only, so the others "
            "tell nothing; drop columns that repeat others, or set `shrinkage = auto`"
        )


@hookimpl
def mldsl_components() -> list[Component]:
    """Linear discriminant analysis."""
    return [
        Model(
            "linear_discriminant", Spec, fit=fit, predict=predict, check=check, remarks=remarks, tasks=("classify",),
            precision="float64", shards=True, snippet="model { linear_discriminant }",
            sources=("Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x", "Rao 1948, JRSS B 10",
                     "Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4"),
            also_known_as=("LinearDiscriminantAnalysis", "lda", "discriminant_analysis"),
        )
    ]  # fmt: skip
