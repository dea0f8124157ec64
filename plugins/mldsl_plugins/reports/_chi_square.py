"""Whether two groupings of rows are independent: Pearson's chi-square."""

from __future__ import annotations

import numpy as np


def chi_square(table: np.ndarray) -> tuple[float, float]:
    """The p-value and Cramér's V of a table of counts [a, b]; NaN where it has a single row or column.

    Sources: Pearson 1900, doi:10.1080/14786440009463897; Cramér 1946, Mathematical Methods of Statistics.
    """
    from scipy.special import chdtrc  # takes 0.1 s to import, and most runs have no use for it

    counts = np.asarray(table, float)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape, default=0) < 2:
        return float("nan"), float("nan")
    total = counts.sum()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    return float(chdtrc(degrees, statistic)), float(np.sqrt(statistic / total / (min(counts.shape) - 1)))
