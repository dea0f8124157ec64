"""Which plugins are installed and what they say they offer, from metadata alone: nothing of theirs is imported.

Each entry of `sys.path` is scanned once and remembered under its time stamp, so that a start without changes imports
not even `importlib.metadata` (40 ms).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

FIRST_PARTY: Final = "mldsl"
CORE: Final = "core"
GROUP: Final = "mldsl"


class Offer(NamedTuple):  # attrs would be a fifth of the time that `mldsl --help` takes
    """One line of a plugin's metadata: `kind.name = module`."""

    kind: str
    name: str
    module: str

    @property
    def key(self) -> str:
        """`kind.name`."""
        return f"{self.kind}.{self.name}"


class Distribution(NamedTuple):
    """An installed package with a `mldsl` group: its plugin is `core`, or `x` for `mldsl-x`.

    `path` is the folder or file of its metadata; `origin` says in words where it comes from.
    """

    name: str
    version: str
    plugin: str
    path: str
    origin: str
    offers: tuple[Offer, ...]


def plugin_name(distribution: str) -> str:
    """The plugin of a distribution: `mldsl` is `core`, `mldsl-time-series` is `time_series`, `Acme.ML` is `acme_ml`."""
    name = re.sub(r"[-_.]+", "_", distribution).lower()
    return CORE if name == FIRST_PARTY else name.removeprefix("mldsl_")


def installed(remembered: Mapping[str, Any]) -> tuple[list[Distribution], dict[str, Any]]:
    """The distributions on `sys.path`, in its order, and what to remember for the next call.

    `remembered` is what the last call gave: for each entry of `sys.path` its time stamp, and for each distribution in
    it its metadata and the time stamp of that. Of two distributions of one name, the first hides the second, as in
    Python.
    """
    scans: dict[str, Any] = {}
    for entry in dict.fromkeys(path or os.getcwd() for path in sys.path):
        stamp = _stamp(entry)
        if stamp is None:
            continue
        scan = remembered.get(entry)
        if not scan or scan["stamp"] != stamp or any(_stamp(d["file"]) != d["stamp"] for d in scan["found"]):
            scan = {"stamp": stamp, "found": list(_scan(entry))}
        scans[entry] = scan
    found: dict[str, Distribution] = {}
    for scan in scans.values():
        for data in scan["found"]:
            offers = tuple([Offer(*offer) for offer in data["offers"]])
            plugin = plugin_name(data["name"])
            found.setdefault(
                re.sub(r"[-_.]+", "-", data["name"]).lower(),
                Distribution(data["name"], data["version"], plugin, data["path"], data["origin"], offers),
            )
    return list(found.values()), scans


def _stamp(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _scan(entry: str) -> Iterator[dict[str, Any]]:
    import importlib.metadata as metadata

    for distribution in metadata.Distribution.discover(path=[entry]):
        points = [point for point in distribution.entry_points if point.group == GROUP]
        if not points:
            continue
        # A finder of another kind than the path's (zip files) has no folder; then the entry stands for it.
        folder = Path(str(getattr(distribution, "_path", None) or entry))
        file = str(folder / "entry_points.txt") if folder.is_dir() else str(folder)
        yield {
            "name": distribution.metadata["Name"],
            "version": distribution.version,
            "path": str(folder),
            "file": file,
            "stamp": _stamp(file),
            "origin": _origin(distribution, entry),
            "offers": [[*_split(point.name), point.value.partition(":")[0].strip()] for point in points],
        }


def _split(key: str) -> tuple[str, str]:
    kind, _, name = key.partition(".")
    return kind, name


def _origin(distribution: Any, entry: str) -> str:
    import json
    from urllib.parse import unquote, urlparse

    try:
        direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        direct = {}
    url = direct.get("url", "")
    if direct.get("dir_info", {}).get("editable"):
        return f"editable, {unquote(urlparse(url).path)}"
    return entry
