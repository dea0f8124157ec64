"""What a search over `$params` needs of a plan: where each param arrives, and the plan with other values of it."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from mldsl.plan.model import (
    Apply,
    ComponentValue,
    Constant,
    ModelPlan,
    NetworkPlan,
    ParamPlan,
    RowExpression,
    StepPlan,
    TunePlan,
)  # fmt: skip
from mldsl.plugin.search import Domain


def domains_of(tune: TunePlan, params: Iterable[ParamPlan]) -> tuple[Domain, ...]:
    """What the search may try, in the order of the file."""
    types = {param.name: param.type for param in params}
    return tuple(_domain(name, types[name], domain) for name, domain in tune.domains)


def _domain(name: str, type_: str, domain: tuple[Any, ...]) -> Domain:
    if domain[0] == "list":
        return Domain(name, type_, values=tuple(dict.fromkeys(domain[1])))
    return Domain(name, type_, low=domain[1], high=domain[2], log=domain[0] == "log")


def reached(model: ModelPlan, networks: Iterable[NetworkPlan] = ()) -> frozenset[str]:
    """The `$params` that the model's transforms and algorithm depend on, through nested components and networks too."""
    layers = {network.name: network.layers for network in networks}
    components = [step.component for step in model.steps if step.component is not None] + [model.algorithm]
    found = {param for value in components for param in _params(value, layers)}
    derived = (step.derive[1] for step in model.steps if step.derive is not None)
    return frozenset(found.union(*(params_of(expression) for expression in derived)))


def _params(value: ComponentValue, layers: Mapping[str, tuple[ComponentValue, ...]]) -> Iterator[str]:
    yield from (param for _, param in value.params)
    for _, inner in value.args:
        for item in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(item, ComponentValue):
                yield from _params(item, layers)
            elif isinstance(item, str) and item in layers:
                for layer in layers[item]:
                    yield from _params(layer, layers)


def params_within(value: ComponentValue) -> Iterator[str]:
    """The `$params` that a component depends on, with those of components in its arguments."""
    yield from _params(value, {})


def params_of(expression: RowExpression) -> set[str]:
    """The `$params` that an expression depends on."""
    match expression:
        case Constant(param=str() as name):
            return {name}
        case Apply(args=args):
            return {name for arg in args for name in params_of(arg)}
    return set()


def with_values(model: ModelPlan, values: Mapping[str, Any]) -> ModelPlan:
    """The model with these values of `$params` in its transforms and algorithm.

    Members that are written in place are part of the algorithm; models of the file keep the values that they have.
    """
    algorithm, steps = _set(model.algorithm, values), tuple(_set_step(step, values) for step in model.steps)
    members = tuple(with_values(member, values) if member.part_of else member for member in model.members)
    return attrs.evolve(model, algorithm=algorithm, steps=steps, members=members)


def _set_step(step: StepPlan, values: Mapping[str, Any]) -> StepPlan:
    if step.component is not None:
        return attrs.evolve(step, component=_set(step.component, values))
    assert step.derive is not None
    name, expression = step.derive
    return attrs.evolve(step, derive=(name, _replaced(expression, values)))


def _set(value: ComponentValue, values: Mapping[str, Any]) -> ComponentValue:
    formulas = dict(value.formulas)
    varied = {argument: param for argument, param in value.params if param in values}
    args = []
    for name, before in value.args:
        if name not in varied:
            args.append((name, _set_nested(before, values)))
        elif (formula := formulas.get(name)) is not None:
            args.append((name, _like(before, evaluate(formula, values))))
        else:
            args.append((name, _like(before, values[varied[name]])))
    return attrs.evolve(value, args=tuple(args))


def _set_nested(before: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(before, ComponentValue):
        return _set(before, values)
    return tuple(_set_nested(item, values) for item in before) if isinstance(before, tuple) else before


def _replaced(expression: RowExpression, values: Mapping[str, Any]) -> RowExpression:
    match expression:
        case Constant(param=str() as name) if name in values:
            return attrs.evolve(expression, value=_like(expression.value, values[name]))
        case Apply(args=args):
            return attrs.evolve(expression, args=tuple(_replaced(arg, values) for arg in args))
    return expression


def evaluate(formula: RowExpression, values: Mapping[str, Any]) -> Any:
    """What an argument that is computed from params is for these values; NaN where arithmetic has no answer."""
    match formula:
        case Constant(value=value, param=param):
            return values.get(param, value) if param is not None else value
        case Apply(op="list", args=args):
            return tuple(evaluate(arg, values) for arg in args)
        case Apply(op=op, args=args):
            try:
                return _OPERATORS[op](*(evaluate(arg, values) for arg in args))
            except ArithmeticError:
                return math.nan
    raise TypeError(f"no formula over params: {formula!r}")


def _power(left: float, right: float) -> float:
    found = left**right
    return found if isinstance(found, int | float) else math.nan  # a root of a negative number


_OPERATORS: Mapping[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "^": _power,
    "negate": operator.neg,
}  # fmt: skip


def _like(before: Any, value: Any) -> Any:
    """As the plan holds it: an integer that is given for a number is one."""
    if isinstance(before, tuple) and isinstance(value, tuple) and len(before) == len(value):
        return tuple(map(_like, before, value))
    return float(value) if isinstance(before, float) and type(value) is int else value
