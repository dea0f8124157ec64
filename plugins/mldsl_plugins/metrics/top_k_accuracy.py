"""Top-k accuracy: the share of rows whose class is among the k most probable ones.

    top-k accuracy = sum_i w_i [rank of target_i by probability <= k] / sum_i w_i

Range:   0..1, higher is better; 1 where k is the number of classes or more.
Edges:   of equal probabilities the later class ranks first; no rows give NaN.
Source:  Russakovsky et al. 2015, doi:10.1007/s11263-015-0816-y.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import class_scores, of_target
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


@attrs.frozen
class Spec:
    """How many guesses count."""

    k: int = param(5, ge=1, doc="How many of the most probable classes count as a hit.")


def prepare(spec: Spec, view: MetricView) -> Any:
    """1 for rows whose class is among the first k, [n]."""
    xp = namespace(view)
    scores = class_scores(view)
    own = of_target(view, scores)[:, None]
    later = xp.arange(view.classes)[None, :] > view.target[:, None]
    before = (scores > own) | ((scores == own) & later)
    return present(view, before.sum(axis=1) < spec.k)


def metric(spec: Spec, view: MetricView) -> Any:
    """The weighted share of hits."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Top-k accuracy."""
    return [
        Metric(
            "top_k_accuracy", Spec, metric=metric, prepare=prepare, tasks={"classify"}, better="higher",
            needs=("scores",), lowest=0.0, highest=1.0, example=Spec(k=2),
            sources=("Russakovsky et al. 2015, doi:10.1007/s11263-015-0816-y",),
            snippet="metrics { top_k_accuracy(k = 3) }",
        )
    ]  # fmt: skip
