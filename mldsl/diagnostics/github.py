"""Diagnostics as workflow commands, which GitHub shows beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable

from mldsl.diagnostics.diagnostic import Diagnostic
from mldsl.diagnostics.display import harmless


def _data(text: str) -> str:
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One `::error` or `::warning` line each; notes and help follow the message."""
    return "\n".join(map(_command, diagnostics))


def _command(diagnostic: Diagnostic) -> str:
    properties: dict[str, object] = {}
    if span := diagnostic.span:
        properties = {"file": span.file, "line": span.line, "endLine": span.end_line}
        if span.line == span.end_line:  # GitHub refuses columns of places that span lines
            properties |= {"col": span.column, "endColumn": max(span.end_column - 1, span.column)}
    properties["title"] = diagnostic.code
    lines = [diagnostic.message, *(f"note: {note}" for note in diagnostic.notes)]
    lines += [f"help: {diagnostic.help}"] if diagnostic.help else []
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{diagnostic.severity} {listed}::{_data(chr(10).join(lines))}"
