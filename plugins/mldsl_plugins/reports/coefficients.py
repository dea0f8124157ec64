"""The coefficients of linear models, with standard errors, tests, intervals and, on request, odds ratios.

For coefficient b with standard error s the statistic is b / s: t with the residual degrees of freedom where the error
variance is estimated (least squares), z otherwise (logistic regression). The p-value is two-sided, the interval is
b -+ q s. `exponentiate` adds exp(b) and its interval: for logistic regression the odds ratio of one more unit. Below
them stands how well the model fits: R2, F, the likelihood and its criteria, and tests of the residuals.

With a penalty the estimates are drawn to 0 and the usual standard errors do not describe them, so the report shows the
estimates alone and says what to write instead. Coefficients are on the scale that was fitted: of the columns after
the transforms, and of the target's scale where it has one.

Shapes:  d columns, k outputs (1, or one a class).
Units:   of the target over the column's; log odds for classes.
Sources: Wald 1943, doi:10.1090/S0002-9947-1943-0012401-3; Student 1908, doi:10.1093/biomet/6.1.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, ReportOutput, Table
from mldsl_plugins.reports._fit_statistics import fit_statistics
from mldsl_plugins.reports._shared import attribute, model_column
from mldsl_plugins.reports._squares_fit import squares_fit
from mldsl_plugins.reports._terms import Terms, exponential, forest, notes_of, several_outputs, terms_of, warnings_of


@attrs.frozen
class Spec:
    """How sure the intervals are, and whether exp(b) is shown."""

    confidence: Share = param(Share(0.95), gt=0, lt=1, doc="Confidence of the intervals.")
    exponentiate: bool = param(False, doc="Show exp(coefficient) too: odds ratios for logistic regression.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """One table of all terms, and a panel of estimates with intervals for each model and output."""
    models = view.models
    notes, warnings, found = [], [], []
    for model in models:
        terms = terms_of(model, view)
        if terms is None:
            notes.append(f"{model.name} has no coefficients: `{model.algorithm}` is not a linear model.")
            continue
        found.append(terms)
        notes += notes_of(model)
        missing = [level for level in view.levels if level not in terms.output]
        if len(view.levels) > 2 and len(missing) == 1:
            notes.append(f"{model.name}: log odds against the class `{missing[0]}`.")
        warnings += warnings_of(model)
    if not found:
        return ReportOutput(notes=notes)
    table = _table(spec, models, found)
    figures = []
    for i, terms in enumerate(found):
        ratio = "odds ratio" if terms.model.shape.classes else "exp(estimate)"
        figures.append(
            forest(
                terms, spec.confidence, what="Coefficients", exponentiate=spec.exponentiate,
                label=ratio if spec.exponentiate else "estimate", several=len(found) > 1, place=i,
            )
        )  # fmt: skip
    fitted = [terms.model for terms in found]
    statistics = [*squares_fit(view, fitted), *fit_statistics(fitted, models)]
    return ReportOutput([table, *statistics], figures, notes=list(dict.fromkeys(notes)), warnings=warnings)


def _table(spec: Spec, models: Sequence[ModelView], found: list[Terms]) -> Table:
    def joined(give: Any) -> np.ndarray:
        return np.asarray(np.concatenate([give(terms) for terms in found]))

    errors = bool(np.isfinite(joined(lambda t: t.error)).any())
    finite = [math.isfinite(t.degrees) for t in found]
    percent = f"{100 * spec.confidence:g}%"
    columns = [
        *model_column(models, [t.model.name for t in found for _ in t.term]),
        *([Column("class", [o for t in found for o in t.output], "text")] if several_outputs(found) else []),
        Column("term", [term for t in found for term in t.term], "text"),
        Column("estimate", joined(lambda t: t.estimate)),
    ]
    if errors:
        columns += [
            Column("standard error", joined(lambda t: t.error)),
            Column("t" if all(finite) else "z" if not any(finite) else "t or z", joined(lambda t: t.statistic)),
            Column("p", joined(lambda t: t.p), "p"),
            Column(f"{percent} low", joined(lambda t: t.bounds(spec.confidence)[0])),
            Column(f"{percent} high", joined(lambda t: t.bounds(spec.confidence)[1])),
        ]
    if spec.exponentiate:
        name = "odds ratio" if all(t.model.shape.classes for t in found) else "exp(estimate)"
        columns.append(Column(name, joined(lambda t: exponential(t.estimate))))
        if errors:
            columns += [
                Column(f"{name} {end}", joined(lambda t, i=i: exponential(t.bounds(spec.confidence)[i])))
                for i, end in enumerate(("low", "high"))
            ]
    degrees = " and ".join(dict.fromkeys(f"{t.degrees:,.0f}" for t in found if math.isfinite(t.degrees)))
    note = f"t with {degrees} residual degrees of freedom." if degrees and errors else ""
    robust = dict.fromkeys(words for t in found if (words := _covariance_words(t.model)) and errors)
    return Table("Coefficients", columns, note=" ".join((note, *robust)).strip())


def _covariance_words(model: ModelView) -> str:
    """What the standard errors assume, where it is not one variance for all rows."""
    kind = getattr(model.spec, "covariance", "classical")
    if not isinstance(kind, str):
        count = attribute(model.info, "clusters")
        return f"Standard errors allow for correlation within the {float(count):,.0f} clusters of {kind.column}."
    return f"Standard errors are robust ({kind})." if kind != "classical" else ""


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "coefficients", Spec, compute=compute, tasks={"classify", "regress"},
            snippet="report { coefficients(confidence = 95%, exponentiate = true) }",
            sources=("Wald 1943, doi:10.1090/S0002-9947-1943-0012401-3", "Student 1908, doi:10.1093/biomet/6.1.1"),
        )
    ]  # fmt: skip
