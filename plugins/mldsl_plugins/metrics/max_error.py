"""Largest error: how far the worst prediction is off.

    max error = max over rows of |t_i - p_i|

Range:   0 upwards, lower is better. Unit: that of the target. Weights matter only by being 0 or not; a bootstrap
         interval of a maximum never reaches above it, so read its upper end as a lower bound.
Edges:   no rows give NaN.
Source:  Chebyshev 1854, Theorie des mecanismes connus sous le nom de parallelogrammes.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._rows import prepared, when_any
from mldsl_plugins.metrics.mae import prepare


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The largest absolute error of the rows that are there."""
    error = prepared(prepare, spec, view)
    return when_any(view.weight, jnp.max(jnp.where(view.weight > 0, error, 0), initial=0))


@hookimpl
def mldsl_components() -> list[Component]:
    """Largest error."""
    return [
        Metric(
            "max_error", metric=metric, prepare=prepare, tasks={"regress"}, better="lower", needs=("labels",),
            lowest=0.0, sources=("Chebyshev 1854, Theorie des mecanismes connus sous le nom de parallelogrammes",),
            snippet="metrics { max_error }",
        )
    ]  # fmt: skip
