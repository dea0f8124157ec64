"""Errors of predicted numbers, and the spread of the target they are compared with."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView
from mldsl_plugins.metrics._rows import average, namespace, ratio, total, when_any


def errors(view: MetricView) -> Any:
    """prediction - target, 0 in rows that are not there, [n]."""
    xp = namespace(view)
    kind = view.weight.dtype
    target = xp.asarray(view.target).astype(kind)
    return xp.where(view.weight > 0, xp.asarray(view.prediction).astype(kind) - target, 0).astype(kind)


def spread(weight: Any, values: Any) -> Any:
    """sum w (v - mean)^2, exactly 0 for a constant: two passes, so nothing cancels. NaN without rows."""
    there = weight > 0
    mean = average(weight, values)
    high = jnp.max(jnp.where(there, values, -jnp.inf), initial=-jnp.inf)
    low = jnp.min(jnp.where(there, values, jnp.inf), initial=jnp.inf)
    squares = (weight * jnp.where(there, values - mean, 0) ** 2).sum()
    return when_any(weight, jnp.where(high > low, squares, 0))


def explained(weight: Any, left: Any, there: Any) -> Any:
    """1 - left / there, of sums of squares; where there is nothing to explain: 1 if nothing is left, else 0."""
    return when_any(weight, jnp.where(there > 0, 1 - ratio(left, there), jnp.where(left > 0, 0.0, 1.0)))


def determination(weight: Any, target: Any, error: Any) -> Any:
    """R squared: 1 - sum w e^2 / sum w (t - mean)^2."""
    return explained(weight, total(weight, error**2), spread(weight, target))
