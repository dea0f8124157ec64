"""An outcome compared between two groups, or along a number, overall and within strata; and whether that reverses.

One currency serves both: the slope of the outcome on x, where x is a number, or 1 for one group and 0 for the other.
Sums over rows are all that is needed: `Sums` holds them by stratum.
"""

from __future__ import annotations

import math
from typing import Literal

import attrs
import numpy as np

Kind = Literal["full", "partial", ""]
FEWEST = 5.0  # rows of each group (10 along a number) that make a stratum comparable
_SLIGHT = 0.05  # correlations below this are nobody's news, however sure
_STRATUM, _ITS_SHARE = 0.1, 0.1  # what a single stratum must show and hold to speak for the others


@attrs.frozen(eq=False)
class Sums:
    """Weighted sums by stratum, all [s]: rows, x, y, x^2, xy, y^2."""

    n: np.ndarray
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    def together(self) -> Sums:
        """All strata as one: [1]."""
        return Sums(*(np.array([v.sum()]) for v in attrs.astuple(self, recurse=False)))

    def only(self, chosen: np.ndarray) -> Sums:
        """Some of the strata."""
        return Sums(*(v[chosen] for v in attrs.astuple(self, recurse=False)))


@attrs.frozen(eq=False)
class Effect:
    """Slopes of the outcome [s], their standard errors, sums of squares of x (`spread`), and correlations `r`."""

    slope: np.ndarray
    error: np.ndarray
    spread: np.ndarray
    r: np.ndarray

    def ends(self, z: float) -> tuple[np.ndarray, np.ndarray]:
        """The interval that reaches z standard errors to both sides."""
        return self.slope - z * self.error, self.slope + z * self.error


def sums_along(x: np.ndarray, y: np.ndarray, weight: np.ndarray, by: np.ndarray, strata: int) -> Sums:
    """Of rows [n] with a number x; `by` is Int[n]."""
    return Sums(*(np.bincount(by, weight * v, strata) for v in (np.ones_like(x), x, y, x * x, x * y, y * y)))


def tables(group: np.ndarray, y: np.ndarray, weight: np.ndarray, by: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Rows, sums of y and of y^2 by stratum and group: [3, strata, groups]."""
    cell = by * size[1] + group
    return np.stack(
        [np.bincount(cell, weight * v, size[0] * size[1]).reshape(size) for v in (np.ones_like(y), y, y * y)]
    )


def sums_between(table: np.ndarray, a: int, b: int) -> Sums:
    """Group a (x = 1) against group b (x = 0)."""
    (na, nb), (ya, yb), (qa, qb) = ((plane[:, a], plane[:, b]) for plane in table)
    return Sums(na + nb, na, ya + yb, na, ya, qa + qb)


def effects(s: Sums, *, groups: bool) -> Effect:
    """The slope within each stratum. Its variance: that of a difference of means, with a variance for each group; or
    that of least squares."""
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = s.xx - s.x**2 / s.n
        product = s.xy - s.x * s.y / s.n
        total = np.maximum(s.yy - s.y**2 / s.n, 0)
        slope = product / spread
        r = product / np.sqrt(spread * total)
        if groups:
            variance = np.zeros_like(slope)
            for n, y in ((s.x, s.xy), (s.n - s.x, s.y - s.xy)):
                mean = y / n
                # Of indicators y^2 = y, and otherwise the variance common to both groups.
                own = np.where(np.isclose(s.yy, s.y), mean * (1 - mean) * n / np.maximum(n - 1, 1), np.nan)
                common = np.maximum(total - product**2 / spread, 0) / np.maximum(s.n - 2, 1)
                variance += np.where(np.isfinite(own), own, common) / n
        else:
            variance = np.maximum(total - product**2 / spread, 0) / np.maximum(s.n - 2, 1) / spread
    return Effect(slope, np.sqrt(variance), spread, r)


def comparable(s: Sums, *, groups: bool) -> np.ndarray:
    """Strata that have enough rows of both groups, or along a number that varies: Bool[s]."""
    if groups:
        return np.asarray((s.x >= FEWEST) & (s.n - s.x >= FEWEST))
    return np.asarray((s.n >= 2 * FEWEST) & (s.xx - s.x**2 / np.maximum(s.n, 1) > 1e-12 * np.maximum(s.xx, 1e-300)))


def common(e: Effect) -> Effect:
    """The slope within strata, one for all: weighted by how far x spreads in each (Mantel and Haenszel's weights)."""
    whole = e.spread.sum()
    slope = (e.spread * e.slope).sum() / whole
    error = math.sqrt(float((e.spread**2 * e.error**2).sum())) / whole
    with np.errstate(invalid="ignore", divide="ignore"):
        y = np.where(e.r != 0, (e.slope / e.r) ** 2 * e.spread, 0)  # sums of squares of the outcome
    r = slope * math.sqrt(whole / y.sum()) if y.sum() > 0 else 0.0
    return Effect(np.array([slope]), np.array([error]), np.array([whole]), np.array([r]))


_NOTHING = Effect(*(np.zeros(0) for _ in range(4)))


@attrs.frozen(eq=False)
class Verdict:
    """How a comparison turns out. `kind` is "" where intervals do not support a reversal.

    `chosen` Bool[s]: the strata that can be compared; `opposite` how many of them go against the whole. `proof` is
    "common" where the interval within strata lies on the other side of 0, "strata" where that of a large stratum does
    and none contradicts. `strength` orders findings: the smaller z of the whole and the proof.
    """

    kind: Kind
    whole: Effect
    within: Effect
    strata: Effect
    chosen: np.ndarray
    opposite: int
    proof: str
    strength: float


def judge(s: Sums, *, groups: bool, z: float, z_strata: float, search: bool = False) -> Verdict | None:
    """None where fewer than two strata can be compared, or these hold less than half of the rows.

    A search looks no further where the whole differs from 0 too little to reverse: strata are then left empty.
    """
    chosen = comparable(s, groups=groups)
    if chosen.sum() < 2 or s.n[chosen].sum() < s.n.sum() / 2:
        return None
    whole = effects(s.together(), groups=groups)
    sign = np.sign(whole.slope[0])
    z_whole = abs(float(whole.slope[0] / whole.error[0])) if whole.error[0] > 0 else 0.0
    sure = z_whole > z and abs(whole.r[0]) >= _SLIGHT
    if search and not sure:
        return Verdict("", whole, whole, _NOTHING, chosen, 0, "", 0.0)
    strata = effects(s.only(chosen), groups=groups)
    within = common(strata)
    with np.errstate(invalid="ignore", divide="ignore"):
        z_of = np.nan_to_num(sign * strata.slope / strata.error)
        z_within = float(sign * within.slope[0] / within.error[0]) if within.error[0] > 0 else 0.0
    against = strata.slope * sign < 0
    opposite = int(against.sum())
    share = s.n[chosen] / s.n.sum()
    proof, strength = "", 0.0
    if sure and sign * within.slope[0] < 0 and 2 * opposite > len(against):
        speaks = (z_of < -z_strata) & (np.abs(strata.r) >= _STRATUM) & (share >= _ITS_SHARE)
        if -z_within > z and abs(within.r[0]) >= _SLIGHT:
            proof, strength = "common", min(z_whole, -z_within)
        elif speaks.any() and not (z_of > z_strata).any():
            proof, strength = "strata", min(z_whole, float(-z_of[speaks].min()))
    kind: Kind = "" if not proof else "full" if opposite == len(against) else "partial"
    return Verdict(kind, whole, within, strata, chosen, opposite, proof, strength)


def odds_ratios(table: np.ndarray, a: int, b: int, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Of an indicator: the crude odds ratio of group a against b, and Mantel and Haenszel's common one, each with ends.

    Variances: Woolf's of the crude, that of Robins, Breslow and Greenland of the common logarithm.
    """
    n, y = table[0][:, [a, b]], table[1][:, [a, b]]
    p, q = y[:, 0], n[:, 0] - y[:, 0]
    r, s = y[:, 1], n[:, 1] - y[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = np.array([p.sum(), q.sum(), r.sum(), s.sum()])
        crude = whole[0] * whole[3] / (whole[1] * whole[2])
        error = math.sqrt(float((1 / whole).sum()))
        total = np.maximum(n.sum(axis=1), 1e-300)
        top, bottom = p * s / total, q * r / total
        pooled = top.sum() / bottom.sum()
        high, low = (p + s) / total, (q + r) / total
        variance = (
            (high * top).sum() / (2 * top.sum() ** 2)
            + (high * bottom + low * top).sum() / (2 * top.sum() * bottom.sum())
            + (low * bottom).sum() / (2 * bottom.sum() ** 2)
        )
        return tuple(  # type: ignore[return-value]
            np.array([value, value * np.exp(-z * e), value * np.exp(z * e)])
            for value, e in ((crude, error), (pooled, math.sqrt(variance)))
        )
