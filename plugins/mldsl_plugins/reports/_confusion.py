"""Rows by actual and predicted class."""

from __future__ import annotations

import numpy as np

from mldsl.contract.views import PartView


def confusion(part: PartView, classes: int) -> np.ndarray:
    """Weights by actual class (rows) and predicted class (columns): [classes, classes]."""
    if part.target is None or part.prediction is None:
        return np.zeros((classes, classes))
    cell = part.target.astype(int) * classes + part.prediction.astype(int)
    return np.bincount(cell, part.weight.astype(float), classes**2).reshape(classes, classes)
