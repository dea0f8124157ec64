"""Reliability of probabilities: how often what was said to happen with probability p did happen.

Rows are put into bins by probability; each bin compares its mean probability with the share of rows that are of the
class, with its 95 % interval (Wilson). Calibrated probabilities lie on the diagonal: below it they say too much, above
it too little. For two classes the positive one, a curve a model; for more one a class, against the rest.

    calibration error = sum over bins of  rows_b / rows * |mean probability_b - share_b|

Bins of fewer than five rows are in the table, not in the picture: their share is chance.

Where a model has `calibrate`, its probabilities before that are drawn in grey (two classes), and a table compares both:
on the rows that taught the calibrator (of folds, each row by what the other folds taught) and on those that count.

Shapes:  n held-out rows, k classes. O(k n log n) time.
Units:   shares of 1.
Errors:  a class without rows, or with all rows, among the held-out ones has no curve, nor has a model without
         probabilities; a note says so.
Sources: Murphy & Winkler 1977, doi:10.2307/2346866; Wilson 1927, doi:10.1080/01621459.1927.10502953;
         Niculescu-Mizil & Caruana 2005, doi:10.1145/1102351.1102430.
"""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np

from mldsl.contract.reliability import Reliability, reliability
from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import model_column, parts_words, weighted_quantile
from mldsl_plugins.reports._sides import Side, numbered, one_against_rest, panelled
from mldsl_plugins.reports._statistics import wilson

_FEWEST = 5  # rows of a bin that is drawn
_DETAILED = 3  # models in one panel, at most, for intervals to be told apart
_ROWS = {"train": "training rows, predicted out of fold", "folds": "rows predicted out of fold", "test": "test rows",
         "validation": "validation rows"}  # fmt: skip


@attrs.frozen
class Spec:
    """How probabilities are put into bins."""

    bins: int = param(10, ge=2, le=100, doc="Number of bins.")
    by: Literal["width", "rows"] = param("width", doc="Bins of equal width, or of equally many rows.")


@attrs.frozen(eq=False)
class _Curve:
    model: str
    level: str
    edges: np.ndarray
    bins: Reliability
    brier: float
    rows: float
    before: Reliability | None = None


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """The calibration errors, what `calibrate` did to them, the bins, and the picture."""
    scored = attrs.evolve(view, models=tuple(m for m in view.models if m.held_out.probability is not None))
    notes = [
        f"{m.name}: no curve, since it gives no probabilities (`calibrate = sigmoid` makes some)."
        for m in view.models
        if m not in scored.models
    ]
    sides, more = one_against_rest(scored)
    notes += more
    if not sides:
        return ReportOutput(notes=notes)
    before = {(s.model, s.level): s for s in one_against_rest(_uncalibrated(scored))[0]}
    curves = [_curve(spec, side, before.get((side.model, side.level))) for side in sides]
    tables = [_summary(view.models, curves), *_compared(view), _bins(view.models, curves)]
    return ReportOutput(tables=tables, figures=[_figure(view, curves)], notes=notes)


def _uncalibrated(view: ReportView) -> ReportView:
    """The models that were calibrated, as they were before."""
    return attrs.evolve(
        view,
        models=tuple(
            attrs.evolve(m, held_out=attrs.evolve(m.held_out, probability=m.held_out.uncalibrated))
            for m in view.models
            if m.held_out.uncalibrated is not None
        ),
    )


def _curve(spec: Spec, side: Side, before: Side | None) -> _Curve:
    edges = _edges(spec, side)
    brier = float(np.average((side.score - side.positive) ** 2, weights=side.weight))
    earlier = (
        None if before is None else reliability(before.score, before.positive, before.weight, _edges(spec, before))
    )
    found = reliability(side.score, side.positive, side.weight, edges)
    return _Curve(side.model, side.level, edges, found, brier, side.rows, earlier)


def _edges(spec: Spec, side: Side) -> np.ndarray:
    shares = np.linspace(0, 1, spec.bins + 1)
    if spec.by == "width":
        return shares
    edges = np.unique(weighted_quantile(side.score, side.weight, list(shares)))
    return edges if len(edges) > 1 else np.array([edges[0], edges[0]])


def _furthest(bins: Reliability) -> float:
    return float(np.nanmax(np.abs(bins.said - bins.happened)))


def _summary(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    return Table(
        f"Calibration: {parts_words(models)}",
        [
            *model_column(models, [c.model for c in curves]),
            Column("class", [c.level for c in curves], "text"),
            Column("calibration error", [c.bins.error for c in curves]),
            Column("of the worst bin", [_furthest(c.bins) for c in curves]),
            Column("Brier", [c.brier for c in curves]),
            Column("mean said", [_mean(c.bins) for c in curves]),
            Column("base rate", [c.rows / c.bins.rows.sum() for c in curves]),
        ],
    )


def _mean(bins: Reliability) -> float:
    return float(np.nansum(bins.rows * bins.said) / bins.rows.sum())


def _compared(view: ReportView) -> list[Table]:
    """What `calibrate` did, on the rows that taught it and on those that count."""
    rows = [(m, part, pair) for m in view.models for part, pair in (m.calibration or {}).items()]
    if not rows:
        return []
    return [
        Table(
            "Calibration error before and after `calibrate`",
            [
                *model_column(view.models, [m.name for m, _, _ in rows]),
                Column("rows", [_ROWS.get(part, part) for _, part, _ in rows], "text"),
                Column("before", [pair["before"] for _, _, pair in rows]),
                Column("after", [pair["after"] for _, _, pair in rows]),
            ],
            name="calibrate",
            note="In ten bins of equal width; of several classes, of the most probable one.",
        )
    ]


def _bins(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    kept = [(c, b) for c in curves for b in np.flatnonzero(c.bins.rows > 0)]
    bounds = [tuple(ends[b] for ends in wilson(c.bins.happened, c.bins.rows)) for c, b in kept]
    return Table(
        "Bins",
        [
            *model_column(models, [c.model for c, _ in kept]),
            Column("class", [c.level for c, _ in kept], "text"),
            Column("from", [c.edges[b] for c, b in kept]),
            Column("to", [c.edges[b + 1] for c, b in kept]),
            Column("rows", [c.bins.rows[b] for c, b in kept], "integer"),
            Column("mean probability", [c.bins.said[b] for c, b in kept]),
            Column("share of the class", [c.bins.happened[b] for c, b in kept]),
            Column("low", [low for low, _ in bounds]),
            Column("high", [high for _, high in bounds]),
        ],
        name="bins",
    )


def _figure(view: ReportView, curves: list[_Curve]) -> Figure:
    perfect = Series([0, 1], [0, 1], "calibrated", emphasis="reference")
    groups = panelled(view, curves)
    detailed = len(view.levels) == 2 and len(curves) <= _DETAILED

    def lines(group: list[tuple[str, _Curve]]) -> list[Series]:
        labels = (numbered(groups, name, c.bins.error) for name, c in group)
        return [s for label, (name, c) in zip(labels, group, strict=True) for s in _lines(label, name, c, detailed)]

    panels = [
        Panel(
            "mean probability of the bin", "share of rows of the class",
            [perfect, *lines(group)], title=title, x_range=(0.0, 1.0), y_range=(0.0, 1.0), square=True,
        )
        for title, group in groups
    ]  # fmt: skip
    words = "; ".join(f"{c.model}, {c.level}: calibration error {c.bins.error:.3f}" for c in curves)
    return Figure("Calibration curve", panels, f"Share of rows of the class against probability; {words}.")


def _lines(label: str, name: str, curve: _Curve, detailed: bool) -> list[Series]:
    """The curve; in detail with its intervals as a band, and in grey what it was before `calibrate`."""
    full = _worth_drawing(curve.bins)
    low, high = wilson(curve.bins.happened[full], curve.bins.rows[full])
    band = {"low": low, "high": high} if detailed else {}
    lines = [Series(curve.bins.said[full], curve.bins.happened[full], label, **band)]
    if curve.before is not None and detailed:
        some = _worth_drawing(curve.before)
        before = f"{name} before ({curve.before.error:.3f})"
        lines.insert(0, Series(curve.before.said[some], curve.before.happened[some], before, emphasis="muted"))
    return lines


def _worth_drawing(bins: Reliability) -> np.ndarray:
    enough = bins.rows >= _FEWEST
    return enough if enough.sum() > 1 else bins.rows > 0


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "calibration_curve", Spec, compute=compute, tasks={"classify"}, needs=("model", "probabilities"),
            snippet="report { calibration_curve(bins = 8, by = rows) }", also_known_as=("reliability_diagram",),
            sources=(
                "Murphy & Winkler 1977, doi:10.2307/2346866",
                "Wilson 1927, doi:10.1080/01621459.1927.10502953",
                "Niculescu-Mizil & Caruana 2005, doi:10.1145/1102351.1102430",
            ),
        )
    ]  # fmt: skip
