"""Pinball loss: how well predictions hit the quantile q of the target.

    pinball = sum_i w_i l(t_i - p_i) / sum_i w_i,   l(e) = q e for e >= 0, (q - 1) e for e < 0

The constant that minimises it is the quantile q of the target. At q = 0.5 it is half of the mean absolute error; at
q = 0.9 a prediction that is too low costs nine times as much as one that is too high by the same amount.

Range:   0 upwards, lower is better. Unit: that of the target.
Edges:   no rows give NaN.
Source:  Koenker & Bassett 1978, doi:10.2307/1913643.
"""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, Share, hookimpl, param
from mldsl_plugins.metrics._errors import errors
from mldsl_plugins.metrics._rows import average, namespace, prepared


@attrs.frozen
class Spec:
    """Which quantile the predictions should hit."""

    q: Share = param(
        Share(0.5), gt=0, lt=1, doc="The share of targets that should lie below the prediction.",
        also_known_as=("alpha", "quantile", "tau"),
    )  # fmt: skip


def prepare(spec: Spec, view: MetricView) -> Any:
    """l(t - p), [n]."""
    xp = namespace(view)
    error = errors(view)  # prediction - target
    return xp.maximum(-spec.q * error, (1 - spec.q) * error)


def metric(spec: Spec, view: MetricView) -> Any:
    """The weighted mean of l."""
    return average(view.weight, prepared(prepare, spec, view))


@hookimpl
def mldsl_components() -> list[Component]:
    """Pinball loss."""
    return [
        Metric(
            "pinball", Spec, metric=metric, prepare=prepare, tasks={"regress"}, better="lower", needs=("labels",),
            lowest=0.0, also_known_as=("mean_pinball_loss", "quantile_loss", "check_loss"),
            sources=("Koenker & Bassett 1978, doi:10.2307/1913643",), snippet="metrics { pinball(90%) }",
        )
    ]  # fmt: skip
