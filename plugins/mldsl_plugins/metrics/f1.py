"""F1: the harmonic mean of precision and recall.

    F1 = 2 true positives / (2 true positives + false positives + false negatives)

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
    """Which class, or which average over classes."""

    positive: Label | None = param(None, doc=POSITIVE_DOC)
    average: Average | None = param(None, doc=AVERAGE_DOC)


def metric(spec: Spec, view: MetricView) -> Any:
    """Twice the true positives over predicted plus actual positives."""
    count = counts(spec, view)
    return averaged(spec, view, 2 * count.hit, count.predicted + count.actual, count)


@hookimpl
def mldsl_components() -> list[Component]:
    """F1."""
    return [
        Metric(
            "f1", Spec, metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher", lowest=0.0,
            highest=1.0, sources=("van Rijsbergen 1979, Information Retrieval, ch. 7",),
            also_known_as=("f_measure", "dice"), snippet='metrics { f1(average = macro) }',
        )
    ]  # fmt: skip
