"""Mean Poisson deviance: how well predicted rates explain counts.

    D = 2 sum_i w_i (t_i log(t_i / p_i) - t_i + p_i) / sum_i w_i,   with 0 log 0 = 0

It is twice what the log-likelihood of Poisson counts with means p falls short of that with means t. Unlike a squared
error it takes into account that large counts vary more.

Range:   0 upwards, lower is better. Unit: that of the target.
Edges:   a target below 0 is no count and is refused (MLP0312). A prediction of 0 or less, under which a count above 0
         is impossible, counts as 2.2e-16 in float64, 1.2e-7 in float32: it costs about 70 or 30 a count, and not
         infinity. (scikit-learn refuses both.) No rows give NaN.
Source:  McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6, section 6.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, Problem, hookimpl
from mldsl_plugins.metrics._rows import average, namespace, prepared, present


def check(spec: NoSpec, view: MetricView) -> Iterator[Problem]:
    """Targets must be counts."""
    low = view.target[view.weight > 0].min(initial=0)
    if low < 0:
        yield Problem("target", f"expected counts (0 or more), found {low:g}")


def prepare(spec: NoSpec, view: MetricView) -> Any:
    """The deviance of each row, [n]."""
    xp = namespace(view)
    target, prediction = present(view, view.target, absent=1), present(view, view.prediction, absent=1)
    rate = xp.maximum(prediction, xp.asarray(xp.finfo(prediction.dtype).eps, prediction.dtype))
    # 0 log 0 is 0; a logarithm of 1 stands where there is none.
    ratio = xp.where(target > 0, target / rate, xp.asarray(1, rate.dtype))
    return xp.where(target < 0, xp.asarray(xp.nan, rate.dtype), 2 * (target * xp.log(ratio) - target + rate))


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The weighted mean of the rows' deviances."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Mean Poisson deviance."""
    return [
        Metric(
            "poisson_deviance", metric=metric, prepare=prepare, check=check, tasks={"regress"}, better="lower",
            needs=("labels",), lowest=0.0,
            also_known_as=("mean_poisson_deviance", "d2_tweedie_score", "mean_tweedie_deviance"),
            sources=("McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6",), snippet="metrics { poisson_deviance }",
        )
    ]  # fmt: skip
