"""Explained variance: one minus the variance of the errors over that of the target.

    EV = 1 - Var(t - p) / Var(t),   variances weighted

It is `r2` without the charge for a constant shift of all predictions.

Range:   at most 1, higher is better.
Edges:   a constant target (one row included) gives 1 if the errors are constant too, else 0; no rows give NaN.
Source:  Kent 1983, doi:10.1093/biomet/70.1.163.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import explained, spread
from mldsl_plugins.metrics._rows import prepared
from mldsl_plugins.metrics.r2 import prepare


def metric(spec: NoSpec, view: MetricView) -> Any:
    """One minus the ratio of the two spreads."""
    target, error = prepared(prepare, spec, view)
    return explained(view.weight, spread(view.weight, error), spread(view.weight, target))


@hookimpl
def mldsl_components() -> list[Component]:
    """Explained variance."""
    return [
        Metric(
            "explained_variance", metric=metric, prepare=prepare, tasks={"regress"}, better="higher",
            needs=("labels",), highest=1.0, also_known_as=("explained_variance_score",),
            sources=("Kent 1983, doi:10.1093/biomet/70.1.163",), snippet="metrics { explained_variance }",
        )
    ]  # fmt: skip
