"""Reliability of probabilities: what was said against what happened, over bins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Reliability(NamedTuple):
    """By bin [b]: the rows (their weight), their mean probability, the share in which it happened.

    Both are NaN in empty bins.
    """

    rows: np.ndarray
    said: np.ndarray
    happened: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of both, a bin counting by its rows."""
        distance = np.abs(np.where(self.rows > 0, self.said - self.happened, 0))
        return float((self.rows * distance).sum() / self.rows.sum()) if self.rows.sum() > 0 else float("nan")


def reliability(
    probability: np.ndarray, happened: np.ndarray, weight: np.ndarray, edges: np.ndarray | None = None
) -> Reliability:
    """Of a probability [n], of what happened [n] (0 or 1), and of weights [n]; bins are closed above.

    `edges` [b + 1] rise; by default ten bins of equal width.
    """
    edges = np.linspace(0, 1, 11) if edges is None else edges
    place, bins = np.searchsorted(edges[1:-1], probability, side="left"), len(edges) - 1
    rows, said, hit = (np.bincount(place, values, bins) for values in (weight, weight * probability, weight * happened))
    with np.errstate(invalid="ignore", divide="ignore"):
        return Reliability(rows, said / rows, hit / rows)


def class_probability(
    probability: np.ndarray, target: np.ndarray, positive: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """The probability [n] whose reliability is one number, and whether it came true.

    That of the positive class; with several classes and none of them positive, the largest of each row.
    """
    if positive is None:
        return probability.max(axis=1), probability.argmax(axis=1) == target
    return probability[:, positive], target == positive
