"""How well least squares fit their training rows, as the tables below the coefficients: what `summary` prints in R.

R2 and the F test of all terms together, the likelihood and its criteria, the condition number, and of
the residuals, in the order of the rows, the Durbin-Watson statistic (2 where neighbours have nothing to do with each
other) and Jarque and Bera's test of normality.

Sources: Durbin & Watson 1950, doi:10.1093/biomet/37.3-4.409; Akaike 1974, doi:10.1109/TAC.1974.1100705; Schwarz 1978,
         doi:10.1214/aos/1176344136.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin.display import Column, Table
from mldsl_plugins.reports._normal import jarque_bera
from mldsl_plugins.reports._residuals import residuals_of
from mldsl_plugins.reports._shared import attribute, model_column
from mldsl_plugins.reports._statistics import f_p

Facts = dict[str, float]


def squares_fit(view: ReportView, models: Sequence[ModelView]) -> list[Table]:
    """Two tables of the models that are least squares; none without any."""
    squares = [m for m in models if attribute(m.info, "model_degrees_of_freedom") is not None]
    tables = []
    if squares:
        fits, residuals = [_least_squares(m) for m in squares], _residuals(view, squares)
        tables.append(_table("Fit of the training rows", "squares", view, squares, fits))
        rest = [_criteria(m) | residuals.get(m.name, {}) for m in squares]
        note = "Durbin-Watson and Jarque-Bera are of the residuals on the fitted scale." if residuals else ""
        tables.append(_table("Likelihood and residuals", "likelihood", view, squares, rest, note))
    return tables


_FORMATS: dict[str, Any] = {"rows": "integer", "residual df": "integer", "df": "integer", "p": "p"}


def _table(
    title: str, name: str, view: ReportView, models: Sequence[ModelView], facts: list[Facts], note: str = ""
) -> Table:
    names = list(dict.fromkeys(key for one in facts for key in one))
    columns = [Column(key, [one.get(key, math.nan) for one in facts], _FORMATS.get(key, "number")) for key in names]
    return Table(title, [*model_column(view.models, [m.name for m in models]), *columns], name, note)


def _get(model: ModelView) -> Callable[[str], float]:
    def value(name: str) -> float:
        found = attribute(model.info, name)
        return math.nan if found is None else float(np.ravel(found)[0])

    return value


def _least_squares(model: ModelView) -> Facts:
    value = _get(model)
    many, free = value("model_degrees_of_freedom"), value("residual_degrees_of_freedom")
    return {
        "rows": value("rows"), "residual df": value("degrees_of_freedom"),
        "residual deviation": value("residual_deviation"), "R²": value("r2"), "adjusted R²": value("adjusted_r2"),
        "F": value("f"), "p": f_p(value("f"), many, free),
    }  # fmt: skip


def _criteria(model: ModelView) -> Facts:
    value = _get(model)
    return {
        "log-likelihood": value("log_likelihood"), "AIC": value("aic"), "BIC": value("bic"),
        "condition number": value("condition_number"),
    }  # fmt: skip


def _residuals(view: ReportView, models: Sequence[ModelView]) -> dict[str, Facts]:
    """Of each model's training rows, in their order in the source."""
    found = {}
    for r in residuals_of(view, "train"):
        if r.model not in models:
            continue
        order = np.argsort(r.part.row, kind="stable")
        e, w = r.residual[order], r.weight[order]
        squares = float((w * e**2).sum())
        # Copies of a row follow each other, and differ by nothing.
        between = float((np.diff(e) ** 2).sum())
        found[r.model.name] = {
            "Durbin-Watson": between / squares if squares > 0 else math.nan,
            "Jarque-Bera": jarque_bera(e, w)[0], "p": jarque_bera(e, w)[1],
        }  # fmt: skip
    return found
