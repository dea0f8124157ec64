"""Accuracy: the share of rows whose class is predicted right.

    accuracy = sum_i w_i [prediction_i = target_i] / sum_i w_i

Range:   0..1, higher is better. With classes of unequal size compare it with the share of the largest class.
Edges:   no rows give NaN. The prediction is the class after the model's threshold.
Source:  Finley 1884, American Meteorological Journal 1:85-88.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._rows import average, prepared, present


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """1 for rows predicted right, [n]."""
    return present(view, view.prediction == view.target)


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted share of rows predicted right."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Accuracy."""
    return [
        Metric(
            "accuracy", metric=metric, prepare=prepare, tasks={"classify"}, better="higher", lowest=0.0, highest=1.0,
            sources=("Finley 1884, American Meteorological Journal 1:85-88",), snippet="metrics { accuracy >= 0.9 }",
        )
    ]  # fmt: skip
