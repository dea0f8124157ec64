"""Precision, recall and F1 of every class, and their averages.

    precision = hit / predicted,  recall = hit / actual,  F1 = 2 hit / (predicted + actual),

where hit counts rows of the class that were predicted to be of it, predicted those predicted, actual those that are.
A ratio 0/0 is shown as 0, as scikit-learn does, and a note says so. The macro average is over classes that occur among
the rows or the predictions, the weighted one by their actual rows.

Shapes:  n held-out rows, k classes. O(n + k^2).
Units:   shares; support is in rows (weights added up).
Source:  van Rijsbergen 1979, Information Retrieval, chapter 7.
"""

from __future__ import annotations

import numpy as np

from mldsl.contract.views import PartView, ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, ReportOutput, Table
from mldsl_plugins.reports._confusion import confusion
from mldsl_plugins.reports._shared import model_column, parts_words


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """One table: a row a class, then accuracy and the averages, for every model."""
    models = view.models
    names: list[str] = []
    rows: list[tuple[str, float | None, float | None, float | None, float]] = []
    notes: list[str] = []
    for model in models:
        lines, silent = _lines(model.held_out, view.levels)
        rows += lines
        names += [model.name] * len(lines)
        if silent:
            never = ", ".join(f"`{level}`" for level in silent)
            notes.append(f"{model.name} predicted no row as {never}: precision is undefined there and shown as 0.")
    classes, precision, recall, f1, support = (list(column) for column in zip(*rows, strict=True))
    table = Table(
        f"By class: {parts_words(models)}",
        [
            *model_column(models, names),
            Column("class", classes, "text"),
            Column("precision", precision),
            Column("recall", recall),
            Column("F1", f1),
            Column("support", support, "integer", "rows"),
        ],
    )
    return ReportOutput(tables=[table], notes=notes)


def _lines(
    part: PartView, levels: tuple[str, ...]
) -> tuple[list[tuple[str, float | None, float | None, float | None, float]], list[str]]:
    table = confusion(part, len(levels))
    hit, predicted, actual = np.diag(table), table.sum(axis=0), table.sum(axis=1)
    precision, recall, f1 = (
        np.divide(a, b, out=np.zeros(len(levels)), where=b > 0)
        for a, b in ((hit, predicted), (hit, actual), (2 * hit, predicted + actual))
    )
    occurs = (predicted > 0) | (actual > 0)
    lines: list[tuple[str, float | None, float | None, float | None, float]] = [
        (level, precision[i], recall[i], f1[i], actual[i]) if occurs[i] else (level, None, None, None, 0.0)
        for i, level in enumerate(levels)
    ]
    total = float(actual.sum())
    if total > 0:
        lines.append(("accuracy", None, None, float(hit.sum() / total), total))
        for name, weight in (("macro average", occurs.astype(float)), ("weighted average", actual)):
            p, r, f = (float((weight * v).sum() / weight.sum()) for v in (precision, recall, f1))
            lines.append((name, p, r, f, total))
    return lines, [level for i, level in enumerate(levels) if actual[i] > 0 and predicted[i] == 0]


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "classification_report", compute=compute, tasks={"classify"},
            snippet="report { classification_report }",
            sources=("van Rijsbergen 1979, Information Retrieval, chapter 7",),
        )
    ]  # fmt: skip
