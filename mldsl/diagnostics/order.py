"""The order in which diagnostics are shown: as a reader meets them in the files, and what has no place at the end."""

from __future__ import annotations

from collections.abc import Iterable

from mldsl.diagnostics.diagnostic import Diagnostic


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file (as first mentioned), line and column."""
    found = list(diagnostics)
    files: dict[str, int] = {}
    for diagnostic in found:
        if diagnostic.span is not None:
            files.setdefault(diagnostic.span.file, len(files))

    def place(diagnostic: Diagnostic) -> tuple[int, int, int]:
        span = diagnostic.span
        return (len(files), 0, 0) if span is None else (files[span.file], span.line, span.column)

    return sorted(found, key=place)


def count(diagnostics: Iterable[Diagnostic]) -> tuple[int, int]:
    """How many errors and how many warnings."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    return severities.count("error"), severities.count("warning")


def summary(diagnostics: Iterable[Diagnostic], *, data_read: bool = False) -> str:
    """The last line: `9 errors, 0 warnings; no data was read`."""
    errors, warnings = count(diagnostics)
    line = f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"
    return line if data_read else f"{line}; no data was read"
