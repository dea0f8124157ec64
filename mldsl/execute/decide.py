"""Decisions after the fit that need rows the fit has not seen: the threshold of a classifier."""

from __future__ import annotations

import numpy as np

MOST_CANDIDATES = 200


def candidates(probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Thresholds worth trying for a positive-class probability [n]: midpoints of neighbouring distinct values.

    At most 200, evenly spread over the sorted values. Always as many, the last repeated, so that one compiled program
    serves every call.
    """
    values = np.unique(probability[(weight > 0) & np.isfinite(probability)])
    if len(values) < 2:
        points = np.array([0.5])
    else:
        points = (values[1:] + values[:-1]) / 2
        if len(points) > MOST_CANDIDATES:
            points = points[np.linspace(0, len(points) - 1, MOST_CANDIDATES).round().astype(int)]
    return np.concatenate([points, np.full(MOST_CANDIDATES - len(points), points[-1])])


def classes_at(probability: np.ndarray, positive: int | None, threshold: float | None) -> np.ndarray:
    """The class index of each row [n]: the most probable, or for a threshold the positive one at or above it."""
    if threshold is None or positive is None:
        return np.asarray(probability.argmax(axis=1))
    return np.where(probability[:, positive] >= threshold, positive, 1 - positive)


def best_threshold(points: np.ndarray, scores: np.ndarray, maximize: bool) -> float:
    """The candidate with the best score; of several, the one nearest to 0.5 (NaN scores never win)."""
    goodness = np.where(np.isfinite(scores), scores if maximize else -scores, -np.inf)
    top = goodness.max()
    tied = np.flatnonzero(goodness >= top - 1e-12)
    return float(points[tied[np.abs(points[tied] - 0.5).argmin()]])
