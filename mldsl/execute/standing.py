"""All models of a run beside each other: paired over folds, or over the rows of one part."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import combinations

import attrs
import numpy as np

from mldsl.contract.views import Rival, Standing
from mldsl.data import Fold
from mldsl.execute.engine import Result
from mldsl.execute.intervals import LEVEL, fold_interval, percentiles
from mldsl.execute.judge import Judge
from mldsl.execute.outcome import Outcome
from mldsl.execute.paired import Difference, bootstrap, corrected_t, holm

_Pair = tuple[str, str]


def train_share(folds: tuple[Fold, ...]) -> float:
    """The share of rows that folds train on, of those they train on or hold out: the mean over folds."""
    return 1 - float(np.mean([f.held.sum() / max(f.held.sum() + f.train.sum(), 1) for f in folds]))


@attrs.frozen(eq=False)
class _Part:
    """One metric on one part: the value of each model with its interval, and the difference of each pair."""

    test: str
    unit: str
    units: int
    values: Mapping[str, tuple[float, float, float]]
    differences: Mapping[_Pair, Difference]


class Standings:
    """The `compared` of a run's `ReportView`; bootstrap replicates are computed once for each part."""

    def __init__(self, result: Result) -> None:
        self._result, self._run = result, result.run
        self._outcomes = {o.name: o for o in result.outcomes}
        self._names = [m.name for m in self._run.plan.metrics]
        self._drawn: dict[str, dict[str, np.ndarray]] = {}

    def __call__(self, part: str, metric: str, against: str, level: float = LEVEL, chosen: bool = True) -> Standing:
        """All models beside `against`; see `ReportView.compared`. KeyError for what the run does not have."""
        found = self._folds(metric, level) if part == "folds" else self._rows(part, metric, level)
        p = {pair: d.p for pair, d in found.differences.items() if chosen or against in pair}
        corrected = dict(zip(p, holm(list(p.values())), strict=True))
        rivals = tuple(
            _rival(name, against, value, found.differences, corrected) for name, value in found.values.items()
        )
        return Standing(part, metric, against, found.test, found.unit, found.units, len(p), rivals)

    def _folds(self, metric: str, level: float) -> _Part:
        folds = self._run.split.folds
        share = train_share(folds)
        each = {name: np.array([f[metric] for f in o.fold_metrics]) for name, o in self._outcomes.items()}

        def mean(name: str, values: np.ndarray) -> tuple[float, float, float]:
            known = values[np.isfinite(values)]
            recorded = self._recorded(name, "folds", metric, level)
            return recorded or (float(known.mean()) if len(known) else math.nan, *fold_interval(known, share, level))

        return _Part(
            "corrected_t", "folds", len(folds), {name: mean(name, values) for name, values in each.items()},
            _pairs(each, lambda d: corrected_t(d, share, level)),
        )  # fmt: skip

    def _rows(self, part: str, metric: str, level: float) -> _Part:
        drawn = self._replicates(part)
        at = self._names.index(metric)
        judge = self._judge(next(iter(self._outcomes.values())))
        units = judge.units(self._weight(part, judge))

        def value(name: str, replicates: np.ndarray) -> tuple[float, float, float]:
            here, low, high = percentiles(replicates[:, at : at + 1], level)
            return self._recorded(name, part, metric, level) or (float(here[0]), float(low[0]), float(high[0]))

        columns = {name: replicates[:, at].astype(np.float64) for name, replicates in drawn.items()}
        return _Part(
            "bootstrap", "rows" if judge.groups is None else "groups", units,
            {name: value(name, replicates) for name, replicates in drawn.items()},
            _pairs(columns, lambda d: bootstrap(d, units, level)),
        )  # fmt: skip

    def _recorded(self, name: str, part: str, metric: str, level: float) -> tuple[float, float, float] | None:
        """What the run's record says, so that a number is the same wherever it is read."""
        cell = self._outcomes[name].metrics.get(part, {}).get(metric)
        return None if cell is None or level != LEVEL else (cell.value, cell.low, cell.high)

    def _judge(self, outcome: Outcome) -> Judge:
        last = outcome.model.last
        return Judge(self._run, outcome.model.prepared, self._run.plan.metrics, outcome.matrix, last.params)

    def _weight(self, part: str, judge: Judge) -> np.ndarray:
        rows = self._run.split.part == ("train" if part == "all" else part)
        return np.asarray(rows * judge.prepared.weight)

    def _replicates(self, part: str) -> dict[str, np.ndarray]:
        """Every metric of every model, under the same replicates of the part's rows: [1 + R, metrics]."""
        if part not in self._drawn:
            found = {}
            for name, outcome in self._outcomes.items():
                judge = self._judge(outcome)
                weight, prediction = self._weight(part, judge), outcome.model.last.prediction
                found[name] = judge.replicates(prediction, weight, outcome.threshold, f"paired/{part}")
            self._drawn[part] = found
        return self._drawn[part]


def _pairs(values: Mapping[str, np.ndarray], test: Callable[[np.ndarray], Difference]) -> dict[_Pair, Difference]:
    with np.errstate(invalid="ignore"):  # infinite values of both models
        return {(a, b): test(values[a] - values[b]) for a, b in combinations(values, 2)}


def _rival(
    name: str,
    against: str,
    value: tuple[float, float, float],
    differences: Mapping[_Pair, Difference],
    p: Mapping[_Pair, float],
) -> Rival:
    if name == against:
        return Rival(name, *value, math.nan, math.nan, math.nan, math.nan)
    if (name, against) in differences:
        d = differences[name, against]
        return Rival(name, *value, d.value, d.low, d.high, p[name, against])
    d = differences[against, name]
    return Rival(name, *value, -d.value, -d.high, -d.low, p[against, name])
