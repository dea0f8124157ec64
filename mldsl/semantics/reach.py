"""What the `$params` of a file reach: arguments of steps, algorithms and layers, which searches vary, and the rest."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from mldsl.plan.model import ComponentValue, RowExpression
from mldsl.plan.tuning import params_of
from mldsl.plugin.declaration import Parameter, ParameterType
from mldsl.semantics.draft import Draft
from mldsl.source import Span
from mldsl.syntax import ast


@attrs.frozen(eq=False)
class Use:
    """An argument that depends on a param: of which component, and how, if it is not the param itself (`computed`)."""

    owner: str
    parameter: Parameter
    computed: bool = False
    formula: RowExpression | None = None
    span: Span | None = None


def arguments(draft: Draft) -> dict[str, list[Use]]:
    """The arguments that each param is given to, in transforms, algorithms and layers."""
    found: dict[str, list[Use]] = {}
    values = [model.algorithm.value for model in draft.models if model.algorithm is not None]
    values += [move.resolved.value for move in draft.all_moves() if move.resolved is not None]
    values += [layer.value for layers in draft.layers.values() for layer in layers]
    for value in values:
        if value is not None:
            declaration = draft.components.get(value.kind, value.name)
            _walk(value, declaration.parameters if declaration is not None else (), draft, found)
    return found


def _walk(value: ComponentValue, parameters: tuple[Parameter, ...], draft: Draft, found: dict[str, list[Use]]) -> None:
    by_name, formulas = {parameter.name: parameter for parameter in parameters}, dict(value.formulas)
    for argument, param in value.params:
        # What the language adds (`keep`, `class_weights`) has no declaration here, and no bounds of its own.
        parameter = by_name.get(argument) or Parameter(argument, ParameterType("text"))
        use = Use(value.name, parameter, argument in formulas, formulas.get(argument), value.span)
        found.setdefault(param, []).append(use)
    for name, inner in value.args:
        for nested in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(nested, ComponentValue):
                _walk(nested, _parameters(nested, by_name.get(name), draft), draft, found)


def _parameters(value: ComponentValue, parameter: Parameter | None, draft: Draft) -> tuple[Parameter, ...]:
    if value.kind != "choice":
        declaration = draft.components.get(value.kind, value.name)
        return declaration.parameters if declaration is not None else ()
    choices = parameter.type.choices if parameter is not None else ()
    return next((choice.parameters for choice in choices if choice.name == value.name), ())


def derived(draft: Draft) -> set[str]:
    """The params in computed columns of `transforms` and in functions of formulas."""
    expressions = [move.expression for move in draft.all_moves() if move.expression is not None]
    steps = [step for model in draft.models if model.design is not None for step in model.design.steps]
    expressions += [step.derive[1] for step in steps if step.derive is not None]
    return {name for expression in expressions for name in params_of(expression)}


def understood(draft: Draft) -> bool:
    """Whether all that could use a param is known: there are models, and each of their components is."""
    resolved = [model.algorithm for model in draft.models]
    resolved += [move.resolved for move in draft.all_moves() if isinstance(move.node, ast.Step)]
    resolved += [layer for layers in draft.layers.values() for layer in layers]
    return draft.parsed and bool(draft.models) and all(r is not None and r.value is not None for r in resolved)


def places(draft: Draft, name: str) -> Iterator[tuple[str, Span]]:
    """Where else a param stands: the block or the setting of a model, and the place."""
    definitions = draft.definitions
    for block in (definitions.data, definitions.features, definitions.split):
        for span in _in(block, name):
            yield block.kind if block is not None else "", span
    for model in draft.models:
        for line in model.node.body:
            if isinstance(line, ast.Setting):
                for span in _in(line, name):
                    yield line.name, span
    for rest in (definitions.tune, definitions.metrics, definitions.report, definitions.export):
        for span in _in(rest, name):
            yield rest.kind if rest is not None else "", span


def _in(node: ast.Node | None, name: str) -> Iterator[Span]:
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.ParamRef) and part.name == name:
            yield part.span


def simpler(draft: Draft) -> tuple[tuple[str, str], ...]:
    """The tuned params of which larger, or smaller, values make a simpler model wherever they arrive.

    Params of which one argument says this and another that, and those that arguments are computed from, are left out.
    """
    if draft.tune is None:
        return ()
    reached = arguments(draft)
    found = []
    for name in draft.tune.domains:
        uses = reached.get(name, [])
        directions = {use.parameter.simpler for use in uses if use.parameter.simpler}
        if len(directions) == 1 and not any(use.computed for use in uses):
            found.append((name, directions.pop()))
    return tuple(found)
