"""Whether numbers look drawn from a normal distribution: tests, and quantiles beside those of the normal.

Values are Float[n] with weights Float[n]; a weight is how often a value counts. The mean and the deviation are those of
the values, which the p-values allow for.
"""

from __future__ import annotations

import math

import numpy as np

from mldsl.plugin.display import Series
from mldsl_plugins.reports._shared import moments, thin

_DRAWN, _ENDS = 400, 25


def shape(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Skewness and excess kurtosis, both 0 for the normal; NaN where values do not vary."""
    total = float(weight.sum())
    z = values - (weight * values).sum() / total
    spread = float((weight * z**2).sum() / total)
    if not spread > 0:
        return math.nan, math.nan
    third, fourth = (float((weight * z**k).sum() / total) for k in (3, 4))
    return third / spread**1.5, fourth / spread**2 - 3


def jarque_bera(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """n / 6 (skewness^2 + kurtosis^2 / 4) and its p by chi-square of two degrees of freedom.

    Jarque & Bera 1980, doi:10.1016/0165-1765(80)90024-5.
    """
    skewness, kurtosis = shape(values, weight)
    statistic = float(weight.sum()) / 6 * (skewness**2 + kurtosis**2 / 4)
    return statistic, math.exp(-statistic / 2)


def anderson_darling(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """A^2, which weighs the tails, and its p by the formulae of D'Agostino and Stephens (1986, table 4.9)."""
    from scipy.special import log_ndtr

    z, w, n = _standardized(values, weight)
    before = np.cumsum(w) - w
    # Of w equal values at places before + 1 .. before + w the factors 2 i - 1 add up to w (2 before + w).
    low, high = w * (2 * before + w), w * (2 * (n - before) - w)
    a = -n - float((low * log_ndtr(z) + high * log_ndtr(-z)).sum()) / n
    b = a * (1 + 0.75 / n + 2.25 / n**2)
    if b < 0.2:
        p = 1 - math.exp(-13.436 + 101.14 * b - 223.73 * b**2)
    elif b < 0.34:
        p = 1 - math.exp(-8.318 + 42.796 * b - 59.938 * b**2)
    elif b < 0.6:
        p = math.exp(0.9177 - 4.279 * b - 1.38 * b**2)
    else:
        p = math.exp(1.2937 - 5.709 * b + 0.0186 * b**2) if b <= 13 else 0.0
    return a, p


def lilliefors(values: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Kolmogorov's D, the largest distance of the distributions, and its p for an estimated mean and deviation.

    Below 0.1 by Dallal and Wilkinson (1986, doi:10.1080/00031305.1986.10475419), above by Stephens (1974,
    doi:10.1080/01621459.1974.10480196), as in R's nortest.
    """
    from scipy.special import ndtr

    z, w, n = _standardized(values, weight)
    share = np.cumsum(w) / n
    expected = ndtr(z)
    d = float(max((share - expected).max(), (expected - share + w / n).max()))
    size = min(n, 100.0)
    k = d if n <= 100 else d * (n / 100) ** 0.49
    p = math.exp(
        -7.01256 * k**2 * (size + 2.78019) + 2.99587 * k * math.sqrt(size + 2.78019) - 0.122119
        + 0.974598 / math.sqrt(size) + 1.67997 / size
    )  # fmt: skip
    if p > 0.1:
        k = (math.sqrt(n) - 0.01 + 0.85 / math.sqrt(n)) * d
        polynomials = (
            (0.302, (1.0,)), (0.5, (2.76773, -19.828315, 80.709644, -138.55152, 81.218052)),
            (0.9, (-4.901232, 40.662806, -97.490286, 94.029866, -32.355711)),
            (1.31, (6.198765, -19.558097, 23.186922, -12.234627, 2.423045)), (math.inf, (0.0,)),
        )  # fmt: skip
        terms = next(found for end, found in polynomials if k <= end)
        p = sum(c * k**i for i, c in enumerate(terms))
    return d, min(max(p, 0.0), 1.0)


def shapiro(values: np.ndarray, weight: np.ndarray, most: int = 5000) -> tuple[float, float, int]:
    """Shapiro and Wilk's W, p, and of how many values: evenly spaced quantiles of them beyond `most`.

    Royston 1995, doi:10.2307/2986146, is fit for up to 5,000 values.
    """
    from scipy.stats import shapiro as of

    order = np.argsort(values, kind="stable")
    repeated = np.repeat(values[order], np.maximum(np.round(weight[order]), 0).astype(int))
    chosen = repeated[thin(len(repeated), most)]
    found = of(chosen)
    return float(found.statistic), float(found.pvalue), len(chosen)


def _standardized(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Distinct values in order, standardized; how often each counts; how many there are."""
    value, place = np.unique(values, return_inverse=True)
    mean, deviation = moments(values, weight)
    return (value - mean) / deviation, np.bincount(place, weight, len(value)), float(weight.sum())


def quantile_series(z: np.ndarray, weight: np.ndarray, confidence: float = 0.95) -> list[Series]:
    """Sorted standardized values over the normal quantiles of their place, the line they would lie on, and a band.

    The band holds each by itself with the given confidence: the i-th of n has the quantiles of Beta(i, n - i + 1).
    """
    from scipy.special import betaincinv, ndtri

    order = np.argsort(z, kind="stable")
    mass = np.cumsum(weight[order])
    n = float(mass[-1])
    place = mass - weight[order] / 2 + 0.5  # the middle of the places that a value has
    ends = np.concatenate([np.arange(min(_ENDS, len(z))), np.arange(max(0, len(z) - _ENDS), len(z))])
    kept = thin(len(z), _DRAWN, ends)
    i = place[kept]
    x = ndtri((i - 0.5) / n)
    tail = (1 - confidence) / 2
    low, high = (ndtri(np.clip(betaincinv(i, n - i + 1, p), 1e-300, 1 - 1e-16)) for p in (tail, 1 - tail))
    reach = [float(x.min()), float(x.max())]
    return [
        Series(x, x, f"{100 * confidence:g}% of normal samples", low=low, high=high, mark="band", emphasis="muted"),
        Series(reach, reach, "", emphasis="reference"),
        Series(x, z[order][kept], "rows", mark="points"),
    ]
