"""`feature_importance(method = gain)`: what splits by each column earned while trees were grown."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._rules import listed
from mldsl_plugins.reports._shared import model_column
from mldsl_plugins.reports._stand_ins import stand_ins_of, with_stand_ins
from mldsl_plugins.reports._tree_answers import grown_of

_SHOWN = 20
BIASED = (
    "Gain is measured on the rows that trees were grown on, and columns with many distinct values have more splits to "
    "choose from: they seem to matter more than they do. `method = permutation`, on held-out rows, has neither fault."
)


@attrs.frozen(eq=False)
class _Gained:
    """By column of the matrix, the most important first: its share of all gain, the gain, how many splits use it."""

    model: ModelView
    columns: list[str]
    share: np.ndarray
    gain: np.ndarray
    splits: np.ndarray
    trees: int
    with_surrogates: np.ndarray | None


def gain_by_column(trees: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    """What the splits of each column gained over all trees, and how many they are, both [d]."""
    feature, gain = np.asarray(trees.feature), np.asarray(trees.gain, float)
    inner = feature >= 0
    return np.bincount(feature[inner], gain[inner], d), np.bincount(feature[inner], minlength=d)


def by_gain(view: ReportView) -> ReportOutput:
    """A table of all columns, and bars of the first, a panel a model."""
    found, notes = [], []
    for model in view.models:
        trees = grown_of(model)
        if trees is None:
            notes.append(f"{model.name}: it has no trees.")
            continue
        names = [column.name for column in model.columns]
        gain, splits = gain_by_column(trees, len(names))
        order = np.argsort(-gain, kind="stable")
        total = gain.sum()
        share = gain / total if total > 0 else np.zeros(len(names))
        stand_ins = stand_ins_of(model, model.columns)
        more = with_stand_ins(gain, trees, stand_ins)[order] if stand_ins else None
        ordered = [names[i] for i in order], share[order], gain[order], splits[order]
        found.append(_Gained(model, *ordered, len(trees.feature), more))
        notes += made_columns(model)
        if total <= 0:
            notes.append(f"{model.name}: its trees have no splits, so no column matters to it.")
    if not found:
        return ReportOutput(notes=notes)
    return ReportOutput([_table(found)], [_figure(found)], [*notes, BIASED])


def made_columns(model: ModelView) -> list[str]:
    """A sentence on columns of the matrix that are none of those that the file declares."""
    made = [column.name for column in model.columns if column.name not in model.reads]
    if not made:
        return []
    are = "is" if len(made) == 1 else "are"
    words = f"importance is of the columns that reach the model; {listed(made, 5)} {are} made by the steps before it."
    return [f"{model.name}: {words}"]


def _table(found: list[_Gained]) -> Table:
    models = [f.model for f in found]

    def joined(give: Any) -> np.ndarray:
        return np.concatenate([give(f) for f in found])

    words = "; ".join(
        f"{f.model.name}: {f.splits.sum():,} {'split' if f.splits.sum() == 1 else 'splits'} in "
        f"{f.trees:,} {'tree' if f.trees == 1 else 'trees'}"
        for f in found
    )
    kept = any(f.with_surrogates is not None for f in found)
    return Table(
        "Gain of the splits by each column",
        [
            *model_column(models, [f.model.name for f in found for _ in f.columns]),
            Column("column", [name for f in found for name in f.columns], "text"),
            Column("importance", joined(lambda f: f.share), "share"),
            Column("gain", joined(lambda f: f.gain)),
            Column("splits", joined(lambda f: f.splits), "integer"),
            *([Column("gain with surrogates", joined(_with_surrogates))] if kept else []),
        ],
        note=f"{words}. Importance is the share of all gain."
        + (
            " With surrogates, a split also counts for those, by their adjusted agreement, as in rpart." if kept else ""
        ),
    )


def _with_surrogates(one: _Gained) -> np.ndarray:
    return np.full(len(one.columns), np.nan) if one.with_surrogates is None else one.with_surrogates


def _figure(found: list[_Gained]) -> Figure:
    panels = [
        Panel(
            "% of all gain", "", [Series(100 * f.share[:_SHOWN], f.columns[:_SHOWN], mark="bars")],
            title=f.model.name if len(found) > 1 else "", y_kind="category",
        )
        for f in found
    ]  # fmt: skip
    most = max(len(f.columns) for f in found)
    title = "Importance by gain" + (f": the first {_SHOWN} of {most} columns" if most > _SHOWN else "")
    alt = "; ".join(f"{f.model.name}: {f.columns[0]} has {f.share[0]:.1%} of all gain" for f in found)
    return Figure(title, panels, f"{alt}.")
