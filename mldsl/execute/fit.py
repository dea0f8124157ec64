"""Fitting one model of the plan: host half, every fold, the last fit, all through the same compiled programs."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import jax
import jax.numpy as jnp
import numpy as np

from mldsl.contract import Examples, Prediction, Shape, as_tree
from mldsl.data import Dataset, Fold, Split
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.arrays import Rows, rows_of
from mldsl.execute.buckets import bucket, pad
from mldsl.execute.checkpoint import Checkpoints
from mldsl.execute.host import HostHalf, HostRows, fit_host
from mldsl.execute.loop import Loop, Watch, compiled_steps
from mldsl.execute.pipeline import INNER_FOLDS, Pipeline, StepsFitted, column_shapes
from mldsl.execute.programs import Programs, key_data
from mldsl.execute.scales import back, forward
from mldsl.execute.steps import Resolver, build
from mldsl.plan import ModelPlan, Plan
from mldsl.plugin import NamedColumn

SHARD_FROM = 20_000  # rows; below, joining the shards costs more than two devices save


@attrs.frozen(eq=False)
class Run:
    """What every stage of a run needs."""

    plan: Plan
    dataset: Dataset
    split: Split
    resolver: Resolver
    programs: Programs
    progress: Callable[[str, int, int, dict[str, float]], None]
    stage: Callable[[str, bool], None]
    checkpoints: Checkpoints | None = None


@attrs.frozen(eq=False)
class Prepared:
    """A model made ready: its halves, its arrays, its specs as trees."""

    plan: ModelPlan
    half: HostHalf
    host: HostRows
    rows: Rows
    pipeline: Pipeline
    specs: tuple[tuple[Any, ...], Any]
    classes: tuple[str, ...]
    x64: bool
    weight: np.ndarray
    inner: np.ndarray
    scale: str | None


@attrs.frozen(eq=False)
class FoldResult:
    """What one fit gave: parameters and infos (NumPy leaves) and the prediction of all rows."""

    steps: tuple[Any, ...]
    steps_info: tuple[Any, ...]
    params: Any
    info: Any
    state: Any
    prediction: Prediction
    history: Mapping[str, list[float]]
    matrix: np.ndarray | None = None


@attrs.frozen(eq=False)
class FittedModel:
    """A model after all folds and the last fit. `folds` holds the prediction of all rows by each fold's fit."""

    prepared: Prepared
    last: FoldResult
    folds: tuple[Prediction, ...]
    seconds: Mapping[str, float]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.prepared.plan.name


@attrs.frozen(eq=False)
class Layout:
    """The device half of a model over given rows: what fitting and scoring share."""

    rows: Rows
    pipeline: Pipeline
    specs: tuple[tuple[Any, ...], Any]
    plain_spec: Any
    classes: tuple[str, ...]
    x64: bool
    scale: str | None


def lay_out(plan: Plan, model: ModelPlan, half: HostHalf, host: HostRows, resolver: Resolver) -> Layout:
    """Steps, columns, specs and padded arrays of a model, for rows that went through its host half."""
    encoded = host.encoded
    columns = tuple(
        NamedColumn(name, kind, encoded.levels.get(name), _declared_missing(half, name))
        for name, kind in zip(encoded.names, encoded.types, strict=True)
    )
    steps, final = build(half.device, columns, resolver, lambda i: f"transforms/{i}", half.hidden)
    component, spec = resolver.component(model.algorithm), resolver.spec(model.algorithm)
    x64 = "float64" in {component.precision, *(getattr(s.component, "precision", "float32") for s in steps)}
    dtype = np.float64 if x64 else np.float32
    specs = (tuple(None if s.spec is None else as_tree(s.spec, dtype) for s in steps), as_tree(spec, dtype))
    classes = half.levels.of.get(plan.target or "", ()) if plan.task == "classification" else ()
    scale = model.target_scale if isinstance(model.target_scale, str) else None
    target = encoded.target if classes or encoded.target is None else forward(scale, encoded.target, model.span)
    rows = rows_of(
        encoded.matrix,
        host.sparse,
        {**encoded.tensors, **host.tensors},
        {
            "target": target, "offset": encoded.offset, "query": encoded.query, "user": encoded.user,
            "item": encoded.item, "time": encoded.time, "group": encoded.group,
        },
        dtype,
        integer_target=bool(classes),
    )  # fmt: skip
    wide = tuple(NamedColumn(c, "continuous") for block in host.sparse.values() for c in block.names)
    shape = Shape(
        rows=len(rows.matrix),
        columns=column_shapes((*final, *wide)),
        classes=len(classes),
        ordered=bool(plan.target) and plan.column(plan.target or "").type == "ordinal",
        queries=_count(encoded.query), users=_count(encoded.user), items=_count(encoded.item),
        tensors=tuple((name, tuple(t.shape[1:])) for name, t in sorted(rows.tensors.items())),
    )  # fmt: skip
    devices = len(jax.devices()) if component.shards and shape.rows >= SHARD_FROM else 1
    static = repr((model.algorithm, [(s.text, s.derive, s.take, s.leave, s.place) for s in steps], shape))
    pipeline = Pipeline(
        model.name, tuple(steps), (*final, *wide), component, shape, static, tuple(host.sparse), devices
    )
    return Layout(rows, pipeline, specs, spec, classes, x64, scale)


def prepare(run: Run, model: ModelPlan) -> Prepared:
    """Run the host half and lay out the device half."""
    train = run.split.part == "train"
    half, host = fit_host(model, run.dataset, train, run.resolver)
    made = lay_out(run.plan, model, half, host, run.resolver)
    shape = made.pipeline.shape
    _check(made.pipeline.model, made.plain_spec, attrs.evolve(shape, rows=int(train.sum())), model)
    encoded = host.encoded
    weight = np.ones(len(train)) if encoded.weight is None else np.asarray(encoded.weight, np.float64)
    inner = _inner(run, list(made.pipeline.steps), encoded.group, shape.rows)
    return Prepared(
        model, half, host, made.rows, made.pipeline, made.specs, made.classes, made.x64, weight, inner, made.scale
    )


def _declared_missing(half: HostHalf, name: str) -> bool:
    return any(c.name == name and c.missing for c in half.columns)


def _count(codes: np.ndarray | None) -> int:
    return 0 if codes is None or not len(codes) else bucket(int(codes.max()) + 1)


def _inner(run: Run, steps: list[Any], group: np.ndarray | None, n: int) -> np.ndarray:
    """Which inner fold each row is in, for steps that use the target; whole groups stay together."""
    if not any(getattr(s.component, "uses_target", False) for s in steps):
        return np.zeros(n, np.int32)
    seed = int.from_bytes(hashlib.sha256(f"{run.plan.seed}/transforms/inner".encode()).digest()[:8], "little")
    generator = np.random.Generator(np.random.PCG64(seed))
    count = run.dataset.frame.height
    if group is None:
        return pad(generator.permutation(count) % INNER_FOLDS, n).astype(np.int32)
    return pad((generator.permutation(int(group.max()) + 2) % INNER_FOLDS)[group], n).astype(np.int32)


def _check(component: Any, spec: Any, shape: Shape, model: ModelPlan) -> None:
    if component.check is None:
        return
    found = [
        Diagnostic("MLP0312", f"`{model.algorithm.name}` cannot work here: `{p.parameter}`: {p.message}", model.span)
        for p in component.check(spec, shape)
    ]
    if found:
        raise MldslError(*found)


def fit_all(run: Run, model: ModelPlan, folds: tuple[Fold, ...]) -> FittedModel:
    """Every fold, then the last fit on all training rows."""
    prepared = prepare(run, model)
    counts = run.programs.counts
    compile_before, start = counts.compile_seconds, time.perf_counter()
    held = [
        back(prepared.scale, _fit(run, prepared, fold.train, fold.stop, f"fold={fold.repeat}.{fold.index}").prediction)
        for fold in folds
    ]
    train = run.split.part == "train"
    stop = run.split.part == "validation"
    last = _fit(run, prepared, train, stop if stop.any() else None, "last")
    last = attrs.evolve(last, prediction=back(prepared.scale, last.prediction))
    _finite(last, prepared)
    compiling = counts.compile_seconds - compile_before
    seconds = {"compile": compiling, "fit": time.perf_counter() - start - compiling, "predict": 0.0}
    return FittedModel(prepared, last, tuple(held), seconds)


def _finite(result: FoldResult, prepared: Prepared) -> None:
    leaves = [leaf for leaf in jax.tree.leaves(result.prediction) if np.issubdtype(leaf.dtype, np.floating)]
    if any(np.isnan(leaf[: len(prepared.weight)]).all() for leaf in leaves if leaf.size):
        name = prepared.plan.algorithm.name
        raise MldslError(
            Diagnostic(
                "MLP0312",
                f"`{name}` gave no finite prediction for any row",
                prepared.plan.span,
                help="look at the scale of the columns: `standardize on numeric` is a first step",
            )
        )


def to_numpy(tree: Any) -> Any:
    """The same tree with NumPy leaves."""
    return jax.tree.map(np.asarray, tree)


def _fit(run: Run, prepared: Prepared, train: np.ndarray, stop: np.ndarray | None, fold: str) -> FoldResult:
    pipeline = prepared.pipeline
    stage = f"model/{pipeline.name}/{fold}"
    run.stage(stage, True)
    dtype = np.float64 if prepared.x64 else np.float32
    n = pipeline.shape.rows
    weight = pad((prepared.weight * train).astype(dtype), n)
    key = key_data(run.plan.seed, stage)
    model = pipeline.model
    if model.prepare is None and model.fit is not None:
        fitted = to_numpy(
            run.programs.call(
                "fit", pipeline.fit, pipeline.static, prepared.specs, key, prepared.rows, weight, prepared.inner,
                x64=prepared.x64, devices=pipeline.devices,
            )
        )  # fmt: skip
        result = FoldResult(
            fitted.steps,
            fitted.steps_info,
            fitted.params,
            fitted.info,
            None,
            fitted.prediction,
            history_of(fitted.info),
        )
    else:
        result = _fit_apart(run, prepared, weight, key, stop, stage)
    run.stage(stage, False)
    return result


def history_of(info: Any) -> dict[str, list[float]]:
    """What an Info of an algorithm without engine loop tells step by step: its fields named `*_history` [steps].

    NaN marks steps that were not made.
    """
    fields = info._asdict() if hasattr(info, "_asdict") else {}
    found = {}
    for name, value in fields.items():
        if name.endswith("_history") and value is not None and np.ndim(value) == 1:
            found[name.removesuffix("_history")] = [float(v) for v in value if math.isfinite(v)]
    return found


def _fit_apart(
    run: Run, prepared: Prepared, weight: np.ndarray, key: np.ndarray, stop: np.ndarray | None, stage: str
) -> FoldResult:
    """Models that are not one program: a host `prepare`, or an `init`/`update`/`finish` loop."""
    pipeline, specs, x64 = prepared.pipeline, prepared.specs, prepared.x64
    model: Any = pipeline.model
    call = run.programs.call
    steps, table, examples = call(
        "transform", pipeline.transform, pipeline.static, specs, key, prepared.rows, weight, prepared.inner, x64=x64
    )
    scoring, state = pipeline_inputs(prepared, table), None
    if model.prepare is not None:
        columns = {c.name: np.asarray(table.matrix[:, i]) for i, c in enumerate(pipeline.columns)}
        prepared_inputs, state = model.prepare(specs[1], columns, weight)
        examples = examples._replace(inputs=prepared_inputs)
        scoring = prepared_inputs
    shape = attrs.evolve(pipeline.shape, rows=int(examples.weight.shape[0]))

    def predict(spec: Any, params: Any, inputs: Any) -> Any:
        return model.predict(spec, params, inputs)

    def score(params: Any) -> Prediction:
        if model.predict is None:
            return Prediction()
        answer: Prediction = call("predict", predict, pipeline.static, specs[1], params, scoring, x64=x64)
        return answer

    history: dict[str, list[float]] = {}
    if model.fit is not None:

        def fit(spec: Any, key_data: Any, examples: Examples) -> Any:
            return model.fit(spec, jax.random.wrap_key_data(key_data), shape, examples)

        params, info = call("fit", fit, pipeline.static, specs[1], key, examples, x64=x64)
    else:
        init, update, finish = compiled_steps(
            run.programs, pipeline.static, model, specs[1], shape, key, examples, x64=x64
        )
        watch = _watch(run, prepared, stop, scoring)
        total = int(model.steps(specs[1])) if model.steps is not None else 1
        loop = Loop(stage, total, init, update, finish, watch, run.progress, run.checkpoints)
        params, history = loop.run()
        info = None
    fitted: StepsFitted = steps
    return FoldResult(
        to_numpy(fitted.params), to_numpy(fitted.info), to_numpy(params), to_numpy(info), state,
        to_numpy(score(params)), history, np.asarray(table.matrix),
    )  # fmt: skip


def pipeline_inputs(prepared: Prepared, table: Any) -> Any:
    """The model's inputs for scoring, from a transformed table (NumPy or JAX leaves)."""
    return prepared.pipeline.inputs(table, prepared.rows)


def _watch(run: Run, prepared: Prepared, stop: np.ndarray | None, inputs: Any) -> Watch | None:
    plan = prepared.plan.stop_when
    if plan is None or stop is None:
        return None
    component, spec = run.resolver.component(plan), run.resolver.spec(plan)
    dtype = np.float64 if prepared.x64 else np.float32
    weight: Any = pad((prepared.weight * stop).astype(dtype), prepared.pipeline.shape.rows)
    examples = Examples(inputs, weight, prepared.rows.target)
    model: Any = prepared.pipeline.model

    def loss(spec: Any, params: Any, examples: Examples) -> Any:
        if model.loss is not None:
            return model.loss(spec, params, examples)
        return task_loss(model.predict(spec, params, examples.inputs), examples)

    def value(params: Any) -> float:
        answer = run.programs.call(
            "loss", loss, prepared.pipeline.static, prepared.specs[1], params, examples, x64=prepared.x64
        )
        return float(answer)

    return Watch(lambda history: bool(component.should_stop(spec, history)), value)


def task_loss(prediction: Prediction, examples: Examples) -> Any:
    """The loss of a task, where the model names none: log loss of classes, squared error of numbers; weighted mean."""
    weight, target = examples.weight, examples.target
    mass = jnp.maximum(weight.sum(), 1e-30)
    if prediction.probability is not None and target is not None:
        own = jnp.take_along_axis(prediction.probability, target[:, None], axis=1)[:, 0]
        return -(weight * jnp.log(jnp.maximum(own, 1e-12))).sum() / mass
    given = prediction.mean if prediction.mean is not None else prediction.score
    assert given is not None
    assert target is not None
    return (weight * (given - target) ** 2).sum() / mass
