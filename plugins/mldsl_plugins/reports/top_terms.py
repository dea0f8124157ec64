"""The terms that speak for each class most: what a model of texts has learned, in words.

A term's weight for a class is what one more occurrence adds to the log odds of the class:

- linear models (`logistic_regression`, `linear_svm`): the coefficient (of two classes the first has it with the other
  sign), times the value of the term where steps like `tfidf` weigh it;
- naive Bayes: log p(term | class) - log p(term | other classes); since that is largest for terms that hardly occur,
  terms are ordered by p(term | class) times it, their part in the divergence of the class from the others;
- `complement_naive_bayes`: its weight of the term.

Beside the weight stands in how many of the training rows of the class the term occurs, and in how many of the others,
so that a weight that few rows speak for is seen as such. Names of columns that are no terms are shown as they are.

Shapes:  k classes, d terms. O(k d log d) time, and one pass over the entries of the training rows.
Units:   weights are in nats (margins for support vectors) per unit of the column.
Errors:  none; a model that gives a term no weight for each class is said in a note.
Sources: Manning, Raghavan & Schütze 2008, doi:10.1017/CBO9780511809071, section 13.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import attribute, model_column

_BESIDE = 3  # classes whose terms stand side by side
_PANELS = 4  # classes in a figure
_BARS = 15


@attrs.frozen
class Spec:
    """How many terms are shown."""

    per_class: int = param(20, ge=1, doc="Terms of each class.", also_known_as=("terms", "top", "n", "k"))


class _Terms(NamedTuple):
    """What speaks for each class of a model: weights [k, d], by what terms are ordered [k, d], what a weight is."""

    model: ModelView
    weight: np.ndarray
    order: np.ndarray
    meaning: str


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A table of the strongest terms of every class, and a picture of them."""
    notes, found = [], []
    for model in view.models:
        terms = _terms(model, len(view.levels))
        if terms is None:
            notes.append(f"{model.name}: `{model.algorithm}` gives a term no weight for each class.")
        else:
            found.append(terms)
    if not found:
        return ReportOutput(notes=notes)
    several = len(view.models) > 1
    notes += [f"{terms.model.name}: {terms.meaning}" if several else terms.meaning for terms in found]
    rows = [row for terms in found for row in _rows(spec, view, terms)]
    models = [terms.model for terms in found]
    tables = [_side_by_side(view, models, rows)] if len(view.levels) <= _BESIDE else []
    tables.append(_details(models, rows, name="rows" if tables else ""))
    figures = [_figure(view, terms, rows, several=len(found) > 1) for terms in found]
    return ReportOutput(tables, figures, notes=notes)


# ---- weights ---------------------------------------------------------------------------------------------------------
def _terms(model: ModelView, k: int) -> _Terms | None:
    d = len(model.features)
    coefficients = attribute(model.params, "coefficients")
    if coefficients is not None and np.ndim(coefficients) == 2 and coefficients.shape[1] == d:
        weight = np.concatenate([-coefficients, coefficients]) if len(coefficients) == 1 else np.asarray(coefficients)
        if len(weight) == k:
            return _Terms(model, weight, weight, "A weight is the coefficient of the term's value, for the class.")
    for name in ("log_likelihood", "log_present"):
        likelihood = attribute(model.params, name)
        if likelihood is not None and np.shape(likelihood) == (k, d):
            odds = _against_others(np.asarray(likelihood, float), _prior(model, k))
            said = (
                "A weight is the logarithm of how many times as likely the term is in the class as in the others. "
                "First come terms that are frequent as well: the order is by likelihood in the class times weight."
            )
            return _Terms(model, odds, np.exp(likelihood) * odds, said)
    weights = attribute(model.params, "weights")
    if weights is not None and np.shape(weights) == (k, d):
        return _Terms(model, np.asarray(weights), np.asarray(weights), "A weight is that of the term for the class.")
    return None


def _prior(model: ModelView, k: int) -> np.ndarray:
    prior = attribute(model.params, "log_prior")
    return np.full(k, 1 / k) if prior is None else np.exp(np.asarray(prior, float))


def _against_others(log_p: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """log p(t | c) - log of the mean of p(t | other classes), classes counted by their priors; [k, d]."""
    p = np.exp(log_p)
    together = prior @ p
    others = np.maximum(together[None] - prior[:, None] * p, 0) / np.maximum(1 - prior, 1e-300)[:, None]
    with np.errstate(divide="ignore"):
        return np.where(others > 0, log_p - np.log(np.maximum(others, 1e-300)), 0)


# ---- rows of the table -----------------------------------------------------------------------------------------------
class _Row(NamedTuple):
    model: str
    level: str
    term: str
    weight: float
    own: float | None
    others: float | None


def _rows(spec: Spec, view: ReportView, terms: _Terms) -> list[_Row]:
    model, names = terms.model, terms.model.features
    found = []
    for c, level in enumerate(view.levels):
        places = _largest(terms.order[c], spec.per_class)
        shares = _shares(model, places, c)
        for i, j in enumerate(places):
            own, others = (None, None) if shares is None else (float(shares[0][i]), float(shares[1][i]))
            found.append(_Row(model.name, level, _shown(names[j], view), float(terms.weight[c, j]), own, others))
    return found


def _side_by_side(view: ReportView, models: Sequence[ModelView], rows: Sequence[_Row]) -> Table:
    """The terms of each class from the strongest down, a column for each class."""
    of = {(m.name, level): [r for r in rows if r.model == m.name and r.level == level] for m in models
          for level in view.levels}  # fmt: skip
    lines = [(m.name, i) for m in models for i in range(max(len(of[m.name, level]) for level in view.levels))]

    def cells(level: str, part: str) -> list[Any]:
        return [getattr(of[m, level][i], part) if i < len(of[m, level]) else None for m, i in lines]

    columns = [
        column for level in view.levels
        for column in (Column(level, cells(level, "term"), "text"), Column(f"weight, {level}", cells(level, "weight")))
    ]  # fmt: skip
    return Table("Terms that speak for each class", [*model_column(models, [m for m, _ in lines]), *columns])


def _details(models: Sequence[ModelView], rows: Sequence[_Row], name: str) -> Table:
    """The same, class by class, and in how many rows they occur."""
    columns = [
        *model_column(models, [row.model for row in rows]),
        Column("class", [row.level for row in rows], "text"),
        Column("term", [row.term for row in rows], "text"),
        Column("weight", [row.weight for row in rows]),
    ]
    if any(row.own is not None for row in rows):
        columns += [
            Column("rows of the class", [row.own for row in rows], "share"),
            Column("other rows", [row.others for row in rows], "share"),
        ]
    title = "In how many training rows they occur" if name else "Terms that speak for each class"
    return Table(title, columns, name=name)


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the largest values above 0, from the largest; equal ones in their order."""
    count = min(count, len(values))
    some = np.argpartition(-values, count - 1)[:count] if count < len(values) else np.arange(len(values))
    some = np.sort(some)
    some = some[np.argsort(-values[some], kind="stable")]
    return np.asarray(some[values[some] > 0])


def _shares(model: ModelView, places: Sequence[int] | np.ndarray, c: int) -> tuple[np.ndarray, np.ndarray] | None:
    """In which share of the weight of the training rows of the class, and of the others, a term occurs."""
    part = model.train
    if part.inputs is None or part.target is None or not len(places):
        return None
    own = np.where(part.target == c, part.weight, 0.0)
    others = part.weight - own
    x: Any = part.inputs[:, places]
    there = (x != 0).astype(float)
    return tuple((w @ there) / max(w.sum(), 1e-300) for w in (own, others))  # type: ignore[return-value]


def _shown(name: str, view: ReportView) -> str:
    """A term without the name of its text column, where all terms are of one."""
    texts = [column.name for column in view.columns if column.type == "text" and column.role == "input"]
    return name.removeprefix(f"{texts[0]}_") if len(texts) == 1 else name


# ---- the picture -----------------------------------------------------------------------------------------------------
def _figure(view: ReportView, terms: _Terms, rows: list[_Row], *, several: bool) -> Figure:
    panels, said = [], []
    for level in view.levels[:_PANELS]:
        own = [row for row in rows if row.model == terms.model.name and row.level == level][:_BARS]
        if not own:
            continue
        said.append(f"{level}: {own[0].term}")
        series = [Series([row.weight for row in own], [row.term for row in own], mark="bars")]
        panels.append(Panel("weight", "", series, title=level, y_kind="category"))
    more = "" if len(view.levels) <= _PANELS else f" The table has all {len(view.levels)} classes."
    return Figure(
        f"Terms of {terms.model.name}" if several else "Terms that speak for each class",
        panels,
        f"The strongest term of each class: {'; '.join(said)}.{more}" if said else "No term speaks for a class.",
        name=terms.model.name if several else "",
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "top_terms", Spec, compute=compute, tasks={"classify"}, snippet="report { top_terms(per_class = 20) }",
            sources=("Manning, Raghavan & Schütze 2008, doi:10.1017/CBO9780511809071",),
            also_known_as=("top_features", "informative_features", "show_most_informative_features"),
        )
    ]  # fmt: skip
