"""Metrics of kept runs beside each other: paired where both were measured on the same rows of the same data.

Over folds: the metrics of each fold are in the record, so where the folds hold out the same rows, any metric is
compared by the corrected t. On one part: metrics are computed again under the same replicates of the rows. Elsewhere
only the recorded intervals are left, and the difference gets the interval of two independent numbers.

Source for the last: Zou & Donner 2008, doi:10.1002/sim.3095 (the method of variance estimates recovery).
"""

from __future__ import annotations

import math

import attrs
import numpy as np
import polars as pl

from mldsl.execute.intervals import LEVEL
from mldsl.execute.kept import UNIT, Kept, NotAgainError, Recomputed
from mldsl.execute.paired import Difference, bootstrap, corrected_t
from mldsl.record import MetricValue


@attrs.frozen
class Compared:
    """A metric of two models of kept runs; `difference` is the second less the first.

    `test` is `corrected_t` over folds, `bootstrap` of rows, or `unpaired`, where `why` says what stands in the way;
    `unit` and `units` say of how many folds, rows or groups. `better` is `higher`, `lower`, or empty if unknown.
    """

    metric: str
    better: str
    before: MetricValue
    after: MetricValue
    difference: Difference
    test: str
    unit: str = ""
    units: int = 0
    why: str = ""

    @property
    def verdict(self) -> str:
        """`the same`, `better`, `worse`, `not told apart`, `cannot be told`, or `different` where better is unknown.

        It rests on p where there is one, which may be corrected for further comparisons, else on the interval.
        """
        d = self.difference
        if d.value == d.low == d.high == 0:
            return "the same"
        if math.isnan(d.low) or math.isnan(d.high):
            return "cannot be told"
        if d.low <= 0 <= d.high if math.isnan(d.p) else d.p > 1 - LEVEL:
            return "not told apart"
        if self.better not in ("higher", "lower"):
            return "different"
        return "better" if (d.value > 0) == (self.better == "higher") else "worse"


def compare_kept(before: Kept, after: Kept, again: Recomputed) -> list[Compared]:
    """Every metric that both have, on the part that counts in each; the first one's order."""
    shared = [name for name in before.metrics if name in after.metrics]
    if why := _other_task(before, after):
        return [_unpaired(before, after, name, why, Difference(math.nan)) for name in shared]
    rows = before.rows(), after.rows()
    why = _unlike(before, after, *rows)
    if why or rows[0] is None or rows[1] is None:
        return [_unpaired(before, after, name, why) for name in shared]
    if before.part == "folds":
        share = after.train_share()
        return [_over_folds(before, after, name, share) for name in shared]
    return [_on_rows(before, after, name, again, rows[0], rows[1]) for name in shared]


def _other_task(before: Kept, after: Kept) -> str:
    """Why even the difference of a metric means nothing, in words; empty if it means something."""
    tasks = before.record.task, after.record.task
    if tasks[0] != tasks[1]:
        return f"one is {tasks[0]}, the other {tasks[1]}"
    targets = [[c.name for c in kept.record.data.columns if c.role == "target"] for kept in (before, after)]
    if targets[0] != targets[1]:
        return " and ".join(", ".join(f"`{name}`" for name in names) for names in targets) + " are different targets"
    return ""


def _unlike(before: Kept, after: Kept, rows: pl.DataFrame | None, others: pl.DataFrame | None) -> str:
    """Why two models cannot be paired, in words; empty if they can."""
    if before.part != after.part:
        return f"one was measured on {_part(before.part)}, the other on {_part(after.part)}"
    hashes = [[source.sha256 for source in kept.record.data.sources] for kept in (before, after)]
    if hashes[0] != hashes[1]:
        return "the data is not the same"
    if before.part == "folds":
        folds = before.folds(), after.folds()
        if folds[0] is None or folds[1] is None:
            return "the split of one is not kept"
        if not folds[0].equals(folds[1]):
            return "the folds hold out other rows"
    if rows is None or others is None:
        return "the predictions of one are not kept"
    place = ["source", "row", "weight"]
    if not rows.select(place).equals(others.select(place)):
        return f"{_part(before.part)} are other rows" if before.part != "folds" else "the folds hold out other rows"
    targets = [list(table["target"]) if "target" in table.columns else None for table in (rows, others)]
    if targets[0] != targets[1]:
        return "the target is another"
    if before.part != "folds" and before.grouped() and not (UNIT in rows.columns and UNIT in others.columns):
        return "which rows belong together is not kept"
    return ""


def _part(part: str) -> str:
    return {"folds": "folds", "all": "all rows", "train": "training rows"}.get(part, f"the {part} rows")


def _better(before: Kept, after: Kept, metric: str) -> str:
    return after.record.better.get(metric) or before.record.better.get(metric) or ""


def _over_folds(before: Kept, after: Kept, metric: str, share: float) -> Compared:
    values = [np.array([fold.get(metric, math.nan) for fold in kept.model.fold_metrics]) for kept in (before, after)]
    if len(values[0]) != len(values[1]) or not len(values[0]):
        return _unpaired(before, after, metric, "the metrics of each fold are not kept")
    with np.errstate(invalid="ignore"):
        found = corrected_t(values[1] - values[0], share)
    return Compared(
        metric, _better(before, after, metric), before.metrics[metric], after.metrics[metric], found, "corrected_t",
        "folds", len(values[0]),
    )  # fmt: skip


def _on_rows(
    before: Kept, after: Kept, metric: str, again: Recomputed, rows: pl.DataFrame, others: pl.DataFrame
) -> Compared:
    try:
        first, second = again.replicates(before, rows, metric), again.replicates(after, others, metric)
    except NotAgainError as error:
        return _unpaired(before, after, metric, str(error))
    grouped = UNIT in rows.columns
    units = rows[UNIT].n_unique() if grouped else int((rows["weight"] > 0).sum())
    return Compared(
        metric, _better(before, after, metric), before.metrics[metric], after.metrics[metric],
        bootstrap(second - first, units), "bootstrap", "groups" if grouped else "rows", units,
    )  # fmt: skip


def _unpaired(before: Kept, after: Kept, metric: str, why: str, difference: Difference | None = None) -> Compared:
    a, b = before.metrics[metric], after.metrics[metric]
    value = b.value - a.value
    low = value - math.hypot(b.value - b.low, a.high - a.value)
    high = value + math.hypot(b.high - b.value, a.value - a.low)
    found = difference or Difference(value, low, high)
    return Compared(metric, _better(before, after, metric), a, b, found, "unpaired", why=why)
