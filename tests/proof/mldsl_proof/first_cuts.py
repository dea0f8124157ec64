"""The cuts at the roots of a model's trees, in words, with what each gained.

A number goes left up to the threshold; a column with levels if its level is one of those that are named.

Shapes:  one row for each tree, up to `most`.
Errors:  none; models without trees have no rows.
"""

from __future__ import annotations

import attrs

from mldsl.contract import ReportView
from mldsl.plugin import Component, Report, ReportOutput, hookimpl, param
from mldsl.plugin.display import Column, Table


@attrs.frozen
class Spec:
    """How many trees are shown."""

    most: int = param(10, ge=1, doc="At most so many.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """One row for each tree, `age <= 14.5` or `sex in {male}`."""
    rows = []
    for model in view.models:
        trees = model.trees
        for tree in range(0 if trees is None else min(spec.most, len(trees.feature))):
            column = model.columns[trees.feature[tree, 0]]
            cut = float(trees.threshold[tree, 0])
            low = [level for code, level in enumerate(column.levels or ()) if code <= cut]
            words = f"{column.name} in {{{', '.join(low)}}}" if column.levels else f"{column.name} <= {cut:.3g}"
            rows.append((model.name, words, float(trees.gain[tree, 0])))
    names = [("model", "text"), ("goes left", "text"), ("gain", "number")]
    columns = [Column(name, [row[i] for row in rows], kind) for i, (name, kind) in enumerate(names)]
    return ReportOutput(tables=[Table("The first cut of each tree", columns)])


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [Report("first_cuts", Spec, compute=compute, tasks={"classify", "regress"})]
