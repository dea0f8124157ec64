"""Steps that change the training rows: what they are handed, what comes back, and how many rows that may be.

A fit's own rows are resampled inside its program, after its weights have taken out every row that is held out. So such
a step cannot be done before the split, and what it makes never reaches a row that is judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import jax.numpy as jnp
import numpy as np

from mldsl.contract import ColumnShape, Examples, Shape, segment_reduce
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.arrays import Rows
from mldsl.execute.blame import blamed
from mldsl.execute.buckets import bucket

if TYPE_CHECKING:
    from mldsl.execute.pipeline import Pipeline
    from mldsl.execute.steps import DeviceStep

_BY_ROW = ("target", "cost", "offset", "query", "user", "item", "time")


def resample(
    step: DeviceStep, spec: Any, key: Any, shape: Shape, matrix: Any, active: Any, rows: Rows, weight: Any
) -> tuple[Any, Rows, Any, dict[str, Any] | None]:
    """The matrix, rows and weights to learn from after one step; and, of classes, their weights before and after.

    The component sees the columns that it works on first, then the others; `shape.columns` are those it works on.
    """
    component: Any = step.component
    order = np.asarray((*step.take, *step.leave), np.int32)
    same = bool((order == np.arange(len(order))).all())
    given = Examples(
        matrix if same else matrix[:, order], weight, active=active[order],
        **{name: getattr(rows, name) for name in _BY_ROW},
    )  # fmt: skip
    columns = tuple(ColumnShape(c.name, c.type, len(c.levels or ())) for c in (step.before[i] for i in step.take))
    with blamed(step.value, "resample"):
        made = component.resample(spec, key, attrs.evolve(shape, rows=weight.shape[0], columns=columns), given)
    inputs = made.inputs if same else made.inputs[:, np.argsort(order)]
    group = rows.group if made.weight.shape == weight.shape else None
    changed = rows._replace(matrix=inputs, group=group, **{name: getattr(made, name) for name in _BY_ROW})
    return inputs, changed, made.weight, _masses(rows.target, weight, changed.target, made.weight, shape.classes)


def _masses(target: Any, weight: Any, new_target: Any, new_weight: Any, classes: int) -> dict[str, Any] | None:
    if not classes:
        return None
    before, after = (
        segment_reduce(jnp.ones_like(w), t, classes, weight=w) for t, w in ((target, weight), (new_target, new_weight))
    )
    return {"before": before, "after": after}


def sized(pipeline: Pipeline, target: np.ndarray | None, weight: np.ndarray) -> Pipeline:
    """The pipeline, its shape telling how heavy a class of training rows can be, for steps that add rows.

    `target` [n] are codes, `weight` [n] those of all training rows: no fold can have a heavier class.
    """
    grows = [step for step in pipeline.steps if getattr(step.component, "capacity", None) is not None]
    if not grows or target is None or not pipeline.shape.classes:
        return pipeline
    if pipeline.sparse or pipeline.shape.tensors:
        names = ", ".join(f"`{name}`" for name in (*pipeline.sparse, *(name for name, _ in pipeline.shape.tensors)))
        raise MldslError(
            Diagnostic(
                "MLP0312",
                f"`{grows[0].text}` cannot work here: it makes rows of numbers, and {names} is more than one",
                help="`upsample` repeats rows whole, whatever they hold",
            )
        )
    known = (target >= 0) & (weight > 0)
    mass = np.bincount(target[known].astype(np.int64), weight[known], minlength=1)
    largest = bucket(int(np.ceil(mass.max())))
    shape = attrs.evolve(pipeline.shape, largest_class=largest)
    return attrs.evolve(pipeline, shape=shape, static=f"{pipeline.static} {largest}")


def check_steps(pipeline: Pipeline, rows: int) -> None:
    """MLP0312 where a step's own `check` says that it cannot work on so many rows, classes and columns."""
    found = []
    for step in pipeline.steps:
        check = getattr(step.component, "check", None)
        if check is None or step.value is None:
            continue
        columns = tuple(ColumnShape(c.name, c.type, len(c.levels or ())) for c in (step.before[i] for i in step.take))
        with blamed(step.value, "check"):
            problems = list(check(step.spec, attrs.evolve(pipeline.shape, rows=rows, columns=columns, wide=step.wide)))
        found += [
            Diagnostic("MLP0312", f"`{step.text}` cannot work here: `{p.parameter}`: {p.message}", step.value.span)
            for p in problems
        ]
    if found:
        raise MldslError(*found)
