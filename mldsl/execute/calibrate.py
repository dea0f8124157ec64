"""Calibration: probabilities made to come true, learned from answers for rows that the fit has not seen.

    sigmoid      p = 1 / (1 + exp(-(a m + b))) of the margin m, by weighted likelihood with Platt's targets
    isotonic     p a step-wise rising function of m of least weighted squares, straight between its corners
    temperature  p = softmax(z / T), T the one number of greatest weighted likelihood; ranks of classes stay

The margin m is the model's own where it gives margins and no probabilities (of two classes: what that of the second
is greater than that of the first); the log-odds of a class against the others where its scores are logarithms of
probabilities; else its probability. Several classes: sigmoid and isotonic one class against the rest, then divided by
their sum; where that is 0 all classes are equally likely. z are the scores, else the logarithms of the probabilities.
Rows without a finite answer and rows of classes that were not trained on teach nothing.

Nothing is learned (None) unless every class has rows among those that choose: probabilities then stay as they are, and
margins become the softmax of themselves (`Unlearned`), which is said.

Shapes:  n rows, k classes, m margins (1 for two classes, else k). O(n log n) a margin. All in float64.
Sources: Platt 1999, Advances in Large Margin Classifiers; Lin, Lin & Weng 2007, doi:10.1007/s10994-007-5018-6;
         Zadrozny & Elkan 2002, doi:10.1145/775047.775151; Guo et al. 2017, ICML (arXiv:1706.04599).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mldsl.contract import Prediction

NEWTON_STEPS = 100
_LOG_ENDS = (-10.0, 10.0)  # of 1 / T


class Sigmoid(NamedTuple):
    """Slope and intercept of each margin, [m]."""

    slope: np.ndarray
    intercept: np.ndarray


class Isotonic(NamedTuple):
    """The corners of each margin's function: where (rising), and its value there; one array a margin."""

    margin: tuple[np.ndarray, ...]
    value: tuple[np.ndarray, ...]


class Temperature(NamedTuple):
    """What scores are divided by, []."""

    temperature: np.ndarray


class Unlearned(NamedTuple):
    """Margins of which nothing could be learned: probabilities are their softmax."""


Calibrator = Sigmoid | Isotonic | Temperature | Unlearned


def learn(method: str, prediction: Prediction, target: np.ndarray, weight: np.ndarray, k: int) -> Calibrator | None:
    """The calibrator for the answers to n rows, of class `target` [n] (-1: none of the k) and `weight` [n]."""
    scores = _scores(prediction, k)[: len(target)]
    there = (weight > 0) & (target >= 0) & np.isfinite(scores).all(axis=1)
    target, weight = target[there], weight[there].astype(np.float64)
    if (np.bincount(target, weight, k) <= 0).any():
        return None if prediction.probability is not None else Unlearned()
    if method == "temperature":
        return _temperature(scores[there], target, weight)
    margins = _margins(prediction, k)[: len(there)][there]
    happened = [target == c for c in ([1] if k == 2 else range(k))]
    if method == "sigmoid":
        found = [_sigmoid(m, hit, weight) for m, hit in zip(margins.T, happened, strict=True)]
        return Sigmoid(np.array([slope for slope, _ in found]), np.array([intercept for _, intercept in found]))
    corners = [_isotonic(m, hit, weight) for m, hit in zip(margins.T, happened, strict=True)]
    return Isotonic(tuple(x for x, _ in corners), tuple(y for _, y in corners))


def calibrated(calibrator: Calibrator | None, prediction: Prediction, k: int) -> Prediction:
    """The prediction with calibrated probabilities of its k classes; all else, scores too, as it was."""
    if calibrator is None:
        return prediction
    given: Any = prediction.probability if prediction.probability is not None else prediction.score
    if isinstance(calibrator, Temperature | Unlearned):
        temperature = 1 if isinstance(calibrator, Unlearned) else calibrator.temperature
        probability: Any = _softmax(_scores(prediction, k) / temperature)
    else:
        margins = _margins(prediction, k)
        if isinstance(calibrator, Sigmoid):
            one = _expit(margins * calibrator.slope + calibrator.intercept)
        else:
            functions = zip(margins.T, calibrator.margin, calibrator.value, strict=True)
            one = np.stack([np.interp(m, x, y) for m, x, y in functions], axis=1)
        probability = np.concatenate([1 - one, one], axis=1) if k == 2 else _shares(one)
    return prediction._replace(probability=probability.astype(given.dtype))


# ---- what is looked at -----------------------------------------------------------------------------------------------
def _scores(prediction: Prediction, k: int) -> np.ndarray:
    """One number a class, [n, k]: scores, else logarithms of probabilities."""
    if prediction.score is not None:
        score = np.asarray(prediction.score)
        wide = score if score.ndim == 2 else np.stack([np.zeros_like(score), score], axis=1)
        return np.asarray(wide, np.float64)
    probability = np.asarray(prediction.probability)
    assert probability.shape[1] == k
    least = np.finfo(probability.dtype).eps
    return np.asarray(np.log(np.maximum(probability.astype(np.float64), least)))


def _margins(prediction: Prediction, k: int) -> np.ndarray:
    """What tells a class from the rest, [n, m]: of the positive class for two, else of each."""
    if prediction.score is None:
        probability = np.asarray(prediction.probability, np.float64)
        return probability[:, 1:] if k == 2 else probability
    scores = _scores(prediction, k)
    if k == 2:
        return np.asarray(scores[:, 1:] - scores[:, :1])
    if prediction.probability is None:
        return scores
    return np.stack([scores[:, c] - _log_sum(np.delete(scores, c, axis=1)) for c in range(k)], axis=1)


def _log_sum(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp.reduce(z, axis=1))


def _softmax(z: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(z - _log_sum(z)[:, None]))


def _expit(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def _shares(values: np.ndarray) -> np.ndarray:
    total = values.sum(axis=1, keepdims=True)
    equal = np.full_like(values, 1 / values.shape[1])
    return np.asarray(np.divide(values, total, out=equal, where=total != 0))


# ---- the three fits --------------------------------------------------------------------------------------------------
def _sigmoid(margin: np.ndarray, happened: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and intercept by Newton's method on standardised margins; convex, and finite thanks to the targets."""
    positive, negative = weight @ happened, weight @ ~happened
    target = np.where(happened, (positive + 1) / (positive + 2), 1 / (negative + 2))
    center = np.average(margin, weights=weight)
    scale = np.sqrt(np.average((margin - center) ** 2, weights=weight)) or 1.0
    x = np.stack([(margin - center) / scale, np.ones_like(margin)], axis=1)

    def loss(b: np.ndarray) -> float:
        logit = x @ b
        return float(weight @ (np.logaddexp(0, logit) - target * logit))

    b = np.array([0.0, np.log((positive + 1) / (negative + 1))])
    for _ in range(NEWTON_STEPS):
        p = _expit(x @ b)
        gradient = x.T @ (weight * (p - target))
        hessian = (x.T * (weight * p * (1 - p))) @ x
        # Margins that are all equal have no slope: the least bit of curvature keeps it at 0.
        step = np.linalg.solve(hessian + 1e-12 * (1 + np.trace(hessian)) * np.eye(2), gradient)
        size, at = 1.0, loss(b)
        while loss(b - size * step) > at and size > 1e-8:
            size /= 2
        b = b - size * step
        if np.abs(step).max() < 1e-12 * (1 + np.abs(b).max()):
            break
    return float(b[0] / scale), float(b[1] - b[0] * center / scale)


def _isotonic(margin: np.ndarray, happened: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the rising function: of each level its first and its last margin."""
    from scipy.optimize import isotonic_regression

    x, place = np.unique(margin, return_inverse=True)
    mass = np.bincount(place, weight)
    fitted = isotonic_regression(np.bincount(place, weight * happened) / mass, weights=mass)
    y = np.clip(fitted.x, 0, 1)
    inside = np.zeros(len(y), bool)
    inside[1:-1] = (y[1:-1] == y[:-2]) & (y[1:-1] == y[2:])
    return x[~inside], y[~inside]


def _temperature(scores: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Temperature:
    """T where the likelihood's slope in 1 / T, which only falls, is 0; an end where it has no such place."""
    from scipy.optimize import brentq

    own = np.take_along_axis(scores, target[:, None], axis=1)[:, 0]

    def slope(log_inverse: float) -> float:
        return float(weight @ (own - (_softmax(scores * np.exp(log_inverse)) * scores).sum(axis=1)))

    low, high = _LOG_ENDS
    if slope(low) <= 0:
        at = low
    elif slope(high) >= 0:
        at = high
    else:
        at = brentq(slope, low, high, xtol=1e-13, rtol=1e-13)
    return Temperature(np.asarray(np.exp(-at)))


def said_of(calibrator: Calibrator | None) -> dict[str, Any]:
    """The numbers of a calibrator, for the record."""
    match calibrator:
        case Sigmoid():
            return {"slope": calibrator.slope.tolist(), "intercept": calibrator.intercept.tolist()}
        case Isotonic():
            return {"corners": [len(x) for x in calibrator.margin]}
        case Temperature():
            return {"temperature": float(calibrator.temperature)}
    return {}
