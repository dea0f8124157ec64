"""What each threshold would do: precision, recall and other measures by threshold, for two classes.

A row is said to be positive where its probability is at least the threshold. The dashed line is the threshold that the
model uses: the one chosen on other rows, or written in the file. The table has that one, 0.5, and for each measure the
threshold that is best on the rows shown, which flatters.

    precision  TP / (TP + FP)     recall  TP / (TP + FN)     specificity  TN / (TN + FP)
    predicted  the share of rows that are said to be positive; f1, matthews ... as the metrics of these names

With `costs` (actual, then predicted, as in `expected_cost`), a second picture shows the mean cost of a row.

Shapes:  n held-out rows. O(n log n) time.
Units:   shares of 1; costs in their own unit.
Errors:  of more than two classes, or where all rows are of one, there is nothing to show; a note says so.
Sources: Youden 1950, Cancer 3:32-35; Elkan 2001, The foundations of cost-sensitive learning, IJCAI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Costs, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._curves import found
from mldsl_plugins.reports._shared import model_column, parts_words, thin
from mldsl_plugins.reports._sides import Side, side_of

_POINTS = 600
Measure = Literal[
    "precision", "recall", "specificity", "f1", "accuracy", "balanced_accuracy", "matthews", "predicted"
]  # fmt: skip


@attrs.frozen
class Spec:
    """Which measures."""

    metrics: tuple[Measure, ...] = param(("precision", "recall", "f1"), doc="The measures to draw.")
    costs: Costs | None = param(None, doc='Cost by actual level, then by predicted level: `["bad" = ["good" = 5]]`.')


@attrs.frozen(eq=False)
class _Counts:
    """Weights of rows at each threshold, falling."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    tn: np.ndarray


@attrs.frozen(eq=False)
class _Curve:
    model: str
    threshold: np.ndarray
    values: Mapping[str, np.ndarray]  # by measure
    cost: np.ndarray | None
    chosen: float | None

    def at(self, threshold: float) -> int:
        """The place of the smallest score that is said to be positive at a threshold; -1 where none is."""
        return int((self.threshold >= threshold).sum()) - 1


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


# Best where all rows or hardly any are said to be positive, which tells nothing.
_ONE_SIDED = ("precision", "recall", "specificity", "predicted")
_MEASURES: Mapping[str, Callable[[_Counts], np.ndarray]] = {
    "precision": lambda c: _ratio(c.tp, c.tp + c.fp),
    "recall": lambda c: _ratio(c.tp, c.tp + c.fn),
    "specificity": lambda c: _ratio(c.tn, c.tn + c.fp),
    "f1": lambda c: _ratio(2 * c.tp, 2 * c.tp + c.fp + c.fn),
    "accuracy": lambda c: (c.tp + c.tn) / (c.tp + c.fp + c.fn + c.tn),
    "balanced_accuracy": lambda c: (_ratio(c.tp, c.tp + c.fn) + _ratio(c.tn, c.tn + c.fp)) / 2,
    "matthews": lambda c: _ratio(
        c.tp * c.tn - c.fp * c.fn, np.sqrt((c.tp + c.fp) * (c.tp + c.fn) * (c.tn + c.fp) * (c.tn + c.fn))
    ),
    "predicted": lambda c: (c.tp + c.fp) / (c.tp + c.fp + c.fn + c.tn),
}


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """The thresholds that count, the points of the curves, and the pictures."""
    positive = view.positive
    if positive is None:
        return ReportOutput(
            notes=[f"One threshold decides between two classes; `{view.target}` has {len(view.levels)}."]
        )
    curves, notes = [], []
    for model in view.models:
        side = side_of(model, view.levels[positive], positive)
        if model.held_out.probability is None:
            notes.append(f"{model.name}: no curve, since it gives no probabilities (`calibrate = sigmoid` makes some).")
            continue
        if side is None or not 0 < side.share < 1:
            notes.append(f"{model.name}: no curve, since all or none of the rows are `{view.levels[positive]}`.")
            continue
        chosen = model.threshold if isinstance(model.threshold, float) else None
        curves.append(_curve(spec, side, chosen, _costs(spec, view, positive)))
    if not curves:
        return ReportOutput(notes=notes)
    tables = [_summary(view, curves), _points(view, curves)]
    figures = [_figure(view, curves), *_cost_figure(curves)]
    return ReportOutput(tables=tables, figures=figures, notes=notes)


def _costs(spec: Spec, view: ReportView, positive: int) -> np.ndarray | None:
    """[actual, said], the positive class last; unnamed pairs cost 0 where right, 1 where wrong."""
    if spec.costs is None:
        return None
    costs = 1 - np.eye(2)
    for actual, said in spec.costs:
        for level, cost in said:
            costs[int(view.levels.index(actual) == positive), int(view.levels.index(level) == positive)] = cost
    return costs


def _curve(spec: Spec, side: Side, chosen: float | None, costs: np.ndarray | None) -> _Curve:
    tp, fp, threshold = found(side.positive, side.score, side.weight)
    counts = _Counts(tp, fp, tp[-1] - tp, fp[-1] - fp)
    values = {name: _MEASURES[name](counts) for name in spec.metrics}
    cost = None
    if costs is not None:
        paid = counts.tn * costs[0, 0] + counts.fp * costs[0, 1] + counts.fn * costs[1, 0] + counts.tp * costs[1, 1]
        cost = paid / (tp[-1] + fp[-1])
    return _Curve(side.model, threshold, values, cost, chosen)


def _columns(curve: _Curve, places: list[int] | np.ndarray) -> dict[str, np.ndarray]:
    shown = {**curve.values, **({} if curve.cost is None else {"expected cost": curve.cost})}
    return {name: values[places] for name, values in shown.items()}


def _summary(view: ReportView, curves: list[_Curve]) -> Table:
    rows: list[tuple[_Curve, str, float, int]] = []
    for curve in curves:
        if curve.chosen is not None:
            rows.append((curve, "of the model", curve.chosen, curve.at(curve.chosen)))
        rows.append((curve, "0.5", 0.5, curve.at(0.5)))
        for name, values in curve.values.items():
            if name not in _ONE_SIDED:
                best = int(values.argmax())
                rows.append((curve, f"best {name}", curve.threshold[best], best))
        if curve.cost is not None:
            best = int(curve.cost.argmin())
            rows.append((curve, "least cost", curve.threshold[best], best))
    rows = [row for row in rows if row[3] >= 0]
    cells = [_columns(curve, [place]) for curve, _, _, place in rows]
    return Table(
        f"Thresholds of `{view.levels[view.positive or 0]}`: {parts_words(view.models)}",
        [
            *model_column(view.models, [curve.model for curve, *_ in rows]),
            Column("which", [which for _, which, _, _ in rows], "text"),
            Column("threshold", [at for _, _, at, _ in rows]),
            *(Column(name, [cell[name][0] for cell in cells]) for name in (cells[0] if cells else {})),
        ],
        note="The best ones are best on these very rows, so they flatter.",
    )


def _points(view: ReportView, curves: list[_Curve]) -> Table:
    kept = [(c, thin(len(c.threshold), _POINTS)) for c in curves]
    cells = [_columns(c, places) for c, places in kept]
    return Table(
        "Points of the curves",
        [
            *model_column(view.models, [c.model for c, places in kept for _ in places]),
            Column("threshold", np.concatenate([c.threshold[places] for c, places in kept])),
            *(Column(name, np.concatenate([cell[name] for cell in cells])) for name in cells[0]),
        ],
        name="points",
    )


def _marked(curve: _Curve, top: float) -> list[Series]:
    if curve.chosen is None:
        return []
    return [Series([curve.chosen, curve.chosen], [0.0, top], f"threshold {curve.chosen:.3g}", emphasis="reference")]


def _line(curve: _Curve, values: np.ndarray, name: str) -> Series:
    # From a score down to the next, every threshold says what the upper one says: steps, drawn from right to left.
    places = thin(len(curve.threshold), _POINTS)
    return Series(curve.threshold[places], values[places], name, mark="step")


def _figure(view: ReportView, curves: list[_Curve]) -> Figure:
    panels = [
        Panel(
            f"threshold of {view.levels[view.positive or 0]}", "",
            [*_marked(c, 1.0), *(_line(c, values, name.replace("_", " ")) for name, values in c.values.items())],
            title=c.model if len(curves) > 1 else "", x_range=(0.0, 1.0),
            y_range=None if "matthews" in c.values else (0.0, 1.0),
        )
        for c in curves
    ]  # fmt: skip
    names = ", ".join(name.replace("_", " ") for name in curves[0].values)
    words = "; ".join(f"{c.model} uses {0.5 if c.chosen is None else c.chosen:.3g}" for c in curves)
    return Figure("Metrics by threshold", panels, f"{names} against the threshold; {words}.")


def _cost_figure(curves: list[_Curve]) -> list[Figure]:
    """The cost of all models in one picture, each with its least."""
    if curves[0].cost is None:
        return []
    lines = [_line(c, c.cost, c.model) for c in curves if c.cost is not None]
    top = max(float(c.cost.max()) for c in curves if c.cost is not None)
    marks = _marked(curves[0], top) if len(curves) == 1 else []
    panel = Panel("threshold", "expected cost of a row", [*marks, *lines], x_range=(0.0, 1.0))
    words = "; ".join(
        f"{c.model}: least {c.cost.min():.3g} at {c.threshold[c.cost.argmin()]:.3g}"
        for c in curves
        if c.cost is not None
    )
    return [
        Figure("Expected cost by threshold", [panel], f"Expected cost against the threshold; {words}.", name="cost")
    ]


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "threshold_curve", Spec, compute=compute, tasks={"classify"}, needs=("model", "probabilities"),
            snippet='report { threshold_curve(metrics = [precision, recall], costs = ["survived" = ["died" = 5]]) }',
            sources=("Youden 1950, Cancer 3:32-35", "Elkan 2001, IJCAI"),
        )
    ]  # fmt: skip
