"""The loss of an iterative model by step: does it still fall, has it settled, do validation and training part?

Each watched value of the fit (loss, validation loss) is a line; the step of its least value is in the table. Models
that are fitted in closed form have no curve, and a note says so.

Units:   those of the model's loss; a step is one update (an epoch, a round, an iteration).
"""

from __future__ import annotations

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import model_column


@attrs.frozen
class Spec:
    """How the losses are drawn."""

    log: bool = param(False, doc="Draw the losses on a logarithmic axis; all of them must be positive.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """The first, least and last value of every watched loss; all values; and a panel for each model."""
    models = view.models
    iterative = [m for m in models if any(len(v) for v in m.history.values())]
    notes = [
        f"{m.name} has no training curve: `{m.algorithm}` is not fitted step by step."
        for m in models
        if m not in iterative
    ]
    if not iterative:
        return ReportOutput(notes=notes)
    curves = [(m, name, np.asarray(v, float)) for m in iterative for name, v in m.history.items() if len(v)]
    log = spec.log and all(np.all(v[np.isfinite(v)] > 0) for _, _, v in curves)
    if spec.log and not log:
        notes.append("Some losses are not positive, so the axis is not logarithmic.")
    panels = [_panel(m, curves, log, titled=len(iterative) > 1) for m in iterative]
    words = "; ".join(f"{m.name}, {name}: from {v[0]:.4g} to {v[-1]:.4g} in {len(v)} steps" for m, name, v in curves)
    return ReportOutput(
        tables=[_summary(models, curves), _all(models, curves)],
        figures=[Figure("Training curve", panels, f"Loss by step. {words}.")],
        notes=notes,
    )


_Curve = tuple[ModelView, str, np.ndarray]


def _panel(model: ModelView, curves: list[_Curve], log: bool, *, titled: bool) -> Panel:
    lines = [Series(np.arange(1, len(v) + 1), v, name.replace("_", " ")) for m, name, v in curves if m is model]
    return Panel("step", "loss", lines, title=model.name if titled else "", y_kind="log" if log else "number")


def _summary(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    least = [int(np.nanargmin(v)) if np.isfinite(v).any() else 0 for _, _, v in curves]
    return Table(
        "Loss by step",
        [
            *model_column(models, [m.name for m, _, _ in curves]),
            Column("watched", [name.replace("_", " ") for _, name, _ in curves], "text"),
            Column("steps", [len(v) for _, _, v in curves], "integer"),
            Column("first", [v[0] for _, _, v in curves]),
            Column("least", [v[i] for (_, _, v), i in zip(curves, least, strict=True)]),
            Column("at step", [i + 1 for i in least], "integer"),
            Column("last", [v[-1] for _, _, v in curves]),
        ],
    )


def _all(models: tuple[ModelView, ...], curves: list[_Curve]) -> Table:
    return Table(
        "Every step",
        [
            *model_column(models, [m.name for m, _, v in curves for _ in v]),
            Column("watched", [name.replace("_", " ") for _, name, v in curves for _ in v], "text"),
            Column("step", [i + 1 for _, _, v in curves for i in range(len(v))], "integer"),
            Column("loss", np.concatenate([v for _, _, v in curves])),
        ],
        name="steps",
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [Report("training_curve", Spec, compute=compute, snippet="report { training_curve }")]
