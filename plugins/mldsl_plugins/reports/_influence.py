"""How much single rows move a linear model: leverage, studentized residuals, Cook's distance, DFFITS, DFBETAS.

For least squares all are exact, from one orthogonal reduction of the matrix: no fit is made. For logistic regression
they are those of the last reweighted least squares (Pregibon's one step). A weight is how often a row counts, so the
figures of a row of weight 2 are those of one of the two.

Whether a model is one of these is asked of itself: at the least sum of squares, or the largest likelihood, the columns
have nothing left to say about the residuals. So a penalty, a robust loss or another link is noticed and refused.

Sources: Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153; Cook 1977, doi:10.1080/00401706.1977.10489493; Pregibon
         1981, doi:10.1214/aos/1176345513.
"""

from __future__ import annotations

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl_plugins.linear._collinear import dependencies
from mldsl_plugins.reports._columns import values
from mldsl_plugins.reports._matrix import has_intercept, matrix_of, without_matrix
from mldsl_plugins.reports._residuals import residuals_of
from mldsl_plugins.reports._shared import attribute

_SETTLED = {"regress": 1e-5, "classify": 2e-3}  # what the columns may say of the residuals, as a share


@attrs.frozen(eq=False)
class Influence:
    """Of the training rows of one model, all [n]; `coefficients` [p] names columns, `largest` the DFBETAS furthest
    from 0 and `of` which column's it is. `degrees` are those of the residuals, infinite for classes."""

    model: ModelView
    fitted: np.ndarray
    residual: np.ndarray
    leverage: np.ndarray
    internal: np.ndarray
    external: np.ndarray
    cook: np.ndarray
    dffits: np.ndarray
    largest: np.ndarray
    of: np.ndarray
    names: tuple[str, ...]
    degrees: float
    total: float

    @property
    def p(self) -> int:
        """How many coefficients were estimated."""
        return len(self.names)


def influence_of(view: ReportView, model: ModelView) -> Influence | str:
    """The figures, or why there are none."""
    coefficients, part = attribute(model.params, "coefficients"), model.train
    if coefficients is None or part.target is None:
        return f"{model.name}: `{model.algorithm}` is not a linear model, so there is no leverage."
    x = matrix_of(model)
    if x is None:
        return without_matrix(model)
    weight = part.weight.astype(float)
    if any(float(getattr(model.spec, name, 0) or 0) > 0 for name in ("l1", "l2")):
        selects = hasattr(model.spec, "l1") and not model.shape.classes  # without a penalty it is but a slower `ols`
        return _not(model, "`ols` or `ridge(l2 = 0)`" if selects else f"`{model.algorithm}(l2 = 0)`")
    precise = str(getattr(model.spec, "weights", "frequency")) == "precision"
    if model.shape.classes == 2 and part.probability is not None:
        separated = attribute(model.info, "separated")
        if separated is not None and bool(np.any(separated)):
            return f"{model.name}: the columns separate the classes, so no finite fit is there for rows to move."
        share = part.probability[:, 1].astype(float)
        y, fitted = part.target.astype(float), share
        work = np.maximum(share * (1 - share), 1e-12)
        design, names = _design(model, x, weight * work)
        raw = y - share
        if not _settled(design, raw, weight, "classify"):
            return _not(model, "`logistic_regression(l2 = 0)`")
        return _figures(model, design, names, raw / np.sqrt(work), work, weight, fitted, scaled=False)
    if model.shape.classes:
        return f"{model.name}: influence is told of numbers and of two classes, not of {model.shape.classes}."
    found = next((r for r in residuals_of(view, "train") if r.model is model), None)
    if found is None:
        return f"{model.name} predicts no training row."
    target = found.target - _offset(view, model, len(found.target))
    design, names = _design(model, x, weight)
    if not _settled(design, target - found.fitted, weight, "regress"):
        return _not(model, "`ols` or `ridge(l2 = 0)`")
    work = weight if precise else np.ones_like(weight)
    if precise:
        weight = np.ones_like(weight)
    return _figures(
        model, design, names, np.sqrt(work) * (target - found.fitted), work, weight, found.fitted, scaled=True
    )


def _not(model: ModelView, instead: str) -> str:
    return (
        f"{model.name}: the coefficients are not those of least squares or of the largest likelihood (a penalty, a "
        f"robust loss, costs or another link), so rows have no exact influence. Write {instead} for that."
    )


def _offset(view: ReportView, model: ModelView, n: int) -> np.ndarray:
    column = next((c for c in view.columns if c.role == "offset" and c.name in view.frame.columns), None)
    if column is None or model.train.index is None:
        return np.zeros(n)
    return values(view.frame, column.name)[model.train.index.astype(int)]


def _design(model: ModelView, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """The matrix of what was estimated: the intercept, and columns that those before them do not explain."""
    dropped = {one.column for one in dependencies(x, weight)}
    kept = [j for j in range(x.shape[1]) if j not in dropped]
    names = tuple(model.features[j] for j in kept)
    if not has_intercept(model):
        return x[:, kept], names
    return np.column_stack([np.ones(len(x)), x[:, kept]]), ("(intercept)", *names)


def _settled(design: np.ndarray, residual: np.ndarray, weight: np.ndarray, kind: str) -> bool:
    """Whether the columns say nothing of the residuals: each score against the sum of its sizes."""
    mean = weight @ design / weight.sum()
    centred = np.where(np.abs(np.ptp(design, axis=0)) > 0, design - mean, design)
    score = (weight * residual) @ centred
    size = (weight * np.abs(residual)) @ np.abs(centred)
    return bool(np.all(np.abs(score) <= _SETTLED[kind] * size + 1e-300))


def _figures(
    model: ModelView, design: np.ndarray, names: tuple[str, ...], residual: np.ndarray, work: np.ndarray,
    weight: np.ndarray, fitted: np.ndarray, *, scaled: bool,
) -> Influence | str:  # fmt: skip
    """`residual` is on the scale where every row has the same variance, sqrt(work) times the raw one."""
    total, p = float(weight.sum()), design.shape[1]
    free = total - p
    if free < 2:
        return f"{model.name}: {total:g} training rows are too few for {p} coefficients to tell which rows move them."
    length = np.sqrt((weight * work) @ design**2)
    z = np.sqrt(work)[:, None] * design / np.where(length > 0, length, 1)
    factor = np.linalg.qr(np.sqrt(weight)[:, None] * z, mode="r")
    back = np.linalg.inv(factor)
    q = z @ back  # rows of the orthogonal matrix, of one of the `weight` copies
    leverage = np.minimum((q**2).sum(axis=1), 1.0)
    left = np.where(leverage < 1 - 1e-9, 1 - leverage, np.nan)  # fitted exactly: without the row there is no fit
    sum_of_squares = float(weight @ residual**2)
    variance = sum_of_squares / free if scaled else 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        internal = residual / np.sqrt(variance * left)
        if scaled:
            own = np.maximum((sum_of_squares - residual**2 / left) / (free - 1), 0)  # the variance without the row
            external = residual / np.sqrt(own * left)
        else:
            own, external = np.ones_like(residual), internal
        change = (q @ back.T) * (residual / left / np.sqrt(own))[:, None]
        change /= np.sqrt((back**2).sum(axis=1))
    change = np.nan_to_num(change, posinf=0, neginf=0)
    of = np.abs(change).argmax(axis=1)
    return Influence(
        model, fitted, residual, leverage, internal, external, internal**2 * leverage / left / p,
        external * np.sqrt(leverage / left), change[np.arange(len(of)), of], of, names,
        free if scaled else np.inf, total,
    )  # fmt: skip
