"""`report.html`: the whole run on one page that needs nothing else: no network, no fonts, no scripts from elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl.record.model import MetricValue, ModelRecord, RunRecord
from mldsl.report import facts, palette
from mldsl.report.balance import KEYS as BALANCE
from mldsl.report.balance import balance_words, chosen_words
from mldsl.report.files import FOLDER, stems
from mldsl.report.format import MISSING, cell, interval, number, seconds
from mldsl.report.highlight import highlight
from mldsl.report.remarks import remarks
from mldsl.report.svg import assign_hues, legend, panel_svg

_MOST_ROWS = 60
_LEFT = ("text",)
_INDENT = "\u2003"
_LONG = 24  # characters of a cell, which may break
_SPELT = {"roc": "ROC", "vif": "VIF", "anova": "ANOVA", "simpsons": "Simpson's"}


def page(record: RunRecord, outputs: Mapping[str, ReportOutput], source_text: str, plan_text: str) -> str:
    """The page as one text; the same bytes for the same run."""
    return str(
        _template().render(
            record=record,
            title=record.pipeline.file.rsplit("/", 1)[-1],
            when=facts.when(record),
            headline=_headline(record),
            gates=facts.gate_words(record),
            sides=_sides(record),
            comparison=_comparison(record),
            remarks=remarks(record),
            forest=_forest(record),
            models=[_model(name, model, record) for name, model in record.models.items()],
            reports=[_report(name, output) for name, output in outputs.items()],
            warnings=facts.warnings_of(record, outputs),
            split_words=facts.split_words(record),
            kept_words=facts.kept_words(record),
            balance=balance_words(record),
            chosen=chosen_words(record),
            params=[(k, facts.literal(v)) for k, v in facts.fixed_params(record).items()],
            tuned=facts.tuned_words(record),
            source=highlight(source_text.rstrip("\n")),
            plan=plan_text.rstrip("\n"),
            command=facts.command(record),
            hues=range(1, palette.HUES + 1),
            style=_asset("page.css"),
            script=_asset("page.js"),
            light=palette.variables(palette.LIGHT),
            dark=palette.variables(palette.DARK),
            drawing=palette.drawing(),
        )
    )


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["marked"] = _marked
    environment.filters["breakable"] = _breakable
    environment.filters["integer"] = lambda value: cell(value, "integer")
    return environment.from_string(_asset("report.html.j2"))


def _marked(text: str) -> Any:
    """A sentence with the names in backticks as code; everything else is escaped."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _asset(name: str) -> str:
    return (files("mldsl.report") / "page" / name).read_text(encoding="utf-8")


def _headline(record: RunRecord) -> dict[str, Any] | None:
    head = facts.headline(record)
    if head is None:
        return None
    return {
        "model": head.model,
        "metric": head.metric,
        "value": number(head.value.value),
        "interval": interval(head.value.low, head.value.high),
        "where": head.where,
    }


def _comparison(record: RunRecord) -> dict[str, Any] | None:
    """Models by the metrics that `_sides` leaves, on the part that counts."""
    names = facts.metrics_of(record)[1:]
    if not names:
        return None
    rows = [
        _row(record, name, [model.metrics.get(model.held_out, {}).get(m) for m in names])
        for name, model in record.models.items()
    ]
    return {"part": facts.part_name(record.held_out), "heads": [(name, False, "") for name in names], "rows": rows}


def _sides(record: RunRecord) -> dict[str, Any] | None:
    """Models by parts, the one that counts first, for the first metric."""
    names, parts = facts.metrics_of(record), facts.parts_of_all(record)
    if not names:
        return None
    rows = [
        _row(record, name, [model.metrics.get(part, {}).get(names[0]) for part in parts])
        for name, model in record.models.items()
    ]
    return {"metric": names[0], "parts": _heads(list(record.models.values()), parts), "rows": rows}


def _row(record: RunRecord, name: str, values: Sequence[MetricValue | None]) -> dict[str, Any]:
    return {"name": name, "best": name == record.best and len(record.models) > 1, "cells": list(map(_value, values))}


def _value(value: MetricValue | None) -> tuple[str, str]:
    return (MISSING, "") if value is None else (number(value.value), interval(value.low, value.high))


def _heads(models: Sequence[ModelRecord], parts: Sequence[str]) -> list[tuple[str, bool, str]]:
    """A part as a heading: its name, whether it counts, and what is to be said of it."""
    return [
        (facts.part_name(p), i == 0, facts.optimistic(p) if facts.chosen_on(models, p) else "")
        for i, p in enumerate(parts)
    ]


def _forest(record: RunRecord) -> dict[str, Any] | None:
    """The primary metric of several models with its intervals, as a picture."""
    head = facts.headline(record)
    if head is None or len(record.models) < 2:
        return None
    found = {n: m.metrics.get(m.held_out, {}).get(head.metric) for n, m in record.models.items()}
    values = {name: value for name, value in found.items() if value is not None}
    series = Series(
        x=[v.value for v in values.values()],
        y=list(values),
        low=[v.low for v in values.values()],
        high=[v.high for v in values.values()],
        mark="points",
    )
    panel = Panel(f"{head.metric}, {facts.part_name(head.part)}, with 95% intervals", "", [series], y_kind="category")
    alt = "; ".join(f"{name} {number(v.value)}" for name, v in values.items())
    return _figure(Figure("", [panel], f"{head.metric} by model: {alt}"), "") | {"heading": False}


def _model(name: str, model: ModelRecord, record: RunRecord) -> dict[str, Any]:
    parts = facts.parts_of(model)
    metrics = [m for m in facts.metrics_of(record) if any(m in model.metrics[p] for p in parts)]
    rows = [(metric, [_value(model.metrics[part].get(metric)) for part in parts]) for metric in metrics]
    facts_of = [
        (k, number(v) if type(v) is int else _short(v))
        for k, v in model.info.items()
        if k not in BALANCE and _says_something(k, v)
    ]
    return {
        "name": name,
        "algorithm": model.algorithm,
        "best": name == record.best and len(record.models) > 1,
        "spec": ", ".join(f"{k} = {v if k == 'formula' and v else _short(v)}" for k, v in model.spec.items()),
        "parts": _heads([model], parts),
        "rows": rows,
        "threshold": facts.threshold_words(model),
        "calibration": facts.calibration_words(model),
        "info": facts_of,
        "folds": _folds(model),
        "seconds": ", ".join(f"{k} {seconds(v)}" for k, v in model.seconds.items()),
    }


def _folds(model: ModelRecord) -> dict[str, Any] | None:
    if not model.fold_metrics:
        return None
    names = list(dict.fromkeys(name for fold in model.fold_metrics for name in fold))
    rows = [[number(fold[n]) if n in fold else "–" for n in names] for fold in model.fold_metrics]
    return {"names": names, "rows": rows}


def _report(name: str, output: ReportOutput) -> dict[str, Any]:
    title = _title(name)
    tables = [
        _table(table, f"{FOLDER}/{stem}.csv") | {"heading": table.title not in ("", title)}
        for stem, table in zip(stems(name, output.tables), output.tables, strict=True)
    ]
    figures = [
        _figure(figure, f"{FOLDER}/{stem}.svg") | {"heading": figure.title != title}
        for stem, figure in zip(stems(name, output.figures), output.figures, strict=True)
    ]
    return {
        "name": name,
        "title": title,
        "tables": tables,
        "figures": figures,
        "notes": list(output.notes),
        "warnings": list(output.warnings),
    }


def _title(name: str) -> str:
    """`roc_curve-2` as a heading: ROC curve (2)."""
    words, _, number_of = name.partition("-")
    first, *rest = words.split("_")
    first = _SPELT.get(first, first.capitalize())
    return " ".join([first, *rest]) + (f" ({number_of})" if number_of else "")


def _table(table: Table, path: str) -> dict[str, Any]:
    count = max((len(c.values) for c in table.columns), default=0)
    columns = [_cells(c) for c in table.columns]
    return {
        "title": table.title,
        "path": path,
        "count": count,
        "more": max(0, count - _MOST_ROWS),
        "folded": bool(table.name) and count > 24,
        "head": [(f"{c.name} [{c.unit}]" if c.unit else c.name, c.format in _LEFT) for c in table.columns],
        "left": [c.format in _LEFT for c in table.columns],
        "rows": list(zip(*columns, strict=True)),
        "note": table.note,
    }


def _cells(column: Column) -> list[str]:
    texts = [cell(v, column.format) for v in list(column.values)[:_MOST_ROWS]]
    if not column.depth:
        return texts
    return [f"{_INDENT * depth}{text}" for depth, text in zip(column.depth, texts, strict=False)]


def _figure(figure: Figure, path: str) -> dict[str, Any]:
    from markupsafe import Markup

    hues = assign_hues(figure)
    count = len(figure.panels)
    panels = [
        panel_svg(p, count, hues, f"{figure.title}, {p.title}" if count > 1 and p.title else figure.alt)
        for p in figure.panels
    ]
    return {
        "title": figure.title,
        "alt": figure.alt,
        "path": path,
        "count": count,
        "legend": legend(figure),
        "panels": [Markup(p) for p in panels],
    }


def _says_something(name: str, value: Any) -> bool:
    """Not what a fit does not know, nor an alarm that was not raised."""
    unknown = value is None or (isinstance(value, float) and not math.isfinite(value))
    return not unknown and (value is not False or name == "converged")


def _short(value: Any) -> str:
    # What is not finite is null in the record: rendered anew, a page must be the same.
    if isinstance(value, float) and not math.isfinite(value):
        return facts.literal(None)
    return facts.setting(value)


def _breakable(text: str) -> Any:
    """A cell whose long names may go on in the next line where their parts end: `neighborhood[North_Ames]`."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"([\[:_(/])(?=\w)", r"\1<wbr>", str(escape(text)))) if len(text) > _LONG else text
