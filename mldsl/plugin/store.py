"""What installed plugins offer and declare, remembered: the one place that decides when a plugin is imported to ask.

One JSON index for each Python environment. A distribution's entry holds as long as the hash of its sources does; what
failed to import is tried again when something was installed since. The wheel ships the entry of the first party.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from mldsl.plugin.cache import FORMAT_VERSION, cache_folder, read_json, write_json
from mldsl.plugin.discovery import CORE, Distribution, installed

SHIPPED: Final = Path(__file__).with_name("core_index.json")


class Store:
    """The index of this environment, read when made and written when something new was learnt."""

    def __init__(self) -> None:
        environment = f"{sys.prefix}\0{sys.version_info[:2]}\0{__file__}"
        self.path = cache_folder() / f"plugins-{zlib.crc32(environment.encode()):08x}.json"
        index = read_json(self.path)
        if index.get("format_version") != FORMAT_VERSION:
            index = {}
        self._index: dict[str, Any] = index.get("distributions", {})
        remembered = index.get("scans", {})
        self.distributions, self._scans = installed(remembered)
        self._checked: set[str] = set()
        if any(remembered.get(entry) != scan for entry, scan in self._scans.items()):
            self._write({})

    def entries(self, distributions: Iterable[Distribution]) -> list[dict[str, Any]]:
        """The entry of each distribution, current: `declarations` by key, `failures` and `hooks` by module."""
        distributions = list(distributions)
        self._refresh([d for d in distributions if d.path not in self._checked])
        return [self._index[d.path] for d in distributions]

    def _refresh(self, distributions: list[Distribution]) -> None:
        from mldsl.plugin import fingerprint

        new: dict[str, dict[str, Any]] = {}
        again: dict[str, set[str]] = {}  # the modules to import, by distribution
        environment = ""
        for distribution in distributions:
            path, quick = distribution.path, fingerprint.quick(distribution)
            entry = self._index.get(path)
            if entry is None or entry["quick"] != quick:
                entry = self._known(distribution, fingerprint.exact(distribution))
                entry["quick"] = quick
                new[path] = entry
            failed = {failure[0] for failure in entry["failures"]} | set(entry["unread"])
            if failed:
                environment = environment or fingerprint.environment(self._installs())
                if entry["environment"] != environment:
                    again[path] = failed
                    new[path] = {**entry, "environment": environment}
        if again:
            self._extract([d for d in distributions if d.path in again], again, new)
        self._checked.update(d.path for d in distributions)
        if new:
            self._write(new)

    def _installs(self) -> list[str]:
        """The folders that packages are installed in; the current one, say, changes without meaning anything."""
        return [path for path, scan in self._scans.items() if scan["found"] or path.endswith("-packages")]

    def _known(self, distribution: Distribution, exact: str) -> dict[str, Any]:
        """What is already known of sources with this hash, from the index or the wheel; else an entry all unread."""
        entry = self._index.get(distribution.path)
        if entry and entry["exact"] == exact:
            return dict(entry)
        if distribution.plugin == CORE:
            shipped = read_shipped()
            if shipped.get("exact") == exact:
                return shipped
        return unread(distribution, exact)

    def _extract(self, distributions: list[Distribution], modules: dict[str, set[str]], new: dict[str, Any]) -> None:
        from mldsl.plugin.isolate import extract

        answers = extract([task for d in distributions for task in tasks(d) if task.module in modules[d.path]])
        for distribution in distributions:
            new[distribution.path] = merged(new[distribution.path], distribution, modules[distribution.path], answers)

    def _write(self, new: dict[str, Any]) -> None:
        """Add to the file as it is now, which another process may have changed; forget what has been uninstalled."""
        self._index.update(new)
        on_disk = read_json(self.path)
        if on_disk.get("format_version") != FORMAT_VERSION:
            on_disk = {}
        distributions = {**on_disk.get("distributions", {}), **new}
        scans = {**on_disk.get("scans", {}), **self._scans}
        write_json(
            self.path,
            {
                "format_version": FORMAT_VERSION,
                "distributions": {path: entry for path, entry in distributions.items() if os.path.exists(path)},
                "scans": {path: scan for path, scan in scans.items() if os.path.exists(path)},
            },
        )


def tasks(distribution: Distribution) -> list[Any]:
    """One task for each module of a distribution."""
    from mldsl.plugin.isolate import Task

    keys: dict[str, list[str]] = {}
    for offer in distribution.offers:
        keys.setdefault(offer.module, []).append(offer.key)
    return [Task(distribution.plugin, module, tuple(dict.fromkeys(names))) for module, names in keys.items()]


def unread(distribution: Distribution, exact: str) -> dict[str, Any]:
    """An entry of which every module is still to be imported."""
    modules = list(dict.fromkeys(offer.module for offer in distribution.offers))
    return {
        "quick": "", "exact": exact, "environment": "", "declarations": {}, "failures": [], "hooks": {},
        "unread": modules,
    }  # fmt: skip


def merged(
    entry: dict[str, Any], distribution: Distribution, modules: Iterable[str], answers: dict[str, Any]
) -> dict[str, Any]:
    """An entry with the answers of some modules in place of what it said of them."""
    modules = set(modules)
    theirs = {offer.key for offer in distribution.offers if offer.module in modules}
    declarations = {key: value for key, value in entry["declarations"].items() if key not in theirs}
    failures = [failure for failure in entry["failures"] if failure[0] not in modules]
    hooks = {module: names for module, names in entry["hooks"].items() if module not in modules}
    for module in sorted(modules & answers.keys()):
        answer = answers[module]
        declarations |= answer["declarations"]
        failures += [[module, *failure] for failure in answer["failures"]]
        if answer["hooks"]:
            hooks[module] = answer["hooks"]
    return {**entry, "declarations": declarations, "failures": failures, "hooks": hooks, "unread": []}


def read_shipped() -> dict[str, Any]:
    """The first party's entry that this installation was built with, or `{}`."""
    import json

    try:
        shipped = json.loads(SHIPPED.read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(shipped, dict) or shipped.get("format_version") != FORMAT_VERSION:
        return {}
    return {**shipped, "quick": "", "environment": ""}
