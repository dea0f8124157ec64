"""Correlations of all pairs of columns, each pair over the rows in which both are present, rows weighted.

A weight is how often a row counts: every function gives what it would of the rows repeated so often. Matrices are
x Float[n, d] with NaN where a cell is missing, and weight Float[n] above 0.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from mldsl_plugins.reports._statistics import two_sided_p, two_sided_quantile

Method = Literal["pearson", "spearman", "kendall"]
_WORK = 2.5e9  # products of signs that all pairs of rows and columns may take: a few seconds
_BLOCK = 1e6  # signs at a time
_RANKED_ANEW = 2e7  # rows times pairs of columns


def counts(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How many rows each pair of columns has: [d, d]."""
    known = np.isfinite(x).astype(float)
    return np.asarray((known * weight[:, None]).T @ known)


def pearson(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Pearson's r [d, d]; NaN where one of the two does not vary. O(n d^2)."""
    known = np.isfinite(x)
    mass = known.T @ weight
    filled = np.where(known, x, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(known, filled - (weight @ filled) / mass, 0)
        scale = np.sqrt((weight @ z**2) / mass)
        constant = scale <= 1e-13 * np.abs(filled).max(axis=0, initial=0.0)
        z /= np.where(scale > 0, scale, 1)
        if known.all():
            r = (z * weight[:, None]).T @ z / mass[:, None]
        else:
            r = _pairwise(z, known.astype(float), weight)
    r = np.where(constant[:, None] | constant[None, :], np.nan, np.clip(r, -1, 1))
    np.fill_diagonal(r, np.where(constant, np.nan, 1.0))
    return r


def _pairwise(z: np.ndarray, known: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """From sums over the rows that both columns have. `z` is standardized over a column's own rows, so that little
    cancels, and 0 where missing."""
    w = weight[:, None]
    mass = (known * w).T @ known
    first, second, product = (z * w).T @ known, (z**2 * w).T @ known, (z * w).T @ z
    spread = second - first**2 / mass
    covariance = product - first * first.T / mass
    bottom = np.sqrt(np.maximum(spread * spread.T, 0))
    return np.asarray(np.where(bottom > 1e-12 * mass, covariance / bottom, np.nan))


def ranked_anew(x: np.ndarray) -> bool:
    """Whether ranks are taken anew within the rows that each pair of columns has; else a column is ranked once."""
    some = (~np.isfinite(x)).any(axis=0).sum()
    return bool(0 < some * x.shape[1] * len(x) <= _RANKED_ANEW)


def spearman(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Pearson's r of the ranks: within the rows that both columns have, or of all that a column has where that would
    take long. O(d n log n + d^2 n)."""
    known = np.isfinite(x)
    orders = np.argsort(x, axis=0, kind="stable")
    own = np.column_stack([_ranks(x[:, j], orders[:, j], known[:, j], weight) for j in range(x.shape[1])])
    r = pearson(own, weight)
    some = ~known.all(axis=0) & ranked_anew(x)
    for i in range(x.shape[1]):
        for j in range(i):
            if (some[i] or some[j]) and not np.array_equal(known[:, i], known[:, j]):
                both = known[:, i] & known[:, j]
                pair = [_ranks(x[:, k], orders[:, k], both, weight) for k in (i, j)]
                r[i, j] = r[j, i] = pearson(np.column_stack(pair)[both], weight[both])[0, 1] if both.any() else np.nan
    return r


def _ranks(x: np.ndarray, order: np.ndarray, chosen: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The mean rank of each value in the sample repeated by weight; NaN for rows that are not chosen."""
    out = np.full(len(x), np.nan)
    places = order[chosen[order]]
    if not len(places):
        return out
    group = np.concatenate([[0], np.cumsum(np.diff(x[places]) != 0)])
    mass = np.bincount(group, weight[places])
    out[places] = (np.cumsum(mass) - mass + (mass + 1) / 2)[group]
    return out


def kendall_rows(d: int) -> int:
    """Of how many rows all pairs are counted: more of them take too long."""
    return int(np.clip(math.sqrt(_WORK / max(d, 1) ** 2), 1000, 20_000))


def kendall(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kendall's tau-b [d, d] and its z, by normal approximation with the variance of ties. O(n^2 d^2).

    Every pair of rows is concordant, discordant or tied: a product of signs.
    """
    n, d = x.shape
    known = np.isfinite(x)
    agree, untied = np.zeros((d, d)), np.zeros((d, d))
    step = max(1, int(_BLOCK / max(n * d, 1)))
    exact = np.float32 if np.all(weight == 1) else np.float64  # what is summed are whole numbers below 2^24
    columns, here, w = np.ascontiguousarray(x.T), np.ascontiguousarray(known.T), weight.astype(exact)
    for start in range(0, n, step):
        rows, after = slice(start, start + step), slice(start, n)
        with np.errstate(invalid="ignore"):
            first, second = columns[:, rows, None], columns[:, None, after]
            sign = (first > second).astype(exact)
            sign -= first < second  # a comparison with a missing cell is false
        sign = sign.reshape(d, -1)
        both = np.outer(w[rows], w[after])
        both[:, :step] /= 2  # rows of one block meet twice
        weighted = sign * both.ravel()
        agree += 2 * (weighted @ sign.T)
        weighted *= sign
        if known.all():
            untied += 2 * weighted.sum(axis=1, dtype=float)[:, None]
        else:
            present = here[:, rows, None] & here[:, None, after]
            untied += 2 * (weighted @ present.reshape(d, -1).T.astype(exact))
    bottom = np.sqrt(untied * untied.T)
    tau = np.where(bottom > 0, agree / np.where(bottom > 0, bottom, 1), np.nan)
    return np.clip(tau, -1, 1), _kendall_z(agree / 2, x, known, weight)


def _kendall_z(score: np.ndarray, x: np.ndarray, known: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The score (concordant less discordant pairs) over its standard deviation where columns are independent."""
    d = x.shape[1]
    z = np.full((d, d), np.nan)
    whole = known.all(axis=0)
    alone = [_ties(x[:, j], weight) if whole[j] else None for j in range(d)]
    for i in range(d):
        for j in range(i + 1):
            both = known[:, i] & known[:, j]
            m = float(weight[both].sum())
            if m < 2:
                continue
            a, b = (
                alone[k] if both.all() and alone[k] is not None else _ties(x[both, k], weight[both]) for k in (i, j)
            )
            variance = (m * (m - 1) * (2 * m + 5) - a[2] - b[2]) / 18 + 2 * a[0] * b[0] / (m * (m - 1))
            if m > 2:
                variance += a[1] * b[1] / (9 * m * (m - 1) * (m - 2))
            if variance > 0:
                z[i, j] = z[j, i] = score[i, j] / math.sqrt(variance)
    return z


def _ties(x: np.ndarray, weight: np.ndarray) -> tuple[float, float, float]:
    """Sums over groups of t equal values: t(t-1)/2, t(t-1)(t-2), t(t-1)(2t+5)."""
    t = np.bincount(np.unique(x, return_inverse=True)[1], weight)
    return (
        float((t * (t - 1)).sum() / 2),
        float((t * (t - 1) * (t - 2)).sum()),
        float((t * (t - 1) * (2 * t + 5)).sum()),
    )


def p_values(r: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Of Pearson's and Spearman's r [m] over so many rows [m]: Student's t with n - 2 degrees of freedom."""
    from scipy.special import stdtr

    degrees = rows - 2
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(r) * np.sqrt(degrees / ((1 - r) * (1 + r)))
        return np.asarray(np.where(degrees > 0, np.where(np.abs(r) >= 1, 0.0, 2 * stdtr(degrees, -t)), np.nan))


def p_of_z(z: np.ndarray) -> np.ndarray:
    """Two-sided, of the normal distribution."""
    return two_sided_p(z, math.inf)


def intervals(r: np.ndarray, rows: np.ndarray, method: Method, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of each r, by Fisher's z, whose variance is

    1 / (n - 3) for Pearson (Fisher 1921), (1 + r^2 / 2) / (n - 3) for Spearman (Bonett & Wright 2000),
    0.437 / (n - 4) for Kendall (Fieller, Hartley & Pearson 1957).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = {
            "pearson": 1 / (rows - 3), "spearman": (1 + r**2 / 2) / (rows - 3), "kendall": 0.437 / (rows - 4),
        }[method]  # fmt: skip
        reach = two_sided_quantile(confidence, math.inf) * np.sqrt(np.where(variance > 0, variance, np.nan))
        z = np.arctanh(r)
        return np.tanh(z - reach), np.tanh(z + reach)
