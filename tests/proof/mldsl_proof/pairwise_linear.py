"""Pairwise linear ranking: within a query, differences of scores should match differences of relevance.

Minimises sum over queries q and pairs (i, j) of q of w_i w_j ((y_i - y_j) - (x_i - x_j) b)^2 + l2 |b|^2. Summing over
pairs equals twice the query's mass times the sum of squares about the query's means, so no pair is ever formed.

Shapes:  n rows, d features, q queries. O(n d^2 + d^3) time.
Units:   b is in units of relevance per unit of the feature.
Errors:  none; queries with one row tell nothing and change nothing.
Sources: Herbrich, Graepel & Obermayer 2000, Advances in Large Margin Classifiers (pairs); here with squared loss.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
import jax.scipy.linalg
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, segment_reduce, tiny, weighted_gram
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of pairwise linear ranking."""

    l2: float = param(1.0, gt=0, traced=True, doc="Penalty on the squared norm of the coefficients.")


class Params(NamedTuple):
    """What predict needs."""

    coefficients: Float[Array, " d"]


class Info(NamedTuple):
    """What reports show."""

    loss: Float[Array, ""]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Solve the normal equations of all pairs."""
    weight, query = examples.weight, examples.query
    columns = jnp.concatenate([examples.inputs, examples.target[:, None].astype(weight.dtype)], axis=1)
    columns = jnp.where(weight[:, None] > 0, columns, 0)  # [n, d + 1]
    mass = segment_reduce(weight, query, shape.queries)  # [q]
    mean = segment_reduce(columns, query, shape.queries, weight=weight) / jnp.maximum(mass, tiny(mass))[:, None]
    centred = columns - mean[query]
    gram = weighted_gram(centred, 2 * weight * mass[query])  # [d + 1, d + 1]
    if examples.active is not None:
        active = jnp.append(examples.active, True)
        gram = jnp.where(active[:, None] & active[None, :], gram, 0)
    left = gram[:-1, :-1] + spec.l2 * jnp.eye(gram.shape[0] - 1, dtype=gram.dtype)
    solved = jax.scipy.linalg.solve(left, gram[:-1, -1], assume_a="pos")
    return Params(solved), Info(gram[-1, -1] - gram[-1, :-1] @ solved)


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Scores; only their order within a query means anything."""
    return Prediction(score=jnp.matmul(inputs, params.coefficients, precision="highest"))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "pairwise_linear",
            Spec,
            fit=fit,
            predict=predict,
            tasks={"rank"},
            roles=("query",),
            sources=["Herbrich, Graepel & Obermayer 2000, Advances in Large Margin Classifiers"],
        )
    ]
