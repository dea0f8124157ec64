"""The residuals of a regression, and how reports draw many of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, PartView, ReportView
from mldsl.plugin.display import Series
from mldsl_plugins.reports._shared import histogram, moments, part_words, thin, weighted_quantile
from mldsl_plugins.reports._smooth import lowess

Rows = Literal["held_out", "train"]
MANY = 5000  # rows from which on their spread is drawn rather than each
_BINS, _EXTREME = 40, 40
_FORWARD = {"log": np.log, "log1p": np.log1p, "sqrt": np.sqrt}


@attrs.frozen(eq=False)
class Residuals:
    """Target less prediction on the scale that was fitted, of the rows of `part`; all [n]."""

    model: ModelView
    part: PartView
    fitted: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    scale: str

    @property
    def residual(self) -> np.ndarray:
        """What the model leaves."""
        return self.target - self.fitted

    @property
    def label(self) -> str:
        """What a prediction is called on an axis."""
        return f"predicted {self.scale}" if self.scale else "predicted"

    @property
    def words(self) -> str:
        """Which rows: `30 test rows`."""
        return part_words(self.part)


def residuals_of(view: ReportView, rows: Rows = "held_out") -> list[Residuals]:
    """Of every model that predicts a number."""
    found = []
    for model in view.models:
        part = model.held_out if rows == "held_out" else model.train
        if part.target is None or part.prediction is None or not len(part.target) or model.shape.classes:
            continue
        target, fitted, scale = part.target.astype(float), part.prediction.astype(float), ""
        forward = _FORWARD.get(model.target_scale or "")
        if forward is not None:
            with np.errstate(invalid="ignore", divide="ignore"):
                on_scale = forward(target), forward(fitted)
            if all(np.isfinite(v).all() for v in on_scale):
                target, fitted = on_scale
                scale = f"{model.target_scale}({view.target})"
        found.append(Residuals(model, part, fitted, target, part.weight.astype(float), scale))
    return found


def scale_note(found: Sequence[Residuals]) -> list[str]:
    """A sentence where residuals are on another scale than the target."""
    scaled = dict.fromkeys(
        f"{r.model.name}: residuals are of {r.scale}, the scale that was fitted." for r in found if r.scale
    )
    return list(scaled)


def cloud(x: np.ndarray, y: np.ndarray, weight: np.ndarray, *, trend: bool = True) -> list[Series]:
    """Rows as points and their lowess curve; of many rows the spread along x, and only the most extreme as points."""
    series: list[Series] = []
    if len(x) <= MANY:
        shown = thin(len(x), 2000, np.argsort(-np.abs(y), kind="stable")[:50])
        series.append(Series(x[shown], y[shown], "rows", mark="points"))
    else:
        middle, ends = _along(x, y, weight)
        series.append(Series(middle, ends[:, 2], "middle 90%", low=ends[:, 0], high=ends[:, 4], mark="band"))
        series.append(Series(middle, ends[:, 2], "middle half", low=ends[:, 1], high=ends[:, 3], mark="band"))
        far = np.argsort(-np.abs(y), kind="stable")[:_EXTREME]
        series.append(Series(x[far], y[far], "rows furthest off", mark="points", emphasis="muted"))
    if trend:
        places, curve = lowess(x, y, weight)
        series.append(Series(places, curve, "trend"))
    return series


def bell(r: Residuals) -> list[Series]:
    """The histogram of residuals, and the normal density of their mean and deviation as rows in a bin."""
    middle, mass = histogram(r.residual, r.weight)
    mean, spread = moments(r.residual, r.weight)
    scale = spread if np.isfinite(spread) and spread > 0 else 1.0
    width = middle[1] - middle[0] if len(middle) > 1 else 1.0
    x = np.linspace(middle[0] - width / 2, middle[-1] + width / 2, 60)
    density = np.exp(-0.5 * ((x - mean) / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
    normal = Series(x, density * width * r.weight.sum(), "normal", emphasis="reference")
    return [Series(middle, mass, "rows", mark="bars"), normal]


def _along(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middles of bins of equal counts along x, and the 5%, 25%, 50%, 75% and 95% quantiles of y in each."""
    order = np.argsort(x, kind="stable")
    place = np.minimum((np.cumsum(weight[order]) / weight.sum() * _BINS).astype(int), _BINS - 1)
    edges = np.searchsorted(place, np.arange(_BINS + 1))
    bins = [order[a:b] for a, b in pairwise(edges) if b > a]
    middle = np.array([np.average(x[rows], weights=weight[rows]) for rows in bins])
    ends = np.array([weighted_quantile(y[rows], weight[rows], (0.05, 0.25, 0.5, 0.75, 0.95)) for rows in bins])
    apart = np.concatenate([[True], np.diff(middle) > 0])
    return middle[apart], ends[apart]
