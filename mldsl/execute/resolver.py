"""Components and Specs for the values of a plan, each built once."""

from __future__ import annotations

from typing import Any

import attrs

from mldsl.plan import ComponentValue
from mldsl.plugin.registry import Registry
from mldsl.plugin.spec import build


class RegistryResolver:
    """The engine's door to plugins: over the registry, one Spec per distinct value."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._built: dict[ComponentValue, Any] = {}

    def _configured(self, value: ComponentValue) -> Any:
        if value not in self._built:
            given = value
            if value.kind == "transform":  # `keep` belongs to the language, not to the component
                given = attrs.evolve(value, args=tuple(a for a in value.args if a[0] != "keep"))
            self._built[value] = build(given, self.registry)
        return self._built[value]

    def component(self, value: ComponentValue) -> Any:
        """The component, its module imported; PluginError (MLP0504) if it fails."""
        return self._configured(value).component

    def spec(self, value: ComponentValue) -> Any:
        """The Spec with the value's arguments, defaults filled in."""
        return self._configured(value).spec
