"""Precision against recall at every threshold: what a search for rare rows finds, and how much of it is right.

    recall = found positives / positives,   precision = found positives / found rows

For two classes one curve a model, of the positive class; for more one a class, against the rest. Equal scores change
sides together. Average precision is the area under the steps, sum (recall_i - recall_{i-1}) precision_i; guessing gives
the base rate, the dashed line. The threshold of the table is the one with the largest F1.

Shapes:  n held-out rows, k classes. O(k n log n) time.
Units:   shares of 1.
Errors:  a class without rows, or with all rows, among the held-out ones has no curve; a note says so.
Sources: Davis & Goadrich 2006, doi:10.1145/1143844.1143874; Saito & Rehmsmeier 2015, doi:10.1371/journal.pone.0118432.
"""

from __future__ import annotations

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._curves import precision_recall
from mldsl_plugins.reports._shared import model_column, parts_words, thin
from mldsl_plugins.reports._sides import Side, numbered, one_against_rest, panelled

_POINTS = 600


@attrs.frozen(eq=False)
class _Curve:
    model: str
    level: str
    precision: np.ndarray
    recall: np.ndarray
    threshold: np.ndarray
    average: float
    share: float
    rows: float


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """The average precisions, the points of the curves, and the picture."""
    sides, notes = one_against_rest(view)
    if not sides:
        return ReportOutput(notes=notes)
    curves = [_curve(side) for side in sides]
    tables = [_summary(view.models, curves), _points(view.models, curves)]
    return ReportOutput(tables=tables, figures=[_figure(view, curves)], notes=notes)


def _curve(side: Side) -> _Curve:
    precision, recall, threshold = precision_recall(side.positive, side.score, side.weight)
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return _Curve(side.model, side.level, precision, recall, threshold, average, side.share, side.rows)


def _best(curve: _Curve) -> int:
    """Where F1 is largest."""
    total = curve.precision + curve.recall
    f1 = np.divide(2 * curve.precision * curve.recall, total, out=np.zeros_like(total), where=total > 0)
    return int(f1.argmax())


def _summary(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    best = [_best(c) for c in curves]
    return Table(
        f"Average precision: {parts_words(models)}",
        [
            *model_column(models, [c.model for c in curves]),
            Column("class", [c.level for c in curves], "text"),
            Column("average precision", [c.average for c in curves]),
            Column("base rate", [c.share for c in curves]),
            Column("rows of the class", [c.rows for c in curves], "integer"),
            Column("threshold", [c.threshold[i] for c, i in zip(curves, best, strict=True)]),
            Column("precision", [c.precision[i] for c, i in zip(curves, best, strict=True)]),
            Column("recall", [c.recall[i] for c, i in zip(curves, best, strict=True)]),
        ],
        note="The threshold has the largest F1 on these very rows, so it flatters.",
    )


def _points(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    kept = [(c, _kept(c)) for c in curves]
    return Table(
        "Points of the curves",
        [
            *model_column(models, [c.model for c, i in kept for _ in i]),
            Column("class", [c.level for c, i in kept for _ in i], "text"),
            Column("threshold", np.concatenate([c.threshold[i] for c, i in kept])),
            Column("recall", np.concatenate([c.recall[i] for c, i in kept])),
            Column("precision", np.concatenate([c.precision[i] for c, i in kept])),
        ],
        name="points",
    )


def _kept(curve: _Curve) -> np.ndarray:
    return thin(len(curve.recall), _POINTS, np.array([_best(curve)]))


def _figure(view: ReportView, curves: list[_Curve]) -> Figure:
    groups = panelled(view, curves)
    panels = [
        Panel(
            "recall", "precision",
            [*_base_rate(view, group[0][1]), *(_line(numbered(groups, name, c.average), c) for name, c in group)],
            title=title, x_range=(0.0, 1.0), y_range=(0.0, 1.0), square=True,
        )
        for title, group in groups
    ]  # fmt: skip
    words = "; ".join(f"{c.model}, {c.level}: average precision {c.average:.3f}" for c in curves)
    return Figure("Precision-recall curve", panels, f"Precision against recall; {words}.")


def _base_rate(view: ReportView, curve: _Curve) -> list[Series]:
    """What guessing gives; of several classes each has its own, which the table tells."""
    if len(view.levels) != 2:
        return []
    return [Series([0, 1], [curve.share, curve.share], f"base rate ({curve.share:.3f})", emphasis="reference")]


def _line(name: str, curve: _Curve) -> Series:
    kept = _kept(curve)
    # Recall from `recall_{i-1}` to `recall_i` has the precision of i: steps, drawn from the last to the first.
    x, y = curve.recall[kept][::-1], curve.precision[kept][::-1]
    return Series(np.append(x, 0.0), np.append(y, y[-1]), name, mark="step")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "precision_recall_curve", compute=compute, tasks={"classify"}, snippet="report { precision_recall_curve }",
            also_known_as=("pr_curve",),
            sources=(
                "Davis & Goadrich 2006, doi:10.1145/1143844.1143874",
                "Saito & Rehmsmeier 2015, doi:10.1371/journal.pone.0118432",
            ),
        )
    ]  # fmt: skip
