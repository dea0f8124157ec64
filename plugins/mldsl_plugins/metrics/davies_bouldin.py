"""Davies-Bouldin index: how alike each cluster is to the one it is most alike to.

    DB = mean over clusters c of  max over others e of  (s_c + s_e) / ||m_c - m_e||

with m_c the centroid of cluster c and s_c the weighted mean distance of its rows to it.

Range:   0 upwards, lower is better. No unit.
Edges:   fewer than two clusters with rows give NaN; a pair with equal centroids adds 0. O(n d) once, then O(n) a
         weight vector: the bootstrap holds centroids fixed, so its interval is conditional on them.
Source:  Davies & Bouldin 1979, doi:10.1109/TPAMI.1979.4766909.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._classes import tally
from mldsl_plugins.metrics._clusters import centroid_distances, prepare_geometry
from mldsl_plugins.metrics._rows import prepared, ratio


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The mean over clusters of the worst ratio of scatter to separation."""
    geometry = prepared(prepare_geometry, spec, view)
    mass = tally(view.weight, geometry.member, view.clusters)
    scatter = ratio(tally(view.weight * geometry.distance, geometry.member, view.clusters), mass)
    there = mass > 0
    pair = there[:, None] & there[None, :] & ~jnp.eye(view.clusters, dtype=bool)
    alike = ratio(scatter[:, None] + scatter[None, :], centroid_distances(geometry.centroid))
    worst = jnp.max(jnp.where(pair, alike, 0), axis=1, initial=0)
    count = there.sum()
    return jnp.where(count > 1, ratio(worst.sum(), count), jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Davies-Bouldin index."""
    return [
        Metric(
            "davies_bouldin", metric=metric, prepare=prepare_geometry, tasks={"cluster"}, better="lower",
            needs=("inputs",), lowest=0.0, also_known_as=("davies_bouldin_score",),
            exceptions={"replicates": "the bootstrap holds centroids fixed; its interval is conditional on them"},
            sources=("Davies & Bouldin 1979, doi:10.1109/TPAMI.1979.4766909",), snippet="metrics { davies_bouldin }",
        )
    ]  # fmt: skip
