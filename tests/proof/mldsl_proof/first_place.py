"""First place: the mean over queries of the relevance of the row scored highest, over the query's best relevance.

Queries whose best relevance is 0 or less, or whose rows all have weight 0, do not count; ties share their relevance.

Range:   0..1, higher is better; without a query that counts it is NaN.
Cost:    O(n) time for n rows.
Sources: Chapelle, Metzler, Zhang & Grinspan 2009, doi:10.1145/1645953.1646033 (graded relevance at one place).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import MetricView, tiny
from mldsl.plugin import Component, Metric, NoSpec, hookimpl


def metric(spec: NoSpec, view: MetricView) -> Float[Array, ""]:
    """Judge the first place of every query."""
    there, queries = view.weight > 0, view.shape.queries
    relevance = view.target.astype(view.weight.dtype)

    def highest(value: Array) -> Array:
        return jax.ops.segment_max(jnp.where(there, value, -jnp.inf), view.query, queries)

    first = there & (view.score >= highest(view.score)[view.query])
    mass = jax.ops.segment_sum(jnp.where(first, view.weight, 0), view.query, queries)
    gained = jax.ops.segment_sum(jnp.where(first, view.weight * relevance, 0), view.query, queries)
    best = highest(relevance)
    counts = best > 0
    ratio = jnp.where(counts, gained / (jnp.maximum(mass, tiny(mass)) * jnp.where(counts, best, 1)), 0)
    # A query counts as often as its rows do on average, so that whole queries may be resampled.
    rows = jax.ops.segment_sum(jnp.where(there, 1.0, 0.0), view.query, queries)
    weight = jnp.where(counts, jax.ops.segment_sum(view.weight, view.query, queries) / jnp.maximum(rows, 1), 0)
    total = weight.sum()
    return jnp.where(total > 0, jnp.sum(weight * ratio) / jnp.maximum(total, tiny(total)), jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Metric(
            "first_place",
            metric=metric,
            tasks={"rank"},
            better="higher",
            needs=("ranks",),
            lowest=0.0,
            highest=1.0,
            sources=["Chapelle, Metzler, Zhang & Grinspan 2009, doi:10.1145/1645953.1646033"],
        )
    ]
