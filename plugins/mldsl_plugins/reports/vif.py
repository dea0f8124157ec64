"""Variance inflation: by how much the other columns of a matrix blur what a model says of each.

VIF_j = 1 / (1 - R2_j), where R2_j is the share of column j's variance that the other columns explain by least squares.
The standard error of its coefficient is sqrt(VIF_j) times what it would be if the others told nothing of it. The
columns are those of a model's matrix after its transforms; the rows are its training rows, weighted. The target is not
looked at, and a penalty changes nothing here: it is one remedy among others.

A term of several columns (a category, an interaction in a formula) has a generalized factor, GVIF: the ratio of
determinants |R_term| |R_rest| / |R| of correlation matrices. GVIF^(1 / (2 df)) compares terms of unlike numbers of
columns df; for one column it is sqrt(VIF).

A large factor harms no prediction. It says that a coefficient cannot be told apart from those of other columns: read
them together, leave one out, or put a penalty on them.

Shapes:  n rows, d columns; O(n d^2).
Units:   none; 1 where a column has nothing to do with the others, infinite where they explain it exactly.
Errors:  sparse matrices and tensors have no factors; the report says so.
Sources: Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153; Fox & Monette 1992, doi:10.1080/01621459.1992.10475190.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.linear._collinear import Dependency, dependencies
from mldsl_plugins.reports._matrix import has_intercept, matrix_of, refused, terms_of, without_matrix
from mldsl_plugins.reports._shared import model_column, shown_number

_SHOWN = 30
_WIDEST = 2000  # columns
_PARTNERS = 2
_GOES_WITH = 0.2  # partial correlation


@attrs.frozen
class Spec:
    """When a factor is large."""

    warn_above: float = param(10.0, ge=1, doc="Warn of factors above this.", also_known_as=("threshold",))


@attrs.frozen(eq=False)
class _Factors:
    """Of one model, an entry a term: `factor` is VIF or GVIF, `partners` what explains the term most."""

    model: ModelView
    terms: list[str]
    columns: np.ndarray
    factor: np.ndarray
    partners: list[str]
    exact: list[Dependency]
    constant: list[str]

    @property
    def inflation(self) -> np.ndarray:
        """By how much standard errors grow: GVIF^(1 / (2 df))."""
        return np.asarray(self.factor ** (1 / (2 * self.columns)))


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Models without a matrix."""
    yield from refused(plan)


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A table of all terms, the largest factors first, bars, and what to do about them."""
    notes, found = [], []
    for model in view.models:
        x = matrix_of(model)
        if x is None:
            notes.append(without_matrix(model))
        elif x.shape[1] > _WIDEST:
            notes.append(f"{model.name} has {x.shape[1]:,} columns; factors are of at most {_WIDEST:,}.")
        elif x.shape[1] < 2:
            notes.append(f"{model.name} has one column, which nothing else can explain.")
        else:
            found.append(_factors(model, x))
    found = _distinct(found, notes)
    if not found:
        return ReportOutput(notes=notes or ["There is no model, so there is no matrix to look at."])
    for one in found:
        if one.constant:
            notes.append(f"{one.model.name}: {_listed(one.constant)} did not vary and has no factor.")
    figures = [_figure(spec, one, i, several=len(found) > 1) for i, one in enumerate(found) if len(one.terms)]
    return ReportOutput([_table(found)], figures, notes, [w for one in found for w in _warnings(spec, one)])


def _factors(model: ModelView, x: np.ndarray) -> _Factors:
    weight = model.train.weight.astype(float)
    centred = has_intercept(model)
    exact = dependencies(x, weight)
    flat = [one for one in exact if not one.others]
    exact = [one for one in exact if one.others]
    dropped = {one.column for one in (*flat, *exact)}
    kept = np.array([j for j in range(x.shape[1]) if j not in dropped], dtype=int)
    endless = {j for one in exact for j in (one.column, *one.others)}
    inverse, correlation = _inverse(x[:, kept], weight, centred=centred)
    place = {j: i for i, j in enumerate(kept.tolist())}
    names, sizes, factors, partners = [], [], [], []
    skipped = {one.column for one in flat}
    for name, members in terms_of(model).items():
        columns = [j for j in members if j not in skipped]
        if not columns:
            continue
        names.append(name)
        sizes.append(len(columns))
        here = [place[j] for j in columns if j in place]
        if endless & set(columns):
            factors.append(np.inf)
            partners.append(_relatives(model, exact, set(columns)))
            continue
        partners.append(_partners(model, inverse, kept, here))
        if len(columns) == 1:
            factors.append(float(inverse[here[0], here[0]]))
        else:
            factors.append(_generalized(inverse, correlation, here))
    constant = [model.features[one.column] for one in flat]
    return _Factors(model, names, np.array(sizes, float), np.array(factors), partners, exact, constant)


def _inverse(x: np.ndarray, weight: np.ndarray, *, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of the columns' correlation matrix, and it itself, by orthogonal reduction rather than products."""
    z = np.sqrt(weight)[:, None] * (x - weight @ x / weight.sum() if centred else x)
    factor = np.linalg.qr(z / np.sqrt((z**2).sum(axis=0)), mode="r")
    back = np.linalg.inv(factor) if factor.shape[0] == factor.shape[1] else np.linalg.pinv(factor)
    return back @ back.T, factor.T @ factor


def _generalized(inverse: np.ndarray, correlation: np.ndarray, here: list[int]) -> float:
    """|R_term| |R_rest| / |R|: the determinant of R_term times that of the term's block of the inverse."""
    block = np.ix_(here, here)
    return float(np.exp(np.linalg.slogdet(correlation[block])[1] + np.linalg.slogdet(inverse[block])[1]))


def _relatives(model: ModelView, exact: list[Dependency], columns: set[int]) -> str:
    """The other columns of the first exact relation."""
    relation = next(one for one in exact if columns & {one.column, *one.others})
    others = [model.features[j] for j in (*relation.others, relation.column) if j not in columns]
    return ", ".join(others[:_PARTNERS]) + (f" and {len(others) - _PARTNERS} more" if len(others) > _PARTNERS else "")


def _partners(model: ModelView, inverse: np.ndarray, kept: np.ndarray, here: list[int]) -> str:
    """The terms that go most with this one when all others are held fast: the largest partial correlations."""
    diagonal = np.sqrt(np.diag(inverse))
    partial = (np.abs(inverse[here]) / diagonal[here][:, None] / diagonal).max(axis=0)
    partial[here] = 0
    of = {j: name for name, places in terms_of(model).items() for j in places}
    order = [int(k) for k in np.argsort(-partial, kind="stable")[: 4 * _PARTNERS] if partial[k] > _GOES_WITH]
    return ", ".join(list(dict.fromkeys(of[int(kept[k])] for k in order))[:_PARTNERS])


def _distinct(found: list[_Factors], notes: list[str]) -> list[_Factors]:
    """Models that share a matrix are shown once."""
    out: list[_Factors] = []
    for one in found:
        twin = next(
            (o for o in out if o.terms == one.terms and np.array_equal(o.factor, one.factor, equal_nan=True)), None
        )
        if twin is None:
            out.append(one)
        else:
            notes.append(f"{one.model.name} has the same columns as {twin.model.name}, and the same factors.")
    return out


def _table(found: list[_Factors]) -> Table:
    orders = [np.argsort(-one.factor, kind="stable") for one in found]
    several = any((one.columns > 1).any() for one in found)
    rows = [(one, i) for one, order in zip(found, orders, strict=True) for i in order]
    columns = [
        *model_column([one.model for one in found], [one.model.name for one, _ in rows]),
        Column("term" if several else "column", [one.terms[i] for one, i in rows], "text"),
        Column("GVIF" if several else "VIF", [one.factor[i] for one, i in rows]),
    ]
    if several:
        columns.append(Column("df", [one.columns[i] for one, i in rows], "integer"))
        columns.append(Column("GVIF^(1/df)", [one.inflation[i] ** 2 for one, i in rows]))  # what `warn_above` judges
    columns += [
        Column("GVIF^(1/(2 df))" if several else "standard error times", [one.inflation[i] for one, i in rows]),
        Column("goes most with", [one.partners[i] for one, i in rows], "text"),
    ]
    total = "; ".join(dict.fromkeys(f"{len(one.model.train.weight):,} training rows" for one in found))
    return Table(f"Variance inflation: {total}", columns)


def _warnings(spec: Spec, one: _Factors) -> list[str]:
    out = []
    for relation in one.exact[:5]:
        out.append(
            f"{one.model.name}: {relation.words(one.model.features)}, exactly, so their coefficients cannot be told "
            "apart. Leave one of them out (`one_hot(drop = first)` for indicators of all levels)."
        )
    if len(one.exact) > 5:
        out.append(f"{one.model.name}: {len(one.exact) - 5} more columns are explained exactly by others.")
    comparable = one.inflation**2  # of a single column VIF itself
    large = [i for i in np.argsort(-one.factor, kind="stable") if spec.warn_above < comparable[i] < np.inf]
    if large:
        shown = [f"`{one.terms[i]}` ({shown_number(comparable[i], 3)})" for i in large[:5]]
        more = f" and {len(large) - 5} more" if len(large) > 5 else ""
        kind = "VIF" if (one.columns == 1).all() else "GVIF^(1/df)"
        out.append(
            f"{one.model.name}: {kind} above {spec.warn_above:g}: {', '.join(shown)}{more}. Their coefficients are "
            "blurred by columns that tell the same; predictions are not."
        )
    return out


def _figure(spec: Spec, one: _Factors, place: int, *, several: bool) -> Figure:
    value = one.inflation**2
    order = np.argsort(-value, kind="stable")[:_SHOWN]
    finite = value[np.isfinite(value)]
    top = 1.1 * max(float(finite.max(initial=1.0)), spec.warn_above)
    names = [one.terms[i] if np.isfinite(value[i]) else f"{one.terms[i]} (∞)" for i in order]
    bars = Series(np.minimum(value[order], top), names, mark="bars")
    limit = Series([spec.warn_above] * len(names), names, "", emphasis="reference")
    alone = (one.columns == 1).all()
    most = f"{one.terms[order[0]]}, {shown_number(value[order[0]], 3)}"
    title = "Variance inflation" + (f", the {_SHOWN} largest" if len(value) > _SHOWN else "")
    kind = "log" if top > 200 else "number"
    panel = Panel(
        "VIF" if alone else "GVIF^(1/df)", "", [bars, limit] if kind == "number" else
        [attrs.evolve(bars, mark="points"), limit], y_kind="category", x_kind=kind,
        x_range=(0.0 if kind == "number" else 0.9, top * (1.0 if kind == "number" else 1.3)),
    )  # fmt: skip
    return Figure(
        f"{title} of {one.model.name}" if several else title,
        [panel],
        f"Variance inflation factors of {one.model.name}; the largest is of {most}.",
        name=one.model.name if place else "",
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "vif", Spec, compute=compute, check=check, tasks={"classify", "regress"},
            snippet="report { vif(warn_above = 5) }",
            also_known_as=("variance_inflation_factor", "variance_inflation", "gvif", "collinearity"),
            sources=("Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153",
                     "Fox & Monette 1992, doi:10.1080/01621459.1992.10475190"),
        )
    ]  # fmt: skip
