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
from mldsl_plugins.reports._sides import Side, one_against_rest, panelled

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
    sides, notes = one_against_rest(view)
    curves = [_curve(side) for side in sides]
    if not curves:
        return ReportOutput(notes=notes)
    tables = [_summary(models, curves, parts_words(models)), _points(models, curves)]
    return ReportOutput(tables=tables, figures=[_figure(view, curves)], notes=notes)


def _curve(side: Side) -> _Curve:
    false, true, threshold = roc(side.positive, side.score, side.weight)
    return _Curve(side.model, side.level, false, true, threshold, area(false, true), side.rows)


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


def _figure(view: ReportView, curves: list[_Curve]) -> Figure:
    chance = Series([0, 1], [0, 1], "chance", emphasis="reference")
    binary = len(view.levels) == 2

    def line(name: str, curve: _Curve) -> Series:
        label = f"{name} ({curve.area:.3f})" if binary else name
        return Series(curve.false[_kept(curve)], curve.true[_kept(curve)], label)

    panels = [
        Panel(
            "false positive rate", "true positive rate",
            [chance, *(line(name, c) for name, c in group)],
            title=title, x_range=(0.0, 1.0), y_range=(0.0, 1.0), square=True,
        )
        for title, group in panelled(view, curves)
    ]  # fmt: skip
    words = "; ".join(f"{c.model}, {c.level}: area {c.area:.3f}" for c in curves)
    return Figure("ROC curve", panels, f"True against false positive rate; {words}.")


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
