"""Every declared column at a glance: type, role, missing and distinct values, distribution.

Numbers have mean, standard deviation, extremes and quartiles (type 7), of the rows that are not missing; columns of
levels have their most frequent ones. The rows are all those that `where` keeps, the held-out ones among them: nothing
is learned from this report. A column that is constant, nearly all missing, or different in every row is pointed out.

Shapes:  n rows, c columns. O(c n log n).
Units:   those of each column; times are shown as dates.
Source:  Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566 (quantiles).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import LEVELS, is_number, numbers, texts
from mldsl_plugins.reports._shared import histogram, moments, weighted_quantile

_PANELS = 24


@attrs.frozen
class Spec:
    """How many levels are listed."""

    levels: int = param(8, ge=1, doc="Most levels to list for a column, the most frequent first.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """An overview of all columns, the distribution of numbers, the levels of the others, and small histograms."""
    frame, columns = view.frame, [c for c in view.columns if c.name in view.frame.columns]
    measured = [c for c in columns if is_number(frame, c)]
    counted = [c for c in columns if c.type in LEVELS]
    distinct = _distinct(frame, columns)
    tables = [_overview(frame, columns, distinct)]
    if measured:
        tables.append(_numbers(frame, measured))
    if counted:
        tables.append(_levels(frame, counted, spec.levels))
    panels = [_panel(frame, c, spec.levels) for c in columns if c in measured or c in counted]
    figures = [_figure(panels[:_PANELS])] if panels else []
    notes = []
    if len(panels) > _PANELS:
        notes.append(f"The first {_PANELS} of {len(panels)} columns are drawn.")
    return ReportOutput(tables, figures, notes=notes, warnings=_warnings(frame, columns, distinct))


def _overview(frame: Any, columns: list[Any], distinct: Mapping[str, int | None]) -> Table:
    missing = [frame[c.name].null_count() for c in columns]
    return Table(
        f"Columns of {frame.height:,} rows",
        [
            Column("column", [c.name for c in columns], "text"),
            Column("type", [c.type for c in columns], "text"),
            Column("role", [c.role for c in columns], "text"),
            Column("missing", missing, "integer"),
            Column("missing share", [m / max(frame.height, 1) for m in missing], "share"),
            Column("distinct", [distinct[c.name] for c in columns], "integer"),
            Column("most frequent", [_commonest(frame, c) for c in columns], "text"),
        ],
    )


def _distinct(frame: Any, columns: list[Any]) -> dict[str, int | None]:
    """Distinct values by column, missing ones not among them; None for images, sequences and vectors."""
    import polars as pl

    flat = [c.name for c in columns if not frame.schema[c.name].is_nested()]
    counts = frame.select(pl.col(flat).drop_nulls().n_unique()) if flat else frame.select()
    return {c.name: int(counts[c.name][0]) if c.name in counts.columns else None for c in columns}


def _commonest(frame: Any, column: Any) -> str:
    """The most frequent value with its share, where values repeat."""
    if column.type not in LEVELS or not frame.height:
        return ""
    found = _counts(frame, column, 1)
    return f"{found[0][0]} ({found[0][1] / frame.height:.0%})" if found else ""


def _counts(frame: Any, column: Any, most: int) -> list[tuple[str, int]]:
    """The most frequent levels with their counts, ties in the order of the levels."""
    counts = texts(frame, column.name).drop_nulls().value_counts()
    order = {level: i for i, level in enumerate(column.levels or ())}
    pairs = sorted(counts.rows(), key=lambda p: (-p[1], order.get(p[0], len(order)), p[0]))
    return [(level, int(count)) for level, count in pairs[:most]]


def _numbers(frame: Any, columns: list[Any]) -> Table:
    rows = []
    for column in columns:
        found = numbers(frame, column.name).values
        one = np.ones(len(found))
        statistics = [*moments(found, one), *weighted_quantile(found, one, (0, 0.25, 0.5, 0.75, 1))]
        rows.append([_value(column, v, i == 1) for i, v in enumerate(statistics)])
    names = ("mean", "standard deviation", "least", "lower quartile", "median", "upper quartile", "largest")
    return Table(
        "Numbers",
        [
            Column("column", [c.name for c in columns], "text"),
            *(Column(name, [row[i] for row in rows]) for i, name in enumerate(names)),
        ],
        name="numbers",
    )


def _value(column: Any, value: float, difference: bool) -> Any:
    """A statistic; of a time as a date, its spread in days."""
    if column.type != "time" or not np.isfinite(value):
        return float(value)
    if difference:
        return f"{value / 86400:.4g} days"
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def _levels(frame: Any, columns: list[Any], most: int) -> Table:
    rows = [(c.name, level, count) for c in columns for level, count in _counts(frame, c, most)]
    return Table(
        "Levels",
        [
            Column("column", [name for name, _, _ in rows], "text"),
            Column("level", [level for _, level, _ in rows], "text"),
            Column("rows", [count for _, _, count in rows], "integer"),
            Column("share", [count / max(frame.height, 1) for _, _, count in rows], "share"),
        ],
        name="levels",
        note=f"At most {most} levels of a column, the most frequent first.",
    )


def _panel(frame: Any, column: Any, most: int) -> Panel:
    title = column.name + (" (target)" if column.role == "target" else "")
    if column.type in LEVELS:
        counts = _counts(frame, column, most)
        names = [level for level, _ in counts]
        return Panel("rows", "", [Series([n for _, n in counts], names, mark="bars")], title=title, y_kind="category")
    found = numbers(frame, column.name).values
    middle, mass = histogram(found, np.ones(len(found)), most=24)
    x = "days since 1970" if column.type == "time" else ""
    return Panel(x, "", [Series(middle / 86400 if x else middle, mass, mark="bars")], title=title)


def _figure(panels: list[Panel]) -> Figure:
    return Figure("Distributions", panels, "Histograms of the columns; bars by level where a column has levels.")


def _warnings(frame: Any, columns: list[Any], counts: Mapping[str, int | None]) -> list[str]:
    out = []
    for column in columns:
        distinct, missing = counts[column.name], frame[column.name].null_count()
        if column.role != "input" or not frame.height:
            continue
        if missing == frame.height:
            out.append(f"`{column.name}` is missing in every row.")
        elif missing > frame.height / 2:
            out.append(f"`{column.name}` is missing in {missing / frame.height:.0%} of the rows.")
        if distinct == 1:
            out.append(f"`{column.name}` has one value only, so it tells nothing.")
        elif column.type == "categorical" and distinct == frame.height - missing > 20:
            out.append(f"`{column.name}` differs in every row: it identifies rows and should be `as key`.")
    return out


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "data_profile", Spec, compute=compute, needs={"data"}, snippet="report { data_profile }",
            sources=("Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566",),
        )
    ]  # fmt: skip
