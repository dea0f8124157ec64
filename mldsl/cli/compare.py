"""`mldsl compare`: the metrics of several runs beside each other."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from mldsl.cli.beside import model_option, runs_dir_option

if TYPE_CHECKING:
    from mldsl.execute.across import Compared
    from mldsl.execute.kept import Kept
    from mldsl.report.text import Page

FORMAT_VERSION = "1.0"


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...")
@model_option
@runs_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: every run's metrics, and differences to the first.")
def command(runs: tuple[str, ...], model: str | None, runs_dir: Path | None, as_json: bool) -> int:
    """Show the metrics of several runs, and how far each run is from the first one named.

    A run is its folder, its id or the beginning of it, `latest`, or `latest~1`, the one before. Differences are paired
    where both runs measured the same rows of the same data, and come with 95 % intervals; p is corrected for the number
    of runs (Holm). `mldsl diff` shows what else changed.
    """
    if len(runs) < 2:
        raise click.UsageError("comparing takes two runs or more: `mldsl compare latest~1 latest`")
    from mldsl.cli.beside import again, found
    from mldsl.execute.across import compare_kept

    first, *others = (found(word, runs_dir, model) for word in runs)
    compute = again()
    compared = _corrected([compare_kept(first, other, compute) for other in others])
    if as_json:
        click.echo(json.dumps(_json(first, others, compared), indent=2, ensure_ascii=False))
        return 0
    from mldsl.report.text import Page

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    page = Page(colour, max(shutil.get_terminal_size((100, 24)).columns, 40))
    _write(page, first, others, compared)
    click.echo("\n".join(page.lines).rstrip("\n"), color=colour)
    return 0


def _corrected(compared: Sequence[Sequence[Compared]]) -> list[list[Compared]]:
    """The same with p corrected for having looked at several runs, metric by metric."""
    from mldsl.execute.paired import holm

    p: dict[tuple[int, str], float] = {}
    for metric in {c.metric for items in compared for c in items}:
        places = [(i, c) for i, items in enumerate(compared) for c in items if c.metric == metric]
        for (i, _), value in zip(places, holm([c.difference.p for _, c in places]), strict=True):
            p[i, metric] = value
    return [
        [attrs.evolve(c, difference=attrs.evolve(c.difference, p=p[i, c.metric])) for c in items]
        for i, items in enumerate(compared)
    ]


# ---- as text ---------------------------------------------------------------------------------------------------------


def _write(page: Page, first: Kept, others: Sequence[Kept], compared: Sequence[Sequence[Compared]]) -> None:
    from mldsl.cli.beside import alone
    from mldsl.report.facts import part_name
    from mldsl.report.format import MISSING, interval, number

    kept = [first, *others]
    known = dict.fromkeys(name for k in kept for name in _in_order(k))
    names = [name for name in known if sum(name in k.metrics for k in kept) > 1]
    rows = [
        [str(i + 1), k.record.id, Path(k.record.pipeline.file).name, k.name, part_name(k.part)]
        for i, k in enumerate(kept)
    ]
    page.grid(["", "run", "file", "model", "measured on"], rows, [True] * 5, [True])
    page.add("")
    for name in names:
        page.add(page.paint(name, "bold"))
        rows = []
        for i, k in enumerate(kept):
            value = k.metrics.get(name)
            c = next((c for c in compared[i - 1] if c.metric == name), None) if i else None
            shown = [number(value.value), interval(value.low, value.high)] if value else [MISSING, ""]
            rows.append([str(i + 1), *shown, *_difference(c)])
        left = [True, False, False, False, False, False, True]
        page.grid(["", "value", "95% interval", "difference to 1", "95% interval", "p", "verdict"], rows, left)
        page.add("")
    for i, k in enumerate(kept):
        only = {name: value for name, value in k.metrics.items() if name not in names}
        if only:
            page.note(f"only in {i + 1}: {alone(only)}", "")
    _how(page, compared)


def _in_order(kept: Kept) -> list[str]:
    names, primary = list(kept.metrics), kept.record.primary
    return [*(n for n in names if n == primary), *(n for n in names if n != primary)]


def _difference(c: Compared | None) -> list[str]:
    from mldsl.cli.beside import p_of
    from mldsl.report.format import interval, number

    if c is None:
        return ["", "", "", ""]
    return [number(c.difference.value), interval(c.difference.low, c.difference.high), p_of(c), c.verdict]


def _how(page: Page, compared: Sequence[Sequence[Compared]]) -> None:
    from mldsl.cli.beside import how

    for i, items in enumerate(compared):
        for sentence in how(items):
            page.note(f"{i + 2} against 1: {sentence}")
        if not items:
            page.note(f"{i + 2} against 1: they have no metric in common")
    paired = sum(any(c.test != "unpaired" for c in items) for items in compared)
    if paired > 1:
        page.note(f"p is corrected for {paired} comparisons with the first run (Holm)")


# ---- as JSON ---------------------------------------------------------------------------------------------------------


def _json(first: Kept, others: Sequence[Kept], compared: Sequence[Sequence[Compared]]) -> dict[str, Any]:
    from mldsl.cli.beside import plain
    from mldsl.record.model import as_json

    runs = [
        {
            "run": k.record.id, "folder": str(k.folder), "file": k.record.pipeline.file, "model": k.name,
            "part": k.part, "metrics": as_json(k.metrics),
        }
        for k in (first, *others)
    ]  # fmt: skip
    differences = [
        {"run": k.record.id, "to": first.record.id, "metrics": {c.metric: plain(c) for c in items}}
        for k, items in zip(others, compared, strict=True)
    ]
    return {"format_version": FORMAT_VERSION, "runs": runs, "differences": differences}
