"""A finished run as reports see it: NumPy arrays of the rows that count, of every model; and the reports computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np

from mldsl.contract import ModelView, PartView, Prediction, ReportView
from mldsl.execute.arrays import pad_sparse
from mldsl.execute.blame import blamed
from mldsl.execute.blocks import of_csr
from mldsl.execute.calibrate import calibrated
from mldsl.execute.decide import Threshold, by_class, classes_at
from mldsl.execute.engine import Result
from mldsl.execute.fit import FoldResult, Prepared, Run, to_numpy
from mldsl.execute.importance import permuted
from mldsl.execute.judge import with_another_class, with_no_chance
from mldsl.execute.look import Looker
from mldsl.execute.members import deciding
from mldsl.execute.outcome import Outcome
from mldsl.execute.preparing import answers_raw, to_answer
from mldsl.execute.refit import Refitter, training_folds
from mldsl.execute.standing import Standings
from mldsl.plugin import ReportOutput


def _part(
    run: Run, outcome: Outcome, prediction: Prediction, said: Any, rows: np.ndarray, name: str, classes: int
) -> PartView:
    """The rows of a part; `said` [n] is the answer for each, `classes` how many the reports know."""
    prepared = outcome.model.prepared
    index = np.flatnonzero(rows & (np.asarray(prepared.weight)[: len(rows)] > 0))  # of weight 0: not there
    n = len(rows)
    target: Any = prepared.host.encoded.target
    probability: Any = prediction.probability
    score: Any = prediction.score
    if target is not None and classes > len(prepared.classes):
        target, probability, _ = with_another_class(np.asarray(target), probability, len(prepared.classes))
        score = None if score is None else with_no_chance(score)

    def take(value: Any) -> Any:
        if value is None:
            return None
        return value[index] if hasattr(value, "indptr") else np.asarray(value)[:n][index]

    return PartView(
        name, prepared.weight[index], run.dataset.frame["__row"].to_numpy()[index], take(target), take(said),
        take(probability), take(prediction.interval), take(prediction.distance), take(score),
        take(outcome.matrix), index,
    )  # fmt: skip


def _said(outcome: Outcome, prediction: Prediction, n: int, threshold: Threshold) -> np.ndarray | None:
    """The answer for each row [n]: class index, number, cluster or score."""
    k = len(outcome.model.prepared.classes)
    telling = by_class(prediction, k)
    if telling is not None:
        return classes_at(np.asarray(telling)[:n], k - 1 if k == 2 else None, threshold)
    found = next((v for v in (prediction.label, prediction.mean, prediction.score) if v is not None), None)
    return None if found is None else np.asarray(found)[:n]


def _of_folds(run: Run, outcome: Outcome, classes: int) -> PartView:
    """Every row that a fold held out, as the fit of that fold says, at the threshold of the other folds."""
    prediction, n = outcome.out_of_fold[0], run.dataset.frame.height
    first = run.split.folds[0].repeat
    held = np.zeros(n, bool)
    answer = _said(outcome, prediction, n, outcome.threshold)
    said = None if answer is None else answer.copy()
    for fold, at in zip(run.split.folds, outcome.fold_thresholds, strict=True):
        if fold.repeat != first:
            continue
        held |= fold.held
        if said is not None:
            said[fold.held] = np.asarray(_said(outcome, prediction, n, at))[fold.held]
    return _part(run, outcome, prediction, said, held, "folds", classes)


def _uncalibrated(outcome: Outcome, index: Any, classes: int) -> np.ndarray | None:
    """The probabilities before calibration, of the rows that count."""
    if outcome.uncalibrated is None or outcome.uncalibrated.probability is None:
        return None
    probability = np.asarray(outcome.uncalibrated.probability)[index]
    return np.pad(probability, ((0, 0), (0, classes - probability.shape[1])))


def _model_view(run: Run, outcome: Outcome, classes: int) -> ModelView:
    prepared, last = deciding(outcome.model.prepared, outcome.model.last)
    pipeline = prepared.pipeline
    part = run.split.part
    said = _said(outcome, last.prediction, len(part), outcome.threshold)
    if outcome.headline == "folds":
        shown = _of_folds(run, outcome, classes)
    else:
        rows = part == "train" if outcome.headline == "all" else part == outcome.headline
        shown = _part(run, outcome, last.prediction, said, rows, outcome.headline, classes)

    shown = attrs.evolve(shown, uncalibrated=_uncalibrated(outcome, shown.index, classes))

    def predict(matrix: Any) -> Prediction:
        from mldsl.execute.buckets import bucket, pad

        dtype = np.float64 if prepared.x64 else np.float32
        rows: int = matrix.shape[0]
        sparse = hasattr(matrix, "indptr")
        padded: Any = (
            pad_sparse(of_csr(matrix), bucket(rows), dtype) if sparse else pad(np.asarray(matrix, dtype), bucket(rows))
        )
        model: Any = pipeline.model
        if not sparse and not answers_raw(pipeline, spec := run.resolver.spec(prepared.plan.algorithm)):
            asked = to_answer(pipeline, spec, last.state, padded)
            padded = padded if asked is None else asked
        answer = run.programs.call(
            "predict", lambda spec, params, x: model.predict(spec, params, x), pipeline.static, prepared.specs[1],
            last.params, padded, x64=prepared.x64,
        )  # fmt: skip
        cut: Any = [None if v is None else v[:rows] for v in to_numpy(answer)]
        return calibrated(outcome.calibrator, Prediction(*cut), len(prepared.classes))

    steps = [
        (step.text, step.names_in, params, info)
        for step, params, info in zip(pipeline.steps, last.steps, last.steps_info, strict=True)
    ]
    terms = pipeline.model.terms
    return ModelView(
        name=outcome.name, algorithm=prepared.plan.algorithm.name, spec=run.resolver.spec(prepared.plan.algorithm),
        params=last.params, info=last.info, shape=pipeline.shape, features=pipeline.features,
        terms=() if terms is None else tuple(terms(run.resolver.spec(prepared.plan.algorithm))),
        held_out=shown, train=_part(run, outcome, last.prediction, said, part == "train", "train", classes),
        predict=predict, threshold=outcome.threshold,
        calibration=None if outcome.calibration is None else outcome.calibration.error,
        history=last.history, steps=steps, target_scale=prepared.scale,
        design=pipeline.design, columns=pipeline.columns, trees=_trees(run, prepared, last),
        compiled=partial(_compiled, run, prepared.x64),
        **_doors(run, outcome, shown.index),
    )  # fmt: skip


def _compiled(run: Run, x64: bool, name: str, function: Any, *arrays: Any) -> Any:
    """A pure function of a report's, as a program of its own, as precise as the model's."""
    static = f"{function.__module__}.{function.__qualname__}"
    return to_numpy(run.programs.call(f"report/{name}", function, static, *arrays, x64=x64))


def _trees(run: Run, prepared: Prepared, last: FoldResult) -> Any:
    """The grown trees of a model that has some, with NumPy leaves."""
    model: Any = prepared.pipeline.model
    if model.trees is None:
        return None

    def grown(spec: Any, params: Any) -> Any:
        with blamed(prepared.pipeline.value, "trees"):
            return model.trees(spec, params)

    given = (prepared.specs[1], last.params)
    return to_numpy(run.programs.call("trees", grown, prepared.pipeline.static, *given, x64=prepared.x64))


def _doors(run: Run, outcome: Outcome, index: np.ndarray | None) -> dict[str, Any]:
    """What the model may be asked: `reads`, `permuted`, `replaced`, `answered`, `refit`."""
    looker = Looker(run, outcome, np.asarray(index))
    if not looker.answers_rows:
        return {}
    return {
        "reads": looker.reads,
        "permuted": partial(permuted, looker) if run.plan.target is not None and run.plan.metrics else None,
        "replaced": looker.replaced,
        "answered": looker.answered,
        "refit": Refitter(run, outcome).refit if run.plan.target is not None and run.plan.metrics else None,
    }


def report_view(result: Result) -> ReportView:
    """The run as reports see it."""
    run, plan = result.run, result.run.plan
    known = result.outcomes[0].model.prepared.classes if result.outcomes else ()
    levels = (*known, *_another_level(run, known))
    return ReportView(
        task=plan.task, target=plan.target, levels=levels, positive=len(known) - 1 if len(known) == 2 else None,
        models=tuple(_model_view(run, o, len(levels)) for o in result.outcomes), best=result.best,
        frame=run.dataset.frame, part=run.split.part, columns=run.dataset.columns,
        metrics={o.name: {p: {m: (v.value, v.low, v.high) for m, v in ms.items()} for p, ms in o.metrics.items()}
                 for o in result.outcomes},
        fold_metrics={o.name: o.fold_metrics for o in result.outcomes},
        primary=next((m.name for m in plan.metrics if m.primary), None),
        seconds=_seconds(result), tune=getattr(result, "tune", None),
        folds=run.split.folds, implicit_folds=run.split.implicit, better={m.name: m.better for m in plan.metrics},
        training_folds=training_folds(run), seed=plan.seed, bounds=_bounds(run),
        compared=Standings(result) if len(result.outcomes) > 1 else None,
    )  # fmt: skip


def _seconds(result: Result) -> dict[str, dict[str, float]]:
    """Model -> stage -> seconds; "" -> the steps of the run."""
    found = {o.name: dict(o.model.seconds) for o in result.outcomes}
    steps = found.setdefault("", {})
    for name, seconds in result.run.clock.seconds.items():
        kind, _, rest = name.partition("/")
        model, _, stage = rest.partition("/")
        if kind == "model" and model in found:
            found[model][stage] = seconds
        else:
            steps[name] = seconds
    return found


def _bounds(run: Run) -> dict[str, tuple[float, float]]:
    """The least and largest value of each metric."""
    found = {}
    for metric in run.plan.metrics:
        part = run.resolver.component(metric.component)
        low, high = part.lowest, part.highest
        found[metric.name] = (-math.inf if low is None else low, math.inf if high is None else high)
    return found


def _another_level(run: Run, known: tuple[str, ...]) -> tuple[str, ...]:
    """The class of held-out rows that no training row has: its name, or one word for several."""
    import polars as pl

    if run.plan.target is None or not known:
        return ()
    held = (run.split.part == "test") | (run.split.part == "validation")
    values = run.dataset.frame[run.plan.target].filter(pl.Series(held)).cast(pl.String).drop_nulls().unique()
    unknown = sorted(set(values) - set(known))
    return (unknown[0] if len(unknown) == 1 else "other levels",) if unknown else ()


def compute_reports(result: Result) -> dict[str, ReportOutput]:
    """Every report of the plan by its unique name; a plugin that raises is named."""
    from mldsl.report import unique_names

    run = result.run
    view = report_view(result) if run.plan.reports else None
    names = unique_names([value.name for value in run.plan.reports])
    outputs: dict[str, ReportOutput] = {}
    todo = [(name, value, run.resolver.component(value)) for name, value in zip(names, run.plan.reports, strict=True)]
    for name, value, component in sorted(todo, key=lambda one: "seconds" in one[2].needs):  # it tells of the others
        assert view is not None
        with run.clock.step(f"report/{name}"), blamed(value, "compute"):
            output = component.compute(run.resolver.spec(value), _limited(view, value.model))
        models = [model.name for model in view.models]
        outputs[name] = attrs.evolve(
            output, notes=together(output.notes, models), warnings=together(output.warnings, models)
        )
        view = attrs.evolve(view, seconds=_seconds(result))
    return {name: outputs[name] for name in names}


def together(sentences: Sequence[str], models: Sequence[str]) -> list[str]:
    """What is said of several models in the same words, once: `a, b: a unit is one of ...`."""
    spoken: dict[str, list[str]] = {}
    for sentence in sentences:
        name, colon, words = sentence.partition(": ")
        if colon and name in models:
            spoken.setdefault(words, []).append(name)
        else:
            spoken.setdefault(sentence, [])
    return [f"{', '.join(dict.fromkeys(names))}: {words}" if names else words for words, names in spoken.items()]


def _limited(view: ReportView | None, model: str | None) -> ReportView | None:
    """The view with one model only, where a report names it."""
    if view is None or model is None:
        return view
    wanted = view.best if model == "best" and all(m.name != "best" for m in view.models) else model
    return attrs.evolve(view, models=tuple(m for m in view.models if m.name == wanted))
