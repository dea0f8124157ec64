"""Which rows hold a boundary, or a curve, in place: support vectors, margin, slack, and the hardest training rows.

A row's margin is y f(x) of two classes, y = 1 or -1: at least 1 for rows that are safely on their side (they decide
nothing), between 0 and 1 for rows inside the margin, below 0 on the wrong side. Its slack is what it lacks to 1.
Support vectors are the rows of margin at most 1: those on the margin itself are free, the others bounded, since their
weight is at its limit c. Of more classes a row's margin is the score of its own class less the best of the others.

Of numbers, rows with an error of at least epsilon are the support vectors; what is beyond it is slack.

Many bounded vectors and much slack say that the classes overlap, or that c is small; few rows beyond the margin, with
next to no slack, that c is so large that the boundary runs around single rows.

Shapes:  n training rows, k classes: O(n k).
Units:   margins and slack have none; of numbers they are in the unit of the target.
Errors:  models without support vectors are left out; a sentence says so.
Sources: Cortes & Vapnik 1995, doi:10.1007/BF00994018; Smola & Schölkopf 2004, doi:10.1023/B:STCO.0000035301.49549.88.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, PartView, ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import model_column, part_words

_BINS = 40


@attrs.frozen
class Spec:
    """How much is shown."""

    show: int = param(10, ge=0, unit="rows", doc="How many of the hardest training rows to list.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Counts, machines, the hardest rows, and how margins are distributed."""
    found = [m for m in view.models if hasattr(m.info, "slack")]
    notes = [f"{m.name}: it has no support vectors." for m in view.models if m not in found]
    if not found:
        return ReportOutput(notes=notes)
    tables = [_counts(view, found), _machines(view, found)]
    hardest = [(m, i) for m in found for i in _hardest(view, m, spec.show)]
    if hardest:
        tables.append(_rows(view, found, hardest))
    return ReportOutput(tables, [_figure(view, found)], notes)


# ---- what rows have --------------------------------------------------------------------------------------------------
def _margin(view: ReportView, part: PartView, epsilon: float) -> np.ndarray:
    """Of each row [n]: its margin; of numbers epsilon less the size of the error."""
    assert part.target is not None
    if not view.levels:
        assert part.prediction is not None
        return np.asarray(epsilon - np.abs(part.target - part.prediction))
    score = np.asarray(part.score, float)
    own = np.take_along_axis(score, part.target[:, None].astype(int), axis=1)[:, 0]
    rest = score.copy()
    np.put_along_axis(rest, part.target[:, None].astype(int), -np.inf, axis=1)
    apart = own - rest.max(axis=1)
    return np.asarray(apart / 2 if score.shape[1] == 2 else apart)


def _epsilon(model: ModelView) -> float:
    return float(getattr(model.spec, "epsilon", 0.0))


def _hardest(view: ReportView, model: ModelView, most: int) -> np.ndarray:
    margin = _margin(view, model.train, _epsilon(model))
    limit = 1.0 if view.levels else 0.0
    order = np.argsort(margin, kind="stable")[:most]
    return order[margin[order] < limit]


# ---- tables ----------------------------------------------------------------------------------------------------------
def _groups(view: ReportView, model: ModelView) -> list[tuple[str, float, int, int | None]]:
    """Name, training rows, support vectors, bounded ones: by class, by plane, or of all."""
    info, train = model.info, model.train
    if not view.levels:
        return [("all", float(len(train.weight)), int(info.support_vectors), int(info.bounded))]
    names = view.levels[: model.shape.classes]
    rows = [float(np.count_nonzero(train.target == c)) for c in range(len(names))]
    if hasattr(info, "bounded"):
        return [(n, rows[c], int(info.support[c]), int(info.bounded[c])) for c, n in enumerate(names)]
    planes = _names(view, model)
    return [(name, sum(rows), int(count), None) for name, count in zip(planes, info.support, strict=True)]


def _names(view: ReportView, model: ModelView) -> list[str]:
    """What each machine tells apart."""
    if not view.levels:
        return ["all"]
    names, count = view.levels[: model.shape.classes], len(np.atleast_1d(model.info.slack))
    if len(names) == 2:
        return [f"{names[0]} and {names[1]}"]
    if count == len(names) and not hasattr(model.info, "bounded"):
        return [f"{name} and the rest" for name in names]
    return [f"{a} and {b}" for a, b in combinations(names, 2)]


def _counts(view: ReportView, models: list[ModelView]) -> Table:
    rows = [(m, *group) for m in models for group in _groups(view, m)]
    bounded = [b for *_, b in rows]
    free = [None if b is None else s - b for _, _, _, s, b in rows]
    known = any(b is not None for b in bounded)
    return Table(
        f"Support vectors: {'; '.join(dict.fromkeys(part_words(m.train) for m in models))}",
        [
            *model_column(models, [m.name for m, *_ in rows]),
            *([Column("class" if known else "plane", [name for _, name, *_ in rows], "text")] if view.levels else []),
            Column("rows", [n for _, _, n, *_ in rows], "integer"),
            Column("support vectors", [s for *_, s, _ in rows], "integer"),
            Column("share", [s / max(n, 1) for _, _, n, s, _ in rows], "share"),
            *([Column("free", free, "integer"), Column("bounded", bounded, "integer")] if known else []),
        ],
    )


def _machines(view: ReportView, models: list[ModelView]) -> Table:
    rows = [(m, name, i) for m in models for i, name in enumerate(_names(view, m))]

    def of(field: str) -> list[float]:
        return [float(np.atleast_1d(getattr(m.info, field))[i]) for m, _, i in rows]

    wide = [Column("margin", of("margin"))] if view.levels else [Column("norm", of("norm"))]
    return Table(
        "Margin and slack" if view.levels else "Norm and slack",
        [
            *model_column(models, [m.name for m, *_ in rows]),
            *([Column("between", [name for _, name, _ in rows], "text")] if view.levels else []),
            *wide,
            Column("slack", of("slack")),
        ],
        name="machines",
        note="margin: 1 / |w|, the distance of the boundary from where rows cost nothing, in the space of the kernel; "
        "slack: the weighted sum of what rows lack."
        if view.levels
        else "norm: |w|, how steep the function is, in the space of the kernel; slack: the weighted sum of what errors "
        "are beyond epsilon.",
    )


def _rows(view: ReportView, models: list[ModelView], rows: list[tuple[ModelView, int]]) -> Table:
    margins = {m.name: _margin(view, m.train, _epsilon(m)) for m in models}
    limit = 1.0 if view.levels else 0.0

    def shown(value: Any) -> Any:
        return view.levels[int(value)] if view.levels else float(value)

    kind: Any = "text" if view.levels else "number"
    return Table(
        "Hardest training rows",
        [
            *model_column(models, [m.name for m, _ in rows]),
            Column("row", [int(m.train.row[i]) + 1 for m, i in rows], "integer"),
            Column("actual", [shown(m.train.target[i]) for m, i in rows if m.train.target is not None], kind),
            Column("said", [shown(m.train.prediction[i]) for m, i in rows if m.train.prediction is not None], kind),
            *([Column("margin", [margins[m.name][i] for m, i in rows])] if view.levels else []),
            Column("slack", [max(limit - margins[m.name][i], 0) for m, i in rows]),
        ],
        name="hardest",
        note="Rows count from 1, after the header.",
    )


# ---- picture ---------------------------------------------------------------------------------------------------------
def _figure(view: ReportView, models: list[ModelView]) -> Figure:
    panels = [_panel(view, m, len(models) > 1) for m in models]
    words = "; ".join(
        f"{m.name}: {np.average(_margin(view, m.train, _epsilon(m)) < 0, weights=m.train.weight):.0%} of the training "
        f"rows {'on the wrong side' if view.levels else 'beyond epsilon'}"
        for m in models
    )
    return Figure("Margins" if view.levels else "Errors", panels, f"How margins of rows are distributed; {words}.")


def _panel(view: ReportView, model: ModelView, several: bool) -> Panel:
    parts = [model.train] if model.held_out.name in ("train", "all") else [model.train, model.held_out]
    epsilon = _epsilon(model)
    if view.levels:
        values = [_margin(view, part, epsilon) for part in parts]
        marks, label = (0.0, 1.0), "margin" if len(view.levels) == 2 else "score of the own class less the best other"
    else:
        values = [np.asarray(part.target) - np.asarray(part.prediction) for part in parts]
        marks, label = (-epsilon, epsilon), "actual less predicted"
    every = np.concatenate(values)
    ends = np.linspace(min(every.min(), marks[0]), max(every.max(), marks[1]), _BINS + 1)
    series, highest = [], 0.0
    for part, value in zip(parts, values, strict=True):
        height = np.histogram(value, ends, weights=part.weight)[0] / part.weight.sum()
        highest = max(highest, float(height.max()))
        series.append(Series(np.repeat(ends, 2)[1:-1], np.repeat(height, 2), part_words(part)))
    lines = [Series([at, at], [0.0, highest], emphasis="reference") for at in marks]
    return Panel(label, "share of rows", [*lines, *series], title=model.name if several else "")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "support_vectors", Spec, compute=compute, tasks={"classify", "regress"},
            snippet="report { support_vectors }", also_known_as=("n_support_", "support_", "dual_coef_"),
            sources=("Cortes & Vapnik 1995, doi:10.1007/BF00994018",
                     "Smola & Schölkopf 2004, doi:10.1023/B:STCO.0000035301.49549.88"),
        )
    ]  # fmt: skip
