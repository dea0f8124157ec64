"""The receiver operating characteristic: the true against the false positive rate at every threshold.

For two classes one curve a model, of the positive class; for more one curve a class, against the rest. Equal scores
change sides together. The area under the curve (AUC) is the probability that a row of the class scores higher than
another row, ties counting half. The threshold of the table is the one with the largest sum of sensitivity and
specificity (Youden's J).

Shapes:  n held-out rows, k classes. O(k n log n) time.
Units:   rates and areas are shares of 1.
Errors:  a class without rows, or with all rows, among the held-out ones has no curve; a note says so.
Sources: Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747; Youden 1950, Cancer 3:32-35.
"""

from __future__ import annotations

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._curves import area, corners, roc
from mldsl_plugins.reports._shared import model_column, parts_words, thin

_CURVES = 8
_POINTS = 600


@attrs.frozen
class _Curve:
    model: str
    level: str
    false: np.ndarray
    true: np.ndarray
    threshold: np.ndarray
    area: float
    rows: float


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """The areas, the points of the curves, and the picture."""
    models = view.models
    curves, notes = [], []
    for model in models:
        for k in _classes(view):
            curve = _curve(model, view, k)
            if curve is None:
                notes.append(f"{model.name}: no curve for `{view.levels[k]}`, since all or none of the rows are of it.")
            else:
                curves.append(curve)
    binary = len(view.levels) == 2
    if not curves:
        return ReportOutput(notes=notes)
    tables = [_summary(models, curves, parts_words(models)), _points(models, curves)]
    return ReportOutput(tables=tables, figures=[_figure(models, curves, binary)], notes=notes)


def _classes(view: ReportView) -> list[int]:
    if len(view.levels) == 2:
        return [1 if view.positive is None else view.positive]
    return list(range(len(view.levels)))


def _curve(model: ModelView, view: ReportView, k: int) -> _Curve | None:
    part = model.held_out
    if part.target is None:
        return None
    scores = part.probability if part.probability is not None else part.score
    if scores is None:
        return None
    score = scores[:, k] if scores.ndim == 2 else scores
    positive = part.target == k
    rows = float(part.weight[positive].sum())
    if rows <= 0 or rows >= float(part.weight.sum()):
        return None
    false, true, threshold = roc(positive, score.astype(float), part.weight)
    return _Curve(model.name, view.levels[k], false, true, threshold, area(false, true), rows)


def _summary(models: tuple[ModelView, ...], curves: list[_Curve], rows: str) -> Table:
    best = [int(np.argmax(c.true - c.false)) for c in curves]
    return Table(
        f"Area under the curve: {rows}",
        [
            *model_column(models, [c.model for c in curves]),
            Column("class", [c.level for c in curves], "text"),
            Column("AUC", [c.area for c in curves]),
            Column("rows of the class", [c.rows for c in curves], "integer"),
            Column("threshold", [c.threshold[i] for c, i in zip(curves, best, strict=True)]),
            Column("sensitivity", [c.true[i] for c, i in zip(curves, best, strict=True)]),
            Column("specificity", [1 - c.false[i] for c, i in zip(curves, best, strict=True)]),
        ],
        note="The threshold has the largest sum of sensitivity and specificity on these very rows, so it flatters.",
    )


def _points(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    kept = [(c, _kept(c)) for c in curves]
    return Table(
        "Points of the curves",
        [
            *model_column(models, [c.model for c, i in kept for _ in i]),
            Column("class", [c.level for c, i in kept for _ in i], "text"),
            Column("threshold", np.concatenate([c.threshold[i] for c, i in kept])),
            Column("false positive rate", np.concatenate([c.false[i] for c, i in kept])),
            Column("true positive rate", np.concatenate([c.true[i] for c, i in kept])),
        ],
        name="points",
    )


def _kept(curve: _Curve) -> np.ndarray:
    bends = corners(curve.false, curve.true)
    return np.asarray(bends[thin(len(bends), _POINTS)])


def _figure(models: tuple[ModelView, ...], curves: list[_Curve], binary: bool) -> Figure:
    """Two classes: all models in one panel. More: a panel a model with a curve a class, the largest classes first."""
    chance = Series([0, 1], [0, 1], "chance", emphasis="reference")
    if binary:
        groups = {"": [(f"{c.model} ({c.area:.3f})", c) for c in curves]}
    else:
        groups = {m.name: [(c.level, c) for c in _largest([c for c in curves if c.model == m.name])] for m in models}
    panels = [
        Panel(
            "false positive rate", "true positive rate",
            [chance, *(Series(c.false[_kept(c)], c.true[_kept(c)], name) for name, c in group)],
            title=title if len(groups) > 1 else "", x_range=(0.0, 1.0), y_range=(0.0, 1.0), square=True,
        )
        for title, group in groups.items()
        if group
    ]  # fmt: skip
    words = "; ".join(f"{c.model}, {c.level}: area {c.area:.3f}" for c in curves)
    return Figure("ROC curve", panels, f"True against false positive rate; {words}.")


def _largest(curves: list[_Curve]) -> list[_Curve]:
    kept = sorted(curves, key=lambda c: -c.rows)[:_CURVES]
    return [c for c in curves if any(c is k for k in kept)]


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "roc_curve", compute=compute, tasks={"classify"}, snippet="report { roc_curve }",
            sources=(
                "Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747",
                "Youden 1950, Cancer 3:32-35",
            ),
        )
    ]  # fmt: skip
