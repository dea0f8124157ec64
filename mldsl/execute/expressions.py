"""Row expressions on the device, for columns derived from what a fitted step gives.

Expressions over declared columns run on the host, in Polars; only those that read the output of a device step come
here. NaN is missing: arithmetic passes it on, a comparison with it is missing too, and `and` and `or` know three
truths, as on the host. Levels are codes: `coded` replaces what the file calls them by their place in the dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import jax.numpy as jnp

from mldsl.contract.elementwise import FUNCTIONS, OPERATORS
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import Apply, ColumnUse, Constant, RowExpression
from mldsl.plugin import NamedColumn

_NO_LEVEL = -2.0  # no code: -1 is an unseen level


def coded(expression: RowExpression, columns: Sequence[NamedColumn]) -> RowExpression:
    """The expression with levels as codes of these columns: `sex == "male"` compares with a number.

    A comparison that codes cannot decide (`<` of categories, two columns of different levels) is MLP0312.
    """
    if not isinstance(expression, Apply):
        return expression
    args = tuple(coded(arg, columns) for arg in expression.args)
    compares = expression.function is None and expression.op in ("==", "!=", "<", "<=", ">", ">=")
    function = (expression.function or "").rpartition(".")[2]
    if compares or function in ("one_of", "null_if"):
        args = _compared(expression, args, {c.name: c for c in columns if c.levels is not None})
    return attrs.evolve(expression, args=args)


def _compared(
    whole: Apply, args: tuple[RowExpression, ...], leveled: dict[str, NamedColumn]
) -> tuple[RowExpression, ...]:
    beside = [leveled[arg.name] for arg in args if isinstance(arg, ColumnUse) and arg.name in leveled]
    if not beside:
        return args
    levels = beside[0].levels or ()
    unlike = any(column.levels != levels for column in beside)
    if unlike or (whole.op in ("<", "<=", ">", ">=") and beside[0].type not in ("ordinal", "binary")):
        raise _too_late(whole)

    def code(arg: RowExpression) -> RowExpression:
        if not isinstance(arg, Constant) or isinstance(arg.value, bool) or arg.value is None:
            return arg
        text = arg.value if isinstance(arg.value, str) else f"{arg.value:.15g}"
        missing = float("nan") if beside[0].type == "ordinal" else _NO_LEVEL
        return attrs.evolve(arg, value=float(levels.index(text)) if text in levels else missing)

    return tuple(code(arg) for arg in args)


def _too_late(expression: RowExpression) -> MldslError:
    return MldslError(
        Diagnostic(
            "MLP0312",
            "this expression reads the output of a fitted step, where only numbers exist",
            getattr(expression, "span", None),
            help="move it above the fitted steps, so that it reads the declared columns",
        )
    )


def device_expression(expression: RowExpression, names: Sequence[str], matrix: Any) -> Any:
    """The expression's value for every row, [n], from the columns `names` of `matrix` [n, d]."""
    value = _value(expression, names, matrix)
    return jnp.broadcast_to(value, matrix.shape[:1])


def _value(expression: RowExpression, names: Sequence[str], matrix: Any) -> Any:
    if isinstance(expression, Constant) and isinstance(expression.value, int | float):
        return jnp.asarray(float(expression.value), matrix.dtype)
    if isinstance(expression, ColumnUse):
        return matrix[:, list(names).index(expression.name)]
    if isinstance(expression, Apply):
        name = expression.op if expression.function is None else expression.function.rpartition(".")[2]
        table = OPERATORS if expression.function is None else FUNCTIONS
        function = table.get(name)
        if function is not None:
            n = matrix.shape[0]
            known = [a for a in expression.args if a != Constant(None)]  # optional operands that were left out
            return function(*(jnp.broadcast_to(_value(a, names, matrix), (n,)) for a in known))
    raise _too_late(expression)
