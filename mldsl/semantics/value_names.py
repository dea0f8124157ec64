"""Arguments that name something: columns, levels of the target, definitions of the file, components, secrets."""

from __future__ import annotations

from typing import Any

from mldsl.diagnostics.suggest import did_you_mean as closest
from mldsl.plan.model import EnvSecret
from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.semantics.constants import UNKNOWN
from mldsl.semantics.frame import pick
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.params import convert
from mldsl.semantics.scope import Scope
from mldsl.semantics.value_messages import FAILED, mismatch, out_of_range, subject
from mldsl.source import Span
from mldsl.syntax import ast


def column_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """A column of any role, by its name."""
    if not isinstance(node, ast.Ref | ast.Column) or (isinstance(node, ast.Ref) and len(node.name) > 1):
        return mismatch(node, type_, parameter, owner, scope)
    name = node.name if isinstance(node, ast.Column) else node.name[0]
    if scope.frame.find(name) is None:
        scope.frame.unknown(name, node.span, scope.findings)
        return FAILED
    return name


def columns_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """Columns, as after `on`; globs stay what they are until the header is known."""
    if not isinstance(node, ast.Ref | ast.Column | ast.List | ast.String):
        return mismatch(node, type_, parameter, owner, scope)
    return tuple(picked.name for picked in pick(node, scope.frame, scope.findings)) or FAILED


def label_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """A level of the target."""
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


def weights_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """A number for each level of the target."""
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
        elif weight.value < 0 or not parameter.allows(weight.value):
            out_of_range(parameter.name, item.value.span, parameter.bounds() or ">= 0", scope)
            failed = True
        else:
            found[label] = float(weight.value)
    return FAILED if failed else tuple(found.items())


def costs_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """For actual levels of the target, what it costs to predict others: weights within weights."""
    if not isinstance(node, ast.List) or not node.items:
        return mismatch(node, type_, parameter, owner, scope)
    found: dict[str, tuple[tuple[str, float], ...]] = {}
    failed = False
    for item in node.items:
        if not isinstance(item, ast.Named):
            return mismatch(item, type_, parameter, owner, scope)
        label = _key(item.key, scope)
        if not isinstance(item.value, ast.List):
            mismatch(item.value, type_, parameter, owner, scope, help=_predicted(item, label, scope))
            failed = True
            continue
        costs = weights_value(item.value, ParameterType("weights"), parameter, owner, scope)
        if label in found:
            scope.findings.error("MLP0113", f'`"{label}"` is given twice', item.key.span)
        if label is None or costs is FAILED:
            failed = True
        else:
            found[label] = costs
    return FAILED if failed else tuple(found.items())


def _predicted(item: ast.Named, label: str | None, scope: Scope) -> str | None:
    """How `["bad" = 5]` is meant: the actual level is there, the predicted one is not."""
    number = scope.constants.evaluate(item.value)
    if label is None or number is None or number.kind not in ("integer", "number"):
        return None
    others = [level for level in scope.levels or () if level != label]
    other = others[0] if len(others) == 1 else "PREDICTED"
    return f'name what was predicted: `"{label}" = ["{other}" = {number.value}]`'


def _key(key: ast.Ref | ast.String | ast.Number | ast.Column, scope: Scope) -> str | None:
    if isinstance(key, ast.String):
        return key.value if known_level(key.value, key.span, scope) else None
    text = key.dotted if isinstance(key, ast.Ref) else key.name if isinstance(key, ast.Column) else str(key.value)
    scope.findings.error(
        "MLP0201", "a level of the target is written in quotes", key.span,
        help=f'values of the data are quoted: `"{text}"`',
    )  # fmt: skip
    return None


def network_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """The name of a network of the file."""
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


def model_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
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


def nested_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """A component of the kind that the parameter wants."""
    from mldsl.semantics.arguments import component_value

    if isinstance(node, ast.ParamRef):
        value = scope.constants.evaluate(node)
        if value is UNKNOWN or (value is not None and value.kind == "choice" and value.open):
            return FAILED if value is UNKNOWN else None
        if value is not None and value.kind == "choice":
            node = ast.Ref(tuple(str(value.value).split(".")), span=node.span)
    if isinstance(node, ast.Ref | ast.Call):
        return component_value(node, type_.of or "", scope) or FAILED
    return mismatch(node, type_, parameter, owner, scope)


def formula_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """The canonical text of a formula."""
    from mldsl.semantics.formulas import type_formula

    if not isinstance(node, ast.Formula):
        return mismatch(node, type_, parameter, owner, scope)
    return type_formula(node, scope) or FAILED


def env_value(node: ast.Call, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """`env("NAME")`, where secrets may stand."""
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


def secret_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """Anything else than `env` in the place of a secret (MLP0206)."""
    scope.findings.error(
        "MLP0206", f"{subject(parameter, owner)} is a secret and must not be written in the file", node.span,
        help='read it from the environment: `env("NAME")`',
    )  # fmt: skip
    return FAILED
