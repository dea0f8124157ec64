"""Row expressions on the device, for columns derived from what a fitted step gives.

Expressions over declared columns run on the host, in Polars; only those that read the output of a device step come
here. NaN is missing: arithmetic passes it on, and a comparison with it is missing too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import Apply, ColumnUse, Constant, RowExpression


def _compare(test: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compare(a: Any, b: Any) -> Any:
        return jnp.where(jnp.isnan(a) | jnp.isnan(b), jnp.nan, jnp.where(test(a, b), 1.0, 0.0))

    return compare


_OPERATORS: dict[str, Callable[..., Any]] = {
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
    "and": jnp.minimum,
    "or": jnp.maximum,
    "not": lambda a: 1 - a,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "log": lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)), jnp.nan),
    "log1p": lambda x: jnp.where(x > -1, jnp.log1p(jnp.where(x > -1, x, 0)), jnp.nan),
    "exp": jnp.exp,
    "sqrt": lambda x: jnp.where(x >= 0, jnp.sqrt(jnp.maximum(x, 0)), jnp.nan),
    "abs": jnp.abs,
    "min": lambda *xs: jnp.nanmin(jnp.stack(jnp.broadcast_arrays(*xs)), axis=0),
    "max": lambda *xs: jnp.nanmax(jnp.stack(jnp.broadcast_arrays(*xs)), axis=0),
    "round": lambda x, digits=0.0: jnp.round(x * 10.0**digits) / 10.0**digits,
    "clip": lambda x, low, high: jnp.where(jnp.isnan(x), x, jnp.clip(x, low, high)),
    "sign": jnp.sign,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "is_missing": lambda x: jnp.isnan(x).astype(x.dtype),
    "coalesce": lambda *xs: _coalesce(xs),
    "null_if": lambda x, value: jnp.where(x == value, jnp.nan, x),
    "if_else": lambda test, yes, no: jnp.where(jnp.isnan(test), jnp.nan, jnp.where(test > 0, yes, no)),
}


def _coalesce(values: Sequence[Any]) -> Any:
    result = values[-1]
    for value in reversed(values[:-1]):
        result = jnp.where(jnp.isnan(value), result, value)
    return result


def device_expression(expression: RowExpression, names: Sequence[str], matrix: Any) -> Any:
    """The expression's value for every row, [n], from the columns `names` of `matrix` [n, d]."""
    value = _value(expression, names, matrix)
    return jnp.broadcast_to(value, matrix.shape[:1])


def _value(expression: RowExpression, names: Sequence[str], matrix: Any) -> Any:
    if isinstance(expression, Constant):
        return jnp.asarray(float(expression.value), matrix.dtype)
    if isinstance(expression, ColumnUse):
        return matrix[:, list(names).index(expression.name)]
    if isinstance(expression, Apply):
        name = expression.op if expression.function is None else expression.function.rpartition(".")[2]
        table = _OPERATORS if expression.function is None else _FUNCTIONS
        function = table.get(name)
        if function is not None:
            n = matrix.shape[0]
            return function(*(jnp.broadcast_to(_value(a, names, matrix), (n,)) for a in expression.args))
    raise MldslError(
        Diagnostic(
            "MLP0312",
            "this expression reads the output of a fitted step, where only numbers exist",
            getattr(expression, "span", None),
            help="move it above the fitted steps, so that it reads the declared columns",
        )
    )
