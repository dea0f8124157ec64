"""Median stump: one question, "is column j above its median?", chosen by the least squared error.

For each column the rows are parted at the weighted median; the column whose two means leave the smallest weighted sum
of squares is kept.

Shapes:  n rows, d features. O(n log n d) time.
Units:   the threshold is in the column's unit, the means in the target's.
Errors:  none; with no row above the median a column cannot be chosen.
Sources: Iba & Langley 1992, doi:10.1016/B978-1-55860-247-2.50035-8 (decision stumps).
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, tiny, weighted_mean, weighted_quantile
from mldsl.plugin import Component, Model, NoSpec, hookimpl


class Params(NamedTuple):
    """What predict needs."""

    column: Int[Array, ""]
    threshold: Float[Array, ""]
    means: Float[Array, " 2"]


class Info(NamedTuple):
    """What reports show: how much of the target's variance each column's stump explains."""

    explained: Float[Array, " d"]


def fit(spec: NoSpec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Try every column."""
    x, y, weight = examples.inputs, examples.target, examples.weight
    x = jnp.where(weight[:, None] > 0, x, 0)
    centre = weighted_mean(y, weight)
    residual = jnp.where(weight > 0, y - centre, 0)  # [n]
    median = weighted_quantile(x, weight, jnp.asarray([0.5], x.dtype))[0]  # [d]
    above = (x > median[None, :]).astype(x.dtype)  # [n, d]

    def mean_of(side: Array) -> tuple[Array, Array]:
        mass = jnp.matmul(weight, side, precision="highest")
        return mass, jnp.matmul(weight * residual, side, precision="highest") / jnp.maximum(mass, tiny(mass))

    (low_mass, low), (high_mass, high) = mean_of(1 - above), mean_of(above)
    between = low_mass * low**2 + high_mass * high**2
    if examples.active is not None:
        between = jnp.where(examples.active, between, -1)
    total = jnp.maximum(jnp.sum(weight * residual**2), tiny(between))
    best = jnp.argmax(between)
    means = centre + jnp.stack([low[best], jnp.where(high_mass[best] > 0, high[best], low[best])])
    return Params(best, median[best], means), Info(jnp.maximum(between, 0) / total)


def predict(spec: NoSpec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The mean of the row's side."""
    above = inputs[:, params.column] > params.threshold
    return Prediction(mean=jnp.where(above, params.means[1], params.means[0]))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [Model("median_stump", fit=fit, predict=predict, tasks={"regress"}, sources=["Iba & Langley 1992"])]
