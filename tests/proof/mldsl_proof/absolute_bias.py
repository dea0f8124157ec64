"""Absolute bias: the distance of the mean answer from the mean target, |mean of w (answer - target)|.

The answer is the prediction, or the score of a recommender.

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
    answer = view.score if view.prediction is None else view.prediction
    return jnp.abs(weighted_mean(answer - view.target, view.weight))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [Metric("absolute_bias", metric=metric, tasks={"regress", "recommend"}, better="lower", lowest=0.0)]
