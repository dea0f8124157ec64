"""Components and Specs for the values of a plan, each built once."""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.plan import ComponentValue
from mldsl.plugin.registry import Registry
from mldsl.plugin.spec import build

# What the language gives to every component of a kind, and the engine serves.
_LANGUAGE = {"transform": "keep", "model": "class_weights"}


class RegistryResolver:
    """The engine's door to plugins: over the registry, one Spec per distinct value."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._built: dict[ComponentValue, Any] = {}

    def _configured(self, value: ComponentValue) -> Any:
        if value not in self._built:
            self._built[value] = build(self._without_language(value), self.registry)
        return self._built[value]

    def _without_language(self, value: ComponentValue) -> ComponentValue:
        """The value without the argument that belongs to the language, unless the component has one of that name."""
        name = _LANGUAGE.get(value.kind, "")
        if name not in dict(value.args):
            return value
        component = self.registry.component_named(value.kind, value.name, value.plugin)
        if name in attrs.fields_dict(component.Spec):
            return value
        return attrs.evolve(value, args=tuple(a for a in value.args if a[0] != name))

    def component(self, value: ComponentValue) -> Any:
        """The component, its module imported; PluginError (MLP0504) if it fails."""
        return self._configured(value).component

    def spec(self, value: ComponentValue) -> Any:
        """The Spec with the value's arguments, defaults filled in."""
        return self._configured(value).spec
