"""`mldsl plan`: what a run would do, after a look at the data."""

from __future__ import annotations

from pathlib import Path

import click

from mldsl.cli.options import locked_option, params_option


@click.command("plan")
@click.argument("file", type=click.Path(path_type=Path))
@params_option
@locked_option
@click.option("--no-data", is_flag=True, help="Read only the header of the data, and count no rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(file: Path, params: dict[str, str], locked: bool, no_data: bool, as_json: bool) -> int:
    """Show what a run of FILE would do, every default spelt out; nothing is trained.

    Columns and types after each step, what is fitted where, the rows, groups and class shares of every part and fold,
    and which rows choose params, thresholds and models. Exit status: 0, or 1 if there are errors in the file or in the
    rows.
    """
    from mldsl.cli.messages import show
    from mldsl.diagnostics import MldslError
    from mldsl.driver import Options, batching_words, kept_words, look, plan, plan_text

    options = Options(params=params, locked=locked)
    try:
        checked = plan(file, options)
        found, rows = checked.sound(), None
        kept: list[tuple[str, str]] = []
        warnings = [diagnostic for diagnostic in checked.diagnostics if diagnostic.severity == "warning"]
        if not no_data:
            looked = look(file, checked, options)
            found, rows = looked.checked.sound(), looked.facts
            kept = [] if as_json else kept_words(looked, options)
            warnings += [d for d in (*looked.checked.diagnostics, *looked.warnings) if d not in warnings]
    except MldslError as error:
        show(error.diagnostics, error.sources)
        return 1
    if warnings:
        show(warnings, checked.sources)
    if as_json:
        from mldsl.plan.json import plan_json

        click.echo(plan_json(found, rows), nl=False)
    else:
        batching = [] if rows is None else batching_words(found, rows, options)
        click.echo(plan_text(found, rows, kept, batching), nl=False)
    return 0
