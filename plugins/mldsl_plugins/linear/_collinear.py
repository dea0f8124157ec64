"""Which columns of a matrix the others explain exactly, in words: what a rank below the number of columns means.

For NumPy on the host: warnings of linear models and reports share it. `dependencies` starts from the matrix itself,
`dependencies_of_gram` from sums of products, `dependencies_of_null_space` from any basis of the vectors v with
X v = constant, such as the right singular vectors of the singular values that vanish.

All give the same: in the order of the columns, each that is a linear function of those before it, by R's rule (`lm`
calls it aliased). `Dependency.words(names)` is what a message prints: "count = casual + registered".

Sources: Chan 1987, doi:10.1016/0024-3795(87)90103-0 (rank by orthogonal reduction); Chambers & Hastie 1992, Statistical
         Models in S (aliased columns).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

TOLERANCE = 1e-7  # of a column's own length, as in R's `lm`
_MOST = 6  # columns of one sentence
_SIMPLE = 12  # a coefficient prints as a number where it is a multiple of 1/12


@attrs.frozen(eq=False)
class Dependency:
    """Column `column` equals `constant` + the sum of `coefficients` times the columns `others`, all earlier ones.

    `constant` is NaN where it is not known (a Gram matrix without means). No others: the column does not vary.
    """

    column: int
    others: tuple[int, ...]
    coefficients: np.ndarray
    constant: float = float("nan")

    def words(self, names: Sequence[str]) -> str:
        """As an equation where it is a short one of round numbers, else as the list of columns that explain it."""
        name = names[self.column]
        if not self.others:
            return f"`{name}` does not vary"
        if len(self.others) <= _MOST and all(map(_round, (*self.coefficients, self.constant))):
            terms = sorted(zip(self.coefficients, self.others, strict=True), key=lambda t: t[0] < 0)
            parts = [(float(c), f"`{names[j]}`") for c, j in terms]
            if abs(self.constant) > 1e-9:
                parts.insert(0, (float(self.constant), ""))
            return f"`{name}` = {_sum(parts)}"
        shown = [f"`{names[j]}`" for j in self.others[:_MOST]]
        if len(self.others) > _MOST:
            rest = len(self.others) - _MOST
            shown.append(f"{rest} other {'column' if rest == 1 else 'columns'}")
        listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
        return f"`{name}` is a linear function of {listed}"


def dependencies(x: np.ndarray, weight: np.ndarray | None = None) -> list[Dependency]:
    """Of a matrix [n, d] beside a constant; rows of weight 0 are not there. O(n d^2)."""
    w = np.ones(len(x)) if weight is None else np.asarray(weight, float)
    x, w = np.asarray(x, float)[w > 0], w[w > 0]
    if not len(x) or not x.shape[1]:
        return []
    mean = w @ x / w.sum()
    factor = np.linalg.qr(np.sqrt(w)[:, None] * (x - mean), mode="r")
    length = np.sqrt(w @ x**2)
    return _reduced(factor, mean, TOLERANCE * 1e-3 * length)


def dependencies_of_factor(factor: np.ndarray, mean: np.ndarray, length: np.ndarray) -> list[Dependency]:
    """Of a factor R [k, d]: R'R are sums of products of columns about `mean`; `length` [d] is that about 0. O(d^3)."""
    return _reduced(np.asarray(factor, float), np.asarray(mean, float), TOLERANCE * 1e-3 * np.asarray(length, float))


def dependencies_of_gram(gram: np.ndarray, mean: np.ndarray | None = None) -> list[Dependency]:
    """Of the sums of products of centred columns [d, d]; squares lose half of the digits, so less is told apart."""
    d = len(gram)
    scale = np.sqrt(np.maximum(np.diag(gram), 0))
    unit = np.where(scale > 0, scale, 1)
    value, vector = np.linalg.eigh(gram / np.outer(unit, unit))
    value = np.where(value > 1e-10 * max(value.max(initial=0.0), 1.0), value, 0)
    factor = np.sqrt(value)[:, None] * vector.T * unit
    return _reduced(factor, np.full(d, np.nan) if mean is None else mean, np.zeros(d), 1e-5)


def dependencies_of_null_space(basis: np.ndarray, mean: np.ndarray | None = None) -> list[Dependency]:
    """Of vectors [d, k] that span the null space of the centred columns."""
    d, k = basis.shape
    rows = basis.T.copy()
    found = []
    for column in range(d - 1, -1, -1):  # the last columns are explained by the first
        place = len(found)
        if place == k:
            break
        pivot = place + int(np.abs(rows[place:, column]).argmax())
        if abs(rows[pivot, column]) <= 1e-9 * np.abs(rows).max():
            continue
        rows[[place, pivot]] = rows[[pivot, place]]
        rows[place] /= rows[place, column]
        others = np.arange(k) != place
        rows[others] -= np.outer(rows[others, column], rows[place])
        found.append(column)
    average = np.full(d, np.nan) if mean is None else mean
    return [
        _dependency(column, np.flatnonzero(np.arange(d) != column), -np.delete(rows[i], column), average, np.ones(d))
        for i, column in reversed(list(enumerate(found)))
    ]


def _reduced(factor: np.ndarray, mean: np.ndarray, noise: np.ndarray, tolerance: float = TOLERANCE) -> list[Dependency]:
    """Column by column: what is left of each after those before it. `factor` R has R'R = the Gram matrix."""
    d = factor.shape[1]
    length = np.sqrt((factor**2).sum(axis=0))
    basis = np.zeros((factor.shape[0], d))
    kept: list[int] = []
    found = []
    for j in range(d):
        if length[j] <= noise[j]:
            found.append(Dependency(j, (), np.zeros(0), float(mean[j])))
            continue
        rest = factor[:, j]
        for _ in range(2):  # twice is enough, against rounding
            q = basis[:, : len(kept)]
            rest = rest - q @ (q.T @ rest)
        size = float(np.sqrt(rest @ rest))
        if size > tolerance * length[j]:
            basis[:, len(kept)] = rest / size
            kept.append(j)
            continue
        earlier = np.array(kept)
        unit = length[earlier]
        b = np.linalg.lstsq(factor[:, earlier] / unit, factor[:, j], rcond=None)[0] / unit
        found.append(_dependency(j, earlier, b, mean, length))
    return found


def _dependency(j: int, others: np.ndarray, b: np.ndarray, mean: np.ndarray, length: np.ndarray) -> Dependency:
    share = np.abs(b) * length[others] / length[j]
    used = share > 1e-6 * share.max(initial=0.0)
    others, b = others[used], b[used]
    return Dependency(j, tuple(map(int, others)), b, float(mean[j] - b @ mean[others]))


def _round(value: float) -> bool:
    """Whether a coefficient reads as a number: a multiple of 1/12 of few digits."""
    twelfths = float(value) * _SIMPLE
    return bool(np.isfinite(value)) and abs(value) < 1e4 and abs(twelfths - round(twelfths)) < 1e-5


def _sum(parts: Sequence[tuple[float, str]]) -> str:
    out = ""
    for coefficient, name in parts:
        size = f"{abs(coefficient):.4g}"
        term = name if name and size == "1" else f"{size} {name}".strip()
        sign = "-" if coefficient < 0 else "+"
        out += f" {sign} {term}" if out else (f"-{term}" if coefficient < 0 else term)
    return out
