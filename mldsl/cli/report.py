"""`mldsl report`: a finished run, printed again, opened in the browser, or rendered anew."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click


@click.command("report")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--open", "open_page", is_flag=True, help="Open report.html in the browser.")
@click.option(
    "--render", is_flag=True, help="Write report.html and the tables and figures anew, from the run's record."
)
@click.option("--json", "as_json", is_flag=True, help="Print the record, nothing else.")
@click.option("--quiet", "-q", is_flag=True, help="Print only what matters: headline, gates, warnings, folder.")
def command(run: Path | None, open_page: bool, render: bool, as_json: bool, quiet: bool) -> int:
    """Show the finished run in the folder RUN [default: the newest under runs/].

    Nothing is computed: the record and the reports were kept by the run.
    """
    from mldsl.cli.messages import show
    from mldsl.diagnostics import MldslError
    from mldsl.report import render_run, summary_text
    from mldsl.report.read import read_run

    try:
        found = read_run(_folder(run))
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


def _folder(run: Path | None) -> Path:
    """The run that is meant; MLP0502 if there is none."""
    from mldsl.diagnostics import Diagnostic, MldslError
    from mldsl.record.folder import latest

    if run is not None and not (run / "run.json").exists() and latest(run) is not None:
        return latest(run) or run  # the folder of all runs: its newest
    if run is not None:
        return run
    newest = latest(Path("runs"))
    if newest is None:
        raise MldslError(
            Diagnostic("MLP0502", "there is no run under `runs/` here", help="name a run's folder: `mldsl report RUN`")
        )
    return newest
