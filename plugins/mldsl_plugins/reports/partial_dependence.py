"""What a model says on average when a column is set to each of some values, for all rows alike.

    dependence(v) = weighted mean over rows of  answer(row with the column set to v)

The columns are declared ones, before any transform, so every model can be asked. Classes: the probability of the
positive class, or of each class where there are several, or their margins where a model gives no probabilities;
numbers: the prediction, in the target's own units. The rows are the held-out ones that count. The values of a number
are `grid` equal steps between its 5% and 95% quantiles (its distinct values where there are no more than that); of a
category its levels, the most frequent first.

A model of trees whose splits by a number are no more than `grid` has a curve of steps: it is asked between the splits,
so that each step stands where the answer changes.

A curve tells what the model does, not what the world would do. Where columns hang together, setting one of them makes
rows that do not exist; the marks below a curve are the deciles of the column, and where there are none the curve is a
guess. With `individual`, curves of single rows show whether the mean hides that rows go different ways.

Shapes:  g values, m held-out rows: g passes over m rows a column, in one compiled program.
Units:   probabilities, margins, or those of the target, over those of the column.
Errors:  a text, an image or another column that is no number and has no levels has no curve; a sentence says so.
Sources: Friedman 2001, doi:10.1214/aos/1013203451; Goldstein et al. 2015, doi:10.1080/10618600.2014.907095
         (individual curves).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Column as ColumnName
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import LEVELS, NUMBERS, is_number, texts, values
from mldsl_plugins.reports._shared import model_column, part_words, thin, weighted_quantile
from mldsl_plugins.reports._tree_answers import cuts_of

_MOST = 60  # columns, unless the file names them
_DRAWN = 12
_LEVELS = 20
_DECILES = tuple(i / 10 for i in range(1, 10))


@attrs.frozen
class Spec:
    """Which columns, and how finely."""

    columns: tuple[ColumnName, ...] = param((), doc="Columns to set; without any, the inputs of the model.")
    grid: int = param(30, ge=2, le=1000, unit="values", doc="Values of a number.", also_known_as=("grid_resolution",))
    individual: int = param(0, ge=0, unit="rows", doc="Curves of so many single rows besides the mean.")


@attrs.frozen
class _Curve:
    """`mean` [g, outputs] and `single` [g, rows, outputs] over `grid`; `names` of the outputs.

    `steps`: between two values the answer is that of the lower one.
    """

    model: ModelView
    column: Any
    grid: list[Any]
    shown: list[Any]
    mean: np.ndarray
    single: np.ndarray
    names: list[str]
    steps: bool = False


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Columns that cannot be set one value after the other."""
    types = {c.name: c.type for c in plan.columns}
    for name in spec.columns:
        if name == plan.target:
            yield Problem("columns", f"expected columns that models look at, found the target `{name}`")
        elif types.get(name) not in (None, *NUMBERS, *LEVELS):
            yield Problem("columns", f"expected numbers or columns of levels, found `{name}`, which is {types[name]}")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """One table of all curves, and a panel a column with a curve for each model or class."""
    notes, curves = [], []
    plans = {c.name: c for c in view.columns}
    for model in view.models:
        if model.replaced is None:
            notes.append(f"{model.name}: it answers no rows, so there is nothing to ask of it.")
            continue
        wanted = [name for name in spec.columns or model.reads if name in model.reads]
        notes += [
            f"{model.name} does not look at `{name}`, so its answers are the same whatever stands there."
            for name in spec.columns
            if name not in model.reads
        ]
        able = [plans[name] for name in wanted if _able(view, plans[name])]
        skipped = [f"`{name}`" for name in wanted if not _able(view, plans[name])]
        if skipped:
            notes.append(f"No curve for {', '.join(skipped)}: neither a number nor a column of levels.")
        if not spec.columns and len(able) > _MOST:
            notes.append(f"The first {_MOST} of {len(able)} columns; name others by `columns = [...]`.")
            able = able[:_MOST]
        curves += [_curve(spec, view, model, column) for column in able]
    notes = list(dict.fromkeys(notes))
    if not curves:
        return ReportOutput(notes=notes or ["There is no model to ask."])
    rows = "; ".join(dict.fromkeys(part_words(c.model.held_out) for c in curves))
    curves.sort(key=lambda c: -_reach(c))
    names = list(dict.fromkeys(c.column.name for c in curves))
    if len(names) > _DRAWN and not spec.columns:
        notes.append(f"Drawn are the {_DRAWN} of {len(names)} columns that move the answers furthest.")
        names = names[:_DRAWN]
    drawn = [c for name in names for c in curves if c.column.name == name]
    return ReportOutput([_ranges(curves, rows), _table(curves)], [_figure(spec, view, drawn)], notes)


def _reach(curve: _Curve) -> float:
    """How far the mean goes from its least to its largest value, of the output that goes furthest."""
    return float(np.ptp(curve.mean, axis=0).max())


def _able(view: ReportView, column: Any) -> bool:
    return is_number(view.frame, column) or column.type in LEVELS


def _curve(spec: Spec, view: ReportView, model: ModelView, column: Any) -> _Curve:
    assert model.replaced is not None
    cuts = cuts_of(model, column.name) if column.type in ("continuous", "integer") else None
    grid, shown = _grid(spec, view, model, column)
    inside = [] if cuts is None else [cut for cut in cuts.tolist() if shown[0] < cut < shown[-1]]
    steps = cuts is not None and len(inside) < spec.grid
    if steps:
        whole = column.type == "integer"
        grid = [grid[0], *(math.ceil(cut) if whole else _above(cut) for cut in inside), grid[-1]]
        shown = [shown[0], *(math.ceil(cut) if whole else cut for cut in inside), shown[-1]]
    said = model.replaced({column.name: grid})
    weight = model.held_out.weight
    names = _outputs(view, said.shape[2])
    if len(view.levels) == 2 and said.shape[2] > 1:
        said = said[:, :, [1 if view.positive is None else view.positive]]
    mean = np.einsum("gmk,m->gk", said, weight) / weight.sum()
    return _Curve(model, column, grid, shown, mean, said[:, thin(len(weight), spec.individual)], names, steps)


def _above(cut: float) -> float:
    """The next number of the matrix beyond a split: the least that goes right."""
    return float(np.nextafter(np.float32(cut), np.float32(np.inf)))


def _outputs(view: ReportView, k: int) -> list[str]:
    if not view.levels:
        return [view.target or "answer"]
    if len(view.levels) == 2:
        return [view.levels[1 if view.positive is None else view.positive]]
    return list(view.levels[:k])


def _grid(spec: Spec, view: ReportView, model: ModelView, column: Any) -> tuple[list[Any], list[Any]]:
    """The values to set, and the same as they are drawn."""
    import polars as pl

    index, weight = model.held_out.index, model.held_out.weight
    frame = view.frame if index is None else view.frame[index.astype(int)]
    if column.type in LEVELS:
        counts = texts(frame, column.name).drop_nulls().value_counts()
        found = dict(sorted(counts.rows(), key=lambda pair: (-pair[1], pair[0])))
        levels = [level for level in column.levels or found if level in found][:_LEVELS]
        cells = pl.Series(levels, dtype=pl.String)
        dtype = frame.schema[column.name]
        given = frame.filter(pl.col(column.name).is_not_null()).unique(column.name, keep="first", maintain_order=True)
        own = dict(zip(texts(given, column.name), given[column.name], strict=True))
        return [own[level] for level in cells] if dtype != pl.String else levels, levels
    held = values(frame, column.name)
    there = np.isfinite(held)
    distinct = np.unique(held[there])
    if len(distinct) > spec.grid:
        low, high = weighted_quantile(held[there], weight[there], (0.05, 0.95))
        distinct = np.linspace(low, high, spec.grid) if low < high else distinct[thin(len(distinct), spec.grid)]
    if frame.schema[column.name].is_temporal():
        micro = pl.Series((distinct * 1e6).round().astype(np.int64))
        return micro.cast(pl.Datetime("us")).cast(frame.schema[column.name]).to_list(), distinct.tolist()
    return distinct.tolist(), distinct.tolist()


def _ranges(curves: list[_Curve], rows: str) -> Table:
    """How far the mean goes, by column: what a reader wants to know first."""
    pairs = [(c, k) for c in curves for k in range(len(c.names))]
    several = any(len(c.names) > 1 for c in curves)
    low = [c.mean[:, k].min() for c, k in pairs]
    high = [c.mean[:, k].max() for c, k in pairs]
    return Table(
        f"Mean {_what(_models(curves))} by the value of a column: {rows}",
        [
            *model_column(_models(curves), [c.model.name for c, _ in pairs]),
            Column("column", [c.column.name for c, _ in pairs], "text"),
            *([Column("class", [c.names[k] for c, k in pairs], "text")] if several else []),
            Column("least", low),
            Column("at", [_cell(c, int(c.mean[:, k].argmin())) for c, k in pairs], "text"),
            Column("largest", high),
            Column("at ", [_cell(c, int(c.mean[:, k].argmax())) for c, k in pairs], "text"),
            Column("difference", np.subtract(high, low)),
        ],
    )


def _cell(curve: _Curve, place: int) -> str:
    value = curve.shown[place]
    if isinstance(value, str):
        return value
    if curve.column.type == "time":
        return str(curve.grid[place])[:16].removesuffix(" 00:00")
    return f"{value:.0f}" if curve.column.type == "integer" and value == round(value) else f"{value:.4g}"


def _table(curves: list[_Curve]) -> Table:
    rows = [(c, i, k) for c in curves for k in range(len(c.names)) for i in range(len(c.grid))]
    several = any(len(c.names) > 1 for c in curves)
    return Table(
        "Curves",
        [
            *model_column(_models(curves), [c.model.name for c, _, _ in rows]),
            Column("column", [c.column.name for c, _, _ in rows], "text"),
            Column("value", [_exact(c, i) for c, i, _ in rows], "text"),
            *([Column("class", [c.names[k] for c, _, k in rows], "text")] if several else []),
            Column("mean", [c.mean[i, k] for c, i, k in rows]),
        ],
        name="curves",
    )


def _exact(curve: _Curve, place: int) -> str:
    return repr(curve.shown[place]) if isinstance(curve.shown[place], float) else str(curve.grid[place])


def _what(models: list[ModelView]) -> str:
    """What the curves are means of."""
    if not models[0].shape.classes:
        return "prediction"
    kinds = {"margin" if model.held_out.probability is None else "probability" for model in models}
    return " or ".join(sorted(kinds, reverse=True))


def _models(curves: list[_Curve]) -> list[ModelView]:
    return list({c.model.name: c.model for c in curves}.values())


def _figure(spec: Spec, view: ReportView, curves: list[_Curve]) -> Figure:
    """A panel a column; a curve a model, or a class where there are several (then a panel a model, too)."""
    models = _models(curves)
    several = any(len(c.names) > 1 for c in curves)
    groups: dict[tuple[str, str], list[_Curve]] = {}
    for c in curves:
        groups.setdefault((c.column.name, c.model.name if several and len(models) > 1 else ""), []).append(c)
    everything = np.concatenate([c.mean.ravel() for c in curves])
    margin = 0.05 * float(np.ptp(everything)) or 0.05
    span = (float(everything.min()) - margin, float(everything.max()) + margin) if not spec.individual else None
    panels = [_panel(view, group, name, model, span, len(models) > 1) for (name, model), group in groups.items()]
    widest = max(curves, key=_reach)
    alt = f"Mean answers over each column; {widest.column.name} moves them furthest."
    return Figure("Partial dependence", panels, alt)


def _panel(
    view: ReportView, group: list[_Curve], name: str, model: str, span: tuple[float, float] | None, several: bool
) -> Panel:
    first = group[0]
    what = _what(_models(group))
    label = f"{what} of {first.names[0]}" if len(first.names) == 1 else what
    series = []
    lying = isinstance(first.shown[0], str)
    for c in group:
        mark: Literal["line", "step"] = "step" if c.steps else "line"
        for k, output in enumerate(c.names):
            named = output if len(c.names) > 1 else c.model.name if several else ""
            for row in range(c.single.shape[1]):
                if not lying:
                    series.append(Series(c.shown, c.single[:, row, k], "", mark=mark, emphasis="muted"))
            if lying:
                series.append(Series(c.mean[:, k], c.shown, named, mark="points"))
            else:
                series.append(Series(c.shown, c.mean[:, k], named, mark=mark))
    title = f"{name}, {model}" if model else name
    if lying:
        return Panel(label, "", series, title=title, y_kind="category", x_range=span)
    if span is not None:
        series.append(_rug(view, first, span[0]))
    return Panel(first.column.name, label, series, title=title, y_range=span)


def _rug(view: ReportView, curve: _Curve, floor: float) -> Series:
    """The deciles of the column on the rows asked, within the values that are drawn."""
    index, weight = curve.model.held_out.index, curve.model.held_out.weight
    held = values(view.frame if index is None else view.frame[index.astype(int)], curve.column.name)
    there = np.isfinite(held)
    deciles = weighted_quantile(held[there], weight[there], _DECILES)
    inside: Sequence[float] = np.unique(deciles[(deciles >= curve.shown[0]) & (deciles <= curve.shown[-1])]).tolist()
    return Series(inside, [floor] * len(inside), "deciles", mark="points", emphasis="muted")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "partial_dependence", Spec, compute=compute, check=check, tasks={"classify", "regress", "rank"},
            snippet="report { partial_dependence(columns = [age, sex], grid = 20) }",
            also_known_as=("partial_dependence_plot", "pdp"),
            sources=(
                "Friedman 2001, doi:10.1214/aos/1013203451",
                "Goldstein et al. 2015, doi:10.1080/10618600.2014.907095",
            ),
        )
    ]  # fmt: skip
