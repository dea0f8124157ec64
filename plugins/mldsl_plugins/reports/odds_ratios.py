"""The odds ratios of logistic regression: by what one more unit of a column multiplies the odds, with intervals.

For coefficient b with standard error s the odds ratio is exp(b), its interval exp(b -+ q s), and the p-value that of
b = 0, an odds ratio of 1. With two classes the odds are those of the second; with more, each class has its own, against
the first. `per = standard_deviation` makes a unit the column's standard deviation among the training rows, so that
columns of different units compare; a column of two values, such as an indicator, goes from the one to the other.

The odds ratio of the intercept is left out: it is the odds where all columns are 0, and no ratio. With a penalty the
estimates are drawn to 1 and have no standard errors: the report shows them alone and says what to write instead.

Shapes:  d columns, one row for each, or one for each and class.
Units:   a ratio of odds, per unit of the column, or per the standard deviation that is shown.
Sources: Hosmer, Lemeshow & Sturdivant 2013, doi:10.1002/9781118548387; Wald 1943,
         doi:10.1090/S0002-9947-1943-0012401-3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, ReportOutput, Table
from mldsl_plugins.reports._shared import model_column
from mldsl_plugins.reports._terms import (
    Terms,
    exponential,
    forest,
    notes_of,
    several_outputs,
    terms_of,
    warnings_of,
)


@attrs.frozen
class Spec:
    """How sure the intervals are, and what a unit is."""

    confidence: Share = param(Share(0.95), gt=0, lt=1, doc="Confidence of the intervals.")
    per: Literal["unit", "standard_deviation"] = param(
        "unit", doc="What one more is: a unit of the column, or its standard deviation among the training rows."
    )


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """One table of all terms, and a panel of odds ratios with intervals for each model and class."""
    notes, warnings, found, units = [], [], [], []
    for model in view.models:
        whole = terms_of(model, view) if _linear_in_log_odds(model) else None
        if whole is None:
            notes.append(f"{model.name} has no odds ratios: `{model.algorithm}` is not linear in the log odds.")
            continue
        unit = _units(spec, model, notes)
        terms = _of_ratios(whole, unit)
        found.append(terms)
        units.append(np.array([unit[term] for term in terms.term]))
        notes += [*_references(model, view, terms), *notes_of(model)]
        warnings += warnings_of(model)
    if not found:
        return ReportOutput(notes=notes)
    figures = [
        forest(terms, spec.confidence, what="Odds ratios", exponentiate=True, label="odds ratio",
               several=len(found) > 1, place=i)
        for i, terms in enumerate(found)
    ]  # fmt: skip
    return ReportOutput([_table(spec, view, found, units)], figures, list(dict.fromkeys(notes)), warnings)


def _linear_in_log_odds(model: ModelView) -> bool:
    """Whether exp(coefficient) can be a ratio of odds: there are probabilities, by the logit where a link is chosen."""
    margins_only = model.held_out.probability is None and model.held_out.score is not None
    return not margins_only and getattr(model.spec, "link", "logit") == "logit"


def _of_ratios(terms: Terms, unit: dict[str, float]) -> Terms:
    """The terms per unit, without the intercept."""
    rows = [i for i in range(len(terms.term)) if terms.of_column(i)]
    size = np.array([unit[terms.term[i]] for i in rows])
    return attrs.evolve(
        terms, output=[terms.output[i] for i in rows], term=[terms.term[i] for i in rows],
        estimate=terms.estimate[rows] * size, error=terms.error[rows] * size,
    )  # fmt: skip


def _units(spec: Spec, model: ModelView, notes: list[str]) -> dict[str, float]:
    """How much more of each column the ratio is for."""
    ones = dict.fromkeys(model.features, 1.0)
    if spec.per == "unit":
        return ones
    matrix = model.train.inputs
    if not isinstance(matrix, np.ndarray):
        notes.append(f"{model.name}: its columns are not a table, so a unit is one of the column.")
        return ones
    weight = model.train.weight
    mass = max(float(weight.sum()), 1.0)
    mean = weight @ matrix / mass
    deviation = np.sqrt(weight @ (matrix - mean) ** 2 / mass)
    for j, name in enumerate(model.features):
        values = np.unique(matrix[weight > 0, j])
        if len(values) == 2:
            ones[name] = float(values[1] - values[0])
        elif len(values) > 2:
            ones[name] = float(deviation[j])
    return ones


def _references(model: ModelView, view: ReportView, terms: Terms) -> list[str]:
    """Which class the odds are of, and which levels the indicators are compared with."""
    levels = view.levels
    out = []
    if len(levels) > 2 and not set(terms.output) & set(levels):
        out.append(f"{model.name}: odds of a higher level against all lower ones, wherever the line is drawn.")
    elif len(levels) == 2:
        out.append(f"{model.name}: odds of `{levels[1]}` against `{levels[0]}`.")
    else:
        missing = [level for level in levels if level not in terms.output]
        if len(missing) == 1:
            out.append(f"{model.name}: odds of each class against `{missing[0]}`.")
        else:
            out.append(
                f"{model.name}: odds of each class against the (geometric) mean of all, since every class has "
                "coefficients of its own."
            )
    references = model.design.references if model.design is not None else ()
    out += [f"{model.name}: the reference of `{name}` is `{level}`." for name, level in references]
    return out


def _table(spec: Spec, view: ReportView, found: list[Terms], units: list[np.ndarray]) -> Table:
    def joined(give: Callable[[Terms], np.ndarray]) -> np.ndarray:
        return np.asarray(np.concatenate([give(terms) for terms in found]))

    errors = bool(np.isfinite(joined(lambda t: t.error)).any())
    percent = f"{100 * spec.confidence:g}%"
    columns = [
        *model_column(view.models, [t.model.name for t in found for _ in t.term]),
        *([Column("class", [o for t in found for o in t.output], "text")] if several_outputs(found) else []),
        Column("term", [term for t in found for term in t.term], "text"),
        *([Column("per", np.concatenate(units))] if spec.per != "unit" else []),
        Column("odds ratio", joined(lambda t: exponential(t.estimate))),
    ]
    if errors:
        columns += [
            Column(f"{percent} low", joined(lambda t: exponential(t.bounds(spec.confidence)[0]))),
            Column(f"{percent} high", joined(lambda t: exponential(t.bounds(spec.confidence)[1]))),
            Column("p", joined(lambda t: t.p), "p"),
        ]
    more = "one more unit" if spec.per == "unit" else "more by `per`"
    return Table("Odds ratios", columns, note=f"By what {more} multiplies the odds, all other columns equal.")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "odds_ratios", Spec, compute=compute, tasks={"classify"},
            snippet="report { odds_ratios(confidence = 95%, per = standard_deviation) }",
            also_known_as=("odds_ratio", "forest_plot", "exponentiate"),
            sources=(
                "Hosmer, Lemeshow & Sturdivant 2013, doi:10.1002/9781118548387",
                "Wald 1943, doi:10.1090/S0002-9947-1943-0012401-3",
            ),
        )
    ]  # fmt: skip
