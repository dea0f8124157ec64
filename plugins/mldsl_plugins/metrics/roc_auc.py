"""Area under the ROC curve: how often a positive row scores above a negative one, ties counting half.

    AUC = P(score of a positive > score of a negative) + P(equal) / 2

Range:   0..1, higher is better; 0.5 is guessing. It depends on the order of the scores alone.
Edges:   one class alone gives NaN. Several classes: each against the rest, and the mean over those that have rows on
         both sides (`average = weighted` by their rows, `micro` over all pairs of row and class), unless `positive`
         says which. Scores are probabilities, or margins where a model has no probabilities.
Cost:    O(n log n) once, then O(n) a weight vector.
Sources: Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747; one against rest: Provost & Domingos 2000.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Label, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import AVERAGE_DOC, POSITIVE_DOC, Average
from mldsl_plugins.metrics._ranks import Ranking, at_least, more_than, over_problems, problems
from mldsl_plugins.metrics._rows import prepared, ratio


@attrs.frozen
class Spec:
    """Which class, or which average over classes."""

    positive: Label | None = param(None, doc=POSITIVE_DOC)
    average: Average | None = param(None, doc=AVERAGE_DOC)


def _area(ranking: Ranking, positive: Any, negative: Any) -> tuple[Any, Any]:
    above = (at_least(ranking, positive) + more_than(ranking, positive)) / 2
    share = ratio(above, positive.sum())
    defined = (positive.sum() > 0) & (negative.sum() > 0)
    return ratio((negative * share).sum(), negative.sum()), defined


def metric(spec: Spec, view: MetricView) -> Any:
    """The area, from the weight of positive rows above each negative one."""
    return over_problems(spec, prepared(problems, spec, view), view.weight, _area)


@hookimpl
def mldsl_components() -> list[Component]:
    """Area under the ROC curve."""
    return [
        Metric(
            "roc_auc", Spec, metric=metric, prepare=problems, tasks={"classify"}, better="higher", needs=("scores",),
            lowest=0.0, highest=1.0, also_known_as=("auc", "auroc", "c_statistic"),
            sources=(
                "Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747",
                "Provost & Domingos 2000, Well-trained PETs (one against rest)",
            ),
            snippet='metrics { roc_auc >= 0.8 as primary }',
        )
    ]  # fmt: skip
