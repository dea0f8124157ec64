"""The summary of a run in a terminal: as wide as it is, coloured where that is wanted, plain where not.

Written without a library: one that formats text takes longer to import than all reports of a small run to compute.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import attrs

from mldsl.plugin.display import Column, ReportOutput, Table
from mldsl.record.model import MetricValue, RunRecord
from mldsl.report import facts
from mldsl.report.balance import balance_words, chosen_words
from mldsl.report.files import FOLDER, stems
from mldsl.report.format import MISSING, cell, interval, number
from mldsl.report.grid import fit
from mldsl.report.remarks import remarks
from mldsl.report.sketch import sketch

_MOST_ROWS = 24
_CODES = {"bold": "1", "dim": "2", "italic": "3", "red": "1;31", "green": "32", "yellow": "33"}


@attrs.define
class Page:
    """The lines so far; `paint` colours a text where colour is wanted."""

    colour: bool
    width: int
    lines: list[str] = attrs.field(factory=list)

    def paint(self, text: str, style: str) -> str:
        """The text in a style."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and text and style else text

    def add(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines

    def note(self, text: str, style: str = "dim") -> None:
        """Add a paragraph, filled and indented."""
        wrapped = textwrap.wrap(text, self.width - 2, break_long_words=False, break_on_hyphens=False)
        self.add(*(self.paint("  " + line, style) for line in wrapped))

    def grid(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[bool], bold: Sequence[bool] = ()
    ) -> int:
        """Add a table; gives how many columns had no room."""
        found = fit(header, rows, left, self.width - 2)
        self.add(*(self.paint(f"  {line}", "dim") for line in (*found.head, found.rule)))
        for i, line in enumerate(found.body):
            self.add(self.paint(f"  {line}", "bold" if i < len(bold) and bold[i] else ""))
        return found.left_out


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
    page = Page(colour, max(width, 40))
    if not quiet:
        page.add(page.paint(record.pipeline.file, "bold"), "")
        _facts(page, record)
        for name, output in outputs.items():
            _report(page, name, output)
        _metrics(page, record)
    _headline(page, record)  # last, where the eye is when the terminal stops scrolling
    said = set() if quiet else {w for output in outputs.values() for w in output.warnings}
    for warning in facts.warnings_of(record, outputs):
        if warning not in said:
            _warning(page, warning)
    for path in record.outputs:
        page.add(f"{page.paint('written', 'dim')}  {path}")
    if folder is not None:
        page.add(f"{page.paint('report', 'dim')}   {folder}/report.html")
    return "\n".join(page.lines) + "\n"


def _facts(page: Page, record: RunRecord) -> None:
    pairs = [("task", f"{record.task}, seed {record.seed}")]
    pairs += [("data" if i == 0 else "", f"{s.name}, {s.rows:,} rows") for i, s in enumerate(record.data.sources)]
    if sum(s.rows for s in record.data.sources) != record.data.rows:
        pairs.append(("", f"{record.data.rows:,} rows kept by `where`"))
    pairs.append(("split", facts.split_words(record)))
    pairs += [("classes" if i == 0 else "", words) for i, words in enumerate(balance_words(record))]
    pairs += [("columns" if i == 0 else "", words) for i, words in enumerate(chosen_words(record))]
    params = {k: v for k, v in facts.fixed_params(record).items() if k != "seed"}
    if kept := facts.kept_words(record):
        pairs.append(("fits", kept))
    if params:
        pairs.append(("params", ", ".join(f"{k} = {facts.literal(v)}" for k, v in params.items())))
    pairs += [("tuned" if i == 0 else "", words) for i, words in enumerate(facts.tuned_words(record))]
    for key, text in pairs:
        first, *rest = textwrap.wrap(text, page.width - 10, break_long_words=False) or [""]
        page.add(f"{page.paint(f'{key:<8}', 'dim')}  {first}", *(f"{'':10}{line}" for line in rest))
    page.add("")


def _metrics(page: Page, record: RunRecord) -> None:
    names = facts.metrics_of(record)
    if not names:
        return
    models = list(record.models.values())
    if record.reports:
        page.add(f"{page.paint('metrics', 'bold')} {page.paint('─' * (page.width - 8), 'dim')}")
    if len(models) == 1:
        model = models[0]
        parts = facts.parts_of(model)
        lines = [(name, [model.metrics[part].get(name) for part in parts]) for name in names]
        bold = [i == 0 for i in range(len(lines))]
        if _side_by_side(page, "metric", [facts.part_name(p) for p in parts], lines, bold):
            page.note("with 95% intervals")
    else:
        _models(page, record, names)
    for name, model in record.models.items():
        decided = [f"threshold {facts.threshold_words(model)}"] if model.threshold is not None else []
        decided += [facts.calibration_words(model)] if model.calibration is not None else []
        decided += filter(None, [facts.out_of_bag_words(record, model)])
        if decided:
            page.note(f"{name}: {'; '.join(decided)}")
    for part in ("folds", "validation"):
        if facts.chosen_on(models, part) and part != record.held_out:
            page.note(f"{facts.part_name(part)}: {facts.optimistic(part)}", "yellow")
    for remark in remarks(record):
        page.note(remark, "yellow")
    page.add("")


def _models(page: Page, record: RunRecord, names: Sequence[str]) -> None:
    """The first metric part by part, the one that counts first; then the others on the part that counts."""
    parts = facts.parts_of_all(record)
    best = [name == record.best for name in record.models]
    titles = [f"{name} ★" if name == record.best else name for name in record.models]
    first, *others = names
    page.note(first, "italic")
    values = [[m.metrics.get(part, {}).get(first) for part in parts] for m in record.models.values()]
    shown = [facts.part_name(p) for p in parts]
    _side_by_side(page, "model", shown, list(zip(titles, values, strict=True)), best)
    if others:
        page.note(f"other metrics, {facts.part_name(record.held_out)}", "italic")
        values = [[m.metrics.get(m.held_out, {}).get(name) for name in others] for m in record.models.values()]
        _side_by_side(page, "model", others, list(zip(titles, values, strict=True)), best)
    page.note(f"with 95% intervals; ★ best by {record.primary}")


def _side_by_side(
    page: Page,
    corner: str,
    header: Sequence[str],
    lines: Sequence[tuple[str, Sequence[MetricValue | None]]],
    bold: Sequence[bool],
) -> bool:
    """A value with its interval in each cell, which it says; one below the other where the terminal is too narrow."""
    wide = [[name, *map(_with_interval, values)] for name, values in lines]
    total = sum(max(map(len, column)) + 2 for column in zip([corner, *header], *wide, strict=True))
    if total <= page.width:
        page.grid([corner, *header], wide, [True] + [False] * len(header), bold)
        return True
    long = [
        [name if i == 0 else "", of, number(v.value), interval(v.low, v.high)]
        for name, values in lines
        for i, (of, v) in enumerate(pair for pair in zip(header, values, strict=True) if pair[1] is not None)
        if v is not None
    ]
    first = [row[0] != "" for row in long]
    page.grid(
        [corner, "on" if corner == "metric" else "", "value", "95% interval"], long, [True, True, False, False], first
    )
    return False


def _with_interval(value: MetricValue | None) -> str:
    if value is None:
        return MISSING
    between = interval(value.low, value.high)
    return number(value.value) + (f" ({between})" if between else "")


def _headline(page: Page, record: RunRecord) -> None:
    head = facts.headline(record)
    if head is not None:
        between = interval(head.value.low, head.value.high)
        value = number(head.value.value) + (f" ({between})" if between else "")
        lines = textwrap.wrap(f"{head.model}: {head.metric} {value}", page.width - 2, break_long_words=False)
        page.add(*(page.paint(line, "bold") for line in lines))
        page.note(head.where)
    for passed, words in facts.gate_words(record):
        mark = page.paint("✓ gate passed", "green") if passed else page.paint("✗ gate missed", "red")
        if len(words) + 15 <= page.width:
            page.add(f"{mark}  {words}")
        else:
            page.add(mark)
            page.note(words, "")
    if head is not None or record.gates:
        page.add("")


def _report(page: Page, name: str, output: ReportOutput) -> None:
    page.add(f"{page.paint(name, 'bold')} {page.paint('─' * max(0, page.width - len(name) - 1), 'dim')}")
    for stem, table in zip(stems(name, output.tables), output.tables, strict=True):
        _table(page, table, f"{FOLDER}/{stem}.csv")
    for stem, figure in zip(stems(name, output.figures), output.figures, strict=True):
        page.add(*(f"  {line}" for line in sketch(figure, page.width - 2)))
        page.note(f"{figure.title}: {FOLDER}/{stem}.svg")
    for note in output.notes:
        page.note(note, "")
    for warning in output.warnings:
        _warning(page, warning)
    page.add("")


def _table(page: Page, table: Table, path: str) -> None:
    count = max((len(c.values) for c in table.columns), default=0)
    if table.name and count > _MOST_ROWS:
        page.note(f"{table.title}: {count:,} rows in {path}")
        return
    if table.title:
        page.note(table.title, "italic")
    shown = count if count <= _MOST_ROWS else _MOST_ROWS - 4
    header = [f"{c.name} [{c.unit}]" if c.unit else c.name for c in table.columns]
    columns = [_cells(c, shown) for c in table.columns]
    left_out = page.grid(header, list(zip(*columns, strict=True)), [c.format == "text" for c in table.columns])
    more = [f"{count - shown:,} more rows"] if count > shown else []
    more += [f"{left_out} more {'column' if left_out == 1 else 'columns'}"] if left_out else []
    if more:
        page.note(f"and {' and '.join(more)} in {path}")
    if table.note:
        page.note(table.note)


def _cells(column: Column, shown: int) -> list[str]:
    texts = [cell(v, column.format) for v in list(column.values)[:shown]]
    return (
        [f"{'  ' * depth}{text}" for depth, text in zip(column.depth, texts, strict=False)] if column.depth else texts
    )


def _warning(page: Page, text: str) -> None:
    first, *rest = textwrap.wrap(text, page.width - 9, break_long_words=False) or [""]
    page.add(f"{page.paint('warning', 'yellow')}  {first}", *(f"{'':9}{line}" for line in rest))
