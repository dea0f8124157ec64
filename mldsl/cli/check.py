"""`mldsl check`: every mistake that can be found without reading data."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldsl.cli.options import params_option
from mldsl.cli.sources import find, read_source
from mldsl.diagnostics import Diagnostic, Form, MldslError, render
from mldsl.source import Source

if TYPE_CHECKING:
    from mldsl.plugin.registry import Registry

# Fixing one mistake may show another; this many rounds are enough for all that depend on each other.
_ROUNDS = 10


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif", "github"]), default="text", show_default=True
)
@click.option("--fix", is_flag=True, help="Repair what can be repaired safely, in place.")
@params_option
def command(paths: tuple[Path, ...], form: Form, fix: bool, params: dict[str, str]) -> int:
    """Find mistakes in pipelines without reading any data.

    PATHS are files and folders; `-` reads standard input. Without any, all pipelines below the current folder are
    checked. Exit status: 0 if nothing is wrong (there may be warnings), 1 if there are errors.
    """
    from mldsl.plugin.registry import Registry

    registry = Registry.load()
    found: dict[Diagnostic, None] = {}  # what is wrong in an included file is said once
    sources: dict[str, Source] = {}
    fixed = 0
    files = list(find(paths or (Path(),)))
    for path in files:
        try:
            source = read_source(path)
        except MldslError as error:
            found |= dict.fromkeys(error.diagnostics)
            continue
        if fix:
            source, repairs = _fix(source, params, registry)
            fixed += repairs
        diagnostics, texts = _check(source, params, registry)
        sources |= texts
        found |= dict.fromkeys(diagnostics)
    colour = form == "text" and sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    if not files:
        click.echo("no .mlp files here", err=True)
    if fix and fixed:
        click.echo(f"repaired {fixed} mistake{'s' * (fixed != 1)}", err=True)
    if fix and paths == (Path("-"),):
        click.echo(sources["<stdin>"].text, nl=False)
        click.echo(render(list(found), sources, form, colour=False), err=True)
    else:
        click.echo(render(list(found), sources, form, colour=colour))
    return int(any(diagnostic.severity == "error" for diagnostic in found))


def _check(
    source: Source, params: Mapping[str, str], registry: Registry
) -> tuple[tuple[Diagnostic, ...], dict[str, Source]]:
    from mldsl.semantics import analyze, load

    loaded = load(source)
    analysis = analyze(loaded, registry, params)
    return analysis.diagnostics, {text.name: text for text in loaded.sources}


def _fix(source: Source, params: Mapping[str, str], registry: Registry) -> tuple[Source, int]:
    """The file with its safe repairs, written back; and how many there were. Included files are left as they are."""
    from mldsl.diagnostics.fixes import apply_fixes

    original, repairs = source.text, 0
    for _ in range(_ROUNDS):
        diagnostics, _texts = _check(source, params, registry)
        mine = [d for d in diagnostics if d.fix is not None and d.fix.safe and d.fix.span.file == source.name]
        text = apply_fixes(source, mine)
        if text == source.text:
            break
        repairs += len(mine)
        source = Source(source.name, text, source.path)
    if source.path is not None and source.text != original:
        source.path.write_bytes(source.text.encode())
    return source, repairs
