"""Commands that plugins add to the command line, through the hook `mldsl_cli`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mldsl.plugin.store import Store


def add_commands(group: Any) -> list[Any]:
    """Let every plugin that implements `mldsl_cli` add to a click group; gives the `Failure`s.

    The usual answer, that there is none, is found from metadata without loading the registry.
    """
    store = Store()
    if not any(offer.kind == "hook" for d in store.distributions for offer in d.offers):
        return []
    from mldsl.plugin.failure import Failure, one_line, trimmed_traceback
    from mldsl.plugin.loading import Hooks
    from mldsl.plugin.registry import Registry

    hooks = Hooks()
    for plugin, name in Registry.load().hook_modules("mldsl_cli"):
        try:
            hooks.register(import_module(name), plugin, name)
        except Exception as error:
            hooks.failures.append(Failure(plugin, name, "", one_line(error), trimmed_traceback(error)))
    hooks.call("mldsl_cli", group=group)
    return hooks.failures
