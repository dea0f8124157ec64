"""Apache Arrow files: IPC files (also called Feather 2) and IPC streams.

Types are treated as in `parquet`. The two forms are told apart by their first bytes.

Errors: MLP0406 no such file or not Arrow, MLP0409 duplicate column. Cost: one pass to hash the file, one to decode.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import polars as pl

from mldsl.data.context import Context, Scan, refuse
from mldsl.data.files import find_files, hashed, is_compressed, read_bytes, read_start, unreadable
from mldsl.plugin import Component, SourceComponent, hookimpl, param


@attrs.frozen
class Spec:
    """Settings of an Arrow source."""

    path: tuple[str, ...] = param(
        doc="A path or glob, or a list of them; relative to the file that is run.",
        also_known_as=("file", "filename", "source"),
    )


def scan(spec: Spec, context: Context) -> list[Scan]:
    """One scan for each file."""
    return [_scan(name, path) for name, path in find_files(spec.path, context)]


def _scan(name: str, path: Path) -> Scan:
    start = read_start(name, path, 8)
    if start.startswith(b"FEA1"):
        raise refuse("MLP0406", f"`{name}` is a file of Feather 1", help="write it again as Feather 2 or Parquet")
    content = read_bytes(name, path) if is_compressed(path) else path
    try:
        if start.startswith(b"ARROW1"):
            frame = pl.scan_ipc(content, glob=False)
        else:
            frame = pl.read_ipc_stream(content).lazy()
        columns = tuple(frame.collect_schema().names())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(name, "Arrow", error) from None
    return Scan(
        name=name, columns=columns, frame=frame, inspect=hashed(path), files=(path,),
        estimate=lambda count: path.stat().st_size * count // max(len(columns), 1),
        explain=lambda error: unreadable(name, "Arrow", error),
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    return [
        SourceComponent(
            "arrow", Spec, scan=scan, example=Spec(path=("data/flights.arrow",)),
            snippet='data { arrow("data/flights.arrow") }',
        )
    ]  # fmt: skip
