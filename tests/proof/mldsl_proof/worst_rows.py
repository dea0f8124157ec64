"""Worst rows: the held-out rows that the best model got most wrong.

For numbers that is the largest absolute error, for classes the smallest probability of the true class.
"""

from __future__ import annotations

import attrs
import numpy as np

from mldsl.contract import ReportView
from mldsl.plugin import Component, Figure, Panel, Report, ReportOutput, Series, Table, hookimpl, param
from mldsl.plugin.display import Column


@attrs.frozen
class Spec:
    """What to show."""

    show: int = param(5, ge=1, unit="rows", doc="How many rows.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Sort the held-out rows by how wrong they are."""
    model = next((m for m in view.models if m.name == view.best), view.models[0])
    part = model.held_out
    if part.probability is not None:
        wrong = 1 - part.probability[np.arange(len(part.row)), part.target.astype(int)]
        names = [view.levels[int(code)] for code in part.target]
    else:
        wrong = np.abs(part.prediction - part.target)
        names = list(part.target)
    worst = np.argsort(-wrong, kind="stable")[: spec.show]
    table = Table(
        f"The {len(worst)} worst rows of {model.name}",
        [
            Column("row", [int(part.row[i]) for i in worst], "integer"),
            Column("target", [names[i] for i in worst], "text" if view.levels else "number"),
            Column("error", [float(wrong[i]) for i in worst]),
        ],
    )
    ordered = np.sort(wrong)[::-1]
    figure = Figure(
        "How wrong the held-out rows are",
        [Panel("rows, worst first", "error", [Series(list(range(len(ordered))), ordered.tolist())])],
        alt=f"The error of {len(ordered)} held-out rows in falling order, from {ordered[0]:.3g}",
    )
    return ReportOutput(tables=[table], figures=[figure])


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [Report("worst_rows", Spec, compute=compute, tasks={"classify", "regress"})]
