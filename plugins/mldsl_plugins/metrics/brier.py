"""Brier score: the mean squared error of probabilities.

    two classes:      sum_i w_i (p_i - y_i)^2 / sum_i w_i,   p the probability of the positive class, y 1 or 0
    several classes:  sum_i w_i sum_c (p_ic - y_ic)^2 / sum_i w_i

Range:   0..1 with two classes, 0..2 with several (Brier's own form, which is twice the first); lower is better. A
         strictly proper score.
Edges:   no rows give NaN.
Source:  Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """The squared distance of each row's probabilities from what happened, [n]."""
    xp = namespace(view)
    happened = view.target[:, None] == xp.arange(view.classes)[None, :]
    distance = (present(view, view.probability - happened) ** 2).sum(axis=1)
    return distance / 2 if view.classes == 2 else distance


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of squared distances."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Brier score."""
    return [
        Metric(
            "brier", metric=metric, prepare=prepare, tasks={"classify"}, better="lower", needs=("probabilities",),
            lowest=0.0, highest=2.0, also_known_as=("brier_score",),
            sources=("Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",), snippet="metrics { brier }",
        )
    ]  # fmt: skip
