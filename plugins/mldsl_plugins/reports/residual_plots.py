"""Residuals of a regression, in four pictures: against the fit, against the normal, their spread, and against leverage.

A residual is target minus prediction on the scale that was fitted, of the held-out rows (`rows = train` for those that
the model learned from); a standardized one is divided by the residuals' standard deviation. Look for

* a bent trend: a relation that the model misses;
* points off the line or out of its band (95% of normal samples, each by itself): heavy tails, a few odd rows;
* a rising trend of the spread: errors that grow with the fit, where `target = log(...)` may help;
* points beyond the contours of Cook's distance: rows that move the whole fit.

The last needs a linear model fitted by least squares and `rows = train`; residuals are then studentized, as in R's
`plot(lm)`. Without it there is a histogram. `against = [columns]` adds a picture for each declared column, in the model
or not: a trend there is something the column could still tell. Trends are lowess curves. Of more than 5,000 rows their
quantiles are drawn, and only the furthest as points.

Breusch and Pagan's test asks whether the size of errors depends on the columns (Koenker's form: n R2 of the squared
residuals on the matrix, or on the prediction where there is none). Durbin and Watson's statistic asks whether
neighbours err alike, in order of time or of the file: it is 2 where they do not, and goes to 0 where they do.

Shapes:  n rows, d columns: O(n log n + n d^2).
Units:   those of the target, or of its scale; standardized residuals have none.
Sources: Cleveland 1979, doi:10.1080/01621459.1979.10481038 (lowess); Wilk & Gnanadesikan 1968,
         doi:10.1093/biomet/55.1.1 (quantile plots); Koenker 1981, doi:10.1016/0304-4076(81)90062-2; Durbin & Watson
         1950, doi:10.1093/biomet/37.3-4.409.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Column as ColumnName
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import LEVELS, NUMBERS, is_number, texts, values
from mldsl_plugins.reports._influence import Influence, influence_of
from mldsl_plugins.reports._matrix import has_intercept, matrix_of
from mldsl_plugins.reports._normal import quantile_series, shape
from mldsl_plugins.reports._residuals import Residuals, Rows, bell, cloud, residuals_of, scale_note
from mldsl_plugins.reports._shared import model_column, moments, weighted_quantile
from mldsl_plugins.reports.influence import leverage_panel

_WORST = 10
_WIDEST = 300  # columns whose part in the size of errors is tested
_LEVELS = 20


@attrs.frozen
class Spec:
    """Which rows, and which columns besides."""

    rows: Rows = param("held_out", doc="Whose residuals: those held out, or the training rows.")
    against: tuple[ColumnName, ...] = param((), doc="Declared columns to draw the residuals against as well.")


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Columns that nothing can be drawn against."""
    types = {c.name: c.type for c in plan.columns}
    for name in spec.against:
        if types.get(name) not in (None, *NUMBERS, *LEVELS):
            yield Problem("against", f"expected numbers or columns of levels, found `{name}`, which is {types[name]}")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Tables of their distribution, tests, the rows furthest off, and a figure for each model."""
    models = view.models
    found = residuals_of(view, spec.rows)
    if not found:
        return ReportOutput(notes=["No row has a prediction, so there are no residuals."])
    figures, notes = [], []
    for i, r in enumerate(found):
        leverage = influence_of(view, r.model) if spec.rows == "train" else None
        known = leverage if isinstance(leverage, Influence) else None
        figures.append(_figure(r, known, i, several=len(found) > 1))
        if spec.against:
            figures.append(_against(spec, view, r, i, several=len(found) > 1))
        if isinstance(leverage, str):
            notes.append(leverage)
    tables = [_distribution(models, found), _tests(view, models, found), _worst(view, models, found)]
    return ReportOutput(tables, figures, [*notes, *scale_note(found)])


def _distribution(models: tuple[ModelView, ...], found: list[Residuals]) -> Table:
    centre = [moments(r.residual, r.weight) for r in found]
    quantile = np.array([weighted_quantile(r.residual, r.weight, (0, 0.25, 0.5, 0.75, 1)) for r in found])
    names = ("least", "lower quartile", "median", "upper quartile", "largest")
    return Table(
        f"Residuals: {'; '.join(dict.fromkeys(r.words for r in found))}",
        [
            *model_column(models, [r.model.name for r in found]),
            Column("mean", [0.0 if abs(mean) < 1e-9 * sd else mean for mean, sd in centre]),
            Column("standard deviation", [sd for _, sd in centre]),
            *(Column(name, quantile[:, i]) for i, name in enumerate(names)),
            Column("skewness", [shape(r.residual, r.weight)[0] for r in found]),
        ],
    )


def _tests(view: ReportView, models: tuple[ModelView, ...], found: list[Residuals]) -> Table:
    spread = [breusch_pagan(r) for r in found]
    watson = [durbin_watson(view, r) for r in found]
    order = "time" if any(c.role == "time" for c in view.columns) else "the file"
    only = [r.model.name for r, (_, _, on) in zip(found, spread, strict=True) if on == "prediction"]
    note = f"Durbin-Watson in the order of {order}"
    if any(np.isnan(v) for v in watson):
        note += "; of weighted rows there is none"
    if only:
        note += f"; Breusch-Pagan against the prediction alone of {', '.join(only)}"
    return Table(
        "Tests of the residuals",
        [
            *model_column(models, [r.model.name for r in found]),
            Column("Breusch-Pagan", [s for s, _, _ in spread]),
            Column("p", [p for _, p, _ in spread], "p"),
            Column("Durbin-Watson", watson),
        ],
        name="tests",
        note=f"{note}.",
    )


def breusch_pagan(r: Residuals) -> tuple[float, float, str]:
    """Koenker's statistic, its p by chi-square, and what the squared residuals were explained by."""
    from scipy.special import chdtrc

    x = matrix_of(r.model, r.part)
    on = "matrix"
    if x is None or x.shape[1] > _WIDEST or x.shape[1] + 2 > r.weight.sum() or not has_intercept(r.model):
        x, on = r.fitted[:, None], "prediction"
    total = float(r.weight.sum())
    mean = r.weight @ x / total
    root = np.sqrt(r.weight)[:, None]
    z = root * (x - mean)
    length = np.sqrt((z**2).sum(axis=0))
    kept = length > 1e-10 * np.sqrt(r.weight @ x**2)
    y = r.residual**2
    y = y - r.weight @ y / total
    whole = float(r.weight @ y**2)
    if not kept.any() or not whole > 0:
        return float("nan"), float("nan"), on
    z = z[:, kept] / length[kept]
    b, _, rank, _ = np.linalg.lstsq(z, root[:, 0] * y, rcond=1e-9)
    left = float(((root[:, 0] * y - z @ b) ** 2).sum())
    statistic = total * max(0.0, 1 - left / whole)
    return statistic, float(chdtrc(int(rank), statistic)), on


def durbin_watson(view: ReportView, r: Residuals) -> float:
    """Squared differences of neighbours over squares, in order of time or of the file; NaN where rows have weights."""
    if not np.all(r.weight == 1):
        return float("nan")
    order = np.argsort(r.part.row, kind="stable")
    time = next((c for c in view.columns if c.role == "time" and c.name in view.frame.columns), None)
    if time is not None and r.part.index is not None:
        when = values(view.frame, time.name)[r.part.index.astype(int)]
        order = np.lexsort((r.part.row, when))
    e = r.residual[order]
    whole = float(e @ e)
    return float((np.diff(e) ** 2).sum()) / whole if whole > 0 else float("nan")


def _worst(view: ReportView, models: tuple[ModelView, ...], found: list[Residuals]) -> Table:
    kept = [(r, np.argsort(-np.abs(r.residual), kind="stable")[:_WORST]) for r in found]
    shown = [r.scale for r in found if r.scale]
    return Table(
        "Rows furthest off",
        [
            *model_column(models, [r.model.name for r, i in kept for _ in i]),
            Column("row", np.concatenate([r.part.row[i] + 1 for r, i in kept]), "integer"),
            Column(shown[0] if shown else view.target or "target", np.concatenate([r.target[i] for r, i in kept])),
            Column("prediction", np.concatenate([r.fitted[i] for r, i in kept])),
            Column("residual", np.concatenate([r.residual[i] for r, i in kept])),
        ],
        name="rows",
        note="Rows count from 1 after the header.",
    )


def _figure(r: Residuals, leverage: Influence | None, place: int, *, several: bool) -> Figure:
    _, spread = moments(r.residual, r.weight)
    scale = spread if np.isfinite(spread) and spread > 0 else 1.0
    z = r.residual / scale if leverage is None else np.nan_to_num(leverage.internal)
    kind = "standardized" if leverage is None else "studentized"
    ends = [float(r.fitted.min()), float(r.fitted.max())]
    name = r.model.name
    last = Panel("residual", "rows", bell(r), title="Distribution") if leverage is None else leverage_panel(leverage)
    told = "as a histogram" if leverage is None else "against leverage"
    return Figure(
        f"Residuals of {name}" if several else "Residuals",
        [
            Panel(
                r.label, "residual",
                [Series(ends, [0, 0], "", emphasis="reference"), *cloud(r.fitted, r.residual, r.weight)],
                title="Against the prediction",
            ),
            Panel("normal quantile", f"{kind} residual", quantile_series(z, r.weight), title="Against the normal"),
            Panel(r.label, f"√|{kind} residual|", cloud(r.fitted, np.sqrt(np.abs(z)), r.weight), title="Spread"),
            last,
        ],
        f"Residuals of {name} on {r.words}: against the prediction, against normal quantiles, the root of their size "
        f"against the prediction, and {told}.",
        name=name if place else "",
    )  # fmt: skip


def _against(spec: Spec, view: ReportView, r: Residuals, place: int, *, several: bool) -> Figure:
    """A panel for each named column."""
    known = {c.name: c for c in view.columns if c.name in view.frame.columns}
    index = np.arange(len(r.residual)) if r.part.index is None else r.part.index.astype(int)
    panels = [_beside(view, known[name], r, index) for name in spec.against if name in known]
    name = r.model.name
    columns = ", ".join(name for name in spec.against if name in known)
    return Figure(
        f"Residuals of {name} by column" if several else "Residuals by column",
        panels,
        f"Residuals of {name} on {r.words} against {columns}.",
        name=f"columns-{place + 1}" if several else "columns",
    )


def _beside(view: ReportView, column: Any, r: Residuals, index: np.ndarray) -> Panel:
    """Residuals along a number, or their quartiles by level, the most frequent first."""
    frame = view.frame[index.tolist()]
    if is_number(frame, column):
        x = values(frame, column.name)
        some = np.isfinite(x)
        ends = [float(x[some].min()), float(x[some].max())] if some.any() else [0.0, 1.0]
        zero = Series(ends, [0, 0], "", emphasis="reference")
        return Panel(
            column.name, "residual", [zero, *cloud(x[some], r.residual[some], r.weight[some])], title=column.name
        )
    text = texts(frame, column.name).fill_null("(missing)").to_numpy()
    levels, code = np.unique(text.astype(str), return_inverse=True)
    mass = np.bincount(code, r.weight)
    shown = np.argsort(-mass, kind="stable")[:_LEVELS]
    ends = np.array([weighted_quantile(r.residual[code == k], r.weight[code == k], (0.25, 0.5, 0.75)) for k in shown])
    names = [str(levels[k]) for k in shown]
    return Panel(
        "residual: median and middle half", "",
        [Series([0.0] * len(names), names, "", emphasis="reference"),
         Series(ends[:, 1], names, "rows", low=ends[:, 0], high=ends[:, 2], mark="points")],
        title=column.name, y_kind="category",
    )  # fmt: skip


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "residual_plots", Spec, compute=compute, check=check, tasks={"regress"},
            snippet="report { residual_plots(against = [year_built]) }",
            also_known_as=("residuals", "plot_lm", "residplot", "scale_location", "breusch_pagan", "durbin_watson"),
            sources=(
                "Cleveland 1979, doi:10.1080/01621459.1979.10481038",
                "Wilk & Gnanadesikan 1968, doi:10.1093/biomet/55.1.1",
                "Koenker 1981, doi:10.1016/0304-4076(81)90062-2",
                "Durbin & Watson 1950, doi:10.1093/biomet/37.3-4.409",
            ),
        )
    ]  # fmt: skip
