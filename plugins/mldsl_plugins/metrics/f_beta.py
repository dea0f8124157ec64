"""F-beta: the weighted harmonic mean of precision and recall, recall counting beta times as much.

    F_beta = (1 + beta^2) tp / ((1 + beta^2) tp + beta^2 fn + fp)

with tp, fp, fn the true positives, false positives and false negatives.

Range:   0..1, higher is better.
Edges:   a class that is never predicted and never the target counts 0; no rows at all give NaN. Several
         classes: the mean over those that occur among targets or predictions, unless `positive` or `average` says
         otherwise.
Source:  van Rijsbergen 1979, Information Retrieval, ch. 7.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Label, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import AVERAGE_DOC, POSITIVE_DOC, Average, averaged, counts, prepare_confusion


@attrs.frozen
class Spec:
    """How much recall counts, and of which class or average."""

    beta: float = param(gt=0, doc="How many times as much recall counts as precision: 2 favours recall, 0.5 precision.")
    positive: Label | None = param(None, doc=POSITIVE_DOC)
    average: Average | None = param(None, doc=AVERAGE_DOC)


def metric(spec: Spec, view: MetricView) -> Any:
    """The weighted harmonic mean."""
    count = counts(spec, view)
    squared = spec.beta**2
    both = count.predicted + squared * count.actual
    return averaged(spec, view, (1 + squared) * count.hit, both, count)


@hookimpl
def mldsl_components() -> list[Component]:
    """F-beta."""
    return [
        Metric(
            "f_beta", Spec, metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher", lowest=0.0,
            highest=1.0, sources=("van Rijsbergen 1979, Information Retrieval, ch. 7",), example=Spec(beta=2.0),
            snippet='metrics { f_beta(2, positive = "ill") }',
        )
    ]  # fmt: skip
