"""Apache Parquet files.

Only the declared columns are read, in the types that the file has, and cast to the declared ones: an integer column
may be declared `continuous` or `categorical` (its levels are then the digits), a list column `vector`. Several files
and globs are read one after the other.

Errors: MLP0406 no such file or not Parquet, MLP0409 duplicate column. Cost: one pass to hash the file, one to decode.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import polars as pl

from mldsl.data.context import Context, Scan
from mldsl.data.files import find_files, hashed, unreadable
from mldsl.plugin import Component, SourceComponent, hookimpl, param


@attrs.frozen
class Spec:
    """Settings of a Parquet source."""

    path: tuple[str, ...] = param(
        doc="A path or glob, or a list of them; relative to the file that is run.",
        also_known_as=("file", "filename", "source"),
    )


def scan(spec: Spec, context: Context) -> list[Scan]:
    """One scan for each file."""
    return [_scan(name, path) for name, path in find_files(spec.path, context)]


def _scan(name: str, path: Path) -> Scan:
    frame = pl.scan_parquet(path, glob=False)
    try:
        columns = tuple(frame.collect_schema().names())
        rows = frame.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(name, "Parquet", error) from None
    return Scan(
        name=name, columns=columns, frame=frame, inspect=hashed(path), files=(path,),
        estimate=lambda count: rows * count * 8, explain=lambda error: unreadable(name, "Parquet", error),
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    return [
        SourceComponent(
            "parquet", Spec, scan=scan, example=Spec(path=("data/flights.parquet",)),
            snippet='data { parquet("data/flights.parquet") }',
        )
    ]  # fmt: skip
