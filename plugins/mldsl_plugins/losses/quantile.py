"""Quantile loss: rows below the answer and above it pull unequally, so that a share q of the targets lies below.

    L(f, y) = q (y - f) for y >= f, (1 - q) (f - y) below

q = 0.5 is half of `absolute_error`. Boosting takes 1 for the second derivative, which is 0, to find the splits, and
then gives each leaf the weighted q-quantile of its residuals: type 7 of the sample in which a row of weight w is
repeated w times.

Shapes:  scores [n, 1], targets [n].
Units:   the target's.
Errors:  a target with classes; q that is not between 0 and 1.
Sources: Koenker & Bassett 1978, doi:10.2307/1913643; Friedman 2001, doi:10.1214/aos/1013203451.
"""

from __future__ import annotations

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.plugin import Component, Part, hookimpl, param
from mldsl_plugins.losses._loss import mean, of_mean, of_numbers, one
from mldsl_plugins.losses._quantiles import of_all, of_leaves


@attrs.frozen
class Spec:
    """Which quantile."""

    q: float = param(
        0.5, gt=0, lt=1, traced=True, doc="The share of targets below the answer.",
        also_known_as=("alpha", "quantile", "quantile_alpha", "tau"),
    )  # fmt: skip


def value(spec: Spec, score: Float[Array, "n 1"], target: Float[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    above = target - score[:, 0]
    return jnp.maximum(spec.q * above, (spec.q - 1) * above)


def slopes(
    spec: Spec, score: Float[Array, "n 1"], target: Float[Array, " n"]
) -> tuple[Float[Array, "n 1"], Float[Array, "n 1"]]:
    """1 - q where the answer is too great or right, -q where it is too small; and 1."""
    q = jnp.asarray(spec.q, score.dtype)
    return jnp.where(score >= target[:, None], 1 - q, -q), jnp.ones_like(score)


def start(spec: Spec, target: Float[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, 1]:
    """The quantile."""
    return of_all(target, weight, jnp.asarray(spec.q, target.dtype))


def renew(
    spec: Spec, residual: Float[Array, " n"], weight: Float[Array, " n"], leaf: Int[Array, " n"], leaves: int
) -> Float[Array, " leaves"]:
    """The quantile of each leaf."""
    return of_leaves(residual, weight, jnp.asarray(spec.q, residual.dtype), leaf, leaves)


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "quantile", Spec, part_kind="loss",
            functions={"suits": of_numbers, "outputs": one, "value": value, "slopes": slopes, "start": start,
                       "answer": mean, "undo": of_mean, "renew": renew},
            snippet="model { gradient_boosting(loss = quantile(q = 0.9)) }",
            sources=("Koenker & Bassett 1978, doi:10.2307/1913643", "Friedman 2001, doi:10.1214/aos/1013203451"),
            also_known_as=("pinball", "quantile_loss", "reg:quantileerror"),
        )
    ]  # fmt: skip
