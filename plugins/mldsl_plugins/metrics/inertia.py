"""Inertia: the sum of squared distances from each row to the centroid of its cluster.

    inertia = sum_i w_i ||x_i - c(i)||^2

with c(i) the model's centroid, or the mean of the cluster's rows where a model has no centroids.

Range:   0 upwards, lower is better; always falls with more clusters, so compare it at an equal number.
         Unit: the square of the features'.
Edges:   no rows give NaN.
Source:  Lloyd 1982, doi:10.1109/TIT.1982.1056489.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._clusters import prepare_geometry, rows_by_cluster
from mldsl_plugins.metrics._rows import prepared, present, total, when_any


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """The squared distance of each row to its centroid, [n]."""
    if view.centroids is None:
        return prepare_geometry(spec, view).distance ** 2
    x, _, label = rows_by_cluster(view)
    return present(view, ((x - view.centroids[label]) ** 2).sum(axis=1))


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted sum of squared distances."""
    return when_any(view.weight, total(view.weight, prepared(prepare, spec, view)))


@hookimpl
def mldsl_components() -> list[Component]:
    """Inertia."""
    return [
        Metric(
            "inertia", metric=metric, prepare=prepare, tasks={"cluster"}, better="lower", needs=("inputs",), lowest=0.0,
            also_known_as=("within_cluster_sum_of_squares", "wcss"),
            exceptions={"replicates": "the bootstrap holds centroids fixed; its interval is conditional on them"},
            sources=("Lloyd 1982, doi:10.1109/TIT.1982.1056489",), snippet="metrics { inertia }",
        )
    ]  # fmt: skip
