"""`mldsl diff`: what changed from one run to another, and what it did to the metrics."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click

from mldsl.cli.beside import model_option, runs_dir_option

if TYPE_CHECKING:
    from mldsl.execute.across import Compared
    from mldsl.execute.kept import Kept
    from mldsl.record.changes import Change, Changes
    from mldsl.report.text import Page

FORMAT_VERSION = "1.0"
_Pair = tuple["Kept", "Kept", list["Compared"]]


@click.command("diff")
@click.argument("before")
@click.argument("after")
@model_option
@runs_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: what changed, and every metric with its difference.")
def command(before: str, after: str, model: str | None, runs_dir: Path | None, as_json: bool) -> int:
    """Show what changed from the run BEFORE to the run AFTER: file, plan, params, data, versions, and the metrics.

    A run is its folder, its id or the beginning of it, `latest`, or `latest~1`, the one before. Differences of metrics
    are paired where both runs measured the same rows of the same data, and come with 95 % intervals.
    """
    from mldsl.cli.beside import again, found
    from mldsl.execute.across import compare_kept
    from mldsl.record.changes import changes

    a, b = (found(word, runs_dir, model) for word in (before, after))
    changed = changes(a.folder, b.folder, (a.record, b.record))
    compute = again()
    pairs = [(x, y, compare_kept(x, y, compute)) for x, y in _pairs(a, b, model)]
    if as_json:
        click.echo(json.dumps(_json(a, b, changed, pairs), indent=2, ensure_ascii=False))
        return 0
    from mldsl.report.text import Page

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    page = Page(colour, max(shutil.get_terminal_size((100, 24)).columns, 40))
    _write(page, a, b, changed, pairs)
    click.echo("\n".join(page.lines), color=colour)
    return 0


def _pairs(a: Kept, b: Kept, model: str | None) -> list[tuple[Kept, Kept]]:
    """The best of each run first, then every model that both have."""
    pairs = [(a, b)]
    if model is None:
        shared = [name for name in a.record.models if name in b.record.models]
        pairs += [(attrs.evolve(a, name=n), attrs.evolve(b, name=n)) for n in shared if (n, n) != (a.name, b.name)]
    return pairs


# ---- as text ---------------------------------------------------------------------------------------------------------


def _write(page: Page, a: Kept, b: Kept, changed: Changes, pairs: Sequence[_Pair]) -> None:
    for sign, kept, style in (("−", a, "red"), ("+", b, "green")):
        page.add(f"{page.paint(sign, style)} {page.paint(kept.record.id, 'bold')}  {kept.record.pipeline.file}")
    page.add("")
    for name in ("pipeline", "plan"):
        lines: tuple[str, ...] = getattr(changed, name)
        if lines:
            page.add(page.paint(name, "bold"), *(_coloured(page, line) for line in lines[2:]), "")
    for name in ("params", "data", "split", "versions", "device"):
        found: tuple[Change, ...] = getattr(changed, name)
        if found:
            page.add(page.paint(name, "bold"))
            page.grid(["", "before", "after"], [[c.what, _shown(c.before), _shown(c.after)] for c in found], [True] * 3)
            page.add("")
    if changed.unchanged:
        page.add(f"{page.paint('the same', 'dim')}  {', '.join(changed.unchanged)}", "")
    _metrics(page, pairs)
    _models(page, a, b)
    page.note(_verdict(*pairs[0]), "bold")


def _coloured(page: Page, line: str) -> str:
    style = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
    return page.paint(f"  {line}".rstrip(), style)


def _shown(value: Any) -> str:
    from mldsl.report.facts import literal

    return "–" if value is None else value if isinstance(value, str) else literal(value)


def _metrics(page: Page, pairs: Sequence[_Pair]) -> None:
    from mldsl.cli.beside import alone, how, of, p_of
    from mldsl.report.facts import part_name
    from mldsl.report.format import number

    rows, first = [], []
    for x, y, items in pairs:
        title = x.name if x.name == y.name else f"{x.name} → {y.name}"
        for i, c in enumerate(items):
            values = [number(c.before.value), number(c.after.value), of(c), p_of(c), c.verdict]
            rows.append([title if i == 0 else "", c.metric, *values])
            first.append(c.metric == x.record.primary)
    if not rows:
        page.note("no metric was measured in both runs")
        return
    part = {part_name(kept.part) for x, y, _ in pairs for kept in (x, y)}
    page.add(page.paint("metrics", "bold") + page.paint(f", {' and '.join(sorted(part))}", "dim"))
    page.grid(
        ["model", "metric", "before", "after", "difference (95%)", "p", "verdict"], rows,
        [True, True, False, False, False, False, True], first,
    )  # fmt: skip
    for sentence in how([c for _, _, items in pairs for c in items]):
        page.note(sentence)
    for x, y, _ in pairs:
        for kept, other, word in ((x, y, "before"), (y, x, "after")):
            only = {name: value for name, value in kept.metrics.items() if name not in other.metrics}
            if only:
                page.note(f"only {word}, {kept.name}: {alone(only)}", "")
    page.add("")


def _models(page: Page, a: Kept, b: Kept) -> None:
    alone = [(kept.record, other.record, word) for kept, other, word in ((a, b, "before"), (b, a, "after"))]
    for record, other, word in alone:
        names = [name for name in record.models if name not in other.models]
        if names:
            page.add(f"{page.paint(f'only {word}', 'dim')}  {', '.join(names)}")
    if any(name not in y.models for x, y, _ in alone for name in x.models):
        page.add("")


def _verdict(x: Kept, y: Kept, items: Sequence[Compared]) -> str:
    """What the primary metric of the two best models says."""
    from mldsl.cli.beside import of
    from mldsl.report.format import number

    c = next((c for c in items if c.metric == y.record.primary), next(iter(items), None))
    if c is None:
        return "Nothing can be said of the metrics."
    shown = f"{c.metric} {number(c.before.value)} before, {number(c.after.value)} after"
    rows = f"these {c.units:,} {c.unit}" if c.units else "these rows"
    return {
        "the same": f"No difference: {shown}.",
        "better": f"Better: {shown}, by {of(c)}.",
        "worse": f"Worse: {shown}, by {of(c)}.",
        "different": f"Different: {shown}, by {of(c)}.",
        "not told apart": f"No difference that {rows} can show: {shown}, {of(c)}.",
        "cannot be told": f"Whether that is a difference cannot be told: {shown}.",
    }[c.verdict]


# ---- as JSON ---------------------------------------------------------------------------------------------------------


def _json(a: Kept, b: Kept, changed: Changes, pairs: Sequence[_Pair]) -> dict[str, Any]:
    from mldsl.record.model import as_json

    return {
        "format_version": FORMAT_VERSION,
        "before": {"run": a.record.id, "folder": str(a.folder), "file": a.record.pipeline.file},
        "after": {"run": b.record.id, "folder": str(b.folder), "file": b.record.pipeline.file},
        "unchanged": changed.unchanged,
        **{name: as_json(value) for name, value in attrs.asdict(changed).items()},
        "models": list(_json_models(pairs)),
        "only_before": [name for name in a.record.models if name not in b.record.models],
        "only_after": [name for name in b.record.models if name not in a.record.models],
        "verdict": _verdict(*pairs[0]),
    }


def _json_models(pairs: Sequence[_Pair]) -> Iterator[dict[str, Any]]:
    from mldsl.cli.beside import plain

    for x, y, items in pairs:
        metrics = {c.metric: plain(c) for c in items}
        yield {"before": x.name, "after": y.name, "part": [x.part, y.part], "metrics": metrics}
