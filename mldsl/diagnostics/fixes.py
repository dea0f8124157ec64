"""Safe fixes, applied: what `check --fix` and an editor's "fix all" do."""

from __future__ import annotations

from collections.abc import Iterable

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.source import Source


def apply_fixes(source: Source, diagnostics: Iterable[Diagnostic]) -> str:
    """The text of `source` with the safe fixes of its diagnostics.

    Of two that overlap the first in the text is taken; a second run finds what remains. Insertions at one place are
    all taken, that of the later diagnostic first: of two open brackets the inner one closes first.
    """
    chosen = []
    for diagnostic in diagnostics:
        fix = diagnostic.fix
        if fix is not None and fix.safe and fix.span.file == source.name:
            start = source.offset(fix.span.line, fix.span.column)
            end = source.offset(fix.span.end_line, fix.span.end_column)
            place = source.offset(diagnostic.span.line, diagnostic.span.column) if diagnostic.span else start
            chosen.append((start, end, -place, fix.text))
    pieces: list[str] = []
    done = 0
    for start, end, _, text in sorted(set(chosen)):
        if start < done:
            continue
        pieces += [source.text[done:start], text]
        done = end
    return "".join([*pieces, source.text[done:]])
