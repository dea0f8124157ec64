"""Sensitivity: the share of the positive rows that are predicted positive, as medicine calls recall.

    sensitivity = true positives / (true positives + false negatives)

Range:   0..1, higher is better.
Edges:   a class that is never the target counts 0; no rows at all give NaN. Several
         classes: the mean over those that occur among targets or predictions, unless `positive` or `average` says
         otherwise.
Source:  Yerushalmy 1947, doi:10.2307/4586294.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Label, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import AVERAGE_DOC, POSITIVE_DOC, Average, averaged, counts, prepare_confusion


@attrs.frozen
class Spec:
    """Which class, or which average over classes."""

    positive: Label | None = param(None, doc=POSITIVE_DOC)
    average: Average | None = param(None, doc=AVERAGE_DOC)


def metric(spec: Spec, view: MetricView) -> Any:
    """True positives over actual positives."""
    count = counts(spec, view)
    return averaged(spec, view, count.hit, count.actual, count)


@hookimpl
def mldsl_components() -> list[Component]:
    """Sensitivity."""
    return [
        Metric(
            "sensitivity", Spec, metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher",
            lowest=0.0, highest=1.0, sources=("Yerushalmy 1947, doi:10.2307/4586294",),
            also_known_as=("true_positive_rate",), snippet='metrics { sensitivity(positive = "ill") }',
        )
    ]  # fmt: skip
