"""Balanced accuracy: the mean over classes of the share of its rows that are predicted right.

    balanced accuracy = mean over classes c that occur of  (rows of c predicted as c) / (rows of c)

Range:   0..1, higher is better; guessing gives 1 / classes whatever the classes' sizes.
Edges:   classes without rows are left out of the mean; no rows at all give NaN.
Source:  Brodersen et al. 2010, doi:10.1109/ICPR.2010.764.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl.plugin import Component, Metric, NoSpec, hookimpl
from mldsl_plugins.metrics._classes import counts, prepare_confusion
from mldsl_plugins.metrics._rows import ratio


def metric(spec: NoSpec, view: MetricView) -> Any:
    """Mean recall over the classes that occur."""
    count = counts(spec, view)
    return ratio(ratio(count.hit, count.actual).sum(), (count.actual > 0).sum(), jnp.nan)


@hookimpl
def mldsl_components() -> list[Component]:
    """Balanced accuracy."""
    return [
        Metric(
            "balanced_accuracy", metric=metric, prepare=prepare_confusion, tasks={"classify"}, better="higher",
            lowest=0.0, highest=1.0, sources=("Brodersen et al. 2010, doi:10.1109/ICPR.2010.764",),
            snippet="metrics { balanced_accuracy }",
        )
    ]  # fmt: skip
