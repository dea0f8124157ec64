"""The coefficients of linear models, with standard errors, tests, intervals and, on request, odds ratios.

For coefficient b with standard error s the statistic is b / s: t with the residual degrees of freedom where the error
variance is estimated (least squares), z otherwise (logistic regression). The p-value is two-sided, the interval is
b -+ q s. `exponentiate` adds exp(b) and its interval: for logistic regression the odds ratio of one more unit.

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
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import attribute, model_column
from mldsl_plugins.reports._statistics import two_sided_p, two_sided_quantile

_SHOWN = 30
_SCALING = ("standardize", "min_max_scale", "robust_scale")


@attrs.frozen
class Spec:
    """How sure the intervals are, and whether exp(b) is shown."""

    confidence: Share = param(Share(0.95), gt=0, lt=1, doc="Confidence of the intervals.")
    exponentiate: bool = param(False, doc="Show exp(coefficient) too: odds ratios for logistic regression.")


@attrs.frozen
class _Terms:
    """The coefficients of one model, one entry a term and output; `error` is NaN where there is no standard error."""

    model: ModelView
    output: list[str]
    term: list[str]
    estimate: np.ndarray
    error: np.ndarray
    degrees: float

    def bounds(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """The intervals' ends."""
        reach = two_sided_quantile(confidence, self.degrees) * self.error
        return self.estimate - reach, self.estimate + reach


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """One table of all terms, and a panel of estimates with intervals for each model and output."""
    models = view.models
    notes, warnings, found = [], [], []
    for model in models:
        terms = _terms(model, view)
        if terms is None:
            notes.append(f"{model.name} has no coefficients: `{model.algorithm}` is not a linear model.")
            continue
        found.append(terms)
        notes += _notes(model)
        missing = [level for level in view.levels if level not in terms.output]
        if len(view.levels) > 2 and len(missing) == 1:
            notes.append(f"{model.name}: log odds against the class `{missing[0]}`.")
        warnings += _warnings(model)
    if not found:
        return ReportOutput(notes=notes)
    table = _table(spec, models, found)
    figures = [_figure(spec, terms, i, several=len(found) > 1) for i, terms in enumerate(found)]
    return ReportOutput([table], figures, notes=list(dict.fromkeys(notes)), warnings=warnings)


def _terms(model: ModelView, view: ReportView) -> _Terms | None:
    coefficients = attribute(model.params, "coefficients")
    if coefficients is None or (coefficients.size and coefficients.shape[-1] != len(model.features)):
        return None
    coefficients = np.atleast_2d(coefficients).astype(float)
    k = len(coefficients)
    intercept = attribute(model.params, "intercept")
    error, intercept_error = attribute(model.info, "standard_error"), attribute(model.info, "intercept_standard_error")
    if error is None or _penalty(model) > 0:
        error = intercept_error = np.full(coefficients.shape, np.nan)
    error = np.atleast_2d(error).astype(float)
    outputs, names = _outputs(k, view), list(model.features)
    if intercept is not None:
        names = ["(intercept)", *names]
        coefficients = np.column_stack([np.atleast_1d(intercept).astype(float), coefficients])
        first = np.full(k, np.nan) if intercept_error is None or intercept_error.ndim > 1 else intercept_error
        error = np.column_stack([np.atleast_1d(first).astype(float), error])
    degrees = attribute(model.info, "residual_degrees_of_freedom")
    # Without a penalty one class is the reference: all of its log odds are 0 by definition, not by estimation.
    shown = [i for i in range(k) if k == 1 or np.any(coefficients[i] != 0) or np.any(error[i] != 0)] or list(range(k))
    return _Terms(
        model,
        [outputs[i] for i in shown for _ in names],
        names * len(shown),
        coefficients[shown].ravel(),
        error[shown].ravel(),
        math.inf if degrees is None else float(degrees),
    )


def _outputs(k: int, view: ReportView) -> list[str]:
    """What each row of coefficients is about."""
    levels = view.levels
    if k == len(levels):
        return list(levels)
    if k == len(levels) - 1 and k > 1:  # the first level is the reference
        return list(levels[1:])
    if k == 1 and len(levels) == 2:
        return [levels[1]]
    return [view.target or ""] if k == 1 else [str(i) for i in range(k)]


def _penalty(model: ModelView) -> float:
    return max((float(getattr(model.spec, name, 0) or 0) for name in ("l1", "l2")), default=0.0)


def _notes(model: ModelView) -> list[str]:
    out = []
    penalty = _penalty(model)
    if penalty > 0:
        names = [name for name in ("l1", "l2") if getattr(model.spec, name, 0)]
        without = f"{model.algorithm}({', '.join(f'{name} = 0' for name in names)})"
        out.append(
            f"{model.name}: no standard errors, p-values or intervals. The penalty ({names[0]} = {penalty:g}) draws "
            f"the estimates towards 0, and such figures would not describe them. Write `{without}` for these."
        )
    scaled = [text for text, *_ in model.steps if text.split("(")[0].strip() in _SCALING]
    if scaled:
        out.append(f"{model.name}: a unit is one of the columns after `{'`, `'.join(dict.fromkeys(scaled))}`.")
    if model.target_scale:
        out.append(f"{model.name}: fitted to `{model.target_scale}` of the target, and on that scale.")
    return out


def _warnings(model: ModelView) -> list[str]:
    separated = attribute(model.info, "separated")
    if separated is None or not bool(np.any(separated)) or _penalty(model) > 0:
        return []
    text = (
        f"{model.name}: the columns separate the classes perfectly, so no finite coefficients fit best; estimates and "
        f"standard errors only show where the fit stopped. Write `{model.algorithm}(l2 = 1)`, or leave out the columns "
        "that give the answer away."
    )
    return [text]


def _table(spec: Spec, models: Sequence[ModelView], found: list[_Terms]) -> Table:
    def joined(give: Any) -> np.ndarray:
        return np.asarray(np.concatenate([give(terms) for terms in found]))

    def statistics(terms: _Terms) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(terms.estimate / terms.error)

    errors = bool(np.isfinite(joined(lambda t: t.error)).any())
    finite = [math.isfinite(t.degrees) for t in found]
    percent = f"{100 * spec.confidence:g}%"
    columns = [
        *model_column(models, [t.model.name for t in found for _ in t.term]),
        *([Column("class", [o for t in found for o in t.output], "text")] if _several(found) else []),
        Column("term", [term for t in found for term in t.term], "text"),
        Column("estimate", joined(lambda t: t.estimate)),
    ]
    if errors:
        columns += [
            Column("standard error", joined(lambda t: t.error)),
            Column("t" if all(finite) else "z" if not any(finite) else "t or z", joined(statistics)),
            Column("p", joined(lambda t: two_sided_p(statistics(t), t.degrees)), "p"),
            Column(f"{percent} low", joined(lambda t: t.bounds(spec.confidence)[0])),
            Column(f"{percent} high", joined(lambda t: t.bounds(spec.confidence)[1])),
        ]
    if spec.exponentiate:
        name = "odds ratio" if all(t.model.shape.classes for t in found) else "exp(estimate)"
        columns.append(Column(name, joined(lambda t: _exp(t.estimate))))
        if errors:
            columns += [
                Column(f"{name} {end}", joined(lambda t, i=i: _exp(t.bounds(spec.confidence)[i])))
                for i, end in enumerate(("low", "high"))
            ]
    degrees = ", ".join(f"{t.degrees:,.0f}" for t in found if math.isfinite(t.degrees))
    note = f"t with {degrees} residual degrees of freedom." if degrees and errors else ""
    return Table("Coefficients", columns, note=note)


def _several(found: list[_Terms]) -> bool:
    return any(len(set(t.output)) > 1 for t in found)


def _exp(value: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(value))


def _figure(spec: Spec, terms: _Terms, place: int, *, several: bool) -> Figure:
    """Estimates with intervals, a panel an output; the largest where there are many; the intercept is left out."""
    low, high = terms.bounds(spec.confidence)
    change = _exp if spec.exponentiate else np.asarray
    neutral = 1.0 if spec.exponentiate else 0.0
    panels, title = [], "Coefficients"
    outputs = list(dict.fromkeys(terms.output))
    for output in outputs:
        rows = [i for i, o in enumerate(terms.output) if o == output and terms.term[i] != "(intercept)"]
        if len(rows) > _SHOWN:  # the largest, from the highest to the lowest
            rows = sorted(rows, key=lambda i: -abs(terms.estimate[i]))[:_SHOWN]
            rows.sort(key=lambda i: -terms.estimate[i])
            title = f"The {_SHOWN} largest coefficients"
        names = [terms.term[i] for i in rows]
        bounded = bool(np.isfinite(low[rows]).any())
        series = [
            Series([neutral] * len(names), names, "", emphasis="reference"),
            Series(
                change(terms.estimate[rows]), names, "",
                low=change(low[rows]) if bounded else None, high=change(high[rows]) if bounded else None, mark="points",
            ),
        ] if names else []  # fmt: skip
        label = ("odds ratio" if terms.model.shape.classes else "exp(estimate)") if spec.exponentiate else "estimate"
        panels.append(
            Panel(
                f"{label}{f', {100 * spec.confidence:g}% interval' if bounded else ''}" if names else label, "", series,
                title=output if len(outputs) > 1 else "", y_kind="category",
                x_kind="log" if spec.exponentiate else "number",
            )
        )  # fmt: skip
    most = max(range(len(terms.term)), key=lambda i: abs(terms.estimate[i]) if terms.term[i] != "(intercept)" else -1)
    alt = f"Coefficients of {terms.model.name}; the largest is {terms.estimate[most]:.4g}, of {terms.term[most]}."
    return Figure(
        f"{title} of {terms.model.name}" if several else title,
        [p for p in panels if p.series],
        alt,
        name=terms.model.name if place else "",
    )


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
