"""How well a model fits its training rows, by its likelihood: two tables below its coefficients.

McFadden's R2 is 1 - log L / log L0, with L0 the likelihood without inputs; the likelihood-ratio statistic
2 (log L - log L0) is chi-squared where the inputs say nothing. With a penalty log L is that of the penalised fit, which
tests and criteria do not know of, so they are left out.

Sources: McFadden 1974, Conditional logit analysis, in Frontiers in Econometrics; Wilks 1938,
         doi:10.1214/aoms/1177732360; Akaike 1974, doi:10.1109/TAC.1974.1100705; Schwarz 1978,
         doi:10.1214/aos/1176344136.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mldsl.contract.views import ModelView
from mldsl.plugin.display import Column, Table
from mldsl_plugins.reports._shared import attribute, model_column
from mldsl_plugins.reports._terms import penalty_of

_TABLES = (
    (
        "Fit of the training rows",
        "fit",
        (
            ("rows", "mass"), ("log-likelihood", "log_likelihood"), ("without inputs", "null_log_likelihood"),
            ("McFadden's R²", "mcfadden_r2"), ("likelihood ratio", "likelihood_ratio"),
            ("df", "likelihood_ratio_degrees"), ("p", ""),
        ),
    ),
    (
        "Deviance and criteria",
        "criteria",
        (
            ("AIC", "aic"), ("BIC", "bic"), ("deviance", "deviance"), ("without inputs", "null_deviance"),
            ("Pearson's chi²", "pearson_chi2"), ("residual df", "degrees_of_freedom"), ("dispersion", "dispersion"),
            ("alpha", "alpha"), ("standard error of alpha", "alpha_standard_error"),
        ),
    ),
)  # fmt: skip
_PLAIN = ("likelihood_ratio", "likelihood_ratio_degrees", "", "aic", "bic")
_FORMATS: dict[str, Any] = {"rows": "integer", "df": "integer", "residual df": "integer", "p": "p"}


def fit_statistics(found: Sequence[ModelView], models: Sequence[ModelView]) -> list[Table]:
    """A row for each model that has a likelihood to compare with; a figure that no model knows has no column."""
    able = [model for model in found if attribute(model.info, "mcfadden_r2") is not None]
    tables = []
    for title, name, fields in _TABLES:
        columns = [
            Column(label, values, _FORMATS.get(label, "number"))
            for label, values in ((label, [_figure(model, field) for model in able]) for label, field in fields)
            if not np.isnan(values).all()
        ]
        if able and columns:
            tables.append(Table(title, [*model_column(models, [model.name for model in able]), *columns], name=name))
    return tables


def _figure(model: ModelView, field: str) -> float:
    """What the model says of itself; NaN where it does not know."""
    if field in _PLAIN and penalty_of(model) > 0:
        return float(np.nan)
    value = _p(model) if not field else attribute(model.info, field)
    return float(np.nan if value is None else value)


def _p(model: ModelView) -> float:
    """Of a likelihood ratio at least as large, if no input says anything; NaN without inputs."""
    from scipy.special import chdtrc  # takes 0.1 s to import, and most runs have no use for it

    known = attribute(model.info, "likelihood_ratio_degrees")
    degrees = np.nan if known is None else float(known)
    if not degrees > 0:
        return float(np.nan)
    return float(chdtrc(degrees, max(float(attribute(model.info, "likelihood_ratio")), 0.0)))
