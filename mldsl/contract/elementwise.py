"""Operators and functions of one row on the device: of row expressions, and of curves with parameters.

NaN is missing: arithmetic passes it on, a comparison with it is missing too, and `and` and `or` know three truths.
Where a function is not defined the value is NaN, and its derivative elsewhere is not touched by that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp


def _truth(value: Any) -> Any:
    """1 or 0, NaN where missing; a binary column holds where it has its positive level."""
    return jnp.where(jnp.isnan(value), jnp.nan, jnp.where(value == 1, 1.0, 0.0))


def _and(a: Any, b: Any) -> Any:
    a, b = _truth(a), _truth(b)
    return jnp.where((a == 0) | (b == 0), 0.0, a * b)


def _or(a: Any, b: Any) -> Any:
    a, b = _truth(a), _truth(b)
    return jnp.where((a == 1) | (b == 1), 1.0, a + b)


def _one_of(x: Any, *values: Any) -> Any:
    found = jnp.zeros_like(x)
    for value in values:
        found = jnp.where(x == value, 1.0, found)
    return jnp.where(jnp.isnan(x), jnp.nan, found)


def _if_else(condition: Any, yes: Any, no: Any) -> Any:
    holds = _truth(condition)
    return jnp.where(jnp.isnan(holds), jnp.nan, jnp.where(holds == 1, yes, no))


def _compare(test: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compare(a: Any, b: Any) -> Any:
        return jnp.where(jnp.isnan(a) | jnp.isnan(b), jnp.nan, jnp.where(test(a, b), 1.0, 0.0))

    return compare


OPERATORS: dict[str, Callable[..., Any]] = {
    "+": jnp.add,
    "-": jnp.subtract,
    "*": jnp.multiply,
    "/": lambda a, b: jnp.where(b == 0, jnp.nan, a / jnp.where(b == 0, 1, b)),
    "^": jnp.power,
    "negate": jnp.negative,
    "==": _compare(lambda a, b: a == b),
    "!=": _compare(lambda a, b: a != b),
    "<": _compare(lambda a, b: a < b),
    "<=": _compare(lambda a, b: a <= b),
    ">": _compare(lambda a, b: a > b),
    ">=": _compare(lambda a, b: a >= b),
    "and": _and,
    "or": _or,
    "not": lambda a: 1 - _truth(a),
}

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log": lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)), jnp.nan),
    "log1p": lambda x: jnp.where(x > -1, jnp.log1p(jnp.where(x > -1, x, 0)), jnp.nan),
    "exp": jnp.exp,
    "sqrt": lambda x: jnp.where(x >= 0, jnp.sqrt(jnp.maximum(x, 0)), jnp.nan),
    "abs": jnp.abs,
    "min": lambda *xs: jnp.stack(xs).min(axis=0),
    "max": lambda *xs: jnp.stack(xs).max(axis=0),
    "round": lambda x, digits=0.0: jnp.round(x * 10.0**digits) / 10.0**digits,
    "clip": lambda x, low, high: jnp.where(jnp.isnan(x), x, jnp.clip(x, low, high)),
    "sign": jnp.sign,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "is_missing": lambda x: jnp.isnan(x).astype(x.dtype),
    "coalesce": lambda *xs: _coalesce(xs),
    "null_if": lambda x, value: jnp.where(x == value, jnp.nan, x),
    "one_of": _one_of,
    "if_else": _if_else,
}


def _coalesce(values: Sequence[Any]) -> Any:
    result = values[-1]
    for value in reversed(values[:-1]):
        result = jnp.where(jnp.isnan(value), result, value)
    return result
