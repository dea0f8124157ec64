"""Residuals of a regression, in four pictures: against the fit, against the normal, as a histogram, and their spread.

A residual is target minus prediction, in the target's own units, on the held-out rows; a standardized one is divided by
the residuals' standard deviation. Look for a bent trend (a relation that the model misses), for points off the line
(heavy tails, a few odd rows), for a skew histogram, and for a rising trend of the spread (errors that grow with the
fit, where `target = log(...)` may help).

Shapes:  n held-out rows. O(n log n); at most 2,000 points are drawn, the largest residuals always among them.
Units:   those of the target; standardized residuals have none.
Sources: Cleveland 1979, doi:10.1080/01621459.1979.10481038 (the trend: local lines, tricube weights, two thirds of the
         rows); Wilk & Gnanadesikan 1968, doi:10.1093/biomet/55.1.1 (quantile plots).
"""

from __future__ import annotations

from statistics import NormalDist

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import (
    histogram,
    model_column,
    moments,
    part_words,
    parts_words,
    thin,
    weighted_quantile,
)

_POINTS = 2000
_WORST = 10


@attrs.frozen
class _Residuals:
    model: ModelView
    fitted: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    row: np.ndarray
    target: np.ndarray


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """A table of their distribution, the rows furthest off, and one figure for each model."""
    models = view.models
    found = [r for m in models if (r := _residuals(m)) is not None]
    if not found:
        return ReportOutput(notes=["No held-out row has a prediction, so there are no residuals."])
    figures = [_figure(r, i, several=len(found) > 1) for i, r in enumerate(found)]
    return ReportOutput(tables=[_distribution(models, found), _worst(models, found)], figures=figures)


def _residuals(model: ModelView) -> _Residuals | None:
    part = model.held_out
    if part.target is None or part.prediction is None or not len(part.target):
        return None
    target, fitted = part.target.astype(float), part.prediction.astype(float)
    return _Residuals(model, fitted, target - fitted, part.weight.astype(float), part.row, target)


def _distribution(models: tuple[ModelView, ...], found: list[_Residuals]) -> Table:
    centre = [moments(r.residual, r.weight) for r in found]
    quantile = np.array([weighted_quantile(r.residual, r.weight, (0, 0.25, 0.5, 0.75, 1)) for r in found])
    names = ("least", "lower quartile", "median", "upper quartile", "largest")
    return Table(
        f"Residuals: {parts_words(models)}",
        [
            *model_column(models, [r.model.name for r in found]),
            Column("mean", [mean for mean, _ in centre]),
            Column("standard deviation", [sd for _, sd in centre]),
            *(Column(name, quantile[:, i]) for i, name in enumerate(names)),
            Column("skewness", [_skewness(r) for r in found]),
        ],
    )


def _skewness(r: _Residuals) -> float:
    total = r.weight.sum()
    z = r.residual - (r.weight * r.residual).sum() / total
    spread = (r.weight * z**2).sum() / total
    return float((r.weight * z**3).sum() / total / spread**1.5) if spread > 0 else float("nan")


def _worst(models: tuple[ModelView, ...], found: list[_Residuals]) -> Table:
    kept = [(r, np.argsort(-np.abs(r.residual), kind="stable")[:_WORST]) for r in found]
    return Table(
        "Rows furthest off",
        [
            *model_column(models, [r.model.name for r, i in kept for _ in i]),
            Column("row", np.concatenate([r.row[i] + 1 for r, i in kept]), "integer"),
            Column("target", np.concatenate([r.target[i] for r, i in kept])),
            Column("prediction", np.concatenate([r.fitted[i] for r, i in kept])),
            Column("residual", np.concatenate([r.residual[i] for r, i in kept])),
        ],
        name="rows",
        note="Rows count from 1 after the header.",
    )


def _figure(r: _Residuals, place: int, *, several: bool) -> Figure:
    _, spread = moments(r.residual, r.weight)
    scale = spread if np.isfinite(spread) and spread > 0 else 1.0
    z = r.residual / scale
    shown = thin(len(z), _POINTS, np.argsort(-np.abs(z), kind="stable")[:50])
    fitted, weight = r.fitted[shown], r.weight[shown]
    root = np.sqrt(np.abs(z[shown]))
    x_range = np.array([r.fitted.min(), r.fitted.max()])
    middle, mass = histogram(r.residual, r.weight)
    name = r.model.name
    return Figure(
        f"Residuals of {name}" if several else "Residuals",
        [
            Panel(
                "predicted", "residual",
                [
                    Series(x_range, [0, 0], "", emphasis="reference"),
                    Series(fitted, r.residual[shown], "rows", mark="points"),
                    _trend(fitted, r.residual[shown], weight),
                ],
                title="Against the prediction",
            ),
            Panel("normal quantile", "standardized residual", _quantiles(z, r.weight), title="Against the normal"),
            Panel(
                "residual", "rows", [Series(middle, mass, "rows", mark="bars"), _bell(middle, r, scale)],
                title="Distribution",
            ),
            Panel(
                "predicted", "√|standardized residual|",
                [Series(fitted, root, "rows", mark="points"), _trend(fitted, root, weight)], title="Spread",
            ),
        ],
        f"Residuals of {name} on {part_words(r.model.held_out)}: against the prediction, against normal quantiles, as "
        "a histogram, and the root of their size against the prediction.",
        name=name if place else "",
    )  # fmt: skip


def _quantiles(z: np.ndarray, weight: np.ndarray) -> list[Series]:
    """Sorted standardized residuals over the normal quantiles of their place, and the line they would lie on."""
    order = np.argsort(z, kind="stable")
    mass = np.cumsum(weight[order])
    place = (mass - weight[order] / 2) / mass[-1]
    kept = thin(len(z), 500, np.concatenate([np.arange(min(20, len(z))), np.arange(max(0, len(z) - 20), len(z))]))
    normal = NormalDist()
    x = np.array([normal.inv_cdf(float(np.clip(p, 1e-9, 1 - 1e-9))) for p in place[kept]])
    return [
        Series([x.min(), x.max()], [x.min(), x.max()], "", emphasis="reference"),
        Series(x, z[order][kept], "rows", mark="points"),
    ]


def _bell(middle: np.ndarray, r: _Residuals, scale: float) -> Series:
    """The normal density of the residuals' mean and standard deviation, as rows in a bin."""
    mean, _ = moments(r.residual, r.weight)
    width = middle[1] - middle[0] if len(middle) > 1 else 1.0
    x = np.linspace(middle[0] - width / 2, middle[-1] + width / 2, 60)
    density = np.exp(-0.5 * ((x - mean) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
    return Series(x, density * width * r.weight.sum(), "normal", emphasis="reference")


def _trend(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> Series:
    """Local lines with tricube weights over the nearest two thirds of the rows, at 40 places."""
    places = np.unique(np.quantile(x, np.linspace(0, 1, 40)))
    near = max(3, round(len(x) * 2 / 3))
    values = []
    for place in places:
        distance = np.abs(x - place)
        reach = np.partition(distance, min(near, len(x)) - 1)[min(near, len(x)) - 1]
        w = weight * np.clip(1 - (distance / reach) ** 3, 0, None) ** 3 if reach > 0 else weight * (distance == 0)
        total = w.sum()
        if total <= 0:
            values.append(np.nan)
            continue
        mean_x, mean_y = (w * x).sum() / total, (w * y).sum() / total
        spread = (w * (x - mean_x) ** 2).sum()
        slope = (w * (x - mean_x) * (y - mean_y)).sum() / spread if spread > 0 else 0.0
        values.append(mean_y + slope * (place - mean_x))
    return Series(places, np.array(values), "trend")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "residual_plots", compute=compute, tasks={"regress"}, snippet="report { residual_plots }",
            sources=(
                "Cleveland 1979, doi:10.1080/01621459.1979.10481038",
                "Wilk & Gnanadesikan 1968, doi:10.1093/biomet/55.1.1",
            ),
        )
    ]  # fmt: skip
