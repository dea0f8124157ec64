"""What a search tried, and what came out: every trial with its params and score, the best so far, the score by param.

Look whether the score still climbs at the last trials (more of them may help), whether it depends on a param at all,
and whether the best value lies at an end of its range: then a sentence says so, since a wider range may hold a better
one. Scores are those of the rows that chose, the primary metric as it is written, each with its standard error over the
folds; the best of many is optimistic, and the held-out rows are the honest number. Trials of early rungs of `halving`,
on a share of the rows, are drawn pale. With nested folds there is a search in each outer fold; the pictures are of the
last, on all training rows.

Units:   those of the primary metric and of each param.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl.plugin.wording import value_text

# More params than these: the score over each would be too small to read.
_PANELS = 4
# A value this near to an end of its range, as a share of the range, lies at the end.
_NEAR = 1e-9


@attrs.frozen
class _Search:
    """The trials of one model, those on all training rows, and whether higher is better."""

    model: str
    trials: Sequence[Any]
    higher: bool

    def winner(self) -> Any:
        """The best trial of the full share; None where none has a score."""
        whole = [trial for trial in self.trials if trial.share == self.most() and not math.isnan(trial.score)]
        pick = max if self.higher else min
        return pick(whole, key=lambda trial: trial.score) if whole else None

    def most(self) -> float:
        """The greatest share that was tried."""
        return max((trial.share for trial in self.trials), default=1.0)

    def best_so_far(self) -> np.ndarray:
        """At each trial the best score of the full share until then; NaN before the first."""
        scores = np.array([trial.score if trial.share == self.most() else np.nan for trial in self.trials])
        best = (np.fmax if self.higher else np.fmin).accumulate(scores)
        return np.asarray(best)


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """A table of winners, one of all trials, the score by trial and by param for each model, and what to make of it."""
    tune = view.tune
    if tune is None or not tune.trials:
        return ReportOutput(
            notes=["Nothing was searched: the params kept the values that the file or `-p` gives them."]
        )
    higher = view.better.get(view.primary or "", "higher") == "higher"
    last = [trial for trial in tune.trials if trial.fold is None] or list(tune.trials)
    models = list(dict.fromkeys(trial.model for trial in tune.trials))
    searches = [_Search(name, [trial for trial in last if trial.model == name], higher) for name in models]
    searches = [search for search in searches if search.trials]
    metric = view.primary or "score"
    figures = [found for search in searches if (found := _by_param(search, tune.domains, metric)) is not None]
    figures.append(_by_trial(searches, metric))
    figures = [attrs.evolve(figure, name=name if i else "") for i, (name, figure) in enumerate(_named(figures))]
    notes = [text for search in searches for text in _words(search, tune, metric)]
    return ReportOutput(tables=[_winners(searches, tune, metric), _all(tune, metric)], figures=figures, notes=notes)


# ---- tables ----------------------------------------------------------------------------------------------------------


def _names(trials: Sequence[Any]) -> list[str]:
    return list(dict.fromkeys(name for trial in trials for name in trial.params))


def _param_columns(trials: Sequence[Any]) -> list[Column]:
    """A column for each param; numbers as numbers, where a model does not have it nothing."""
    columns = []
    for name in _names(trials):
        values = [trial.params.get(name) for trial in trials]
        numbers = all(v is None or (isinstance(v, int | float) and not isinstance(v, bool)) for v in values)
        whole = numbers and all(v is None or isinstance(v, int) for v in values)
        shown = values if numbers else ["" if v is None else value_text(v) for v in values]
        columns.append(Column(f"${name}", shown, "integer" if whole else "number" if numbers else "text"))
    return columns


def _winners(searches: Sequence[_Search], tune: Any, metric: str) -> Table:
    """What was chosen for each model, with the trial that scored it."""
    rows = [(search, _chosen(search, tune)) for search in searches]
    found = [(search, trial) for search, trial in rows if trial is not None]
    return Table(
        f"Chosen by {metric}",
        [
            Column("model", [search.model for search, _ in found], "text"),
            *_param_columns([trial for _, trial in found]),
            Column(metric, [trial.score for _, trial in found]),
            Column("standard error", [trial.deviation for _, trial in found]),
            Column("trials", [len(search.trials) for search, _ in found], "integer"),
        ],
        note=f"`{tune.search}`" if tune.search else "",
    )


def _chosen(search: _Search, tune: Any) -> Any:
    """The trial of the params that were chosen, which need not be the best one."""
    wanted = tune.best.get(search.model)
    same = (trial for trial in search.trials if trial.share == search.most() and trial.params == wanted)
    return next(same, search.winner())


def _all(tune: Any, metric: str) -> Table:
    trials = list(tune.trials)
    columns = [Column("trial", _numbers(trials), "integer")]
    if len({trial.model for trial in trials}) > 1:
        columns.insert(0, Column("model", [trial.model for trial in trials], "text"))
    if any(trial.fold is not None for trial in trials):
        shown = ["all" if trial.fold is None else str(trial.fold + 1) for trial in trials]
        columns.insert(-1, Column("fold", shown, "text"))
    columns += _param_columns(trials)
    columns += [Column(metric, [t.score for t in trials]), Column("standard error", [t.deviation for t in trials])]
    if any(trial.share < 1 for trial in trials):
        columns.append(Column("share", [trial.share for trial in trials], "share"))
    if not all(math.isnan(trial.seconds) for trial in trials):
        columns.append(Column("time", [trial.seconds for trial in trials], unit="s"))
    shared = any(a.seconds == b.seconds for a, b in itertools.pairwise(trials))
    note = "Trials that one program fits together share its time equally." if shared else ""
    return Table("Every trial", columns, name="trials", note=note)


def _numbers(trials: Sequence[Any]) -> list[int]:
    """Each trial's place in its own search, from 1."""
    seen: dict[tuple[str, Any], int] = {}
    numbers = []
    for trial in trials:
        key = (trial.model, trial.fold)
        seen[key] = seen.get(key, 0) + 1
        numbers.append(seen[key])
    return numbers


# ---- figures ---------------------------------------------------------------------------------------------------------


def _by_trial(searches: Sequence[_Search], metric: str) -> Figure:
    panels = [_trials_panel(search, metric, titled=len(searches) > 1) for search in searches]
    words = "; ".join(
        f"{search.model}: {len(search.trials)} trials, the best scores {winner.score:.4g}"
        for search in searches
        if (winner := search.winner()) is not None
    )
    return Figure(
        "Score by trial, and the best so far", panels, f"The score of every trial, and the best so far. {words}."
    )


def _trials_panel(search: _Search, metric: str, *, titled: bool) -> Panel:
    place = np.arange(1, len(search.trials) + 1)
    best = search.best_so_far()
    known = np.isfinite(best)
    series = [Series(place[known], best[known], "best so far", mark="step")]
    series += _clouds(search, list(place))
    return Panel("trial", metric, series, title=search.model if titled else "")


def _clouds(search: _Search, x: Sequence[Any]) -> list[Series]:
    """The scores as points, with their standard errors; those on a share of the rows apart, and pale."""
    found: list[Series] = []
    most = search.most()
    for whole in (True, False):
        at = [i for i, t in enumerate(search.trials) if (t.share == most) is whole and math.isfinite(t.score)]
        if not at:
            continue
        score = np.array([search.trials[i].score for i in at])
        error = np.array([search.trials[i].deviation for i in at])
        bars = whole and bool(np.isfinite(error).all())
        found.append(
            Series(
                [x[i] for i in at], score, "score" if whole else "on a share of the rows", mark="points",
                low=score - error if bars else None, high=score + error if bars else None,
                emphasis="normal" if whole else "muted",
            )
        )  # fmt: skip
    return found


def _named(figures: list[Figure]) -> list[tuple[str, Figure]]:
    """Names that tell the files apart."""
    return [(f"params-{i + 1}", figure) for i, figure in enumerate(figures[:-1])] + [("trials", figures[-1])]


def _by_param(search: _Search, domains: Any, metric: str) -> Figure | None:
    """The score over each param, where they are few."""
    params = _names(search.trials)
    if not 1 <= len(params) <= _PANELS:
        return None
    alone = len(params) == 1
    panels = [_param_panel(search, param, tuple(domains.get(param, ())), metric, alone=alone) for param in params]
    winner = search.winner()
    best = f", the best at {_setting(winner.params)}" if winner is not None else ""
    shown = ", ".join(f"${param}" for param in params)
    return Figure(f"Score by param: {search.model}", panels, f"The score over {shown}{best}.")


def _param_panel(search: _Search, param: str, domain: tuple[Any, ...], metric: str, *, alone: bool) -> Panel:
    """The scores over one param; where it is the only one, along a line."""
    values = [trial.params[param] for trial in search.trials]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    series = _clouds(search, values if numbers else [value_text(v) for v in values])
    if numbers and alone:
        series = [*_line(search, values), *series]
    kind = "category" if not numbers else "log" if domain[:1] == ("log",) else "number"
    return Panel(f"${param}", metric, series, x_kind=kind)  # type: ignore[arg-type]


def _line(search: _Search, values: Sequence[Any]) -> list[Series]:
    """Through the trials of the full share that have a score, in the order of the param."""
    most = search.most()
    scored = sorted(
        (value, trial.score)
        for value, trial in zip(values, search.trials, strict=True)
        if trial.share == most and math.isfinite(trial.score)
    )
    if len(scored) < 2:
        return []
    x, y = zip(*scored, strict=True)
    return [Series(x, y, "score")]


# ---- words -----------------------------------------------------------------------------------------------------------


def _setting(params: Any) -> str:
    return ", ".join(f"${name} = {_short(value)}" for name, value in params.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else value_text(value)


def _words(search: _Search, tune: Any, metric: str) -> list[str]:
    """Which setting won, by how much, and whether the search should have gone further."""
    winner = search.winner()
    if winner is None:
        return [f"{search.model}: no trial has a score."]
    error = f" ± {winner.deviation:.2g}" if math.isfinite(winner.deviation) else ""
    who, many = search.model, len(search.trials)
    found = [
        f"{who}: of {many} trials the best has {metric} {winner.score:.4g}{error}, with {_setting(winner.params)}."
    ]
    chosen = _chosen(search, tune)
    if chosen is not None and chosen.params != winner.params:
        why = "the simplest setting within one standard error of the best"
        found.append(f"{who}: chosen was {_setting(chosen.params)} with {chosen.score:.4g}, {why}.")
    for name, value in winner.params.items():
        if (end := _end(tuple(tune.domains.get(name, ())), value)) is not None:
            where = f"at the {end} end of its range ({_short(value)})"
            found.append(f"{who}: the best ${name} lies {where}; a wider range may hold a better one.")
    return found


def _end(domain: tuple[Any, ...], value: Any) -> str | None:
    """Which end of a range a value lies at."""
    if domain[:1] not in (("range",), ("log",)) or not domain[1] < domain[2]:
        return None
    low, high, at = (math.log(v) if domain[0] == "log" else float(v) for v in (*domain[1:], value))
    share = (at - low) / (high - low)
    return "lower" if share < _NEAR else "upper" if share > 1 - _NEAR else None


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [Report("tuning_history", NoSpec, compute=compute, needs=("tune",), snippet="report { tuning_history }")]
