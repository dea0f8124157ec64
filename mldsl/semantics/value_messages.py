"""What is said of an argument that does not fit its parameter."""

from __future__ import annotations

from typing import Any, Final

from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.semantics.constants import DESCRIPTIONS
from mldsl.semantics.names import article
from mldsl.semantics.scope import Scope
from mldsl.source import Span
from mldsl.syntax import ast


class _Failed:
    """The value of an argument that has been reported."""

    def __repr__(self) -> str:
        return "failed"


FAILED: Final = _Failed()

# What each type wants, as messages say it.
WANTED = {
    "int": "an integer", "number": "a number", "share": "a share such as `20%`", "bool": "`true` or `false`",
    "text": "text in quotes", "duration": "a duration such as `30s`", "size": "a size such as `512MB`",
    "range": "a range such as `1..5`", "enum": "a name", "column": "a column", "columns": "columns",
    "label": "a level of the target in quotes", "weights": 'weights such as `["yes" = 2]`',
    "costs": 'costs such as `["yes" = ["no" = 5]]` (actual, then predicted)',
    "formula": "a formula such as `~ a + b`", "arithmetic": "a formula such as `y ~ b1 * exp(b2 * x)`",
    "numbers": 'numbers such as `["b1" = 500]`', "ranges": 'ranges such as `["b1" = 0..10]`',
    "directions": "directions such as `[age = increasing, price = decreasing]`",
    "network": "the name of a network", "model": "a model",
    "component": "a component", "secret": '`env("NAME")`', "list": "a list such as `[a, b]`",
}  # fmt: skip
_NOUNS = {
    "list": "a list", "range": "a range", "formula": "a formula", "compare": "a comparison", "call": "a call",
    "and": "a condition", "or": "a condition", "not": "a condition", "interaction": "an interaction",
    "column": "a column",
}  # fmt: skip


def describe(node: ast.Arg, scope: Scope) -> str:
    """What was written, as a message says it: "text", "a list"."""
    value = scope.constants.evaluate(node) if node.kind not in _NOUNS else None
    if value is not None and value.kind != "unknown":
        return f"the name `{value.value}`" if value.kind == "choice" and value.value else DESCRIPTIONS[value.kind]
    return _NOUNS.get(node.kind, "this")


def _meant(node: ast.Arg, parameter: Parameter, scope: Scope) -> str | None:
    """What somebody meant who wrote a bare name where none can stand: a `$param`, or the parameter itself."""
    if not isinstance(node, ast.Ref):
        return None
    if node.dotted in scope.constants.params:
        return f"write `${node.dotted}` for the param of that name"
    return f"write `{parameter.name} = ...`" if node.dotted == parameter.name else None


def _rewritten(node: ast.Arg, type_: ParameterType, owner: str, scope: Scope) -> str | None:
    """How to write what was plainly meant: a name or a formula without quotes, a formula by its name, a range."""
    if isinstance(node, ast.String):
        named = type_.name == "component" and scope.components.get(type_.of or "", node.value) is not None
        formula = type_.name in ("formula", "arithmetic") and "~" in node.value
        return "write it without quotes" if named or formula else None
    if node.kind == "formula":
        declaration = scope.components.get("model", owner)
        takes = declaration is not None and declaration.parameter("formula") is not None
        return "write `formula = ~ ...`" if takes else None
    if type_.name == "range" and isinstance(node, ast.Number) and float(node.value) >= 1:
        one = f"{node.value:g}"
        return (
            f"write `1..{one}`" if one == "1" else f"write `{one}..{one}` for {one} alone, `1..{one}` for all up to it"
        )
    return None


def mismatch(node: ast.Arg, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope, **more: Any) -> Any:
    """MLP0201: what the parameter takes, and what was found."""
    wanted = WANTED[type_.name]
    if type_.name == "component":
        wanted = article(type_.of or "component")
    elif type_.name == "enum":
        wanted = "one of " + ", ".join(choice.name for choice in type_.choices)
    if type_.otherwise is not None:
        wanted += f", or {WANTED[type_.otherwise.name]}"
    more["help"] = _meant(node, parameter, scope) or more.get("help") or _rewritten(node, type_, owner, scope)
    scope.findings.error(
        "MLP0201", f"{subject(parameter, owner)} takes {wanted}, not {describe(node, scope)}", node.span, **more
    )
    return FAILED


def subject(parameter: Parameter, owner: str) -> str:
    """The parameter as messages name it."""
    return f"`{parameter.name}` of `{owner}`" if owner else f"`{parameter.name}`"


def out_of_range(name: str, span: Span, bounds: str, scope: Scope, help_text: str | None = None) -> None:
    """MLP0202 with what is allowed under the value."""
    scope.findings.error("MLP0202", f"`{name}` is out of range", span, label=f"allowed: {bounds}", help=help_text)
