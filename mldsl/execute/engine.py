"""A whole plan on loaded data: every model fitted and judged, the best one, the gates, every report computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from mldsl.contract import ModelView, PartView, Prediction, ReportView
from mldsl.diagnostics import InternalError, MldslError
from mldsl.execute.decide import classes_at
from mldsl.execute.fit import Run, to_numpy
from mldsl.execute.outcome import Outcome, best_of, gates_of, judge_model
from mldsl.execute.score import in_words
from mldsl.plugin import ReportOutput
from mldsl.record import GateResult


@attrs.frozen(eq=False)
class Result:
    """What a run computed, before any of it is written."""

    run: Run
    outcomes: tuple[Outcome, ...]
    best: str | None
    gates: tuple[GateResult, ...]
    warnings: tuple[str, ...]

    @property
    def best_outcome(self) -> Outcome | None:
        """The outcome of the best model."""
        return next((o for o in self.outcomes if o.name == self.best), None)


def execute(run: Run) -> Result:
    """Fit and judge every model of the plan, in order; choose the best; hold the gates against it."""
    choose = len(run.plan.models) > 1
    outcomes = tuple(judge_model(run, model, choose) for model in run.plan.models)
    best = best_of(run, outcomes)
    chosen = next((o for o in outcomes if o.name == best), None)
    return Result(run, outcomes, best, gates_of(run, chosen), tuple(_warnings(run, outcomes)))


def _warnings(run: Run, outcomes: tuple[Outcome, ...]) -> list[str]:
    found = [w.message for w in run.dataset.warnings]
    for outcome in outcomes:
        info = scalars_of(outcome.model.last.info)
        if info.get("converged") is False:
            found.append(f"`{outcome.name}` did not converge in {info.get('iterations', 'its')} iterations")
        if info.get("separated") is True:
            found.append(
                f"`{outcome.name}`: a combination of the inputs separates the classes perfectly, so coefficients and "
                "standard errors grow without bound; a penalty (`l2`) makes them finite"
            )
        unseen = outcome.model.prepared.host.encoded.unseen
        found += [f"{count} cells of `{name}` hold a level that no training row has" for name, count in unseen.items()]
    if run.plan.split.test == 0 and run.plan.split.folds == 0 and outcomes:
        found.append("nothing is held out: every metric is of the rows the model was trained on")
    return list(dict.fromkeys(found))


def scalars_of(info: Any) -> dict[str, Any]:
    """The single numbers of an Info, as Python values, for the record."""
    fields = info._asdict() if hasattr(info, "_asdict") else {}
    found = {}
    for name, value in fields.items():
        if value is not None and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf":
            found[name] = np.asarray(value).item()
    return found


# ---- reports ---------------------------------------------------------------------------------------------------------
def _part(
    run: Run, outcome: Outcome, prediction: Prediction, rows: np.ndarray, name: str, threshold: float | None
) -> PartView:
    prepared = outcome.model.prepared
    index = np.flatnonzero(rows & (np.asarray(prepared.weight)[: len(rows)] > 0))  # of weight 0: not there
    n = len(rows)
    target = prepared.host.encoded.target

    def take(value: Any) -> np.ndarray | None:
        return None if value is None else np.asarray(value)[:n][index]

    shown: Any = prediction.label if prediction.label is not None else prediction.mean
    if prediction.probability is not None:
        positive = len(prepared.classes) - 1 if len(prepared.classes) == 2 else None
        shown = classes_at(np.asarray(prediction.probability)[:n], positive, threshold)
    elif shown is None:
        shown = prediction.score
    return PartView(
        name, prepared.weight[index], run.dataset.frame["__row"].to_numpy()[index], take(target), take(shown),
        take(prediction.probability), take(prediction.interval), take(prediction.distance), take(prediction.score),
        take(outcome.matrix), index,
    )  # fmt: skip


def _model_view(run: Run, outcome: Outcome) -> ModelView:
    prepared, last = outcome.model.prepared, outcome.model.last
    pipeline = prepared.pipeline
    part = run.split.part
    if outcome.headline == "folds":
        held = np.any([f.held for f in run.split.folds], axis=0)
        shown = _part(run, outcome, outcome.out_of_fold[0], held, "folds", outcome.threshold)
    else:
        rows = part == "train" if outcome.headline == "all" else part == outcome.headline
        shown = _part(run, outcome, last.prediction, rows, outcome.headline, outcome.threshold)

    def predict(matrix: np.ndarray) -> Prediction:
        from mldsl.execute.buckets import bucket, pad

        dtype = np.float64 if prepared.x64 else np.float32
        padded = pad(np.asarray(matrix, dtype), bucket(len(matrix)))
        model: Any = pipeline.model
        answer = run.programs.call(
            "predict", lambda spec, params, x: model.predict(spec, params, x), pipeline.static, prepared.specs[1],
            last.params, padded, x64=prepared.x64,
        )  # fmt: skip
        cut: Any = [None if v is None else v[: len(matrix)] for v in to_numpy(answer)]
        return Prediction(*cut)

    steps = [
        (step.text, step.names_in, params, info)
        for step, params, info in zip(pipeline.steps, last.steps, last.steps_info, strict=True)
    ]
    return ModelView(
        name=outcome.name, algorithm=prepared.plan.algorithm.name, spec=run.resolver.spec(prepared.plan.algorithm),
        params=last.params, info=last.info, shape=pipeline.shape, features=tuple(c.name for c in pipeline.columns),
        held_out=shown, train=_part(run, outcome, last.prediction, part == "train", "train", outcome.threshold),
        predict=predict, threshold=outcome.threshold, history=last.history, steps=steps, target_scale=prepared.scale,
    )  # fmt: skip


def report_view(result: Result) -> ReportView:
    """The run as reports see it."""
    run, plan = result.run, result.run.plan
    levels = result.outcomes[0].model.prepared.classes if result.outcomes else ()
    return ReportView(
        task=plan.task, target=plan.target, levels=levels, positive=len(levels) - 1 if len(levels) == 2 else None,
        models=tuple(_model_view(run, o) for o in result.outcomes), best=result.best, frame=run.dataset.frame,
        part=run.split.part, columns=run.dataset.columns,
        metrics={o.name: {p: {m: (v.value, v.low, v.high) for m, v in ms.items()} for p, ms in o.metrics.items()}
                 for o in result.outcomes},
        fold_metrics={o.name: o.fold_metrics for o in result.outcomes},
        primary=next((m.name for m in plan.metrics if m.primary), None),
    )  # fmt: skip


def compute_reports(result: Result) -> dict[str, ReportOutput]:
    """Every report of the plan by its unique name; a plugin that raises is named."""
    from mldsl.report import unique_names

    run = result.run
    view = report_view(result) if run.plan.reports else None
    names = unique_names([value.name for value in run.plan.reports])
    outputs: dict[str, ReportOutput] = {}
    for name, value in zip(names, run.plan.reports, strict=True):
        component, spec = run.resolver.component(value), run.resolver.spec(value)
        try:
            outputs[name] = component.compute(spec, _limited(view, value.model))
        except MldslError:
            raise
        except Exception as error:
            raise InternalError(f"the report `{name}` failed: {error}", owner=value.plugin) from error
    return outputs


def _limited(view: ReportView | None, model: str | None) -> ReportView | None:
    """The view with one model only, where a report names it."""
    if view is None or model is None:
        return view
    wanted = view.best if model == "best" and all(m.name != "best" for m in view.models) else model
    return attrs.evolve(view, models=tuple(m for m in view.models if m.name == wanted))


# ---- tables that the run folder keeps --------------------------------------------------------------------------------
def predictions_frame(result: Result) -> Any:
    """One line for every held-out row of every model: where it is from, what was true, what was said."""
    import polars as pl

    run = result.run
    frames = []
    for outcome in result.outcomes:
        prepared = outcome.model.prepared
        if not any(v is not None for v in outcome.model.last.prediction):
            continue
        for part in ("validation", "test"):
            rows = run.split.part == part
            if rows.any():
                frames.append(_answers(run, outcome, outcome.model.last.prediction, rows, part, None, None))
        if not run.split.implicit:
            for fold, answer in zip(run.split.folds, outcome.model.folds, strict=False):
                frames.append(_answers(run, outcome, answer, fold.held, "folds", fold.index, fold.repeat))
        if outcome.headline in ("all", "train"):
            rows = run.split.part == "train"
            frames.append(_answers(run, outcome, outcome.model.last.prediction, rows, outcome.headline, None, None))
        del prepared
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame({"row": []}, {"row": pl.UInt32})


def _answers(
    run: Run,
    outcome: Outcome,
    prediction: Prediction,
    rows: np.ndarray,
    part: str,
    fold: int | None,
    repeat: int | None,
) -> Any:
    import polars as pl

    prepared = outcome.model.prepared
    n = len(rows)
    at = outcome.threshold
    if fold is not None:
        index = next(i for i, f in enumerate(run.split.folds) if f.index == fold and f.repeat == repeat)
        at = outcome.fold_thresholds[index] if outcome.fold_thresholds else at
    words = in_words(prediction, n, prepared.classes, at, {})
    several = len(run.dataset.sources) > 1
    kept = run.dataset.frame.select("__source", "__row")
    names = pl.Series([s.name for s in run.dataset.sources], dtype=pl.String)
    columns: dict[str, Any] = {
        "source": names.gather(kept["__source"]) if several else pl.Series([None] * n, dtype=pl.String),
        "row": kept["__row"],
        "part": pl.repeat(part, n, eager=True),
        "fold": pl.repeat(fold, n, dtype=pl.Int32, eager=True),
        "repeat": pl.repeat(repeat, n, dtype=pl.Int32, eager=True),
    }
    keys = prepared.host.encoded.keys
    columns |= {name: keys[name] for name in keys.columns}
    columns["model"] = pl.repeat(outcome.name, n, eager=True)
    if run.plan.target is not None:
        columns["target"] = run.dataset.frame[run.plan.target]
    columns |= answer_columns(words)
    columns["weight"] = pl.Series(prepared.weight)
    return pl.DataFrame({name: value.alias(name) for name, value in columns.items()}).filter(pl.Series(rows))


def answer_columns(words: Any) -> dict[str, Any]:
    """`prediction`, `probability_<class>`, `score`, `cluster`, `low`, `high`: what is said of each row, by column."""
    import polars as pl

    columns: dict[str, Any] = {}
    if words.prediction is not None:
        name = "cluster" if words.distance is not None else "prediction"
        values = words.prediction
        columns[name] = pl.Series(name, values.tolist() if values.dtype == object else values)
    if words.probability is not None:
        columns |= {
            f"probability_{level}": pl.Series(words.probability[:, i].astype(np.float64))
            for i, level in enumerate(words.classes)
        }
    if words.score is not None and words.score.ndim == 1:
        columns["score"] = pl.Series(words.score)
    if words.interval is not None:
        columns |= {"low": pl.Series(words.interval[:, 0]), "high": pl.Series(words.interval[:, 1])}
    return columns


def metrics_of(outcome: Outcome) -> Mapping[str, Mapping[str, Any]]:
    """The metrics of an outcome, for the record."""
    return outcome.metrics
