"""Bayes' rule step by step: priors, likelihoods, evidence and posterior of naive Bayes classifiers.

For a row x and class c the rule is p(c | x) = p(c) prod_j p(x_j | c) / p(x), with the evidence p(x) the sum of the
numerators over the classes. The report shows the priors; for each class the columns that speak for it most, by how many
times as likely they are in it as in the other classes together; and for the held-out rows that the model is least sure
of every factor of the computation: by name the columns that tell the two most probable classes apart most, and the
product of all others. The figure shows what each of these says for the most probable class against the second: the
logarithm of its likelihood ratio. Together with the prior's they add up to the log odds.

Products of many small numbers are shown as logarithms. The computation is that of the last fit, before `calibrate`.

Shapes:  k classes, d columns. O(k d) time, and O(k d) for each row that is shown.
Units:   probabilities, or their natural logarithms (nats); densities are per unit of their column.
Errors:  none; a model that has no likelihoods, or rows that are sparse, is said in a note.
Sources: Good 1950, Probability and the weighing of evidence; Duda & Hart 1973, Pattern classification and scene
         analysis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import attribute, model_column

_CLASSES = 6  # of which a row's computation is shown: the most probable ones
_SMALLEST = -230.0  # nats; below, numbers are hardly to be read, and soon to be held


@attrs.frozen
class Spec:
    """How much is shown."""

    rows: int = param(1, ge=1, doc="Held-out rows whose computation is shown: those that the model is least sure of.")
    columns: int = param(10, ge=1, doc="Columns shown of each class and row.")


Likelihood = Callable[[ModelView, np.ndarray], np.ndarray]  # log p(x_j | c) of a row, [k, d]


def _multinomial(model: ModelView, x: np.ndarray) -> np.ndarray:
    return np.asarray(model.params.log_likelihood * x[None])


def _bernoulli(model: ModelView, x: np.ndarray) -> np.ndarray:
    there = (x > model.spec.binarize)[None]
    return np.where(there, model.params.log_present, model.params.log_absent)


def _gaussian(model: ModelView, x: np.ndarray) -> np.ndarray:
    variance = model.params.variance.astype(float)
    with np.errstate(invalid="ignore"):
        found = -0.5 * (np.log(2 * np.pi * variance) + (x[None] - model.params.mean) ** 2 / variance)
    return np.where(np.isfinite(variance), found, 0)


def _categorical(model: ModelView, x: np.ndarray) -> np.ndarray:
    start = model.params.start
    known = (x >= 0) & (x < np.diff(start))
    place = start[:-1] + np.where(known, x, 0).astype(int)
    return np.where(known[None], model.params.log_likelihood[:, place], 0)


LIKELIHOODS: dict[str, Likelihood] = {
    "multinomial_naive_bayes": _multinomial, "bernoulli_naive_bayes": _bernoulli, "gaussian_naive_bayes": _gaussian,
    "categorical_naive_bayes": _categorical,
}  # fmt: skip
# What the table of columns holds, where likelihoods do not depend on the row.
TABLES = {
    "multinomial_naive_bayes": ("log_likelihood", "share of occurrences"),
    "bernoulli_naive_bayes": ("log_present", "probability to be present"),
    "categorical_naive_bayes": ("log_likelihood", "probability"),
}


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Priors, the columns that speak for each class, and the rule for some rows."""
    notes, tables, figures = [], [], []
    found = [model for model in view.models if model.algorithm in LIKELIHOODS]
    others = [m for m in view.models if m.algorithm not in LIKELIHOODS]
    notes += [f"{m.name} has no likelihoods: `{m.algorithm}` does not follow Bayes' rule." for m in others]
    if not found:
        return ReportOutput(notes=notes)
    tables.append(_priors(view, found))
    for model in found:
        levels = _levels(model, view)
        if (strongest := _strongest(spec, view, model, levels, several=len(found) > 1)) is not None:
            tables.append(strongest)
        x = model.held_out.inputs
        if x is None or x.ndim != 2 or x.shape[1] != len(model.features):
            notes.append(f"{model.name}: its rows are sparse, so no row is shown.")
            continue
        for number, place in enumerate(_least_sure(model, np.asarray(x, float), spec.rows)):
            table, figure = _rule(spec, view, model, levels, place, number, several=len(found) > 1)
            tables.append(table)
            figures.append(figure)
        if model.held_out.name in ("folds", "train"):
            notes.append(f"{model.name}: the last fit, whose rule is shown, was trained on these rows too.")
    return ReportOutput(tables=tables, figures=figures, notes=notes)


def _priors(view: ReportView, models: list[ModelView]) -> Table:
    pairs = [(model, c) for model in models for c in range(len(view.levels))]
    with np.errstate(divide="ignore"):
        prior = [float(np.exp(model.params.log_prior[c])) for model, c in pairs]
    return Table(
        "Priors",
        [
            *model_column(models, [model.name for model, _ in pairs]),
            Column("class", [view.levels[c] for _, c in pairs], "text"),
            Column("weight of training rows", [float(model.info.counts.mass[c]) for model, c in pairs]),
            Column("prior", prior),
        ],
    )


def _levels(model: ModelView, view: ReportView) -> list[dict[int, str]]:
    """What the codes of each column stand for, as far as the held-out rows show it."""
    part = model.held_out
    if part.inputs is None or part.index is None or part.inputs.shape[1] != len(model.features):
        return [{} for _ in model.features]
    found: list[dict[int, str]] = []
    for j, column in enumerate(model.shape.columns):
        known: dict[int, str] = {}
        if column.type in ("binary", "categorical", "ordinal") and column.name in view.frame.columns:
            texts = view.frame[column.name].gather(part.index).to_list()
            codes = np.asarray(part.inputs[:, j], float)
            known = {int(c): str(t) for c, t in zip(codes, texts, strict=True) if c >= 0 and t is not None}
        found.append(known)
    return found


def _named(model: ModelView, levels: list[dict[int, str]], j: int, value: float) -> str:
    name = model.features[j]
    if math.isnan(value):
        return f"{name} is missing"
    if model.algorithm == "bernoulli_naive_bayes":
        return f"{name} is {'present' if value > model.spec.binarize else 'absent'}"
    known = levels[j].get(int(value)) if value == int(value) else None
    return f"{name} = {known if known is not None else f'{value:.4g}'.replace('-', '−')}"


def _strongest(
    spec: Spec, view: ReportView, model: ModelView, levels: list[dict[int, str]], *, several: bool
) -> Table | None:
    """For each class, what is more likely in it than in the others together, by how many times."""
    if model.algorithm not in TABLES:
        return None
    field, what = TABLES[model.algorithm]
    table = attribute(model.params, field)
    if table is None:
        return None
    names = list(model.features)
    if model.algorithm == "categorical_naive_bayes":
        start = model.params.start
        names = [
            _named(model, levels, j, float(code))
            for j in range(len(start) - 1)
            for code in range(start[j + 1] - start[j])
        ]
    share, prior = np.exp(table.astype(float)), np.exp(model.params.log_prior.astype(float))
    together = (prior[:, None] * share).sum(axis=0)
    rows: list[tuple[str, str, float, float]] = []
    for c, level in enumerate(view.levels):
        rest = (together - prior[c] * share[c]) / max(1 - prior[c], 1e-300)
        times = share[c] / np.maximum(rest, 1e-300)
        best = np.argsort(-times, kind="stable")[: spec.columns] if prior[c] > 0 else []
        rows += [(level, names[j], float(share[c, j]), float(times[j])) for j in best if times[j] > 1]
    return Table(
        f"What speaks for each class{f', {model.name}' if several else ''}",
        [
            Column("class", [r[0] for r in rows], "text"),
            Column("column", [r[1] for r in rows], "text"),
            Column(what, [r[2] for r in rows]),
            Column("times as likely as in others", [r[3] for r in rows]),
        ],
        name=f"strongest-{model.name}",
    )


def _joint(model: ModelView, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log p(x_j | c) [k, d] of a row, and log p(c) + their sum [k]."""
    each = LIKELIHOODS[model.algorithm](model, x).astype(float)
    return each, model.params.log_prior.astype(float) + each.sum(axis=1)


def _least_sure(model: ModelView, x: np.ndarray, most: int) -> list[int]:
    """The rows whose two most probable classes are closest."""
    probability = model.held_out.uncalibrated if model.held_out.uncalibrated is not None else model.held_out.probability
    if probability is None or not len(x):
        return list(range(min(most, len(x))))
    ordered = np.sort(probability, axis=1)
    margin = ordered[:, -1] - (ordered[:, -2] if ordered.shape[1] > 1 else 0)
    return [int(i) for i in np.argsort(margin, kind="stable")[:most]]


def _rule(
    spec: Spec,
    view: ReportView,
    model: ModelView,
    levels: list[dict[int, str]],
    place: int,
    number: int,
    *,
    several: bool,
) -> tuple[Table, Figure]:
    part = model.held_out
    assert part.inputs is not None
    x = np.asarray(part.inputs[place], float)
    each, joint = _joint(model, x)
    possible = np.isfinite(joint)
    top = joint[possible].max() if possible.any() else 0.0
    evidence = top + math.log(np.exp(joint[possible] - top).sum()) if possible.any() else -math.inf
    posterior = np.where(possible, np.exp(joint - evidence), 0)

    ranked = np.argsort(-joint, kind="stable")
    first, second = int(ranked[0]), int(ranked[min(1, len(ranked) - 1)])
    spread = np.abs(each[first] - each[second])
    order = [int(j) for j in np.argsort(-spread, kind="stable")[: spec.columns] if spread[j] > 0]
    left = np.setdiff1d(np.arange(len(x)), order)
    rest = each[:, left].sum(axis=1)

    logs = bool(min(joint[possible].min(initial=0), rest.min(initial=0), evidence) < _SMALLEST)
    say: Callable[[Any], Any] = (lambda v: v) if logs else np.exp
    steps = [("prior", model.params.log_prior.astype(float))]
    steps += [(_named(model, levels, j, x[j]), each[:, j]) for j in order]
    if len(left):
        steps.append((f"the other {len(left)} columns" if len(left) > 1 else model.features[left[0]], rest))
    steps += [("sum" if logs else "product", joint), ("evidence", np.full(len(joint), evidence))]
    with np.errstate(divide="ignore"):
        cells = [*(say(values) for _, values in steps), posterior]
    names = [*(name for name, _ in steps), "posterior"]
    classes = [int(c) for c in ranked[:_CLASSES]] if len(ranked) > _CLASSES else list(range(len(ranked)))
    if part.target is not None and int(part.target[place]) not in classes:
        classes.append(int(part.target[place]))
    fewer = f" {len(ranked) - len(classes)} less probable classes are left out." if len(classes) < len(ranked) else ""
    row = int(part.row[place]) + 1
    truth = "" if part.target is None else f", which is {view.levels[int(part.target[place])]}"
    of = f" by {model.name}" if several else ""
    key = f"row-{number + 1}-{model.name}"
    table = Table(
        f"Bayes' rule for row {row}{truth}{of}{', logarithms but for the posterior' if logs else ''}",
        [
            Column("factor", names, "text"),
            *(Column(view.levels[c], [float(cell[c]) for cell in cells]) for c in classes),
        ],
        name=key,
        note=("The posterior is exp(sum - evidence)." if logs else "The posterior is product / evidence.") + fewer,
    )
    prior = model.params.log_prior.astype(float)
    shown = [("prior", prior[first] - prior[second])]
    shown += [(_named(model, levels, j, x[j]), each[first, j] - each[second, j]) for j in order]
    if len(left):
        shown.append(("other columns", rest[first] - rest[second]))
    values = [float(v) if math.isfinite(v) else 0.0 for _, v in shown]
    figure = Figure(
        f"What speaks for {view.levels[first]} and against {view.levels[second]} in row {row}{of}",
        [
            Panel(
                f"log likelihood ratio, {view.levels[first]} to {view.levels[second]} (nats)", "",
                [Series(values, [name for name, _ in shown], "", mark="bars")], y_kind="category",
            )
        ],
        f"Log likelihood ratios of row {row}: together {sum(values):.3g} nats for {view.levels[first]}, "
        f"whose posterior is {posterior[first]:.3g}.",
        name=key,
    )  # fmt: skip
    return table, figure


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "bayes_rule", Spec, compute=compute, tasks={"classify"}, snippet="report { bayes_rule(rows = 2) }",
            sources=("Good 1950, Probability and the weighing of evidence",
                     "Duda & Hart 1973, Pattern classification and scene analysis"),
            also_known_as=("naive_bayes_explained", "weight_of_evidence", "nomogram"),
        )
    ]  # fmt: skip
