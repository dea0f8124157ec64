"""Mean squared error: the mean of squared differences between prediction and target.

    MSE = sum_i w_i (t_i - p_i)^2 / sum_i w_i

Range:   0 upwards, lower is better. Unit: the square of the target's.
Edges:   no rows give NaN.
Source:  Gauss 1823, Theoria combinationis observationum erroribus minimis obnoxiae.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import errors
from mldsl_plugins.metrics._rows import average, prepared


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """(t - p)^2, [n]."""
    return errors(view) ** 2


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of squared errors."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Mean squared error."""
    return [
        Metric(
            "mse", metric=metric, prepare=prepare, tasks={"regress"}, better="lower", needs=("labels",), lowest=0.0,
            also_known_as=("mean_squared_error",),
            sources=("Gauss 1823, Theoria combinationis observationum erroribus minimis obnoxiae",),
            snippet="metrics { mse }",
        )
    ]  # fmt: skip
