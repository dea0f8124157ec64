"""The summary of a run in a terminal: as wide as it is, coloured where that is wanted, plain where not."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mldsl.plugin.display import ReportOutput, Table
from mldsl.record.model import ModelRecord, RunRecord
from mldsl.report import facts
from mldsl.report.files import FOLDER, stems
from mldsl.report.format import cell, interval, number
from mldsl.report.sketch import sketch

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MOST_ROWS = 24
_TEXTS = ("text",)


def summary(
    record: RunRecord,
    outputs: Mapping[str, ReportOutput],
    *,
    colour: bool,
    width: int,
    folder: str | None = None,
    quiet: bool = False,
) -> str:
    """The whole summary as text that ends in a newline."""
    from rich.console import Console
    from rich.text import Text

    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=max(width, 40),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    if not quiet:
        console.print(Text(f"{record.pipeline.file}", "bold"), Text(f"{record.task}, seed {record.seed}", "dim"))
        console.print()
        _lines(console, record)
        _metrics(console, record)
    _headline(console, record)
    _gates(console, record)
    if not quiet:
        for name, output in outputs.items():
            _report(console, name, output)
    said = set() if quiet else {w for output in outputs.values() for w in output.warnings}
    _warnings(console, [w for w in facts.warnings_of(record, outputs) if w not in said])
    for path in record.outputs:
        console.print(Text.assemble(("written ", "dim"), path))
    if folder is not None:
        console.print(Text.assemble(("report  ", "dim"), f"{folder}/report.html"), soft_wrap=True)
    return "\n".join(line.rstrip() for line in buffer.getvalue().split("\n"))


def _lines(console: Console, record: RunRecord) -> None:
    from rich.table import Table as Grid

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(ratio=1)
    sources = record.data.sources
    for i, source in enumerate(sources):
        grid.add_row("data" if i == 0 else "", f"{source.name}, {source.rows:,} rows")
    if sources and sum(s.rows for s in sources) != record.data.rows:
        grid.add_row("", f"{record.data.rows:,} rows kept by `where`")
    grid.add_row("split", facts.split_words(record))
    params = {k: v for k, v in record.params.items() if k != "seed"}
    if params:
        grid.add_row("params", ", ".join(f"{k} = {facts.literal(v)}" for k, v in params.items()))
    console.print(grid)
    console.print()


def _metrics(console: Console, record: RunRecord) -> None:
    names = facts.metrics_of(record)
    if not names:
        return
    models = record.models
    if len(models) == 1:
        (model,) = models.values()
        console.print(_by_part(names, model))
    else:
        held_out = record.held_out
        header = [("model", "text"), *((f"{m}", "number") for m in names)]
        rows = []
        for name, model in models.items():
            values = model.metrics.get(model.held_out, {})
            cells = [_with_interval(values, m) for m in names]
            rows.append([f"{name} ★" if name == record.best else name, *cells])
        console.print(_grid(header, rows, bold=[name == record.best for name in models]))
        console.print(f"  {facts.part_name(held_out)}, with 95% intervals; ★ best by {record.primary}", style="dim")
    if facts.chosen_on(list(models.values()), "folds"):
        console.print(f"  folds: {facts.OPTIMISTIC}", style="yellow")
    console.print()


def _by_part(names: Sequence[str], model: ModelRecord) -> RenderableType:
    parts = facts.parts_of(model)
    header = [("", "text"), (facts.part_name(parts[0]), "number"), ("95% interval", "number")]
    header += [(facts.part_name(part), "number") for part in parts[1:]]
    rows = []
    for name in names:
        first = model.metrics[parts[0]].get(name)
        rest = [model.metrics[part].get(name) for part in parts[1:]]
        rows.append(
            [name, number(first.value) if first else "", interval(first.low, first.high) if first else ""]
            + [number(v.value) if v else "" for v in rest]
        )
    return _grid(header, rows, bold=[i == 0 for i in range(len(rows))])


def _with_interval(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if value is None:
        return "–"
    between = interval(value.low, value.high)  # type: ignore[attr-defined]
    return number(value.value) + (f" ({between})" if between else "")  # type: ignore[attr-defined]


def _headline(console: Console, record: RunRecord) -> None:
    from rich.text import Text

    head = facts.headline(record)
    if head is None:
        return
    between = interval(head.value.low, head.value.high)
    text = Text.assemble(
        (head.model, "bold"), ": ", head.metric, " ", (number(head.value.value), "bold"),
        f" ({between})" if between else "", f" {head.where}",
    )  # fmt: skip
    console.print(text)


def _gates(console: Console, record: RunRecord) -> None:
    from rich.text import Text

    for passed, words in facts.gate_words(record):
        mark = ("✓ gate passed  ", "green") if passed else ("✗ gate missed  ", "bold red")
        console.print(Text.assemble(mark, words))
    console.print()


def _report(console: Console, name: str, output: ReportOutput) -> None:
    from rich.rule import Rule
    from rich.text import Text

    console.print(Rule(Text(name, "bold"), align="left", characters="─", style="dim"))
    for stem, table in zip(stems(name, output.tables), output.tables, strict=True):
        _table(console, table, f"{FOLDER}/{stem}.csv", name)
    for stem, figure in zip(stems(name, output.figures), output.figures, strict=True):
        lines = sketch(figure, console.width - 2)
        for line in lines:
            console.print("  " + line, soft_wrap=True)
        where = f"{FOLDER}/{stem}.svg"
        console.print(Text(f"  {figure.title}: {where}", "dim"))
    for note in output.notes:
        console.print(Text(f"  {note}", "dim"))
    _warnings(console, output.warnings)
    console.print()


def _table(console: Console, table: Table, path: str, report: str) -> None:
    from rich.text import Text

    count = max((len(c.values) for c in table.columns), default=0)
    if table.title and table.title != report:
        console.print(Text(f"  {table.title}", "italic"))
    if table.name and count > _MOST_ROWS:
        console.print(Text(f"  {count:,} rows in {path}", "dim"))
        return
    shown = count if count <= _MOST_ROWS else _MOST_ROWS - 4
    header = [(f"{c.name} [{c.unit}]" if c.unit else c.name, c.format) for c in table.columns]
    columns = [[cell(v, c.format) for v in list(c.values)[:shown]] for c in table.columns]
    console.print(_grid(header, [list(row) for row in zip(*columns, strict=True)]))
    if count > shown:
        console.print(Text(f"  and {count - shown:,} more rows in {path}", "dim"))
    if table.note:
        console.print(Text(f"  {table.note}", "dim"))


def _grid(
    header: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]], bold: Sequence[bool] = ()
) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=SIMPLE_HEAD, show_edge=False, pad_edge=True, header_style="dim", padding=(0, 1))
    for name, format in header:
        texts = format in _TEXTS
        grid.add_column(Text(name), justify="left" if texts else "right", overflow="fold", no_wrap=not texts)
    for i, row in enumerate(rows):
        style = "bold" if i < len(bold) and bold[i] else ""
        grid.add_row(*(Text(text) for text in row), style=style)
    return grid


def _warnings(console: Console, warnings: Sequence[str]) -> None:
    from rich.text import Text

    for warning in warnings:
        console.print(Text.assemble(("warning ", "yellow"), warning))
