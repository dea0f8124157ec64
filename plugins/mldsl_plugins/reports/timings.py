"""Where the time of a run went: reading, compiling, fitting, metrics, reports, by model and by fit.

Wall-clock seconds of this run on this machine, so they differ from run to run: the one report that is not a function of
the file and the data. It is computed after all other reports. Of a model, `compile` is what its programs took to be
made or to be read from the cache of earlier runs; the other stages do not include it, save the single fits: the first
one has to wait for its program. `predict` is part of `fit` where both are one program.

Units:   seconds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table

_FITS = ("fold=", "last", "trial=", "trials")


@attrs.frozen
class _Line:
    what: str
    stage: str
    seconds: float


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """Stages of the run and of every model with their shares, the single fits, and bars."""
    run = view.seconds.get("", {})
    lines = [_Line("run", name, run[name]) for name in ("read", "split") if name in run]
    for model in view.models:
        lines += [_Line(model.name, *pair) for pair in _stages(view.seconds.get(model.name, {})).items()]
    lines += [_Line("report", n.removeprefix("report/"), s) for n, s in run.items() if n.startswith("report/")]
    if not lines:
        return ReportOutput(notes=["Nothing was timed."])
    total = sum(line.seconds for line in lines)
    tables = [_table(lines, total)]
    fits = [
        _Line(m.name, stage, seconds)
        for m in view.models
        for stage, seconds in view.seconds.get(m.name, {}).items()
        if stage.startswith(_FITS) and "/" not in stage
    ]
    if len(fits) > len(view.models):
        tables.append(_fits(fits))
    trials = [t for t in getattr(view.tune, "trials", ()) if math.isfinite(t.seconds)]
    if trials:
        tables.append(_trials(trials))
    most = max(lines, key=lambda line: line.seconds)
    share = most.seconds / total if total > 0 else 0.0
    note = f"{total:.2f} s in all; most of it, {share:.0%}, went into {_named(most)}."
    return ReportOutput(tables, [_figure(lines)], [note])


def _stages(seconds: Mapping[str, float]) -> dict[str, float]:
    """The stages of a model that add up, the single fits not among them."""
    return {name: value for name, value in seconds.items() if not name.startswith(_FITS) and "/" not in name}


def _named(line: _Line) -> str:
    match line.what:
        case "run":
            return {"read": "reading the data", "split": "splitting the rows"}[line.stage]
        case "report":
            return f"the report {line.stage}"
    return f"`{line.stage}` of {line.what}"


def _table(lines: list[_Line], total: float) -> Table:
    return Table(
        "Seconds by stage",
        [
            Column("of", [line.what for line in lines] + ["all"], "text"),
            Column("stage", [line.stage for line in lines] + [""], "text"),
            Column("seconds", [line.seconds for line in lines] + [total]),
            Column("share", [line.seconds / total if total > 0 else None for line in lines] + [1.0], "share"),
        ],
    )


def _fits(fits: list[_Line]) -> Table:
    return Table(
        "Single fits",
        [
            Column("model", [line.what for line in fits], "text"),
            Column("fit", [line.stage for line in fits], "text"),
            Column("seconds", [line.seconds for line in fits]),
        ],
        name="fits",
        note="fold=REPEAT.INDEX, and the last fit on all training rows. The first one waits for its program.",
    )


def _trials(trials: Sequence[Any]) -> Table:
    """How many settings each model's search tried, and how long they took."""
    by_model: dict[str, list[float]] = {}
    for trial in trials:
        by_model.setdefault(trial.model, []).append(trial.seconds)
    return Table(
        "Trials of tune",
        [
            Column("model", list(by_model), "text"),
            Column("trials", [len(s) for s in by_model.values()], "integer"),
            Column("seconds", [sum(s) for s in by_model.values()]),
            Column("mean", [sum(s) / len(s) for s in by_model.values()]),
            Column("longest", [max(s) for s in by_model.values()]),
        ],
        name="trials",
        note="Without compiling. Settings that one program fits together share its time equally.",
    )


def _figure(lines: list[_Line]) -> Figure:
    names = [f"{line.what}: {line.stage}" for line in lines]
    most = max(lines, key=lambda line: line.seconds)
    alt = f"Seconds by stage; the longest is {_named(most)}, {most.seconds:.2f} s."
    bars = Series([line.seconds for line in lines], names, mark="bars")
    return Figure("Where the time went", [Panel("seconds", "", [bars], y_kind="category")], alt)


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [Report("timings", compute=compute, needs={"seconds"}, snippet="report { timings }")]
