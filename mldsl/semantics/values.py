"""One argument against the type that its parameter declares: the value for the plan, or a message.

Conversions are two: an integer where a number is wanted, and `20%` for `0.2` (language 4.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mldsl.plan.model import ClassCount, EnvSecret
from mldsl.plugin.declaration import Choice, Parameter, ParameterType
from mldsl.semantics import arithmetic, value_names
from mldsl.semantics.constants import UNKNOWN, Value
from mldsl.semantics.directions import directions_value
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.params import convert
from mldsl.semantics.scope import Scope
from mldsl.semantics.value_messages import FAILED, mismatch, out_of_range
from mldsl.syntax import ast

_KINDS = {
    "int": "integer", "number": "number", "share": "share", "bool": "boolean", "text": "text", "duration": "duration",
    "size": "size",
}  # fmt: skip


def type_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """The value of an argument for the plan; `FAILED` after a message.

    `parameter` names it in messages and holds the bounds; `owner` is the component it belongs to.
    """
    if isinstance(node, ast.Call) and node.dotted == "env":
        return value_names.env_value(node, type_, parameter, owner, scope)
    if type_.name in _KINDS:
        return _scalar(node, type_, parameter, owner, scope)
    return _TYPERS[type_.name](node, type_, parameter, owner, scope)


# ---- numbers and words -----------------------------------------------------------------------------------------------


def _scalar(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    kind = _KINDS[type_.name]
    if type_.name == "int" and isinstance(node, ast.Ref) and node.dotted == "classes":
        return len(scope.levels) if scope.levels is not None else ClassCount()
    value = scope.constants.evaluate(node)
    if value is UNKNOWN:
        return FAILED
    if type_.otherwise is not None and value is not None and value.kind == type_.otherwise.name:
        return type_value(node, type_.otherwise, parameter, owner, scope)
    converted = _convert(value, kind) if value is not None else None
    if converted is None:
        return mismatch(node, type_, parameter, owner, scope, help=_hint(node, kind, value))
    if converted.open:
        return FAILED if converted.kind == "unknown" else None
    if kind not in ("boolean", "text") and not _bounded(node, converted.value, kind, parameter, scope):
        return FAILED
    if kind in ("number", "share", "duration"):
        return float(converted.value)
    return converted.value


def _convert(value: Value, kind: str) -> Value | None:
    if kind == "size" and value.kind == "integer":
        return Value("size", value.value, value.params)  # bytes
    return convert(value, kind)


def _hint(node: ast.Expr, kind: str, value: Value | None) -> str | None:
    if value is None or value.open:
        return None
    if kind == "text" and value.kind == "choice":
        return f'texts are quoted: `"{value.value}"`'
    if kind == "boolean" and value.value in (0, 1, "yes", "no", "True", "False", "on", "off"):
        return "write `true`" if value.value in (1, "yes", "True", "on") else "write `false`"
    if kind == "duration" and value.kind in ("integer", "number"):
        return "write its unit: ms, s, min, h, d or w"
    if value.kind == "text" and kind != "text":
        return "write it without quotes"
    return None


def _bounded(node: ast.Expr, value: float, kind: str, parameter: Parameter, scope: Scope) -> bool:
    """MLP0202 unless the value is within the parameter's bounds."""
    if parameter.allows(value):
        return True
    bounds = parameter.bounds()
    help_text = None
    if kind == "share":
        help_text = "a share is written `20%` or `0.2`"
    elif parameter.unit:
        help_text = f"`{parameter.name}` is in {parameter.unit}"
    out_of_range(parameter.name, node.span, bounds, scope, help_text)
    return False


def _range(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not isinstance(node, ast.Range):
        return mismatch(node, type_, parameter, owner, scope)
    ends = []
    for end in (node.low, node.high):
        value = scope.constants.evaluate(end)
        number = convert(value, "number") if value is not None else None
        if number is None:
            return mismatch(end, ParameterType("number"), parameter, owner, scope)
        if number.open:
            return FAILED
        if not _bounded(end, number.value, "number", parameter, scope):
            return FAILED
        ends.append(number.value)
    if ends[0] > ends[1]:
        scope.findings.error("MLP0202", f"`{parameter.name}` is an empty range", node.span, label="from low to high")
        return FAILED
    return tuple(ends)


def _enum(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    word = _word(node, scope)
    choice = next((c for c in type_.choices if c.name == word), None)
    if choice is not None:
        return _choice(node, choice, owner, scope)
    if type_.otherwise is not None and (word is None or type_.otherwise.name in _NAMING):
        if not _plausible(node, type_.otherwise, scope):
            return mismatch(node, type_, parameter, owner, scope)
        return type_value(node, type_.otherwise, parameter, owner, scope)
    if isinstance(node, ast.ParamRef) and word is None and scope.constants.param(node).open:
        return FAILED if scope.constants.param(node) is UNKNOWN else None
    if word is None:
        text = node.value if isinstance(node, ast.String) else None
        help_text = "write it without quotes" if any(c.name == text for c in type_.choices) else None
        return mismatch(node, type_, parameter, owner, scope, help=help_text)
    names = [c.name for c in type_.choices]
    span = node.name_span if isinstance(node, ast.Call) else node.span
    scope.findings.error(
        "MLP0203", f"`{word}` is not a value of `{parameter.name}`", span,
        help=did_you_mean(word, names) or one_of(names),
    )  # fmt: skip
    return FAILED


def _plausible(node: ast.Expr, type_: ParameterType, scope: Scope) -> bool:
    """Whether a value that is none of the choices may be of the other type."""
    if type_.name in _KINDS:
        value = scope.constants.evaluate(node)
        return value is UNKNOWN or (value is not None and _convert(value, _KINDS[type_.name]) is not None)
    return node.kind in _FORMS.get(type_.name, (node.kind,))


# How values of these types are written, whatever they hold.
_FORMS = {
    "weights": ("list",),
    "costs": ("list",),
    "list": ("list",),
    "range": ("range",),
    "formula": ("formula",),
    "arithmetic": ("formula",),
    "numbers": ("list",),
    "ranges": ("list",),
    "directions": ("list",),
    "label": ("string",),
}

# Types whose values are names, so that a name which is no choice may still be one of these.
_NAMING = ("column", "columns", "model", "network", "component", "enum")


def _word(node: ast.Expr, scope: Scope) -> str | None:
    """The name that a value consists of or begins with."""
    if isinstance(node, ast.Call):
        return node.dotted
    if isinstance(node, ast.Ref | ast.ParamRef):
        value = scope.constants.evaluate(node)
        if value is not None and value.kind == "choice":
            return None if value.open else str(value.value)
        if value is not None and value.kind == "boolean" and isinstance(node, ast.Ref):
            return node.dotted
    return None


def _choice(node: ast.Expr, choice: Choice, owner: str, scope: Scope) -> Any:
    """A plain choice is a text; one that has parameters is a component of its own, even when none is written."""
    from mldsl.semantics.arguments import bind_choice

    if isinstance(node, ast.Call) or choice.parameters:
        return bind_choice(node, choice, scope)
    return choice.name


def _list(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    item_type = type_.item or ParameterType("text")
    if not isinstance(node, ast.List):
        # One value stands for a list of it, so that `csv("a.csv")` needs no brackets.
        value = type_value(node, item_type, parameter, owner, scope)
        return value if value is FAILED or isinstance(value, EnvSecret) else (value,)
    items = [item for item in node.items if not isinstance(item, ast.Named)]
    if len(items) < len(node.items):
        return mismatch(node, type_, parameter, owner, scope, help="this list has no names")
    values = [type_value(item, item_type, parameter, owner, scope) for item in items]
    return FAILED if any(value is FAILED for value in values) else tuple(values)


_TYPERS: dict[str, Callable[[ast.Expr, ParameterType, Parameter, str, Scope], Any]] = {
    "range": _range, "enum": _enum, "list": _list, "column": value_names.column_value,
    "columns": value_names.columns_value, "label": value_names.label_value, "weights": value_names.weights_value,
    "costs": value_names.costs_value,
    "formula": value_names.formula_value, "arithmetic": arithmetic.arithmetic_value,
    "numbers": arithmetic.numbers_value, "ranges": arithmetic.ranges_value,
    "directions": directions_value,
    "network": value_names.network_value, "model": value_names.model_value,
    "component": value_names.nested_value, "secret": value_names.secret_value,
}  # fmt: skip
