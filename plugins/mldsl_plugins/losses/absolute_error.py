"""Absolute error: the distance from the target, so that medians are learned.

    L(f, y) = |f - y|

No row pulls harder than any other, however far away it is. The slope is the sign alone; boosting takes 1 for the second
derivative, which is 0, to find the splits, and then gives each leaf the weighted median of its residuals. The median is
type 7 of the sample in which a row of weight w is repeated w times.

Shapes:  scores [n, 1], targets [n].
Units:   the target's.
Errors:  a target with classes.
Sources: Friedman 2001, doi:10.1214/aos/1013203451.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.plugin import Component, NoSpec, Part, hookimpl
from mldsl_plugins.losses._loss import mean, of_mean, of_numbers, one
from mldsl_plugins.losses._quantiles import of_all, of_leaves


def value(spec: NoSpec, score: Float[Array, "n 1"], target: Float[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    return jnp.abs(score[:, 0] - target)


def slopes(
    spec: NoSpec, score: Float[Array, "n 1"], target: Float[Array, " n"]
) -> tuple[Float[Array, "n 1"], Float[Array, "n 1"]]:
    """The sign, and 1."""
    return jnp.sign(score - target[:, None]), jnp.ones_like(score)


def start(spec: NoSpec, target: Float[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, 1]:
    """The median."""
    return of_all(target, weight, jnp.asarray(0.5, target.dtype))


def renew(
    spec: NoSpec, residual: Float[Array, " n"], weight: Float[Array, " n"], leaf: Int[Array, " n"], leaves: int
) -> Float[Array, " leaves"]:
    """The median of each leaf."""
    return of_leaves(residual, weight, jnp.asarray(0.5, residual.dtype), leaf, leaves)


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "absolute_error", part_kind="loss",
            functions={"suits": of_numbers, "outputs": one, "value": value, "slopes": slopes, "start": start,
                       "answer": mean, "undo": of_mean, "renew": renew},
            snippet="model { gradient_boosting(loss = absolute_error) }",
            sources=("Friedman 2001, doi:10.1214/aos/1013203451",),
            also_known_as=("l1", "regression_l1", "mae", "mean_absolute_error", "reg:absoluteerror", "laplace"),
        )
    ]  # fmt: skip
