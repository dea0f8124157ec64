"""Expected cost: what a row's prediction costs on average.

    cost = sum_i w_i C[target_i, prediction_i] / sum_i w_i

`costs = ["bad" = ["good" = 5]]` reads: a row that is bad and is said to be good costs 5. Pairs that are not named cost
0 where the prediction is right and 1 where it is wrong, so that without costs this is 1 - accuracy. A right prediction
may cost something, too: `["bad" = ["bad" = 0.5]]`.

Range:   0..the largest cost, in the unit of the costs; lower is better. Only differences within a row of the table
         matter to a decision, so gains are costs that are left out.
Edges:   no rows give NaN. The prediction is the class after the model's threshold: `threshold = minimize(...)` chooses
         the one that costs least. A row of a class that no training row has costs 1.
Source:  Elkan 2001, The foundations of cost-sensitive learning, IJCAI.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Costs, Metric, hookimpl, param
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


@attrs.frozen
class Spec:
    """What mistakes cost."""

    costs: Costs = param(doc='Cost by actual level, then by predicted level: `["bad" = ["good" = 5]]`.')


def prepare(spec: Spec, view: MetricView) -> Any:
    """What each row's prediction costs, [n]."""
    xp = namespace(view)
    wrong = view.prediction != view.target
    if view.costs is None:
        return present(view, wrong)
    there = view.weight > 0
    actual, said = (xp.where(there, codes, 0).astype(xp.int32) for codes in (view.target, view.prediction))
    return present(view, xp.asarray(view.costs)[actual, said])


def metric(spec: Spec, view: MetricView) -> Any:
    """The weighted mean of the rows' costs."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Expected cost."""
    return [
        Metric(
            "expected_cost", Spec, metric=metric, prepare=prepare, tasks={"classify"}, better="lower", lowest=0.0,
            example=Spec(costs=(("bad", (("good", 5.0),)),)), also_known_as=("cost_matrix", "misclassification_cost"),
            sources=("Elkan 2001, IJCAI",), snippet='metrics { expected_cost(costs = ["survived" = ["died" = 5]]) }',
        )
    ]  # fmt: skip
