"""Where every stage of checking leaves what it found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.diagnostics.order import in_order
from mldsl.source import Span


class Findings:
    """Diagnostics in the order of the files, each once: a block that two models share is looked at twice."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, Span | None], Diagnostic] = {}

    def error(self, code: str, message: str, span: Span | None, **more: Any) -> None:
        """A mistake; `more` are the further fields of `Diagnostic`."""
        self.add(Diagnostic(code, message, span, **more))

    def warn(self, code: str, message: str, span: Span | None, **more: Any) -> None:
        """Something legal that is probably not meant."""
        self.add(Diagnostic(code, message, span, severity="warning", **more))

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic unless the same was said of the same place."""
        self._found.setdefault((diagnostic.code, diagnostic.message, diagnostic.span), diagnostic)

    def forget_what_follows(self, syntax: Iterable[Diagnostic]) -> None:
        """Drop what was found inside or around a place that did not parse: it is about text that nobody wrote."""
        broken = [d.span for d in syntax if d.span is not None and d.severity == "error"]
        kept = {id(d) for d in syntax}
        for key, found in list(self._found.items()):
            if id(found) not in kept and found.span is not None and any(_holds(found.span, span) for span in broken):
                del self._found[key]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._found)

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(d.severity == "error" for d in self._found.values())

    def ordered(self, files: tuple[str, ...]) -> tuple[Diagnostic, ...]:
        """All of them in the order of the text, the files in the order given."""
        rank = {name: index for index, name in enumerate(files)}
        found = sorted(self._found.values(), key=lambda d: rank.get(d.span.file, len(rank)) if d.span else len(rank))
        return tuple(in_order(found))


def _holds(outer: Span, inner: Span) -> bool:
    """Whether the place of one begins inside the other."""
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return outer.file == inner.file and start <= (inner.line, inner.column) < end
