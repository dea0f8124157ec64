"""A file and what it includes, parsed: all programs, their texts, and every syntax error of all of them.

Includes are relative to the file that names them, local and acyclic (MLP0108). Each file has its own edition: one that
is newer than this mldsl is MLP0902, and then nothing else is said of it.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from mldsl.diagnostics.diagnostic import Diagnostic, Label
from mldsl.source import Source, Span
from mldsl.syntax import ast
from mldsl.syntax.parse import parse

# The items that other files may refer to.
_DEFINING = (
    "use", "param", "data", "features", "transforms", "network", "split", "model", "tune", "metrics", "report",
    "export",
)  # fmt: skip


@attrs.frozen(eq=False, repr=False)
class Loaded:
    """`programs[0]` is the file itself, its includes follow in the order in which they are named.

    `diagnostics` are those of reading and parsing.
    """

    programs: tuple[ast.Program, ...]
    sources: tuple[Source, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def main(self) -> ast.Program:
        """The file that was asked for."""
        return self.programs[0]

    @property
    def parsed(self) -> bool:
        """Whether all of all files was understood."""
        return not any(d.severity == "error" for d in self.diagnostics)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files as messages show them."""
        return tuple(source.name for source in self.sources)

    @property
    def lost(self) -> frozenset[str]:
        """The kinds of items of which something could not be read; all of them if an include is missing."""
        kinds = frozenset(kind for program in self.programs for kind in program.lost)
        absent = any(d.code == "MLP0108" for d in self.diagnostics)
        return kinds | frozenset(_DEFINING) if absent else kinds

    def source(self, file: str) -> Source | None:
        """The text of a file by its name."""
        return next((source for source in self.sources if source.name == file), None)


def load(source: Source) -> Loaded:
    """Parse a file and, recursively, what it includes. Never raises."""
    reader = _Reader()
    reader.read(source, ())
    newer = tuple(d for d in reader.diagnostics if d.code == "MLP0902")
    return Loaded(tuple(reader.programs), tuple(reader.sources), newer or tuple(reader.diagnostics))


class _Reader:
    def __init__(self) -> None:
        self.programs: list[ast.Program] = []
        self.sources: list[Source] = []
        self.diagnostics: list[Diagnostic] = []
        self._seen: dict[str, Span | None] = {}

    def read(self, source: Source, above: tuple[str, ...]) -> None:
        """One file; `above` are the files whose includes lead here."""
        program, diagnostics = parse(source)
        self.programs.append(program)
        self.sources.append(source)
        self.diagnostics += diagnostics
        here = _identity(source)
        self._seen.setdefault(here, None)
        for item in program.items:
            if isinstance(item, ast.Include):
                self._include(item, source, (*above, here))

    def _include(self, node: ast.Include, source: Source, above: tuple[str, ...]) -> None:
        problem, path = _locate(node, source)
        if path is None:
            self._report(node, problem, None)
            return
        identity = str(path)
        if identity in above:
            self._report(node, f'the include of `"{node.path}"` goes in a circle', "remove one of the includes")
        elif identity not in self._seen:
            self._seen[identity] = node.path_span
            try:
                text = path.read_text("utf-8")
            except UnicodeDecodeError:
                self._report(node, f'the included file `"{node.path}"` is not UTF-8 text', "save it as UTF-8")
            except OSError as error:
                self._report(node, f'the included file `"{node.path}"` cannot be read', None, error.strerror)
            else:
                self.read(Source(_shown(source.name, node.path), text.removeprefix("\ufeff"), path), above)
        elif (first := self._seen[identity]) is not None and first.file == node.path_span.file:
            self._twice(node, first)

    def _report(self, node: ast.Include, message: str, help_text: str | None, note: str | None = None) -> None:
        self.diagnostics.append(
            Diagnostic("MLP0108", message, node.path_span, notes=(note,) if note else (), help=help_text)
        )

    def _twice(self, node: ast.Include, first: Span) -> None:
        self.diagnostics.append(
            Diagnostic(
                "MLP0103",
                f'`include "{node.path}"` is written twice',
                node.path_span,
                label="again",
                labels=(Label(first, "first written here"),),
                help="remove one of them",
            )
        )


def _identity(source: Source) -> str:
    return str(source.path.resolve()) if source.path is not None else source.name


def _locate(node: ast.Include, source: Source) -> tuple[str, Path | None]:
    """The file that an include means, or what is wrong with its path."""
    path = node.path
    if not path.strip() or "\x00" in path:
        return "an include names a file", None
    if os.path.isabs(path) or "://" in path or path.startswith("~"):
        return f'includes are relative to the file, and `"{path}"` is not', None
    folder = source.path.parent if source.path is not None else Path()
    found = (folder / path).resolve()
    if not found.is_file():
        what = "is a folder" if found.is_dir() else "not found"
        return f'included file `"{path}"` {what}', None
    return "", found


def _shown(including: str, path: str) -> str:
    """The name of an included file in messages: relative to where the including one is shown."""
    return os.path.normpath(os.path.join(os.path.dirname(including), path))
