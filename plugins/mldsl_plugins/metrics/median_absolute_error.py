"""Median absolute error: half of the predictions are off by less.

    MedAE = median_i |t_i - p_i|, of the sample in which row i is repeated w_i times (type 7)

Range:   0 upwards, lower is better. Unit: that of the target. A few enormous errors do not move it.
Edges:   no rows give NaN.
Source:  Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566 (type 7).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import errors
from mldsl_plugins.metrics._ranks import cumulative
from mldsl_plugins.metrics._rows import namespace, prepared, when_any


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """The absolute errors in rising order, and the row of each."""
    xp = namespace(view)
    size = xp.abs(errors(view))
    order = xp.argsort(size)
    return size[order], order


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The value at the middle of the cumulated weights, or half-way between two."""
    size, order = prepared(prepare, spec, view)
    weight = view.weight[order]
    until = cumulative(weight)
    middle = jnp.maximum(until[-1] - 1, 0) / 2
    below = jnp.floor(middle)

    def at(place: Any) -> Any:
        # The first row whose cumulated weight exceeds the place; rows of weight 0 add nothing and are never it.
        beyond = (until > place) & (weight > 0)
        return jnp.asarray(size)[jnp.argmax(beyond)]

    low, high = at(below), at(jnp.minimum(below + 1, jnp.maximum(until[-1] - 1, 0)))
    return when_any(weight, low + (high - low) * (middle - below))


@hookimpl
def mldsl_components() -> list[Component]:
    """Median absolute error."""
    return [
        Metric(
            "median_absolute_error", metric=metric, prepare=prepare, tasks={"regress"}, better="lower",
            needs=("labels",), lowest=0.0,
            sources=("Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566 (type 7)",),
            snippet="metrics { median_absolute_error }",
        )
    ]  # fmt: skip
