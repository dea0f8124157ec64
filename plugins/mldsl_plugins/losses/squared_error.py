"""Squared error: half the square of what is missing, so that means are learned.

    L(f, y) = (f - y)^2 / 2

With the half its second derivative is 1, and a leaf's step the mean of its residuals. Rows far away pull with all their
distance: `huber` and `absolute_error` do not let them.

Shapes:  scores [n, 1], targets [n].
Units:   the square of the target's unit.
Errors:  a target with classes.
Sources: Legendre 1805; Friedman 2001, doi:10.1214/aos/1013203451.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import weighted_mean
from mldsl.plugin import Component, NoSpec, Part, hookimpl
from mldsl_plugins.losses._loss import mean, of_mean, of_numbers, one


def value(spec: NoSpec, score: Float[Array, "n 1"], target: Float[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    return (score[:, 0] - target) ** 2 / 2


def slopes(
    spec: NoSpec, score: Float[Array, "n 1"], target: Float[Array, " n"]
) -> tuple[Float[Array, "n 1"], Float[Array, "n 1"]]:
    """Its derivatives."""
    return score - target[:, None], jnp.ones_like(score)


def start(spec: NoSpec, target: Float[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, 1]:
    """The mean."""
    return weighted_mean(target, weight)[None]


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "squared_error", part_kind="loss",
            functions={"suits": of_numbers, "outputs": one, "value": value, "slopes": slopes, "start": start,
                       "answer": mean, "undo": of_mean},
            snippet="model { gradient_boosting(loss = squared_error) }",
            sources=("Friedman 2001, doi:10.1214/aos/1013203451",),
            also_known_as=("regression", "l2", "mse", "mean_squared_error", "reg:squarederror", "RMSE"),
        )
    ]  # fmt: skip
