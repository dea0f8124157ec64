"""Log loss: the mean negative logarithm of the probability that was given to what happened.

    log loss = - sum_i w_i log p_i(target_i) / sum_i w_i        (natural logarithm)

Range:   0 upwards, lower is better; predicting the classes' shares gives their entropy. A strictly proper score.
Edges:   probabilities are raised to the smallest step below 1 of their type (2.2e-16 in float64, 1.2e-7 in float32), so
         that one certain mistake costs 36 or 16 and not infinity. No rows give NaN.
Source:  Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x.
"""

from __future__ import annotations

from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._classes import of_target
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """-log p of each row's own class, [n]."""
    xp = namespace(view)
    least = xp.finfo(view.probability.dtype).eps
    return -xp.log(xp.clip(present(view, of_target(view, view.probability), absent=1), least, 1))


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of -log p."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Log loss."""
    return [
        Metric(
            "log_loss", metric=metric, prepare=prepare, tasks={"classify"}, better="lower", needs=("probabilities",),
            lowest=0.0, also_known_as=("cross_entropy", "logistic_loss", "negative_log_likelihood"),
            sources=("Good 1952, doi:10.1111/j.2517-6161.1952.tb00104.x",), snippet="metrics { log_loss <= 0.5 }",
        )
    ]  # fmt: skip
