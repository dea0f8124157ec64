"""What a search over `$params` needs of a plan: where each param arrives, and the plan with other values of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from mldsl.plan.model import ComponentValue, ModelPlan, NetworkPlan, ParamPlan, StepPlan, TunePlan
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
    return frozenset(param for value in _components(model) for param in _params(value, layers))


def _components(model: ModelPlan) -> Iterator[ComponentValue]:
    yield from (step.component for step in model.steps if step.component is not None)
    yield model.algorithm


def _params(value: ComponentValue, layers: Mapping[str, tuple[ComponentValue, ...]]) -> Iterator[str]:
    yield from (param for _, param in value.params)
    for _, inner in value.args:
        for item in inner if isinstance(inner, tuple) else (inner,):
            if isinstance(item, ComponentValue):
                yield from _params(item, layers)
            elif isinstance(item, str) and item in layers:
                for layer in layers[item]:
                    yield from _params(layer, layers)


def with_values(model: ModelPlan, values: Mapping[str, Any]) -> ModelPlan:
    """The model with these values of `$params` in its transforms and algorithm."""
    return attrs.evolve(
        model,
        algorithm=_set(model.algorithm, values),
        steps=tuple(_set_step(step, values) for step in model.steps),
    )


def _set_step(step: StepPlan, values: Mapping[str, Any]) -> StepPlan:
    return step if step.component is None else attrs.evolve(step, component=_set(step.component, values))


def _set(value: ComponentValue, values: Mapping[str, Any]) -> ComponentValue:
    given = {argument: values[param] for argument, param in value.params if param in values}
    args = tuple(
        (name, _like(inner, given[name]) if name in given else _set_nested(inner, values)) for name, inner in value.args
    )
    return value if args == value.args else attrs.evolve(value, args=args)


def _set_nested(inner: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(inner, ComponentValue):
        return _set(inner, values)
    if isinstance(inner, tuple):
        return tuple(_set_nested(item, values) for item in inner)
    return inner


def _like(before: Any, value: Any) -> Any:
    """A number as the plan holds it: an integer given for a number is one."""
    return float(value) if isinstance(before, float) and isinstance(value, int) else value
