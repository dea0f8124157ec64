"""Row expressions (`log(fare) - mean_fare`, `delay > 15 and not cancelled`) as Polars expressions.

Missing values follow SQL: an operation on a missing value is missing, `and` and `or` know three truths, and a
comparison with a missing value is missing, so `where` drops the row. Division by zero gives an infinite value (MLP0411
where a column keeps it); what has no value at all (0 / 0, the log of -1) is missing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, Literal

import attrs
import polars as pl

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import Apply, ColumnPlan, Columns, ColumnUse, Constant, RowExpression
from mldsl.plugin import Function, Operand

Functions = Mapping[str, Function] | Callable[[str], Function]
Sort = Literal["number", "boolean", "binary", "ordinal", "text", "time", "tensor"]

SORT_OF: Mapping[str, Sort] = {
    "continuous": "number", "integer": "number", "binary": "binary", "categorical": "text", "ordinal": "ordinal",
    "text": "text", "id": "text", "time": "time", "image": "tensor", "sequence": "tensor", "vector": "tensor",
}  # fmt: skip
TRUE_WORDS = ("1", "1.0", "true", "yes")
COMPARE: Mapping[str, Callable[[Any, Any], pl.Expr]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC: Mapping[str, Callable[[Any, Any], pl.Expr]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def row_expression(
    expr: RowExpression, functions: Functions, columns: Mapping[str, ColumnPlan] | None = None
) -> pl.Expr:
    """The Polars expression of a row expression over columns in their canonical types.

    `functions` finds a row function by its full name. `columns` are the declared columns by name: they tell that a
    column is `ordinal` (compared by rank), `binary` (a truth value where one is wanted) or `time` (compared with text
    as ISO 8601); other columns are taken as Polars types them.
    """
    return _Compiler(functions, columns or {}).value(expr)


def truth_expression(
    expr: RowExpression, functions: Functions, columns: Mapping[str, ColumnPlan] | None = None
) -> pl.Expr:
    """The same for a condition (`where`): the expression is boolean."""
    compiler = _Compiler(functions, columns or {})
    return compiler.truth(compiler.compile(expr))


def columns_of(expr: RowExpression) -> Iterable[str]:
    """The names of the columns an expression reads, each as often as it does."""
    match expr:
        case ColumnUse(name=name):
            yield name
        case Columns(names=names):
            yield from names
        case Apply(args=args):
            for arg in args:
                yield from columns_of(arg)


def gathered(expression: RowExpression) -> set[str]:
    """The columns that functions such as `image` gather in an expression."""
    if isinstance(expression, Columns):
        return set(expression.names)
    if isinstance(expression, Apply):
        return {name for arg in expression.args for name in gathered(arg)}
    return set()


def reads(name: str, computed: Mapping[str, RowExpression]) -> set[str]:
    """Every column that a computed one reads, directly or through others."""
    found: set[str] = set()
    pending = [name]
    while pending:
        expression = computed.get(pending.pop())
        for used in columns_of(expression) if expression is not None else ():
            if used not in found:
                found.add(used)
                pending.append(used)
    return found


# Roles whose levels a model learns from: elsewhere a level that no training row has means nothing.
LEARNED = ("input", "target", "user", "item")


@attrs.frozen
class _Typed:
    expr: pl.Expr
    sort: Sort
    column: ColumnPlan | None = None
    constant: Any = None


@attrs.frozen
class _Compiler:
    functions: Functions
    columns: Mapping[str, ColumnPlan]

    def value(self, node: RowExpression) -> pl.Expr:
        return self.compile(node).expr

    def compile(self, node: RowExpression) -> _Typed:
        match node:
            case Constant(value=value):
                sort: Sort = "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
                return _Typed(pl.lit(value), sort, constant=value)
            case ColumnUse(name=name):
                column = self.columns.get(name)
                return _Typed(pl.col(name), SORT_OF[column.type] if column else "number", column)
            case Apply(op=op, args=args, function=None):
                return self._operator(op, args)
            case Apply(args=args, function=function):
                assert function is not None
                return self._call(function, args)
        raise TypeError(f"{type(node).__name__} has no value of its own")

    # ---- operators ---------------------------------------------------------------------------------------------------
    def _operator(self, op: str, args: tuple[RowExpression, ...]) -> _Typed:
        operands = [self.compile(arg) for arg in args]
        if op in ("and", "or"):
            combine = operator.and_ if op == "and" else operator.or_
            return _Typed(reduce(combine, [self.truth(operand) for operand in operands]), "boolean")
        if op == "not":
            return _Typed(~self.truth(operands[0]), "boolean")
        if op == "negate" or (op == "-" and len(operands) == 1):
            return _Typed(-operands[0].expr, "number")
        left, right = operands
        if op in COMPARE:
            return _Typed(self._compare(op, left, right), "boolean")
        if op == "^":
            power = left.expr.cast(pl.Float64) ** right.expr.cast(pl.Float64)
            return _Typed(power.fill_nan(None), "number")
        if left.sort == "time" and op in "+-":
            seconds = pl.duration(microseconds=(right.expr * 1e6).cast(pl.Int64))
            return _Typed(ARITHMETIC[op](left.expr, seconds), "time")
        result = ARITHMETIC[op](left.expr, right.expr)
        return _Typed(result.fill_nan(None) if op == "/" else result, "number")

    def truth(self, operand: _Typed) -> pl.Expr:
        """As a condition: a binary column holds if it has its positive level."""
        if operand.sort != "binary" or operand.column is None:
            return operand.expr
        if operand.column.levels:
            return operand.expr == pl.lit(operand.column.levels[-1])
        return operand.expr.str.to_lowercase().is_in(TRUE_WORDS)

    def _compare(self, op: str, left: _Typed, right: _Typed) -> pl.Expr:
        sorts = {left.sort, right.sort}
        a, b = left.expr, right.expr
        if sorts == {"boolean", "binary"}:
            a, b = self.truth(left), self.truth(right)
        elif "ordinal" in sorts:
            a, b = _ranked(left, right)
        elif sorts == {"time", "text"}:
            a, b = (x.expr if x.sort == "time" else _moment(x) for x in (left, right))
        elif "number" in sorts and sorts & {"text", "binary"}:
            a, b = (_as_text(x) for x in (left, right))
        return COMPARE[op](a, b)

    # ---- functions ---------------------------------------------------------------------------------------------------
    def _call(self, full_name: str, args: tuple[RowExpression, ...]) -> _Typed:
        function = self.functions(full_name) if callable(self.functions) else self.functions[full_name]
        operands = tuple(function.operands)
        given: list[Any] = []
        pending: dict[int, tuple[_Typed, Operand]] = {}
        values: list[_Typed] = []  # the operands that the result may come from
        for index, arg in enumerate(args):
            operand = operands[min(index, len(operands) - 1)]
            if operand.literal is not None:
                given.append(_literal(arg))
            elif isinstance(arg, Columns):
                given.append([pl.col(name) for name in arg.names])
            elif isinstance(arg, Constant) and arg.value is None:
                given.append(None)  # an optional operand that was left out
            else:
                typed = self.compile(arg)
                if operand.types != ("binary",):
                    values.append(typed)
                pending[len(given)] = (typed, operand)
                given.append(None)
        # `coalesce(smoker, false)`: beside a truth value a binary column is one too.
        mixed = {"boolean", "binary"} <= {value.sort for value in values}
        for place, (typed, operand) in pending.items():
            given[place] = self._operand_value(typed, operand, mixed)
        sort: Sort = SORT_OF.get(function.gives, values[0].sort if values else "number")
        if function.gives == "binary" or (mixed and function.gives in ("same", "common")):
            sort = "boolean"
        try:
            return _Typed(function.expression(*given), sort)
        except ValueError as error:  # a literal that the function cannot use, such as a pattern with an open bracket
            span = next((arg.span for arg in args if isinstance(arg, Constant)), None)
            raise MldslError(Diagnostic("MLP0201", f"`{function.name}`: {error}", span)) from None

    def _operand_value(self, typed: _Typed, operand: Operand, as_truth: bool) -> Any:
        if operand.types == ("binary",) or (as_truth and typed.sort == "binary"):
            value = self.truth(typed)
        elif typed.sort == "boolean" and operand.types and "continuous" not in operand.types:
            value = typed.expr.cast(pl.String)
        else:
            value = typed.expr
        return [value] if operand.columns else value


def _literal(node: RowExpression) -> Any:
    """The Python value of a literal operand; `-1` arrives as the negation of 1."""
    match node:
        case Constant(value=value):
            return value
        case Apply(op="negate" | "-", args=(Constant(value=value),)):
            return -value
    raise TypeError("a literal operand must be a constant")


def _ranked(left: _Typed, right: _Typed) -> tuple[pl.Expr, pl.Expr]:
    """Both sides as ranks of the written levels; without them as numbers, if the levels are that, or by code point."""
    column = next(x.column for x in (left, right) if x.sort == "ordinal" and x.column is not None)
    if column.levels:
        ranks = {level: rank for rank, level in enumerate(column.levels)}
        a, b = (_as_text(x).replace_strict(ranks, default=None, return_dtype=pl.Int32) for x in (left, right))
        return a, b
    if any(isinstance(x.constant, int | float) for x in (left, right)):
        a, b = (x.expr.cast(pl.Float64, strict=False) for x in (left, right))
        return a, b
    return left.expr, right.expr


def _as_text(operand: _Typed) -> pl.Expr:
    """A number beside levels is compared with their text: `pclass == 1`."""
    if isinstance(operand.constant, int | float) and not isinstance(operand.constant, bool):
        return pl.lit(f"{operand.constant:.15g}")
    return operand.expr if operand.constant is not None or operand.sort != "number" else operand.expr.cast(pl.String)


def _moment(operand: _Typed) -> pl.Expr:
    from mldsl.data.moments import iso_8601

    return iso_8601(operand.expr, every_form=True)
