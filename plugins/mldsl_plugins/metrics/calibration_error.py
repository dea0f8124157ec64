"""Calibration error: how far probabilities are from the shares that happened, over bins of probability.

    ECE = sum over bins b of  |sum_{i in b} w_i (p_i - y_i)| / sum_i w_i

With a positive class, p is its probability and y whether the row is positive; with several classes and no `positive`, p
is the largest probability and y whether that class is right. Bins are of equal width, closed above.

Range:   0..1, lower is better. It rises with the number of bins and falls with the number of rows.
Edges:   empty bins add nothing; no rows give NaN.
Sources: Naeini, Cooper & Hauskrecht 2015, AAAI; Guo et al. 2017, ICML (arXiv:1706.04599).
"""

from __future__ import annotations

from typing import Any

import attrs
import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Label, Metric, hookimpl, param
from mldsl_plugins.metrics._classes import POSITIVE_DOC, cells, positive_class, tally
from mldsl_plugins.metrics._rows import namespace, prepared, present, ratio


@attrs.frozen
class Spec:
    """How many bins, and which class."""

    bins: int = param(10, ge=1, doc="Number of bins of equal width.")
    positive: Label | None = param(None, doc=POSITIVE_DOC)


def prepare(spec: Spec, view: MetricView) -> Any:
    """The bin of each row's probability, and the probability minus what happened."""
    xp = namespace(view)
    positive = positive_class(view)
    if positive is None:
        probability = view.probability.max(axis=1)
        happened = view.probability.argmax(axis=1) == view.target
    else:
        probability, happened = view.probability[:, positive], view.target == positive
    probability = present(view, probability)
    bin_of = xp.clip(xp.ceil(xp.clip(probability, 0, 1) * spec.bins) - 1, 0, spec.bins - 1).astype(xp.int32)
    return cells(view, bin_of, spec.bins), present(view, probability - happened)


def metric(spec: Spec, view: MetricView) -> Any:
    """The summed absolute differences of the bins, per row."""
    bin_of, difference = prepared(prepare, spec, view)
    return ratio(jnp.abs(tally(view.weight * difference, bin_of, spec.bins)).sum(), view.weight.sum(), jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Expected calibration error."""
    return [
        Metric(
            "calibration_error", Spec, metric=metric, prepare=prepare, tasks={"classify"}, better="lower",
            needs=("probabilities",), lowest=0.0, highest=1.0, also_known_as=("ece", "expected_calibration_error"),
            sources=("Naeini, Cooper & Hauskrecht 2015, AAAI", "Guo et al. 2017, ICML, arXiv:1706.04599"),
            snippet="metrics { calibration_error(bins = 15) }",
        )
    ]  # fmt: skip
