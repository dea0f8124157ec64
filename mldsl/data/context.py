"""What a source is told and what it gives back: the small contract between `mldsl.data` and source plugins."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import polars as pl

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import ComponentValue
from mldsl.plugin import Component, Function


@attrs.frozen
class Context:
    """Where a pipeline runs.

    `base` is the folder of the file that is run: relative paths start there. `component_of` and `spec_of` turn a
    `ComponentValue` into its `Component` and its `Spec` instance. `frames` are the tables that `frame("name")` may
    name. `environ` is what `env("NAME")` reads.
    """

    base: Path
    component_of: Callable[[ComponentValue], Component]
    spec_of: Callable[[ComponentValue], Any]
    frames: Mapping[str, Any] = attrs.field(factory=dict)
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ)

    def function(self, full_name: str) -> Function:
        """The row function `plugin.name`."""
        plugin, _, name = full_name.rpartition(".")
        component = self.component_of(ComponentValue("function", name, plugin or "core"))
        assert isinstance(component, Function), full_name
        return component


@attrs.frozen
class Facts:
    """What reading a source once through has told about it.

    `sha256` is the hash of its bytes (for a frame: of its Arrow buffers). `lines`: every row is one line, so that line
    numbers can be given. `blank_end` is the number of blank lines at the end, which some readers take for rows.
    `plain`: no cell is quoted, so that a reader which overlooks mistakes has none to overlook.
    """

    sha256: str
    lines: bool = False
    blank_end: int = 0
    plain: bool = False


@attrs.frozen
class Scan:
    """One table of a source: what `scan(spec, context)` returns, or a list of them (one for each file).

    `name` is the path as written, `columns` are the names in the source, `frame` gives them lazily. `text` sources hold
    text only, which is cast to the declared types; `decimal` is their decimal mark; `numbers(types)` gives `frame` with
    those columns read as numbers at once, null where a cell is none: it is faster, but cannot tell such a cell from a
    missing one. `first_line` is the line of the
    first row, where rows are lines. `inspect` reads the source once through before its rows are used: it raises
    MLP0407, 0408 if they cannot be trusted, and gives the `Facts`. `estimate(columns)` is the memory, in bytes, that
    reading those columns takes at least. `explain` says what an exception while collecting means. `absent(column)` is
    the value of a column that is not in `columns`, None if it is an error that it is not there.
    """

    name: str
    columns: tuple[str, ...]
    frame: pl.LazyFrame
    inspect: Callable[[], Facts]
    text: bool = False
    files: tuple[Path, ...] = ()
    decimal: str = "."
    first_line: int = 2
    estimate: Callable[[int], int] | None = None
    numbers: Callable[[Mapping[str, pl.DataType]], pl.LazyFrame] | None = None
    explain: Callable[[Exception], MldslError] | None = None
    absent: Callable[[str], float | None] | None = None


def refuse(code: str, message: str, *notes: str, help: str | None = None) -> MldslError:
    """An error of a source; the place in the file is filled in where the source was called."""
    return MldslError(Diagnostic(code, message, notes=notes, help=help))
