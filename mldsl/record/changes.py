"""What differs between two kept runs apart from their metrics: file, plan, params, data, split, versions, device."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from mldsl.record.model import RunRecord

_CONTEXT = 2
_HASH = 12  # characters of a hash that are shown


@attrs.frozen
class Change:
    """One thing that is not what it was; None where it was not there."""

    what: str
    before: Any
    after: Any


@attrs.frozen
class Changes:
    """Lines of unified diffs for texts, a `Change` for every other thing; empty where nothing changed."""

    pipeline: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    params: tuple[Change, ...] = ()
    data: tuple[Change, ...] = ()
    split: tuple[Change, ...] = ()
    versions: tuple[Change, ...] = ()
    device: tuple[Change, ...] = ()

    @property
    def unchanged(self) -> list[str]:
        """The names of the fields that are the same in both runs."""
        return [field.name for field in attrs.fields(Changes) if not getattr(self, field.name)]


def changes(before: Path, after: Path, records: tuple[RunRecord, RunRecord]) -> Changes:
    """What changed from the run in one folder to that in another, whose records are given."""
    a, b = records
    sources = _mapping(
        {s.name: _source(s.sha256, s.rows) for s in a.data.sources},
        {s.name: _source(s.sha256, s.rows) for s in b.data.sources},
    )
    columns = _mapping(
        {f"column {c.name}": f"{c.type}{'?' if c.missing else ''} as {c.role}" for c in a.data.columns},
        {f"column {c.name}": f"{c.type}{'?' if c.missing else ''} as {c.role}" for c in b.data.columns},
    )
    kept = _mapping({"rows kept": a.data.rows}, {"rows kept": b.data.rows})
    return Changes(
        pipeline=_lines(before, after, "pipeline.mlp", records),
        plan=_lines(before, after, "plan.txt", records),
        params=tuple(_mapping(a.params, b.params)),
        data=(*sources, *kept, *columns),
        split=tuple(_mapping(attrs.asdict(a.split), attrs.asdict(b.split))),
        versions=tuple(_mapping(a.versions, b.versions)),
        device=tuple(_mapping(attrs.asdict(a.device), attrs.asdict(b.device))),
    )


def _source(digest: str, rows: int) -> str:
    return f"{rows:,} rows" + (f", sha256 {digest[:_HASH]}" if digest else "")


def _mapping(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name) or (name in before) != (name in after):
            yield Change(name, before.get(name), after.get(name))


def _lines(before: Path, after: Path, name: str, records: tuple[RunRecord, RunRecord]) -> tuple[str, ...]:
    old, new = (_text(folder / name) for folder in (before, after))
    first, second = (f"{record.id}/{name}" for record in records)
    return tuple(difflib.unified_diff(old, new, first, second, lineterm="", n=_CONTEXT))


def _text(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
