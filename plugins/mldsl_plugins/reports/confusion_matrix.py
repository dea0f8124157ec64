"""Rows by actual and predicted class: what is taken for what.

Cell (i, j) is the number of held-out rows of class i that were predicted to be of class j (weights added up), or a
share: of its row (`rows`: recall on the diagonal), of its column (`columns`: precision on the diagonal), or of `all`.
With more than two classes a second table names the most frequent mistakes.

Shapes:  n held-out rows, k classes. O(n + k^2).
Units:   rows, or shares.
Source:  Pearson 1904, Drapers' Company Research Memoirs 1 (contingency tables).
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Table
from mldsl_plugins.reports._confusion import confusion
from mldsl_plugins.reports._shared import model_column, parts_words

_MISTAKES = 10


@attrs.frozen
class Spec:
    """What the cells are shares of."""

    normalize: Literal["none", "rows", "columns", "all"] = param(
        "none", doc="Counts (none), or shares of the actual class, of the predicted class, or of all rows."
    )


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """One table and one panel for each model."""
    models, levels = view.models, list(view.levels)
    counts = [confusion(model.held_out, len(levels)) for model in models]
    cells = [_normalized(table, spec.normalize) for table in counts]
    form: Literal["integer", "share"] = "integer" if spec.normalize == "none" else "share"
    stacked = np.concatenate(cells)
    names = [m.name for m in models for _ in levels]
    table = Table(
        f"Actual (rows) by predicted (columns) class: {parts_words(models)}",
        [
            *model_column(models, names),
            Column("actual", levels * len(models), "text"),
            *(Column(level, stacked[:, j], form) for j, level in enumerate(levels)),
            Column("rows", np.concatenate([c.sum(axis=1) for c in counts]), "integer"),
        ],
        note=_NOTES[spec.normalize],
    )
    panels = [
        Panel(
            "predicted", "actual", title=model.name if len(models) > 1 else "", heatmap=cell.tolist(),
            x_labels=levels, y_labels=levels, cell_format=form,
        )
        for model, cell in zip(models, cells, strict=True)
    ]  # fmt: skip
    figure = Figure("Confusion matrix", panels, " ".join(map(_sentence, models, counts)))
    tables = [table, *([_mistakes(models, counts, levels)] if len(levels) > 2 else [])]
    return ReportOutput(tables=[t for t in tables if len(t.columns[0].values)], figures=[figure])


_NOTES = {
    "none": "",
    "rows": "Shares of the actual class; the diagonal is recall.",
    "columns": "Shares of the predicted class; the diagonal is precision.",
    "all": "Shares of all rows.",
}


def _normalized(table: np.ndarray, by: str) -> np.ndarray:
    if by == "none":
        return table
    total = {"rows": table.sum(axis=1, keepdims=True), "columns": table.sum(axis=0, keepdims=True)}.get(by)
    total = np.broadcast_to(table.sum() if total is None else total, table.shape)
    return np.asarray(np.divide(table, total, out=np.full(table.shape, np.nan), where=total > 0))


def _mistakes(models: Any, counts: list[np.ndarray], levels: list[str]) -> Table:
    """The most frequent pairs of actual and (wrongly) predicted class."""
    rows = []
    for model, table in zip(models, counts, strict=True):
        wrong = table - np.diag(np.diag(table))
        for cell in np.argsort(-wrong, axis=None, kind="stable")[:_MISTAKES]:
            i, j = divmod(int(cell), len(levels))
            if wrong[i, j] > 0:
                rows.append((model.name, levels[i], levels[j], wrong[i, j], wrong[i, j] / table[i].sum()))
    name, actual, predicted, count, share = (list(c) for c in zip(*rows, strict=True)) if rows else [[]] * 5
    return Table(
        "Most frequent mistakes",
        [
            *model_column(models, name),
            Column("actual", actual, "text"),
            Column("predicted", predicted, "text"),
            Column("rows", count, "integer"),
            Column("of the actual class", share, "share"),
        ],
        name="mistakes",
    )


def _sentence(model: Any, table: np.ndarray) -> str:
    return f"{model.name}: {np.trace(table):,.0f} of {table.sum():,.0f} rows lie on the diagonal, predicted right."


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "confusion_matrix", Spec, compute=compute, tasks={"classify"},
            snippet="report { confusion_matrix(normalize = rows) }",
            sources=("Pearson 1904, Drapers' Company Research Memoirs 1",),
        )
    ]  # fmt: skip
