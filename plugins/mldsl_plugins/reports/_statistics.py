"""Tail probabilities and quantiles of the normal and of Student's t distribution."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np


def two_sided_p(statistic: np.ndarray, degrees_of_freedom: float) -> np.ndarray:
    """The probability of a statistic at least as far from 0; normal where the degrees of freedom are infinite.

    NaN stays NaN. Accurate far into the tails: 1 - cdf would be 0 beyond 8 standard errors.
    """
    size = np.abs(np.asarray(statistic, float))
    if math.isinf(degrees_of_freedom):
        return np.array([math.erfc(z / math.sqrt(2)) for z in size.ravel()]).reshape(size.shape)
    from scipy.special import stdtr  # takes 0.1 s to import, and most runs have no use for it

    return np.asarray(2 * stdtr(degrees_of_freedom, -size))


def two_sided_quantile(confidence: float, degrees_of_freedom: float) -> float:
    """How many standard errors to both sides an interval of this confidence reaches."""
    upper = 0.5 + confidence / 2
    if math.isinf(degrees_of_freedom):
        return NormalDist().inv_cdf(upper)
    from scipy.special import stdtrit

    return float(stdtrit(degrees_of_freedom, upper))
