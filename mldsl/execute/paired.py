"""Is one model really better than another? Paired differences of a metric, on the same folds or the same rows.

Two models that are measured on the same rows share most of their luck, so their difference is far more certain than
their intervals, laid side by side, suggest. Over folds and repeats the training sets overlap, so differences are not
independent: the plain t test calls noise a difference far too often, and the corrected one does not. On one held-out
part both models are measured under the same bootstrap replicates of its rows (or groups).

Sources: corrected resampled t: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366, for repeated folds Bouckaert & Frank
2004, doi:10.1007/978-3-540-24775-3_3; paired bootstrap: Efron & Tibshirani 1993, ISBN 0-412-04231-2, chapters 13 and
16; intervals widened for few rows: Hesterberg 2015, doi:10.1080/00031305.2015.1089789; p-values of a bootstrap: Davison
& Hinkley 1997, doi:10.1017/CBO9780511802843, 4.2; many comparisons: Holm 1979, Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np

from mldsl.execute.intervals import LEVEL, corrected_error

_SAME = 1e-9  # relative; differences closer than this are equal but for rounding


@attrs.frozen
class Difference:
    """A metric of one model less that of another: `value` with its interval, and `p` (two-sided) of no difference.

    NaN where there is nothing to tell it by.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan


def corrected_t(differences: np.ndarray, train_share: float, level: float = LEVEL) -> Difference:
    """The mean of differences [J], one for each fold of each repeat, by the corrected resampled t.

    variance of the mean = (1/J + n_test/n_train) s^2, with J - 1 degrees of freedom, where s^2 is the variance of the
    differences and n_test/n_train = (1 - share) / share for folds trained on that share of the rows. Folds where a
    metric is undefined are left out. Two models that agree in every fold have p = 1; a difference that is exactly the
    same in every fold, or fewer than two folds, leave nothing to tell its spread by. O(J).
    """
    found = np.asarray(differences, np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return Difference(math.nan)
    mean, largest = float(found.mean()), float(np.abs(found).max())
    if largest == 0:
        return Difference(0.0, 0.0, 0.0, 1.0)
    error = corrected_error(found, train_share)
    if math.isnan(error) or np.ptp(found) <= _SAME * largest:
        return Difference(mean)
    from scipy.special import stdtr, stdtrit  # takes 0.1 s to import, and most runs compare nothing

    degrees = len(found) - 1
    half = float(stdtrit(degrees, (1 + level) / 2)) * error
    return Difference(mean, mean - half, mean + half, 2 * float(stdtr(degrees, -abs(mean) / error)))


def bootstrap(differences: np.ndarray, units: int, level: float = LEVEL) -> Difference:
    """The difference on one held-out part, from paired bootstrap replicates.

    `differences` [1 + R]: of the rows themselves first, then of each replicate; both models under the same weights.
    `units` is the number n of rows, or of groups, that the replicates drew. The interval is that of percentiles, taken
    further out so that few units are not trusted too much: at the tail Phi(-sqrt(n / (n-1)) t), t the quantile of
    Student's distribution with n - 1 degrees of freedom. p is the level whose interval just touches 0, so that it is
    at most 5 % exactly when the interval of 95 % leaves 0 out. Undefined replicates are left out. O(R log R).
    """
    value = float(differences[0])
    drawn = np.sort(np.asarray(differences[1:], np.float64))  # NaN sorts last
    drawn = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or len(drawn) < 2 or units < 2:
        return Difference(value)
    if value == 0 and drawn[0] == 0 == drawn[-1]:
        return Difference(0.0, 0.0, 0.0, 1.0)
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    stretch = math.sqrt(units / (units - 1))
    tail = float(ndtr(-stretch * stdtrit(units - 1, (1 + level) / 2)))
    # Of R replicates the k-th from either end is taken, k = tail (R + 1): counts and p then agree to the last one.
    place = max(int(tail * (len(drawn) + 1) + 1e-9), 1) - 1
    beyond = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    share = min((1 + beyond) / (len(drawn) + 1), 0.5)
    p = 2 * float(stdtr(units - 1, float(ndtri(share)) / stretch))
    return Difference(value, float(drawn[place]), float(drawn[-1 - place]), min(p, 1.0))


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for having looked at all of them, by Holm's step-down method; in the given order.

    The i-th smallest of m (from 0) becomes the largest of (m - j) p_j over j up to i, at most 1: the chance that any
    true null hypothesis falls at 5 % stays at most 5 %, however they depend on each other. NaN stays, and is not
    counted. O(m log m).
    """
    known = [i for i, value in enumerate(p) if not math.isnan(value)]
    corrected, largest = [math.nan] * len(p), 0.0
    for rank, i in enumerate(sorted(known, key=lambda i: p[i])):
        largest = max(largest, (len(known) - rank) * p[i])
        corrected[i] = min(largest, 1.0)
    return corrected
