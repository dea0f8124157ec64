"""A new plugin package, from the template beside this file: it installs and passes its own tests as it is generated."""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

TEMPLATE: Final = "template"
_RESERVED: Final = {
    "core": "it is the name of the first party",
    "mldsl": "it is the name of the language",
    "experimental": "it marks syntax that may vanish",
}


class ScaffoldError(ValueError):
    """Why a package cannot be made: its name, or what is in the way."""


def plugin_name(text: str) -> str:
    """The name as a pipeline writes it after `use`: `time_series` for `mldsl-time-series`, `time-series` and itself.

    Raises `ScaffoldError` for what is no name or is taken by the language.
    """
    name = text.replace("-", "_").removeprefix("mldsl_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ScaffoldError(f"`{text}` is not a name: write lower-case letters, digits and single `-` or `_`")
    if keyword.iskeyword(name):
        raise ScaffoldError(f"`{name}` is a keyword of Python")
    if name in _RESERVED:
        raise ScaffoldError(f"`{name}` cannot be a plugin: {_RESERVED[name]}")
    return name


def create(name: str, parent: Path, mldsl_version: str) -> list[Path]:
    """Write the package `mldsl-<name>` below a folder; gives its files, relative to `parent`, in order.

    Complete or not at all: it is written beside its place and renamed. Raises `ScaffoldError` where a file, or a folder
    that is not empty, is in the way, and OSError where writing fails.
    """
    plugin = plugin_name(name)
    distribution = f"mldsl-{plugin.replace('_', '-')}"
    place = parent / distribution
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        raise ScaffoldError(f"`{place}` is in the way: it exists and is not an empty folder")
    words = {
        "{{plugin}}": plugin, "{{distribution}}": distribution, "{{package}}": f"mldsl_{plugin}",
        "{{mldsl}}": ".".join(mldsl_version.split(".")[:2]),
    }  # fmt: skip
    parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=parent, prefix=f".{distribution}-"))
    try:
        written = _copy(files("mldsl.plugin") / TEMPLATE, draft, words)
        draft.chmod(0o777 & ~_umask())
        if place.is_dir():
            place.rmdir()
        os.rename(draft, place)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return sorted(Path(distribution, path.relative_to(draft)) for path in written)


def _copy(template: Traversable, folder: Path, words: dict[str, str]) -> list[Path]:
    """Fill in every file; the folder `package` gets the package's name, and names lose their ending `.template`."""
    written: list[Path] = []
    for item in template.iterdir():
        if item.is_dir():
            inner = folder / (words["{{package}}"] if item.name == "package" else item.name)
            inner.mkdir()
            written += _copy(item, inner, words)
        elif item.name.endswith(".template"):
            text = item.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            path = folder / item.name.removesuffix(".template").replace("dot_", ".", 1)
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    return written


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
