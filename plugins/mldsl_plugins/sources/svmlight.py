"""Svmlight (libsvm) files: one row a line, `TARGET qid:QUERY INDEX:VALUE ...`, only the values that are not 0.

Columns: `relevance` (the number in front), `query_id` (where lines have a `qid:`), `f1`, `f2` ... up to the highest
index in the file (from `f0` where an index 0 occurs). A feature that a line leaves out is 0, and so is one that a
whole file leaves out. Text after `#` is a comment.

Errors: MLP0406 no such file, MLP0408 lines that are not of this form. The table is dense: n rows take 8 n d bytes.
Source: Joachims 1999, "Making large-scale SVM learning practical", SVMlight.
"""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import numpy as np
import polars as pl

from mldsl.data.context import Context, Scan, refuse
from mldsl.data.files import find_files, hashed_lines, is_compressed, read_bytes
from mldsl.plugin import Component, SourceComponent, hookimpl, param

EXAMPLES = 5
FORM = r"^\s*\S+(\s+qid:\S+)?(\s+[0-9]+:\S+)*\s*$"


@attrs.frozen
class Spec:
    """Settings of an svmlight source."""

    path: tuple[str, ...] = param(
        doc="A path or glob, or a list of them; relative to the file that is run.",
        also_known_as=("file", "filename", "source"),
    )


def scan(spec: Spec, context: Context) -> list[Scan]:
    """One scan for each file."""
    return [_scan(name, path) for name, path in find_files(spec.path, context)]


def _scan(name: str, path: Path) -> Scan:
    lines = _lines(name, path)
    last = pl.col("line").str.extract(r"\s([0-9]+):\S+\s*$").cast(pl.Int64)
    first = pl.col("line").str.extract(r"^\s*\S+(?:\s+qid:\S+)?\s+([0-9]+):").cast(pl.Int64)
    try:
        found = lines.select(
            low=first.min(), high=last.max(), query=pl.col("line").str.contains(r"^\s*\S+\s+qid:").any(),
        ).collect()  # fmt: skip
    except pl.exceptions.PolarsError as error:
        raise refuse("MLP0407", f"`{name}` is not UTF-8 text", str(error).partition("\n")[0]) from None
    low, high, query = found.row(0)
    features = [f"f{i}" for i in range(min(1, low if low is not None else 1), (high or 0) + 1)]
    columns = ("relevance", *(["query_id"] if query else []), *features)
    return Scan(
        name=name, columns=columns, frame=pl.defer(lambda: _parse(name, path, columns), schema=_schema(columns)),
        inspect=hashed_lines(name, path, rb"[ \t\r]*(?:#[^\n]*)?"), files=(path,), first_line=1,
        estimate=lambda count: lines.select(pl.len()).collect().item() * len(columns) * 8,
        absent=lambda column: 0.0 if re.fullmatch(r"f[0-9]+", column) else None,
    )  # fmt: skip


def _lines(name: str, path: Path) -> pl.LazyFrame:
    content = read_bytes(name, path) if is_compressed(path) else path
    lines = pl.scan_lines(content, row_index_name="number")
    bare = pl.col("line").str.replace(r"\s*#.*$", "")
    return lines.with_columns(bare).filter(pl.col("line").str.contains(r"\S"))


def _schema(columns: tuple[str, ...]) -> dict[str, pl.DataType]:
    return {name: pl.String() if name in ("relevance", "query_id") else pl.Float64() for name in columns}


def _parse(name: str, path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    lines = _lines(name, path).collect()
    _check(name, lines.filter(~pl.col("line").str.contains(FORM)))
    pair = pl.col("line").str.extract_all(r"\s[0-9]+:\S+")
    pairs = lines.select("number", pl.int_range(pl.len()).alias("row"), pair).explode("line").drop_nulls("line")
    parts = pl.col("line").str.strip_chars().str.split_exact(":", 1)
    cells = pairs.select("number", "row", parts.alias("part")).unnest("part")
    cells = cells.with_columns(
        pl.col("field_0").cast(pl.Int64), pl.col("field_1").cast(pl.Float64, strict=False).alias("value")
    )
    _check(name, cells.filter(pl.col("value").is_null()))
    features = [column for column in columns if column not in ("relevance", "query_id")]
    low = int(features[0][1:]) if features else 1
    dense = np.zeros((lines.height, len(features)), order="F")
    dense[cells["row"].to_numpy(), cells["field_0"].to_numpy() - low] = cells["value"].to_numpy()
    front = {
        "relevance": lines["line"].str.extract(r"^\s*(\S+)"),
        "query_id": lines["line"].str.extract(r"^\s*\S+\s+qid:(\S+)"),
    }
    table = {column: front[column] if column in front else dense[:, int(column[1:]) - low] for column in columns}
    return pl.DataFrame(table, schema=_schema(columns))


def _check(name: str, wrong: pl.DataFrame) -> None:
    """Refuse lines (by `number`, from 0) that are not of the form."""
    if wrong.is_empty():
        return
    numbers = wrong["number"].unique(maintain_order=True).to_list()
    places = "; ".join(f"line {number + 1}" for number in numbers[:EXAMPLES])
    more = f"; and {len(numbers) - EXAMPLES} more" if len(numbers) > EXAMPLES else ""
    noun, do = ("line", "does") if len(numbers) == 1 else ("lines", "do")
    raise refuse(
        "MLP0408", f"{len(numbers)} {noun} of `{name}` {do} not have the form of svmlight", places + more,
        help="a line is `2 qid:7 1:0.5 3:1`: a number, an optional `qid:`, then `index:value` pairs",
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """What this module provides."""
    return [
        SourceComponent(
            "svmlight", Spec, scan=scan, example=Spec(path=("data/rank.svm",)), also_known_as=("libsvm",),
            snippet='data { svmlight("data/rank.svm") }', sources=("Joachims 1999, SVMlight",),
        )
    ]  # fmt: skip
