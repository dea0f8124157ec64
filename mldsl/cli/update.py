"""`mldsl update`: a trained model learns from further rows."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("update")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--output", "-o", type=click.Path(path_type=Path), required=True, help="Folder of the new artifact.")
@click.option(
    "--rounds", type=click.IntRange(min=1), help="Go on for so many rounds with what the model is, on these rows."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: rows, rows_in_all, rounds, stays, warnings, artifact."
)
@click.option(
    "--device", type=click.Choice(["cpu", "gpu", "tpu"]), help="Where to compute [default: the best there is]."
)
@click.option(
    "--locked", is_flag=True, help="Refuse unless the plugins are those that the run was made with (MLP0501)."
)
def command(
    artifact: Path, data: str, output: Path, rounds: int | None, as_json: bool, device: str | None, locked: bool
) -> int:
    """Let the model ARTIFACT, a folder under models/ or a run (its best), learn from the labelled rows of DATA too.

    For models whose fit is nothing but sums over rows, such as naive Bayes: the new model is what one fit of all rows
    gives. With --rounds, for models that add up rounds, such as boosted trees: they go on where their fit ended, on the
    rows of DATA alone. Fitted steps, a chosen threshold and a calibration stay as they are. All rows of the file DATA
    are learned from; they are checked as strictly as training rows, and `where` applies to them too. ARTIFACT stays as
    it is, unless -o names it.
    """
    from mldsl.cli.predict import hold_to_lock
    from mldsl.record.find import named_or_path

    artifact = named_or_path(artifact, Path())
    if locked:
        hold_to_lock(artifact)
    from mldsl.execute.settings import configure

    configure(device)
    import attrs

    from mldsl.execute.trained import load_model, source_for
    from mldsl.execute.update import save, update

    trained = load_model(artifact)
    plan = trained.learned.plan
    plan = attrs.evolve(plan, sources=(("data", source_for(plan, data)),))
    found = update(trained, plan, trained.context(Path.cwd()), rounds)
    save(found.trained, output)
    total = found.trained.learned.rows
    if as_json:
        said = {"model": trained.name, "algorithm": trained.algorithm, "rows": found.rows, "rows_in_all": total,
                "rounds": rounds, "stays": list(found.stays), "warnings": list(found.warnings),
                "artifact": str(output)}  # fmt: skip
        click.echo(json.dumps(said, indent=2, ensure_ascii=False))
        return 0
    noun = "row" if found.rows == 1 else "rows"
    if rounds is None:
        click.echo(f"{trained.name} learned from {found.rows:,} {noun} of {data}, which makes {total:,} in all\n")
    else:
        times = "1 round" if rounds == 1 else f"{rounds:,} rounds"
        click.echo(f"{trained.name} went on for {times} on {found.rows:,} {noun} of {data}\n")
    if found.stays:
        click.echo("not learned anew, as it comes from the first rows")
        for text in found.stays:
            click.echo(f"  {text}")
        click.echo()
    click.echo(f"written  {output}")
    for text in found.warnings:
        click.echo(f"warning: {text}", err=True)
    return 0
