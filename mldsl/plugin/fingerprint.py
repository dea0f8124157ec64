"""Hashes of a plugin's sources: a quick one of sizes and time stamps, and an exact one of contents.

Both cover all Python files below the top-level packages that a plugin's modules live in, so that an edited shared
helper counts, and our own `mldsl/plugin`, which turns components into declarations. The quick one is computed at every
start; the exact one only if the quick one is new, so that a fresh checkout or copy of known files is recognised.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache

from mldsl.plugin.discovery import CORE, Distribution

_OURS = os.path.dirname(__file__)


def quick(distribution: Distribution) -> str:
    """Changes with the path, size or time stamp of any source file. About 1 ms for 200 files."""
    digest = hashlib.blake2b(digest_size=16)
    for path, entry in _sources(distribution):
        status = entry.stat()
        digest.update(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\n".encode(errors="surrogateescape"))
    digest.update(_offers(distribution))
    return digest.hexdigest()


def exact(distribution: Distribution) -> str:
    """Changes with the contents or relative path of any source file, and with nothing else."""
    digest = hashlib.blake2b(digest_size=16)
    for path, entry in _sources(distribution):
        with open(entry.path, "rb") as file:
            content = file.read()
        digest.update(f"{path}\0{len(content)}\n".encode(errors="surrogateescape"))
        digest.update(content)
    digest.update(_offers(distribution))
    return digest.hexdigest()


@cache
def sources(distribution: Distribution) -> str:
    """The SHA-256 of a package's Python files and their relative paths; of the first party, the engine's as well.

    Taken once a process, which goes on with what it has imported, whatever becomes of the files.
    """
    digest = hashlib.sha256()
    tops = {offer.module.partition(".")[0] for offer in distribution.offers}
    for top in sorted(tops | ({"mldsl"} if distribution.plugin == CORE else set())):
        for folder in _places(top):
            for path, entry in _walk(folder, top):
                with open(entry.path, "rb") as file:
                    content = file.read()
                digest.update(f"{path}\0{len(content)}\n".encode(errors="surrogateescape"))
                digest.update(content)
    return digest.hexdigest()


def environment(folders: Iterable[str]) -> str:
    """Changes when something is installed in these folders: what failed to import may work from then on."""
    stamps = [(path, os.stat(path).st_mtime_ns) for path in sorted(folders) if os.path.exists(path)]
    return hashlib.blake2b(repr((stamps, sys.version)).encode(), digest_size=16).hexdigest()


def _offers(distribution: Distribution) -> bytes:
    return repr(sorted((offer.key, offer.module) for offer in distribution.offers)).encode()


def _sources(distribution: Distribution) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Relative paths, in a fixed order, and their files."""
    yield from _walk(_OURS, "mldsl/plugin")
    for top in sorted({offer.module.partition(".")[0] for offer in distribution.offers}):
        for folder in _places(top):
            yield from _walk(folder, top)


def _places(top: str) -> list[str]:
    """The folders of a top-level package, or the folder of a single module; nothing is imported."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return list(spec.submodule_search_locations)
    return [spec.origin] if spec.origin else []


def _walk(place: str, name: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    single = not os.path.isdir(place)
    try:
        with os.scandir(os.path.dirname(place) if single else place) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if single:
            if entry.path == place:
                yield name, entry
        elif entry.name.endswith(".py"):
            yield f"{name}/{entry.name}", entry
        elif entry.name.isidentifier() and entry.name != "__pycache__" and entry.is_dir():
            yield from _walk(entry.path, f"{name}/{entry.name}")
