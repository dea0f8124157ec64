"""Models made of other models: each member is a pipeline of its own, fitted by weights like any other.

A member's fit is `fit_once` of its own pipeline: host half, steps, rounds and preparing are as where it stands alone,
and a member that the file defines is, on all training rows, the very fit that it has as a model of the file. What a
final model learns from, and what decides a member's calibration and threshold, are answers out of fold: the training
rows of the fit, and no others, are dealt into folds as the file's `split` says, and every row is answered by a fit of
the whole member, its steps included, that has not seen it. Rows that the outer fold holds out never reach a member.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np

from mldsl.contract import Prediction, as_tree, names_side_by_side, side_by_side
from mldsl.data import Dataset, Fold, folds_within
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.execute.blame import blamed
from mldsl.execute.buckets import pad
from mldsl.execute.calibrate import calibrated
from mldsl.execute.decide import by_class, classes_at
from mldsl.execute.fit import (
    FoldResult,
    Layout,
    Prepared,
    Run,
    check_model,
    fit_once,
    prepare,
    prepared_of,
    spec_of,
    to_numpy,
    with_setting,
)
from mldsl.execute.host import fit_host
from mldsl.execute.pipeline import Pipeline, column_shapes
from mldsl.execute.programs import key_data
from mldsl.execute.scales import back
from mldsl.plan import ColumnState, ComponentValue, ModelPlan
from mldsl.plugin import NamedColumn

FOLDS = 5  # where a member decides something by answers out of fold, and the model itself asks for none


class Part(NamedTuple):
    """One fit inside of another: a member's, or the final model's; `params` of a nested ensemble are `Parts`."""

    steps: tuple[Any, ...]
    params: Any
    state: Any
    calibrator: Any = None
    threshold: Any = None


class Parts(NamedTuple):
    """What an ensemble learned."""

    members: tuple[Part, ...]
    final: Part | None


class PartInfo(NamedTuple):
    """What a fit tells of its steps and of its model."""

    steps: tuple[Any, ...]
    model: Any


class PartsInfo(NamedTuple):
    """What the fits of an ensemble tell."""

    members: tuple[PartInfo, ...]
    final: PartInfo | None


# ---- the plan --------------------------------------------------------------------------------------------------------
def final_value(model: ModelPlan) -> ComponentValue | None:
    """The component that learns from the members' answers: the nested model among the arguments that is no member."""
    return next(
        (given for _, given in model.algorithm.args if isinstance(given, ComponentValue) and given.kind == "model"),
        None,
    )


def final_plan(model: ModelPlan, classes: tuple[str, ...], passed: Sequence[NamedColumn]) -> ModelPlan | None:
    """The final model as a model of its own, whose columns are the members' answers, and columns that are passed on."""
    value = final_value(model)
    if value is None:
        return None
    states = [ColumnState(name, "continuous") for name in answer_names(model, classes)]
    states += [ColumnState(c.name, c.type, c.missing, c.levels) for c in passed]
    return ModelPlan(f"{model.name}.final", value, columns=tuple(states), part_of=model.name, span=model.span)


def answer_names(model: ModelPlan, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of the members' answers."""
    return names_side_by_side([short_name(model, member) for member in model.members], classes)


def short_name(model: ModelPlan, member: ModelPlan) -> str:
    """A member's name where the model is known: without the name of the model that it is written in."""
    return member.name.removeprefix(f"{model.name}.") if member.part_of else member.name


def passes_on(model: ModelPlan) -> bool:
    """Whether the final model gets the inputs of the whole, too."""
    return bool(dict(model.algorithm.args).get("passthrough"))


# ---- made ready ------------------------------------------------------------------------------------------------------
def prepare_members(run: Run, model: ModelPlan) -> Prepared:
    """A model of members made ready: they, it, and the final model over columns that are still empty."""
    dataset = run.dataset if model.columns else _without_inputs(run.dataset)
    half, host = fit_host(model, dataset, run.split.part == "train", run.resolver)
    own = attrs.evolve(prepared_of(run, model, half, host, None), scale=None)
    members = tuple(_member(run, own, member) for member in model.members)
    return _with_final(run, attrs.evolve(own, members=members))


def _without_inputs(dataset: Dataset) -> Dataset:
    """Where no input reaches the model itself."""
    columns = tuple(attrs.evolve(c, role="ignore") if c.role == "input" else c for c in dataset.columns)
    return attrs.evolve(dataset, columns=columns)


def _member(run: Run, whole: Prepared, member: ModelPlan) -> Prepared:
    """A member made ready; one in place shares the host half of the whole where it has the same steps."""
    shared = member.part_of and not member.members and member.steps == whole.plan.steps and member.columns
    return prepared_of(run, member, whole.half, whole.host, None) if shared else prepare(run, member)


def with_member_settings(run: Run, own: Prepared, members: Sequence[Prepared], model: ModelPlan) -> Prepared:
    """The model with other hyperparameters: `own` has them already, the members are still those before."""
    its = tuple(with_setting(run, one, plan) for one, plan in zip(members, model.members, strict=True))
    return _with_final(run, attrs.evolve(own, scale=None, members=its))


def _with_final(run: Run, whole: Prepared) -> Prepared:
    plan = final_plan(whole.plan, whole.classes, _passed(whole))
    if plan is None:
        return whole
    width = len(plan.columns)
    made = final_layout(
        plan, np.zeros((whole.pipeline.shape.rows, width), np.float32), whole, run.resolver, whole.host.encoded
    )
    train = int((run.split.part == "train").sum())
    check_model(made.pipeline.model, made.plain_spec, attrs.evolve(made.pipeline.shape, rows=train), whole.plan)
    final = Prepared(
        plan, whole.half, whole.host, made.rows, made.pipeline, made.specs, made.classes, made.x64, whole.weight,
        np.zeros(made.pipeline.shape.rows, np.int32), None,
    )  # fmt: skip
    return attrs.evolve(whole, final=final)


def _passed(whole: Prepared) -> tuple[NamedColumn, ...]:
    return whole.pipeline.columns if passes_on(whole.plan) else ()


def final_layout(plan: ModelPlan, matrix: np.ndarray, whole: Any, resolver: Any, encoded: Any) -> Layout:
    """The final model over its columns [n, w] (padded), beside the rows of the whole."""
    component: Any = resolver.component(plan.algorithm)
    x64 = component.precision == "float64"
    dtype = np.float64 if x64 else np.float32
    spec = spec_of(plan, whole.classes, resolver)
    columns = tuple(NamedColumn(c.name, c.type, c.levels, c.missing) for c in plan.columns)
    n = len(whole.rows.matrix)
    target = None
    if encoded is not None and encoded.target is not None:
        target = pad(np.asarray(encoded.target).astype(np.int32 if whole.classes else dtype), n)
    nothing = {"cost": None, "offset": None, "cluster": None}
    rows = whole.rows._replace(matrix=matrix.astype(dtype), sparse={}, tensors={}, target=target, **nothing)
    shape = attrs.evolve(
        whole.pipeline.shape, columns=column_shapes(columns), wide=0, tensors=(), intercept=True, offset=False,
        clusters=0,
    )  # fmt: skip
    static = repr(("final", plan.algorithm.plugin, plan.algorithm.name, shape))
    pipeline = Pipeline(plan.name, (), columns, component, shape, static, value=plan.algorithm)
    return Layout(rows, pipeline, ((), as_tree(spec, dtype), None), spec, whole.classes, x64, None)


# ---- fitting ---------------------------------------------------------------------------------------------------------
@attrs.frozen(eq=False)
class _Member:
    """A member that was fitted: on all training rows, with what it says of all rows, and out of fold of those."""

    fit: FoldResult
    part: Part
    said: Prediction
    out_of_fold: Prediction | None


def fit_members(run: Run, whole: Prepared, train: np.ndarray, stop: np.ndarray | None, fold: str) -> FoldResult:
    """One fit of a model of members on the rows `train`."""
    component: Any = whole.pipeline.model
    spec = spec_of(whole.plan, whole.classes, run.resolver)
    wanted = int(component.folds(spec)) if component.folds is not None else 0
    folds = _folds(run, whole, train, stop, wanted, fold)
    done = [_fit_member(run, one, train, stop, folds, wanted, fold) for one in whole.members]
    info = tuple(PartInfo(m.fit.steps_info, m.fit.info) for m in done)
    steps, steps_info, tables = _own_steps(run, whole, train, done, fold)
    said = [member.said for member in done]
    parts = tuple(member.part for member in done)
    if whole.final is None:
        answer = combined(run.programs, whole.pipeline, spec, said)
        return FoldResult(steps, steps_info, Parts(parts, None), PartsInfo(info, None), None, answer, {})
    held = np.any([one.held for one in folds], axis=0) & train
    for one, member in zip(whole.members, done, strict=True):
        _finite_out_of_fold(one, member.out_of_fold, held & (whole.weight > 0))
    known = _columns(run.programs, [member.out_of_fold for member in done], held)  # type: ignore[misc]
    given = _columns(run.programs, said)
    if tables is not None:
        known, given = (np.concatenate([a, b], axis=1) for a, b in zip((known, given), tables, strict=True))
    final = whole.final
    dtype = final.rows.matrix.dtype
    learning = attrs.evolve(final, rows=final.rows._replace(matrix=known.astype(dtype)))
    fit = fit_once(run, learning, held, None, fold)
    of_final = Part((), fit.params, fit.state)
    layout = Layout(
        final.rows._replace(matrix=given.astype(dtype)), final.pipeline, final.specs,
        spec_of(final.plan, final.classes, run.resolver), final.classes, final.x64, None,
    )  # fmt: skip
    answer = final_answer(run, final.plan, of_final, layout)
    return FoldResult(
        steps, steps_info, Parts(parts, of_final), PartsInfo(info, PartInfo((), fit.info)), None, answer, {},
        given.astype(dtype),
    )  # fmt: skip


def _folds(
    run: Run, whole: Prepared, train: np.ndarray, stop: np.ndarray | None, wanted: int, fold: str
) -> tuple[Fold, ...]:
    """The folds of the training rows, where anything needs answers out of fold."""
    from mldsl.execute.outcome import decides

    needed = any(decides(one.plan) or (one.plan.stop_when is not None and stop is None) for one in whole.members)
    if not wanted and not needed:
        return ()
    return folds_within(run.plan, run.dataset, run.plan.seed, train, wanted or FOLDS, f"members/{fold}")


def _fit_member(
    run: Run, one: Prepared, train: np.ndarray, stop: np.ndarray | None, folds: tuple[Fold, ...], wanted: int, fold: str
) -> _Member:  # fmt: skip
    from mldsl.execute.outcome import decides

    plan = one.plan
    stops = plan.stop_when is not None
    out: Prediction | None = None
    updates: list[int] = []
    if folds and (wanted or decides(plan) or (stops and stop is None)):
        out, updates = _out_of_fold(run, one, folds, f"{fold}/inner={len(folds)}")
    most = round(float(np.median(updates))) if stops and stop is None and updates else None
    rows = train if stops or stop is None else train | stop
    fit = fit_once(run, one, rows, stop if stops else None, fold, most)
    said, calibrator, threshold = back(one.scale, fit.prediction), None, None
    k = len(one.classes)
    if decides(plan) and out is not None:
        out, calibrator, threshold = _decided(run, one, folds, out)
        said = calibrated(calibrator, said, k)
    elif plan.threshold is not None:
        threshold = plan.threshold.value
    part = Part(fit.steps, fit.params, fit.state, calibrator, threshold)
    return _Member(fit, part, labelled(said, k, threshold), out)


def _out_of_fold(run: Run, one: Prepared, folds: Sequence[Fold], path: str) -> tuple[Prediction, list[int]]:
    """What a member says of each row by a fit that has not seen it; rows that no fold holds out have 0."""
    leaves: list[Any] = [None] * len(Prediction._fields)
    updates = []
    stops = one.plan.stop_when is not None
    n = run.dataset.frame.height
    for fold in folds:
        rows = fold.train if stops or fold.stop is None else fold.train | fold.stop
        fit = fit_once(run, one, rows, fold.stop if stops else None, f"{path}/fold={fold.index}")
        updates.append(fit.updates)
        for i, leaf in enumerate(back(one.scale, fit.prediction)):
            if leaf is None:
                continue
            values = np.asarray(leaf)
            leaves[i] = np.zeros_like(values) if leaves[i] is None else leaves[i]
            leaves[i][:n][fold.held] = values[:n][fold.held]
    return Prediction(*leaves), updates


def _decided(run: Run, one: Prepared, folds: Sequence[Fold], out: Prediction) -> tuple[Prediction, Any, Any]:
    """Answers out of fold, calibrated by those of the other folds; and what all of them decide for the last fit."""
    from mldsl.execute.judge import Judge
    from mldsl.execute.outcome import decider

    judge = Judge(run, one, (), None)
    decide = decider(run, judge, one)
    weight, k = one.weight, len(one.classes)
    held = np.any([fold.held for fold in folds], axis=0)
    leaves: list[Any] = [None] * len(Prediction._fields)
    n = len(held)
    for fold in folds:
        others = decide(out, (held & ~fold.held) * weight)
        for i, leaf in enumerate(calibrated(others.calibrator, out, k)):
            if leaf is not None:
                values = np.asarray(leaf)
                leaves[i] = np.zeros_like(values) if leaves[i] is None else leaves[i]
                leaves[i][:n][fold.held] = values[:n][fold.held]
    last = decide(out, held * weight)
    return Prediction(*leaves), last.calibrator, last.threshold


def labelled(said: Prediction, k: int, threshold: Any) -> Prediction:
    """With the class that a threshold says, which counts where votes are counted."""
    telling = by_class(said, k)
    if telling is None or threshold is None:
        return said
    label: Any = classes_at(np.asarray(telling), k - 1 if k == 2 else None, threshold).astype(np.int32)
    return said._replace(label=label)


def _finite_out_of_fold(one: Prepared, said: Prediction | None, there: np.ndarray) -> None:
    """MLP0312 where a member has answers out of fold that nothing can be learned from."""
    assert said is not None
    n = len(there)
    shown = next(leaf for leaf in (said.probability, said.score, said.mean) if leaf is not None)
    odd = int((~np.isfinite(np.asarray(shown)[:n].reshape(n, -1)).all(axis=1) & there).sum())
    if odd:
        raise MldslError(
            Diagnostic(
                "MLP0312",
                f"`{one.plan.name}` gave no finite answer for {odd:,} of {int(there.sum()):,} rows out of fold",
                one.plan.span, help="look at the scale of its columns: `standardize on numeric` is a first step",
            )
        )  # fmt: skip


def _columns(programs: Any, said: Sequence[Prediction], there: np.ndarray | None = None) -> np.ndarray:
    """The answers as columns [n, w]; rows that are not `there` hold 0."""
    x64 = any(np.asarray(leaf).dtype == np.float64 for answer in said for leaf in answer if leaf is not None)
    made = np.asarray(programs.call("side by side", lambda *all: side_by_side(all), len(said), *said, x64=x64))
    if there is not None:
        made = np.where(pad(there, len(made))[:, None], made, 0)
    return made


def combined(programs: Any, pipeline: Any, spec: Any, said: Sequence[Prediction]) -> Prediction:
    """The members' answers as one, by the model's own `combine`."""
    component: Any = pipeline.model

    def program(*said: Prediction) -> Prediction:
        with blamed(pipeline.value, "combine"):
            answer: Prediction = component.combine(spec, said)
        return answer

    x64 = any(np.asarray(leaf).dtype == np.float64 for answer in said for leaf in answer if leaf is not None)
    answer: Prediction = to_numpy(
        programs.call("combine", program, (pipeline.value.plugin, repr(spec)), *said, x64=x64)
    )
    return answer


def final_answer(run: Any, plan: ModelPlan, part: Part, layout: Layout) -> Prediction:
    """What the final model says of rows that are laid out; `run` has the resolver and the programs."""
    from mldsl.execute.score import Learned, Scorer

    nothing: Any = None
    learned = Learned(nothing, plan, {}, (), (), (), part.params, part.state, None)
    return Scorer(learned, run.resolver, run.programs).respond(layout)


def together(scorer: Any, said: Sequence[Prediction], made: Layout) -> Prediction:
    """What a fitted model of members makes of their answers to new rows, which are laid out for itself in `made`."""
    learned, pipeline = scorer.learned, made.pipeline
    if learned.final is None:
        return combined(scorer.programs, pipeline, made.plain_spec, said)
    matrix = _columns(scorer.programs, said)
    if passes_on(learned.model):
        own = scorer.programs.call(
            "matrix", pipeline.matrix, pipeline.static, made.specs, learned.steps, made.rows, x64=made.x64
        )
        matrix = np.concatenate([matrix, np.asarray(own)], axis=1)
    layout = final_layout(learned.final.model, matrix, made, scorer.resolver, None)
    part = Part((), learned.final.params, learned.final.state)
    return final_answer(scorer, learned.final.model, part, layout)


def _own_steps(
    run: Run, whole: Prepared, train: np.ndarray, done: Sequence[_Member], fold: str
) -> tuple[tuple[Any, ...], tuple[Any, ...], tuple[np.ndarray, np.ndarray] | None]:
    """The whole's own steps as they were learned; and, where they are passed on, the tables to train on and to score.

    Members in place have learned the same steps from the same rows.
    """
    pipeline = whole.pipeline
    if not passes_on(whole.plan):
        for one, member in zip(whole.members, done, strict=True):
            if one.plan.part_of and one.plan.steps == whole.plan.steps and len(member.fit.steps) == len(pipeline.steps):
                return member.fit.steps, member.fit.steps_info, None
        if not pipeline.steps:
            return (), (), None
    weight = pad((whole.weight * train).astype(whole.rows.matrix.dtype), pipeline.shape.rows)
    key = key_data(run.plan.seed, f"model/{pipeline.name}/{fold}")
    steps, table, examples = run.programs.call(
        "transform", pipeline.transform, pipeline.static, whole.specs, key, whole.rows, weight, whole.inner,
        x64=whole.x64,
    )  # fmt: skip
    fitted = to_numpy(steps)
    tables = (np.asarray(examples.inputs), np.asarray(table.matrix)) if passes_on(whole.plan) else None
    return fitted.params, fitted.info, tables


# ---- what is said of a fit -------------------------------------------------------------------------------------------
def parts_of(whole: Prepared, info: PartsInfo) -> Iterator[tuple[Prepared, PartInfo]]:
    """Every fit inside of a model's, with the model that was fitted; of nested ones the fits inside."""
    for one, told in zip(whole.members, info.members, strict=True):
        if one.members:
            yield from parts_of(one, told.model)
        else:
            yield one, told
    if whole.final is not None and info.final is not None:
        yield whole.final, info.final


def deciding(whole: Prepared, last: FoldResult) -> tuple[Prepared, FoldResult]:
    """What reports look into: of a stack its final model, whose columns are the members' answers; else the model."""
    if whole.final is None:
        return whole, last
    part, told = last.params.final, last.info.final
    return whole.final, attrs.evolve(
        last, steps=(), steps_info=(), params=part.params, info=told.model, state=part.state
    )
