"""Absolute bias: the distance of the mean prediction from the mean target, |mean of w (prediction - target)|.

Shapes:  n rows. O(n) time.
Units:   those of the target; 0 is best, and says nothing of single rows.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import MetricView, weighted_mean
from mldsl.plugin import Component, Metric, NoSpec, hookimpl


def metric(spec: NoSpec, view: MetricView) -> Float[Array, ""]:
    """The absolute value of the mean error."""
    return jnp.abs(weighted_mean(view.prediction - view.target, view.weight))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [Metric("absolute_bias", metric=metric, tasks={"regress"}, better="lower", lowest=0.0)]
