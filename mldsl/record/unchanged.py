"""Whether a run would only repeat one that is kept: what a run is made of, by content, and where its result lies.

`runs/.index/<key>.json` leads from everything that decides a run but its data to the last run of it, with the sizes and
hashes of the data it read, so that data is hashed only if it may be the same, and nothing is parsed. The index may be
deleted at any time: then runs are run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from mldsl.diagnostics import MldslError
from mldsl.plan import Plan
from mldsl.plugin.lock import Lock
from mldsl.record import planjson
from mldsl.record.disk import sha256, write_file
from mldsl.record.model import RunRecord
from mldsl.record.versions import versions

INDEX = ".index"
FORMAT_VERSION = "1.0"
_LEFT_OUT = ("report.html", "run.json")


@attrs.frozen
class KnownSource:
    """A file or table that a run read; `bytes` is its size, None where it is no file."""

    name: str
    sha256: str
    bytes: int | None = None


@attrs.frozen
class Known:
    """The last run of a key: the name of its folder, its content, what it read, and what its exports wrote."""

    run: str
    content: str
    sources: tuple[KnownSource, ...]
    outputs: Mapping[str, str] = attrs.field(factory=dict)


def content_key(plan: Plan, texts: Mapping[str, str], lock: Lock, device: str) -> str:
    """The hash of all that decides a run but its data: texts, params, search, versions, code, devices.

    `texts` are the file and its includes by name, `device` describes what will compute, and who watches.
    """
    made = {
        "texts": [[Path(name).name, text] for name, text in sorted(texts.items())],
        "params": [[p.name, planjson.encode(p.value), p.origin == "command line"] for p in plan.params],
        "tune": None if plan.tune is None else planjson.encode(attrs.evolve(plan.tune, simpler=(), trials=())),
        "code": code_of(lock),
        "device": device,
    }
    return _digest(made)


def code_of(lock: Lock) -> str:
    """What computes: the versions of the libraries, and version and hashes of the plugins."""
    return _digest([versions({}), [[p.name, p.version, p.sources, p.schema] for p in lock.plugins]])


def content_hash(key: str, sources: Iterable[tuple[str, str]]) -> str:
    """The hash of a whole run: its key, and the names and hashes of what it reads."""
    return _digest([key, sorted(sources)])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


# ---- the index -------------------------------------------------------------------------------------------------------
def remember(runs_dir: Path, key: str, known: Known) -> None:
    """Note the run of a key; notes of runs that are gone are removed. A folder that cannot be written is left alone."""
    folder = runs_dir / INDEX
    body = {"format_version": FORMAT_VERSION, **attrs.asdict(known)}
    try:
        for note in folder.glob("*.json"):
            found = _read(note)
            if found is None or not (runs_dir / found.run).is_dir():
                note.unlink(missing_ok=True)
        write_file(folder / f"{key}.json", json.dumps(body, indent=1, sort_keys=True) + "\n")
    except (OSError, MldslError):
        return


def recall(runs_dir: Path, key: str) -> Known | None:
    """The last run of a key, if its folder is still there."""
    found = _read(runs_dir / INDEX / f"{key}.json")
    return found if found is not None and (runs_dir / found.run / "run.json").is_file() else None


def _read(path: Path) -> Known | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["format_version"] != FORMAT_VERSION:
            return None
        sources = tuple(KnownSource(s["name"], s["sha256"], s["bytes"]) for s in value["sources"])
        return Known(Path(value["run"]).name, value["content"], sources, value["outputs"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


# ---- folders ---------------------------------------------------------------------------------------------------------
def hashes_of(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a run folder, but the record and the page, which is rendered from it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in _LEFT_OUT and not name.startswith("checkpoints/"):
            found[name] = sha256(path)
    return found


def intact(folder: Path, content: str) -> RunRecord | None:
    """The record of a run folder of this content, if every file is there as it was written."""
    try:
        record = RunRecord.read(folder)
        found = hashes_of(folder)
        whole = (folder / "report.html").is_file() and all(found.get(name) == was for name, was in record.files.items())
    except (OSError, MldslError):
        return None
    return record if whole and record.files and record.content == content else None


def digest_of(path: Path) -> str:
    """The hash of a file, or of all files below a folder with their names; empty if there is nothing."""
    if path.is_file():
        return sha256(path)
    files = [p for p in sorted(path.rglob("*")) if p.is_file()] if path.is_dir() else []
    return _digest([[p.relative_to(path).as_posix(), sha256(p)] for p in files]) if files else ""
