"""Tail probabilities and quantiles of the normal, of Student's t, of F and chi-square."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import numpy as np

Correction = Literal["holm", "bonferroni", "benjamini_hochberg", "none"]


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


def f_p(statistic: float, numerator: float, denominator: float) -> float:
    """The probability of an F at least as large, with these degrees of freedom; NaN without any."""
    if not (math.isfinite(statistic) and numerator > 0 and denominator > 0):
        return math.nan
    if math.isinf(denominator):
        return chi_square_p(statistic * numerator, numerator)
    from scipy.special import fdtrc

    return float(fdtrc(numerator, denominator, max(statistic, 0.0)))


def chi_square_p(statistic: float, degrees_of_freedom: float) -> float:
    """The probability of a chi-square at least as large; NaN without degrees of freedom."""
    if not (math.isfinite(statistic) and degrees_of_freedom > 0):
        return math.nan
    from scipy.special import chdtrc

    return float(chdtrc(degrees_of_freedom, max(statistic, 0.0)))


def corrected_t(values: np.ndarray, train_share: float, confidence: float = 0.95) -> tuple[float, float]:
    """The corrected resampled t interval of the mean of values [folds], which share training rows; NaN for one.

    Nadeau & Bengio 2003, doi:10.1023/A:1024068626366: the variance of the mean is (1/J + (1 - share) / share) s^2.
    """
    known = np.asarray(values, float)[np.isfinite(values)]
    if len(known) < 2 or not 0 < train_share < 1:
        return math.nan, math.nan
    error = math.sqrt((1 / len(known) + (1 - train_share) / train_share) * float(known.var(ddof=1)))
    reach = two_sided_quantile(confidence, len(known) - 1) * error
    return float(known.mean()) - reach, float(known.mean()) + reach


def corrected(p: np.ndarray, method: Correction) -> np.ndarray:
    """p-values [m] of m tests made at once; NaN is no test.

    `holm` and `bonferroni` bound the chance of any false alarm, `benjamini_hochberg` the share of false ones among
    those called. Holm 1979, jstor:4615733; Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    out = np.array(p, float)
    known = np.flatnonzero(np.isfinite(out))
    if method == "none" or not len(known):
        return out
    order = known[np.argsort(out[known], kind="stable")]
    sorted_p, m = out[order], len(order)
    if method == "bonferroni":
        out[order] = sorted_p * m
    elif method == "holm":
        out[order] = np.maximum.accumulate(sorted_p * np.arange(m, 0, -1))
    else:
        raised = sorted_p * m / np.arange(1, m + 1)
        out[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return np.minimum(out, 1.0)


def wilson(share: np.ndarray, rows: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The ends of Wilson's interval of shares of so many rows. Wilson 1927, doi:10.1080/01621459.1927.10502953."""
    with np.errstate(invalid="ignore", divide="ignore"):
        z = two_sided_quantile(confidence, math.inf) ** 2 / rows
        middle = (share + z / 2) / (1 + z)
        half = np.sqrt(share * (1 - share) * z + z**2 / 4) / (1 + z)
    return middle - half, middle + half
