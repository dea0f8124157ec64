"""Printing diagnostics that ended a command, on standard error, with the lines they point at."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from mldsl.diagnostics import Diagnostic, render
from mldsl.source import Source


def show(diagnostics: Sequence[Diagnostic], known: Mapping[str, Source] | None = None) -> None:
    """Print them in the form of the language's messages; a file that cannot be read is named without its lines.

    `known` are texts that need not be read again, by the names that spans carry.
    """
    sources: dict[str, Source] = dict(known or {})
    for name in {found.span.file for found in diagnostics if found.span} - set(sources):
        try:
            sources[name] = Source(name, Path(name).read_text(encoding="utf-8"), Path(name))
        except (OSError, ValueError):
            continue
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(render(diagnostics, sources, colour=colour, data_read=True), err=True)
