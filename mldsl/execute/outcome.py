"""From fits to results: out-of-fold answers, thresholds, metrics by part, the best model, the gates.

The order is that of the language: what chooses (threshold, best) looks at out-of-fold rows where there are folds, else
at validation rows, else at implicit folds of the training rows; the test part is used once, for the final metrics.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract import Prediction, class_probability, reliability
from mldsl.data import Fold
from mldsl.execute.calibrate import Calibrator, Unlearned, calibrated, learn, said_of
from mldsl.execute.decide import Threshold, choose_threshold
from mldsl.execute.fit import FittedModel, Prepared, Run, fit_all, matrix_of
from mldsl.execute.intervals import fold_interval
from mldsl.execute.judge import Judge, measured
from mldsl.execute.tune import Tuned
from mldsl.plan import MetricPlan, ModelPlan
from mldsl.record import CalibrationRecord, GateResult, MetricValue

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@attrs.frozen(eq=False)
class Outcome:
    """One model with everything that was decided and measured.

    `out_of_fold` has one prediction per repeat (rows outside of every fold hold 0); `fold_thresholds` is what each fold
    was judged at, `fold_calibrators` what calibrated it. `metrics`: part -> name -> value. `headline` is the part that
    counts. All predictions, those of `model` too, are calibrated where the model asks for it; `uncalibrated` are then
    those of the headline part before.
    """

    model: FittedModel
    threshold: Threshold
    fold_thresholds: tuple[Threshold, ...]
    out_of_fold: tuple[Prediction, ...]
    metrics: Mapping[str, Mapping[str, MetricValue]]
    fold_metrics: tuple[Mapping[str, float], ...]
    headline: str
    matrix: Any
    choosing: float = math.nan
    calibrator: Calibrator | None = None
    calibration: CalibrationRecord | None = None
    uncalibrated: Prediction | None = None
    warnings: tuple[str, ...] = ()
    fold_calibrators: tuple[Calibrator | None, ...] = ()

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name


def judge_model(run: Run, model: ModelPlan, choose: bool, tuned: Tuned | None = None) -> Outcome:
    """Fit one model, take its decisions, measure it. `choose`: several models compete, so folds must score it."""
    model = model if tuned is None else tuned.model
    folds = needed_folds(run, model, choose)
    of_folds, base = ((), None) if tuned is None else (tuned.folds, tuned.base)
    fitted = fit_all(run, model, folds, of_folds, base)
    counts = run.programs.counts
    compiling, start = counts.compile_seconds, time.perf_counter()
    prepared, n = fitted.prepared, run.dataset.frame.height
    matrix = _matrix(run, fitted)
    judge = Judge(run, prepared, run.plan.metrics, matrix, fitted.last.params)
    parts = _parts(run)
    raw = fitted
    decided, per_fold = _decisions(run, judge, raw, folds, parts)
    fitted = _calibrated(raw, decided, per_fold)
    folded = tuple(_scatter(fitted, folds, repeat, n) for repeat in sorted({f.repeat for f in folds}))
    metrics: dict[str, dict[str, MetricValue]] = {}
    explicit = bool(folds) and not run.split.implicit
    weight = prepared.weight
    fold_metrics = tuple(
        judge.points(answer, fold.held * weight, of_others.threshold)
        for fold, answer, of_others in zip(folds, fitted.folds, per_fold, strict=True)
    )
    chosen = decides(model) or tuned is not None
    if explicit:
        # Without a test part each fold is judged at what the others decided, which is honest.
        metrics["folds"] = _over_folds(run, folds, fold_metrics, choose or (chosen and "test" in parts))
    for part, rows in parts.items():
        values = judge.part(fitted.last.prediction, rows * weight, decided.threshold, f"{model.name}/{part}")
        chose = part == "validation" and (model.stop_when is not None or ((choose or chosen) and not folds))
        metrics[part] = {k: MetricValue(*v, selected_on=chose) for k, v in values.items()}
    primary = next((m for m in run.plan.metrics if m.primary), None)
    choosing = _choosing(run, folds, fold_metrics, metrics, primary)
    compiling = counts.compile_seconds - compiling
    seconds = {**fitted.seconds, "compile": fitted.seconds["compile"] + compiling}
    seconds["metrics"] = time.perf_counter() - start - compiling
    if tuned is not None:
        seconds["tune"] = tuned.seconds
    headline = headline_of(metrics)
    return Outcome(
        attrs.evolve(fitted, seconds=seconds), decided.threshold, tuple(d.threshold for d in per_fold), folded, metrics,
        fold_metrics, headline, matrix, choosing, decided.calibrator,
        _calibration(run, raw, fitted, decided, folds, parts, headline),
        _answers_of(raw, folds if headline == "folds" else (), n) if model.calibrate is not None else None,
        tuple(_not_calibrated(judge, folds, parts, decided, per_fold)), tuple(d.calibrator for d in per_fold),
    )  # fmt: skip


def needed_folds(run: Run, model: ModelPlan, choose: bool) -> tuple[Fold, ...]:
    """The folds of the split; implicit ones only where something is chosen and no validation part can choose it."""
    if not run.split.folds or not run.split.implicit:
        return run.split.folds
    wants = choose or decides(model)
    needed: tuple[Fold, ...] = run.split.folds if wants and not (run.split.part == "validation").any() else ()
    return needed


def decides(model: ModelPlan) -> bool:
    """Whether held-out rows choose a threshold or teach a calibrator; a threshold that the file fixes is not chosen."""
    chooses = model.threshold is not None and model.threshold.metric is not None
    return chooses or model.calibrate is not None


def _parts(run: Run) -> dict[str, np.ndarray]:
    part = run.split.part
    if run.plan.target is None and not any((part == p).any() for p in ("test", "validation")):
        return {"all": part == "train"}
    return {name: part == name for name in ("train", "validation", "test") if (part == name).any()}


def _matrix(run: Run, fitted: FittedModel) -> Any:
    """The model's matrix of all rows, where a metric or a report looks at it."""
    if fitted.last.matrix is not None:
        return fitted.last.matrix
    wanted = any("inputs" in run.resolver.component(m.component).needs for m in run.plan.metrics)
    if not (wanted or run.plan.reports):
        return None
    return matrix_of(run, fitted.prepared, fitted.last.steps)


def _scatter(fitted: FittedModel, folds: Sequence[Fold], repeat: int, n: int) -> Prediction:
    """Each row's answer by the fit that has not seen it, for one repeat."""
    answers = [(f.held, p) for f, p in zip(folds, fitted.folds, strict=True) if f.repeat == repeat]

    def merged(field: str) -> Any:
        first = getattr(answers[0][1], field)
        if first is None:
            return None
        out = np.zeros_like(np.asarray(first)[:n])
        for held, answer in answers:
            out[held] = np.asarray(getattr(answer, field))[:n][held]
        return out

    return Prediction(*(merged(name) for name in Prediction._fields))


@attrs.frozen(eq=False)
class Decided:
    """What rows that a fit has not seen decided for it: how its probabilities are calibrated, then its threshold."""

    calibrator: Calibrator | None = None
    threshold: Threshold = None


def _decisions(
    run: Run, judge: Judge, fitted: FittedModel, folds: Sequence[Fold], parts: Mapping[str, np.ndarray]
) -> tuple[Decided, tuple[Decided, ...]]:
    """What was decided for the last fit, and for each fold (on the other folds)."""
    plan = fitted.prepared.plan
    if not decides(plan):
        same = Decided(None, None if plan.threshold is None else plan.threshold.value)
        return same, (same,) * len(folds)
    decide = decider(run, judge, fitted.prepared)
    weight = fitted.prepared.weight
    if not folds:
        return decide(fitted.last.prediction, _choosing_rows(folds, parts) * weight), ()
    first = _scatter(fitted, folds, folds[0].repeat, run.dataset.frame.height)
    held = _choosing_rows(folds, parts)
    per_fold = tuple(decide(first, (held & ~fold.held) * weight) for fold in folds)
    return decide(first, held * weight), per_fold


def _choosing_rows(folds: Sequence[Fold], parts: Mapping[str, np.ndarray]) -> np.ndarray:
    """The rows that choose: those that the folds of the first repeat hold out, else validation, else training rows."""
    if folds:
        return np.asarray(np.any([fold.held for fold in folds if fold.repeat == folds[0].repeat], axis=0))
    return parts["validation"] if "validation" in parts else parts["train"]


def decider(run: Run, judge: Judge, prepared: Prepared) -> Callable[[Prediction, np.ndarray], Decided]:
    """Takes the model's decisions on answers and the weights of the rows that choose: calibrate, then threshold."""
    plan, k = prepared.plan, len(prepared.classes)
    threshold, method = plan.threshold, plan.calibrate
    metric = threshold.metric if threshold is not None else None
    measure = measured(run, prepared, metric.text or metric.name, metric) if metric is not None else None

    def decide(prediction: Prediction, rows: np.ndarray) -> Decided:
        assert judge.target is not None
        calibrator = learn(method, prediction, judge.target, rows, k) if method is not None else None
        if measure is None or threshold is None:
            return Decided(calibrator, None if threshold is None else threshold.value)
        shown = calibrated(calibrator, prediction, k)
        probability = np.asarray(shown.probability)[: len(rows)]
        scores = judge.at_thresholds(measure, shown, rows)
        return Decided(calibrator, choose_threshold(probability, rows, scores, threshold.direction == "maximize"))

    return decide


def _calibrated(fitted: FittedModel, last: Decided, per_fold: Sequence[Decided]) -> FittedModel:
    """The fits with their probabilities as calibrated: those of a fold by what the other folds taught."""
    k = len(fitted.prepared.classes)
    return attrs.evolve(
        fitted,
        last=attrs.evolve(fitted.last, prediction=calibrated(last.calibrator, fitted.last.prediction, k)),
        folds=tuple(calibrated(d.calibrator, p, k) for d, p in zip(per_fold, fitted.folds, strict=True)),
    )


def _calibration(
    run: Run, before: FittedModel, after: FittedModel, last: Decided, folds: Sequence[Fold],
    parts: Mapping[str, np.ndarray], headline: str,
) -> CalibrationRecord | None:  # fmt: skip
    """What calibration did to the calibration error, on the rows that chose it and on those that count."""
    prepared = before.prepared
    if prepared.plan.calibrate is None:
        return None
    on = ("train" if run.split.implicit else "folds") if folds else "validation" if "validation" in parts else "train"
    chose = _choosing_rows(folds, parts)
    error = {}
    for part in dict.fromkeys((on, headline)):
        rows = (chose if part == on else parts[part]) * prepared.weight
        answers = [_answers_of(fit, folds if part == on else (), run.dataset.frame.height) for fit in (before, after)]
        error[part] = dict(zip(("before", "after"), (_error(prepared, a, rows) for a in answers), strict=True))
    count = int(np.count_nonzero(chose * prepared.weight))
    return CalibrationRecord(prepared.plan.calibrate, on, count, said_of(last.calibrator), error)


def _answers_of(fitted: FittedModel, folds: Sequence[Fold], n: int) -> Prediction:
    return _scatter(fitted, folds, folds[0].repeat, n) if folds else fitted.last.prediction


def _error(prepared: Prepared, prediction: Prediction, weight: np.ndarray) -> float:
    """The expected calibration error on the rows of weight above 0; NaN without probabilities."""
    if prediction.probability is None:
        return math.nan
    rows = weight > 0
    probability = np.asarray(prediction.probability)[: len(rows)][rows]
    target = np.asarray(prepared.host.encoded.target)[rows]
    positive = 1 if len(prepared.classes) == 2 else None
    return reliability(*class_probability(probability, target, positive), weight[rows]).error


def _not_calibrated(
    judge: Judge, folds: Sequence[Fold], parts: Mapping[str, np.ndarray], last: Decided, per_fold: Sequence[Decided]
) -> list[str]:
    """Said where a calibrator could not be learned."""
    prepared = judge.prepared
    if prepared.plan.calibrate is None:
        return []
    every = (last.calibrator, *(d.calibrator for d in per_fold))
    of_margins = any(isinstance(calibrator, Unlearned) for calibrator in every)
    instead = "; its probabilities are there the softmax of its margins" if of_margins else ""
    if not _lost(last):
        missed = sum(_lost(d) for d in per_fold)
        several = f"`{prepared.plan.name}` is not calibrated in {missed} of {len(folds)} folds"
        return [f"{several}: not every class has rows in the others{instead}"] if missed else []
    rows = _choosing_rows(folds, parts) * prepared.weight > 0
    seen = set(np.asarray(judge.target)[rows].tolist())
    lacking = ", ".join(f"`{level}`" for c, level in enumerate(prepared.classes) if c not in seen)
    why = f"the {int(rows.sum()):,} rows that choose have none of {lacking}" if lacking else "no finite answers"
    return [f"`{prepared.plan.name}` is not calibrated: {why}{instead}"]


def _lost(decided: Decided) -> bool:
    """Whether a calibrator was wanted, and could not be learned."""
    return decided.calibrator is None or isinstance(decided.calibrator, Unlearned)


def _over_folds(
    run: Run, folds: Sequence[Fold], values: Sequence[Mapping[str, float]], chose: bool
) -> dict[str, MetricValue]:
    share = float(np.mean([f.held.sum() / max(f.held.sum() + f.train.sum(), 1) for f in folds]))
    out = {}
    for metric in run.plan.metrics:
        each = np.array([v[metric.name] for v in values])
        low, high = fold_interval(each[np.isfinite(each)], 1 - share)
        # A t interval knows nothing of the ends that a metric has.
        component = run.resolver.component(metric.component)
        low = low if component.lowest is None else max(low, component.lowest)
        high = high if component.highest is None else min(high, component.highest)
        mean = float(np.nanmean(each)) if np.isfinite(each).any() else math.nan
        out[metric.name] = MetricValue(mean, low, high, selected_on=chose)
    return out


def _choosing(
    run: Run,
    folds: Sequence[Fold],
    fold_metrics: Sequence[Mapping[str, float]],
    metrics: Mapping[str, Mapping[str, MetricValue]],
    primary: MetricPlan | None,
) -> float:
    """The primary metric on the rows that may choose the best model."""
    if primary is None:
        return math.nan
    if folds:
        each = np.array([v[primary.name] for v in fold_metrics])
        return float(np.nanmean(each)) if np.isfinite(each).any() else math.nan
    for part in ("validation", "all", "train"):
        if part in metrics:
            return metrics[part][primary.name].value
    return math.nan


def headline_of(metrics: Mapping[str, Any]) -> str:
    """The part that counts: test, else folds, else validation, else all, else training rows."""
    return next((part for part in ("test", "folds", "validation", "all", "train") if metrics.get(part)), "train")


def best_of(run: Run, outcomes: Sequence[Outcome]) -> str | None:
    """The model with the best primary metric; of equal ones the first written."""
    primary = next((m for m in run.plan.metrics if m.primary), None)
    if not outcomes:
        return None
    if primary is None or len(outcomes) == 1:
        return outcomes[0].name
    sign = 1.0 if primary.better == "higher" else -1.0
    scores = [sign * o.choosing if math.isfinite(o.choosing) else -math.inf for o in outcomes]
    return outcomes[int(np.argmax(scores))].name


def gates_of(run: Run, best: Outcome | None) -> tuple[GateResult, ...]:
    """Every bound in `metrics`, on the best model, the headline part, the point estimate. NaN never passes."""
    if best is None:
        return ()
    found = []
    for metric in run.plan.metrics:
        if metric.op is None or metric.bound is None:
            continue
        value = best.metrics.get(best.headline, {}).get(metric.name, MetricValue(math.nan)).value
        passed = math.isfinite(value) and _OPERATORS[metric.op](value, metric.bound)
        found.append(GateResult(metric.name, best.name, best.headline, metric.op, metric.bound, value, passed))
    return tuple(found)
