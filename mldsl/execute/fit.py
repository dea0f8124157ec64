"""Fitting one model of the plan: host half, every fold, the last fit, all through the same compiled programs."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import jax
import numpy as np

from mldsl.contract import Prediction, Shape, Sparse, as_tree
from mldsl.data import Dataset, Encoded, Fold, Split
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.arrays import Rows, rows_of
from mldsl.execute.blame import blamed
from mldsl.execute.blocks import as_csr
from mldsl.execute.buckets import bucket, pad
from mldsl.execute.checkpoint import Checkpoints
from mldsl.execute.clock import Clock
from mldsl.execute.costs import class_weights_of
from mldsl.execute.host import HostHalf, HostRows, divide, fit_host
from mldsl.execute.nested import bound, problems_of
from mldsl.execute.pipeline import INNER_FOLDS, Pipeline, column_shapes, held_out
from mldsl.execute.preparing import Kept
from mldsl.execute.programs import Programs, key_data
from mldsl.execute.remarks import refusal, warned, warned_by_steps
from mldsl.execute.resampled import check_steps, sized
from mldsl.execute.scales import back, forward
from mldsl.execute.shards import worth_spreading
from mldsl.execute.steps import Resolver, build, design_step
from mldsl.plan import ComponentValue, ModelPlan, Plan, StepPlan
from mldsl.plugin import NamedColumn
from mldsl.plugin.declaration import CLASSES
from mldsl.plugin.spec import Configured

if TYPE_CHECKING:
    from mldsl.execute.stages import Stages


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
    clock: Clock = attrs.field(factory=Clock)
    stages: Stages | None = None
    inputs: Kept = attrs.field(factory=Kept)


@attrs.frozen(eq=False)
class Prepared:
    """A model made ready: its halves, its arrays, its specs as trees."""

    plan: ModelPlan
    half: HostHalf
    host: HostRows
    rows: Rows
    pipeline: Pipeline
    specs: tuple[tuple[Any, ...], Any, Any]  # of the steps, of the model, and its class weights
    classes: tuple[str, ...]
    x64: bool
    weight: np.ndarray
    inner: np.ndarray
    scale: str | None
    members: tuple[Prepared, ...] = ()  # the models that it is made of, and the one that learns from their answers
    final: Prepared | None = None


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
    matrix: Any = None
    updates: int = 0


@attrs.frozen(eq=False)
class FittedModel:
    """A model after all folds and the last fit. `folds` holds the prediction of all rows by each fold's fit.

    `of_folds` are the models of the folds, where each was tuned by itself. `cached` is the id of the run that
    made the fits, where they were kept from an earlier one.
    """

    prepared: Prepared
    last: FoldResult
    folds: tuple[Prediction, ...]
    seconds: Mapping[str, float]
    cached: str = ""
    of_folds: tuple[ModelPlan, ...] = ()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.prepared.plan.name


@attrs.frozen(eq=False)
class Layout:
    """The device half of a model over given rows: what fitting and scoring share."""

    rows: Rows
    pipeline: Pipeline
    specs: tuple[tuple[Any, ...], Any, Any]  # of the steps, of the model, and its class weights
    plain_spec: Any
    classes: tuple[str, ...]
    x64: bool
    scale: str | None


def lay_out(
    plan: Plan, model: ModelPlan, half: HostHalf, host: HostRows, resolver: Resolver, rows: Rows | None = None
) -> Layout:
    """Steps, columns, specs and padded arrays of a model, for rows that went through its host half.

    `rows` are those arrays, where another setting of the model has them already.
    """
    encoded = host.encoded
    columns = tuple(
        NamedColumn(name, kind, encoded.levels.get(name), _declared_missing(half, name))
        for name, kind in zip(encoded.names, encoded.types, strict=True)
    )
    classes = half.levels.of.get(plan.target or "", ()) if plan.task == "classification" else ()
    several = classes if classes and plan.column(plan.target or "").type in CLASSES else ()
    hidden = () if model.design is not None else half.hidden  # a design takes what it reads, whatever its role
    sparse, tensors, design = host.sparse, {**encoded.tensors, **host.tensors}, None
    if model.design is not None:
        sparse, tensors = {}, {}
    if sparse and tensors:
        both = f"the sparse columns of `{next(iter(sparse))}` beside `{next(iter(tensors))}`"
        text = f"no model takes {both}, whose rows are tensors"
        raise MldslError(Diagnostic("MLP0311", text, model.span, help="leave one of them out: `drop on ...`"))
    blocks = {name: block.names for name, block in sparse.items()}
    steps, final, after = build(half.device, columns, resolver, lambda i: f"transforms/{i}", hidden, several, blocks)
    if model.design is not None:
        step, design = design_step("design", model.design, final)
        steps, final = [*steps, step], step.after
    component = resolver.component(model.algorithm)
    x64 = "float64" in {component.precision, *(p for s in steps for p in _precisions(s))}
    dtype = np.float64 if x64 else np.float32
    spec = spec_of(model, classes, resolver)
    weights = class_weights_of(model.algorithm, component, classes, dtype)
    # Of a model of members these have Specs of their own, and it is never part of a program.
    tree = None if model.members else as_tree(spec, dtype)
    specs = (tuple(None if s.spec is None else as_tree(s.spec, dtype) for s in steps), tree, weights)
    scale = model.target_scale if isinstance(model.target_scale, str) else None
    if rows is None:
        target = encoded.target if classes or encoded.target is None else forward(scale, encoded.target, model.span)
        rows = rows_of(
            encoded.matrix,
            sparse,
            tensors,
            {
                "target": target, "offset": encoded.offset, "query": encoded.query, "user": encoded.user,
                "item": encoded.item, "time": encoded.time, "group": encoded.group,
                "cluster": host.cluster,
            },
            dtype,
            integer_target=bool(classes),
        )  # fmt: skip
    shape = Shape(
        rows=len(rows.matrix),
        columns=column_shapes(final),
        classes=len(classes),
        ordered=bool(plan.target) and plan.column(plan.target or "").type == "ordinal",
        queries=_count(encoded.query), users=_count(encoded.user), items=_count(encoded.item),
        tensors=tuple((name, tuple(t.shape[1:])) for name, t in sorted(rows.tensors.items())),
        intercept=design is None or design.intercept, clusters=_count(host.cluster),
        wide=sum(len(names) for names in after.values()),
        offset=encoded.offset is not None,
    )  # fmt: skip
    devices = 1 if blocks else worth_spreading(component, shape)  # entries of a sparse matrix are not cut by row
    # Hyperparameters are not named here: they are part of the Spec's tree, traced ones without their values.
    parts = [
        (_who(s.value), s.derive, s.take, s.leave, s.place, s.beside, s.design, column_shapes(s.before), s.blocks,
         s.each, s.inner, s.stay, s.order)
        for s in steps
    ]  # fmt: skip
    static = repr((_who(model.algorithm), parts, tuple(blocks), tuple(after), shape))
    pipeline = Pipeline(
        model.name, tuple(steps), final, component, shape, static, tuple(blocks), after, devices, model.algorithm,
        design,
    )  # fmt: skip
    return Layout(rows, pipeline, specs, spec, classes, x64, scale)


def spec_of(model: ModelPlan, classes: tuple[str, ...], resolver: Resolver) -> Any:
    """The Spec of a model's algorithm, names of classes in it as numbers by class; MLP0312 where that cannot be."""
    component, spec = resolver.component(model.algorithm), resolver.spec(model.algorithm)
    made = bound(component, spec, classes, model.algorithm)
    if isinstance(made, list):
        raise refusal(made, model)
    return made


def _precisions(step: Any) -> set[str]:
    """Of a step and of the components in its Spec: a model that columns are chosen by."""
    found = {getattr(step.component, "precision", "float32")}
    specs = [step.spec]
    while specs:
        spec = specs.pop()
        if isinstance(spec, Configured):
            found.add(getattr(spec.component, "precision", "float32"))
            spec = spec.spec
        if spec is not None and attrs.has(type(spec)):
            specs += [v for v in (getattr(spec, f.name) for f in attrs.fields(type(spec))) if attrs.has(type(v))]
    return found


def _who(value: ComponentValue | None) -> tuple[str, str] | None:
    return None if value is None else (value.plugin, value.name)


def prepare(run: Run, model: ModelPlan) -> Prepared:
    """Run the host half and lay out the device half."""
    if model.members:
        from mldsl.execute.members import prepare_members

        return prepare_members(run, model)
    half, host = fit_host(model, run.dataset, run.split.part == "train", run.resolver)
    return prepared_of(run, model, half, host, None)


def prepared_of(run: Run, model: ModelPlan, half: HostHalf, host: HostRows, rows: Rows | None) -> Prepared:
    """Lay out the device half of a model, and ask its components about the sizes."""
    train = run.split.part == "train"
    made = lay_out(run.plan, model, half, host, run.resolver, rows)
    encoded = host.encoded
    weight = weight_of(encoded, len(train))
    made = attrs.evolve(made, pipeline=sized(made.pipeline, encoded.target, weight * train))
    shape = made.pipeline.shape
    check_steps(made.pipeline, int(train.sum()))
    check_model(made.pipeline.model, made.plain_spec, attrs.evolve(shape, rows=int(train.sum())), model)
    together = encoded.query if encoded.group is None else encoded.group
    inner = _inner(run, list(made.pipeline.steps), together, shape.rows)
    return Prepared(
        model, half, host, made.rows, made.pipeline, made.specs, made.classes, made.x64, weight, inner, made.scale
    )


def with_setting(run: Run, base: Prepared, model: ModelPlan) -> Prepared:
    """The same rows for other hyperparameters: only what they reach is made again."""
    if base.members:
        from mldsl.execute.members import with_member_settings

        if model.steps != base.plan.steps:
            return prepare(run, model)
        own = _with_setting(run, attrs.evolve(base, members=(), final=None), model)
        return with_member_settings(run, own, base.members, model)
    return _with_setting(run, base, model)


def _with_setting(run: Run, base: Prepared, model: ModelPlan) -> Prepared:
    if model.steps != base.plan.steps:
        host, device = divide(model, run.resolver)
        if host_key(run, model) != host_key(run, base.plan):
            return prepare(run, model)
        done = tuple(attrs.evolve(old, plan=new) for old, new in zip(base.half.steps, host, strict=True))
        return prepared_of(run, model, attrs.evolve(base.half, steps=done, device=device), base.host, base.rows)
    component, spec = run.resolver.component(model.algorithm), spec_of(model, base.classes, run.resolver)
    dtype = np.float64 if base.x64 else np.float32
    weights = class_weights_of(model.algorithm, component, base.classes, dtype)
    pipeline = attrs.evolve(base.pipeline, value=model.algorithm)
    train = int((run.split.part == "train").sum())
    check_model(component, spec, attrs.evolve(pipeline.shape, rows=train), model)
    tree = None if model.members else as_tree(spec, dtype)
    return attrs.evolve(base, plan=model, pipeline=pipeline, specs=(base.specs[0], tree, weights))


def host_key(run: Run, model: ModelPlan) -> str:
    """What decides the host half of a model: its own steps, and the columns that those of the device half name."""
    host, device = divide(model, run.resolver)
    of_members = [host_key(run, member) for member in model.members]
    return repr((of_members, [_read_by_host(run, step) for step in host], [(step.on, step.per) for step in device]))


def _read_by_host(run: Run, step: StepPlan) -> StepPlan:
    """A step without the arguments that only its device half looks at."""
    reads = None if step.component is None else run.resolver.component(step.component).host_reads
    if reads is None or step.component is None:
        return step
    read = tuple((name, value) for name, value in step.component.args if name in reads)
    bare = attrs.evolve(step.component, args=read, written=(), params=(), formulas=(), text="", span=None)
    return attrs.evolve(step, component=bare)


def weight_of(encoded: Encoded, n: int) -> np.ndarray:
    """How often each row counts, [n]: the weight column, else 1."""
    return np.ones(n) if encoded.weight is None else np.asarray(encoded.weight, np.float64)


def _declared_missing(half: HostHalf, name: str) -> bool:
    return any(c.name == name and c.missing for c in half.columns)


def _count(codes: np.ndarray | None) -> int:
    return 0 if codes is None or not len(codes) else bucket(int(codes.max()) + 1)


def _inner(run: Run, steps: list[Any], group: np.ndarray | None, n: int) -> np.ndarray:
    """Which inner fold each row is in, for steps that use the target; whole groups, or queries, stay together."""
    if not any(s.component is not None and held_out(s.component) for s in steps):
        return np.zeros(n, np.int32)
    seed = int.from_bytes(hashlib.sha256(f"{run.plan.seed}/transforms/inner".encode()).digest()[:8], "little")
    generator = np.random.Generator(np.random.PCG64(seed))
    count = run.dataset.frame.height
    if group is None:
        return pad(generator.permutation(count) % INNER_FOLDS, n).astype(np.int32)
    return pad((generator.permutation(int(group.max()) + 2) % INNER_FOLDS)[group], n).astype(np.int32)


def check_model(component: Any, spec: Any, shape: Shape, model: ModelPlan) -> None:
    """What the algorithm itself, and models inside of it, say against their Specs and these sizes (MLP0312).

    Members are asked by themselves, about the columns that each of them is given.
    """
    alone = attrs.evolve(component, follows=()) if model.members else component
    problems = list(problems_of(alone, spec, shape, model.algorithm))
    if problems:
        raise refusal(problems, model)


def fit_all(
    run: Run,
    model: ModelPlan,
    folds: tuple[Fold, ...],
    of_folds: tuple[ModelPlan, ...] = (),
    base: Prepared | None = None,
) -> FittedModel:
    """Every fold, then the last fit on all training rows; fits that an earlier run kept are not made again.

    `of_folds` are the models of the folds where each was tuned by itself; else all are `model`. `base` is the model
    made ready with other settings, if it was.
    """
    prepared = prepare(run, model) if base is None else with_setting(run, base, model)
    kept = None if run.stages is None else run.stages.load(model, folds, of_folds)
    if kept is not None:
        seconds = {"compile": 0.0, "fit": 0.0}
        return FittedModel(prepared, kept.last, kept.folds, seconds, kept.run, of_folds)
    fitted = _fit_all(run, prepared, folds, of_folds)
    if run.stages is not None:
        run.stages.save(model, folds, fitted, of_folds)
    return fitted


def _fit_all(run: Run, prepared: Prepared, folds: tuple[Fold, ...], of_folds: tuple[ModelPlan, ...]) -> FittedModel:
    model = prepared.plan
    counts = run.programs.counts
    compile_before, start = counts.compile_seconds, time.perf_counter()
    held, updates = [], []
    for fold, its_model in zip(folds, of_folds or (model,) * len(folds), strict=True):
        of_fold = prepared if its_model == model else with_setting(run, prepared, its_model)
        fitted = fit_once(run, of_fold, fold.train, fold.stop, f"fold={fold.repeat}.{fold.index}")
        warnings_of(run, of_fold, fitted)  # it refuses what the rows turned out not to allow
        held.append(back(prepared.scale, fitted.prediction))
        _finite(held[-1], prepared, fold.held)
        updates.append(fitted.updates)
    train = run.split.part == "train"
    stop = run.split.part == "validation"
    # Without validation rows the last fit has nothing to watch: it makes as many updates as the folds found best.
    most = round(float(np.median(updates))) if model.stop_when is not None and updates and not stop.any() else None
    last = fit_once(run, prepared, train, stop if stop.any() else None, "last", most)
    warnings_of(run, prepared, last)
    last = attrs.evolve(last, prediction=back(prepared.scale, last.prediction))
    _finite(last.prediction, prepared, np.ones(len(train), bool))
    compiling = counts.compile_seconds - compile_before
    seconds = {"compile": compiling, "fit": time.perf_counter() - start - compiling}
    return FittedModel(prepared, last, tuple(held), seconds, of_folds=of_folds)


def as_in_fold(run: Run, fitted: FittedModel, number: int) -> Prepared:
    """The model as it was fitted on a fold: with settings of its own where each fold was tuned by itself."""
    its_model = fitted.of_folds[number] if fitted.of_folds else fitted.prepared.plan
    return fitted.prepared if its_model == fitted.prepared.plan else with_setting(run, fitted.prepared, its_model)


def _finite(prediction: Prediction, prepared: Prepared, rows: np.ndarray) -> None:
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(prediction)]
    if any(np.isnan(leaf[: len(rows)][rows]).all() for leaf in leaves if leaf.size and leaf.dtype.kind == "f"):
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


def matrix_of(run: Run, prepared: Prepared, steps: tuple[Any, ...]) -> Any:
    """The model's matrix of all rows [n, d], through steps as they were learned: NumPy, or SciPy's CSR if sparse."""
    pipeline = prepared.pipeline
    made = run.programs.call(
        "matrix", pipeline.matrix, pipeline.static, prepared.specs, steps, prepared.rows, x64=prepared.x64
    )
    return as_csr(made) if isinstance(made, Sparse) else np.asarray(made)


def fit_share(
    run: Run, prepared: Prepared, train: np.ndarray, stop: np.ndarray | None, fold: str, setting: str, share: float
) -> FoldResult:
    """One fit of a search: `setting` tells checkpoints apart, `share` is of the updates that an iterative one makes."""
    model: Any = prepared.pipeline.model
    most = None
    if share < 1 and model.steps is not None and model.goes_in_rounds(prepared.specs[1]):
        with blamed(prepared.pipeline.value, "steps"):
            most = max(1, math.ceil(share * int(model.steps(prepared.specs[1]))))
    return fit_once(run, prepared, train, stop, fold, most, f"/{setting}")


def fit_once(
    run: Run,
    prepared: Prepared,
    train: np.ndarray,
    stop: np.ndarray | None,
    fold: str,
    most: int | None = None,
    setting: str = "",
) -> FoldResult:
    """One fit on the rows `train`; an iterative one stops on `stop`, or after `most` updates.

    All settings of a fold draw from one key, so that they differ by nothing else.
    """
    pipeline = prepared.pipeline
    stage = f"model/{pipeline.name}/{fold}"
    key = key_data(run.plan.seed, stage)
    stage += setting
    run.stage(stage, True)
    if prepared.members:
        from mldsl.execute.members import fit_members

        of_members = fit_members(run, prepared, train, stop, fold + setting)
        run.stage(stage, False)
        return of_members
    dtype = np.float64 if prepared.x64 else np.float32
    n = pipeline.shape.rows
    weight = pad((prepared.weight * train).astype(dtype), n)
    model = pipeline.model
    if not model.prepares_for(prepared.specs[1]) and not model.goes_in_rounds(prepared.specs[1]):
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
        from mldsl.execute.apart import fit_apart

        result = FoldResult(**fit_apart(run, prepared, weight, key, stop, stage, most)._asdict())
    run.stage(stage, False)
    return result


def warnings_of(run: Run, prepared: Prepared, fitted: FoldResult) -> list[str]:
    """What steps and algorithm say of a fit, as warnings of the run; MLP0312 where one refuses the rows."""
    pipeline, model = prepared.pipeline, prepared.plan
    if prepared.members:
        from mldsl.execute.members import parts_of

        parts = [(one, replace_info(fitted, told)) for one, told in parts_of(prepared, fitted.info)]
        return [text for one, fit in parts for text in warnings_of(run, one, fit)]
    spec = spec_of(model, prepared.classes, run.resolver)
    said = warned_by_steps(pipeline.steps, fitted.steps_info, pipeline.shape, model)
    return [*said, *warned(pipeline.model, spec, fitted.info, pipeline.shape, model)]


def replace_info(fitted: FoldResult, told: Any) -> FoldResult:
    """What another fit, that is part of this one, tells."""
    return attrs.evolve(fitted, steps_info=told.steps, info=told.model)


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
