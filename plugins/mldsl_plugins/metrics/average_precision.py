"""Average precision: the area under the precision-recall curve, as a step function.

    AP = sum over distinct scores s, falling, of  (recall(s) - recall(before)) * precision(s)

which is the mean over positive rows of the precision among all rows that score at least as much.

Range:   0..1, higher is better; guessing gives the share of positive rows.
Edges:   a class without rows gives NaN. Several classes: each against the rest, and the mean over those that occur
         (`average = weighted` by their rows, `micro` over all pairs of row and class), unless `positive` says which.
Source:  Manning, Raghavan & Schuetze 2008, Introduction to Information Retrieval, ch. 8.4.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Label, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import AVERAGE_DOC, POSITIVE_DOC, Average
from mldsl_plugins.metrics._ranks import Ranking, at_least, over_problems, problems
from mldsl_plugins.metrics._rows import prepared, ratio


@attrs.frozen
class Spec:
    """Which class, or which average over classes."""

    positive: Label | None = param(None, doc=POSITIVE_DOC)
    average: Average | None = param(None, doc=AVERAGE_DOC)


def _area(ranking: Ranking, positive: Any, negative: Any) -> tuple[Any, Any]:
    precision = ratio(at_least(ranking, positive), at_least(ranking, positive + negative))
    mass = positive.sum()
    return ratio((positive * precision).sum(), mass), mass > 0


def metric(spec: Spec, view: MetricView) -> Any:
    """The mean over positive rows of the precision at their score."""
    return over_problems(spec, prepared(problems, spec, view), view.weight, _area)


@hookimpl
def mldsl_components() -> list[Component]:
    """Average precision."""
    return [
        Metric(
            "average_precision", Spec, metric=metric, prepare=problems, tasks={"classify"}, better="higher",
            needs=("scores",), lowest=0.0, highest=1.0, also_known_as=("pr_auc", "auprc"),
            sources=("Manning, Raghavan & Schuetze 2008, Introduction to Information Retrieval, ch. 8.4",),
            snippet='metrics { average_precision(positive = "fraud") }',
        )
    ]  # fmt: skip
