"""Decisions after the fit that need rows the fit has not seen: the thresholds of a classifier.

Two classes have one threshold, t: a row is positive where p >= t. More classes have one each, t [k], positive and
summing to 1: the answer is the class of the largest p_c / t_c, so that a class of a low threshold is said more readily.
Equal thresholds say the most probable class, and for two classes (1 - t, t) says the same as t.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mldsl.contract import Prediction

MOST_CANDIDATES = 200
CLASS_CANDIDATES = 64  # of one class of several: each is looked at in every sweep
SWEEPS = 10  # over all classes; most searches are over after three
_BETTER = 1e-12
_FAR = 1e12  # thresholds further apart than this say nothing that nearer ones do not

Threshold = float | tuple[float, ...] | None
Scores = Callable[[np.ndarray], np.ndarray]  # thresholds [c] or [c, k] -> what the metric says at each, [c]


def by_class(prediction: Prediction, k: int) -> Any:
    """What tells the k classes of a row apart, [..., k]: probabilities, else margins; None where there are no classes.

    A margin model knows no threshold: the class is the one of the greatest margin.
    """
    return prediction.probability if prediction.probability is not None or not k else prediction.score


def classes_at(probability: np.ndarray, positive: int | None, threshold: Threshold) -> np.ndarray:
    """The class index of each row [n]: the most probable, or the one that the thresholds say."""
    if isinstance(threshold, tuple):
        return np.asarray((probability * factors(np.asarray(threshold), probability.dtype)).argmax(axis=1))
    if threshold is None and probability.shape[1] == 2:  # as argmax, in a tenth of its time
        return np.asarray(probability[:, 1] > probability[:, 0]).astype(np.intp)
    if threshold is None or positive is None:
        return np.asarray(probability.argmax(axis=1))
    return np.where(probability[:, positive] >= threshold, positive, 1 - positive)


def factors(thresholds: np.ndarray, dtype: np.typing.DTypeLike) -> np.ndarray:
    """1 / t, what probabilities are multiplied by: a product rounds alike on the host and on every device."""
    return np.asarray(1 / thresholds, dtype)


def choose_threshold(probability: np.ndarray, weight: np.ndarray, scores: Scores, maximize: bool) -> Threshold:
    """The threshold (two classes) or thresholds (more) with the best score on the rows of weight above 0.

    Never worse there than the most probable class. `probability` [n, k]; `scores` is asked for 200 at a
    time, of several classes for 64.
    """
    if probability.shape[1] == 2:
        points = candidates(probability[:, 1], weight)
        return best_threshold(points, scores(points), maximize)
    return best_thresholds(probability, weight, scores, maximize)


def candidates(probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Thresholds worth trying for a positive-class probability [n]: midpoints of neighbouring distinct values.

    And 0.5, one below all values, one above all. At most 200, evenly spread over the sorted values. Always as many, the
    last repeated, so that one compiled program serves every call.
    """
    values = np.unique(probability[(weight > 0) & np.isfinite(probability)].astype(np.float64))
    if not len(values):
        return np.full(MOST_CANDIDATES, 0.5)
    ends = np.array([values[0] / 2, 0.5, (values[-1] + 1) / 2])
    middle = _spread((values[1:] + values[:-1]) / 2, MOST_CANDIDATES - len(ends))
    points = np.unique(np.concatenate([ends, middle]))
    points = points[(points > 0) & (points < 1)]
    return np.concatenate([points, np.full(MOST_CANDIDATES - len(points), points[-1])])


def best_threshold(points: np.ndarray, scores: np.ndarray, maximize: bool) -> float:
    """The candidate with the best score; of several, the one nearest to 0.5 (NaN scores never win)."""
    goodness = _goodness(scores, maximize)
    tied = np.flatnonzero(goodness >= goodness.max() - _BETTER)
    return float(points[tied[np.abs(points[tied] - 0.5).argmin()]])


def best_thresholds(probability: np.ndarray, weight: np.ndarray, scores: Scores, maximize: bool) -> tuple[float, ...]:
    """Thresholds [k] by coordinate ascent: one class at a time, over the values at which rows change sides.

    It starts from the better of equal thresholds and the classes' mean probabilities (which say the class that gained
    most over its prior), takes strict improvements only, and ends with a sweep that brings none.
    """
    there = (weight > 0) & np.isfinite(probability).all(axis=1)
    p, k = probability[there].astype(np.float64), probability.shape[1]
    equal = np.full(k, 1 / k)
    mean = np.average(p, axis=0, weights=weight[there]) if len(p) else equal
    starts = np.stack([equal, _summing_to_1(np.maximum(mean, 1 / _FAR))])
    goodness = _tried(starts, scores, maximize)
    at = starts[1] if goodness[1] > goodness[0] + _BETTER else starts[0]
    best = float(goodness.max())
    for _ in range(SWEEPS):
        before = best
        for c in range(k):
            points = _moves(p, at, c)
            goodness = _tried(points, scores, maximize)
            if goodness.max() > best + _BETTER:
                best = float(goodness.max())
                tied = points[goodness >= best - _BETTER]
                # The least change of those that are best.
                at = tied[np.abs(np.log(tied[:, c] / at[c])).argmin()]
        if best <= before + _BETTER:
            break
    return tuple(float(t) for t in at)


def _moves(p: np.ndarray, at: np.ndarray, c: int) -> np.ndarray:
    """Thresholds [m, k] with other values for class c: between those at which a row goes over to c, and beyond all.

    Two thirds of them are spread over all such values, the others over those near the present one.
    """
    rest = np.delete(p / at, c, axis=1).max(axis=1) if len(p) else np.ones(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        turns = p[:, c] / rest
    turns = np.unique(turns[(turns > 1 / _FAR) & (turns < _FAR)])
    if not len(turns):
        return at[None, :]
    between = np.sqrt(turns[1:] * turns[:-1])
    here, width = int(np.searchsorted(between, at[c])), len(between) // 20
    few = CLASS_CANDIDATES // 3
    near = _spread(between[max(here - width, 0) : here + width], few)
    values = np.unique(
        np.concatenate([turns[:1] / 2, _spread(between, CLASS_CANDIDATES - few - 2), near, turns[-1:] * 2])
    )
    points = np.repeat(at[None, :], len(values), axis=0)
    points[:, c] = values
    return _summing_to_1(points)


def _tried(points: np.ndarray, scores: Scores, maximize: bool) -> np.ndarray:
    """How good the points [m, k] are, asked for as always equally many."""
    padded = np.concatenate([points, np.repeat(points[-1:], CLASS_CANDIDATES - len(points), axis=0)])
    return _goodness(scores(padded)[: len(points)], maximize)


def _goodness(scores: np.ndarray, maximize: bool) -> np.ndarray:
    return np.where(np.isfinite(scores), scores if maximize else -scores, -np.inf)


def _summing_to_1(points: np.ndarray) -> np.ndarray:
    return np.asarray(points / points.sum(axis=-1, keepdims=True))


def _spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of sorted values, evenly spread over their places."""
    if len(values) <= most:
        return values
    return np.asarray(values[np.linspace(0, len(values) - 1, most).round().astype(int)])
