"""Curves with parameters: `y ~ b1 * (1 - exp(-b2 * x))`, arithmetic of columns and of names that start values give.

Unlike in a formula of terms (`mldsl.semantics.formulas`) the operators mean what they say, and names that another
argument of the same component gives (`start = ["b1" = 500]`) stand for numbers to be found.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from mldsl.plan.model import ColumnState
from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.semantics.frame import NUMERIC, Frame, Known
from mldsl.semantics.names import did_you_mean
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.semantics.value_messages import FAILED, mismatch
from mldsl.syntax import ast

# Row functions that a curve may use: the device has them, and they have a derivative almost everywhere.
FUNCTIONS = ("abs", "clip", "cos", "exp", "if_else", "log", "log1p", "max", "min", "sin", "sqrt")
# What the left side may do with the target: functions with an inverse.
INVERTIBLE = ("log", "log1p", "sqrt")


def free_names(given: Mapping[str, list[ast.Arg]], parameters: Sequence[Parameter]) -> frozenset[str]:
    """The names that the arguments of type numbers give."""
    found = set()
    for parameter in parameters:
        if parameter.type.name == "numbers":
            for node in given.get(parameter.name, ()):
                value = node.value if isinstance(node, ast.Named) else node
                items = value.items if isinstance(value, ast.List) else ()
                found |= {_spelt(item.key) for item in items if isinstance(item, ast.Named)}
    return frozenset(found)


def _spelt(key: ast.Ref | ast.String | ast.Number | ast.Column) -> str:
    """The name that a key is meant to be, also where its quotes were forgotten."""
    return _text(key) or (key.dotted if isinstance(key, ast.Ref) else "")


def _text(key: ast.Ref | ast.String | ast.Number | ast.Column) -> str | None:
    return key.value if isinstance(key, ast.String) else None


# ---- values ----------------------------------------------------------------------------------------------------------
def numbers_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """Numbers by names that the file chooses: ((name, number), ...)."""
    from mldsl.semantics.values import type_value

    return _named(node, type_, parameter, owner, scope, lambda value: type_value(
        value, ParameterType("number"), parameter, owner, scope
    ))  # fmt: skip


def ranges_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """Ranges by names that start values give: ((name, (low, high)), ...)."""
    from mldsl.semantics.values import type_value

    found = _named(node, type_, parameter, owner, scope, lambda value: type_value(
        value, ParameterType("range"), parameter, owner, scope
    ))  # fmt: skip
    if found is FAILED:
        return FAILED
    assert isinstance(node, ast.List)
    for item in node.items:
        assert isinstance(item, ast.Named)
        name = _text(item.key) or ""
        if name not in scope.free:
            scope.findings.error(
                "MLP0203", f'`"{name}"` has no start value', item.key.span, help=did_you_mean(name, sorted(scope.free))
            )
            found = FAILED
    return found


def _named(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope, read: Any) -> Any:
    if not isinstance(node, ast.List) or not node.items or not all(isinstance(item, ast.Named) for item in node.items):
        return mismatch(node, type_, parameter, owner, scope)
    found: dict[str, Any] = {}
    failed = False
    for item in node.items:
        assert isinstance(item, ast.Named)
        name = _text(item.key)
        if name is None or not _plain(name):
            scope.findings.error(
                "MLP0201", "the name of a parameter is written in quotes, and is made of letters, digits and `_`",
                item.key.span, help='such as `"b1" = 500`',
            )  # fmt: skip
            failed = True
            continue
        if name in found:
            scope.findings.error("MLP0113", f'`"{name}"` is given twice', item.key.span)
            failed = True
        value = read(item.value)
        failed |= value is FAILED or value is None
        found[name] = value
    return FAILED if failed else tuple(found.items())


def _plain(name: str) -> bool:
    return name.isidentifier()


# ---- the curve -------------------------------------------------------------------------------------------------------
def arithmetic_value(node: ast.Expr, type_: ParameterType, parameter: Parameter, owner: str, scope: Scope) -> Any:
    """The canonical text of a curve; params of the file in it as numbers."""
    if not isinstance(node, ast.Formula):
        return mismatch(node, type_, parameter, owner, scope)
    from mldsl.semantics.rows import type_row

    if not scope.free:
        return FAILED  # without start values nothing is known of its names, and that is said of them
    before = len(scope.findings)
    if node.left is not None:
        _left(node.left, scope)
    if _names(node.right, scope) and columns_of(node, scope.free) is None:
        scope.findings.error("MLP0201", "a curve reads a column, or it is a constant", node.right.span)
    elif len(scope.findings) == before:
        row = type_row(node.right, scope.seeing(_with_parameters(scope)))
        if row.known and row.type not in NUMERIC:
            scope.findings.error("MLP0204", "a curve gives a number", node.right.span)
        _functions(node.right, scope)
    return FAILED if len(scope.findings) > before else spell(attrs.evolve(node, right=_constant(node.right, scope)))


def _left(node: ast.Expr, scope: Scope) -> None:
    target = node.args[0] if isinstance(node, ast.Call) and len(node.args) == 1 else node
    name = target.name if isinstance(target, ast.Column) else target.dotted if isinstance(target, ast.Ref) else None
    if isinstance(node, ast.Call) and node.dotted not in INVERTIBLE:
        return  # the model says so: it is where the target's scale is decided
    if name is None or (scope.target is not None and name != scope.target and scope.frame.find(name) is None):
        meant = f"; that is `{scope.target}`" if scope.target else ""
        scope.findings.error("MLP0201", f"the left side of a formula is the target{meant}", node.span)


def _names(node: ast.Expr, scope: Scope) -> bool:
    """Whether every name is a column or a parameter, and none is both; and every parameter occurs."""
    before = len(scope.findings)
    seen: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Ref) and part.dotted not in ("true", "false"):
            column = scope.frame.find(part.dotted) is not None
            if part.dotted in seen:
                continue
            seen.add(part.dotted)
            if column and part.dotted in scope.free:
                scope.findings.error(
                    "MLP0203", f"`{part.dotted}` is a column, and `start` gives a parameter of that name", part.span,
                    help="give the parameter another name",
                )  # fmt: skip
            elif not column and part.dotted not in scope.free and not scope.frame.blurred:
                near = did_you_mean(part.dotted, [*scope.free, *scope.frame.columns])
                scope.findings.error(
                    "MLP0105", f"unknown name `{part.dotted}`", part.span,
                    notes=("names of a curve are columns, or parameters that `start` gives a value",),
                    help=near or f'`start = ["{part.dotted}" = 1]` makes it a parameter',
                )  # fmt: skip
    idle = sorted(scope.free - seen)
    if idle and len(scope.findings) == before:
        listed = ", ".join(f"`{name}`" for name in idle)
        scope.findings.error("MLP0203", f"{listed} of `start` do not occur in the formula" if len(idle) > 1 else
                             f"{listed} of `start` does not occur in the formula", node.span)  # fmt: skip
    return len(scope.findings) == before


def _with_parameters(scope: Scope) -> Frame:
    columns = dict(scope.frame.columns)
    for name in scope.free:
        columns[name] = Known(ColumnState(name, "continuous"), False)
    return attrs.evolve(scope.frame, columns=columns)


def _functions(node: ast.Expr, scope: Scope) -> None:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and part.dotted.rpartition(".")[2] not in FUNCTIONS:
            if scope.components.get("function", part.dotted) is None:
                continue  # that was said
            scope.findings.error(
                "MLP0203", f"a curve cannot use `{part.dotted}`", part.name_span,
                notes=("it is fitted by its derivatives",), help=f"it takes {', '.join(FUNCTIONS)}",
            )  # fmt: skip
        elif isinstance(part, ast.String | ast.Interaction):
            scope.findings.error("MLP0201", "a curve is made of numbers", part.span)


def _constant(node: ast.Expr, scope: Scope) -> ast.Expr:
    """The expression with the params of the file as the numbers that they are."""

    def of(value: Any) -> Any:
        if isinstance(value, ast.ParamRef):
            constant = scope.constants.param(value).value
            return ast.Number(constant, text=repr(constant), span=value.span)
        if isinstance(value, ast.Node):
            return attrs.evolve(
                value,
                **{
                    f.name: of(getattr(value, f.name)) for f in attrs.fields(type(value)) if f.init and f.name != "span"
                },
            )
        return tuple(of(item) for item in value) if isinstance(value, tuple) else value

    if not any(isinstance(part, ast.ParamRef) for part in ast.walk(node)):
        return node
    changed: ast.Expr = of(node)
    return changed


def columns_of(node: ast.Formula, free: Collection[str]) -> ast.Formula | None:
    """The formula of the columns that a curve reads, as they are, without an intercept; None if it reads none."""
    names: dict[str, ast.Ref | ast.Column] = {}
    for part in ast.walk(node.right):
        if isinstance(part, ast.Ref | ast.Column):
            name = part.dotted if isinstance(part, ast.Ref) else part.name
            if name not in free:
                names.setdefault(name, part)
    if not names:
        return None
    right: ast.Expr = ast.Number(0, text="0", span=node.right.span)
    for part in names.values():
        right = ast.Binary("+", right, part, span=node.right.span)
    return attrs.evolve(node, right=right)
