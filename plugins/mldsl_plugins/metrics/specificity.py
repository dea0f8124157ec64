"""Specificity: the share of the negative rows that are predicted negative.

    specificity = true negatives / (true negatives + false positives)

Range:   0..1, higher is better.
Edges:   a class that all rows belong to counts 0; no rows at all give NaN. Several classes: each against the rest,
         and the mean over those that occur, unless `positive` or `average` says otherwise.
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
    """True negatives over actual negatives."""
    count = counts(spec, view)
    negative = count.mass - count.actual
    wrong = count.predicted - count.hit
    return averaged(spec, view, negative - wrong, negative, count)


@hookimpl
def mldsl_components() -> list[Component]:
    """Specificity."""
    return [
        Metric(
            "specificity", Spec, metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher",
            lowest=0.0, highest=1.0, sources=("Yerushalmy 1947, doi:10.2307/4586294",),
            also_known_as=("true_negative_rate",), snippet='metrics { specificity(positive = "ill") }',
        )
    ]  # fmt: skip
