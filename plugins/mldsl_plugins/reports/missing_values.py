"""Which cells are missing, where, together with which others, and whether that tells something about the target.

Columns of all kept rows are counted by part. Patterns are the sets of columns that are missing in the same rows. The
association with the target is looked at on training rows only: classes by Pearson's chi-square of missing and class,
numbers by Welch's t of the means. p-values are multiplied by the number of columns tested (Bonferroni).

Where it matters whether a cell is missing, filling it in throws that away: `impute(..., indicator = true)` keeps it as
a column of its own. Where the share differs between parts, ask how the rows came about.

Shapes:  n rows, c columns. O(n c).
Units:   rows and shares; the target's own for means.
Sources: Rubin 1976, doi:10.1093/biomet/63.3.581; Welch 1947, doi:10.1093/biomet/34.1-2.28.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._chi_square import chi_square
from mldsl_plugins.reports._columns import texts, values
from mldsl_plugins.reports._statistics import two_sided_p

_PARTS = {"train": "training", "validation": "validation", "test": "test"}
_SURE = 0.001
_POINTS = 0.05
_SHOWN = 30


@attrs.frozen
class Spec:
    """How many patterns are listed."""

    patterns: int = param(10, ge=1, doc="Most patterns to list, the most frequent first.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Missing cells by column and part, patterns, association with the target, and bars."""
    columns = [c for c in view.columns if c.name in view.frame.columns]
    missing = np.array([view.frame[c.name].is_null().to_numpy() for c in columns]).reshape(len(columns), -1)
    some = missing.any(axis=1)
    whole = int((~missing.any(axis=0)).sum()) if len(columns) else view.frame.height
    if not some.any():
        return ReportOutput(notes=[f"No cell is missing in {view.frame.height:,} rows of {len(columns)} columns."])
    names = [c.name for c, s in zip(columns, some, strict=True) if s]
    missing = missing[some]
    complete = f"{whole:,} of {view.frame.height:,} rows are complete"
    notes = [f"{len(names)} of {len(columns)} columns have missing cells; {complete}."]
    tables = [_table(view, names, missing)]
    if len(names) > 1:
        tables.append(_patterns(spec, names, missing))
    warnings = _parts_differ(view, names, missing)
    found = _associations(view, names, missing)
    if found:
        tables.append(_associated(view, found))
        warnings += [_told(view, one) for one in found if one.p < _SURE]
    return ReportOutput(tables, [_figure(names, missing)], notes, warnings)


def _table(view: ReportView, names: list[str], missing: np.ndarray) -> Table:
    part = np.asarray(view.part)
    present = [p for p in _PARTS if (part == p).any()]
    order = np.argsort(-missing.sum(axis=1), kind="stable")
    parts = [Column(f"of {_PARTS[p]} rows", missing[order][:, part == p].mean(axis=1), "share") for p in present]
    return Table(
        f"Missing cells of {missing.shape[1]:,} rows",
        [
            Column("column", [names[i] for i in order], "text"),
            Column("missing", missing[order].sum(axis=1), "integer"),
            Column("of all rows", missing[order].mean(axis=1), "share"),
            *(parts if len(present) > 1 else []),
        ],
    )


def _patterns(spec: Spec, names: list[str], missing: np.ndarray) -> Table:
    patterns, count = np.unique(missing.T, axis=0, return_counts=True)
    order = np.argsort(-count, kind="stable")[: spec.patterns]
    said = [" + ".join(n for n, m in zip(names, patterns[i], strict=True) if m) or "(nothing)" for i in order]
    left = len(count) - len(order)
    return Table(
        "What is missing together",
        [
            Column("missing", said, "text"),
            Column("rows", count[order], "integer"),
            Column("share", count[order] / missing.shape[1], "share"),
        ],
        name="patterns",
        note=f"{left} rarer patterns are left out." if left else "",
    )


def _parts_differ(view: ReportView, names: list[str], missing: np.ndarray) -> list[str]:
    part = np.asarray(view.part)
    present = [p for p in _PARTS if (part == p).any()]
    out = []
    for name, row in zip(names, missing, strict=True):
        counts = np.array([[row[part == p].sum(), (~row[part == p]).sum()] for p in present])
        share = counts[:, 0] / counts.sum(axis=1)
        p, _ = chi_square(counts)
        if p * len(names) < _SURE and np.ptp(share) >= _POINTS:
            each = ", ".join(f"{s:.1%} of the {_PARTS[q]}" for q, s in zip(present, share, strict=True))
            out.append(f"`{name}` is missing in {each} rows: the parts did not come about in the same way.")
    return out


@attrs.frozen
class _Association:
    """What the target is where a column is missing and where it is not: the share of a class, or the mean."""

    column: str
    rows: int
    level: str
    missing: float
    present: float
    p: float


def _associations(view: ReportView, names: list[str], missing: np.ndarray) -> list[_Association]:
    train = np.asarray(view.part) == "train"
    if view.target is None:
        return []
    tested = [(n, row[train]) for n, row in zip(names, missing, strict=True) if n != view.target]
    tested = [(n, row) for n, row in tested if 1 < row.sum() < len(row) - 1]
    if view.levels:
        level = texts(view.frame, view.target).to_numpy()[train]
        found = [_of_classes(view, name, row, level) for name, row in tested]
    else:
        number = values(view.frame, view.target)[train]
        found = [_of_numbers(name, row, number) for name, row in tested]
    return [attrs.evolve(one, p=min(1.0, one.p * len(tested))) for one in found if np.isfinite(one.p)]


def _of_classes(view: ReportView, name: str, row: np.ndarray, level: np.ndarray) -> _Association:
    counts = np.array([[(level[row] == k).sum(), (level[~row] == k).sum()] for k in view.levels])
    share = counts / np.maximum(counts.sum(axis=0), 1)
    k = int(np.abs(share[:, 0] - share[:, 1]).argmax())
    if len(view.levels) == 2:
        k = 1 if view.positive is None else view.positive
    return _Association(name, int(row.sum()), view.levels[k], share[k, 0], share[k, 1], chi_square(counts)[0])


def _of_numbers(name: str, row: np.ndarray, number: np.ndarray) -> _Association:
    a, b = number[row & np.isfinite(number)], number[~row & np.isfinite(number)]
    if len(a) < 2 or len(b) < 2:
        return _Association(name, int(row.sum()), "", np.nan, np.nan, np.nan)
    u, v = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if u + v <= 0:
        return _Association(name, int(row.sum()), "", a.mean(), b.mean(), np.nan)
    degrees = (u + v) ** 2 / (u**2 / (len(a) - 1) + v**2 / (len(b) - 1))
    p = two_sided_p(np.array([(a.mean() - b.mean()) / np.sqrt(u + v)]), float(degrees))
    return _Association(name, int(row.sum()), "", float(a.mean()), float(b.mean()), float(p[0]))


def _associated(view: ReportView, found: list[_Association]) -> Table:
    kind: Any = "share" if view.levels else "number"
    several = len({one.level for one in found}) > 1
    what = f"Share of {found[0].level}" if view.levels and not several else "The class" if view.levels else "Mean"
    title = f"{what} where a column is missing, training rows"
    return Table(
        title if view.levels else f"Mean of {view.target} where a column is missing, training rows",
        [
            Column("column", [one.column for one in found], "text"),
            Column("missing", [one.rows for one in found], "integer"),
            *([Column("class", [one.level for one in found], "text")] if several else []),
            Column("where missing", [one.missing for one in found], kind),
            Column("where present", [one.present for one in found], kind),
            Column("p", [one.p for one in found], "p"),
        ],
        name="target",
        note=f"p-values are for {len(found)} columns together (Bonferroni)." if len(found) > 1 else "",
    )


def _told(view: ReportView, one: _Association) -> str:
    if one.level:
        said = f"{one.missing:.1%} are `{one.level}` where it is missing, {one.present:.1%} where it is not"
    else:
        said = f"the mean is {one.missing:,.4g} where it is missing, {one.present:,.4g} where it is not"
    return (
        f"Whether `{one.column}` is missing tells something about `{view.target}`: {said}. "
        "`impute(..., indicator = true)` keeps that; make sure it is known at the time of prediction."
    )


def _figure(names: list[str], missing: np.ndarray) -> Figure:
    order = np.argsort(-missing.sum(axis=1), kind="stable")[:_SHOWN]
    share = missing[order].mean(axis=1)
    series = [Series(share, [names[i] for i in order], mark="bars")]
    title = "Share of missing cells" + (f", the {_SHOWN} columns with most" if len(names) > _SHOWN else "")
    alt = f"Share of missing cells by column; most are missing of {names[order[0]]}, {share[0]:.1%}."
    return Figure(title, [Panel("share of rows", "", series, y_kind="category", x_range=(0.0, 1.0))], alt)


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "missing_values", Spec, compute=compute, needs={"data"}, snippet="report { missing_values }",
            sources=("Rubin 1976, doi:10.1093/biomet/63.3.581", "Welch 1947, doi:10.1093/biomet/34.1-2.28"),
        )
    ]  # fmt: skip
