"""Absolute bias: the distance of the mean answer from the mean target, |mean of w (answer - target)|.

The answer is the prediction, or the score of a recommender.

Range:   0 upwards, lower is better, in the units of the target; without rows it is NaN. It says nothing of single rows.
Cost:    O(n) time for n rows.
Sources: Willmott 1982, doi:10.1175/1520-0477(1982)063<1309:SCOTEO>2.0.CO;2.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import MetricView, weighted_mean
from mldsl.plugin import Component, Metric, NoSpec, hookimpl


def metric(spec: NoSpec, view: MetricView) -> Float[Array, ""]:
    """The absolute value of the mean error."""
    answer = view.score if view.prediction is None else view.prediction
    bias = jnp.abs(weighted_mean(answer - view.target, view.weight))
    return jnp.where(view.weight.sum() > 0, bias, jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Metric(
            "absolute_bias",
            metric=metric,
            tasks={"regress", "recommend"},
            better="lower",
            lowest=0.0,
            sources=["Willmott 1982, doi:10.1175/1520-0477(1982)063<1309:SCOTEO>2.0.CO;2"],
        )
    ]
