"""How well a model fits its training rows, by its likelihood: a table below its coefficients.

McFadden's R2 is 1 - log L / log L0, with L0 the likelihood without inputs; the likelihood-ratio statistic
2 (log L - log L0) is chi-squared where the inputs say nothing. With a penalty log L is that of the penalised fit, which
tests and criteria do not know of, so they are left out.

Sources: McFadden 1974, Conditional logit analysis, in Frontiers in Econometrics; Wilks 1938,
         doi:10.1214/aoms/1177732360; Akaike 1974, doi:10.1109/TAC.1974.1100705; Schwarz 1978,
         doi:10.1214/aos/1176344136.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mldsl.contract.views import ModelView
from mldsl.plugin.display import Column, Table
from mldsl_plugins.reports._shared import attribute, model_column
from mldsl_plugins.reports._terms import penalty_of

_ROWS = (
    ("rows", "mass"), ("log-likelihood", "log_likelihood"), ("log-likelihood without inputs", "null_log_likelihood"),
    ("McFadden's R2", "mcfadden_r2"), ("deviance", "deviance"), ("deviance without inputs", "null_deviance"),
    ("Pearson's chi-squared", "pearson_chi2"), ("residual degrees of freedom", "degrees_of_freedom"),
    ("dispersion", "dispersion"), ("alpha", "alpha"), ("standard error of alpha", "alpha_standard_error"),
)  # fmt: skip
_PLAIN = (
    ("likelihood-ratio chi-squared", "likelihood_ratio"), ("degrees of freedom", "likelihood_ratio_degrees"),
    ("p", ""), ("AIC", "aic"), ("BIC", "bic"),
)  # fmt: skip


def fit_statistics(found: Sequence[ModelView], models: Sequence[ModelView]) -> list[Table]:
    """The table, or none where no model has a likelihood to compare with."""
    rows = [
        (model, name, value)
        for model in found
        if attribute(model.info, "mcfadden_r2") is not None
        for name, value in _lines(model)
    ]
    if not rows:
        return []
    return [
        Table(
            "Fit of the training rows",
            [
                *model_column(models, [model.name for model, _, _ in rows]),
                Column("statistic", [name for _, name, _ in rows], "text"),
                Column("value", [value for _, _, value in rows]),
            ],
            name="fit",
        )
    ]


def _lines(model: ModelView) -> list[tuple[str, float]]:
    """What the model says of itself; a figure that it does not know is left out."""
    lines = _ROWS if penalty_of(model) > 0 else (*_ROWS, *_PLAIN)
    known = {field: value for _, field in lines if field and (value := attribute(model.info, field)) is not None}
    found = [(name, _p(model) if not field else float(known.get(field, np.nan))) for name, field in lines]
    return [(name, value) for name, value in found if not np.isnan(value)]


def _p(model: ModelView) -> float:
    """Of a likelihood ratio at least as large, if no input says anything; NaN without inputs."""
    from scipy.special import chdtrc  # takes 0.1 s to import, and most runs have no use for it

    known = attribute(model.info, "likelihood_ratio_degrees")
    degrees = np.nan if known is None else float(known)
    if not degrees > 0:
        return float(np.nan)
    return float(chdtrc(degrees, max(float(attribute(model.info, "likelihood_ratio")), 0.0)))
