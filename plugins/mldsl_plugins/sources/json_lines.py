"""JSON lines: one JSON object a line, its keys the columns.

Columns are the keys that occur in the first megabyte; a key that a line lacks, and `null`, are missing cells. Numbers,
texts, `true` and `false` go to the declared types; lists of numbers may be declared `vector`. gzip and zstd are
recognised by their first bytes.

Errors: MLP0406 no such file or lines that are no objects (with their numbers), MLP0407 not UTF-8, MLP0409 a key twice.
Cost: the file is parsed twice, once to find the type of each key.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from mldsl.data.context import Context, Scan, refuse
from mldsl.data.files import COMPRESSION, find_files, hashed_lines, is_compressed, read_bytes, read_start
from mldsl.diagnostics import MldslError
from mldsl.plugin import Component, SourceComponent, hookimpl, param

EXAMPLES = 5


@attrs.frozen
class Spec:
    """Settings of a JSON lines source."""

    path: tuple[str, ...] = param(
        doc="A path or glob, or a list of them; relative to the file that is run.",
        also_known_as=("file", "filename", "source"),
    )


def scan(spec: Spec, context: Context) -> list[Scan]:
    """One scan for each file."""
    return [_scan(name, path) for name, path in find_files(spec.path, context)]


def _scan(name: str, path: Path) -> Scan:
    start = read_start(name, path)
    if not start.strip():
        raise refuse("MLP0406", f"`{name}` is empty")
    lines = start.split(b"\n")
    if len(start) == 1 << 20:
        lines.pop()  # cut off in its middle
    columns: dict[str, None] = {}
    for row in _objects(name, lines):
        columns.update(dict.fromkeys(row))
    content = read_bytes(name, path) if is_compressed(path) else path
    frame = pl.scan_ndjson(content, infer_schema_length=None)
    size = path.stat().st_size * (COMPRESSION if is_compressed(path) else 1)
    return Scan(
        name=name, columns=tuple(columns), frame=frame, inspect=hashed_lines(name, path), files=(path,), first_line=1,
        estimate=lambda count: size * count // (2 * max(len(columns), 1)),  # keys take about half of the bytes
        explain=lambda error: _explain(name, path, error),
    )  # fmt: skip


def _objects(name: str, lines: list[bytes]) -> list[dict[str, Any]]:
    """The objects of these lines; raises MLP0406 with the numbers of lines that are none."""
    rows = []
    wrong = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_unique)
        except UnicodeDecodeError as error:
            byte = line[error.start]
            raise refuse(
                "MLP0407", f"`{name}` is not UTF-8", f"byte 0x{byte:02x} on line {number}",
                help="JSON lines are UTF-8: convert the file",
            ) from None  # fmt: skip
        except _TwiceError as twice:
            raise refuse("MLP0409", f"line {number} of `{name}` has the key `{twice}` twice") from None
        except ValueError as error:
            wrong.append(f"line {number}: {str(error).lower()}")
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            wrong.append(f"line {number}: a {type(row).__name__}")
    if wrong:
        more = f"; and {len(wrong) - EXAMPLES} more" if len(wrong) > EXAMPLES else ""
        noun = "line" if len(wrong) == 1 else "lines"
        raise refuse(
            "MLP0406", f"{len(wrong)} {noun} of `{name}` hold no JSON object", "; ".join(wrong[:EXAMPLES]) + more,
            help="each line is one object: `{\"age\": 31, \"sex\": \"male\"}`",
        )  # fmt: skip
    return rows


class _TwiceError(Exception):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _explain(name: str, path: Path, error: Exception) -> MldslError:
    try:
        _objects(name, read_bytes(name, path).split(b"\n"))
    except MldslError as found:
        return found
    return refuse("MLP0406", f"`{name}` cannot be read as JSON lines", str(error).partition("\n")[0])


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    return [
        SourceComponent(
            "json_lines", Spec, scan=scan, example=Spec(path=("data/events.jsonl",)),
            snippet='data { json_lines("data/events.jsonl") }',
        )
    ]  # fmt: skip
