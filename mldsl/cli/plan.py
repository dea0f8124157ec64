"""`mldsl plan`: what a run would do, after a look at the header of the data."""

from __future__ import annotations

from pathlib import Path

import click

from mldsl.cli.options import params_option


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path))
@params_option
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(file: Path, params: dict[str, str], as_json: bool) -> int:
    """Show what a run of FILE would do, every default spelt out.

    The header of the data is read, its rows are not: columns and types after each step, what is fitted where, which
    rows are held out, and which rows choose thresholds and models. Exit status: 0, or 1 if there are errors.
    """
    from mldsl.cli.messages import show
    from mldsl.diagnostics import MldslError
    from mldsl.driver import Options, plan

    try:
        checked = plan(file, Options(params=params))
        found = checked.sound()
    except MldslError as error:
        show(error.diagnostics, error.sources)
        return 1
    warnings = [diagnostic for diagnostic in checked.diagnostics if diagnostic.severity == "warning"]
    if warnings:
        show(warnings, checked.sources)
    if as_json:
        from mldsl.plan.json import plan_json

        click.echo(plan_json(found), nl=False)
    else:
        from mldsl.plan.text import plan_text

        click.echo(plan_text(found), nl=False)
    return 0
