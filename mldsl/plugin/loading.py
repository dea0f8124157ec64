"""Asking an imported module what it provides, through pluggy; and calling observers so that none can harm a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from types import ModuleType
from typing import Any

import pluggy

from mldsl.plugin import hookspecs
from mldsl.plugin.components import Component
from mldsl.plugin.failure import Failure, one_line, trimmed_traceback


def components_of(module: ModuleType) -> list[Component]:
    """What `mldsl_components` of a module returns. Raises TypeError or a pluggy error where that is not components."""
    manager = _manager()
    manager.register(module, name=module.__name__)
    manager.check_pending()
    implementations = manager.hook.mldsl_components.get_hookimpls()
    if not implementations:
        raise TypeError(f"`{module.__name__}` has no function `mldsl_components` marked with `@hookimpl`")
    provide: Any = implementations[0].function
    found = list(provide())
    for component in found:
        if not isinstance(component, Component):
            raise TypeError(f"`mldsl_components` of `{module.__name__}` gave {component!r}, which is no component")
    return found


def hooks_of(module: ModuleType) -> list[str]:
    """The names of the hooks that a module implements, besides `mldsl_components`."""
    manager = _manager()
    manager.register(module, name=module.__name__)
    callers = manager.get_hookcallers(manager.get_plugin(module.__name__)) or []
    return sorted(caller.name for caller in callers if caller.name != "mldsl_components")


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("mldsl")
    manager.add_hookspecs(hookspecs)
    return manager


class Hooks:
    """The observers of a run. One that raises is kept in `failures`, reported once, and not called again.

    `report` is called with each new `Failure`.
    """

    def __init__(self, report: Callable[[Failure], None] | None = None) -> None:
        self._manager = _manager()
        self._owners: dict[str, tuple[str, str]] = {}  # registered name -> plugin, module
        self._report = report
        self.failures: list[Failure] = []

    def register(self, observer: object, plugin: str, name: str = "") -> None:
        """Let an object (a module, or anything with marked methods) observe; again is the same as once."""
        name = name or getattr(observer, "__name__", type(observer).__name__)
        if name in self._owners or self._manager.is_registered(observer):
            return
        self._owners[name] = (plugin, name)
        try:
            self._manager.register(observer, name=name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            self._fail(name, error)

    def implements(self, hook: str) -> bool:
        """Whether calling a hook would do anything."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def call(self, hook: str, *, plugins: Collection[str] | None = None, **arguments: Any) -> list[tuple[str, Any]]:
        """Call a hook; gives (plugin, result) of each implementation that has one, later registered ones first.

        `plugins` limits it to these. Ctrl-C passes through; every other exception is kept in `failures`.
        """
        results: list[tuple[str, Any]] = []
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            name = implementation.plugin_name
            plugin = self._owners[name][0]
            if plugins is not None and plugin not in plugins:
                continue
            try:
                result = implementation.function(*(arguments[argument] for argument in implementation.argnames))
                if isinstance(result, Iterator):  # what a generator raises is to be caught here as well
                    result = list(result)
            except Exception as error:
                self._fail(name, error, hook)
            else:
                if result is not None:
                    results.append((plugin, result))
        return results

    def _fail(self, name: str, error: Exception, hook: str = "") -> None:
        plugin, module = self._owners[name]
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)
        failure = Failure(plugin, module, hook, one_line(error), trimmed_traceback(error))
        self.failures.append(failure)
        if self._report:
            self._report(failure)
