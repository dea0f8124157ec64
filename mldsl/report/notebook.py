"""A run as a notebook shows it: result, metrics and figures, as a fragment of HTML with its own colours."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from mldsl.plugin.display import ReportOutput
from mldsl.record.model import RunRecord
from mldsl.report import facts
from mldsl.report.format import interval, number
from mldsl.report.palette import DARK, LIGHT, drawing, variables
from mldsl.report.svg import assign_hues, legend, panel_svg

_SCOPE = ".mldsl-run"
_STYLE = (
    f"{_SCOPE}{{{variables(LIGHT)};color:var(--fg);background:var(--bg);padding:14px 18px;border:1px solid var(--grid);"
    "border-radius:10px;font:14px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;max-width:900px}"
    f"@media(prefers-color-scheme:dark){{{_SCOPE}{{{variables(DARK)}}}}}"
    f"[data-jp-theme-light=true] {_SCOPE}{{{variables(LIGHT)}}}"
    f"[data-jp-theme-light=false] {_SCOPE}{{{variables(DARK)}}}"
    f"{_SCOPE} p{{margin:0 0 6px}}{_SCOPE} .soft{{color:var(--soft)}}{_SCOPE} .big{{font-size:26px;font-weight:650}}"
    f"{_SCOPE} table{{border-collapse:collapse;margin:10px 0;background:none;font-size:13px}}"
    f"{_SCOPE} th,{_SCOPE} td{{padding:4px 12px;text-align:right;border-bottom:1px solid var(--grid);color:var(--fg)}}"
    f"{_SCOPE} tr{{background:none!important}}{_SCOPE} small{{display:block;color:var(--soft)}}"
    f"{_SCOPE} .left{{text-align:left}}{_SCOPE} .missed{{color:var(--c2)}}{_SCOPE} .passed{{color:var(--c3)}}"
    f"{_SCOPE} .panels{{display:flex;flex-wrap:wrap;gap:12px 20px}}{_SCOPE} .panels svg{{max-width:100%;height:auto}}"
    f"{_SCOPE} summary{{cursor:pointer;font-weight:600;margin-top:8px}}{drawing(_SCOPE)}"
)


def run_html(record: RunRecord, outputs: Mapping[str, ReportOutput], folder: Path | None) -> str:
    """The fragment. Reports are folded up but the first; `folder` is named as the place of the rest."""
    parts = [f"<style>{_STYLE}</style>", _headline(record), _table(record)]
    for warning in facts.warnings_of(record, outputs):
        parts.append(f'<p class="missed">{escape(warning)}</p>')
    for i, (name, output) in enumerate(outputs.items()):
        if output.figures:
            parts.append(
                f"<details{' open' if i == 0 else ''}><summary>{escape(name)}</summary>{_figures(output)}</details>"
            )
    if folder is not None:
        parts.append(f'<p class="soft">{escape(str(folder / "report.html"))}</p>')
    return f'<div class="mldsl-run">{"".join(parts)}</div>'


def _headline(record: RunRecord) -> str:
    head = facts.headline(record)
    lines = [f'<p class="soft">{escape(record.pipeline.file)}: {record.task}, {record.data.rows:,} rows</p>']
    if head is not None:
        between = interval(head.value.low, head.value.high)
        lines.append(f"<p><b>{escape(head.model)}</b>, {escape(head.metric)}</p>")
        shown = f' <span class="soft">{between}</span>' if between else ""
        lines.append(f'<p><span class="big">{number(head.value.value)}</span>{shown}</p>')
        lines.append(f'<p class="soft">{escape(head.where)}</p>')
    for passed, words in facts.gate_words(record):
        mark = "✓" if passed else "✗"
        lines.append(f'<p class="{"passed" if passed else "missed"}">{mark} {escape(words)}</p>')
    return "".join(lines)


def _table(record: RunRecord) -> str:
    names = facts.metrics_of(record)
    if not names:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    rows = []
    for name, model in record.models.items():
        values = model.metrics.get(model.held_out, {})
        cells = (
            f"<td>{number(values[m].value)}<small>{interval(values[m].low, values[m].high)}</small></td>"
            if m in values
            else "<td>–</td>"
            for m in names
        )
        best = " ★" if name == record.best and len(record.models) > 1 else ""
        rows.append(f'<tr><th class="left">{escape(name)}{best}</th>{"".join(cells)}</tr>')
    return f'<table><tr><th class="left">{facts.part_name(record.held_out)}</th>{head}</tr>{"".join(rows)}</table>'


def _figures(output: ReportOutput) -> str:
    out = []
    for figure in output.figures:
        hues = assign_hues(figure)
        names = ", ".join(
            f'<span style="color:var(--c{hue})">■</span> {escape(n)}' for n, hue, _ in legend(figure) if hue
        )
        panels = "".join(panel_svg(p, len(figure.panels), hues, figure.alt) for p in figure.panels)
        out.append(f'<p>{escape(figure.title)} {names}</p><div class="panels">{panels}</div>')
    return "".join(out)
