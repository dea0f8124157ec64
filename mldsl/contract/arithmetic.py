"""Curves with parameters from their text: `y ~ b1 * (1 - exp(-b2 * x))` as a function of arrays by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import attrs
import jax.numpy as jnp

from mldsl.contract.elementwise import FUNCTIONS, OPERATORS
from mldsl.source import Source
from mldsl.syntax import ast
from mldsl.syntax.parse import parse


@attrs.frozen(eq=False)
class Curve:
    """The right side of a formula. `names` are those of its columns and parameters, in the order of the text."""

    text: str
    names: tuple[str, ...]
    right: ast.Expr

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Its value from arrays of one shape, or numbers, by name."""
        return _value(self.right, values)


@cache
def curve(text: str) -> Curve:
    """The curve of a canonical text. Raises ValueError for a text that is none."""
    program, found = parse(Source("formula", f"mlp 1\n\nmodel {{ curve({text}) }}\n"))
    node: Any = None
    if not found:
        model: Any = program.items[0]
        node = model.body[0].args[0]
    if not isinstance(node, ast.Formula):
        raise ValueError(f"expected a formula such as `y ~ b1 * exp(b2 * x)`, found `{text}`")
    names: dict[str, None] = {}
    for part in ast.walk(node.right):
        if isinstance(part, ast.Ref) and part.dotted not in ("true", "false"):
            names.setdefault(part.dotted)
        elif isinstance(part, ast.Column):
            names.setdefault(part.name)
    return Curve(text, tuple(names), node.right)


def _value(node: Any, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Number():
            return jnp.asarray(float(node.value))
        case ast.Ref():
            return values[node.dotted]
        case ast.Column():
            return values[node.name]
        case ast.Negate():
            return -_value(node.operand, values)
        case ast.Power():
            return _power(node, values)
        case ast.Binary() | ast.Compare():
            return _apply(OPERATORS[node.op], node.left, node.right, values=values)
        case ast.And():
            return _apply(OPERATORS["and"], node.left, node.right, values=values)
        case ast.Or():
            return _apply(OPERATORS["or"], node.left, node.right, values=values)
        case ast.Not():
            return OPERATORS["not"](_value(node.operand, values))
        case ast.Call():
            function = FUNCTIONS[node.dotted.rpartition(".")[2]]
            arguments = (arg.value if isinstance(arg, ast.Named) else arg for arg in node.args)
            return _apply(function, *arguments, values=values)
    raise ValueError(f"`{node.kind}` cannot stand in a curve")


def _power(node: ast.Power, values: Mapping[str, Any]) -> Any:
    """Small whole powers as products: their derivative at 0 is a number, and so is that of a negative base."""
    base = _value(node.left, values)
    whole = node.right.value if isinstance(node.right, ast.Number) else None
    if isinstance(whole, int) and abs(whole) <= 16:
        return base**whole
    return _apply(OPERATORS["^"], node.left, node.right, values=values)


def _apply(function: Callable[..., Any], *nodes: Any, values: Mapping[str, Any]) -> Any:
    return function(*jnp.broadcast_arrays(*(_value(node, values) for node in nodes)))
