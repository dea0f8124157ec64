"""What cluster metrics share: members, masses, centroids, and contingency tables with given labels."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mldsl.contract import MetricView, segment_reduce
from mldsl_plugins.metrics._classes import cells, tally
from mldsl_plugins.metrics._rows import namespace, prepared, present, ratio


class Geometry(NamedTuple):
    """Members of clusters (see `cells`), distance of each row to its centroid [n], and the centroids [clusters, d].

    Centroids are those of the rows and weights given to `prepare`, also in bootstrap replicates.
    """

    member: Any
    distance: Any
    centroid: Any


def prepare_geometry(spec: Any, view: MetricView) -> Geometry:
    """The means of the clusters' rows, and the rows' distances to them. O(n d)."""
    xp = namespace(view)
    k = view.clusters
    x, weight, label = rows_by_cluster(view)
    if xp is jnp:
        mass = segment_reduce(weight, label, k)
        total = segment_reduce(x, label, k, weight=weight)
    else:
        mass = xp.bincount(label, weight, k)
        total = xp.stack([xp.bincount(label, weight * column, k) for column in x.T], axis=1)
    centroid = total / xp.maximum(mass, xp.finfo(x.dtype).tiny)[:, None]
    distance = xp.sqrt(((x - centroid[label]) ** 2).sum(axis=1))
    return Geometry(cells(view, view.prediction, k), present(view, distance), centroid.astype(view.weight.dtype))


def rows_by_cluster(view: MetricView) -> tuple[Any, Any, Any]:
    """Inputs [n, d], weights [n] and cluster of each row; 0 in rows that are not there.

    On the host in float64, so that rows far from the origin lose no digits.
    """
    xp = namespace(view)
    kind = view.weight.dtype if xp is jnp else xp.float64
    x, weight = present(view, view.inputs).astype(kind), view.weight.astype(kind)
    label = xp.clip(xp.where(weight > 0, view.prediction, 0), 0, view.clusters - 1)
    return x, weight, label


def centroid_distances(centroid: Any) -> Any:
    """Euclidean distances between centroids, [clusters, clusters]."""
    difference = centroid[:, None, :] - centroid[None, :, :]
    return jnp.sqrt((difference**2).sum(axis=-1))


def prepare_contingency(spec: Any, view: MetricView) -> Any:
    """The cell of label and cluster of each row; rows without a label are left out."""
    xp = namespace(view)
    known = (view.labels >= 0) & (view.prediction >= 0)
    cell = xp.where(known, view.labels * view.clusters + view.prediction, -1)
    return cells(view, cell, view.label_count * view.clusters)


def contingency(spec: Any, view: MetricView) -> Float[Array, "labels clusters"]:
    """Weights by label (rows) and cluster (columns)."""
    cell = prepared(prepare_contingency, spec, view)
    size = view.label_count * view.clusters
    table: Array = tally(view.weight, cell, size).reshape(view.label_count, view.clusters)
    return table


def entropy(share: Any) -> Any:
    """-sum p log p of shares, over all axes; 0 log 0 is 0."""
    return -jnp.where(share > 0, share * jnp.log(jnp.where(share > 0, share, 1)), 0).sum()


class Information(NamedTuple):
    """Entropy of the labels, of the clusters, and what they tell about each other, in nats; and the rows counted."""

    labels: Any
    clusters: Any
    mutual: Any
    mass: Any


def information(table: Any) -> Information:
    """The information in a contingency table; never negative."""
    mass = table.sum()
    share = ratio(table, mass)
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    expected = rows[:, None] * columns[None, :]
    some = (share > 0) & (expected > 0)
    log = jnp.log(jnp.where(some, share, 1)) - jnp.log(jnp.where(some, expected, 1))
    # What rounding leaves of an information of 0 must not be divided by what it leaves of another.
    noise = 16 * float(np.finfo(share.dtype).eps)
    known = [jnp.where(part > noise, part, 0) for part in (entropy(rows), entropy(columns), (share * log).sum())]
    return Information(known[0], known[1], known[2], mass)
