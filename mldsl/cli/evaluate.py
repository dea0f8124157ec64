"""`mldsl evaluate`: a trained model against labelled rows."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("evaluate")
@click.argument("artifact", type=click.Path(path_type=Path))
@click.argument("data")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: metric -> value, low, high.")
@click.option(
    "--device", type=click.Choice(["cpu", "gpu", "tpu"]), help="Where to compute [default: the best there is]."
)
def command(artifact: Path, data: str, as_json: bool, device: str | None) -> int:
    """Measure the model ARTIFACT on the labelled rows of the file DATA: its pipeline's metrics, with 95 % intervals.

    The rows must have the target; they are checked as strictly as training rows, and `where` applies to them too.
    """
    from mldsl.execute.settings import configure
    from mldsl.record.find import named_or_path

    artifact = named_or_path(artifact, Path())
    configure(device)
    import attrs

    from mldsl.execute.trained import load_model, source_for
    from mldsl.report.format import interval, number

    trained = load_model(artifact)
    plan = trained.learned.plan
    plan = attrs.evolve(plan, sources=(("data", source_for(plan, data)),))
    metrics = trained.evaluate(plan, trained.context(Path.cwd()))
    if as_json:
        click.echo(json.dumps({name: attrs.asdict(value) for name, value in metrics.items()}, indent=2))
        return 0
    click.echo(f"{trained.name} on {data}\n")
    rows = [("metric", "value", "95% interval")]
    rows += [(name, number(v.value), interval(v.low, v.high)) for name, v in metrics.items()]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for name, value, around in rows:
        click.echo(f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {around:>{widths[2]}}")
    return 0
