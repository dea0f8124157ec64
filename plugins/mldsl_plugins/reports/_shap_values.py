"""`feature_importance(method = shap)`: what each column adds to the answers for single rows, and on the whole."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._gain import made_columns
from mldsl_plugins.reports._shared import model_column, part_words, shown_number, thin
from mldsl_plugins.reports._tree_answers import Combined, categorical_of, combined_of, grown_of, rows_of_matrix
from mldsl_plugins.trees._shap import contributions, paths_of, points_of

_SHOWN = 20  # columns as bars
_DRAWN = 6  # columns whose values are drawn by row, of each model
_POINTS = 500
_SWARM = 12  # columns in a swarm
_BINS = 90  # places along its axis
_HUES = ("low values", "high values", "values between", "no order, or missing")
_LEVELS = 12
_WORK = 4_000_000_000  # factors of paths, over all rows: some seconds of two cores
_FEWEST = 50  # rows, however large the trees
_CLOSE = 1e-4  # of the range of answers, by which sums may be off


@attrs.frozen(eq=False)
class Explained:
    """`value` [n, d, outputs] of rows x [n, d]; `mean` [outputs] is what all start from; `missed` are not here."""

    model: ModelView
    how: Combined
    x: np.ndarray
    value: np.ndarray
    mean: np.ndarray
    missed: int

    def size(self, output: int) -> np.ndarray:
        """The mean absolute value by column [d]."""
        return np.asarray(np.abs(self.value[:, :, output]).mean(axis=0))

    def order(self) -> np.ndarray:
        """The columns, those first that add most, over all outputs."""
        return np.argsort(-sum(self.size(k) for k in range(self.value.shape[2])), kind="stable")


def explain(model: ModelView, how: Combined, trees: Any, rows: int, seed: int) -> Explained:
    """The values of held-out rows. Those whose sum is not the model's answer are left out and counted."""
    paths = paths_of(trees)
    points = points_of(paths)
    assert model.compiled is not None
    x = rows_of_matrix(model, min(rows, max(_FEWEST, _WORK // (paths.column.size * len(points[0])))), seed)
    x = np.asarray(x, np.asarray(trees.threshold).dtype)
    found = model.compiled("shap", contributions, trees, paths, points, x, categorical_of(model))
    many, place = (len(trees.feature) if how.averaged else 1), list(how.place)
    value = np.asarray(found, float)[:, :, place] / many
    mean = paths.mean[place] / many + how.base[place]
    total = value.sum(axis=1) + mean
    kept = how.misses(model, x, total) <= _CLOSE * (float(np.ptp(total)) or 1.0)
    return Explained(model, how, x[kept], value[kept], mean, int((~kept).sum()))


def by_shap(rows: int, view: ReportView) -> ReportOutput:
    """Mean sizes by column as a table and bars, and the values of the first columns row by row."""
    found, notes, warnings = [], [], []
    for model in view.models:
        trees = grown_of(model)
        if trees is None:
            notes.append(f"{model.name}: it has no trees.")
            continue
        how = combined_of(view, model, trees)
        if how is None:
            notes.append(f"{model.name}: its answers are neither a sum nor a mean of what its trees say.")
            continue
        one = explain(model, how, trees, rows, view.seed)
        if one.missed:
            warnings.append(
                f"{model.name}: {one.missed:,} of {one.missed + len(one.x):,} rows are left out: their answers are not "
                "the sum of what columns add (rows that miss a value, or have a new level, may go by others)."
            )
        if not len(one.x):
            continue
        found.append(one)
        pairs = zip(one.how.outputs, one.mean, strict=True)
        starts = ", ".join(f"{f'`{name}` ' if name else ''}{shown_number(float(mean))}" for name, mean in pairs)
        softmax = " (its probability is their softmax)" if how.centered else ""
        notes.append(
            f"{model.name}: values are in {how.unit}{softmax}; with {starts}, the mean over training rows, those of a "
            "row add up to its answer."
        )
        notes += made_columns(model)
    if not found:
        return ReportOutput(notes=notes, warnings=warnings)
    figures = [_bars(found)]
    for i, one in enumerate(found):
        of = f" of {one.model.name}" if len(found) > 1 else ""
        figures.append(_swarm(one, of, f"swarm {one.model.name}" if i else "swarm"))
        figures.append(_clouds(one, of, f"rows {one.model.name}" if i else "rows"))
    return ReportOutput([_table(found)], figures, notes, warnings)


def _table(found: list[Explained]) -> Table:
    rows = [(one, k, j) for one in found for k in range(len(one.how.outputs)) for j in _order(one, k)]
    models = [one.model for one in found]
    words = "; ".join(dict.fromkeys(_rows_words(one) for one in found))
    several = any(len(one.how.outputs) > 1 for one in found)
    return Table(
        f"What columns add to answers: mean size of SHAP values, {words}",
        [
            *model_column(models, [one.model.name for one, _, _ in rows]),
            *([Column("class", [one.how.outputs[k] for one, k, _ in rows], "text")] if several else []),
            Column("column", [one.model.columns[j].name for one, _, j in rows], "text"),
            Column("mean size", [one.size(k)[j] for one, k, j in rows]),
            Column("share", [one.size(k)[j] / max(one.size(k).sum(), 1e-300) for one, k, j in rows], "share"),
            Column("least", [one.value[:, j, k].min() for one, k, j in rows]),
            Column("largest", [one.value[:, j, k].max() for one, k, j in rows]),
            Column("direction", [_direction(one, j, k) for one, k, j in rows]),
        ],
        note="Direction is the correlation of a column's values with what they add: above 0, larger values raise the "
        "answer; empty for categories and for what adds nothing.",
    )


def _order(one: Explained, output: int) -> np.ndarray:
    return np.argsort(-one.size(output), kind="stable")


def _rows_words(one: Explained) -> str:
    whole = part_words(one.model.held_out)
    return whole if len(one.x) == len(one.model.held_out.weight) else f"{len(one.x):,} of {whole}"


def _direction(one: Explained, column: int, output: int) -> float | None:
    """Pearson's correlation of the values of a number, an ordinal or binary column with what they add."""
    if one.model.columns[column].type == "categorical":
        return None
    x, value = one.x[:, column].astype(float), one.value[:, column, output]
    there = np.isfinite(x)
    if there.sum() < 3 or np.ptp(x[there]) == 0 or np.ptp(value[there]) == 0:
        return None
    return float(np.corrcoef(x[there], value[there])[0, 1])


def _bars(found: list[Explained]) -> Figure:
    panels = []
    for one in found:
        order = one.order()[:_SHOWN]
        names = [one.model.columns[j].name for j in order]
        series = [Series(one.size(k)[order], names, output, mark="bars") for k, output in enumerate(one.how.outputs)]
        panels.append(
            Panel(f"mean size of values, {one.how.unit}", "", series,
                  title=one.model.name if len(found) > 1 else "", y_kind="category")
        )  # fmt: skip
    most = max(one.x.shape[1] for one in found)
    title = "Mean size of SHAP values" + (f": the first {_SHOWN} of {most} columns" if most > _SHOWN else "")
    alt = "; ".join(f"{one.model.name}: {one.model.columns[one.order()[0]].name} adds most" for one in found)
    return Figure(title, panels, f"{alt}.")


def _swarm(one: Explained, of: str, name: str) -> Figure:
    """All columns in one panel a class, a point a row beside others like it; hues by the column's own values."""
    columns = one.order()[:_SWARM]
    shown = thin(len(one.x), _POINTS)
    panels = []
    for k, output in enumerate(one.how.outputs):
        span = float(np.ptp(one.value[shown][:, columns, k])) or 1.0
        points: dict[str, list[tuple[float, str, float]]] = {name: [] for name in _HUES}
        for j in columns:
            value = one.value[shown, j, k]
            off = _beside(np.floor((value - value.min()) / span * _BINS).astype(int))
            for kind, x, by in zip(_kinds(one, j)[shown], value, off, strict=True):
                points[_HUES[kind]].append((float(x), one.model.columns[j].name, float(by)))
        names = [one.model.columns[j].name for j in columns]
        series = [Series([0.0] * len(names), names, "", emphasis="reference")]
        for hue, found in points.items():
            if found:
                x, y, off = zip(*found, strict=True)
                emphasis = "muted" if hue == _HUES[2] else "normal"
                series.append(Series(x, y, hue, mark="points", emphasis=emphasis, offset=off))
        panels.append(Panel("adds", "", series, title=output, y_kind="category"))
    first = one.model.columns[columns[0]].name
    return Figure(
        f"What columns add to the answers{of}, {one.how.unit}", panels,
        f"A point a row and column, where it adds to the answer or takes from it; {first} adds most.", name=name,
    )  # fmt: skip


def _kinds(one: Explained, column: int) -> np.ndarray:
    """For each row the place in `_HUES` of its value of a column: among the lower or upper third of values, or not."""
    x = one.x[:, column]
    there = np.isfinite(x)
    if one.model.columns[column].type == "categorical" or not there.any():
        return np.full(len(x), 3)
    low, high = np.quantile(x[there], (1 / 3, 2 / 3))
    kind = np.where(x <= low, 0, np.where(x > high, 1, 2))
    if low == high:  # most rows have one value
        kind = np.where(x < low, 0, np.where(x > high, 1, 2))
    return np.where(there, kind, 3)


def _beside(place: np.ndarray) -> np.ndarray:
    """How far points of one place stand off the middle, by turns to either side."""
    order = np.argsort(place, kind="stable")
    in_order = place[order]
    first = np.searchsorted(in_order, in_order)
    turn = np.empty(len(place), int)
    turn[order] = np.arange(len(place)) - first
    most = np.bincount(place - place.min()).max() if len(place) else 1
    return (turn + 1) // 2 * np.where(turn % 2, 1, -1) * min(0.09, 0.8 / most)


def _clouds(one: Explained, of: str, name: str) -> Figure:
    """What single rows get by the value that they have, a panel for each of the first columns."""
    shown = thin(len(one.x), _POINTS)
    panels = []
    for j in one.order()[:_DRAWN]:
        if not np.abs(one.value[:, j]).max(initial=0.0):
            continue
        column = one.model.columns[j]
        levels = column.levels or (("0", "1") if column.type == "binary" else None)
        x = one.x[shown, j]
        there = np.isfinite(x) & (x >= 0 if levels else np.isfinite(x))
        series, kind = [], "number"
        for k, output in enumerate(one.how.outputs):
            value = one.value[shown, j, k][there]
            if levels:
                kind = "category"
                codes = np.minimum(x[there].astype(int), len(levels) - 1)
                first = [c for c, _ in sorted(((c, -(codes == c).sum()) for c in set(codes)), key=lambda p: p[1])]
                first = first[:_LEVELS] if column.type == "categorical" else sorted(first)
                keep = np.concatenate([np.flatnonzero(codes == c) for c in first]) if first else np.zeros(0, int)
                series.append(Series(value[keep], [levels[codes[i]] for i in keep], output, mark="points"))
            else:
                series.append(Series(x[there], value, output, mark="points"))
        if kind == "category":
            panels.append(Panel("adds", "", series, title=column.name, y_kind="category"))
        else:
            panels.append(Panel(column.name, "adds", series, title=column.name))
    first = one.model.columns[one.order()[0]].name
    return Figure(
        f"What values add to the answer{of}, {one.how.unit}", panels,
        f"What each row gets from the value of a column, a point a row; {first} adds most.", name=name,
    )  # fmt: skip
