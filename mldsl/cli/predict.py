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
@click.option(
    "--locked", is_flag=True, help="Refuse unless the plugins are those that the run was made with (MLP0501)."
)
def command(artifact: Path, data: str, output: Path | None, device: str | None, locked: bool) -> int:
    """Predict every row of the file DATA with the model ARTIFACT: a folder under models/, or a run (its best).

    The rows come back with `prediction`, `probability_<class>` (or `score_<class>`, `score`, `cluster`) and, where
    something about a row is odd, `warning`. Without -o they are printed as CSV.
    """
    from mldsl.record.find import named_or_path

    artifact = named_or_path(artifact, Path())
    if locked:
        hold_to_lock(artifact)
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


def hold_to_lock(artifact: Path) -> None:
    """Hold what is installed against the copy of the lock that the run of a model keeps."""
    from mldsl.diagnostics import MldslError
    from mldsl.plugin.lock import NAME, lock_of, mismatches, read_lock
    from mldsl.plugin.registry import Registry

    here = artifact.absolute()
    place = next((p / NAME for p in (here, *here.parents[:2]) if (p / NAME).is_file()), artifact / NAME)
    locked = read_lock(place)
    found = lock_of(Registry.load(), [plugin.name for plugin in locked.plugins])
    problems = mismatches(locked, found, place, "run the pipeline again with what is installed")
    if problems:
        raise MldslError(*problems)
