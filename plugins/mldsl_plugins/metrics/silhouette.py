"""Silhouette: how much nearer rows are to their own cluster than to the next one.

    s_i = (b_i - a_i) / max(a_i, b_i)        silhouette = sum_i w_i s_i / sum_i w_i

with a_i the weighted mean Euclidean distance to the other rows of its cluster, and b_i the smallest such mean over the
other clusters.

Range:   -1..1, higher is better; below 0 rows are nearer to another cluster than to their own. No unit.
Edges:   a row alone in its cluster (sum of weights at most 1) counts 0; fewer than two clusters with rows give NaN.
Cost:    O(n^2 d) time once, in blocks of rows, so O(n) memory; then O(n) a weight vector: the bootstrap holds each
         row's own silhouette fixed, so its interval is conditional on the distances between the rows there are.
Source:  Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._clusters import rows_by_cluster
from mldsl_plugins.metrics._rows import average, namespace, prepared, present

# Distances held at a time: 32 MB in float64.
_HELD = 1 << 22


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """Each row's silhouette, [n]; NaN everywhere if there are not two clusters."""
    xp = namespace(view)
    x, weight, label = rows_by_cluster(view)
    # Distances do not change if all rows move together; near the origin they keep their digits.
    x = xp.where((weight > 0)[:, None], x - (weight @ x / xp.maximum(weight.sum(), 1e-30))[None, :], 0)
    own = label[:, None] == xp.arange(view.clusters)[None, :]
    weights = own * weight[:, None]
    mass = weights.sum(axis=0)
    squared = (x * x).sum(axis=1)

    def block(rows: Any) -> Any:
        at, size, mine = rows
        distance = xp.sqrt(xp.maximum(size[:, None] + squared[None, :] - 2 * (at @ x.T), 0))
        total = distance @ weights
        inside = (total * mine).sum(axis=1) / xp.maximum((mine * mass[None, :]).sum(axis=1) - 1, 1e-30)
        others = xp.where(mine | (mass == 0)[None, :], xp.inf, total / xp.maximum(mass, 1e-30)[None, :])
        nearest = others.min(axis=1)
        # Infinite only where there is no other cluster, which gives NaN below in any case.
        nearest = xp.where(xp.isfinite(nearest), nearest, 0)
        larger = xp.maximum(inside, nearest)
        alone = ((mine * mass[None, :]).sum(axis=1) <= 1) | (larger == 0)
        return xp.where(alone, 0, (nearest - inside) / xp.where(larger == 0, 1, larger))

    step = max(1, _HELD // max(1, len(x)))
    if len(x) <= step:
        value = block((x, squared, own))
    elif xp is jnp:
        value = jax.lax.map(
            lambda row: block(jax.tree.map(lambda part: part[None], row))[0], (x, squared, own), batch_size=step
        )
    else:
        starts = range(0, len(x), step)
        value = xp.concat([block((x[i : i + step], squared[i : i + step], own[i : i + step])) for i in starts])
    return xp.where((mass > 0).sum() > 1, present(view, value), xp.nan).astype(view.weight.dtype)


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of the rows' silhouettes."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Silhouette."""
    return [
        Metric(
            "silhouette", metric=metric, prepare=prepare, tasks={"cluster"}, better="higher", needs=("inputs",),
            lowest=-1.0, highest=1.0, also_known_as=("silhouette_score",),
            exceptions={"replicates": "the bootstrap holds each row's own silhouette fixed; see Cost"},
            sources=("Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7",), snippet="metrics { silhouette }",
        )
    ]  # fmt: skip
