"""Where a classifier says what: a map of the predicted class over the plane of two columns, with held-out rows on it.

Each point of the map is asked of the last fit. The colour is that of the class it says, the stronger the surer: from
1/k, where all k classes are as likely, to 1. With more inputs than two, the two that the answers depend on most are
taken, by the loss of the primary metric when they are permuted (or `columns` names them), and all others are held at
one place, which a table tells: numbers at their mean, others at their most frequent value. The map is then one cut
through a space of more dimensions, and a held-out row, drawn where its own two values are, may lie on a colour that is
not what the model says of it.

Shapes:  grid^2 points, asked in one call; at most 500 held-out rows are drawn.
Units:   those of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Column as ColumnName
from mldsl.plugin import Component, Problem, Report, hookimpl, param
from mldsl.plugin.display import Column, Field, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import is_number, values
from mldsl_plugins.reports._shared import model_column, part_words, shown_number, thin

_DRAWN = 500  # held-out rows
_REPEATS = 3  # permutations of a column, to find the two that matter most
_AXES = ("continuous", "integer")


@attrs.frozen
class Spec:
    """Which plane, and how finely."""

    columns: tuple[ColumnName, ...] = param(
        (), doc="The two columns of numbers that span the plane; without them the two that matter most."
    )
    grid: int = param(80, ge=2, le=400, unit="points", doc="Points along each side.", also_known_as=("resolution",))


@attrs.frozen
class _Map:
    """`which`, `sure` [y, x]: the class that is said and how surely; `held` is what the other columns are held at."""

    model: ModelView
    names: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    which: np.ndarray
    sure: np.ndarray
    held: dict[str, Any]


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """Two columns, both of numbers."""
    if spec.columns and len(set(spec.columns)) != 2:
        yield Problem("columns", f"expected two columns, found {len(set(spec.columns))}")
    types = {c.name: c.type for c in plan.columns}
    for name in spec.columns:
        if name == plan.target:
            yield Problem("columns", f"expected columns that models look at, found the target `{name}`")
        elif types.get(name) not in (None, *_AXES):
            yield Problem("columns", f"expected columns of numbers, found `{name}`, which is {types[name]}")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A panel for each model, what the other columns are held at, and the map as a table."""
    notes: list[str] = []
    maps = [found for model in view.models if (found := _map(spec, view, model, notes)) is not None]
    if not maps:
        return ReportOutput(notes=notes or ["There is no model to ask."])
    panels = [_panel(view, found, titled=len(maps) > 1) for found in maps]
    words = "; ".join(
        f"{m.model.name}: {', '.join(_shares(view, m))} of the plane of {m.names[0]} and {m.names[1]}" for m in maps
    )
    rows = "; ".join(dict.fromkeys(part_words(m.model.held_out) for m in maps))
    cuts = [m for m in maps if m.held]
    notes += list(dict.fromkeys(_cut(m) for m in cuts))
    notes.append(f"Points are {rows}, coloured by their true class.")
    tables = [_held(maps, view), *([_table(view, maps)])]
    return ReportOutput(
        [t for t in tables if len(t.columns[0].values)], [Figure("Decision boundary", panels, f"{words}.")], notes
    )


def _map(spec: Spec, view: ReportView, model: ModelView, notes: list[str]) -> _Map | None:
    if model.answered is None or not view.levels:
        notes.append(f"{model.name}: it answers no rows, so there is nothing to ask of it.")
        return None
    plans = {c.name: c for c in view.columns}
    able = [n for n in model.reads if plans[n].type in _AXES and is_number(view.frame, plans[n])]
    if spec.columns:
        unread = [f"`{name}`" for name in spec.columns if name not in model.reads]
        if unread:
            notes.append(f"{model.name} does not look at {' and '.join(unread)}, so the map is the same along it.")
        names = list(spec.columns)
    elif len(able) < 2:
        notes.append(
            f"{model.name} looks at {len(able)} column{'' if len(able) == 1 else 's'} of numbers; a map needs two."
        )
        return None
    else:
        names = able if len(able) == 2 else _most_important(model, able, notes)
    frame, weight = _held_out(view, model), model.held_out.weight
    held = {n: _typical(frame, plans[n], weight) for n in model.reads if n not in names}
    x, y = (_axis(view, frame, plans[n], spec.grid) for n in names)
    answer = model.answered(_plane(frame, held, names, x, y))
    which, sure = _said(model, answer)
    shape = (len(y), len(x))
    return _Map(model, (names[0], names[1]), x, y, which.reshape(shape), sure.reshape(shape), held)


def _most_important(model: ModelView, able: list[str], notes: list[str]) -> list[str]:
    """The two columns whose permutation costs most, in the order of the file."""
    if model.permuted is None:
        return able[:2]
    drop = model.permuted(able, _REPEATS, None).drop.mean(axis=1)
    chosen = sorted(np.argsort(-drop, kind="stable")[:2])
    names = " and ".join(f"`{able[i]}`" for i in chosen)
    notes.append(
        f"{model.name}: of {len(able)} columns of numbers, {names} cost most when permuted; name others by "
        "`columns = [...]`."
    )
    return [able[i] for i in chosen]


def _held_out(view: ReportView, model: ModelView) -> Any:
    index = model.held_out.index
    return view.frame if index is None else view.frame[index.astype(int)]


def _typical(frame: Any, column: Any, weight: np.ndarray) -> Any:
    """The weighted mean of numbers, else the most frequent cell that is not missing."""
    import polars as pl

    if is_number(frame, column) and not frame.schema[column.name].is_temporal():
        found = values(frame, column.name)
        there = np.isfinite(found)
        mass = weight[there].sum()
        return float(weight[there] @ found[there] / mass) if mass > 0 else None
    counts = (
        pl.DataFrame({"cell": frame[column.name], "weight": weight}).drop_nulls("cell")
        .group_by("cell", maintain_order=True).agg(pl.col("weight").sum())
    )  # fmt: skip
    return counts["cell"][int(counts["weight"].arg_max() or 0)] if counts.height else None


def _axis(view: ReportView, frame: Any, column: Any, grid: int) -> np.ndarray:
    """Evenly spaced values from the least to the largest that is held out, and a little beyond."""
    found = values(frame, column.name)
    found = found[np.isfinite(found)]
    low, high = (float(found.min()), float(found.max())) if len(found) else (0.0, 1.0)
    if frame.schema[column.name].is_integer() and high - low < grid:
        return np.arange(low, high + 1)
    margin = 0.04 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, grid)


def _plane(frame: Any, held: dict[str, Any], names: list[str], x: np.ndarray, y: np.ndarray) -> Any:
    """A row for each point, row by row from the least y: the first held-out one with other cells."""
    import polars as pl

    count = len(x) * len(y)

    def cells(name: str, given: Any) -> Any:
        kind = frame.schema[name]
        series = pl.Series(name, given)
        if kind.is_integer() and series.dtype.is_float():
            series = series.round()
        return series.cast(kind, strict=False)

    fixed = [cells(name, [value]).new_from_index(0, count) for name, value in held.items()]
    spanned = cells(names[0], np.tile(x, len(y))), cells(names[1], np.repeat(y, len(x)))
    return frame[np.zeros(count, int)].with_columns(*fixed, *spanned)


def _said(model: ModelView, answer: Any) -> tuple[np.ndarray, np.ndarray]:
    """The class of each point, by the model's threshold, and how surely: 0 at even odds, 1 without doubt."""
    if answer.probability is None:
        which = np.argmax(answer.score, axis=1)
        return which, np.ones(len(which))
    p = np.asarray(answer.probability)
    which = np.argmax(p, axis=1)
    if p.shape[1] == 2 and isinstance(model.threshold, float):
        which = (p[:, 1] >= model.threshold).astype(int)
    own = p[np.arange(len(p)), which]
    even = 1 / p.shape[1]
    return which, np.clip((own - even) / (1 - even), 0, 1)


def _panel(view: ReportView, found: _Map, *, titled: bool) -> Panel:
    frame, target = _held_out(view, found.model), found.model.held_out.target
    assert target is not None
    chosen = thin(len(target), _DRAWN)
    x, y = (values(frame, name)[chosen] for name in found.names)
    codes = np.asarray(target)[chosen]
    series = [Series(x[codes == k], y[codes == k], level, mark="points") for k, level in enumerate(view.levels)]
    plane = Field(found.x, found.y, found.which.tolist(), found.sure.tolist(), view.levels)
    return Panel(*found.names, series, title=found.model.name if titled else "", field=plane)


def _shares(view: ReportView, found: _Map) -> list[str]:
    shares = np.bincount(found.which.ravel(), minlength=len(view.levels)) / found.which.size
    return [f"{level} on {100 * share:.0f} %" for level, share in zip(view.levels, shares, strict=False)]


def _cut(found: _Map) -> str:
    return (
        f"A cut through {len(found.held) + 2} columns, the other {len(found.held)} held at the mean or most frequent "
        "value; a row may lie on a colour that is not what the model says of it."
    )


def _held(maps: list[_Map], view: ReportView) -> Table:
    if all(m.held == maps[0].held for m in maps):
        maps = maps[:1]
    rows = [(m, name, value) for m in maps for name, value in m.held.items()]
    shown = [shown_number(v) if isinstance(v, float) else "" if v is None else str(v) for _, _, v in rows]
    return Table(
        "Held at",
        [
            *model_column([m.model for m in maps], [m.model.name for m, _, _ in rows]),
            Column("column", [name for _, name, _ in rows], "text"),
            Column("value", shown, "text"),
        ],
        name="held",
    )


def _table(view: ReportView, maps: list[_Map]) -> Table:
    """All points: the model, where, the class said, how surely."""
    planes = {m.names for m in maps}
    across, up = next(iter(planes)) if len(planes) == 1 else ("x", "y")
    sizes = [m.which.size for m in maps]
    named = [" and ".join(m.names) for m, size in zip(maps, sizes, strict=True) for _ in range(size)]
    return Table(
        "Map",
        [
            *model_column([m.model for m in maps], [m.model.name for m in maps for _ in range(m.which.size)]),
            *([Column("x and y", named, "text")] if len(planes) > 1 else []),
            Column(across, np.concatenate([np.tile(m.x, len(m.y)) for m in maps])),
            Column(up, np.concatenate([np.repeat(m.y, len(m.x)) for m in maps])),
            Column("class", [view.levels[k] for m in maps for k in m.which.ravel()], "text"),
            Column("sure", np.concatenate([m.sure.ravel() for m in maps])),
        ],
        name="map",
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "decision_boundary", Spec, compute=compute, check=check, tasks={"classify"},
            snippet="report { decision_boundary(grid = 60) }",
            also_known_as=("DecisionBoundaryDisplay", "decision_regions", "decision_surface"),
        )
    ]  # fmt: skip
