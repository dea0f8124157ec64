"""Adjusted Rand index: how far clusters and given labels agree on which rows belong together, beyond chance.

    ARI = (pairs together in both - expected) / (mean of pairs together in each - expected)

over all pairs of rows, expected being what labels and clusters of these sizes share by chance.

Range:   at most 1, higher is better; 0 is chance. Names of clusters do not matter.
Edges:   1 where both put all rows together or both all apart; rows without a label are left out; no rows give NaN.
Source:  Hubert & Arabie 1985, doi:10.1007/BF01908075.
"""

from __future__ import annotations

from typing import Any

import attrs
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Column, Component, Metric, hookimpl, param
from mldsl_plugins.metrics._clusters import contingency, prepare_contingency
from mldsl_plugins.metrics._rows import ratio


@attrs.frozen
class Spec:
    """Which labels the clusters are compared with."""

    labels: Column = param(doc="Column of known labels, of any role; it need not be an input.")


def _pairs(mass: Any, total: Any) -> Any:
    """The share of all pairs of rows that groups of these masses put together."""
    return ratio((mass * jnp.maximum(mass - 1, 0)).sum(), total * (total - 1))


def metric(spec: Spec, view: MetricView) -> Any:
    """The share of pairs together in both, adjusted for chance."""
    table = contingency(spec, view)
    total = table.sum()
    both = _pairs(table, total)
    labels, clusters = _pairs(table.sum(axis=1), total), _pairs(table.sum(axis=0), total)
    expected = labels * clusters
    value = ratio(both - expected, (labels + clusters) / 2 - expected, 1.0)
    return jnp.where(total > 0, value, jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Adjusted Rand index."""
    return [
        Metric(
            "adjusted_rand", Spec, metric=metric, prepare=prepare_contingency, tasks={"cluster"}, better="higher",
            needs=("labels",), lowest=-1.0, highest=1.0, example=Spec(labels=Column("kind")),
            also_known_as=("ari", "adjusted_rand_score"), sources=("Hubert & Arabie 1985, doi:10.1007/BF01908075",),
            snippet="metrics { adjusted_rand(labels = cultivar) }",
        )
    ]  # fmt: skip
