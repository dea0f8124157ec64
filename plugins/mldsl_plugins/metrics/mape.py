"""Mean absolute percentage error: how far predictions are off, as a share of the target.

    MAPE = sum_i w_i |t_i - p_i| / max(|t_i|, 2.2e-16) / sum_i w_i

Range:   0 upwards, lower is better; 0.1 is 10 %. It charges too high predictions more than too low ones.
Edges:   a target of 0 with any error gives an enormous value, so use another metric there; no rows give NaN.
Source:  Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import errors
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """|t - p| / |t|, [n]."""
    xp = namespace(view)
    size = xp.abs(present(view, view.target, absent=1))
    return xp.abs(errors(view)) / xp.maximum(size, xp.asarray(2.0**-52, size.dtype))


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of relative errors."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Mean absolute percentage error."""
    return [
        Metric(
            "mape", metric=metric, prepare=prepare, tasks={"regress"}, better="lower", needs=("labels",), lowest=0.0,
            also_known_as=("mean_absolute_percentage_error",),
            sources=("Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001",),
            snippet="metrics { mape <= 20% }",
        )
    ]  # fmt: skip
