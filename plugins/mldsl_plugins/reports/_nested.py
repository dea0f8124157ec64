"""Tests of nested models on the same rows: what the larger one's further columns add.

Nested is what the matrices say: every column of the smaller model is a linear function of those of the larger one, on
the training rows. How formulas are written does not matter, and columns that transforms make count too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl_plugins.reports._matrix import has_intercept, matrix_of, without_matrix
from mldsl_plugins.reports._shared import attribute
from mldsl_plugins.reports._statistics import chi_square_p, f_p
from mldsl_plugins.reports._terms import penalty_of

TOLERANCE = 1e-6  # of a column's length, that the larger model does not explain
_SAME = ("family", "link", "weights", "alpha", "power")  # of a Spec: else likelihoods are of different things


@attrs.frozen
class Step:
    """One model against the one before: `what` of both, degrees of freedom, and the test `kind` of the difference."""

    kind: str
    what: str
    before: float
    after: float
    free_before: float
    free_after: float
    df: float
    statistic: float
    p: float


def compared(view: ReportView, models: Sequence[ModelView]) -> list[Step] | str:
    """Each model against the one before it, or why that cannot be."""
    for one, other in pairwise(models):
        if (reason := _unlike(one, other)) is not None:
            return reason
    squares = attribute(models[0].info, "model_degrees_of_freedom") is not None
    return [_step(one, other, models[-1], squares) for one, other in pairwise(models)]


# ---- whether they can be compared ------------------------------------------------------------------------------------
def _unlike(small: ModelView, large: ModelView) -> str | None:
    names = f"`{small.name}` and `{large.name}`"
    if small.algorithm != large.algorithm:
        return f"{names} are `{small.algorithm}` and `{large.algorithm}`; nested models are of one kind"
    for model in (small, large):
        if penalty_of(model) > 0:
            return (
                f"`{model.name}` has a penalty, so neither its likelihood nor its squares are the best; write `l2 = 0`"
            )
        if not math.isfinite(_value(model, "log_likelihood")) and not math.isfinite(_value(model, "deviance")):
            return f"`{model.name}` is `{model.algorithm}`, whose fit says no likelihood"
    if small.target_scale != large.target_scale:
        return f"{names} are fitted on different scales of the target"
    for name in _SAME:
        one, other = getattr(small.spec, name, None), getattr(large.spec, name, None)
        if one != other:
            return f"{names} differ in `{name}`, so their likelihoods are of different things"
    for part in ("row", "weight", "target"):
        one, other = getattr(small.train, part), getattr(large.train, part)
        if one is None or other is None or not np.array_equal(one, other):
            return f"{names} are not fitted on the same rows"
    x, z = matrix_of(small), matrix_of(large)
    if x is None or z is None:
        return without_matrix(small if x is None else large).rstrip(".")
    outside = _outside(_with_constant(small, x), _with_constant(large, z), small.train.weight)
    if outside:
        shown = ", ".join(f"`{_column(small, j)}`" for j in outside[:3]) + (", ..." if len(outside) > 3 else "")
        back = _outside(_with_constant(large, z), _with_constant(small, x), small.train.weight)
        turned = f"; the other way round it is: `models = [{large.name}, {small.name}]`" if not back else ""
        return f"`{small.name}` is not nested in `{large.name}`, which has no {shown}{turned}"
    return None


def _value(model: ModelView, name: str) -> float:
    found = attribute(model.info, name)
    return math.nan if found is None else float(np.ravel(found)[0])


def _parameters(model: ModelView) -> float:
    """How many coefficients the rows determine, intercepts left out; NaN where the fit does not say."""
    for name in ("likelihood_ratio_degrees", "model_degrees_of_freedom"):
        if math.isfinite(found := _value(model, name)):
            return found
    # Generalized linear models count the intercept too.
    return _value(model, "rank") - (has_intercept(model) if math.isfinite(_value(model, "deviance")) else 0)


def _with_constant(model: ModelView, x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(x)), x]) if has_intercept(model) else x


def _column(model: ModelView, j: int) -> str:
    names = ["(intercept)", *model.features] if has_intercept(model) else list(model.features)
    return names[j]


def _outside(x: np.ndarray, z: np.ndarray, weight: np.ndarray) -> list[int]:
    """The columns of x that are no linear function of those of z, on rows that count."""
    there = weight > 0
    x, z = x[there], z[there]
    length = np.sqrt((z**2).sum(axis=0))
    q, s, _ = np.linalg.svd(z / np.where(length > 0, length, 1), full_matrices=False)
    q = q[:, s > 1e-10 * s.max(initial=1e-300)]
    left = x - q @ (q.T @ x)
    return list(np.flatnonzero(np.sqrt((left**2).sum(axis=0)) > TOLERANCE * np.sqrt((x**2).sum(axis=0))))


# ---- tests -----------------------------------------------------------------------------------------------------------
def _step(small: ModelView, large: ModelView, largest: ModelView, squares: bool) -> Step:
    if squares:
        return _by_squares(small, large, largest)
    q = _parameters(large) - _parameters(small) + has_intercept(large) - has_intercept(small)
    free = _value(largest, "residual_degrees_of_freedom")
    rows = _value(small, "mass")
    frees = [rows - _parameters(m) - has_intercept(m) for m in (small, large)]
    if math.isfinite(free) and math.isfinite(_value(largest, "dispersion")):  # the dispersion is estimated
        before, after = _value(small, "deviance"), _value(large, "deviance")
        f = (before - after) / q / _value(largest, "dispersion") if q else math.nan
        return Step("F", "deviance", before, after, *frees, q, f, f_p(f, q, free))
    before, after = _value(small, "log_likelihood"), _value(large, "log_likelihood")
    ratio = 2 * (after - before)
    return Step("χ²", "log-likelihood", before, after, *frees, q, ratio, chi_square_p(ratio, q))


def _by_squares(small: ModelView, large: ModelView, largest: ModelView) -> Step:
    before, after = (_value(m, "residual_sum_of_squares") for m in (small, large))
    frees = [_value(m, "degrees_of_freedom") for m in (small, large)]
    q = frees[0] - frees[1]
    if getattr(large.spec, "covariance", "classical") != "classical":
        free = _value(large, "residual_degrees_of_freedom")
        f = _wald(small, large) / q if q else math.nan
        return Step("Wald F", "residual sum of squares", before, after, *frees, q, f, f_p(f, q, free))
    free = _value(largest, "degrees_of_freedom")
    variance = _value(largest, "residual_sum_of_squares") / free if free > 0 else math.nan
    f = (before - after) / q / variance if q else math.nan
    return Step("F", "residual sum of squares", before, after, *frees, q, f, f_p(f, q, free))


def _wald(small: ModelView, large: ModelView) -> float:
    """Of the hypothesis that the larger model's function is one of the smaller's, by the larger's covariance."""
    x, z = matrix_of(small), matrix_of(large)
    assert x is not None
    assert z is not None
    x, z = _with_constant(small, x), _with_constant(large, z)
    root = np.sqrt(large.train.weight)[:, None]
    q, r = np.linalg.qr(root * z)
    u, s, _ = np.linalg.svd(q.T @ (root * x), full_matrices=True)
    rank = int((s > 1e-10 * s.max(initial=1e-300)).sum())
    own = np.linalg.svd(r, full_matrices=False)
    span = own[0][:, own[1] > 1e-10 * own[1].max(initial=1e-300)]  # what the larger model can say
    rest = u[:, rank:]
    rest = span @ np.linalg.svd(span.T @ rest, full_matrices=False)[0][:, : span.shape[1] - rank]
    b = np.atleast_2d(attribute(large.params, "coefficients"))[0]
    if has_intercept(large):
        b = np.append(np.ravel(attribute(large.params, "intercept"))[:1], b)
    test = rest.T @ r
    value, spread = test @ b, test @ attribute(large.info, "covariance") @ test.T
    size = np.sqrt(np.diag(spread))
    scaled = spread / np.outer(size, size)
    if np.linalg.matrix_rank(scaled, tol=1e-9, hermitian=True) < len(test):
        return math.nan  # of fewer clusters than there are coefficients to test
    return float((value / size) @ np.linalg.solve(scaled, value / size))
