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

    The rows must have the target; they are checked as strictly as training rows.
    """
    from mldsl.execute.settings import configure

    configure(device)
    import attrs

    from mldsl.cli.layout import columns_text
    from mldsl.execute.trained import load_model, source_for

    trained = load_model(artifact)
    plan = trained.learned.plan
    plan = attrs.evolve(plan, sources=(("data", source_for(plan, data)),), where=None)
    metrics = trained.evaluate(plan, trained.context(Path.cwd()))
    if as_json:
        click.echo(json.dumps({name: attrs.asdict(value) for name, value in metrics.items()}, indent=2))
        return 0
    click.echo(f"`{trained.name}` on {data}\n")
    rows = [(name, f"{v.value:.4g}", f"{v.low:.4g} .. {v.high:.4g}") for name, v in metrics.items()]
    click.echo(columns_text([("metric", "value", "95 % interval"), *rows]))
    return 0
