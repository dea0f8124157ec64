"""Cohen's kappa: agreement beyond what chance alone would give.

    kappa = 1 - sum_ab v_ab observed_ab / sum_ab v_ab expected_ab

with a the actual and b the predicted class, v_ab their disagreement: 1 unless equal (`none`), |a - b| (`linear`) or
(a - b)^2 (`quadratic`, for ordered classes), and expected the product of the margins.

Range:   at most 1, higher is better; 0 is chance.
Edges:   NaN where targets and predictions are all of one and the same class, and for no rows.
Sources: Cohen 1960, doi:10.1177/001316446002000104; weighted: Cohen 1968, doi:10.1037/h0026256.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import confusion, prepare_confusion
from mldsl_plugins.metrics._rows import ratio


@attrs.frozen
class Spec:
    """How much a disagreement counts."""

    weights: Literal["none", "linear", "quadratic"] = param(
        "none", doc="How a disagreement grows with the distance of ordered classes; none: all count the same."
    )


def metric(spec: Spec, view: MetricView) -> Any:
    """One minus observed over expected disagreement."""
    table = confusion(spec, view)
    code = jnp.arange(view.classes)
    distance = jnp.abs(code[:, None] - code[None, :]).astype(table.dtype)
    disagreement = {"none": jnp.minimum(distance, 1), "linear": distance, "quadratic": distance**2}[spec.weights]
    share = ratio(table, table.sum())
    expected = share.sum(axis=1)[:, None] * share.sum(axis=0)[None, :]
    return 1 - ratio((disagreement * share).sum(), (disagreement * expected).sum(), jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Cohen's kappa."""
    return [
        Metric(
            "cohen_kappa", Spec, metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher",
            lowest=-1.0, highest=1.0, also_known_as=("kappa", "cohen_kappa_score"),
            sources=("Cohen 1960, doi:10.1177/001316446002000104", "Cohen 1968, doi:10.1037/h0026256 (weighted)"),
            snippet="metrics { cohen_kappa(weights = quadratic) }",
        )
    ]  # fmt: skip
