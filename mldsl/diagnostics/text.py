"""Diagnostics for people: what is wrong, the source with `^^^` and `---` below the places, notes and help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.diagnostics.display import harmless, lay_out
from mldsl.source import Source, Span

Paint = Callable[[str, str], str]

# Columns of a source line that are shown; a longer one is cut to a window around what is marked.
_WIDEST = 160
_BEFORE = 60

_STYLES = {"error": "1;31", "warning": "1;33", "gutter": "1;34", "secondary": "1;34", "bold": "1", "help": "1;36"}


@attrs.frozen
class _Mark:
    """A stretch of one line to underline; `end` is exclusive, columns are 0-based characters."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], *, colour: bool = False) -> str:
    """One paragraph for each diagnostic, in the order given, with a blank line between two."""

    def paint(style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if colour and text else text

    return "\n\n".join(_paragraph(diagnostic, sources, paint) for diagnostic in diagnostics)


def _paragraph(diagnostic: Diagnostic, sources: Mapping[str, Source], paint: Paint) -> str:
    head = paint(diagnostic.severity, f"{diagnostic.severity}[{diagnostic.code}]")
    rows = [f"{head}{paint('bold', ': ' + harmless(diagnostic.message))}"]
    snippets = _snippets(diagnostic, sources)
    gutter = max((len(str(mark.line)) for _, marks in snippets for mark in marks), default=1)
    bar = f"{' ' * gutter} {paint('gutter', '|')}"
    for number, (span, marks) in enumerate(snippets):
        arrow = paint("gutter", "-->" if number == 0 else ":::")
        rows.append(f"{' ' * gutter}{arrow} {harmless(span.file)}:{span.line}:{span.column}")
        source = sources.get(span.file)
        if source is not None:
            rows += [bar, *_lines(source, marks, gutter, diagnostic.severity, paint)]
    remarks = [("note", note) for note in diagnostic.notes]
    remarks += [("help", diagnostic.help)] if diagnostic.help else []
    if remarks and snippets and sources.get(snippets[-1][0].file) is not None:
        rows.append(bar)
    for word, text in remarks:
        indent = "\n" + " " * (gutter + len(f" = {word}: "))
        rows.append(
            f"{' ' * gutter} {paint('gutter', '=')} {paint('help' if word == 'help' else 'bold', word)}: "
            + harmless(text).replace("\n", indent)
        )
    return "\n".join(rows)


def _snippets(diagnostic: Diagnostic, sources: Mapping[str, Source]) -> list[tuple[Span, list[_Mark]]]:
    """The places by file, that of the primary span first."""
    if diagnostic.span is None:
        return []
    places = [(diagnostic.span, diagnostic.label, True)]
    places += [(label.span, label.text, False) for label in diagnostic.labels]
    files: dict[str, tuple[Span, list[_Mark]]] = {}
    for span, text, primary in places:
        marks = files.setdefault(span.file, (span, []))[1]
        marks.extend(_marks(span, harmless(text), primary, sources.get(span.file)))
    return list(files.values())


def _marks(span: Span, text: str, primary: bool, source: Source | None) -> list[_Mark]:
    start, end = span.column - 1, span.end_column - 1
    if span.line == span.end_line or source is None:
        return [_Mark(span.line, start, max(end, start + 1), text, primary)]
    first = source.lines[span.line - 1]
    marks = [_Mark(span.line, start, max(len(first.rstrip()), start + 1), "", primary)]
    last = source.lines[span.end_line - 1] if span.end_line <= len(source.lines) else ""
    begin = len(last) - len(last.lstrip())
    if begin < end:
        return [*marks, _Mark(span.end_line, begin, end, text, primary)]
    return [attrs.evolve(marks[0], text=text)]


def _lines(source: Source, marks: Sequence[_Mark], gutter: int, severity: str, paint: Paint) -> list[str]:
    """The marked lines with their underlines; `...` stands for lines between."""
    rows: list[str] = []
    previous: int | None = None
    for line in sorted({mark.line for mark in marks}):
        if previous is not None and line > previous + 1:
            rows.append(paint("gutter", "..."))
        previous = line
        here = sorted((mark for mark in marks if mark.line == line), key=lambda mark: mark.start)
        text = source.lines[line - 1].rstrip("\r") if line <= len(source.lines) else ""
        text, here = _window(text, here)
        shown, columns = lay_out(text)
        rows.append(f"{paint('gutter', f'{line:>{gutter}} |')} {shown}".rstrip())
        bar = f"{' ' * gutter} {paint('gutter', '|')} "
        rows += [(bar + row).rstrip() for row in _underlines(here, columns, severity, paint)]
    return rows


def _window(text: str, marks: list[_Mark]) -> tuple[str, list[_Mark]]:
    """Cut a very long line to what surrounds the first mark that is primary."""
    if len(text) <= _WIDEST:
        return text, marks
    centre = next((mark for mark in marks if mark.primary), marks[0])
    first = max(0, centre.start - _BEFORE)
    last = min(len(text), first + _WIDEST)
    head, tail = "..." if first else "", "..." if last < len(text) else ""
    shift = len(head) - first

    def moved(mark: _Mark) -> _Mark:
        start = min(max(mark.start, first), last - 1) + shift
        return attrs.evolve(mark, start=start, end=max(min(mark.end, last) + shift, start + 1))

    return head + text[first:last] + tail, [moved(mark) for mark in marks]


def _underlines(marks: Sequence[_Mark], columns: Sequence[int], severity: str, paint: Paint) -> list[str]:
    """All marks of a line on one row with the text of the last; the texts of the others on rows below."""

    def column(index: int) -> int:
        return columns[index] if index < len(columns) else columns[-1] + index - len(columns) + 1

    row, at = "", 0
    for mark in marks:
        start = max(column(mark.start), at)
        end = max(column(mark.end), start + 1)
        style, sign = (severity, "^") if mark.primary else ("secondary", "-")
        row += " " * (start - at) + paint(style, sign * (end - start))
        at = end
    last = marks[-1]
    if last.text:
        row += " " + paint(severity if last.primary else "secondary", last.text)
    rows = [row]
    for mark in reversed(marks[:-1]):
        if mark.text:
            rows.append(" " * column(mark.start) + paint(severity if mark.primary else "secondary", mark.text))
    return rows
