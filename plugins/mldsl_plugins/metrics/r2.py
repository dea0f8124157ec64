"""R squared: the share of the target's variance that the prediction explains.

    R2 = 1 - sum_i w_i (t_i - p_i)^2 / sum_i w_i (t_i - mean t)^2,   mean t the weighted mean of the rows judged

Range:   at most 1, higher is better; 0 is predicting the mean, below 0 is worse than that. On new rows it is not a
         square.
Edges:   a constant target (one row included) gives 1 if predicted exactly, else 0; no rows give NaN.
Source:  Wright 1921, Journal of Agricultural Research 20:557-585.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import determination, errors
from mldsl_plugins.metrics._rows import prepared, present


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """The target and the errors, each [n]."""
    return present(view, view.target), errors(view)


def metric(spec: NoSpec, view: MetricView) -> Any:
    """One minus the sum of squared errors over that of the target's deviations from its mean."""
    target, error = prepared(prepare, spec, view)
    return determination(view.weight, target, error)


@hookimpl
def mldsl_components() -> list[Component]:
    """R squared."""
    return [
        Metric(
            "r2", metric=metric, prepare=prepare, tasks={"regress"}, better="higher", needs=("labels",), highest=1.0,
            also_known_as=("r2_score", "r_squared"),
            sources=("Wright 1921, Journal of Agricultural Research 20:557-585",), snippet="metrics { r2 >= 0.6 }",
        )
    ]  # fmt: skip
