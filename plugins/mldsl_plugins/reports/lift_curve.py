"""Cumulative gains and lift: what is won by looking at the rows that score highest first.

    gain(s) = share of all rows of the class that are among the share s of rows with the highest scores
    lift(s) = gain(s) / s: how many times more than among as many rows taken at random

For two classes one curve a model, of the positive class; for more one a class, against the rest. Rows of equal score
come in together, so that within a tie the gain rises evenly, as in any order it does on average. A perfect order would
have found the whole class at its base rate.

Shapes:  n held-out rows, k classes. O(k n log n) time.
Units:   shares of 1; lift is a ratio.
Errors:  a class without rows, or with all rows, among the held-out ones has no curve; a note says so.
Source:  Ling & Li 1998, KDD, Data mining for direct marketing.
"""

from __future__ import annotations

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._curves import corners, found
from mldsl_plugins.reports._shared import model_column, parts_words, thin
from mldsl_plugins.reports._sides import Side, one_against_rest, panelled

_POINTS = 600
_STEPS = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
# A lift of the very first rows is that of chance: curves begin where this many rows were looked at.
_FIRST = 10


@attrs.frozen(eq=False)
class _Curve:
    model: str
    level: str
    looked_at: np.ndarray
    gain: np.ndarray
    threshold: np.ndarray
    share: float
    rows: float
    mass: float


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """Gain and lift at round shares, the points of the curves, and the picture."""
    sides, notes = one_against_rest(view)
    if not sides:
        return ReportOutput(notes=notes)
    curves = [_curve(side) for side in sides]
    tables = [_at_steps(view.models, curves), _points(view.models, curves)]
    return ReportOutput(tables=tables, figures=[_gains(view, curves), _lifts(view, curves)], notes=notes)


def _curve(side: Side) -> _Curve:
    true, false, threshold = found(side.positive, side.score, side.weight)
    mass = float(side.weight.sum())
    looked_at, gain = np.append(0, (true + false) / mass), np.append(0, true / true[-1])
    return _Curve(side.model, side.level, looked_at, gain, np.append(np.inf, threshold), side.share, side.rows, mass)


def _at_steps(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    pairs = [(c, s) for c in curves for s in _STEPS if s * c.mass >= 1]
    gains = [float(np.interp(s, c.looked_at, c.gain)) for c, s in pairs]
    # The score of the row at that place: the first threshold that lets in as many rows.
    places = [min(int(np.searchsorted(c.looked_at, s - 1e-12)), len(c.threshold) - 1) for c, s in pairs]
    return Table(
        f"Gain and lift: {parts_words(models)}",
        [
            *model_column(models, [c.model for c, _ in pairs]),
            Column("class", [c.level for c, _ in pairs], "text"),
            Column("rows looked at", [s for _, s in pairs], "share"),
            Column("rows", [round(s * c.mass) for c, s in pairs], "integer"),
            Column("score from", [c.threshold[i] for (c, _), i in zip(pairs, places, strict=True)]),
            Column("found", [round(g * c.rows) for (c, _), g in zip(pairs, gains, strict=True)], "integer"),
            Column("gain", gains, "share"),
            Column("lift", [g / s for (_, s), g in zip(pairs, gains, strict=True)]),
        ],
    )


def _points(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    kept = [(c, _kept(c)[1:]) for c in curves]
    return Table(
        "Points of the curves",
        [
            *model_column(models, [c.model for c, i in kept for _ in i]),
            Column("class", [c.level for c, i in kept for _ in i], "text"),
            Column("threshold", np.concatenate([c.threshold[i] for c, i in kept])),
            Column("rows looked at", np.concatenate([c.looked_at[i] for c, i in kept])),
            Column("gain", np.concatenate([c.gain[i] for c, i in kept])),
            Column("lift", np.concatenate([c.gain[i] / c.looked_at[i] for c, i in kept])),
        ],
        name="points",
    )


def _kept(curve: _Curve) -> np.ndarray:
    bends = corners(curve.looked_at, curve.gain)
    return np.asarray(bends[thin(len(bends), _POINTS)])


def _gains(view: ReportView, curves: list[_Curve]) -> Figure:
    chance = Series([0, 1], [0, 1], "chance", emphasis="reference")
    panels = []
    for title, group in panelled(view, curves):
        lines = [Series(c.looked_at[_kept(c)], c.gain[_kept(c)], name) for name, c in group]
        if len(view.levels) == 2:
            share = group[0][1].share
            lines.insert(0, Series([0, share, 1], [0, 1, 1], "perfect order", emphasis="muted"))
        panels.append(
            Panel(
                "share of rows looked at", "share of the class found", [chance, *lines], title=title,
                x_range=(0.0, 1.0), y_range=(0.0, 1.0), square=True,
            )
        )  # fmt: skip
    words = "; ".join(
        f"{c.model}, {c.level}: {np.interp(0.1, c.looked_at, c.gain):.0%} in the first 10%" for c in curves
    )
    return Figure("Cumulative gains", panels, f"Share of the class found against share of rows looked at; {words}.")


def _lifts(view: ReportView, curves: list[_Curve]) -> Figure:
    chance = Series([0, 1], [1, 1], "chance", emphasis="reference")
    panels = [
        Panel(
            "share of rows looked at", "lift", [chance, *(_lift(name, c) for name, c in group)], title=title,
            x_range=(0.0, 1.0),
        )
        for title, group in panelled(view, curves)
    ]  # fmt: skip
    words = "; ".join(
        f"{c.model}, {c.level}: {np.interp(0.1, c.looked_at, c.gain) / 0.1:.1f} in the first 10%" for c in curves
    )
    return Figure("Lift", panels, f"Lift against share of rows looked at; {words}.", name="lift")


def _lift(name: str, curve: _Curve) -> Series:
    first = min(_FIRST / curve.mass, 1.0)
    x = curve.looked_at[_kept(curve)]
    x = np.append(first, x[x > first])
    return Series(x, np.interp(x, curve.looked_at, curve.gain) / x, name)


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "lift_curve", compute=compute, tasks={"classify"}, snippet="report { lift_curve }",
            also_known_as=("gains_chart", "cumulative_gains", "gain_curve"),
            sources=("Ling & Li 1998, KDD, Data mining for direct marketing",),
        )
    ]  # fmt: skip
