"""Diagnostics: coded messages with a place and a remedy, as data; and the ways to print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from mldsl.diagnostics.diagnostic import Diagnostic, Fix, InternalError, Label, MldslError, Severity
from mldsl.diagnostics.order import in_order, summary
from mldsl.source import Source

__all__ = ["Diagnostic", "Fix", "Form", "InternalError", "Label", "MldslError", "Severity", "in_order", "render"]

Form: TypeAlias = Literal["text", "json", "sarif", "github"]


def render(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, Source],
    form: Form = "text",
    *,
    colour: bool = False,
    data_read: bool = False,
) -> str:
    """All diagnostics in the order of the files, without a line end at the end.

    `sources` holds the files by the name that spans carry; a diagnostic of another file is shown without its line.
    The text form ends with the counts, and says so if no data was read.
    """
    ordered = in_order(diagnostics)
    if form == "json":
        from mldsl.diagnostics.json import render_json

        return render_json(ordered)
    if form == "sarif":
        from mldsl.diagnostics.sarif import render_sarif

        return render_sarif(ordered)
    if form == "github":
        from mldsl.diagnostics.github import render_github

        return render_github(ordered)
    from mldsl.diagnostics.text import render_text

    last = summary(ordered, data_read=data_read)
    return f"{render_text(ordered, sources, colour=colour)}\n\n{last}" if ordered else last
