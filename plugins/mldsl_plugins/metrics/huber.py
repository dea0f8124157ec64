"""Huber loss: squared for small errors, linear for large ones, so that a few outliers do not decide it.

    Huber = sum_i w_i l(t_i - p_i) / sum_i w_i,   l(e) = e^2 / 2 for |e| <= delta, delta (|e| - delta / 2) beyond

Range:   0 upwards, lower is better. Unit: that of the target, squared. For a delta larger than all errors it is half of
         the mean squared error; for a small one it is near delta times the mean absolute error.
Edges:   no rows give NaN.
Source:  Huber 1964, doi:10.1214/aoms/1177703732.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, hookimpl, param
from mldsl_plugins.metrics._errors import errors
from mldsl_plugins.metrics._rows import average, namespace, prepared


@attrs.frozen
class Spec:
    """Where errors begin to be large."""

    delta: float = param(
        1.0, gt=0, unit="units of the target", doc="Up to this error the loss is squared, beyond it linear.",
        also_known_as=("epsilon", "alpha"),
    )  # fmt: skip


def prepare(spec: Spec, view: MetricView) -> Any:
    """l(t - p), [n]."""
    xp = namespace(view)
    size = xp.abs(errors(view))
    small = xp.minimum(size, xp.asarray(spec.delta, size.dtype))
    return small * (size - small / 2)


def metric(spec: Spec, view: MetricView) -> Any:
    """The weighted mean of l."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Huber loss."""
    return [
        Metric(
            "huber", Spec, metric=metric, prepare=prepare, tasks={"regress"}, better="lower", needs=("labels",),
            lowest=0.0, also_known_as=("huber_loss", "smooth_l1"),
            sources=("Huber 1964, doi:10.1214/aoms/1177703732",), snippet="metrics { huber(delta = 10_000) }",
        )
    ]  # fmt: skip
