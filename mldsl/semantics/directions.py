"""Which way an answer goes with columns: `monotone = [age = increasing, price = decreasing]`."""

from __future__ import annotations

from typing import Any

from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.plugin.wording import named
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.scope import Scope
from mldsl.semantics.value_messages import FAILED, mismatch
from mldsl.syntax import ast

WORDS = ("increasing", "decreasing")
_OTHERS = {1: "increasing", -1: "decreasing", 0: None}  # as other libraries write them


def directions_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """A direction for each of some columns: ((column, word), ...)."""
    if not isinstance(node, ast.List) or not node.items or not all(isinstance(item, ast.Named) for item in node.items):
        return mismatch(node, type_, parameter, owner, scope)
    found: dict[str, str] = {}
    failed = False
    for item in node.items:
        assert isinstance(item, ast.Named)
        column, word = _column(item.key, scope), _word(item.value, scope)
        if column is not None and column in found:
            scope.findings.error("MLP0113", f"`{column}` is given twice", item.key.span)
        failed |= column is None or word is None
        found[column or ""] = word or ""
    return FAILED if failed else tuple(found.items())


def _column(key: ast.Ref | ast.String | ast.Number | ast.Column, scope: Scope) -> str | None:
    if isinstance(key, ast.String):
        meant = named(key.value)
        text = f"`` {meant} = ... ``" if "`" in meant else f"`{meant} = ...`"
        scope.findings.error("MLP0201", "a column is written without quotes", key.span, help=f"write {text}")
        return None
    name = key.dotted if isinstance(key, ast.Ref) else key.name if isinstance(key, ast.Column) else str(key.value)
    if scope.frame.find(name) is None:
        scope.frame.unknown(name, key.span, scope.findings)
        return None
    return name


def _word(node: ast.Expr, scope: Scope) -> str | None:
    if isinstance(node, ast.Ref) and node.dotted in WORDS:
        return node.dotted
    value = scope.constants.evaluate(node)
    number = value.value if value is not None and value.kind == "integer" and not value.open else None
    meant = _OTHERS.get(number) if isinstance(number, int) else None
    text = node.dotted if isinstance(node, ast.Ref) else node.value if isinstance(node, ast.String) else ""
    help_text = f"write `{meant}`" if meant else did_you_mean(text, WORDS) if text else None
    scope.findings.error(
        "MLP0203", "a direction is `increasing` or `decreasing`", node.span, help=help_text or one_of(WORDS)
    )
    return None
