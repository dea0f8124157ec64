"""Root mean squared logarithmic error: how far predictions are off by ratio, for targets that are 0 or more.

    RMSLE = sqrt( sum_i w_i (log(1 + p_i) - log(1 + t_i))^2 / sum_i w_i )        (natural logarithm)

Range:   0 upwards, lower is better; for large numbers about the typical relative error: 0.1 is 10 %. Too low
         predictions cost more than too high ones.
Edges:   a target of -1 or less has no such logarithm and is refused (MLP0312). A prediction of -1 or less counts as one
         just above: as -1 + 2.2e-16 in float64, -1 + 1.2e-7 in float32, so that it costs much, but not
         infinity. (scikit-learn refuses both.) No rows give NaN.
Source:  Tofallis 2015, doi:10.1057/jors.2014.103 (errors of ratios).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, Problem, hookimpl
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


def check(spec: NoSpec, view: MetricView) -> Iterator[Problem]:
    """Targets must have a logarithm."""
    low = view.target[view.weight > 0].min(initial=0)
    if low <= -1:
        yield Problem("target", f"expected numbers above -1, found {low:g}")


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """(log(1 + p) - log(1 + t))^2, [n]."""
    xp = namespace(view)
    target, prediction = present(view, view.target), present(view, view.prediction)
    least = xp.asarray(-1 + xp.finfo(prediction.dtype).eps, prediction.dtype)
    there = target > -1
    own = xp.where(there, xp.log1p(xp.where(there, target, 0)), xp.asarray(xp.nan, target.dtype))
    return (xp.log1p(xp.maximum(prediction, least)) - own) ** 2


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The root of the weighted mean."""
    return jnp.sqrt(average(view.weight, prepared(prepare, spec, view)))


@hookimpl
def mldsl_components() -> list[Component]:
    """Root mean squared logarithmic error."""
    return [
        Metric(
            "rmsle", metric=metric, prepare=prepare, check=check, tasks={"regress"}, better="lower",
            needs=("labels",), lowest=0.0,
            also_known_as=("root_mean_squared_log_error", "mean_squared_log_error", "msle"),
            sources=("Tofallis 2015, doi:10.1057/jors.2014.103",), snippet="metrics { rmsle }",
        )
    ]  # fmt: skip
