"""Mean absolute error: how far predictions are off, on average.

    MAE = sum_i w_i |t_i - p_i| / sum_i w_i

Range:   0 upwards, lower is better. Unit: that of the target; for an ordinal target, steps between its levels.
Edges:   no rows give NaN.
Source:  Laplace 1774, Memoires de mathematique et de physique 6:621-656.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._errors import errors
from mldsl_plugins.metrics._rows import average, namespace, prepared


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """|t - p|, [n]."""
    return namespace(view).abs(errors(view))


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of absolute errors."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Mean absolute error."""
    return [
        Metric(
            "mae", metric=metric, prepare=prepare, tasks={"regress", "classify"}, better="lower", needs=("labels",),
            lowest=0.0, targets=("continuous", "integer", "ordinal"), also_known_as=("mean_absolute_error",),
            sources=("Laplace 1774, Memoires de mathematique et de physique 6:621-656",),
            snippet="metrics { mae <= 2.5 }",
        )
    ]  # fmt: skip
