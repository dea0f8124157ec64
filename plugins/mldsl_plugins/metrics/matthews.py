"""Matthews correlation: the correlation of predicted and actual class, for any number of classes.

    MCC = (n s - sum_c t_c p_c) / sqrt((n^2 - sum_c p_c^2) (n^2 - sum_c t_c^2))

with n rows, s of them right, t_c of class c, p_c predicted as c. With two classes it is the phi coefficient.

Range:   -1..1, higher is better; 0 is guessing, whatever the classes' sizes.
Edges:   0 where targets or predictions are all of one class; no rows give NaN.
Sources: Matthews 1975, doi:10.1016/0005-2795(75)90109-9; several classes: Gorodkin 2004,
         doi:10.1016/j.compbiolchem.2004.09.006.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._classes import counts, prepare_confusion
from mldsl_plugins.metrics._rows import ratio, when_any


def metric(spec: NoSpec, view: MetricView) -> Any:
    """The correlation, from shares of rows so that squares of large counts do not lose digits."""
    count = counts(spec, view)
    hit, predicted, actual = (ratio(part, count.mass) for part in (count.hit, count.predicted, count.actual))
    # 1 - sum p^2 = sum p (1 - p), which is exactly 0 for a single class.
    spread = (predicted * (1 - predicted)).sum() * (actual * (1 - actual)).sum()
    agreement = hit.sum() - (predicted * actual).sum()
    return when_any(view.weight, ratio(agreement, jnp.sqrt(jnp.maximum(spread, 0))))


@hookimpl
def mldsl_components() -> list[Component]:
    """Matthews correlation."""
    return [
        Metric(
            "matthews", metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher", lowest=-1.0,
            highest=1.0, also_known_as=("mcc", "matthews_corrcoef", "phi"),
            sources=(
                "Matthews 1975, doi:10.1016/0005-2795(75)90109-9",
                "Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006",
            ),
            snippet="metrics { matthews }",
        )
    ]  # fmt: skip
