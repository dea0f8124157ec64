"""Literals and constant arithmetic: what an expression is worth before any row is read.

Arithmetic is over numbers and shares (`7 * 7 * 64`, `1 / 255`), and over a duration or size and a number. A `$param`
is a constant too. Everything terminates: powers are bounded, and there are neither names nor calls to evaluate.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs

from mldsl.semantics.findings import Findings
from mldsl.semantics.names import did_you_mean
from mldsl.syntax import ast

Kind = Literal["integer", "number", "share", "duration", "size", "text", "boolean", "choice", "unknown"]

_NUMERIC = ("integer", "number", "share")
# Beyond this a power of integers is a float: the largest integer that a JSON number and a float hold alike.
_LARGEST_INTEGER = 2**53


@attrs.frozen(eq=False, repr=False)
class Value:
    """A constant: `kind` as the language names it, `value` in Python, and the `$params` that it was made from.

    A bare name is a "choice". The kind "unknown" stands for what failed elsewhere and is compatible with everything;
    a known kind whose `value` is None belongs to a `$param` that has not been given yet.
    """

    kind: Kind
    value: Any = None
    params: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the value itself is not known."""
        return self.value is None


UNKNOWN = Value("unknown")

DESCRIPTIONS: dict[str, str] = {
    "integer": "an integer", "number": "a number", "share": "a share", "duration": "a duration", "size": "a size",
    "text": "text", "boolean": "true or false", "choice": "a name",
}  # fmt: skip


class Constants:
    """Evaluates constants; knows the `$params` of the file."""

    def __init__(self, findings: Findings, params: dict[str, Value], *, lost: bool = False) -> None:
        self.findings = findings
        self.params = params
        self._lost = lost  # a param may exist that did not parse
        self.used: set[str] = set()

    def evaluate(self, node: ast.Arg) -> Value | None:
        """The value of a constant, `UNKNOWN` after an error, or None if this is no constant (a list, a call ...)."""
        match node:
            case ast.Number():
                return Value("integer" if isinstance(node.value, int) else "number", node.value)
            case ast.Quantity():
                return Value(node.dimension, int(node.value) if node.dimension == "size" else node.value)
            case ast.String():
                return Value("text", node.value)
            case ast.Ref(name=("true" | "false" as word,)):
                return Value("boolean", word == "true")
            case ast.Ref():
                return Value("choice", node.dotted)
            case ast.ParamRef():
                return self.param(node)
            case ast.Negate():
                operand = self._operand(node.operand)
                if operand is None or operand.open:
                    return operand
                return attrs.evolve(operand, value=-operand.value)
            case ast.Binary() | ast.Power():
                left, right = self._operand(node.left), self._operand(node.right)
                if left is None or right is None:
                    return None
                return self._arithmetic(node, node.op if isinstance(node, ast.Binary) else "^", left, right)
        return None

    def param(self, node: ast.ParamRef) -> Value:
        """The value of `$name`; MLP0104 if the file has no such param."""
        self.used.add(node.name)
        if node.name in self.params:
            return attrs.evolve(self.params[node.name], params=(node.name,))
        if not self._lost:
            self.findings.error(
                "MLP0104", f"unknown param `${node.name}`", node.span,
                help=did_you_mean(node.name, self.params) or f"declare it: `param {node.name}: TYPE = VALUE`",
            )  # fmt: skip
        self.params[node.name] = UNKNOWN  # said once
        return UNKNOWN

    def _operand(self, node: ast.Expr) -> Value | None:
        value = self.evaluate(node)
        if value is not None and value.kind in ("text", "boolean", "choice"):
            self.findings.error(
                "MLP0201", f"arithmetic needs numbers, not {DESCRIPTIONS[value.kind]}", node.span,
                help=None if value.kind != "choice" else "only row expressions and formulas may name columns",
            )  # fmt: skip
            return UNKNOWN
        return value

    def _arithmetic(self, node: ast.Expr, op: str, left: Value, right: Value) -> Value:
        params = (*left.params, *(name for name in right.params if name not in left.params))
        if left is UNKNOWN or right is UNKNOWN or "unknown" in (left.kind, right.kind):
            return UNKNOWN
        kind = _kind_of(op, left.kind, right.kind)
        if kind is None:
            self.findings.error(
                "MLP0201", f"`{op}` cannot join {DESCRIPTIONS[left.kind]} and {DESCRIPTIONS[right.kind]}", node.span
            )
            return UNKNOWN
        if left.open or right.open:
            return Value(kind, None, params)
        try:
            value = _compute(op, left.value, right.value)
        except ArithmeticError as error:
            self.findings.error("MLP0202", str(error), node.span)
            return UNKNOWN
        if isinstance(value, float) and kind == "integer":
            kind = "number"
        if kind == "size":
            value = round(value)
        return Value(kind, value, params)


def _kind_of(op: str, left: Kind, right: Kind) -> Kind | None:
    """The kind of the result; None where the two do not go together."""
    if left in _NUMERIC and right in _NUMERIC:
        if op == "/" or "number" in (left, right) or "share" in (left, right):
            return "number"
        return "integer"
    if op in "+-" and left == right and left in ("duration", "size"):
        return left
    if op in "*/" and left in ("duration", "size") and right in _NUMERIC:
        return left
    if op == "*" and right in ("duration", "size") and left in _NUMERIC:
        return right
    return None


def _compute(op: str, left: float, right: float) -> float:
    """The result; ArithmeticError with a message where there is none."""
    if (right == 0 and op == "/") or (left == 0 and right < 0 and op == "^"):
        raise ArithmeticError("division by zero")
    value: float
    match op:
        case "+":
            value = left + right
        case "-":
            value = left - right
        case "*":
            value = left * right
        case "/":
            value = left / right
        case _:
            value = _power(left, right)
    if isinstance(value, float) and not math.isfinite(value):
        raise ArithmeticError("this number is too large")
    return float(value) if abs(value) > _LARGEST_INTEGER else value


def _power(left: float, right: float) -> float:
    try:
        value = math.pow(left, right)
    except ValueError:
        raise ArithmeticError("a negative number has no such power") from None
    except OverflowError:
        raise ArithmeticError("this number is too large") from None
    exact = isinstance(left, int) and isinstance(right, int) and right >= 0 and abs(value) <= _LARGEST_INTEGER
    return round(value) if exact else value
