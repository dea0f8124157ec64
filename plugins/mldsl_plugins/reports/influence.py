"""Rows that move a linear model: leverage, studentized residuals, Cook's distance, DFFITS and DFBETAS.

With H = X (X'X)^-1 X' the hat matrix, e the residuals, p coefficients and s^2 the residual variance, row i has

| figure | definition | look at it from |
| --- | --- | --- |
| leverage h | H_ii: how far its inputs are from the others | 2 p / n |
| residual, internally studentized | r = e / (s sqrt(1 - h)) | |
| residual, externally studentized | t = e / (s_(i) sqrt(1 - h)), s_(i) without the row | 3 |
| Cook's distance | r^2 h / ((1 - h) p): how far all fitted values move without it | 4 / n; 1 is much |
| DFFITS | t sqrt(h / (1 - h)): how far its own fitted value moves | 2 sqrt(p / n) |
| DFBETAS | how far one coefficient moves, in its standard errors | 2 / sqrt(n) |

Rows are the training rows. For least squares (`ols`, `ridge(l2 = 0)`) the figures are exact, on the scale that was
fitted; for logistic regression without a penalty they are those of one reweighted step, and residuals are Pearson's.
The outlier test of least squares asks of the largest |t| whether so large a one is likely among n (Bonferroni). A
weight is how often a row counts, and the figures are those of one of its copies. Influence is no guilt: look at the row
before leaving it out.

Shapes:  n rows, p coefficients: O(n p^2); tables and figures hold the rows that matter most.
Units:   leverage, distances: none; between 0 and 1, and from 0.
Errors:  models with a penalty or a robust loss, sparse matrices and tensors: the report says so.
Sources: Cook 1977, doi:10.1080/00401706.1977.10489493; Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153; Pregibon
         1981, doi:10.1214/aos/1176345513.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._influence import Influence, influence_of
from mldsl_plugins.reports._matrix import refused
from mldsl_plugins.reports._shared import model_column, part_words, thin
from mldsl_plugins.reports._statistics import two_sided_p

_POINTS, _LABELLED = 2000, 3
_MUCH, _SOME = 1.0, 0.5  # Cook's distances that are drawn


@attrs.frozen
class Spec:
    """How many rows are listed."""

    most: int = param(10, ge=1, le=1000, unit="rows", doc="Rows to list, those with the largest Cook's distance first.")


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Models without a matrix."""
    yield from refused(plan)


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """How many rows stand out, the most influential ones, leverage against residuals, and distances by row."""
    answers = [influence_of(view, model) for model in view.models]
    found = [a for a in answers if isinstance(a, Influence)]
    notes = [a for a in answers if isinstance(a, str)]
    if not found:
        return ReportOutput(notes=notes or ["There is no model to look at."])
    figures = [_figure(one, i, several=len(found) > 1) for i, one in enumerate(found)]
    return ReportOutput(
        [_overview(found), _rows(spec, view, found)], figures, notes, [w for one in found for w in _warned(one)]
    )


def outlier(one: Influence) -> tuple[int, float]:
    """The place of the largest |t|, and its p for the number of rows (Bonferroni)."""
    size = np.nan_to_num(np.abs(one.external))
    place = int(size.argmax())
    if not np.isfinite(one.degrees):
        return place, math.nan  # residuals of classes are not normal
    p = float(two_sided_p(one.external[place : place + 1], one.degrees - 1)[0])
    return place, min(1.0, p * one.total)


def _overview(found: Sequence[Influence]) -> Table:
    outliers = [outlier(one) for one in found]
    parts = "; ".join(dict.fromkeys(part_words(one.model.train) for one in found))
    return Table(
        f"Rows that stand out: {parts}",
        [
            *model_column([one.model for one in found], [one.model.name for one in found]),
            Column("coefficients", [one.p for one in found], "integer"),
            Column("leverage above 2p/n", [int((o.leverage > 2 * o.p / o.total).sum()) for o in found], "integer"),
            Column("|t| above 3", [int((np.abs(o.external) > 3).sum()) for o in found], "integer"),
            Column("Cook's distance above 4/n", [int((o.cook > 4 / o.total).sum()) for o in found], "integer"),
            Column("|DFFITS| above 2√(p/n)",
                   [int((np.abs(o.dffits) > 2 * math.sqrt(o.p / o.total)).sum()) for o in found], "integer"),
            Column("largest |t|", [float(np.abs(o.external[i])) for o, (i, _) in zip(found, outliers, strict=True)]),
            Column("p of the outlier test", [p for _, p in outliers], "p"),
        ],
    )  # fmt: skip


def _rows(spec: Spec, view: ReportView, found: Sequence[Influence]) -> Table:
    """The most influential rows of each model, with the keys of the file."""
    kept = [(one, _largest(one.cook, spec.most)) for one in found]
    rows = np.concatenate([one.model.train.row[i] + 1 for one, i in kept])

    def joined(give: Any) -> np.ndarray:
        return np.concatenate([np.asarray(give(one))[i] for one, i in kept])

    keys = [c.name for c in view.columns if c.role == "key" and c.name in view.frame.columns]
    places = [None if one.model.train.index is None else one.model.train.index[i].astype(int) for one, i in kept]
    shown = []
    if all(p is not None for p in places):
        where = np.concatenate([p for p in places if p is not None])
        shown = [Column(name, [str(v) for v in view.frame[name][where.tolist()]], "text") for name in keys]
    classes = any(one.model.shape.classes for one in found)
    return Table(
        "The most influential rows",
        [
            *model_column([one.model for one in found], [one.model.name for one, i in kept for _ in i]),
            Column("row", rows, "integer"),
            *shown,
            Column("probability" if classes else "predicted", joined(lambda o: o.fitted)),
            Column("t" if not classes else "residual", joined(lambda o: o.external)),
            Column("leverage", joined(lambda o: o.leverage)),
            Column("Cook's distance", joined(lambda o: o.cook)),
            Column("DFFITS", joined(lambda o: o.dffits)),
            Column("largest DFBETAS", joined(lambda o: o.largest)),
            Column("of", [one.names[k] for one, i in kept for k in one.of[i]], "text"),
            *([] if classes else [Column("r", joined(lambda o: o.internal))]),
        ],
        name="rows",
        note="Rows count from 1 after the header; t is the externally studentized residual, r the internally."
        if not classes
        else "Rows count from 1 after the header; residuals are Pearson's, studentized.",
    )


def _largest(values: np.ndarray, most: int) -> np.ndarray:
    size = np.nan_to_num(values)
    most = min(most, len(size))
    kept = np.argpartition(-size, most - 1)[:most]
    return kept[np.lexsort((kept, -size[kept]))]


def _warned(one: Influence) -> list[str]:
    out = []
    much = np.flatnonzero(np.nan_to_num(one.cook) > _MUCH)
    if len(much):
        rows = ", ".join(f"{int(one.model.train.row[i]) + 1:,}" for i in much[np.argsort(-one.cook[much])][:5])
        more = f" and {len(much) - 5:,} more" if len(much) > 5 else ""
        which = "row" if len(much) == 1 else "rows"
        out.append(
            f"{one.model.name}: without {which} {rows}{more} the model would be another one (Cook's distance above 1). "
            f"Look at {'it' if len(much) == 1 else 'them'} before you trust the coefficients."
        )
    alone = one.leverage > 1 - 1e-9
    if alone.any():
        first = f"row {int(one.model.train.row[np.flatnonzero(alone)[0]]) + 1:,}"
        several = f"{int(alone.sum()):,} rows have leverage 1, such as {first}: columns of their own fit them"
        which = f"{first} has leverage 1: a column of its own fits it" if alone.sum() == 1 else several
        out.append(f"{one.model.name}: {which} exactly, so nothing can be said of its influence.")
    return out


def leverage_panel(one: Influence) -> Panel:
    """Internally studentized residuals over leverage, with Cook's distances as contours."""
    x, y = one.leverage, np.nan_to_num(one.internal)
    shown = thin(len(x), _POINTS, np.union1d(_largest(one.cook, 60), _largest(one.leverage, 60)))
    top = 1.05 * float(x.max())
    reach = 1.1 * max(float(np.abs(y).max()), 2.0)
    series = [Series([0, top], [0, 0], "", emphasis="reference"), Series(x[shown], y[shown], "rows", mark="points")]
    named = _largest(one.cook, _LABELLED)
    rows = [f"{int(one.model.train.row[i]) + 1}" for i in named]
    series.append(Series(x[named], y[named], "rows", mark="points", labels=rows))
    at = np.linspace(max(top * 0.005, 1e-6), min(top, 0.999), 160)
    for distance in (_SOME, _MUCH):
        height = np.sqrt(distance * one.p * (1 - at) / at)
        seen = np.where(height <= reach, height, np.nan)
        if np.isfinite(seen).sum() > 1:
            both = np.concatenate([seen, [np.nan], -seen])
            name = f"Cook's distance {distance:g}"
            series.append(Series(np.concatenate([at, [np.nan], at]), both, name, emphasis="reference"))
    return Panel(
        "leverage",
        "studentized residual",
        series,
        title="Against leverage",
        x_range=(0.0, top),
        y_range=(-reach, reach),
    )


def _figure(one: Influence, place: int, *, several: bool) -> Figure:
    name = one.model.name
    order = np.argsort(one.model.train.row, kind="stable")
    shown = order[thin(len(order), _POINTS // 2)]
    shown = np.union1d(shown, _largest(one.cook, 100))
    limit = 4 / one.total
    row = one.model.train.row.astype(int) + 1
    named = _largest(one.cook, _LABELLED)
    cook = np.nan_to_num(one.cook)
    distances = Panel(
        "row", "Cook's distance",
        [Series([float(row.min()), float(row.max())], [limit, limit], "4/n", emphasis="reference"),
         Series(row[shown], cook[shown], "rows", mark="points"),
         Series(row[named], cook[named], "rows", mark="points", labels=[str(i) for i in row[named]])],
        title="By row",
    )  # fmt: skip
    most = int(cook.argmax())
    return Figure(
        f"Influence of rows on {name}" if several else "Influence of rows",
        [leverage_panel(one), distances],
        f"Studentized residuals of {name} against leverage, and Cook's distance by row; the largest is "
        f"{one.cook[most]:.3g}, of row {int(row[most]):,}.",
        name=name if place else "",
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "influence", Spec, compute=compute, check=check, tasks={"classify", "regress"},
            snippet="report { influence(most = 5) }",
            also_known_as=("cooks_distance", "leverage", "influence_plot", "outliers", "dffits", "dfbetas"),
            sources=("Cook 1977, doi:10.1080/00401706.1977.10489493",
                     "Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153",
                     "Pregibon 1981, doi:10.1214/aos/1176345513"),
        )
    ]  # fmt: skip
