"""Root mean squared error: the size of a typical error, large ones counting more.

    RMSE = sqrt(sum_i w_i (t_i - p_i)^2 / sum_i w_i)

Range:   0 upwards, lower is better. Unit: that of the target.
Edges:   no rows give NaN.
Source:  Gauss 1823, Theoria combinationis observationum erroribus minimis obnoxiae.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._rows import average, prepared
from mldsl_plugins.metrics.mse import prepare


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The root of the weighted mean of squared errors."""
    return jnp.sqrt(average(view.weight, prepared(prepare, spec, view)))


@hookimpl
def mldsl_components() -> list[Component]:
    """Root mean squared error."""
    return [
        Metric(
            "rmse", metric=metric, prepare=prepare, tasks={"regress"}, better="lower", needs=("labels",), lowest=0.0,
            also_known_as=("root_mean_squared_error",),
            sources=("Gauss 1823, Theoria combinationis observationum erroribus minimis obnoxiae",),
            snippet="metrics { rmse as primary }",
        )
    ]  # fmt: skip
