"""From the values of a plan to the `Spec` that an algorithm receives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from mldsl.plugin.components import Component
from mldsl.plugin.declaration import DefaultCall, Parameter, ParameterType
from mldsl.plugin.following import as_set

if TYPE_CHECKING:
    from mldsl.plugin.registry import Registry


@attrs.frozen
class Configured:
    """A component and its hyperparameters; what a field for a nested component (a kernel, an optimizer) holds."""

    component: Component
    spec: Any


def nested_in(spec: Any) -> Iterator[Configured]:
    """The components that are arguments of a Spec, and theirs."""
    for field in attrs.fields(type(spec)) if attrs.has(type(spec)) else ():
        value = getattr(spec, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Configured):
                yield one
                yield from nested_in(one.spec)


def build(value: Any, registry: Registry) -> Configured:
    """The component that a `ComponentValue` of the plan names, imported, with its Spec.

    Raises `PluginError` (MLP0504) where the plugin fails.
    """
    component = registry.component_named(value.kind, value.name, value.plugin)
    return configured(component, build_spec(component, dict(value.args), registry))


def configured(component: Component, spec: Any) -> Configured:
    """A component with its Spec, and the facts that the models in it decide (`follows`)."""
    return Configured(as_set(component, spec), spec)


def build_spec(target: Component | type, args: Mapping[str, Any], registry: Registry | None = None) -> Any:
    """A Spec (of a component, or of the class itself) from the values of a plan; what is left out gets its default.

    Values are taken for checked: only their Python types are set right (an integer for a number, a list for a tuple).
    Choices with arguments become instances of their class, nested components `Configured`; these need the `registry`.
    """
    spec = target.Spec if isinstance(target, Component) else target
    values = {}
    for parameter, classes in _declared(spec):
        if parameter.name in args:
            values[parameter.name] = _value(args[parameter.name], parameter.type, classes, registry)
        elif not parameter.required:
            values[parameter.name] = _value(parameter.default, parameter.type, classes, registry)
    unknown = args.keys() - {parameter.name for parameter, _ in _declared(spec)}
    if unknown:
        raise TypeError(f"{spec.__name__} has no parameter {sorted(unknown)[0]!r}")
    return spec(**values)


@cache
def _declared(spec: Any) -> tuple[tuple[Parameter, Mapping[str, Any]], ...]:
    """Each parameter, and the classes of its choices."""
    from mldsl.plugin.extract import parameters_of

    fields = attrs.fields_dict(spec)
    return tuple((p, fields[p.name].metadata["mldsl"]["choices"] or {}) for p in parameters_of(spec))


def _value(value: Any, kind: ParameterType, classes: Mapping[str, Any], registry: Registry | None) -> Any:
    if value is None:
        return None
    match kind.name:
        case "list":
            assert kind.item is not None
            return tuple(_value(item, kind.item, classes, registry) for item in value)
        case "enum":
            return _choice(value, kind, classes, registry)
        case "component" | "model" if not isinstance(value, str) or kind.name == "component":
            return _nested(value, kind, registry)
        case "number" | "share" | "duration":
            return value if kind.otherwise and isinstance(value, str) else float(value)
        case "int" | "size":
            return int(value)
    return _frozen(value)


def _choice(value: Any, kind: ParameterType, classes: Mapping[str, Any], registry: Registry | None) -> Any:
    name, arguments = _call(value)
    if name is None:
        return _value(value, kind.otherwise, classes, registry) if kind.otherwise else _frozen(value)
    cls = classes.get(name)
    return name if cls is None else build_spec(cls, arguments, registry)


def _nested(value: Any, kind: ParameterType, registry: Registry | None) -> Configured:
    if isinstance(value, Configured):
        return value
    if registry is None:
        raise TypeError(f"a registry is needed to build the {kind.of or kind.name} {value!r}")
    if isinstance(value, str | DefaultCall):  # the default of a parameter: first-party, or of the plugin itself
        name, arguments = _call(value)
        component = registry.component_named(kind.of or kind.name, str(name))
        return configured(component, build_spec(component, arguments, registry))
    return build(value, registry)


def _call(value: Any) -> tuple[str | None, Mapping[str, Any]]:
    """The name and arguments of a choice: written bare, as a call in a plan, or as a call in a default."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, DefaultCall):
        return value.name, dict(value.arguments)
    if hasattr(value, "args") and hasattr(value, "name"):
        return value.name, dict(value.args)
    return None, {}


def _frozen(value: Any) -> Any:
    """Lists as tuples, also inside: a Spec is hashed."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
