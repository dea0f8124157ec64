"""`mldsl report`: a finished run, printed again, opened in the browser, or rendered anew."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click


@click.command("report")
@click.argument("run", default="latest")
@click.option("--runs-dir", type=click.Path(path_type=Path), help="Where run folders are [default: runs/ here].")
@click.option("--open", "open_page", is_flag=True, help="Open report.html in the browser.")
@click.option(
    "--render", is_flag=True, help="Write report.html and the tables and figures anew, from the run's record."
)
@click.option("--json", "as_json", is_flag=True, help="Print the record, nothing else.")
@click.option("--quiet", "-q", is_flag=True, help="Print only what matters: headline, gates, warnings, folder.")
def command(run: str, runs_dir: Path | None, open_page: bool, render: bool, as_json: bool, quiet: bool) -> int:
    """Show the finished run RUN: its folder, its id or the start of it, `latest` (the default), `latest~1` ...

    Nothing is computed: the record and the reports were kept by the run.
    """
    from mldsl.cli.messages import show
    from mldsl.diagnostics import MldslError
    from mldsl.record.find import find_run
    from mldsl.report import render_run, summary_text
    from mldsl.report.read import read_run

    try:
        found = read_run(find_run(run, runs_dir or Path()))
        if render:
            render_run(found.record, found.outputs, found.source_text, found.plan_text, found.folder)
    except MldslError as error:
        show(error.diagnostics)
        return 1
    if as_json:
        click.echo(found.record.text(), nl=False)
    else:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        width = shutil.get_terminal_size((100, 24)).columns
        text = summary_text(found.record, found.outputs, colour, width, folder=str(found.folder), quiet=quiet)
        click.echo(text.rstrip("\n"), color=colour)
    if open_page:
        click.launch(str((found.folder / "report.html").absolute()))
    return 0
