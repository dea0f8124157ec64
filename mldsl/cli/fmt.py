"""`mldsl fmt`: the canonical form, written in place, or only compared."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from mldsl.cli.sources import find, read_source
from mldsl.diagnostics import Diagnostic, MldslError, render
from mldsl.source import Source
from mldsl.syntax.printer import format_source


@click.command("fmt")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; name the files that would change, and exit 1 if any.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change, and exit 1 if anything.")
def command(paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Rewrite files in the canonical form.

    PATHS are files and folders; `-` reads standard input and writes the result to standard output. Without any, all
    pipelines below the current folder are rewritten. A file with syntax errors is reported and left as it is.
    """
    dry = check or diff
    counts = {"changed": 0, "unchanged": 0, "failed": 0}
    found: list[Diagnostic] = []
    sources: dict[str, Source] = {}
    for path in find(paths or (Path(),)):
        try:
            source = read_source(path)
            sources[source.name] = source
            counts[_format(source, dry, diff)] += 1
        except MldslError as error:
            counts["failed"] += 1
            found += error.diagnostics
    if found:
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        click.echo(render(found, sources, colour=colour), err=True)
    if paths != (Path("-"),):
        click.echo(_summary(counts, dry), err=True)
    return int(counts["failed"] > 0 or (dry and counts["changed"] > 0))


def _format(source: Source, dry: bool, diff: bool) -> str:
    """Format one file; what became of it."""
    text = format_source(source)
    changed = text != source.text
    if changed and diff:
        _show_diff(source, text)
    elif changed and dry:
        click.echo(f"would reformat {source.name}")
    elif source.path is None:
        sys.stdout.buffer.write(b"" if dry else text.encode())
        sys.stdout.buffer.flush()
    elif changed:
        _replace(source.path, text)
    return "changed" if changed else "unchanged"


def _show_diff(source: Source, text: str) -> None:
    from difflib import unified_diff

    before, after = source.text.splitlines(keepends=True), text.splitlines(keepends=True)
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in unified_diff(before, after, source.name, source.name):
        shown = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        plain = line.startswith(("+++", "---")) or line[0] not in colours or bool(os.environ.get("NO_COLOR"))
        click.echo(shown if plain else click.style(shown, fg=colours[line[0]]), nl=False)


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, so that it is whole whatever happens; its mode stays, and a link stays a link."""
    import tempfile

    target = path.resolve()
    temporary = None
    try:
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
            temporary = file.name
            file.write(text.encode())
        os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        reason = (error.strerror or "it cannot be written").lower()
        raise MldslError(Diagnostic("MLP0602", f"`{path}` cannot be written: {reason}")) from error


def _summary(counts: dict[str, int], dry: bool) -> str:
    """`2 files reformatted, 1 file left unchanged`."""

    def files(number: int) -> str:
        return f"{number} file{'s' * (number != 1)}"

    parts = []
    if counts["changed"]:
        parts.append(f"{files(counts['changed'])} {'would be reformatted' if dry else 'reformatted'}")
    if counts["unchanged"]:
        parts.append(f"{files(counts['unchanged'])} {'in canonical form' if dry else 'left unchanged'}")
    if counts["failed"]:
        parts.append(f"{files(counts['failed'])} with errors")
    return ", ".join(parts) or "no .mlp files found"
