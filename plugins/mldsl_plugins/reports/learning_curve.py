"""How the score grows with the number of training rows, and whether more rows would help.

The pipeline, transforms and all, is fitted again on a share of the training rows of every fold, through the programs
that are compiled already; it is measured on these rows and on those that the fold holds out. Subsets are nested, keep
the shares of classes, and keep groups whole; where folds go by time the latest rows are taken. The folds are those of
the file, else five of the training rows: the test part is never looked at. Hyperparameters, threshold and calibration
stay what they are.

Intervals are the corrected resampled t over the folds. For the last step the difference of both scores is taken fold by
fold: where its interval lies above 0, rows still help. The distance of the two curves at the end is what the model has
learned by heart: more rows, or a simpler model, make it smaller. Two curves that have met ask for better columns or
another model instead.

Shapes:  s shares, f folds: (s - 1) f fits for each model, s f where the folds have not been fitted before.
Units:   those of the metric, over training rows.
Errors:  none; where no folds can be made of the training rows, a sentence says so.
Sources: Perlich, Provost & Simonoff 2003, JMLR 4:211-255; Nadeau & Bengio 2003, doi:10.1023/A:1024068626366 (t).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Problem, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._shared import model_column
from mldsl_plugins.reports._statistics import corrected_t
from mldsl_plugins.reports._subsets import subset, subset_order, units_of


@attrs.frozen
class Spec:
    """How many rows, and what of the metrics."""

    rows: tuple[Share, ...] = param(
        (0.1, 0.3, 1.0), gt=0, le=1, doc="Shares of the training rows.", also_known_as=("train_sizes",)
    )
    metric: Any | None = param(
        None, kind="metric", doc="One of the file's metrics; the primary one unless given.", also_known_as=("scoring",)
    )


@attrs.frozen
class _Curve:
    """Scores [shares, folds] of one model, and the training rows [shares] they took, on the mean over folds."""

    model: ModelView
    rows: np.ndarray
    train: np.ndarray
    held: np.ndarray
    share: float  # of the rows that were trained on, in a whole fold: what the corrected t needs
    bounds: tuple[float, float]

    def ends(self) -> np.ndarray:
        """The intervals of the held-out scores [shares, 2], within the bounds of the metric."""
        return np.clip([corrected_t(scores, self.share) for scores in self.held], *self.bounds)


def check(spec: Spec, plan: Any) -> Iterator[Problem]:
    """A metric that the file does not measure."""
    names = [metric.component.name for metric in plan.metrics]
    if spec.metric is not None and spec.metric.component.name not in names:
        found = f"expected one of the metrics of the file ({', '.join(names)}), found {spec.metric.component.name}"
        yield Problem("metric", found)
    if not spec.rows:
        yield Problem("rows", "expected shares of the training rows, found none")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A table by share, both curves with intervals for each model, and what follows."""
    metric = spec.metric.component.name if spec.metric is not None else view.primary
    name = _named(view, metric)
    folds = view.training_folds() if view.training_folds is not None else ()
    if name is None or not folds:
        why = f"`{metric}` is not among the metrics of the file" if name is None and metric else "there is no metric"
        return ReportOutput(notes=[f"No learning curve: {why if name is None else _TOO_FEW}."])
    shares = sorted(set(spec.rows))
    curves = [_curve(view, m, shares, folds, name) for m in view.models if m.refit is not None]
    if not curves:
        return ReportOutput(notes=["No model can be fitted again and measured."])
    notes = [f"{len(folds)} folds{'' if view.folds and not view.implicit_folds else ' of the training rows'}."]
    higher = view.better.get(name, "higher") == "higher"
    for curve in curves:
        who = f"{curve.model.name}: " if len(curves) > 1 else ""
        notes += [who + text if who else text[:1].upper() + text[1:] for text in _words(curve, name, higher)]
    return ReportOutput([_table(curves, shares, name)], [_figure(curves, name)], notes)


_TOO_FEW = "no folds can be made of the training rows, which are too few, or too few of some class"


def _named(view: ReportView, metric: str | None) -> str | None:
    """The metric as the file writes it."""
    known = [*view.better]
    return next((m for m in known if m == metric), next((m for m in known if m.split("(")[0] == metric), None))


def _curve(view: ReportView, model: ModelView, shares: Sequence[float], folds: Sequence[Any], name: str) -> _Curve:
    assert model.refit is not None
    units = units_of(view)
    train, held = np.full((2, len(shares), len(folds)), np.nan)
    rows = np.zeros((len(shares), len(folds)))
    for j, fold in enumerate(folds):
        order = subset_order(view, fold)
        for i, share in enumerate(shares):
            mask = fold.train if share == 1 else subset(order, share, len(fold.train), units)
            found = model.refit(mask, fold)
            rows[i, j], train[i, j], held[i, j] = mask.sum(), found["train"][name], found["held"][name]
    whole = float(np.mean([f.train.sum() / max(1, f.train.sum() + f.held.sum()) for f in folds]))
    bounds = view.bounds.get(name, (-np.inf, np.inf))
    return _Curve(model, rows.mean(axis=1), train, held, whole, bounds)


def _table(curves: list[_Curve], shares: Sequence[float], name: str) -> Table:
    ends = np.concatenate([c.ends() for c in curves])
    return Table(
        f"{name} by the number of training rows",
        [
            *model_column([c.model for c in curves], [c.model.name for c in curves for _ in shares]),
            Column("share", list(shares) * len(curves), "share"),
            Column("training rows", np.concatenate([np.rint(c.rows) for c in curves]), "integer"),
            Column("held out", np.concatenate([np.nanmean(c.held, axis=1) for c in curves])),
            Column("95% low", ends[:, 0]),
            Column("95% high", ends[:, 1]),
            Column("trained on", np.concatenate([np.nanmean(c.train, axis=1) for c in curves])),
        ],
    )


def _words(curve: _Curve, name: str, higher: bool) -> list[str]:
    """Whether rows still help, and how far apart the curves are."""
    sign = 1.0 if higher else -1.0
    notes = []
    if len(curve.rows) > 1:
        gain = sign * (curve.held[-1] - curve.held[-2])
        low, high = corrected_t(gain, curve.share)
        mean = float(np.nanmean(gain))
        step = f"from {curve.rows[-2]:,.0f} to {curve.rows[-1]:,.0f} rows"
        between = f"{mean:.3g} ({low:.3g} to {high:.3g})".replace("-", "−")
        if not np.isfinite(low):
            notes.append(f"{step} {name} gets better by {mean:.3g}.")
        elif low > 0:
            ends = curve.ends()[-1]
            little = ", though by far less than the score is uncertain" if mean < (ends[1] - ends[0]) / 20 else ""
            notes.append(f"more rows would probably help{little}: {step} {name} got better by {between}.")
        elif high < 0:
            notes.append(f"{step} {name} got worse, by {-mean:.3g} ({-high:.3g} to {-low:.3g}).")
        else:
            notes.append(f"it cannot be told whether more rows would help: {step} {name} changed by {between}.")
    gap = sign * (np.nanmean(curve.train[-1]) - np.nanmean(curve.held[-1]))
    if np.isfinite(gap) and gap > 0:
        low, _ = corrected_t(sign * (curve.train[-1] - curve.held[-1]), curve.share)
        if low > 0:
            notes.append(f"rows it was trained on score better by {gap:.3g}: it learned some of them by heart.")
    return notes


def _figure(curves: list[_Curve], name: str) -> Figure:
    panels = []
    for c in curves:
        ends = c.ends()
        bounded = bool(np.isfinite(ends).any())
        panels.append(
            Panel(
                "training rows", name,
                [
                    Series(c.rows, np.nanmean(c.train, axis=1), "trained on", emphasis="muted"),
                    Series(
                        c.rows, np.nanmean(c.held, axis=1), "held out",
                        low=ends[:, 0] if bounded else None, high=ends[:, 1] if bounded else None,
                    ),
                ],
                title=c.model.name if len(curves) > 1 else "", x_kind="log" if len(c.rows) > 1 else "number",
            )
        )  # fmt: skip
    words = "; ".join(
        f"{c.model.name}: {np.nanmean(c.held[0]):.3g} with {c.rows[0]:,.0f} rows, {np.nanmean(c.held[-1]):.3g} with "
        f"{c.rows[-1]:,.0f}"
        for c in curves
    )
    return Figure("Learning curve", panels, f"{name} on held-out rows by the number of training rows. {words}.")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "learning_curve", Spec, compute=compute, check=check, tasks={"classify", "regress", "rank"},
            snippet="report { learning_curve(rows = [10%, 30%, 100%]) }",
            sources=(
                "Perlich, Provost & Simonoff 2003, JMLR 4:211-255",
                "Nadeau & Bengio 2003, doi:10.1023/A:1024068626366",
            ),
        )
    ]  # fmt: skip
