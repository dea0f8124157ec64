"""The checks of metrics: weights, replicates, hard data, range and direction."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.contract import ColumnShape, MetricView, Shape
from mldsl.plugin import Component
from mldsl.testing.compare import bits, rounding
from mldsl.testing.learner import QUICK
from mldsl.testing.samples import LARGE, PRESENT, ROWS, doubling
from mldsl.testing.traces import callbacks, floats, same, trace

CLASSES = 3
_BY_ROW = ("target", "prediction", "probability", "score", "inputs", "labels", "group", "query")


class Judge:
    """One metric on one task."""

    def __init__(self, component: Component, task: str) -> None:
        self.component: Any = component
        self.task = task
        self.spec = component.example if component.example is not None else component.Spec()
        self.view = sample_view(task)

    def begin(self) -> None:
        """Raises what the metric raises on the view as it is."""
        self.value(self.view)

    @cached_property
    def program(self) -> Any:
        """The metric, compiled: everything that it prepares included."""
        return jax.jit(self.whole, compiler_options=QUICK)

    @cached_property
    def mapped(self) -> Any:
        """The metric for several weight vectors and a view that is prepared, compiled."""

        def metric(weight: Any, view: MetricView) -> Any:
            return self.component.metric(self.spec, attrs.evolve(view, weight=weight))

        return jax.jit(jax.vmap(metric, in_axes=(0, None)), compiler_options=QUICK)

    def traced(self, dtype: Any) -> tuple[Any, Any]:
        """The trace of the metric in numbers of this type, and the shape of its value.

        In float32 it is that of the compiled metric, which is there already.
        """
        view = self.view if dtype is np.float32 else sample_view(self.task, dtype)
        program = self.program if dtype is np.float32 else jax.jit(lambda v: self.whole(v))
        with jax.enable_x64(dtype is np.float64), jax.numpy_rank_promotion("raise"):
            found = program.trace(view)
        return found.jaxpr, found.out_info

    def whole(self, view: MetricView) -> Any:
        """`prepare` and the metric: pure."""
        return self.component.metric(self.spec, self.prepared(view))

    def prepared(self, view: MetricView) -> MetricView:
        """The view with what the metric prepares."""
        if self.component.prepare is None:
            return view
        return attrs.evolve(view, prepared=self.component.prepare(self.spec, view))

    def value(self, view: MetricView) -> np.ndarray:
        """The metric of a view."""
        with jax.numpy_rank_promotion("raise"):
            return np.asarray(self.program(view))


def sample_view(task: str, dtype: Any = np.float32) -> MetricView:
    """Rows that a model of the task has answered for, some better than others; 24 there, 8 of padding."""
    random = np.random.default_rng(21)
    weight = np.ones(ROWS)
    weight[[1, 8]] = 2.0
    weight[[5, 11]] = 0
    weight[PRESENT:] = 0
    classify, cluster = task == "classify", task == "cluster"
    target = random.integers(0, CLASSES, ROWS) if classify else random.integers(0, 4, ROWS).astype(float)
    raw = random.uniform(0.1, 1, (ROWS, CLASSES)) + (target[:, None] == np.arange(CLASSES))
    probability = raw / raw.sum(axis=1, keepdims=True)
    codes = random.integers(0, CLASSES, ROWS)
    near = target + random.normal(0, 0.8, ROWS)
    answer: Any = probability.argmax(axis=1) if classify else (codes if cluster else near)
    inputs = random.normal(size=(ROWS, 3)) + 4.0 * codes[:, None]
    return MetricView(
        weight=weight.astype(dtype),
        target=None if cluster else target.astype(np.int32 if classify else dtype),
        prediction=answer.astype(np.int32 if classify or cluster else dtype),
        probability=probability.astype(dtype) if classify else None,
        score=near.astype(dtype) if task in ("rank", "recommend") else None,
        inputs=inputs.astype(dtype),
        labels=np.where(random.uniform(size=ROWS) < 0.8, codes, (codes + 1) % CLASSES).astype(np.int32),
        prior=np.full(CLASSES, 1 / CLASSES, dtype) if classify else None,
        center=np.asarray(1.5, dtype),
        query=(np.arange(ROWS) // 4).astype(np.int32) if task == "rank" else None,
        shape=Shape(
            rows=ROWS,
            columns=tuple(ColumnShape(f"c{i}") for i in range(3)),
            classes=CLASSES if classify else 0,
            queries=ROWS // 4 if task == "rank" else 0,
        ),
        classes=CLASSES if classify else 0,
        clusters=CLASSES if cluster else 0,
        label_count=CLASSES,
        parameters=3,
    )


def _at(view: MetricView, index: np.ndarray, weight: np.ndarray) -> MetricView:
    parts: dict[str, Any] = {name: getattr(view, name) for name in _BY_ROW}
    parts = {name: None if value is None else value[index] for name, value in parts.items()}
    return attrs.evolve(view, weight=weight, **parts)


def rubbish(view: MetricView) -> MetricView:
    """Other finite values in rows of weight 0."""
    absent = view.weight == 0
    changes: dict[str, Any] = {}
    for name in _BY_ROW:
        value = getattr(view, name)
        if value is None or name == "query":
            continue
        mask = absent.reshape(-1, *[1] * (value.ndim - 1))
        other = (value + 1) % CLASSES if value.dtype.kind == "i" else LARGE
        changes[name] = np.where(mask, other, value).astype(value.dtype)
    return attrs.evolve(view, **changes)


# ---- checks ----------------------------------------------------------------------------------------------------------


def weight_0(judge: Judge) -> Iterator[str]:
    """Rows of weight 0 change no bit."""
    yield from bits(judge.value(judge.view), judge.value(rubbish(judge.view)))


def weight_2(judge: Judge) -> Iterator[str]:
    """Twice the weight is the row twice."""
    index, heavier, twice = doubling(judge.view.weight)
    one, two = judge.value(_at(judge.view, index, heavier)), judge.value(_at(judge.view, index, twice))
    yield from rounding(one, two, tolerance=1e-4)


def row_order(judge: Judge) -> Iterator[str]:
    """Rows in another order, those of one query side by side."""
    blocks = np.random.default_rng(5).permutation(PRESENT // 4)
    index = np.concatenate([(blocks[:, None] * 4 + np.array([2, 0, 3, 1])[None, :]).ravel(), np.arange(PRESENT, ROWS)])
    yield from rounding(
        judge.value(judge.view), judge.value(_at(judge.view, index, judge.view.weight[index])), tolerance=1e-4
    )


def _longer(view: MetricView) -> MetricView:
    """The view with more rows of weight 0."""
    more: dict[str, Any] = {
        name: np.pad(value, [(0, 8)] + [(0, 0)] * (value.ndim - 1))
        for name in ("weight", *_BY_ROW)
        if (value := getattr(view, name)) is not None
    }
    assert view.shape is not None
    return attrs.evolve(view, shape=attrs.evolve(view.shape, rows=ROWS + 8), **more)


def _replicated(judge: Judge, view: MetricView) -> tuple[np.ndarray, np.ndarray]:
    """The metric under its weights and under three others, side by side, prepared once on the host; and one by one."""
    random = np.random.default_rng(3)
    times = np.pad(random.integers(0, 3, (3, ROWS)), ((0, 0), (0, len(view.weight) - ROWS)))
    weights = np.concatenate([view.weight[None], view.weight * times]).astype(view.weight.dtype)
    with jax.numpy_rank_promotion("raise"):
        together = np.asarray(judge.mapped(weights, judge.prepared(view)))
    alone = [judge.value(attrs.evolve(judge.view, weight=weight[:ROWS])) for weight in weights]
    return together, np.stack(alone)


def padding(judge: Judge) -> Iterator[str]:
    """More rows of weight 0."""
    longer = _longer(judge.view)
    if not _agree(judge, longer):
        yield from rounding(judge.value(judge.view), judge.value(longer), tolerance=1e-4)


def _agree(judge: Judge, view: MetricView) -> bool:
    """Whether the program that `replicates` shares with other checks finds nothing wrong with any of them."""
    try:
        return not list(rounding(*_replicated(judge, view), tolerance=1e-4))
    except Exception:  # each check says by itself what is the matter
        return False


def host(judge: Judge) -> Iterator[str]:
    """Prepared on the host, the value is the same."""
    if judge.component.prepare is None or _agree(judge, _longer(judge.view)):
        return
    with jax.numpy_rank_promotion("raise"):
        apart = jax.jit(lambda v: judge.component.metric(judge.spec, v), compiler_options=QUICK)(
            judge.prepared(judge.view)
        )
    yield from rounding(judge.value(judge.view), np.asarray(apart), tolerance=1e-4)


def replicates(judge: Judge) -> Iterator[str]:
    """One `prepare` for several weight vectors, mapped: equal to each by itself."""
    if not _agree(judge, _longer(judge.view)):
        yield from rounding(*_replicated(judge, judge.view), tolerance=1e-4)


def compiles_once(judge: Judge) -> Iterator[str]:
    """Equal shapes, one program."""
    judge.value(judge.view)
    judge.value(rubbish(judge.view))
    shapes = {value.shape for value in (judge.view.weight,)}
    if judge.program._cache_size() > 2 * len(shapes):  # `padding` has another shape
        yield "it was compiled more than once for equal shapes"


def pure(judge: Judge) -> Iterator[str]:
    """Traced twice, the same program; no callback."""
    one, _ = judge.traced(np.float32)
    with jax.numpy_rank_promotion("raise"):
        two = trace(lambda v: judge.whole(v), judge.view)  # of a new function: a trace of the same is remembered
    if not same(one, two):
        yield "traced twice, it gives two programs: it reads a clock, a random state or another global"
    if found := callbacks(one):
        yield f"it calls back into Python ({', '.join(sorted(found))})"


def dtype(judge: Judge) -> Iterator[str]:
    """A scalar of the weights' type, in float32 and float64."""
    for kind in (np.float32, np.float64):
        closed, out = judge.traced(kind)
        if out.shape != ():
            yield f"expected a scalar, found an array {out.shape}"
        if out.dtype != kind:
            yield f"the value is {out.dtype} where the weights are {np.dtype(kind).name}"
        if kind is np.float64 and (leaks := floats(closed) - {"float64"}):
            yield f"it computes in {', '.join(sorted(leaks))} where the weights are float64"


def in_range(judge: Judge) -> Iterator[str]:
    """Between the lowest and the highest value that are declared."""
    low, high = judge.component.lowest, judge.component.highest
    for view in (judge.view, _perfect(judge.view), _shuffled(judge.view)):
        value = float(judge.value(view))
        if (low is not None and value < low - 1e-4) or (high is not None and value > high + 1e-4):
            yield f"it gives {value:g}, and is declared to lie within {low}..{high}"


def _perfect(view: MetricView) -> MetricView:
    """Every row answered rightly."""
    if view.target is None:
        return attrs.evolve(view, prediction=view.labels)
    right = view.target[:, None] == np.arange(max(view.classes, 1))[None, :]
    return attrs.evolve(
        view, prediction=view.target,
        probability=None if view.probability is None else right.astype(view.weight.dtype),
        score=None if view.score is None else view.target.astype(view.weight.dtype),
    )  # fmt: skip


def _shuffled(view: MetricView) -> MetricView:
    """Answers that belong to other rows."""
    other: dict[str, Any] = {
        name: None if getattr(view, name) is None else np.roll(getattr(view, name), 1, axis=0)
        for name in ("prediction", "probability", "score")
    }
    return attrs.evolve(view, **other)


def direction(judge: Judge) -> Iterator[str]:
    """The right answer is better than answers of other rows; clusters have no right answer without labels."""
    if judge.task == "cluster" and not hasattr(judge.spec, "labels"):
        return
    best, worse = float(judge.value(_perfect(judge.view))), float(judge.value(_shuffled(judge.view)))
    better = judge.component.better
    if not (best > worse if better == "higher" else best < worse):
        yield f"`better` is {better}, but a perfect prediction gives {best:g} and a wrong one {worse:g}"


def degenerate(judge: Judge) -> Iterator[str]:
    """A value or NaN, never an exception; NaN without rows."""
    view = judge.view
    nothing = judge.value(attrs.evolve(view, weight=np.zeros_like(view.weight)))
    if not np.isnan(nothing):
        yield f"without any row it gives {nothing:g}, and not NaN"
    one = (np.arange(ROWS) == 0).astype(view.weight.dtype)
    cases = {"one row": attrs.evolve(view, weight=one)}
    if view.target is not None:
        cases["a constant target"] = attrs.evolve(view, target=np.ones_like(view.target))
        cases["a constant prediction"] = attrs.evolve(view, prediction=np.ones_like(view.prediction))
    for name, case in cases.items():
        value = judge.value(case)
        if np.isinf(value):
            yield f"{name} gives {value:g}; expected a number, or NaN where there is none"


in_range.__name__ = "range"

OF_METRICS = (
    in_range, weight_0, weight_2, row_order, padding, host, replicates, compiles_once, pure, dtype, direction,
    degenerate,
)  # fmt: skip
