"""Printing diagnostics of a command that has no source at hand: on standard error, one after the other."""

from __future__ import annotations

from collections.abc import Iterable

import click

from mldsl.diagnostics import Diagnostic


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Print each in the form of the language's messages, without the lines of source."""
    for found in diagnostics:
        colour = "red" if found.severity == "error" else "yellow"
        head = click.style(f"{found.severity}[{found.code}]", fg=colour, bold=True)
        click.echo(f"{head}: {found.message}", err=True)
        if found.span is not None:
            click.echo(f" --> {found.span.file}:{found.span.line}:{found.span.column}", err=True)
        for note in found.notes:
            click.echo(f"  = note: {note}", err=True)
        if found.help:
            click.echo(f"  = help: {found.help}", err=True)
