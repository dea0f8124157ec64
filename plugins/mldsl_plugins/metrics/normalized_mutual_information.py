"""Normalized mutual information: what clusters tell about given labels, as a share of what there is to tell.

    NMI = I(labels; clusters) / mean of H(labels) and H(clusters)

with I mutual information and H entropy; the mean is arithmetic, or as `average` says.

Range:   0..1, higher is better. Not adjusted for chance: many small clusters score well; see `adjusted_rand`.
Edges:   1 where both have one group only, 0 where one of them has; rows without a label are left out; no rows give NaN.
Source:  Strehl & Ghosh 2002, Journal of Machine Learning Research 3:583-617.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Column, Component, Metric, hookimpl, param
from mldsl_plugins.metrics._clusters import contingency, information, prepare_contingency
from mldsl_plugins.metrics._rows import ratio


@attrs.frozen
class Spec:
    """Which labels the clusters are compared with, and by which mean the information is measured."""

    labels: Column = param(doc="Column of known labels, of any role; it need not be an input.")
    average: Literal["arithmetic", "geometric", "minimum", "maximum"] = param(
        "arithmetic", doc="Mean of the two entropies that the shared information is divided by."
    )


def metric(spec: Spec, view: MetricView) -> Any:
    """Mutual information over the mean entropy."""
    told = information(contingency(spec, view))
    low, high = jnp.minimum(told.labels, told.clusters), jnp.maximum(told.labels, told.clusters)
    mean = {
        "arithmetic": (low + high) / 2,
        "geometric": jnp.sqrt(jnp.maximum(low * high, 0)),
        "minimum": low,
        "maximum": high,
    }[spec.average]
    single = (told.labels <= 0) & (told.clusters <= 0)
    return jnp.where(told.mass > 0, jnp.where(single, 1.0, ratio(told.mutual, mean)), jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Normalized mutual information."""
    return [
        Metric(
            "normalized_mutual_information", Spec, metric=metric, prepare=prepare_contingency, tasks={"cluster"},
            better="higher", needs=("labels",), lowest=0.0, highest=1.0, example=Spec(labels=Column("kind")),
            also_known_as=("nmi", "normalized_mutual_info_score"),
            sources=("Strehl & Ghosh 2002, Journal of Machine Learning Research 3:583-617",),
            snippet="metrics { normalized_mutual_information(labels = cultivar) }",
        )
    ]  # fmt: skip
