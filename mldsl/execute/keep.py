"""From a result to what a run leaves behind: the record, the artifacts, the tables, the reports, the exports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from mldsl.data import Dataset, Split, split_frame
from mldsl.execute.chosen import chosen_of
from mldsl.execute.costs import balance_of
from mldsl.execute.engine import Result, predictions_frame, scalars_of
from mldsl.execute.fit import FoldResult
from mldsl.execute.outcome import Outcome, needed_folds
from mldsl.execute.trained import artifact_of, trained_of
from mldsl.plan import ComponentValue, EnvSecret, Plan
from mldsl.plugin import ReportOutput
from mldsl.record import (
    ColumnRecord,
    DataRecord,
    DeviceRecord,
    ExportContext,
    ModelRecord,
    Partial,
    PipelineRecord,
    RunRecord,
    SourceRecord,
    SplitRecord,
)  # fmt: skip
from mldsl.record.artifact import write as write_files
from mldsl.record.versions import versions
from mldsl.source import Source


def draft(
    run_id: str, file: str, text: str, plan: Plan, dataset: Dataset, split: Split, plugins: Mapping[str, str]
) -> RunRecord:
    """The record before anything is fitted: file and its text with includes, data, split, versions, device."""
    import jax

    part = split.part
    explicit = 0 if split.implicit else len({(f.repeat, f.index) for f in split.folds})
    repeats = plan.split.repeats
    return RunRecord(
        id=run_id,
        pipeline=PipelineRecord(file, hashlib.sha256(text.encode()).hexdigest()),
        task=plan.task,
        seed=plan.seed,
        data=DataRecord(
            tuple(SourceRecord(s.name, s.sha256, s.rows) for s in dataset.sources),
            dataset.frame.height,
            tuple(ColumnRecord(c.name, c.type, c.role, c.missing) for c in dataset.columns),
        ),
        split=SplitRecord(
            int((part == "train").sum()), int((part == "validation").sum()), int((part == "test").sum()),
            explicit // max(repeats, 1), ", ".join(plan.split.by), repeats,
        ),
        params={p.name: _plain(p.value) for p in plan.params},
        primary=next((m.name for m in plan.metrics if m.primary), None),
        versions=versions(plugins),
        device=DeviceRecord(jax.default_backend(), len(jax.devices())),
        better={m.name: m.better for m in plan.metrics},
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, ComponentValue):
        arguments = {name: _plain(v) for name, v in value.args}
        return {"name": value.name, **arguments} if arguments else value.name
    if isinstance(value, EnvSecret):
        return None
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def _model_record(outcome: Outcome, train: np.ndarray) -> ModelRecord:
    fitted = outcome.model
    balance = balance_of(fitted.prepared, fitted.last.steps_info, fitted.prepared.weight * train)
    return ModelRecord(
        algorithm=fitted.prepared.plan.algorithm.name,
        spec={name: _plain(value) for name, value in fitted.prepared.plan.algorithm.args},
        threshold=_by_level(outcome),
        calibration=outcome.calibration,
        metrics=outcome.metrics,
        fold_metrics=outcome.fold_metrics if "folds" in outcome.metrics else (),
        info=scalars_of(fitted.last.info)
        | _last(fitted.last)
        | balance
        | chosen_of(fitted.prepared, fitted.last.steps),
        seconds={name: round(value, 6) for name, value in fitted.seconds.items()},
        cached=fitted.cached,
    )


def _by_level(outcome: Outcome) -> float | dict[str, float] | None:
    """The threshold; of several classes one by level."""
    if isinstance(outcome.threshold, tuple):
        return dict(zip(outcome.model.prepared.classes, outcome.threshold, strict=True))
    return outcome.threshold


def _last(fit: FoldResult) -> dict[str, Any]:
    """How far an iterative fit went, and what it said last; `kept_step` is the one whose state was kept."""
    steps = max((len(v) for v in fit.history.values()), default=0)
    if not steps:
        return {}
    kept = {"kept_step": fit.updates} if fit.updates and fit.updates != steps else {}
    return {"steps": steps, **kept, **{name: values[-1] for name, values in fit.history.items() if values}}


def complete(record: RunRecord, result: Result, outputs: Mapping[str, ReportOutput], *warnings: str) -> RunRecord:
    """The record with everything that was computed."""
    from mldsl.report import files_of

    texts = [*result.warnings, *warnings]
    for output in outputs.values():
        texts += output.warnings
    shown = _shown_split(result)
    implicit = len(shown.folds) if shown.implicit else 0
    return attrs.evolve(
        record,
        split=attrs.evolve(record.split, implicit_folds=implicit),
        models={o.name: _model_record(o, result.run.split.part == "train") for o in result.outcomes},
        best=result.best,
        gates=result.gates,
        tune=result.tune,
        reports=files_of(outputs),
        warnings=tuple(dict.fromkeys(texts)),
    )


def write(
    result: Result,
    record: RunRecord,
    outputs: Mapping[str, ReportOutput],
    text: str,
    plan_text: str,
    partial: Partial,
    plugins: Mapping[str, str],
) -> None:
    """Everything of the run folder but the exports, into the unfinished folder."""
    from mldsl.record.disk import writing
    from mldsl.report import render_run

    folder = partial.path
    with writing(folder):
        (folder / "pipeline.mlp").write_text(text, encoding="utf-8")
        (folder / "plan.txt").write_text(plan_text, encoding="utf-8")
        split_frame(result.run.dataset, _shown_split(result)).write_parquet(folder / "split.parquet")
        predictions_frame(result).write_parquet(folder / "predictions.parquet")
    for outcome in result.outcomes:
        write_artifact(result, outcome, folder / "models" / outcome.name, record.versions, plugins)
    render_run(record, outputs, text, plan_text, folder)
    with writing(folder):
        (folder / "run.json").write_text(record.text(), encoding="utf-8")


def _shown_split(result: Result) -> Split:
    """The split as used: implicit folds are kept only where a model needed them."""
    run = result.run
    used = any(needed_folds(run, o.model.prepared.plan, len(result.outcomes) > 1) for o in result.outcomes)
    return run.split if used else attrs.evolve(run.split, folds=())


def pipeline_text(sources: Mapping[str, Source]) -> str:
    """The pipeline's own text, then each included file behind a comment that names it."""
    texts = [source.text.rstrip("\n") + "\n" for source in sources.values()]
    names = list(sources)
    return texts[0] + "".join(
        f"\n# ---- included: {name}\n{text}" for name, text in zip(names[1:], texts[1:], strict=True)
    )


def write_artifact(
    result: Result, outcome: Outcome, folder: Path, made_with: Mapping[str, str], plugins: Mapping[str, str]
) -> None:
    """One model's artifact: manifest, params, info."""
    trained = trained_of(result, outcome, made_with)
    write_files(artifact_of(outcome.name, trained.learned, trained.info, made_with, plugins, trained.resolver), folder)


def export(record: RunRecord, result: Result, folder: Path, base: Path, spec_of: Callable[[Any], Any]) -> RunRecord:
    """Run the exporters, outside of the run folder; their paths go into the record."""
    context = ExportContext(folder, record, base)
    written: list[str] = []
    for value in result.run.plan.exports:
        component = result.run.resolver.component(value)
        written += [str(path) for path in component.export(spec_of(value), context)]
    return attrs.evolve(record, outputs=tuple(written)) if written else record
