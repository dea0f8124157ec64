"""Adjusted R squared: R squared with a charge for each column, so that useless columns lower it.

    adjusted R2 = 1 - (1 - R2) (n - 1) / (n - p - 1)

with n the sum of weights of the rows judged and p the number of columns of the model's matrix.

Range:   at most 1, higher is better. Meant for the rows the model learned from: held-out R2 needs no such correction.
Edges:   n <= p + 1 gives NaN; a constant target as for `r2`; no rows give NaN.
Source:  Ezekiel 1930, Methods of Correlation Analysis.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import determination
from mldsl_plugins.metrics._rows import prepared, ratio
from mldsl_plugins.metrics.r2 import prepare


def metric(spec: NoSpec, view: MetricView) -> Any:
    """R squared, charged for the degrees of freedom."""
    target, error = prepared(prepare, spec, view)
    mass = view.weight.sum()
    freedom = mass - view.parameters - 1
    charge = ratio(mass - 1, jnp.maximum(freedom, 0), jnp.nan)
    return 1 - (1 - determination(view.weight, target, error)) * charge


@hookimpl
def mldsl_components() -> list[Component]:
    """Adjusted R squared."""
    return [
        Metric(
            "adjusted_r2", metric=metric, prepare=prepare, tasks={"regress"}, better="higher", needs=("labels",),
            highest=1.0, sources=("Ezekiel 1930, Methods of Correlation Analysis",), snippet="metrics { adjusted_r2 }",
        )
    ]  # fmt: skip
