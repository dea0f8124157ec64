"""Looking components up by name, from declarations; importing one only when its functions are needed.

What is visible is decided by the file alone: the first party (`core`) and the plugins it uses. Installing another
plugin never changes what a name means, and a broken plugin is an answer of `find`, not an exception.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from mldsl.plugin.codec import from_dict
from mldsl.plugin.declaration import Declaration
from mldsl.plugin.discovery import CORE, Distribution, Offer
from mldsl.plugin.failure import Failure, PluginError, one_line, trimmed_traceback
from mldsl.plugin.store import Store

if TYPE_CHECKING:
    from mldsl.plugin.components import Component
    from mldsl.plugin.loading import Hooks


@attrs.frozen
class Found:
    """The one component of that name."""

    declaration: Declaration


@attrs.frozen
class Claim:
    """Who offers a name: the plugin, the installed package, the module."""

    plugin: str
    distribution: str
    module: str


@attrs.frozen
class Ambiguous:
    """Several offer the name (MLP0116). `plugin.name` tells them apart unless two claims are of one plugin."""

    claims: tuple[Claim, ...]

    @property
    def separable(self) -> bool:
        """Whether a full name chooses one; otherwise one package has to be uninstalled or mended."""
        return len({claim.plugin for claim in self.claims}) == len(self.claims)


@attrs.frozen
class NotUsed:
    """Only plugins that the file does not use offer the name (MLP0107)."""

    plugins: tuple[str, ...]


@attrs.frozen
class Unknown:
    """Nobody offers the name (MLP0101). `candidates` are what was perhaps meant, best first; `kinds` know the name."""

    candidates: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@attrs.frozen
class Broken:
    """The plugin that offers the name failed (MLP0504)."""

    failure: Failure


Answer = Found | Ambiguous | NotUsed | Unknown | Broken


@attrs.frozen
class PluginInfo:
    """An installed plugin. `provides` are its `kind.name`s; `blocked` says that MLDSL_BLOCK_PLUGINS switches it off."""

    name: str
    version: str
    distribution: str
    origin: str
    provides: tuple[str, ...]
    blocked: bool = False
    failures: tuple[Failure, ...] = ()


@attrs.frozen
class _Given:
    """A component that a test or notebook hands over, without a package."""

    component: Component
    declaration: Declaration


class Registry:
    """The components that can be named. `Registry.load()` is the usual one; `Registry.of(...)` is for tests."""

    def __init__(
        self, store: Store | None, given: Mapping[str, Mapping[str, _Given]] | None = None, blocked: Iterable[str] = ()
    ) -> None:
        self._store = store
        self._given = dict(given or {})
        self._blocked = frozenset(blocked)
        self._installed = list(store.distributions) if store else []
        self._distributions = [d for d in self._installed if d.plugin not in self._blocked and not _impostor(d)]
        self._offers: dict[tuple[str, str], list[tuple[Distribution, Offer]]] = {}
        for distribution in self._distributions:
            for offer in distribution.offers:
                self._offers.setdefault((offer.kind, offer.name), []).append((distribution, offer))
        self._declarations: dict[tuple[str, str], Declaration] = {}  # by plugin, key
        self._components: dict[str, list[Component]] = {}  # by module
        self._hooks: Hooks | None = None

    # ---- making one ---------------------------------------------------------------------------------------------

    @classmethod
    def load(cls) -> Registry:
        """What is installed, from metadata; no plugin is imported. `MLDSL_BLOCK_PLUGINS=a,b` leaves plugins out."""
        names = os.environ.get("MLDSL_BLOCK_PLUGINS", "").split(",")
        return cls(Store(), blocked=[name.strip().replace("-", "_") for name in names if name.strip()])

    @classmethod
    def of(cls, components: Mapping[str, Sequence[Component]]) -> Registry:
        """Only these components, by plugin. Raises `DeclarationError` for one that is not declared as it must be."""
        registry = cls(None)
        for plugin, theirs in components.items():
            registry = registry.with_components(plugin, theirs)
        return registry

    def with_components(self, plugin: str, components: Sequence[Component]) -> Registry:
        """This registry and these components, under the name of a plugin."""
        from mldsl.plugin.extract import declare

        added = dict(self._given.get(plugin, {}))
        for component in components:
            declaration = declare(component, plugin, _module(component))
            added[f"{component.kind}.{component.name}"] = _Given(component, declaration)
        return Registry(self._store, {**self._given, plugin: added}, self._blocked)

    # ---- declarations -------------------------------------------------------------------------------------------

    def find(self, kind: str, name: str, used: Collection[str] = ()) -> Answer:
        """What a name of a kind means in a file that uses these plugins (`core` always counts).

        `name` may be full: `acme.tabnet`, `core.k_means`.
        """
        prefix, _, short = name.rpartition(".")
        claims = [claim for claim in self._claims(kind, short) if not prefix or claim.plugin == prefix]
        seen = [claim for claim in claims if claim.plugin == CORE or claim.plugin in used]
        if not seen:
            if claims:
                return NotUsed(tuple(dict.fromkeys(claim.plugin for claim in claims)))
            return Unknown(self._candidates(kind, short, used), self._kinds_of(short, used))
        if len(seen) > 1:
            return Ambiguous(tuple(seen))
        found = self._declaration(seen[0].plugin, f"{kind}.{short}")
        return found if isinstance(found, Broken) else Found(found)

    def declarations(self, kind: str | None = None, plugins: Collection[str] | None = None) -> list[Declaration]:
        """All working declarations, of a kind, of these plugins (None: of all), by kind and name."""
        self._read([d for d in self._distributions if plugins is None or d.plugin in plugins])
        found = []
        for plugin, key in self._keys():
            if (plugins is None or plugin in plugins) and (kind is None or key.partition(".")[0] == kind):
                declaration = self._declaration(plugin, key)
                if isinstance(declaration, Declaration):
                    found.append(declaration)
        return sorted(found, key=lambda d: (d.kind, d.name, d.plugin != CORE, d.plugin))

    def duplicates(self) -> dict[str, tuple[Claim, ...]]:
        """`plugin.kind.name` of every name that one plugin declares more than once, and where."""
        found: dict[str, list[Claim]] = {}
        for kind, name in self._offers:
            for claim in self._claims(kind, name):
                found.setdefault(f"{claim.plugin}.{kind}.{name}", []).append(claim)
        return {key: tuple(claims) for key, claims in found.items() if len(claims) > 1}

    def kinds(self) -> tuple[str, ...]:
        """Every kind that somebody offers."""
        kinds = {key.partition(".")[0] for _, key in self._keys()}
        return tuple(sorted(kinds - {"hook"}))

    # ---- plugins ------------------------------------------------------------------------------------------------

    def plugin(self, name: str) -> PluginInfo | None:
        """The plugin of that name, from metadata alone (its `failures` are not looked for)."""
        return next((info for info in self._plugins() if info.name == name), None)

    def plugins(self) -> list[PluginInfo]:
        """All plugins, the first party first, with what fails in each; imports (in a child) what was never seen."""
        self._read(self._distributions)
        return [attrs.evolve(info, failures=tuple(self._failures(info))) for info in self._plugins()]

    def versions(self) -> dict[str, str]:
        """Each installed plugin's version, from metadata alone."""
        return {info.name: info.version for info in self._plugins() if not info.blocked}

    def packages(self, name: str) -> list[Distribution]:
        """The installed packages of a plugin; none if a program hands over components under its name."""
        return [] if name in self._given else [d for d in self._distributions if d.plugin == name]

    def _plugins(self) -> list[PluginInfo]:
        found = [
            PluginInfo(
                d.plugin, d.version, d.name, d.origin, tuple(offer.key for offer in d.offers), d.plugin in self._blocked
            )
            for d in self._installed
        ]
        for plugin, theirs in self._given.items():
            found.append(PluginInfo(plugin, "", "", "in memory", tuple(theirs)))
        return sorted(found, key=lambda info: (info.name != CORE, info.name))

    def _failures(self, info: PluginInfo) -> list[Failure]:
        failures = []
        for distribution in self._installed:
            if distribution.name != info.distribution:
                continue
            if _impostor(distribution):
                why = f"the name `{CORE}` belongs to the first party; call the package `mldsl-<another name>`"
                failures.append(Failure(info.name, "", "", why))
            elif not info.blocked and self._store:
                (entry,) = self._store.entries([distribution])
                failures += [Failure(info.name, *failure) for failure in entry["failures"]]
        for key, claims in self.duplicates().items():
            if any(c.distribution == info.distribution and c.plugin == info.name for c in claims):
                packages = ", ".join(f"`{c.distribution}` ({c.module})" for c in claims)
                short = key.partition(".")[2]
                failures.append(Failure(info.name, claims[0].module, short, f"declared more than once: {packages}"))
        return failures

    # ---- components and hooks -----------------------------------------------------------------------------------

    def component(self, declaration: Declaration) -> Component:
        """The component itself; imports its module, once. Raises `PluginError` (MLP0504) naming the plugin."""
        key = f"{declaration.kind}.{declaration.name}"
        given = self._given.get(declaration.plugin, {}).get(key)
        if given is not None:
            return given.component
        module = declaration.module
        if module not in self._components:
            self._components[module] = self._import(declaration.plugin, module, key)
        for component in self._components[module]:
            if component.kind == declaration.kind and component.name == declaration.name:
                return component
        raise PluginError(Failure(declaration.plugin, module, key, f"the module gives no `{key}` any more"))

    def component_named(self, kind: str, name: str, plugin: str = CORE) -> Component:
        """The component of a name that `find` has resolved before. Raises `PluginError` if it cannot be had."""
        match self.find(kind, f"{plugin}.{name}", used=(plugin,)):
            case Found(declaration):
                return self.component(declaration)
            case Broken(failure):
                raise PluginError(failure)
            case answer:
                why = "several packages offer it" if isinstance(answer, Ambiguous) else "it is not installed"
                raise PluginError(Failure(plugin, "", f"{kind}.{name}", why))

    def hooks(self) -> Hooks:
        """The observers: the modules that plugins offer as `hook.NAME`, and those of components in use."""
        if self._hooks is None:
            from mldsl.plugin.loading import Hooks

            self._hooks = Hooks()
            for distribution in self._distributions:
                for offer in distribution.offers:
                    if offer.kind == "hook":
                        self._observe(self._hooks, distribution.plugin, offer.module)
        return self._hooks

    def hook_modules(self, hook: str) -> list[tuple[str, str]]:
        """(plugin, module) of each `hook.NAME` whose module implements a hook; nothing is imported here."""
        theirs = [d for d in self._distributions if any(offer.kind == "hook" for offer in d.offers)]
        found = []
        for distribution, entry in zip(theirs, self._entries(theirs), strict=True):
            modules = dict.fromkeys(offer.module for offer in distribution.offers if offer.kind == "hook")
            found += [(distribution.plugin, m) for m in modules if hook in entry["hooks"].get(m, ())]
        return found

    def _observe(self, hooks: Hooks, plugin: str, name: str) -> None:
        from importlib import import_module

        try:
            module = import_module(name)
        except Exception as error:
            hooks.failures.append(Failure(plugin, name, "", one_line(error), trimmed_traceback(error)))
        else:
            hooks.register(module, plugin, name)

    def _import(self, plugin: str, name: str, key: str) -> list[Component]:
        from importlib import import_module

        from mldsl.plugin.loading import components_of

        try:
            module = import_module(name)
            components = components_of(module)
        except Exception as error:
            raise PluginError(Failure(plugin, name, key, one_line(error), trimmed_traceback(error))) from error
        self.hooks().register(module, plugin, name)
        return components

    # ---- inside -------------------------------------------------------------------------------------------------

    def _keys(self) -> list[tuple[str, str]]:
        found = [(d.plugin, offer.key) for d in self._distributions for offer in d.offers]
        found += [(plugin, key) for plugin, theirs in self._given.items() for key in theirs]
        return list(dict.fromkeys(found))

    def _claims(self, kind: str, name: str) -> list[Claim]:
        claims = [Claim(d.plugin, d.name, offer.module) for d, offer in self._offers.get((kind, name), ())]
        for plugin, theirs in self._given.items():
            given = theirs.get(f"{kind}.{name}")
            if given is not None:  # what is handed over stands in for what is installed under the same full name
                claims = [claim for claim in claims if claim.plugin != plugin]
                claims.append(Claim(plugin, "", given.declaration.module))
        return claims

    def _entries(self, distributions: list[Distribution]) -> list[dict[str, Any]]:
        return self._store.entries(distributions) if self._store else []

    def _read(self, distributions: list[Distribution]) -> None:
        """Ask for several distributions at once, so that at most one child process starts."""
        self._entries(distributions)

    def _declaration(self, plugin: str, key: str) -> Declaration | Broken:
        given = self._given.get(plugin, {}).get(key)
        if given is not None:
            return given.declaration
        if (plugin, key) not in self._declarations:
            kind, _, name = key.partition(".")
            distribution, offer = next(pair for pair in self._offers[kind, name] if pair[0].plugin == plugin)
            (entry,) = self._entries([distribution])
            data = entry["declarations"].get(key)
            if data is None:
                mine = [f for f in entry["failures"] if f[0] == offer.module and f[1] in ("", key)]
                _, _, message, trace = mine[0] if mine else ("", "", "it declares nothing", "")
                return Broken(Failure(plugin, offer.module, key, message, trace))
            self._declarations[plugin, key] = from_dict(data)
        return self._declarations[plugin, key]

    def _candidates(self, kind: str, name: str, used: Collection[str]) -> tuple[str, ...]:
        import difflib

        visible = [CORE, *used]
        known = {
            other.casefold(): declaration.name
            for declaration in self.declarations(kind, visible)
            for other in (*declaration.also_known_as, declaration.name)
        }
        # Names that cannot be read because their plugin is broken are still the right answer to a typing mistake.
        for plugin, key in self._keys():
            its_kind, _, its_name = key.partition(".")
            if its_kind == kind and plugin in visible:
                known.setdefault(its_name, its_name)
        close = difflib.get_close_matches(name.casefold(), known, n=3, cutoff=0.6)
        return tuple(dict.fromkeys(known[match] for match in close))

    def _kinds_of(self, name: str, used: Collection[str]) -> tuple[str, ...]:
        visible = [CORE, *used]
        kinds = {
            key.partition(".")[0] for plugin, key in self._keys() if plugin in visible and key.endswith(f".{name}")
        }
        return tuple(sorted(kinds - {"hook"}))


def _impostor(distribution: Distribution) -> bool:
    """Whether a package calls itself `core` without being the first party's."""
    return distribution.plugin == CORE and distribution.name.lower() != "mldsl"


def _module(component: Component) -> str:
    """Where a component was written: the module of its Spec, or of its first function."""
    from mldsl.plugin.components import NoSpec

    if component.Spec is not NoSpec:
        return component.Spec.__module__
    functions = (getattr(component, field.name) for field in attrs.fields(type(component)))
    return next((f.__module__ for f in functions if callable(f) and not isinstance(f, type)), __name__)
