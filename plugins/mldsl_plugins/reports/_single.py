"""How much of the target a single column tells, on rows that were not looked at.

A number is cut into bins of equal counts, whose mean targets are joined by straight lines; any other column answers
with the mean target of its value, drawn towards the overall mean by as much as two rows would. Both are learned on the
training rows of each fold and asked about the rows it holds out. The score is the share of the target's variance that
the answers explain; of classes, of the variance of the indicators of all classes (Brier's score against the shares).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_SHRUNK = 2.0  # rows
_BINS = 50


def targets(view: Any) -> np.ndarray:
    """The target as numbers [n, k]: itself, or an indicator for each class; NaN where it is missing."""
    from mldsl_plugins.reports._columns import texts, values

    if view.levels:
        level = texts(view.frame, view.target)
        return np.column_stack([(level == k).fill_null(value=False).to_numpy() for k in view.levels]).astype(float)
    return values(view.frame, view.target)[:, None]


def single_score(column: np.ndarray, number: bool, target: np.ndarray, folds: Sequence[Any]) -> float:
    """The share of variance explained on held-out rows; at most 1, below 0 where it misleads, NaN without any."""
    error = total = 0.0
    for fold in folds:
        train, held = np.flatnonzero(fold.train), np.flatnonzero(fold.held)
        mean = target[train].mean(axis=0)
        said = (_line if number else _means)(column[train], target[train], column[held], mean)
        error += float(((target[held] - said) ** 2).sum())
        total += float(((target[held] - mean) ** 2).sum())
    return 1 - error / total if total > 0 else float("nan")


def _means(x: np.ndarray, y: np.ndarray, asked: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """By value: codes Int[n]."""
    size = int(max(x.max(initial=0), asked.max(initial=0))) + 1
    count = np.bincount(x, minlength=size)[:, None]
    sums = np.column_stack([np.bincount(x, y[:, k], size) for k in range(y.shape[1])])
    return np.asarray(((sums + _SHRUNK * mean) / (count + _SHRUNK))[asked])


def _line(x: np.ndarray, y: np.ndarray, asked: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Of a number: lines between the means of bins; missing cells have a mean of their own."""
    known = np.isfinite(x)
    out = np.tile(mean, (len(asked), 1))
    if (~known).any():
        out[:] = (y[~known].sum(axis=0) + _SHRUNK * mean) / ((~known).sum() + _SHRUNK)
    here = np.isfinite(asked)
    if not known.any():
        return out
    value, place, count = np.unique(x[known], return_inverse=True, return_counts=True)
    bins = int(np.clip(known.sum() // 5, 5, _BINS))
    if len(value) > bins:  # values that are equal stay together
        before = np.cumsum(count) - count
        cut = (before * bins) // known.sum()
        place = np.unique(cut, return_inverse=True)[1][place]
    size = int(place.max()) + 1
    mass = np.bincount(place, minlength=size)
    centre = np.bincount(place, x[known], size) / mass
    for k in range(y.shape[1]):
        middle = np.bincount(place, y[known, k], size) / mass
        out[here, k] = np.interp(asked[here], centre, middle)
    return out


def leave_one_out(code: np.ndarray, target: np.ndarray) -> float:
    """The share of variance that the mean target of the other rows of one level explains, where there are others."""
    size = np.bincount(code)[code]
    others = size > 1
    if not others.any():
        return 0.0
    error = total = 0.0
    for y in target.T:
        sums = np.bincount(code, y)[code]
        said = (sums[others] - y[others]) / (size[others] - 1)
        error += float(((y[others] - said) ** 2).sum())
        total += float(((y[others] - y.mean()) ** 2).sum())
    return 1 - error / total if total > 0 else 0.0
