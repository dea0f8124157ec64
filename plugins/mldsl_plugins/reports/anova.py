"""Analysis of variance: what each term of a least squares model adds, or what one model adds to another.

F = (SS/q) / s^2 for a term of q degrees of freedom, SS what it takes off the residual sum of squares, s^2 the residual
variance of the whole model. The types differ in what a term is added to:

    1  the terms before it, in the order of the formula's degree: sums add up, and the order matters
    2  all terms that do not contain it: a main effect beside the other main effects
    3  all other terms, factors coded by contrasts that add up to 0 over their levels, as SAS does. (With indicators of
       all levels but the first, as the coefficients have, a main effect would be that at the others' reference.)

With a robust or clustered covariance there are no sums of squares that fit it; the same hypotheses are tested by Wald's
F with that covariance. Without a formula every column is a term.

`models = [a, b]` compares models that are nested on the same rows: by F for least squares (against the residual
variance of the largest; by Wald's F where its covariance is robust), for models of a likelihood by its ratio,
2 log(L_b / L_a) against chi-square, or by the F of their deviances where the dispersion is estimated.

Shapes:  d columns in t terms. O(t d^3), no matter how many rows; comparing O(n d^2).
Units:   sums of squares are in the target's fitted unit squared.
Sources: Fisher 1925, Statistical Methods for Research Workers; Yates 1934, doi:10.1080/01621459.1934.10502686; Wilks
         1938, doi:10.1214/aoms/1177732360.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, ModelName, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, ReportOutput, Table
from mldsl_plugins.reports._nested import Step, compared
from mldsl_plugins.reports._shared import model_column
from mldsl_plugins.reports._squares import Squares, sides, squares_of, summed
from mldsl_plugins.reports._statistics import f_p

WIDEST = 500  # columns that tests of each by itself are made of


@attrs.frozen
class Spec:
    """Which sums of squares, or which models."""

    type: int = param(2, ge=1, le=3, doc="What a term is added to: 1 those before, 2 those without it, 3 all others.")
    models: tuple[ModelName, ...] = param((), doc="Models to compare instead, each nested in the next.")


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """At least two models, by the names of the file; or one that has terms."""
    names = [model.name for model in plan.models]
    if spec.models:
        if len(spec.models) < 2:
            yield Problem("models", "expected at least 2 models to compare, found 1")
        for name in spec.models:
            if name not in names:
                what = name if isinstance(name, str) else "a component"
                yield Problem("models", f"expected names of models of this file ({', '.join(names)}), found {what}")
    elif not any(model.algorithm.name == "ols" for model in plan.models):
        yield Problem(
            "type", "expected an `ols` model, found none; `anova(models = [a, b])` compares models of a likelihood"
        )


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A table of terms for each model, or one of models."""
    if spec.models:
        return _models(spec, view)
    notes, tables = [], []
    for model in view.models:
        squares = squares_of(model)
        if squares is None:
            notes.append(f"{model.name} is `{model.algorithm}`; tests of its terms are told of `ols` only.")
            continue
        if len(squares.b) > WIDEST:
            notes.append(f"{model.name} has {len(squares.b):,} columns; terms are tested of at most {WIDEST:,}.")
            continue
        if not squares.free > 0:
            notes.append(f"{model.name} fits its rows exactly, so nothing is left to test its terms by.")
            continue
        table, said = _table(spec, view, model, squares, place=len(tables))
        tables.append(table)
        notes += said
    return ReportOutput(tables, notes=list(dict.fromkeys(notes)))


def _table(spec: Spec, view: ReportView, model: ModelView, squares: Squares, place: int) -> tuple[Table, list[str]]:
    r, notes = None, []
    if spec.type == 3 and any(len(factors) > 1 for factors in squares.factors.values()):
        r = summed(model, squares.r)
        if r is None:
            notes.append(
                f"{model.name}: factors are coded as in the coefficients, because terms lack the margins that coding "
                "by sums needs."
            )
        elif model.design is not None and model.design.factors:
            notes.append(
                f"{model.name}: factors are coded by sums, so a main effect is the mean over the other's levels."
            )
    found = []
    for name, columns, beside in sides(squares, spec.type):
        q, ss = squares.between(columns, beside, r)
        statistic = ss / q / (squares.rss / squares.free) if q else float("nan")
        if q and not squares.classical:
            statistic = squares.wald(columns, beside, r) / q
        found.append((name, q, ss, statistic))
    names, df, ss, f = (list(column) for column in zip(*found, strict=True)) if found else ([], [], [], [])
    p = [f_p(one, q, squares.degrees) for one, q in zip(f, df, strict=True)]
    nan = float("nan")
    title = f"Analysis of variance, type {spec.type}" + (f": {model.name}" if len(view.models) > 1 else "")
    columns = [Column("term", [*names, "residual"], "text")]
    if squares.classical:
        share = [s / (s + squares.rss) if s + squares.rss > 0 else nan for s in ss]
        mean = [*(s / q if q else nan for s, q in zip(ss, df, strict=True)), squares.rss / squares.free]
        columns += [
            Column("df", [*df, squares.free], "integer"), Column("sum of squares", [*ss, squares.rss]),
            Column("mean square", mean),
            Column("F", [*f, nan]), Column("p", [*p, nan], "p"), Column("partial η²", [*share, nan]),
        ]  # fmt: skip
        note = ""
    else:
        columns += [
            Column("df", [*df, squares.degrees], "integer"), Column("Wald F", [*f, nan]), Column("p", [*p, nan], "p"),
        ]  # fmt: skip
        kind = model.spec.covariance
        kind = kind if isinstance(kind, str) else f"clusters of {kind.column}"
        note = f"By the covariance that the model asks for ({kind}), which no sums of squares fit."
    if not squares.classical and any(q and np.isnan(one) for one, q in zip(f, df, strict=True)):
        notes.append(f"{model.name}: its covariance is of too few clusters for tests of so many coefficients together.")
    empty = [name for name, q in zip(names, df, strict=True) if not q]
    if empty:
        notes.append(f"{model.name}: {', '.join(empty)} adds nothing that the terms beside it do not explain.")
    return Table(title, columns, name=model.name if place else "", note=note), notes


def _models(spec: Spec, view: ReportView) -> ReportOutput:
    chosen = [next((m for m in view.models if m.name == name), None) for name in spec.models]
    found = [model for model in chosen if model is not None]
    if len(found) < len(spec.models):
        return ReportOutput(notes=["Not all of the models are shown here, so there is nothing to compare."])
    steps = compared(view, found)
    if isinstance(steps, str):
        return ReportOutput(warnings=[f"anova: {steps}"])
    return ReportOutput([_comparison(found, steps)])


def _comparison(models: Sequence[ModelView], steps: Sequence[Step]) -> Table:
    nan = float("nan")
    kind = steps[0].kind
    columns = [
        *model_column(models, [m.name for m in models]),
        Column("residual df", [steps[0].free_before, *(s.free_after for s in steps)], "integer"),
        Column(steps[0].what, [steps[0].before, *(s.after for s in steps)]),
        Column("df", [nan, *(s.df for s in steps)], "integer"),
        Column(kind, [nan, *(s.statistic for s in steps)]),
        Column("p", [nan, *(s.p for s in steps)], "p"),
    ]
    return Table(
        "Comparison of nested models", columns, note="Each model against the one above it, on the training rows."
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "anova", Spec, compute=compute, check=check, tasks={"classify", "regress"},
            snippet="report { anova(type = 2) }",
            sources=(
                "Yates 1934, doi:10.1080/01621459.1934.10502686", "Wilks 1938, doi:10.1214/aoms/1177732360",
            ),
            also_known_as=("Anova", "anova_lm", "aov", "likelihood_ratio_test", "lrtest"),
        )
    ]  # fmt: skip
