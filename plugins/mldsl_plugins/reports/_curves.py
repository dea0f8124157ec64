"""What changes as a threshold falls: rates, precision and recall, cumulative gains; areas and corners of curves."""

from __future__ import annotations

import numpy as np


def found(positive: np.ndarray, score: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of the positive and of the other rows that score at least each threshold, and the thresholds, falling.

    Rows of equal score come together, so there is one threshold for each distinct score.
    """
    order = np.argsort(-score, kind="stable")
    score, hit, mass = score[order], positive[order].astype(float), weight[order].astype(float)
    last = np.flatnonzero(np.diff(score, append=np.nan) != 0)
    return np.cumsum(hit * mass)[last], np.cumsum((1 - hit) * mass)[last], score[last]


def roc(positive: np.ndarray, score: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False positive rate, true positive rate and threshold, from the strictest threshold to the loosest.

    Rows of equal score change sides together, so ties are straight lines. The first point is (0, 0) at infinity. Rates
    are NaN where there is no row of that side.
    """
    true, false, threshold = found(positive, score, weight)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = [np.concatenate([[0.0], v / v[-1] if len(v) else v]) for v in (false, true)]
    return rates[0], rates[1], np.concatenate([[np.inf], threshold])


def precision_recall(
    positive: np.ndarray, score: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and threshold, from the strictest threshold that finds a row of weight to the loosest."""
    true, false, threshold = found(positive, score, weight)
    some = true + false > 0
    true, false = true[some], false[some]
    return true / (true + false), true / true[-1], threshold[some]


def area(x: np.ndarray, y: np.ndarray) -> float:
    """The area under a polyline by trapezoids."""
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def corners(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The points of a polyline that are not in the middle of a straight run: the same curve with fewer points."""
    if len(x) <= 2:
        return np.arange(len(x))
    dx, dy = np.diff(x), np.diff(y)
    bends = dx[:-1] * dy[1:] != dx[1:] * dy[:-1]
    return np.concatenate([[0], np.flatnonzero(bends) + 1, [len(x) - 1]])
