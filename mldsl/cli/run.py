"""`mldsl run`: check, train, measure, keep."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from mldsl.cli.options import locked_option, params_option


@click.command("run")
@click.argument("file", type=click.Path(path_type=Path))
@params_option
@click.option("--runs-dir", type=click.Path(path_type=Path), help="Where run folders go [default: runs/ beside FILE].")
@click.option("--no-tune", is_flag=True, help="Search nothing: the params that `tune` varies keep their values.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoints of an interrupted run of the same content.")
@click.option("--force", is_flag=True, help="Run although nothing has changed, and train anew.")
@locked_option
@click.option(
    "--device", type=click.Choice(["cpu", "gpu", "tpu"]), help="Where to compute [default: the best there is]."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the record on standard output, all else on standard error."
)
@click.option("--quiet", "-q", is_flag=True, help="Print only what matters: headline, gates, warnings, folder.")
def command(
    file: Path,
    params: dict[str, str],
    runs_dir: Path | None,
    no_tune: bool,
    resume: bool,
    force: bool,
    locked: bool,
    device: str | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train and evaluate the pipeline FILE; leaves a run folder with record, models, tables and report.html.

    Exit status: 0 fine, 1 errors, 3 a gate of `metrics` was missed, 130 interrupted (go on with --resume).
    """
    from mldsl.driver import Options, run

    bar = _Bar() if sys.stderr.isatty() and not quiet else None
    try:
        finished = run(
            file,
            Options(
                params=params,
                runs_dir=runs_dir,
                resume=resume,
                force=force,
                locked=locked,
                tune=not no_tune,
                device=device,
                progress=bar.update if bar else None,
            ),
        )
    except KeyboardInterrupt:
        again = " ".join(["mldsl", *sys.argv[1:], *([] if resume else ["--resume"])])
        click.echo(f"\nstopped; what was trained so far is kept: `{again}` goes on from there", err=True)
        return 130
    finally:
        if bar is not None:
            bar.close()
    if finished.unchanged and finished.folder is not None:
        click.echo(f"nothing has changed since {_near(finished.folder)}; --force runs it again", err=True)
    elif resume and not finished.resumed:
        click.echo("nothing to go on from: no interrupted run has this very file, params, data and versions", err=True)
    if as_json:
        click.echo(finished.record.text(), nl=False)
    _summary(finished, as_json, quiet)
    return 0 if all(gate.passed for gate in finished.record.gates) else 3


def _summary(finished: Any, to_stderr: bool, quiet: bool) -> None:
    import shutil

    from mldsl.report import summary_text

    stream = sys.stderr if to_stderr else sys.stdout
    colour = stream.isatty() and not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size((100, 24)).columns
    folder = None if finished.folder is None else _near(finished.folder)
    text = summary_text(finished.record, finished.outputs, colour, width, folder=folder, quiet=quiet)
    click.echo(text.rstrip("\n"), file=stream, color=colour)


def _near(folder: Path) -> str:
    """The folder as seen from here, if it is below here."""
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)


def _duration(seconds: float) -> str:
    """`40 s`, `3 min`, `2.5 h`: what is left, no more precise than it is known."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class _Bar:
    """One line on a terminal: which fit or search, how far, the last loss or the best score, how long is left."""

    def __init__(self) -> None:
        self._shown = ""
        self._begun: dict[str, tuple[float, int]] = {}

    def update(self, stage: str, step: int, total: int, info: dict[str, float]) -> None:
        """Redraw the line."""
        filled = int(24 * step / max(total, 1))
        bar = "━" * filled + "─" * (24 - filled)
        values = "  ".join(f"{name} {value:.4g}" for name, value in info.items())
        left = self._left(stage, step, total)
        text = f"  {stage.removeprefix('model/')}  {bar}  {step}/{total}  {values}{left}"
        click.echo("\r" + text[:118].ljust(len(self._shown)), nl=False, err=True)
        self._shown = text[:118]

    def _left(self, stage: str, step: int, total: int) -> str:
        """How long the rest takes if it goes on as since the first step, which compiled; "" before that is known."""
        now = time.monotonic()
        since, first = self._begun.setdefault(stage, (now, step))
        if step <= first or step >= total:
            return ""
        seconds = (now - since) / (step - first) * (total - step)
        return f"  {_duration(seconds)} left" if seconds >= 1 else ""

    def close(self) -> None:
        """Clear the line."""
        if self._shown:
            click.echo("\r" + " " * len(self._shown) + "\r", nl=False, err=True)
