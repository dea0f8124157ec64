"""Huber's loss: squared error near the target, absolute error far from it.

    L(f, y) = r^2 / 2 for |r| <= delta, delta (|r| - delta / 2) beyond, with r = f - y

A row pulls with its distance, but never with more than delta: as robust as `absolute_error` against targets that are
wild, and as precise as `squared_error` for the others. Boosting takes 1 for the second derivative everywhere, so that
a leaf's step is the mean of its residuals, each cut off at delta (as in LightGBM; near the solution that is exact).
With a delta far below the errors that are usual no leaf can step farther than it, and boosting needs as many more
rounds: choose it about as large as errors that still are no accident.

Shapes:  scores [n, 1], targets [n].
Units:   the square of the target's unit; delta is in the target's unit.
Errors:  a target with classes.
Sources: Huber 1964, doi:10.1214/aoms/1177703732; Friedman 2001, doi:10.1214/aos/1013203451.
"""

from __future__ import annotations

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import weighted_sum
from mldsl.plugin import Component, Part, hookimpl, param
from mldsl_plugins.losses._loss import mean, of_mean, of_numbers, one
from mldsl_plugins.losses._quantiles import of_all

HALVINGS = 40  # of an interval of 2 delta


@attrs.frozen
class Spec:
    """Where far begins."""

    delta: float = param(
        1.0, gt=0, traced=True, search="log(1e-2..1e2)", unit="units of the target",
        doc="The distance from the target beyond which the loss grows straight.",
        also_known_as=("alpha", "huber_slope", "epsilon"),
    )  # fmt: skip


def value(spec: Spec, score: Float[Array, "n 1"], target: Float[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    distance = jnp.abs(score[:, 0] - target)
    near = jnp.minimum(distance, spec.delta)
    return near * (distance - near / 2)


def slopes(
    spec: Spec, score: Float[Array, "n 1"], target: Float[Array, " n"]
) -> tuple[Float[Array, "n 1"], Float[Array, "n 1"]]:
    """The distance, cut off at delta; and 1."""
    return jnp.clip(score - target[:, None], -spec.delta, spec.delta), jnp.ones_like(score)


def start(spec: Spec, target: Float[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, 1]:
    """Where the slopes cancel, which is at most delta from the median; found by halving, so many times 3 n."""
    delta = jnp.asarray(spec.delta, target.dtype)
    median = of_all(target, weight, jnp.asarray(0.5, target.dtype))[0]

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        rises = weighted_sum(jnp.clip(middle - target, -delta, delta), weight) > 0
        return jnp.where(rises, low, middle), jnp.where(rises, middle, high)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (median - delta, median + delta))
    return ((low + high) / 2)[None]


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "huber", Spec, part_kind="loss",
            functions={"suits": of_numbers, "outputs": one, "value": value, "slopes": slopes, "start": start,
                       "answer": mean, "undo": of_mean},
            snippet="model { gradient_boosting(loss = huber(delta = 20_000)) }",
            sources=("Huber 1964, doi:10.1214/aoms/1177703732", "Friedman 2001, doi:10.1214/aos/1013203451"),
            also_known_as=("huber_loss", "smooth_l1", "reg:pseudohubererror"),
        )
    ]  # fmt: skip
