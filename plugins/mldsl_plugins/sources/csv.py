"""Delimited text files: comma, semicolon, tab or any other one-character delimiter.

Every cell is read as text and cast to the type that `features` declares, so that each cell that does not fit is
counted and shown with its line. An empty cell is missing. Rows whose number of fields differs from the header's, and
headers that name a column twice, are errors and never repaired. UTF-8 is expected; a byte order mark says otherwise
by itself, and other encodings are named. gzip and zstd are recognised by their first bytes.

Errors: MLP0406 no such file, MLP0407 encoding, MLP0408 ragged rows, MLP0409 duplicate column.
Cost: one pass for the shape of the file and its hash (about 2 ms a megabyte), one to parse the declared columns.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import polars as pl

from mldsl.data.context import Context, Scan, refuse
from mldsl.data.delimited import DelimitedFile
from mldsl.data.files import COMPRESSION, find_files, is_compressed
from mldsl.plugin import Component, SourceComponent, hookimpl, param


@attrs.frozen
class Spec:
    """Settings of a delimited text file."""

    path: tuple[str, ...] = param(
        doc='A path or glob, or a list of them: `"data/2024-*.csv"`; relative to the file that is run.',
        also_known_as=("file", "filename", "filepath_or_buffer"),
    )
    delimiter: str = param(
        ",", doc="The character between fields.", also_known_as=("sep", "separator", "delim"),
    )  # fmt: skip
    encoding: str = param("utf-8", doc="How the text is encoded, by Python's names: `latin-1`, `cp1252`, `utf-16`.")
    decimal: str = param(".", doc="The decimal mark of numbers: `.` or `,`.")
    missing: tuple[str, ...] = param(
        (), doc='What means missing besides the empty cell: `["NA", "?"]`.', also_known_as=("na_values", "null_values"),
    )  # fmt: skip
    header: bool = param(
        True, doc="Whether the first line names the columns; otherwise they are `column_1`, `column_2` ...",
    )  # fmt: skip


def scan(spec: Spec, context: Context) -> list[Scan]:
    """One scan for each file."""
    if len(spec.delimiter.encode()) != 1 or spec.delimiter in '"\n\r':
        raise refuse("MLP0201", f"`delimiter` must be one ASCII character, found `{spec.delimiter}`")
    if spec.decimal not in (".", ",") or spec.decimal == spec.delimiter:
        raise refuse("MLP0201", f"`decimal` must be `.` or `,` and not the delimiter, found `{spec.decimal}`")
    found = [
        DelimitedFile(name, path, spec.delimiter, spec.encoding, spec.header)
        for name, path in find_files(spec.path, context)
    ]
    return [_scan(file, spec) for file in found]


def _scan(file: DelimitedFile, spec: Spec) -> Scan:
    names = file.names

    def read(types: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        return pl.scan_csv(  # the header is ours, so Polars must not rename what it finds in it
            file.content, schema={name: types.get(name, pl.String()) for name in names}, has_header=False,
            skip_rows=int(spec.header), separator=spec.delimiter, null_values=list(spec.missing) or None,
            eol_char=file.eol, glob=False, raise_if_empty=False, ignore_errors=bool(types),
        )  # fmt: skip

    size = file.path.stat().st_size * (COMPRESSION if is_compressed(file.path) else 1)
    return Scan(
        name=file.name, columns=names, frame=read({}), inspect=file.inspect, text=True, files=(file.path,),
        numbers=read if spec.decimal == "." else None,
        decimal=spec.decimal, first_line=2 if spec.header else 1,
        estimate=lambda columns: size * columns // len(names),
        explain=file.malformed,
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    return [
        SourceComponent(
            "csv", Spec, scan=scan, example=Spec(path=("data/iris.csv",)),
            snippet='data { csv("data/iris.csv") }',
        )
    ]  # fmt: skip
