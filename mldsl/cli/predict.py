"""`mldsl predict`: a trained model on new rows."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("predict")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Where to write; the ending decides the form.")
@click.option(
    "--device", type=click.Choice(["cpu", "gpu", "tpu"]), help="Where to compute [default: the best there is]."
)
def command(artifact: Path, data: str, output: Path | None, device: str | None) -> int:
    """Predict every row of the file DATA with the model ARTIFACT (a folder under models/, or a run folder).

    The rows come back with `prediction`, `probability_<class>` (or `score`, `cluster`) and, where something about a row
    is odd, `warning`. Without -o they are printed as CSV.
    """
    from mldsl.execute.settings import configure

    configure(device)
    import polars as pl

    from mldsl.execute.engine import answer_columns
    from mldsl.execute.trained import load_model, source_for
    from mldsl.record.frames import write_frame, writer_for

    if output is not None:
        writer_for(output)  # a wrong ending is said before anything is read
    trained = load_model(artifact)
    dataset = trained.rows(source_for(trained.learned.plan, data), trained.context(Path.cwd()))
    answers = trained.answer(dataset)
    columns = answer_columns(answers)
    odd = list(dataset.row_warnings)
    if any(odd):
        columns["warning"] = pl.Series("warning", odd, dtype=pl.String)
    rows = (dataset.frame if dataset.given is None else dataset.given).with_columns(**columns)
    if output is None:
        click.echo(rows.write_csv(), nl=False)
    else:
        write_frame(rows, output)
        click.echo(f"{rows.height} rows predicted by `{trained.name}` -> {output}", err=True)
    for warning in dataset.warnings:
        click.echo(f"warning[{warning.code}]: {warning.message}", err=True)
    if any(odd):
        click.echo(f"warning: {sum(1 for w in odd if w)} rows are flagged in the column `warning`", err=True)
    return 0
