"""Calinski-Harabasz index: spread between clusters over spread within, each per degree of freedom.

    CH = (B / (k - 1)) / (W / (n - k))

with B = sum_c n_c ||m_c - m||^2, W = sum_i w_i ||x_i - m_c(i)||^2, n_c the weight of cluster c, m_c its centroid,
m the mean of all rows, k the clusters with rows and n the sum of weights.

Range:   0 upwards, higher is better. No unit.
Edges:   fewer than two clusters with rows, or n <= k, give NaN; W = 0 gives 1. O(n d) once, then O(n) a weight vector:
         the bootstrap holds centroids fixed, so its interval is conditional on them.
Source:  Calinski & Harabasz 1974, doi:10.1080/03610927408827101.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._classes import tally
from mldsl_plugins.metrics._clusters import prepare_geometry
from mldsl_plugins.metrics._rows import prepared, ratio, total


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The ratio of mean squares between and within clusters."""
    geometry = prepared(prepare_geometry, spec, view)
    mass = tally(view.weight, geometry.member, view.clusters)
    all_mass, count = mass.sum(), (mass > 0).sum()
    mean = ratio(jnp.matmul(mass, geometry.centroid, precision="highest"), all_mass)
    between = total(mass, ((geometry.centroid - mean[None, :]) ** 2).sum(axis=1))
    within = total(view.weight, geometry.distance**2)
    value = ratio(between * (all_mass - count), within * (count - 1), 1.0)
    return jnp.where((count > 1) & (all_mass > count), value, jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Calinski-Harabasz index."""
    return [
        Metric(
            "calinski_harabasz", metric=metric, prepare=prepare_geometry, tasks={"cluster"}, better="higher",
            needs=("inputs",), lowest=0.0, also_known_as=("calinski_harabasz_score", "variance_ratio"),
            sources=("Calinski & Harabasz 1974, doi:10.1080/03610927408827101",),
            exceptions={"replicates": "the bootstrap holds centroids fixed; its interval is conditional on them"},
            snippet="metrics { calinski_harabasz }",
        )
    ]  # fmt: skip
