"""The arguments of a component against its declared parameters: which goes where, and what is missing or too much."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from mldsl.diagnostics.diagnostic import Label
from mldsl.plan.model import ComponentValue, RowExpression
from mldsl.plugin.condition import fits, in_words, parsed
from mldsl.plugin.declaration import Choice, Declaration, DefaultCall, Parameter, ParameterType
from mldsl.semantics.arithmetic import free_names
from mldsl.semantics.names import did_you_mean, parameter_aliases
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.semantics.value_messages import FAILED
from mldsl.semantics.values import type_value
from mldsl.semantics.varied import formula_of
from mldsl.source import Span
from mldsl.syntax import ast

Node = ast.Component | ast.Call | ast.Ref
_FREE = ("arithmetic", "ranges")  # types whose values use the names that a parameter of type numbers gives


@attrs.frozen(eq=False, repr=False)
class Resolved:
    """A component as written: `declaration` is None if no such thing is known, and then so is `value`."""

    node: Node
    declaration: Declaration | None
    value: ComponentValue | None

    @property
    def name(self) -> str:
        """Its name, without that of its plugin."""
        return self.node.name[-1]

    @property
    def span(self) -> Span:
        """The whole of it."""
        return self.node.span

    def argument(self, name: str) -> ast.Arg | None:
        """The text that gave an argument by name."""
        args = () if isinstance(self.node, ast.Ref) else self.node.args
        return next((arg for arg in args if isinstance(arg, ast.Named) and arg.name == name), None)


def resolve(node: Node, kind: str, scope: Scope, universal: Sequence[Parameter] = ()) -> Resolved:
    """The component that a line names, its arguments typed.

    `universal` are the parameters that the language gives to every component at this place (`keep` of a step); their
    values stand in `ComponentValue.args` only if written.
    """
    span = node.span if isinstance(node, ast.Ref) else node.name_span
    declaration = scope.components.find(kind, node.name, span)
    if declaration is None:
        _unknown_arguments(node, scope)
        return Resolved(node, None, None)
    own = {parameter.name for parameter in declaration.parameters}
    extra = tuple(parameter for parameter in universal if parameter.name not in own)
    value = _bind(node, declaration.name, (*declaration.parameters, *extra), scope)
    args = tuple(pair for pair in value.args if pair[0] in own or pair[0] in value.written)
    return Resolved(node, declaration, attrs.evolve(value, kind=kind, plugin=declaration.plugin, args=args))


def component_value(node: Node, kind: str, scope: Scope) -> ComponentValue | None:
    """A component as the value of an argument; None after a message."""
    return resolve(node, kind, scope).value


def bind_choice(node: ast.Expr, choice: Choice, scope: Scope) -> ComponentValue:
    """A value of an enum that takes arguments: `constant(0)` of `impute`."""
    assert isinstance(node, ast.Call | ast.Ref | ast.ParamRef)
    if isinstance(node, ast.ParamRef):  # the word came from a param: all arguments are defaults
        node = ast.Ref(name=(choice.name,), span=node.span)
    return attrs.evolve(_bind(node, choice.name, choice.parameters, scope), kind="choice")


def _unknown_arguments(node: Node, scope: Scope) -> None:
    """Params that an unknown component is given are used all the same."""
    for part in ast.walk(node):
        if isinstance(part, ast.ParamRef):
            scope.constants.param(part)


def _bind(node: Node, owner: str, parameters: Sequence[Parameter], scope: Scope) -> ComponentValue:
    args: tuple[ast.Arg, ...] = () if isinstance(node, ast.Ref) else node.args
    given = _assign(node, args, owner, parameters, scope)
    values: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name in given:
            beside = attrs.evolve(scope, free=free_names(given, parameters)) if parameter.type.name in _FREE else scope
            values[parameter.name] = _typed(given[parameter.name], parameter, owner, beside)
        elif parameter.required:
            values[parameter.name] = FAILED
        else:
            values[parameter.name] = default_value(parameter.default, parameter.type, scope)
    _conditions(given, values, owner, parameters, scope)
    _required(node, given, owner, parameters, scope)
    idle = {p.name for p in parameters if p.name not in given and not condition_holds(p.only_if, values)}
    values = {name: value for name, value in values.items() if name not in idle}  # what does not apply is not there
    reached = {name: tuple(dict.fromkeys(_params_in(nodes))) for name, nodes in given.items()}
    return ComponentValue(
        "", owner, "", tuple((name, None if value is FAILED else value) for name, value in values.items()),
        tuple(name for name in values if name in given),
        tuple((name, param) for name, params in reached.items() for param in params),
        tuple(_formulas(given, parameters, reached, scope)), spell(node), span=node.span,
    )  # fmt: skip


def _formulas(
    given: Mapping[str, list[ast.Arg]], parameters: Sequence[Parameter], reached: Mapping[str, tuple[str, ...]],
    scope: Scope,
) -> Iterator[tuple[str, RowExpression | None]]:  # fmt: skip
    """The arguments that are more than one param."""
    for parameter in parameters:
        if reached.get(parameter.name) and not isinstance(given[parameter.name][0], ast.ParamRef):
            nodes = given[parameter.name]
            variadic = parameter.variadic and not isinstance(nodes[0], ast.List)
            yield parameter.name, formula_of(nodes, scope.constants, variadic=variadic)


def _params_in(nodes: Iterable[ast.Arg]) -> Iterable[str]:
    """The `$params` that an argument is made from, not those of components nested in it: they list their own."""
    for node in nodes:
        if isinstance(node, ast.ParamRef):
            yield node.name
        elif not isinstance(node, ast.Call):
            children = (child for child in ast.children(node) if isinstance(child, ast.Node))
            yield from _params_in(children)  # type: ignore[arg-type]


FORMULAS = ("formula", "arithmetic")


# ---- which argument is which parameter -------------------------------------------------------------------------------


def _assign(
    node: Node, args: Sequence[ast.Arg], owner: str, parameters: Sequence[Parameter], scope: Scope
) -> dict[str, list[ast.Arg]]:
    """The written arguments by parameter; a variadic one gets all that are left over."""
    by_name = {parameter.name: parameter for parameter in parameters}
    given: dict[str, list[ast.Arg]] = {}
    positional = list(parameters)
    for arg in args:
        if isinstance(arg, ast.Named):
            name = arg.name
            if name is None:
                scope.findings.error("MLP0201", "the name of an argument is a bare word", arg.key.span)
            elif name not in by_name:
                _no_parameter(arg, name, owner, parameters, scope)
            else:
                _give(given, name, arg.value, arg.key.span, scope)
            continue
        while positional and positional[0].name in given and not positional[0].variadic:
            positional.pop(0)
        # A formula is known by its looks, wherever its parameter stands.
        formula = next((p for p in positional if p.type.name in FORMULAS), None)
        if isinstance(arg, ast.Formula) and formula is not None and formula.name not in given:
            given[formula.name] = [arg]
            continue
        if not positional:
            _too_many(arg, owner, parameters, scope)
            break
        if positional[0].variadic:
            given.setdefault(positional[0].name, []).append(arg)
        else:
            given[positional.pop(0).name] = [arg]
    return given


def _give(given: dict[str, list[ast.Arg]], name: str, value: ast.Expr, span: Span, scope: Scope) -> None:
    if name in given:
        scope.findings.error(
            "MLP0113", f"`{name}` is given twice", span, label="again",
            labels=(Label(given[name][0].span, "first given here"),),
        )  # fmt: skip
    else:
        given[name] = [value]


def _no_parameter(arg: ast.Named, name: str, owner: str, parameters: Sequence[Parameter], scope: Scope) -> None:
    names = [parameter.name for parameter in parameters]
    help_text = did_you_mean(name, names, parameter_aliases(parameters))
    if help_text is None:
        help_text = _of_a_choice(name, parameters, scope)
    if help_text is None:
        listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        help_text = f"its parameters: {listed}" if names else f"`{owner}` takes no arguments"
    scope.findings.error("MLP0102", f"`{owner}` has no parameter `{name}`", arg.key.span, help=help_text)


def _of_a_choice(name: str, parameters: Sequence[Parameter], scope: Scope) -> str | None:
    """The component that a parameter chooses may have it: `gamma` is of `kernel = rbf(gamma = ...)`."""
    for parameter in parameters:
        if parameter.type.name == "component":
            usual = str(parameter.default)
            able = sorted(
                (d.name for d in scope.components.visible(parameter.type.of or "") if d.parameter(name) is not None),
                key=lambda one: (one != usual, one),
            )
            if able:
                return f"write `{parameter.name} = {able[0]}({name} = ...)`"
    return None


def _too_many(arg: ast.Arg, owner: str, parameters: Sequence[Parameter], scope: Scope) -> None:
    count = len(parameters)
    message = f"`{owner}` takes no arguments" if not count else f"`{owner}` takes at most {count} unnamed argument"
    names = ", ".join(parameter.name for parameter in parameters)
    scope.findings.error(
        "MLP0114", message + ("s" if count > 1 else ""), arg.span, help=f"its parameters: {names}" if names else None
    )


def _required(node: Node, given: Mapping[str, Any], owner: str, parameters: Sequence[Parameter], scope: Scope) -> None:
    absent = [parameter for parameter in parameters if parameter.required and parameter.name not in given]
    if not absent:
        return
    names = " and ".join(f"`{parameter.name}`" for parameter in absent)
    span = node.span if isinstance(node, ast.Ref) else node.name_span
    meant = next((p for p in absent if p.doc), None)
    scope.findings.error(
        "MLP0115", f"`{owner}` needs {names}", span, notes=(f"`{meant.name}`: {meant.doc}",) if meant else (),
        help=f"write `{owner}({', '.join(f'{parameter.name} = ...' for parameter in absent)})`",
    )  # fmt: skip


def _conditions(
    given: Mapping[str, list[ast.Arg]], values: Mapping[str, Any], owner: str, parameters: Sequence[Parameter],
    scope: Scope,
) -> None:  # fmt: skip
    """MLP0102 for an argument that does not apply to how the others are set."""
    for parameter in parameters:
        if parameter.name not in given or not parameter.only_if or condition_holds(parameter.only_if, values):
            continue
        scope.findings.error(
            "MLP0102", f"`{owner}` has `{parameter.name}` only if {in_words(parameter.only_if)}",
            given[parameter.name][0].span,
            help=f"add {in_words(parameter.only_if)}, or leave `{parameter.name}` out",
        )  # fmt: skip


def condition_holds(condition: str, values: Mapping[str, Any]) -> bool:
    """Whether the condition is true of these arguments; a value that is not known counts as fitting."""
    if not condition:
        return True
    value = values.get(parsed(condition)[0], FAILED)
    if value is FAILED:
        return True
    return fits(condition, value.name if isinstance(value, ComponentValue) else value)


# ---- values ----------------------------------------------------------------------------------------------------------


def _typed(nodes: list[ast.Arg], parameter: Parameter, owner: str, scope: Scope) -> Any:
    if not parameter.variadic:
        return type_value(_expression(nodes[0]), parameter.type, parameter, owner, scope)
    if len(nodes) == 1 and isinstance(nodes[0], ast.List):
        return type_value(nodes[0], parameter.type, parameter, owner, scope)
    item = parameter.type.item or ParameterType("text")
    values = [type_value(_expression(node), item, parameter, owner, scope) for node in nodes]
    return FAILED if any(value is FAILED for value in values) else tuple(values)


def _expression(arg: ast.Arg) -> ast.Expr:
    return arg.value if isinstance(arg, ast.Named) else arg


def default_value(default: Any, type_: ParameterType, scope: Scope) -> Any:
    """A declared default as the plan holds it: calls and components spelt out."""
    if default is None:
        return None
    if type_.name == "enum":
        name = default.name if isinstance(default, DefaultCall) else default
        choice = next((c for c in type_.choices if c.name == name), None)
        if choice is None:
            return default_value(default, type_.otherwise, scope) if type_.otherwise is not None else default
        return _default_choice(default, choice, scope) if choice.parameters else choice.name
    if type_.name == "component" and isinstance(default, str | DefaultCall):
        return _default_component(default, type_.of or "", scope)
    if type_.name == "list" and type_.item is not None:
        return tuple(default_value(item, type_.item, scope) for item in default)
    if type_.name in ("number", "share", "duration") and isinstance(default, int) and not isinstance(default, bool):
        return float(default)
    return default


def _default_choice(default: Any, choice: Choice, scope: Scope) -> ComponentValue:
    written = dict(default.arguments) if isinstance(default, DefaultCall) else {}
    return ComponentValue("choice", choice.name, "", _default_arguments(written, choice.parameters, scope))


def _default_component(default: str | DefaultCall, kind: str, scope: Scope) -> ComponentValue | None:
    name = default if isinstance(default, str) else default.name
    declaration = scope.components.get(kind, name)
    if declaration is None:
        return None
    written = dict(default.arguments) if isinstance(default, DefaultCall) else {}
    return ComponentValue(
        kind, declaration.name, declaration.plugin, _default_arguments(written, declaration.parameters, scope)
    )


def _default_arguments(
    written: Mapping[str, Any], parameters: Sequence[Parameter], scope: Scope
) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (p.name, default_value(written.get(p.name, None if p.required else p.default), p.type, scope))
        for p in parameters
    )
