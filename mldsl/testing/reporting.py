"""The checks of reports: of a small run of each task they give well-formed tables and figures, twice the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np

from mldsl.contract import ModelView, PartView, Prediction, ReportView, Shape
from mldsl.contract.shape import ColumnShape
from mldsl.plugin import Component, NoSpec, ReportOutput
from mldsl.testing.samples import CLASSES

_ROWS = 24
_NAMES = {"classify": "classification", "regress": "regression", "cluster": "clustering"}
_LEVELS = ("a", "b", "c")


def report_view(task: str) -> ReportView:
    """A run of 24 held-out rows with one model that has learned nothing that a report would know."""
    import polars as pl

    from mldsl.plan import ColumnPlan

    random = np.random.default_rng(9)
    x = random.normal(size=(_ROWS, 2))
    code = random.permutation(np.arange(_ROWS) % CLASSES)
    raw = random.uniform(0.1, 1, (_ROWS, CLASSES)) + (code[:, None] == np.arange(CLASSES))
    probability, distance = raw / raw.sum(axis=1, keepdims=True), 1 / raw
    number = x[:, 0] + random.normal(0, 0.3, _ROWS)
    answers: dict[str, dict[str, np.ndarray]] = {
        "classify": {"target": code, "prediction": probability.argmax(axis=1), "probability": probability},
        "regress": {"target": number, "prediction": x[:, 0]},
        "cluster": {"prediction": distance.argmin(axis=1), "distance": distance},
    }
    rows = np.arange(_ROWS)
    held = PartView("test", np.ones(_ROWS), rows, inputs=x, index=rows, **answers[task])
    columns = tuple(ColumnShape(name) for name in ("c0", "c1"))
    model = ModelView(
        name="kit", algorithm="kit_model", spec=NoSpec(), params=(), info=(), features=("c0", "c1"), held_out=held,
        shape=Shape(_ROWS, columns, CLASSES if task == "classify" else 0), train=attrs.evolve(held, name="train"),
        predict=_constant, history={"loss": [3.0, 2.0, 1.5]},
    )  # fmt: skip
    cells: dict[str, Any] = {"c0": x[:, 0], "c1": x[:, 1]}
    plans = [ColumnPlan("c0", "continuous"), ColumnPlan("c1", "continuous")]
    if task != "cluster":
        target = np.asarray(_LEVELS)[code] if task == "classify" else number
        cells["y"] = target
        plans.append(ColumnPlan("y", "categorical" if task == "classify" else "continuous", role="target"))
    return ReportView(
        task=_NAMES[task], target=None if task == "cluster" else "y", levels=_LEVELS if task == "classify" else (),
        positive=None, models=(model,), best="kit", frame=pl.DataFrame(cells), part=np.array(["test"] * _ROWS),
        columns=tuple(plans),
    )  # fmt: skip


def _constant(matrix: Any) -> Prediction:
    return Prediction(mean=matrix[:, 0])


def report_tasks(component: Any) -> list[str]:
    """The tasks to try a report on."""
    return [task for task in _NAMES if not component.tasks or task in component.tasks]


def _compute(component: Component, task: str) -> Any:
    report: Any = component
    spec = report.example if report.example is not None else report.Spec()
    return report.compute(spec, report_view(task))


def answers(component: Component, task: str) -> Iterator[str]:
    """Tables of equal columns, figures that can be drawn and read aloud, names that tell them apart."""
    output = _compute(component, task)
    if not isinstance(output, ReportOutput):
        yield f"expected a ReportOutput, found {type(output).__name__}"
        return
    for table in output.tables:
        if len({len(column.values) for column in table.columns}) > 1:
            yield f"the columns of the table `{table.title}` are not equally long"
    for figure in output.figures:
        if not figure.alt.strip():
            yield f"the figure `{figure.title}` has no `alt`, so those who cannot see it learn nothing"
        for panel in figure.panels:
            for series in panel.series:
                if len(series.x) != len(series.y):
                    yield f"a series of `{figure.title}` has {len(series.x)} x and {len(series.y)} y"
    for parts in (output.tables, output.figures):
        if len({part.name for part in parts}) < len(parts):
            yield "two tables or figures have one name; all but the first need a `name` of their own"
    if not (output.tables or output.figures or output.notes or output.warnings):
        yield "it says nothing"


def deterministic(component: Component, task: str) -> Iterator[str]:
    """Computed twice, the same."""
    if _plain(_compute(component, task)) != _plain(_compute(component, task)):
        yield "computed twice from the same run, it differs"


def _plain(value: Any) -> Any:
    """Something that compares by value, NaN included."""
    if attrs.has(type(value)):
        return [_plain(getattr(value, field.name)) for field in attrs.fields(type(value))]
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return repr(value)


OF_REPORTS = (answers, deterministic)
