"""`mldsl ast`: the syntax tree of a file, for people and for programs; and text from a tree."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from mldsl.cli.sources import read_source


@click.command("ast")
@click.argument("path", metavar="[FILE]", required=False, type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the tree as JSON, for programs.")
@click.option(
    "--from-json",
    "tree",
    metavar="TREE",
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    help="Print the canonical text of a tree that is given as JSON.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of trees.")
def command(path: Path | None, as_json: bool, tree: Path | None, schema: bool) -> int:
    """Print the syntax tree of FILE (`-` is standard input).

    What parses is printed even if FILE has syntax errors; they go to standard error, and the exit status is 1.
    """
    if sum((path is not None, tree is not None, schema)) != 1:
        raise click.UsageError("give one of FILE, --from-json TREE and --schema")
    if schema:
        from mldsl.syntax.schema import published_schema

        click.echo(published_schema(), nl=False)
        return 0
    if tree is not None:
        return _print_text(tree)
    assert path is not None
    return _print_tree(path, as_json)


def _print_text(tree: Path) -> int:
    from mldsl.diagnostics import Diagnostic, MldslError
    from mldsl.syntax.json import from_json
    from mldsl.syntax.printer import print_program

    source = read_source(tree)
    try:
        data = json.loads(source.text)
    except (ValueError, RecursionError) as error:
        raise MldslError(Diagnostic("MLP0001", f"`{source.name}` is not JSON: {error}")) from error
    click.echo(print_program(from_json(data)), nl=False)
    return 0


def _print_tree(path: Path, as_json: bool) -> int:
    from mldsl.diagnostics import render
    from mldsl.syntax.json import to_json
    from mldsl.syntax.parse import parse
    from mldsl.syntax.tree import tree_text

    source = read_source(path)
    program, found = parse(source)
    if as_json:
        click.echo(json.dumps(to_json(program), indent=2, ensure_ascii=False))
    else:
        click.echo(tree_text(program))
    if found:
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        click.echo(render(found, {source.name: source}, colour=colour), err=True)
    return int(any(diagnostic.severity == "error" for diagnostic in found))
