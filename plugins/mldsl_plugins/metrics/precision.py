"""Precision: the share of the rows predicted positive that are positive.

    precision = true positives / (true positives + false positives)

Range:   0..1, higher is better.
Edges:   a class that is never predicted counts 0; no rows at all give NaN. Several
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
    """Which class, or which average over classes."""

    positive: Label | None = param(None, doc=POSITIVE_DOC)
    average: Average | None = param(None, doc=AVERAGE_DOC)


def metric(spec: Spec, view: MetricView) -> Any:
    """True positives over predicted positives."""
    count = counts(spec, view)
    return averaged(spec, view, count.hit, count.predicted, count)


@hookimpl
def mldsl_components() -> list[Component]:
    """Precision."""
    return [
        Metric(
            "precision", Spec, metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher",
            lowest=0.0, highest=1.0, sources=("van Rijsbergen 1979, Information Retrieval, ch. 7",),
            also_known_as=("positive_predictive_value",), snippet='metrics { precision(positive = "spam") }',
        )
    ]  # fmt: skip
