"""The checks of reports: of a small run of each task they give well-formed tables and figures, twice the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np

from mldsl.contract import ModelView, PartView, Permuted, Prediction, ReportView, Shape, Trees
from mldsl.contract.shape import ColumnShape
from mldsl.plugin import Component, NamedColumn, NoSpec, ReportOutput
from mldsl.testing.samples import CLASSES

_ROWS = 24  # held out, and as many trained on
_NAMES = {"classify": "classification", "regress": "regression", "cluster": "clustering"}
_LEVELS = ("a", "b", "c")


@attrs.frozen(eq=False)
class _Fold:
    """Rows trained on and held out, Bool[n]."""

    repeat: int
    index: int
    train: np.ndarray
    held: np.ndarray


def report_view(task: str) -> ReportView:
    """A run of 24 training and 24 held-out rows, with one model that has learned nothing that a report would know."""
    import polars as pl

    from mldsl.plan import ColumnPlan

    n = 2 * _ROWS
    random = np.random.default_rng(9)
    x = random.normal(size=(n, 2))
    code = random.permutation(np.arange(n) % CLASSES)
    raw = random.uniform(0.1, 1, (n, CLASSES)) + (code[:, None] == np.arange(CLASSES))
    probability, distance = raw / raw.sum(axis=1, keepdims=True), 1 / raw
    number = x[:, 0] + random.normal(0, 0.3, n)
    answers: dict[str, dict[str, np.ndarray]] = {
        "classify": {"target": code, "prediction": probability.argmax(axis=1), "probability": probability},
        "regress": {"target": number, "prediction": x[:, 0]},
        "cluster": {"prediction": distance.argmin(axis=1), "distance": distance},
    }
    rows = np.arange(n)

    def part(name: str, chosen: np.ndarray) -> PartView:
        given = {field: values[chosen] for field, values in answers[task].items()}
        return PartView(name, np.ones(_ROWS), chosen, inputs=x[chosen], index=chosen, **given)

    columns = tuple(ColumnShape(name) for name in ("c0", "c1"))
    doors: dict[str, Any] = {"reads": ("c0", "c1"), "replaced": partial(_replaced, probability, task)}
    if task != "cluster":
        doors |= {"permuted": _permuted, "refit": _refit}
    model = ModelView(
        name="kit", algorithm="kit_model", spec=NoSpec(), params=(), info=(), features=("c0", "c1"),
        held_out=part("test", rows[:_ROWS]), shape=Shape(_ROWS, columns, CLASSES if task == "classify" else 0),
        train=part("train", rows[_ROWS:]), predict=_constant, history={"loss": [3.0, 2.0, 1.5]},
        columns=tuple(NamedColumn(c.name, "continuous") for c in columns), compiled=_compiled,
        trees=None if task == "cluster" else _trees(CLASSES if task == "classify" else 1), **doors,
    )  # fmt: skip
    cells: dict[str, Any] = {"c0": x[:, 0], "c1": x[:, 1]}
    plans = [ColumnPlan("c0", "continuous"), ColumnPlan("c1", "continuous")]
    if task != "cluster":
        target = np.asarray(_LEVELS)[code] if task == "classify" else number
        cells["y"] = target
        plans.append(ColumnPlan("y", "categorical" if task == "classify" else "continuous", role="target"))
    halves = [np.arange(n) % 2 == i for i in range(2)]
    trained = rows >= _ROWS
    folds = tuple(_Fold(0, i, trained & ~half, trained & half) for i, half in enumerate(halves))
    measured = {"kit": {"test": {"score": (0.5, 0.4, 0.6)}}} if task != "cluster" else {}
    return ReportView(
        task=_NAMES[task], target=None if task == "cluster" else "y", levels=_LEVELS if task == "classify" else (),
        positive=None, models=(model,), best="kit", frame=pl.DataFrame(cells),
        part=np.array(["test"] * _ROWS + ["train"] * _ROWS), columns=tuple(plans), metrics=measured,
        primary="score" if measured else None, better={"score": "higher"} if measured else {}, folds=folds,
        training_folds=lambda: folds, seconds={"": {"read": 0.1}, "kit": {"compile": 1.0, "fit": 0.2, "last": 0.2}},
    )  # fmt: skip


def _trees(outputs: int) -> Trees:
    """One tree that splits its rows once, at 0 of the first column."""
    one: Any = [np.array([cells]) for cells in ([0, -1, -1], [0.0, 0, 0], [False] * 3, [1, 1, 2], [2, 1, 2])]
    feature, threshold, missing_left, left, right = one
    share = np.linspace(1, 2, outputs)
    value = np.stack([np.full(outputs, 1 / outputs), share / share.sum(), share[::-1] / share.sum()])[None]
    weight, gain = np.array([[24.0, 14, 10]]), np.array([[3.0, 0, 0]])
    none = np.zeros((1, 3, 0), np.uint32)
    return Trees(feature, threshold, none, missing_left, left, right, value, weight, gain)  # type: ignore[arg-type]


def _compiled(name: str, function: Any, *arrays: Any) -> Any:
    import jax

    return jax.tree.map(np.asarray, jax.jit(function)(*arrays))


def _constant(matrix: Any) -> Prediction:
    return Prediction(mean=matrix[:, 0])


def _permuted(columns: Sequence[str], repeats: int, metric: Any = None) -> Permuted:
    drop = np.outer(np.arange(len(columns), 0.0, -1.0), 1 + 0.1 * np.cos(np.arange(repeats)))
    mean = drop.mean(axis=1)
    return Permuted("score", 0.5, drop, mean - 1.5, mean + 1.5, 1)


def _replaced(probability: np.ndarray, task: str, values: Mapping[str, Sequence[Any]]) -> np.ndarray:
    count = len(next(iter(values.values())))
    said = probability[:_ROWS] if task == "classify" else probability[:_ROWS, :1]
    return np.stack([said + 0.001 * i for i in range(count)])


def _refit(train: np.ndarray, fold: Any) -> dict[str, dict[str, float]]:
    score = 1 - 1 / max(1.0, float(train.sum()))
    return {"train": {"score": score + 0.1}, "held": {"score": score - 0.01 * fold.index}}


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
