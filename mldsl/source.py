"""The text of a pipeline file, and places in it.

Why it exists: every later form (tree, plan, diagnostics) points back into the text. A `Span` is small, hashable and
free of syntax, so that the plan may carry it too.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

_MEANINGFUL: dict[type, tuple[str, ...]] = {}


def _meaningful(cls: type) -> tuple[str, ...]:
    """The names of the fields that carry meaning."""
    if cls not in _MEANINGFUL:
        _MEANINGFUL[cls] = tuple(field.name for field in attrs.fields(cls) if field.eq)
    return _MEANINGFUL[cls]


class Record:
    """The base of frozen attrs classes made with `eq=False, repr=False`: both are written here, once.

    Equality, hash and repr take the fields that carry meaning, those not declared `eq=False`. Generating the methods
    anew for each of a hundred classes would take as long as checking a file does.
    """

    __slots__ = ()

    def _meaning(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in _meaningful(type(self)))

    def __eq__(self, other: object) -> bool:
        """Same class and same meaning, wherever it was written and however it was spelt."""
        if type(self) is not type(other):
            return NotImplemented
        return self._meaning() == other._meaning()

    def __hash__(self) -> int:
        """Agrees with equality."""
        return hash((type(self).__name__, self._meaning()))

    def __repr__(self) -> str:
        """The fields that carry meaning, by name."""
        parts = (f"{name}={getattr(self, name)!r}" for name in _meaningful(type(self)))
        return f"{type(self).__name__}({', '.join(parts)})"


@attrs.frozen(order=True)
class Span:
    """A stretch of text: 1-based lines and columns in characters, the end exclusive. `file` is as shown to people."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """From the start of this span to the end of `other`."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    def as_list(self) -> list[int]:
        """`[line, column, end_line, end_column]`, the form of every JSON output."""
        return [self.line, self.column, self.end_line, self.end_column]


@attrs.frozen(slots=False)
class Source:
    """One file's text. `name` is what messages show; `path` is where it was read, None for text given directly."""

    name: str
    text: str
    path: Path | None = None

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends."""
        return self.text.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """1-based `(line, column)` of a 0-based character offset."""
        line = bisect_right(self._starts, offset) - 1
        line = min(line, len(self.lines) - 1)
        return line + 1, offset - self._starts[line] + 1

    def offset(self, line: int, column: int) -> int:
        """The 0-based character offset of a 1-based position."""
        return self._starts[line - 1] + column - 1

    def span(self, start: int, end: int) -> Span:
        """The span of the characters `start` (0-based) up to but without `end`."""
        return Span(self.name, *self.position(start), *self.position(end))

    def text_of(self, span: Span) -> str:
        """The characters a span covers."""
        return self.text[self.offset(span.line, span.column) : self.offset(span.end_line, span.end_column)]
