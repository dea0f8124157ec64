"""Who is trained on and who is held out: test, validation, folds, and the rows that stop a fold's training.

Language 4.4, points 3 to 6. Shares are of the kept rows (of the `train` source where parts have their own); validation
rows are never trained on; folds partition what is neither test nor validation. Weights play no part: a row is a row.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import polars as pl

from mldsl.data.dataset import ROW, SOURCE, Dataset
from mldsl.data.encode import value_codes
from mldsl.data.split_problems import Problems, classes_of
from mldsl.data.ways import Amount, EachUserLater, Groups, Later, Strata, Way
from mldsl.diagnostics import Diagnostic
from mldsl.plan import Plan, SplitPlan

STOP_SHARE = 0.1  # of a fold's training rows, where the plan has folds to stop on but no validation part
DAY = 86_400.0
PARTS = ("train", "validation", "test", "gap")
TRAIN, VALIDATION, TEST, GAP = range(4)


@attrs.frozen(eq=False)
class Fold:
    """One fold: Bool[n] masks of the rows trained on, held out, and cut from training to stop on (None: not needed)."""

    repeat: int
    index: int
    train: np.ndarray
    held: np.ndarray
    stop: np.ndarray | None = None


@attrs.frozen(eq=False)
class Split:
    """`part` [n] is "train", "validation", "test", or "gap" for rows that only keep training and held-out rows apart.

    `implicit` folds choose (thresholds, `best`) where the file has neither folds nor validation.
    """

    part: np.ndarray
    folds: tuple[Fold, ...] = ()
    implicit: bool = False
    warnings: tuple[Diagnostic, ...] = ()

    def mask(self, part: str) -> np.ndarray:
        """Bool[n], the rows of a part."""
        return np.asarray(self.part == part)


def make_split(plan: Plan, dataset: Dataset, seed: int) -> Split:
    """Part the rows as the plan's `split` says; the same seed and rows give the same parts.

    Raises MLP0405 for a part or fold without rows, and for training rows of one class only. Warns where parts that are
    given (sources of their own, a part column) share groups or part the rows against the order of time.
    """
    split, n = plan.split, dataset.rows
    part = _given_parts(plan, dataset)
    problems = Problems(plan, dataset)
    problems.check_given(np.array(PARTS)[part])
    pool = np.flatnonzero(part == TRAIN)
    among = pool
    way = _way(plan, dataset, seed)
    for code, name, amount in ((TEST, "test", split.test), (VALIDATION, "validation", split.validation)):
        if amount and not (part == code).any():
            taken, rest = way.take(pool, amount, among, f"split/{name}")
            part[pool] = GAP
            part[rest] = TRAIN
            part[taken] = code
            pool = rest
    names = np.array(PARTS)[part]
    problems.check_parts(names)
    folds = tuple(_folds(plan, way, pool, n, _stop_share(plan, part)))
    problems.check_folds(folds)
    problems.raise_errors()
    return Split(names, folds, implicit=not split.folds and bool(folds), warnings=tuple(problems.warnings))


def folds_within(plan: Plan, dataset: Dataset, seed: int, pool: np.ndarray, count: int, path: str) -> tuple[Fold, ...]:
    """`count` folds of the rows in `pool` (Bool[n]), by the same `by` and `gap` as the split: no other row is touched.

    What tuning inside of an outer fold uses, whose training rows are the pool. `path` names the draws, and the outer
    fold in messages where it has a part `fold=REPEAT.INDEX`; the same seed, path and pool give the same folds. Where a
    model has `stop_when`, each fold cuts the rows to stop on from its own training rows, as the split's folds do.
    Raises MLP0405 for a fold without rows, and for training rows of one class only. Cost: a sort of the pool.
    """
    stop = _stop_share(plan, _given_parts(plan, dataset))
    way = _way(plan, dataset, seed)
    folds = tuple(_fold_by_fold(way, np.flatnonzero(pool), count, stop, dataset.rows, f"split/{path}"))
    problems = Problems(plan, dataset)
    problems.check_inner_folds(folds, count, path)
    problems.raise_errors()
    return folds


def _given_parts(plan: Plan, dataset: Dataset) -> np.ndarray:
    """What sources of their own or a part column say, as codes; the rest is for training until it is cut."""
    column = plan.split.part_column
    given = dataset.frame[column].fill_null("train").to_numpy() if column is not None else dataset.parts
    part = np.full(dataset.rows, TRAIN, np.int8)
    for code, name in ((VALIDATION, "validation"), (TEST, "test")):
        if given is not None:
            part[given == name] = code
    return part


def _folds(plan: Plan, way: Way, pool: np.ndarray, n: int, stop: Amount | None) -> Iterator[Fold]:
    count = plan.split.folds or plan.split.implicit_folds
    repeats = plan.split.repeats if plan.split.folds else 1
    for repeat in range(repeats if count else 0):
        yield from _fold_by_fold(way, pool, count, stop, n, f"split/repeat={repeat}", repeat)


def _fold_by_fold(
    way: Way, pool: np.ndarray, count: int, stop: Amount | None, n: int, path: str, repeat: int = 0
) -> Iterator[Fold]:
    for index, (held, train) in enumerate(way.folds(pool, count, f"{path}/folds")):
        stopping = None
        if stop is not None:
            stopping, train = way.take(train, stop, train, f"{path}/fold={index}/stop")
        yield Fold(repeat, index, _mask(train, n), _mask(held, n), None if stopping is None else _mask(stopping, n))


def _mask(rows: np.ndarray, n: int) -> np.ndarray:
    mask = np.zeros(n, bool)
    mask[rows] = True
    return mask


def _stop_share(plan: Plan, part: np.ndarray) -> Amount | None:
    """What each fold cuts from its training rows: the proportion that the validation part has; None: no `stop_when`."""
    if not any(model.stop_when is not None for model in plan.models):
        return None
    if plan.split.validation:
        return plan.split.validation
    held = int((part == VALIDATION).sum())
    return held / (held + int((part == TRAIN).sum())) if held else STOP_SHARE


# ---- by what ---------------------------------------------------------------------------------------------------------
def _way(plan: Plan, dataset: Dataset, seed: int) -> Way:
    split = plan.split
    by = set(split.by)
    gap = split.gap
    if "user" in by:
        users = _codes(dataset, "user")
        strata = Strata(seed, users, keep_one=True, each=True)
        return EachUserLater(strata, _time(dataset, split), gap) if by & {"time", "order"} else strata
    unit = _units(dataset) if "group" in by else None
    if by & {"time", "order"}:
        return Later(_time(dataset, split), unit, gap)
    stratum = classes_of(plan, dataset) if "stratified" in by else None
    if unit is not None:
        return Groups(seed, unit, stratum)
    return Strata(seed, np.zeros(dataset.rows, np.int64) if stratum is None else stratum)


def _codes(dataset: Dataset, role: str) -> np.ndarray:
    column = dataset.column(role)
    assert column is not None, f"`by` needs a column with the role {role}"
    return value_codes(dataset.frame[column.name])


def _units(dataset: Dataset) -> np.ndarray:
    """What stays together, Int[n]: rows of one group, and of one query; where these overlap, all that they connect."""
    found = [_codes(dataset, role) for role in ("group", "query") if dataset.column(role) is not None]
    unit = found[0]
    while True:
        before = unit
        for codes in found:
            least = np.full(int(codes.max(initial=-1)) + 1, len(unit))
            np.minimum.at(least, codes, unit)
            unit = least[codes]
        if np.array_equal(before, unit):
            return np.unique(unit, return_inverse=True)[1]


def _time(dataset: Dataset, split: SplitPlan) -> np.ndarray:
    """Float[n] in seconds, or row numbers for `by = order`. A number counts days; a missing time is earliest."""
    if "order" in split.by:
        return np.arange(dataset.rows, dtype=float)
    column = dataset.column("time")
    assert column is not None, "`by = time` needs a column with the role time"
    values = dataset.frame[column.name]
    if isinstance(values.dtype, pl.Datetime):
        seconds = values.dt.timestamp("us").cast(pl.Float64) / 1e6
    else:
        seconds = values.cast(pl.Float64) * DAY
    return np.asarray(seconds.fill_null(-np.inf).to_numpy())


# ---- the record ------------------------------------------------------------------------------------------------------
def split_frame(dataset: Dataset, split: Split) -> pl.DataFrame:
    """The table that a run keeps: every row that was read, and what became of it.

    `source` String (null if there is one source), `row` UInt32 (0-based in it), `part` (null for rows that `where`
    dropped), `fold` and `repeat` Int32 (where it was held out; null elsewhere), `weight` Float64 (1 without a weight
    column). A row has one line for each repeat in which it was held out, and one if it never was.
    """
    weight = dataset.column("weight")
    frame = dataset.frame.select(
        SOURCE, ROW,
        pl.Series("part", split.part, dtype=pl.String),
        (pl.col(weight.name).cast(pl.Float64) if weight is not None else pl.lit(1.0)).alias("weight"),
    )  # fmt: skip
    blocks: list[pl.DataFrame] = []
    held_ever = np.zeros(dataset.rows, bool)
    for repeat in sorted({fold.repeat for fold in split.folds}):
        index = np.full(dataset.rows, -1, np.int32)
        for fold in split.folds:
            if fold.repeat == repeat:
                index[fold.held] = fold.index
        held_ever |= index >= 0
        block = frame.with_columns(pl.Series("fold", index), pl.lit(repeat, pl.Int32).alias("repeat"))
        blocks.append(block.filter(pl.col("fold") >= 0))
    none = pl.lit(None, pl.Int32)
    rest = frame.filter(pl.Series(~held_ever)).with_columns(none.alias("fold"), none.alias("repeat"))
    dropped = dataset.dropped.select(
        SOURCE, ROW, pl.lit(None, pl.String).alias("part"), pl.lit(None, pl.Float64).alias("weight"),
        none.alias("fold"), none.alias("repeat"),
    )  # fmt: skip
    whole = pl.concat([*blocks, rest, dropped]).sort(SOURCE, ROW, "repeat")
    names = [source.name for source in dataset.sources]
    name = pl.lit(None, pl.String)
    if len(names) > 1:
        name = pl.col(SOURCE).replace_strict(range(len(names)), names, return_dtype=pl.String)
    return whole.select(name.alias("source"), pl.col(ROW).alias("row"), "part", "fold", "repeat", "weight")
