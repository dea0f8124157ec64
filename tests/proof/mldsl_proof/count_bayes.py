"""Naive Bayes for counts in a sparse matrix: every class has its own shares of the columns.

p(class c | x) is proportional to p(c) product_j theta_cj^x_j with theta_cj = (count_cj + smoothing) / sum over j.

Shapes:  n rows, d columns, k classes, e entries that are not 0. O(e k) time.
Units:   counts.
Errors:  none; a class without rows gets probability 0.
Sources: McCallum & Nigam 1998, AAAI workshop on learning for text categorization.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Inputs, Prediction, Shape, matmul, segment_reduce, tiny
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of naive Bayes for counts."""

    smoothing: float = param(1.0, gt=0, traced=True, doc="Added to every count.", search="log(0.01..10)")


class Params(NamedTuple):
    """What predict needs."""

    log_prior: Float[Array, " k"]
    log_share: Float[Array, "d k"]


class Info(NamedTuple):
    """What reports show."""

    counts: Float[Array, "d k"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count the columns by class."""
    weight = examples.weight
    mass = segment_reduce(weight, examples.target, shape.classes)
    counts = segment_reduce(examples.inputs, examples.target, shape.classes, weight=weight).T  # [d, k]
    smooth = counts + spec.smoothing
    if examples.active is not None:
        smooth = jnp.where(examples.active[:, None], smooth, 0)
    total = jnp.maximum(smooth.sum(axis=0), tiny(smooth))
    # log 1 = 0: a column that does not exist in this fold adds nothing.
    log_share = jnp.where(smooth > 0, jnp.log(jnp.where(smooth > 0, smooth, 1)) - jnp.log(total)[None, :], 0)
    log_prior = jnp.log(mass / jnp.maximum(mass.sum(), tiny(mass)))
    return Params(log_prior, log_share), Info(counts)


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """Posterior probabilities; the number of rows is that of the matrix."""
    joint = matmul(inputs, params.log_share) + params.log_prior[None, :]
    return Prediction(probability=jax.nn.softmax(joint, axis=1), score=joint)


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "count_bayes",
            Spec,
            fit=fit,
            predict=predict,
            tasks={"classify"},
            sparse=True,
            sources=["McCallum & Nigam 1998, AAAI workshop on learning for text categorization"],
        )
    ]
