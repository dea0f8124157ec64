"""Whether prediction intervals hold what they promise: how often held-out rows fall in, and how wide the intervals are.

`native` intervals are the model's own (`ols` and others give them), at the confidence that the model was given.
`conformal` ones need no assumption about the errors but that rows are exchangeable, and suit every model: the
prediction and, to both sides, the k-th smallest absolute residual of n rows that the model has not seen, k =
ceil((n + 1) confidence). They are made from the held-out rows themselves: each row's interval comes from the residuals
of rows outside its own fold (or its own tenth, where there are no folds), so that no row judges itself. Where the
target was learned on another scale, residuals are of that scale and the intervals are carried back. Without `method` a
model's own intervals are looked at where it has some, else conformal ones.

Coverage is the share of held-out rows inside. Its interval is Wilson's, 95%. Look at it by level of the prediction too:
intervals that are right on average may be too narrow where predictions are large. The interval score (Winkler) is the
mean width plus 2 / (1 - confidence) times how far rows fall outside: the lower the better, and it can be compared
between models.

Shapes:  n held-out rows; O(n log n).
Units:   those of the target; coverage is a share.
Errors:  too few rows make conformal intervals endless: 95% needs 19 rows outside a row's own fold.
Sources: Winkler 1972, doi:10.1080/01621459.1972.10481224; Lei et al. 2018, doi:10.1080/01621459.2017.1307116
         (split-conformal); Vovk 2015, doi:10.1007/s10472-013-9368-4 (across folds); Wilson 1927,
         doi:10.1080/01621459.1927.10502953.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import Component, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._residuals import Residuals, residuals_of
from mldsl_plugins.reports._shared import model_column, part_words, shown_number, thin, weighted_quantile
from mldsl_plugins.reports._statistics import wilson

_LEVELS, _PARTS, _EACH = 5, 10, 20
_BACK = {"log": np.exp, "log1p": np.expm1, "sqrt": lambda x: np.square(np.maximum(x, 0))}
_DRAWN, _MISSES, _HITS = 400, 300, 600


@attrs.frozen
class Spec:
    """Which intervals, and how sure they should be."""

    method: Literal["native", "conformal"] | None = param(
        None, doc="Whose intervals: the model's own, or conformal ones; the model's own where it has some unless given."
    )
    confidence: Share = param(
        Share(0.95), gt=0, lt=1, doc="Confidence of conformal intervals.", also_known_as=("level", "coverage", "alpha")
    )


@attrs.frozen(eq=False)
class _Intervals:
    """The held-out rows of one model with their intervals; all [n]. `reach` is the half width for new rows, on the
    scale that was fitted, NaN where intervals are the model's own."""

    model: ModelView
    method: str
    nominal: float
    target: np.ndarray
    fitted: np.ndarray
    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray
    reach: float
    scale: str

    @property
    def inside(self) -> np.ndarray:
        """Which rows fall in."""
        return (self.target >= self.low) & (self.target <= self.high)

    @property
    def width(self) -> np.ndarray:
        """High less low."""
        return self.high - self.low

    def covered(self, rows: np.ndarray, confidence: float = 0.95) -> tuple[float, float, float]:
        """The share of some rows that fall in, and its interval."""
        total = float(self.weight[rows].sum())
        hits = float(self.weight[rows][self.inside[rows]].sum())
        if not total > 0:
            return math.nan, math.nan, math.nan
        low, high = wilson(np.array([hits / total]), np.array([total]), confidence)
        return hits / total, float(low[0]), float(high[0])


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """Coverage and width overall and by level of the prediction, and a picture of both for each model."""
    notes: list[str] = []
    found = []
    residuals = {id(r.model): r for r in residuals_of(view)}
    for model in view.models:
        part = model.held_out
        native = part.interval is not None and np.isfinite(part.interval).any()
        if spec.method == "native" and not native:
            notes.append(f"{model.name}: `{model.algorithm}` gives no intervals; `method = conformal` makes some.")
        elif id(model) not in residuals:
            notes.append(f"{model.name} predicts no held-out number, so there is no interval to look at.")
        elif native and spec.method != "conformal":
            found.append(_native(model))
        else:
            found.append(_conformal(spec, view, residuals[id(model)]))
    if not found:
        return ReportOutput(notes=notes or ["There is no model to look at."])
    notes = [*(_where_from(view, one) for one in found), *notes]
    levels = [_levels(one) for one in found]
    tables = [_overall(found)]
    if any(levels):
        tables.append(_by_level(found, levels))
    both = list(zip(found, levels, strict=True))
    figures = [_figure(view, one, bins, i, several=len(found) > 1) for i, (one, bins) in enumerate(both)]
    warnings = [w for one, bins in both for w in _warned(one, bins)]
    return ReportOutput(tables, figures, list(dict.fromkeys(notes)), warnings)


def _native(model: ModelView) -> _Intervals:
    part = model.held_out
    assert part.interval is not None
    assert part.target is not None
    assert part.prediction is not None
    low, high = part.interval.astype(float).T
    nominal = float(getattr(model.spec, "confidence", 0.95) or 0.95)
    return _Intervals(
        model, "native", nominal, part.target.astype(float), part.prediction.astype(float), low, high,
        part.weight.astype(float), math.nan, "",
    )  # fmt: skip


def _conformal(spec: Spec, view: ReportView, r: Residuals) -> _Intervals:
    size = np.abs(r.residual)
    group = _groups(view, r)
    half = np.empty(len(size))
    for g in np.unique(group):
        half[group == g] = _reach(size[group != g], r.weight[group != g], spec.confidence)
    low, high = r.fitted - half, r.fitted + half
    part, back = r.part, _BACK.get(r.model.target_scale or "") if r.scale else None
    if back is not None:
        low, high = back(low), back(high)
    assert part.target is not None
    assert part.prediction is not None
    return _Intervals(
        r.model, "conformal", spec.confidence, part.target.astype(float), part.prediction.astype(float), low, high,
        r.weight, _reach(size, r.weight, spec.confidence), r.scale,
    )  # fmt: skip


def _reach(size: np.ndarray, weight: np.ndarray, confidence: float) -> float:
    """The ceil((n + 1) confidence)-th smallest, rows repeated by weight; infinite where there are fewer."""
    total = float(weight.sum())
    place = math.ceil((total + 1) * confidence - 1e-9)
    if place > total:
        return math.inf
    order = np.argsort(size, kind="stable")
    mass = np.cumsum(weight[order])
    return float(size[order][min(np.searchsorted(mass, place - 1e-9), len(order) - 1)])


def _groups(view: ReportView, r: Residuals) -> np.ndarray:
    """What a row's interval is not made from: its fold, or its tenth of the rows in a random order."""
    if r.part.name == "folds" and r.part.index is not None and view.folds:
        group = np.full(len(r.target), -1)
        for i, fold in enumerate(f for f in view.folds if f.repeat == view.folds[0].repeat):
            group[np.asarray(fold.held)[r.part.index.astype(int)]] = i
        if (group >= 0).all() and len(np.unique(group)) > 1:
            return group
    random = np.random.Generator(np.random.PCG64(view.seed))
    return random.permutation(np.arange(len(r.target)) % _PARTS)


def _where_from(view: ReportView, one: _Intervals) -> str:
    """Which rows an interval was made from, and what that takes for granted."""
    rows = part_words(one.model.held_out)
    if one.method == "native":
        return f"{one.model.name}: its own intervals, made from the training rows, judged by {rows}."
    what = "fold" if one.model.held_out.name == "folds" else "tenth of them"
    scale = f" on the scale of {one.scale}" if one.scale else ""
    said = (
        f"{one.model.name}: conformal intervals; each of {rows} is judged by the residuals of those outside its own "
        f"{what}"
    )
    if not np.isfinite(one.reach):  # a warning says why
        return said + "."
    said += f". For new rows take the prediction ± {shown_number(one.reach)}{scale}"
    apart = [c.role for c in view.columns if c.role in ("time", "group")]
    if apart:
        said += f"; this takes for granted that they are like these, which rows of another {apart[0]} may not be"
    return said + "."


def _levels(one: _Intervals) -> list[tuple[str, np.ndarray]]:
    """Rows by fifths of the prediction, as many as have 20 rows each: what they are called, and their places."""
    count = min(_LEVELS, int(one.weight.sum() // _EACH))
    if count < 2:
        return []
    edges = np.unique(weighted_quantile(one.fitted, one.weight, tuple(i / count for i in range(1, count))))
    place = np.searchsorted(edges, one.fitted, side="left")
    bins = []
    for k in range(len(edges) + 1):
        rows = np.flatnonzero(place == k)
        if len(rows):
            low, high = float(one.fitted[rows].min()), float(one.fitted[rows].max())
            form = ",.4g" if max(abs(low), abs(high)) < 1e4 else ",.0f"
            bins.append((f"{low:{form}} to {high:{form}}", rows))
    return bins if len({name for name, _ in bins}) == len(bins) else []


def _median(one: _Intervals) -> float:
    """Of the widths; infinite where any is."""
    if not np.isfinite(one.width).all():
        return math.inf
    return float(weighted_quantile(one.width, one.weight, (0.5,))[0])


def _score(one: _Intervals) -> float:
    outside = np.maximum(one.low - one.target, 0) + np.maximum(one.target - one.high, 0)
    return float(np.average(one.width + 2 / (1 - one.nominal) * outside, weights=one.weight))


def _overall(found: Sequence[_Intervals]) -> Table:
    covered = [one.covered(np.arange(len(one.target))) for one in found]
    return Table(
        f"Prediction intervals: {'; '.join(dict.fromkeys(part_words(one.model.held_out) for one in found))}",
        [
            *model_column([one.model for one in found], [one.model.name for one in found]),
            Column("method", [one.method for one in found], "text"),
            Column("promised", [one.nominal for one in found], "share"),
            Column("covered", [c for c, _, _ in covered], "share"),
            Column("95% low", [low for _, low, _ in covered], "share"),
            Column("95% high", [high for _, _, high in covered], "share"),
            Column("mean width", [float(np.average(one.width, weights=one.weight)) for one in found]),
            Column("median width", [_median(one) for one in found]),
            Column("interval score", [_score(one) for one in found]),
        ],
    )


def _by_level(found: Sequence[_Intervals], levels: Sequence[Sequence[tuple[str, np.ndarray]]]) -> Table:
    both = zip(found, levels, strict=True)
    lines = [(one, name, rows, one.covered(rows)) for one, bins in both for name, rows in bins]
    return Table(
        "By level of the prediction",
        [
            *model_column([one.model for one in found], [one.model.name for one, *_ in lines]),
            Column("predicted", [name for _, name, _, _ in lines], "text"),
            Column("rows", [float(one.weight[rows].sum()) for one, _, rows, _ in lines], "integer"),
            Column("covered", [c for *_, (c, _, _) in lines], "share"),
            Column("95% low", [low for *_, (_, low, _) in lines], "share"),
            Column("95% high", [high for *_, (_, _, high) in lines], "share"),
            Column("mean width", [float(np.average(one.width[r], weights=one.weight[r])) for one, _, r, _ in lines]),
        ],
        name="levels",
    )


def _warned(one: _Intervals, bins: Sequence[tuple[str, np.ndarray]]) -> list[str]:
    if not np.isfinite(one.width).any():
        few = f"{len(one.target):,} rows are too few for {100 * one.nominal:.4g}%"
        return [f"{one.model.name}: the intervals are endless; {few}."]
    name, promised = one.model.name, f"{100 * one.nominal:.4g}%"
    out = []
    share, low, high = one.covered(np.arange(len(one.target)))
    told = f"{100 * share:.1f}% ({100 * low:.1f} to {100 * high:.1f}) of the rows where they promise {promised}"
    if high < one.nominal:
        out.append(f"{name}: the intervals are too narrow: they hold {told}.")
    elif low > one.nominal:
        out.append(f"{name}: the intervals are wider than they need be: they hold {told}.")
    odd = []
    for level, rows in bins:
        here, low, high = one.covered(rows, 1 - 0.05 / len(bins))
        if not low <= one.nominal <= high:
            odd.append(f"{100 * here:.1f}% where {level} is predicted")
    if odd:
        out.append(f"{name}: one width does not suit all: they hold {', '.join(odd)} ({promised} promised).")
    return out


def _figure(
    view: ReportView, one: _Intervals, bins: Sequence[tuple[str, np.ndarray]], place: int, *, several: bool
) -> Figure:
    name = one.model.name
    order = np.argsort(one.fitted, kind="stable")
    rank = np.arange(1, len(order) + 1)
    shown = thin(len(order), _DRAWN)
    target, inside = one.target[order], one.inside[order]
    hits, misses = np.flatnonzero(inside), np.flatnonzero(~inside)
    hits, misses = hits[thin(len(hits), _HITS)], misses[thin(len(misses), _MISSES)]
    # A few wild predictions would make all else a flat line: what is drawn ends where targets and widths end.
    room = _median(one) if np.isfinite(_median(one)) else 0.0
    frame = float(target.min()) - room, float(target.max()) + room
    line = np.where((one.fitted >= frame[0]) & (one.fitted <= frame[1]), one.fitted, np.nan)[order][shown]
    low, high = (np.where(np.isfinite(v), np.clip(v, *frame), np.nan)[order][shown] for v in (one.low, one.high))
    panels = [
        Panel(
            "rows in order of the prediction", view.target or "target",
            [
                Series(rank[shown], line, "prediction and interval", low=low, high=high),
                Series(rank[hits], target[hits], "inside", mark="points", emphasis="muted"),
                Series(rank[misses], target[misses], "outside", mark="points"),
            ],
            title="Predictions and intervals",
        )
    ]  # fmt: skip
    if bins:
        covered = np.array([one.covered(rows) for _, rows in bins])
        names = [level for level, _ in bins]
        panels.append(
            Panel(
                "share inside", "",
                [
                    Series([one.nominal] * len(names), names, "promised", emphasis="reference"),
                    Series(covered[:, 0], names, "covered", low=covered[:, 1], high=covered[:, 2], mark="points"),
                ],
                title="Coverage by level of the prediction", y_kind="category",
            )
        )  # fmt: skip
    share = one.covered(np.arange(len(one.target)))[0]
    return Figure(
        f"Prediction intervals of {name}" if several else "Prediction intervals",
        panels,
        f"{one.method.capitalize()} intervals of {name}: {100 * share:.1f}% of the held-out rows fall in, where "
        f"{100 * one.nominal:.4g}% are promised.",
        name=name if place else "",
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "prediction_intervals", Spec, compute=compute, tasks={"regress"},
            snippet="report { prediction_intervals(method = conformal, confidence = 90%) }",
            also_known_as=("conformal", "coverage", "intervals", "prediction_interval"),
            sources=("Winkler 1972, doi:10.1080/01621459.1972.10481224",
                     "Lei et al. 2018, doi:10.1080/01621459.2017.1307116", "Vovk 2015, doi:10.1007/s10472-013-9368-4",
                     "Wilson 1927, doi:10.1080/01621459.1927.10502953"),
        )
    ]  # fmt: skip
