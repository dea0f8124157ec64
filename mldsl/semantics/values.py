"""One argument against the type that its parameter declares: the value for the plan, or a message.

Conversions are two: an integer where a number is wanted, and `20%` for `0.2` (language 4.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mldsl.diagnostics.suggest import did_you_mean as closest
from mldsl.plan.model import ClassCount, EnvSecret
from mldsl.plugin.declaration import Choice, Parameter, ParameterType
from mldsl.semantics.constants import DESCRIPTIONS, UNKNOWN, Value
from mldsl.semantics.frame import pick
from mldsl.semantics.names import article, did_you_mean, one_of
from mldsl.semantics.params import convert
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
    "formula": "a formula such as `~ a + b`", "network": "the name of a network", "model": "a model",
    "component": "a component", "secret": '`env("NAME")`', "list": "a list such as `[a, b]`",
}  # fmt: skip
_KINDS = {
    "int": "integer", "number": "number", "share": "share", "bool": "boolean", "text": "text", "duration": "duration",
    "size": "size",
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


def type_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """The value of an argument for the plan; `FAILED` after a message.

    `parameter` names it in messages and holds the bounds; `owner` is the component it belongs to.
    """
    if isinstance(node, ast.Call) and node.dotted == "env":
        return _env(node, type_, parameter, owner, scope)
    if type_.name in _KINDS:
        return _scalar(node, type_, parameter, owner, scope)
    return _TYPERS[type_.name](node, type_, parameter, owner, scope)


def _meant(node: ast.Arg, parameter: Parameter, scope: Scope) -> str | None:
    """What somebody meant who wrote a bare name where none can stand: a `$param`, or the parameter itself."""
    if not isinstance(node, ast.Ref):
        return None
    if node.dotted in scope.constants.params:
        return f"write `${node.dotted}` for the param of that name"
    return f"write `{parameter.name} = ...`" if node.dotted == parameter.name else None


def mismatch(node: ast.Arg, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope, **more: Any) -> Any:
    """MLP0201: what the parameter takes, and what was found."""
    wanted = WANTED[type_.name]
    if type_.name == "component":
        wanted = article(type_.of or "component")
    elif type_.name == "enum":
        wanted = "one of " + ", ".join(choice.name for choice in type_.choices)
    if type_.otherwise is not None:
        wanted += f", or {WANTED[type_.otherwise.name]}"
    more["help"] = _meant(node, parameter, scope) or more.get("help")
    scope.findings.error(
        "MLP0201", f"{_subject(parameter, owner)} takes {wanted}, not {describe(node, scope)}", node.span, **more
    )
    return FAILED


def _subject(parameter: Parameter, owner: str) -> str:
    return f"`{parameter.name}` of `{owner}`" if owner else f"`{parameter.name}`"


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


def out_of_range(name: str, span: Span, bounds: str, scope: Scope, help_text: str | None = None) -> None:
    """MLP0202 with what is allowed under the value."""
    scope.findings.error("MLP0202", f"`{name}` is out of range", span, label=f"allowed: {bounds}", help=help_text)


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
_FORMS = {"weights": ("list",), "list": ("list",), "range": ("range",), "formula": ("formula",), "label": ("string",)}

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


# ---- names -----------------------------------------------------------------------------------------------------------


def _column(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not isinstance(node, ast.Ref | ast.Column) or (isinstance(node, ast.Ref) and len(node.name) > 1):
        return mismatch(node, type_, parameter, owner, scope)
    name = node.name if isinstance(node, ast.Column) else node.name[0]
    if scope.frame.find(name) is None:
        scope.frame.unknown(name, node.span, scope.findings)
        return FAILED
    return name


def _columns(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not isinstance(node, ast.Ref | ast.Column | ast.List | ast.String):
        return mismatch(node, type_, parameter, owner, scope)
    return tuple(picked.name for picked in pick(node, scope.frame, scope.findings)) or FAILED


def _label(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    value = scope.constants.evaluate(node)
    if value is UNKNOWN:
        return FAILED
    if value is None or value.kind != "text":
        help_text = None
        if value is not None and value.kind in ("choice", "integer", "number") and not value.open:
            help_text = f'values of the data are quoted: `"{value.value}"`'
        return mismatch(node, type_, parameter, owner, scope, help=help_text)
    if not value.open and not known_level(str(value.value), node.span, scope):
        return FAILED
    return value.value


def known_level(text: str, span: Span, scope: Scope) -> bool:
    """Whether a text is a level of the target, as far as they are known; MLP0203 if it is not."""
    if scope.levels is None or text in scope.levels:
        return True
    scope.findings.error(
        "MLP0203", f'`"{text}"` is not a level of `{scope.target}`', span,
        help=did_you_mean(text, scope.levels) or "its levels are " + ", ".join(f'"{name}"' for name in scope.levels),
    )  # fmt: skip
    return False


def _weights(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not isinstance(node, ast.List) or not all(isinstance(item, ast.Named) for item in node.items):
        return mismatch(node, type_, parameter, owner, scope)
    found: dict[str, float] = {}
    failed = False
    for item in node.items:
        assert isinstance(item, ast.Named)
        label = _key(item.key, scope)
        number = scope.constants.evaluate(item.value)
        weight = convert(number, "number") if number is not None else None
        if label in found:
            scope.findings.error("MLP0113", f'`"{label}"` is given twice', item.key.span)
        if label is None or weight is None or weight.open:
            if label is not None and weight is None:
                mismatch(item.value, ParameterType("number"), parameter, owner, scope)
            failed = True
        elif weight.value < 0:
            out_of_range(parameter.name, item.value.span, ">= 0", scope)
            failed = True
        else:
            found[label] = float(weight.value)
    return FAILED if failed else tuple(found.items())


def _key(key: ast.Ref | ast.String | ast.Number | ast.Column, scope: Scope) -> str | None:
    if isinstance(key, ast.String):
        return key.value if known_level(key.value, key.span, scope) else None
    text = key.dotted if isinstance(key, ast.Ref) else key.name if isinstance(key, ast.Column) else str(key.value)
    scope.findings.error(
        "MLP0201", "a level of the target is written in quotes", key.span,
        help=f'values of the data are quoted: `"{text}"`',
    )  # fmt: skip
    return None


def _network(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not isinstance(node, ast.Ref):
        return mismatch(node, type_, parameter, owner, scope)
    return node.dotted if defined(node, "network", scope.definitions.networks, scope) else FAILED


def defined(node: ast.Ref, what: str, table: dict[str, Any], scope: Scope) -> bool:
    """Whether the file defines that name; MLP0112 if not."""
    if node.dotted in table:
        return True
    if what in scope.lost:
        return False
    names = [name for name in table if name]
    near = closest(node.dotted, names)
    help_text = f"did you mean `{near}`?" if near else one_of(f"`{name}`" for name in names)
    scope.findings.error(
        "MLP0112", f"unknown {what} `{node.dotted}`", node.span, help=help_text or f"this file defines no named {what}"
    )
    return False


def _model(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """A model of the file, `best`, or a model component of its own."""
    from mldsl.semantics.arguments import component_value

    if isinstance(node, ast.Ref):
        if node.dotted == "best" or node.dotted in scope.definitions.models:
            return node.dotted
        unnamed = [_algorithm(model) for model in scope.definitions.unnamed_models]
        if node.dotted in unnamed:
            return node.dotted
        if scope.components.get("model", node.dotted) is None and len(node.name) == 1:
            names = [*scope.definitions.models, *filter(None, unnamed), "best"]
            if near := closest(node.dotted, names):
                scope.findings.error("MLP0112", f"unknown model `{node.dotted}`", node.span,
                                     help=f"did you mean `{near}`?")  # fmt: skip
                return FAILED
    if not isinstance(node, ast.Ref | ast.Call):
        return mismatch(node, type_, parameter, owner, scope)
    return component_value(node, "model", scope) or FAILED


def _algorithm(model: ast.Model) -> str | None:
    return next((line.dotted for line in model.body if isinstance(line, ast.Component)), None)


def _component(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    from mldsl.semantics.arguments import component_value

    if isinstance(node, ast.Ref | ast.Call):
        return component_value(node, type_.of or "", scope) or FAILED
    return mismatch(node, type_, parameter, owner, scope)


# ---- the rest --------------------------------------------------------------------------------------------------------


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


def _formula(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    from mldsl.semantics.formulas import type_formula

    if not isinstance(node, ast.Formula):
        return mismatch(node, type_, parameter, owner, scope)
    return type_formula(node, scope) or FAILED


def _env(node: ast.Call, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not scope.secrets:
        scope.findings.error("MLP0206", "`env()` is allowed only in arguments of `data` and `export`", node.span)
        return FAILED
    wanted = type_.item if type_.name == "list" and type_.item is not None else type_
    if wanted.name not in ("secret", "text"):
        return mismatch(node, type_, parameter, owner, scope)
    match node.args:
        case (ast.String(value=name),) if name:
            return EnvSecret(name)
    scope.findings.error("MLP0201", '`env` takes the name of a variable: `env("NAME")`', node.span)
    return FAILED


def _secret(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    scope.findings.error(
        "MLP0206", f"{_subject(parameter, owner)} is a secret and must not be written in the file", node.span,
        help='read it from the environment: `env("NAME")`',
    )  # fmt: skip
    return FAILED


_TYPERS: dict[str, Callable[[ast.Expr, ParameterType, Parameter, str, Scope], Any]] = {
    "range": _range, "enum": _enum, "column": _column, "columns": _columns, "label": _label, "weights": _weights,
    "formula": _formula, "network": _network, "component": _component, "model": _model, "secret": _secret,
    "list": _list,
}  # fmt: skip
