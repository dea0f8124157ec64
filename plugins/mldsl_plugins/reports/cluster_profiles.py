"""What the rows of each cluster have in common: size, mean and spread of every column, shares of every level.

Columns are those of the file, in their own units, whatever scaling the model saw; ignored columns are described too,
since they are often what one hopes to find again. The picture shows (cluster mean - overall mean) / overall standard
deviation, so that columns of different units compare; columns whose clusters differ most come first.

Shapes:  n rows, k clusters, c columns. O(n c).
Units:   those of each column; standardised differences have none.
Source:  Cohen 1988, Statistical Power Analysis, chapter 2 (standardised differences).
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Table
from mldsl_plugins.reports._columns import LEVELS, is_number, numbers, rows_of, texts
from mldsl_plugins.reports._shared import model_column, moments, part_words

_LEVELS = 12
_DRAWN = 40


@attrs.frozen
class _Groups:
    """The rows of one model: their cluster, weight, and places in the frame."""

    model: ModelView
    label: np.ndarray
    weight: np.ndarray
    rows: np.ndarray
    clusters: int


@attrs.frozen
class _Profile:
    """A column of numbers by cluster: overall and cluster [k] means and standard deviations."""

    name: str
    mean: float
    spread: float
    means: np.ndarray
    spreads: np.ndarray

    @property
    def difference(self) -> np.ndarray:
        """Cluster means as standardised differences from the overall mean; 0 for a constant column."""
        if not self.spread > 0:
            return np.zeros(len(self.means))
        return (self.means - self.mean) / self.spread


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """Sizes, means, standard deviations and levels by cluster, and a heatmap for each model."""
    models = view.models
    groups, notes = [], []
    for model in models:
        found = _groups(model, view)
        if found is None:
            notes.append(f"{model.name} gives no clusters.")
        else:
            groups.append(found)
    if not groups:
        return ReportOutput(notes=notes)
    columns = [c for c in view.columns if c.name in view.frame.columns and c.role not in ("key", "weight", "part")]
    profiles = [[_profile(g, view.frame, c) for c in columns if is_number(view.frame, c)] for g in groups]
    counted = [c for c in columns if c.type in LEVELS]
    tables = [_sizes(models, groups)]
    if any(profiles):
        tables += [_statistic(models, groups, profiles, "mean"), _statistic(models, groups, profiles, "spread")]
    if counted:
        tables.append(_shares(models, groups, view.frame, counted))
    figures = [_figure(g, p, i, len(groups) > 1) for i, (g, p) in enumerate(zip(groups, profiles, strict=True)) if p]
    return ReportOutput(tables, figures, notes=notes)


def _groups(model: ModelView, view: ReportView) -> _Groups | None:
    part = model.held_out
    rows = rows_of(view, part)
    if part.prediction is None or rows is None or not len(rows):
        return None
    label = part.prediction.astype(int)
    k = part.distance.shape[1] if part.distance is not None else int(label.max(initial=-1)) + 1
    return _Groups(model, label, part.weight.astype(float), rows, k)


def _profile(groups: _Groups, frame: Any, column: Any) -> _Profile:
    found = numbers(frame, column.name)
    value = np.full(frame.height, np.nan)
    value[found.rows] = found.values
    value = value[groups.rows]
    present = np.isfinite(value)
    mean, spread = moments(value[present], groups.weight[present])
    within = [present & (groups.label == j) for j in range(groups.clusters)]
    pairs = np.array([moments(value[rows], groups.weight[rows]) for rows in within]).reshape(-1, 2)
    return _Profile(column.name, mean, spread, pairs[:, 0], pairs[:, 1])


def _sizes(models: tuple[ModelView, ...], groups: list[_Groups]) -> Table:
    names = [g.model.name for g in groups for _ in range(g.clusters)]
    mass = np.concatenate([np.bincount(g.label[g.label >= 0], g.weight[g.label >= 0], g.clusters) for g in groups])
    total = np.concatenate([np.full(g.clusters, g.weight.sum()) for g in groups])
    distances = [_mean_distance(g) for g in groups]
    columns = [
        *model_column(models, names),
        Column("cluster", [j for g in groups for j in range(g.clusters)], "integer"),
        Column("rows", mass, "integer"),
        Column("share", mass / total, "share"),
    ]
    if all(d is not None for d in distances):
        columns.append(Column("mean distance", np.concatenate([d for d in distances if d is not None])))
    noise = sum(float(g.weight[g.label < 0].sum()) for g in groups)
    note = f"{noise:,.0f} rows belong to no cluster." if noise else ""
    return Table(
        f"Clusters of {'; '.join(dict.fromkeys(part_words(g.model.held_out) for g in groups))}", columns, note=note
    )


def _mean_distance(groups: _Groups) -> np.ndarray | None:
    """The mean distance of a cluster's rows to its own centre, in the model's own columns."""
    distance = groups.model.held_out.distance
    if distance is None:
        return None
    own = distance[np.arange(len(groups.label)), np.clip(groups.label, 0, None)]
    mass = np.bincount(groups.label, groups.weight, groups.clusters)
    total = np.bincount(groups.label, groups.weight * own, groups.clusters)
    return np.asarray(np.divide(total, mass, out=np.full(groups.clusters, np.nan), where=mass > 0))


def _statistic(
    models: tuple[ModelView, ...], groups: list[_Groups], profiles: list[list[_Profile]], what: str
) -> Table:
    """Columns down, clusters across; models with fewer clusters leave cells empty."""
    k = max(g.clusters for g in groups)
    flat = [(g.model.name, p) for g, found in zip(groups, profiles, strict=True) for p in found]
    cells = np.full((len(flat), k), np.nan)
    for i, (_, profile) in enumerate(flat):
        values = profile.means if what == "mean" else profile.spreads
        cells[i, : len(values)] = values
    return Table(
        "Means" if what == "mean" else "Standard deviations",
        [
            *model_column(models, [name for name, _ in flat]),
            Column("column", [p.name for _, p in flat], "text"),
            Column("all", [p.mean if what == "mean" else p.spread for _, p in flat]),
            *(Column(str(j), cells[:, j]) for j in range(k)),
        ],
        name="means" if what == "mean" else "spreads",
    )


def _shares(models: tuple[ModelView, ...], groups: list[_Groups], frame: Any, columns: list[Any]) -> Table:
    """Shares of levels within each cluster."""
    k = max(g.clusters for g in groups)
    names, column_names, levels, everywhere, cells = [], [], [], [], []
    for g in groups:
        mass = np.bincount(np.clip(g.label, 0, None), g.weight * (g.label >= 0), g.clusters)
        for column in columns:
            values = texts(frame, column.name)[g.rows.tolist()].to_numpy()
            known = [str(v) for v in column.levels or sorted({str(v) for v in values if v is not None})][:_LEVELS]
            for level in known:
                here = (values == level) & (g.label >= 0)
                count = np.bincount(g.label[here], g.weight[here], g.clusters)
                row = np.full(k, np.nan)
                np.divide(count, mass, out=row[: g.clusters], where=mass > 0)
                names.append(g.model.name)
                column_names.append(column.name)
                levels.append(level)
                everywhere.append(count.sum() / max(mass.sum(), 1e-300))
                cells.append(row)
    grid = np.array(cells).reshape(-1, k)
    return Table(
        "Shares of levels within each cluster",
        [
            *model_column(models, names),
            Column("column", column_names, "text"),
            Column("level", levels, "text"),
            Column("all", everywhere, "share"),
            *(Column(str(j), grid[:, j], "share") for j in range(k)),
        ],
        name="levels",
    )


def _figure(groups: _Groups, profiles: list[_Profile], place: int, several: bool) -> Figure:
    ranked = sorted(profiles, key=lambda p: -float(np.nanmax(np.abs(p.difference), initial=0.0)))[:_DRAWN]
    panel = Panel(
        "cluster", "", heatmap=[p.difference.tolist() for p in ranked], y_labels=[p.name for p in ranked],
        x_labels=[str(j) for j in range(groups.clusters)],
    )  # fmt: skip
    name = groups.model.name
    alt = f"Cluster means of {name} as standardised differences from the overall mean; {ranked[0].name} differs most."
    title = "Standardised differences of cluster means from the overall mean"
    return Figure(f"{title}, {name}" if several else title, [panel], alt, name=name if place else "")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "cluster_profiles", compute=compute, tasks={"cluster"}, snippet="report { cluster_profiles }",
            sources=("Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2",),
        )
    ]  # fmt: skip
