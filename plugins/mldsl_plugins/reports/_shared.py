"""What the reports share: how models, rows and parts are named, thinning, weighted statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mldsl.contract.views import ModelView, PartView
from mldsl.plugin.display import Column

_PARTS = {
    "test": "test rows",
    "folds": "rows predicted out of fold",
    "validation": "validation rows",
    "train": "training rows",
}


def model_column(models: Sequence[ModelView], names: Sequence[str]) -> list[Column]:
    """The column `model`, where there are several."""
    return [Column("model", list(names), "text")] if len(models) > 1 else []


def part_words(part: PartView) -> str:
    """The rows of a part in words: `30 test rows`."""
    if part.name == "all":
        return f"all {len(part.weight):,} rows"
    return f"{len(part.weight):,} {_PARTS.get(part.name, part.name + ' rows')}"


def parts_words(models: Sequence[ModelView]) -> str:
    """The rows that count, of all models together: they agree unless a model was left without some part."""
    return "; ".join(dict.fromkeys(part_words(m.held_out) for m in models))


def thin(n: int, most: int, always: np.ndarray | None = None) -> np.ndarray:
    """At most about `most` of `n` rows, evenly spaced and in order, with those of `always`."""
    chosen = np.arange(n) if n <= most else np.unique(np.linspace(0, n - 1, most).round().astype(int))
    return chosen if always is None else np.union1d(chosen, always)


def weighted_quantile(values: np.ndarray, weight: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Quantiles of type 7 of the sample in which every value is repeated by its weight."""
    if len(values) and np.all(weight == 1):
        return np.asarray(np.quantile(values, shares))  # selects instead of sorting
    order = np.argsort(values, kind="stable")
    value, mass = values[order], np.cumsum(weight[order])
    if not len(value) or mass[-1] <= 0:
        return np.full(len(shares), np.nan)
    place = np.asarray(shares, float) * (mass[-1] - 1)
    low = np.minimum(np.searchsorted(mass, np.floor(place), side="right"), len(value) - 1)
    high = np.minimum(np.searchsorted(mass, np.floor(place) + 1, side="right"), len(value) - 1)
    return np.asarray(value[low] + (place - np.floor(place)) * (value[high] - value[low]))


def moments(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) of weighted values; NaN where there are too few."""
    total = float(weight.sum())
    if total <= 0:
        return float("nan"), float("nan")
    mean = float((weight * values).sum() / total)
    if total <= 1:
        return mean, float("nan")
    return mean, float(np.sqrt((weight * (values - mean) ** 2).sum() / (total - 1)))


def histogram(values: np.ndarray, weight: np.ndarray, most: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Middles and weights of equal bins, as many as Freedman and Diaconis (1981) advise, between 8 and `most`."""
    if not len(values):
        return np.zeros(0), np.zeros(0)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low]), np.array([weight.sum()])
    quartile = weighted_quantile(values, weight, (0.25, 0.75))
    width = 2 * (quartile[1] - quartile[0]) / max(float(weight.sum()), 1.0) ** (1 / 3)
    bins = int(np.clip(np.ceil((high - low) / width) if width > 0 else most, 8, most))
    distinct = np.unique(values) if len(values) < 100_000 else values[:0]
    if 0 < len(distinct) <= most and np.all(distinct == np.round(distinct)) and high - low < most:
        edges = np.arange(low - 0.5, high + 1.0)  # counts: a bar for each whole number
    else:
        edges = np.linspace(low, high, bins + 1)
    mass, _ = np.histogram(values, edges, weights=None if np.all(weight == 1) else weight)
    return (edges[1:] + edges[:-1]) / 2, mass


def shown_number(value: float, digits: int = 4) -> str:
    """A number within a sentence: `digits` significant ones, all of those before the point: 33.6, 9,513."""
    if not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{digits}g}".replace("inf", "∞").replace("-", "−")
    whole = abs(value) >= 10 ** (digits - 1)
    return (f"{value:,.0f}" if whole else f"{value:.{digits}g}").replace("-", "−")


def attribute(value: Any, name: str) -> Any:
    """A field of an algorithm's Params or Info as a NumPy array, None if it has no such field."""
    found = getattr(value, name, None)
    return None if found is None else np.asarray(found)
