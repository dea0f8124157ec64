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

from mldsl.contract import Prediction
from mldsl.data import Fold
from mldsl.execute.decide import best_threshold, candidates
from mldsl.execute.fit import FittedModel, Run, fit_all
from mldsl.execute.intervals import fold_interval
from mldsl.execute.judge import Judge, measured
from mldsl.plan import MetricPlan, ModelPlan
from mldsl.record import GateResult, MetricValue

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


@attrs.frozen(eq=False)
class Outcome:
    """One model with everything that was decided and measured.

    `out_of_fold` has one prediction per repeat (rows outside of every fold hold 0); `fold_thresholds` is what each fold
    was judged at. `metrics`: part -> name -> value. `headline` is the part that counts.
    """

    model: FittedModel
    threshold: float | None
    fold_thresholds: tuple[float | None, ...]
    out_of_fold: tuple[Prediction, ...]
    metrics: Mapping[str, Mapping[str, MetricValue]]
    fold_metrics: tuple[Mapping[str, float], ...]
    headline: str
    matrix: np.ndarray | None
    choosing: float = math.nan

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name


def judge_model(run: Run, model: ModelPlan, choose: bool) -> Outcome:
    """Fit one model, take its decisions, measure it. `choose`: several models compete, so folds must score it."""
    folds = needed_folds(run, model, choose)
    fitted = fit_all(run, model, folds)
    counts = run.programs.counts
    compiling, start = counts.compile_seconds, time.perf_counter()
    prepared, n = fitted.prepared, run.dataset.frame.height
    matrix = _matrix(run, fitted)
    judge = Judge(run, prepared, run.plan.metrics, matrix, fitted.last.params)
    folded = tuple(_scatter(fitted, folds, repeat, n) for repeat in sorted({f.repeat for f in folds}))
    parts = _parts(run)
    threshold, per_fold = _thresholds(run, judge, fitted, folds, parts)
    metrics: dict[str, dict[str, MetricValue]] = {}
    explicit = bool(folds) and not run.split.implicit
    weight = prepared.weight
    fold_metrics = tuple(
        judge.points(answer, fold.held * weight, at)
        for fold, answer, at in zip(folds, fitted.folds, per_fold, strict=True)
    )
    chosen = chooses_threshold(model)
    if explicit:
        # Without a test part each fold is judged at the threshold of the others, which is honest.
        metrics["folds"] = _over_folds(run, folds, fold_metrics, choose or (chosen and "test" in parts))
    for part, rows in parts.items():
        values = judge.part(fitted.last.prediction, rows * weight, threshold, f"{model.name}/{part}")
        chose = part == "validation" and (model.stop_when is not None or ((choose or chosen) and not folds))
        metrics[part] = {k: MetricValue(*v, selected_on=chose) for k, v in values.items()}
    primary = next((m for m in run.plan.metrics if m.primary), None)
    choosing = _choosing(run, folds, fold_metrics, metrics, primary)
    compiling = counts.compile_seconds - compiling
    seconds = {**fitted.seconds, "compile": fitted.seconds["compile"] + compiling}
    seconds["metrics"] = time.perf_counter() - start - compiling
    return Outcome(
        attrs.evolve(fitted, seconds=seconds), threshold, per_fold, folded, metrics, fold_metrics,
        headline_of(metrics), matrix, choosing,
    )  # fmt: skip


def needed_folds(run: Run, model: ModelPlan, choose: bool) -> tuple[Fold, ...]:
    """The folds of the split; implicit ones only where something is chosen and no validation part can choose it."""
    if not run.split.folds or not run.split.implicit:
        return run.split.folds
    wants = choose or chooses_threshold(model)
    needed: tuple[Fold, ...] = run.split.folds if wants and not (run.split.part == "validation").any() else ()
    return needed


def chooses_threshold(model: ModelPlan) -> bool:
    """Whether the threshold is chosen on held-out rows; one that the file fixes is not."""
    return model.threshold is not None and model.threshold.metric is not None


def _parts(run: Run) -> dict[str, np.ndarray]:
    part = run.split.part
    if run.plan.target is None and not any((part == p).any() for p in ("test", "validation")):
        return {"all": part == "train"}
    return {name: part == name for name in ("train", "validation", "test") if (part == name).any()}


def _matrix(run: Run, fitted: FittedModel) -> np.ndarray | None:
    """The model's matrix of all rows, where a metric or a report looks at it."""
    if fitted.last.matrix is not None:
        return fitted.last.matrix
    wanted = any("inputs" in run.resolver.component(m.component).needs for m in run.plan.metrics)
    if not (wanted or run.plan.reports):
        return None
    prepared = fitted.prepared
    return np.asarray(
        run.programs.call(
            "matrix", prepared.pipeline.matrix, prepared.pipeline.static, prepared.specs, fitted.last.steps,
            prepared.rows, x64=prepared.x64,
        )
    )  # fmt: skip


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


def _thresholds(
    run: Run, judge: Judge, fitted: FittedModel, folds: Sequence[Fold], parts: Mapping[str, np.ndarray]
) -> tuple[float | None, tuple[float | None, ...]]:
    """The model's threshold, and the one for each fold (chosen on the other folds)."""
    plan = fitted.prepared.plan.threshold
    if plan is None or plan.metric is None:
        value = None if plan is None else plan.value
        return value, (value,) * len(folds)
    measure = measured(run, fitted.prepared, plan.metric.text or plan.metric.name, plan.metric)
    maximize = plan.direction == "maximize"
    weight = fitted.prepared.weight
    positive = len(fitted.prepared.classes) - 1

    def choose(prediction: Prediction, rows: np.ndarray) -> float:
        assert prediction.probability is not None
        points = candidates(np.asarray(prediction.probability)[: len(rows), positive], rows)
        return best_threshold(points, judge.at_thresholds(measure, prediction, rows, points), maximize)

    if not folds:
        rows = parts.get("validation", parts.get("train"))
        assert rows is not None
        return choose(fitted.last.prediction, rows * weight), ()
    n = run.dataset.frame.height
    first = _scatter(fitted, folds, folds[0].repeat, n)
    held = np.zeros(n, bool)
    for fold in folds:
        if fold.repeat == folds[0].repeat:
            held |= fold.held
    per_fold = tuple(choose(first, (held & ~fold.held) * weight) for fold in folds)
    return choose(first, held * weight), per_fold


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
