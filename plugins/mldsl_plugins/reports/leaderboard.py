"""Models beside each other: which of them is best, and by more than noise.

Models are ordered by the primary metric, on the part that chose the best of them and on the part that counts. Beside
each stands its difference to the best one, d = metric(model) - metric(best), measured on the same folds or rows:

    over J folds    mean(d) +- t(J - 1) sqrt((1/J + n_test/n_train) var(d)), the corrected resampled t
    on one part     the percentiles of d over a thousand bootstrap replicates of its rows (or groups), drawn for all
                    models alike, taken further out where rows are few

p is the chance of a difference this large between equally good models. It is corrected by Holm's method for every
comparison with the best one; for every pair of models where the best was found by looking at these very folds or rows.
`test` says which evidence comes first, and on which the sentences rest: folds (`corrected_t`) or rows (`bootstrap`);
where a run has only one of them, that one.

Shapes:  m models, J folds, n rows. O(m^2 J), and O(m n) for each replicate.
Units:   the metric's own; fit in seconds.
Sources: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366; Hesterberg 2015, doi:10.1080/00031305.2015.1089789; Holm
         1979, Scandinavian Journal of Statistics 6.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import attrs

from mldsl.contract.views import ReportView, Rival, Standing
from mldsl.plugin import Component, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table

FEW_FOLDS = 5
FEW = {"rows": 50, "groups": 10}
_ROWS = ("test", "validation", "all", "train")
BEST, SAME, UNKNOWN = "the best", "not told apart", "cannot be told"
_ON = {"test": "test", "validation": "validation", "train": "training"}


@attrs.frozen
class Spec:
    """What the comparison rests on, and how sure it is to be."""

    test: Literal["corrected_t", "bootstrap"] = param(
        "corrected_t",
        doc="Which evidence comes first: differences over folds (corrected resampled t), or on the held-out rows "
        "(paired bootstrap). Where a run has only one of them, that one.",
    )
    confidence: Share = param(0.95, ge=0.5, lt=1, doc="Level of the intervals; p is held against 1 - confidence.")


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """A table for each part, one of the other metrics, the differences as a picture, and what to make of it."""
    names = [m.name for m in view.models]
    if view.primary is None:
        return ReportOutput(notes=["nothing was measured, so there is no order"])
    if len(names) < 2 or view.compared is None or view.best is None:
        return ReportOutput(
            notes=[f"there is one model, `{names[0]}`: nothing to compare it with" if names else "there is no model"]
        )
    chose = _chose(view)
    parts = _parts(view, chose, spec.test)
    metrics = [view.primary, *(m for m in _metrics(view) if m != view.primary)]
    standings = {(p, m): _limited(view.compared(p, m, view.best, spec.confidence, p == chose), names)
                 for p in parts for m in metrics}  # fmt: skip
    main = [standings[part, view.primary] for part in parts]
    tables = [_board(main, view.models[0].held_out.name, view, spec), _differences(main, view, spec)]
    if len(metrics) > 1:
        tables.append(_others([standings[p, m] for p in parts for m in metrics[1:]], view, spec))
    notes, warnings = _said(view, main, chose, spec)
    return ReportOutput(tables, [_figure(main, view, spec)], notes, warnings)


# ---- which parts -----------------------------------------------------------------------------------------------------


def _chose(view: ReportView) -> str:
    """The part that chose the best model."""
    if all(view.fold_metrics.get(m.name) for m in view.models):
        return "folds"
    measured = view.metrics[view.models[0].name]
    return next((part for part in ("validation", "all", "train") if part in measured), "train")


def _parts(view: ReportView, chose: str, test: str) -> list[str]:
    """The part that chose and the one that counts; first the one that `test` speaks of."""
    counts = view.models[0].held_out.name
    parts = list(dict.fromkeys([chose, counts]))
    return sorted(parts, key=lambda part: (part == "folds") != (test == "corrected_t"))


def _metrics(view: ReportView) -> list[str]:
    return list(next(iter(view.metrics[view.models[0].name].values()), {}))


def _limited(standing: Standing, names: Sequence[str]) -> Standing:
    return attrs.evolve(standing, rivals=tuple(r for r in standing.rivals if r.model in names))


# ---- tables ----------------------------------------------------------------------------------------------------------


def _ordered(standing: Standing, view: ReportView) -> list[tuple[int, Rival]]:
    """Rank and model, the best first; equal ones share a rank, led by the one compared with; undefined come last."""
    sign = _sign(view, standing.metric)
    keys = [math.inf if math.isnan(r.value) else -sign * r.value for r in standing.rivals]
    ranked = [(1 + sum(other < key for other in keys), r) for key, r in zip(keys, standing.rivals, strict=True)]
    return sorted(ranked, key=lambda pair: (pair[0], pair[1].model != standing.against))


def _sign(view: ReportView, metric: str) -> float:
    return -1.0 if view.better.get(metric) == "lower" else 1.0


def _verdict(rival: Rival, standing: Standing, view: ReportView, spec: Spec) -> str:
    if rival.model == standing.against:
        return BEST
    if math.isnan(rival.p):
        return UNKNOWN
    if rival.p >= 1 - spec.confidence:
        return SAME
    return "better" if rival.difference * _sign(view, standing.metric) > 0 else "worse"


def _board(main: Sequence[Standing], counts: str, view: ReportView, spec: Spec) -> Table:
    """Every model once, its place and value on each part."""
    names = [r.model for _, r in _ordered(main[0], view)]
    metric, columns = main[0].metric, [Column("model", names, "text")]
    for standing in main:
        at = {r.model: (rank, r) for rank, r in _ordered(standing, view)}
        part, rivals = standing.part, [at[name][1] for name in names]
        columns += [
            Column(f"{part} rank", [at[name][0] for name in names], "integer"),
            Column(f"{part} {metric}", [r.value for r in rivals]),
            Column(f"{part} low", [r.low for r in rivals]),
            Column(f"{part} high", [r.high for r in rivals]),
        ]
    train = [view.metrics[name].get("train", {}).get(metric, (math.nan,))[0] for name in names]
    held = [view.metrics[name].get(counts, {}).get(metric, (math.nan,))[0] for name in names]
    if counts != "train":
        sign = _sign(view, metric)
        columns.append(Column(f"train {metric}", train))
        columns.append(Column("gap", [sign * (t - h) for t, h in zip(train, held, strict=True)]))
    seconds = [view.seconds.get(name, {}) for name in names]
    columns.append(Column("fit", [each.get("fit", math.nan) for each in seconds], unit="s"))
    how = (
        f"Intervals of {100 * spec.confidence:g}%. gap: how much better on training rows than on the part that counts."
    )
    return Table(f"Models by {metric}", columns, note=how)


def _differences(main: Sequence[Standing], view: ReportView, spec: Spec) -> Table:
    """Each model less the best one, on each part."""
    lines = [(s, r) for s in main for _, r in _ordered(s, view) if r.model != s.against]
    rivals = [r for _, r in lines]
    columns = [
        Column("on", [s.part for s, _ in lines], "text"),
        Column("model", [r.model for r in rivals], "text"),
        *_less(rivals),
        Column("verdict", [_verdict(r, s, view, spec) for s, r in lines], "text"),
    ]
    return Table(f"{main[0].metric} less that of {main[0].against}", columns, "differences", _how(main))


def _less(rivals: Sequence[Rival]) -> list[Column]:
    return [
        Column("difference", [r.difference for r in rivals]),
        Column("from", [r.difference_low for r in rivals]),
        Column("to", [r.difference_high for r in rivals]),
        Column("p", [r.p for r in rivals], "p"),
    ]


def _others(standings: Sequence[Standing], view: ReportView, spec: Spec) -> Table:
    lines = [(s, rank, rival) for s in standings for rank, rival in _ordered(s, view)]
    rivals = [rival for _, _, rival in lines]
    return Table(
        "The other metrics",
        [
            Column("on", [s.part for s, _, _ in lines], "text"),
            Column("metric", [s.metric for s, _, _ in lines], "text"),
            Column("rank", [rank for _, rank, _ in lines], "integer"),
            Column("model", [r.model for r in rivals], "text"),
            Column("value", [r.value for r in rivals]),
            Column("low", [r.low for r in rivals]),
            Column("high", [r.high for r in rivals]),
            *_less(rivals),
            Column("verdict", [_verdict(r, s, view, spec) for s, _, r in lines], "text"),
        ],
        "metrics",
        f"Differences to `{standings[0].against}`, the best by {view.primary}. p is corrected within each metric only.",
    )


def _where(standing: Standing) -> str:
    """`over 5 folds`, `on 262 test rows`, `on test rows of 20 groups`."""
    if standing.part == "folds":
        return f"over {standing.units:,} folds"
    kind = _ON.get(standing.part)
    if standing.unit == "groups":
        return f"on {kind or 'all'} rows of {standing.units:,} groups"
    return f"on {standing.units:,} {kind} rows" if kind else f"on all {standing.units:,} rows"


def _how(main: Sequence[Standing]) -> str:
    said = []
    for standing in main:
        folds = standing.test == "corrected_t"
        test = "the corrected resampled t over folds" if folds else f"a paired bootstrap of {standing.unit}"
        pairs = (
            "every pair of models"
            if standing.comparisons >= len(standing.rivals)
            else f"comparisons with `{standing.against}`"
        )
        said.append(f"{standing.part}: {test}, p corrected for {pairs}")
    return f"{_capital('; '.join(said))} (Holm)."


# ---- what to make of it ----------------------------------------------------------------------------------------------


def _said(view: ReportView, main: Sequence[Standing], chose: str, spec: Spec) -> tuple[list[str], list[str]]:
    first = main[0]
    notes, warnings = [_summary(first, view, spec)], []
    if spec.test == "corrected_t" and first.test == "bootstrap":
        notes.append(f"no folds score the models, so differences are tested {_where(first)}, by the paired bootstrap")
    if spec.test == "bootstrap" and first.test == "corrected_t":
        notes.append(f"no rows are held out beside the folds, so differences are tested {_where(first)}")
    others = [r for r in first.rivals if r.model != first.against]
    if others and all(_verdict(r, first, view, spec) in (SAME, UNKNOWN) for r in others):
        warnings.append(
            f"the order rests on noise: {_where(first)}, no model is distinguishable from `{first.against}`"
        )
    counts = view.models[0].held_out.name
    if counts == chose:
        where = "these folds" if chose == "folds" else f"these {_ON.get(chose, '')} rows".replace("  ", " ")
        warnings.append(
            f"`{first.against}` was chosen on {where} out of {len(first.rivals)} models, so its {first.metric} is "
            "optimistic; rows that chose nothing (`test`) would give an honest number"
        )
    else:
        notes += _confirmed(main, counts, view, spec)
    warnings += [w for w in map(_few, main) if w]
    return notes, warnings


def _summary(standing: Standing, view: ReportView, spec: Spec) -> str:
    """Who is best, who may be as good, who is not."""
    by: dict[str, list[str]] = {}
    for _, rival in _ordered(standing, view):
        by.setdefault(_verdict(rival, standing, view, spec), []).append(_code(rival.model))
    said = [f"`{standing.against}` is the best by {standing.metric}"]
    words = {
        "worse": ("is worse", "are worse"),
        SAME: ("is not distinguishable from it", "are not distinguishable from it"),
        "better": ("is better", "are better"),
        UNKNOWN: ("cannot be told from it", "cannot be told from it"),
    }
    for verdict, (one, many) in words.items():
        if verdict in by:
            said.append(f"{_and(by[verdict])} {one if len(by[verdict]) == 1 else many}")
    return f"{_capital(_where(standing))}: {'; '.join(said)}."


def _confirmed(main: Sequence[Standing], counts: str, view: ReportView, spec: Spec) -> list[str]:
    """Whether rows that chose nothing agree with the choice."""
    standing = next(s for s in main if s.part == counts)
    ahead = [r for rank, r in _ordered(standing, view) if rank == 1]
    where = f"{_capital(_where(standing))}, which chose nothing"
    if any(r.model == standing.against for r in ahead):
        return [f"{where}, `{standing.against}` comes first as well."]
    better = _verdict(ahead[0], standing, view, spec) == "better"
    sure = "by more than noise" if better else "though not distinguishably"
    return [f"{where}, {_and([_code(r.model) for r in ahead])} {'comes' if len(ahead) == 1 else 'come'} first, {sure}."]


def _few(standing: Standing) -> str:
    if standing.part == "folds":
        if standing.units >= FEW_FOLDS:
            return ""
        return f"{standing.units} folds are few to tell models apart: take more `folds`, or repeat them with `repeats`"
    if standing.units >= FEW[standing.unit]:
        return ""
    return f"{standing.units} {_ON.get(standing.part, '')} {standing.unit} are few to tell models apart".replace(
        "  ", " "
    )


def _code(name: str) -> str:
    return f"`{name}`"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# ---- picture ---------------------------------------------------------------------------------------------------------


def _figure(main: Sequence[Standing], view: ReportView, spec: Spec) -> Figure:
    panels = []
    for standing in main:
        rivals = [r for _, r in _ordered(standing, view) if r.model != standing.against]
        names = [r.model for r in rivals]
        series = [
            Series([0.0] * len(names), names, standing.against, emphasis="reference"),
            Series(
                [r.difference for r in rivals], names, f"difference, with {100 * spec.confidence:g}% intervals",
                low=[r.difference_low for r in rivals], high=[r.difference_high for r in rivals], mark="points",
            ),
        ]  # fmt: skip
        panels.append(
            Panel(
                f"{standing.metric} less that of {standing.against}",
                "",
                series,
                _capital(_where(standing)),
                y_kind="category",
            )
        )
    return Figure("Differences to the best model", panels, " ".join(_summary(s, view, spec) for s in main))


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "leaderboard", Spec, compute=compute, also_known_as=("ranking", "compare_models", "scoreboard"),
            snippet="report { leaderboard(test = corrected_t, confidence = 95%) }",
            sources=(
                "Nadeau & Bengio 2003, doi:10.1023/A:1024068626366",
                "Hesterberg 2015, doi:10.1080/00031305.2015.1089789",
                "Holm 1979, Scandinavian Journal of Statistics 6",
            ),
        )
    ]  # fmt: skip
