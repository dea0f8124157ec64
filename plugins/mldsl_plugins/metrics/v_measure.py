"""V-measure: whether clusters hold one label each (homogeneity) and labels lie in one cluster each (completeness).

    V = (1 + beta) h c / (beta h + c),   h = I / H(labels),   c = I / H(clusters)

with I the mutual information of labels and clusters and H entropy. With beta = 1 it equals
`normalized_mutual_information`.

Range:   0..1, higher is better. Not adjusted for chance.
Edges:   a single label is homogeneous (h = 1), a single cluster complete (c = 1); rows without a label are left out;
         no rows give NaN.
Source:  Rosenberg & Hirschberg 2007, EMNLP-CoNLL, 410-420.
"""

from __future__ import annotations

from typing import Any

import attrs
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Column, Component, Metric, hookimpl, param
from mldsl_plugins.metrics._clusters import contingency, information, prepare_contingency
from mldsl_plugins.metrics._rows import ratio


@attrs.frozen
class Spec:
    """Which labels the clusters are compared with, and how completeness counts."""

    labels: Column = param(doc="Column of known labels, of any role; it need not be an input.")
    beta: float = param(1.0, ge=0, doc="How many times as much completeness counts as homogeneity.")


def metric(spec: Spec, view: MetricView) -> Any:
    """The weighted harmonic mean of homogeneity and completeness."""
    told = information(contingency(spec, view))
    homogeneous = ratio(told.mutual, told.labels, 1.0)
    complete = ratio(told.mutual, told.clusters, 1.0)
    value = ratio((1 + spec.beta) * homogeneous * complete, spec.beta * homogeneous + complete)
    return jnp.where(told.mass > 0, value, jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """V-measure."""
    return [
        Metric(
            "v_measure", Spec, metric=metric, prepare=prepare_contingency, tasks={"cluster"}, better="higher",
            needs=("labels",), lowest=0.0, highest=1.0, example=Spec(labels=Column("kind")),
            also_known_as=("v_measure_score",), sources=("Rosenberg & Hirschberg 2007, EMNLP-CoNLL, 410-420",),
            snippet="metrics { v_measure(labels = cultivar) }",
        )
    ]  # fmt: skip
