"""What all metrics share: the array library a view is in, rows that are present, and averages over them.

A metric has two halves. `prepare` computes what does not depend on weights: on the host with NumPy (quick, nothing to
compile) or inside a compiled program with JAX; the view's own arrays say which. The metric itself then needs
O(n) a weight vector, most often sums of weights times prepared columns, so that a thousand bootstrap weights cost a
thousand sums. Rows whose weight is 0 in the view given to `prepare` are absent in all that follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from mldsl.contract import MetricView


def namespace(view: MetricView) -> Any:
    """`numpy` on the host, `jax.numpy` inside a program (the array API standard's own question)."""
    return view.weight.__array_namespace__()


def present(view: MetricView, values: Any, absent: float = 0) -> Any:
    """`values` [n] or [n, m] in the weights' type, with `absent` in rows that are not there, whatever they held."""
    xp = namespace(view)
    there = view.weight > 0
    there = there[:, None] if values.ndim == 2 else there
    return xp.where(there, values, xp.asarray(absent, values.dtype)).astype(view.weight.dtype)


def prepared(prepare: Callable[[Any, MetricView], Any], spec: Any, view: MetricView) -> Any:
    """What `prepare` gave, computed here where the engine has not done so."""
    return prepare(spec, view) if view.prepared is None else view.prepared


def total(weight: Any, values: Any) -> Any:
    """sum_i w_i v_i for values [n], or for each row of values [m, n].

    As a fused sum and not a matrix product: on a CPU those add up 200,000 float32 numbers a hundred times less exactly.
    """
    return (weight * values).sum() if values.ndim == 1 else (weight[None, :] * values).sum(axis=1)


def average(weight: Any, values: Any) -> Any:
    """sum w v / sum w; NaN where nothing has weight."""
    return total(weight, values) / weight.sum()


def ratio(numerator: Any, denominator: Any, otherwise: float = 0) -> Any:
    """numerator / denominator, and `otherwise` where the denominator is 0."""
    nonzero = denominator != 0
    return jnp.where(nonzero, numerator / jnp.where(nonzero, denominator, 1), otherwise)


def when_any(weight: Any, value: Any) -> Any:
    """The value, or NaN where no row has weight: a metric of nothing is not a number."""
    return jnp.where(weight.sum() > 0, value, jnp.nan)
