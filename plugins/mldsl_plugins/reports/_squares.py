"""Sums of squares and Wald tests of the terms of a least squares model, from what its fit holds.

With R'R the sums of products of the columns about their means (about 0 without an intercept) and b the coefficients,
z = R b is the target in d numbers, and the regression on a set of columns explains |P z|^2, P the projection on those
columns of R. So no test looks at a row again: O(t d^3) for t terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView
from mldsl_plugins.reports._matrix import has_intercept, terms_of
from mldsl_plugins.reports._shared import attribute

TOLERANCE = 1e-7  # of a column's length: what is left of it after those before it, as in R's `lm`


@attrs.frozen(eq=False)
class Squares:
    """A fitted model reduced to R [d, d], b [d] and their covariance [d, d]; `factors` of each term, by its name."""

    r: np.ndarray
    b: np.ndarray
    covariance: np.ndarray
    terms: dict[str, tuple[int, ...]]
    factors: dict[str, frozenset[str]]
    rss: float
    free: float
    degrees: float
    classical: bool

    def basis(self, columns: Sequence[int], r: np.ndarray | None = None) -> np.ndarray:
        """An orthonormal basis [d, rank] of these columns of R, each that the ones before it explain left out."""
        whole = self.r if r is None else r
        kept = np.zeros((len(whole), 0))
        for j in columns:
            rest = whole[:, j]
            for _ in range(2):  # twice is enough, against rounding
                rest = rest - kept @ (kept.T @ rest)
            size = float(np.linalg.norm(rest))
            if size > TOLERANCE * max(float(np.linalg.norm(whole[:, j])), 1e-300):
                kept = np.column_stack([kept, rest / size])
        return kept

    def between(self, within: Sequence[int], beside: Sequence[int], r: np.ndarray | None = None) -> tuple[float, float]:
        """The degrees of freedom and the sum of squares that columns `within` add to `beside`."""
        whole = self.basis([*beside, *within], r)
        added = whole[:, self.basis(beside, r).shape[1] :]
        return float(added.shape[1]), float(((added.T @ (self.r @ self.b)) ** 2).sum())

    def wald(self, within: Sequence[int], beside: Sequence[int], r: np.ndarray | None = None) -> float:
        """The Wald statistic of the same: of all that is not spanned by `beside`, less that not by both."""
        return self._left(beside, r) - self._left([*beside, *within], r)

    def _left(self, columns: Sequence[int], r: np.ndarray | None) -> float:
        """Of the hypothesis that these columns are all that there is; NaN where the covariance has too low a rank.

        That of few clusters has: no more can be tested together than there are clusters, less one.
        """
        whole, these = self.basis(range(len(self.b)), r), self.basis(columns, r)
        out = whole - these @ (these.T @ whole)
        u, s, _ = np.linalg.svd(out, full_matrices=False)
        test = u[:, s > 0.5].T @ self.r  # what lies outside of the columns, as functions of b
        if not len(test):
            return 0.0
        value, spread = test @ self.b, test @ self.covariance @ test.T
        size = np.sqrt(np.diag(spread))
        scaled = spread / np.outer(size, size)
        if np.linalg.matrix_rank(scaled, tol=1e-9, hermitian=True) < len(test):
            return float("nan")
        return float((value / size) @ np.linalg.solve(scaled, value / size))


def squares_of(model: ModelView) -> Squares | None:
    """What `ols` keeps of its fit; None for other models."""
    triangle, covariance = attribute(model.info, "triangle"), attribute(model.info, "covariance")
    if triangle is None or covariance is None or attribute(model.info, "model_degrees_of_freedom") is None:
        return None
    b = np.atleast_2d(attribute(model.params, "coefficients"))[0].astype(float)
    start = int(has_intercept(model))
    terms = terms_of(model)
    design = model.design
    factors = {name: frozenset([name]) for name in terms}
    if design is not None:
        factors = {term.name: frozenset(term.factors) for term in design.terms if term.name in terms}
    return Squares(
        np.asarray(triangle, float), b, np.asarray(covariance, float)[start:, start:], terms, factors,
        float(attribute(model.info, "residual_sum_of_squares")), float(attribute(model.info, "degrees_of_freedom")),
        float(attribute(model.info, "residual_degrees_of_freedom")),
        getattr(model.spec, "covariance", "classical") == "classical",
    )  # fmt: skip


def sides(squares: Squares, kind: int) -> Iterator[tuple[str, list[int], list[int]]]:
    """For each term its columns, and those that it is tested beside: type 1 those before it, 2 all terms that do not
    contain it, 3 all others."""
    names = list(squares.terms)
    for i, name in enumerate(names):
        if kind == 1:
            others = names[:i]
        elif kind == 2:
            others = [n for n in names if n != name and not squares.factors[name] < squares.factors[n]]
        else:
            others = [n for n in names if n != name]
        yield name, list(squares.terms[name]), [j for n in others for j in squares.terms[n]]


def summed(model: ModelView, r: np.ndarray) -> np.ndarray | None:
    """R with factors coded by contrasts that add up to 0 over the levels; None where terms lack the margins for that.

    A contrast of level k is its indicator less that of the reference, which is 1 less all other indicators; so each
    column becomes a sum of columns of its term and of the margins, and the constant drops out.
    """
    design: Any = model.design
    if design is None:
        return r
    place = {frozenset(column.parts): j for j, column in enumerate(design.columns)}
    levels = dict(design.factors)
    turn = np.zeros((len(r), len(r)))
    for j, column in enumerate(design.columns):
        atoms = []
        for name, level in column.parts:
            if level is None or _full(design, column, name):
                atoms.append([((name, level), 1.0)])
            else:
                others = [((name, k), 1.0 + (k == level)) for k in range(1, len(levels[name]))]
                atoms.append([*others, (None, -1.0)])
        for parts in product(*atoms):
            kept = frozenset(part for part, _ in parts if part is not None)
            factor = float(np.prod([scale for _, scale in parts]))
            if kept in place:
                turn[place[kept], j] += factor
            elif kept or not has_intercept(model):
                return None
    return r @ turn


def _full(design: Any, column: Any, name: str) -> bool:
    """Whether a factor has an indicator of its first level in the block of a column."""
    others = frozenset(part[0] for part in column.parts)
    first = [p for c in design.columns if frozenset(part[0] for part in c.parts) == others for p in c.parts]
    return any(part == (name, 0) for part in first)
