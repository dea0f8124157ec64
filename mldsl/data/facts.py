"""Counting what each part and fold of a split holds, for `mldsl plan` and the `plan.txt` of a run."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import polars as pl

from mldsl.data.dataset import Dataset
from mldsl.data.encode import value_codes
from mldsl.data.levels import Levels
from mldsl.data.split import Fold, Split, folds_within
from mldsl.plan import ColumnState, Plan
from mldsl.plan.design import Variable, absent, design_of
from mldsl.plan.rows import Choice, DesignRows, FoldRows, PartRows, SplitRows

DISTINCT = ("group", "query", "user", "item")


def row_facts(plan: Plan, dataset: Dataset, split: Split, levels: Levels, seed: int) -> SplitRows:
    """Count the rows of a split. Raises MLP0405 where the folds that tune inside of a fold cannot be made.

    Cost: a pass over the rows for each part and side of a fold; a sort for each outer fold where tuning is nested.
    """
    count = _Counter.of(plan, dataset, levels)
    train = split.mask("train")
    masks = {name: split.mask(name) for name in ("train", "validation", "test", "gap")}
    folds = []
    for fold in split.folds:
        inner = _inner(plan, dataset, seed, fold) if _nested(plan, split) else ()
        stop = None if fold.stop is None else count(fold.stop)
        folds.append(FoldRows(fold.repeat, fold.index, count(fold.train), count(fold.held, fold.train), stop, inner))
    target = levels.of.get(plan.target or "", ())
    return SplitRows(
        sources=tuple((source.name, source.rows) for source in dataset.sources),
        read=dataset.rows_read, dropped=dataset.dropped.height, all=count(np.ones(dataset.rows, bool)),
        parts=tuple(
            (name, count(mask, None if name in ("train", "gap") else train))
            for name, mask in masks.items()
            if mask.any() and not (name == "train" and mask.all())
        ),
        folds=tuple(folds), implicit=split.implicit,
        positive=target[-1] if plan.task == "classification" and len(target) == 2 else None,
        choices=tuple(_choices(plan, split)),
        designs=tuple(_designs(plan, levels, count(train))),
    )  # fmt: skip


def _designs(plan: Plan, levels: Levels, train: PartRows) -> Iterator[DesignRows]:
    """The designs of formulas, where the levels of all their factors are known without fitting a transform."""
    rows = float(train.rows if train.weight is None else train.weight)
    for model in plan.models:
        variables = [_variable(state, levels) for state in model.columns]
        if model.design is None or model.design.parameters or None in variables:
            continue
        known = [variable for variable in variables if variable is not None]
        if absent(model.design.right, [variable.name for variable in known]):
            continue
        design = design_of(model.design.right, known)
        terms = tuple((term.name, tuple(column.name for column in term.columns)) for term in design.terms)
        residual = rows - len(design.columns) - design.intercept
        yield DesignRows(model.name, design.intercept, terms, design.references, rows, residual)


def _variable(state: ColumnState, levels: Levels) -> Variable | None:
    """A column of a formula with its levels; None where only fitted transforms will tell."""
    if state.pattern:
        return None
    if state.type in ("continuous", "integer"):
        return Variable(state.name)
    found = levels.of.get(state.name, state.levels)
    if found is not None:
        return Variable(state.name, tuple(found))
    if state.type == "binary":  # a condition has two levels, an indicator is a number
        return Variable(state.name, ("false", "true") if state.made_by == state.name else None)
    return None


def _nested(plan: Plan, split: Split) -> bool:
    """Whether the folds measure, and what is tuned is tuned inside of each."""
    return plan.tune is not None and bool(split.folds) and not split.implicit and not split.mask("test").any()


def _inner(plan: Plan, dataset: Dataset, seed: int, fold: Fold) -> tuple[tuple[int, int], ...]:
    assert plan.tune is not None
    pool = fold.train if fold.stop is None else fold.train | fold.stop
    folds = folds_within(plan, dataset, seed, pool, plan.tune.folds, f"tune/fold={fold.repeat}.{fold.index}")
    return tuple((int(inner.train.sum()), int(inner.held.sum())) for inner in folds)


def _choices(plan: Plan, split: Split) -> Iterator[Choice]:
    """Which rows decide what (language 4.4, points 2 to 4)."""
    held = int(np.any([fold.held for fold in split.folds], axis=0).sum()) if split.folds else 0
    validation, train = int(split.mask("validation").sum()), int(split.mask("train").sum())
    if split.folds and not split.implicit:
        on, rows = "folds", held
    elif validation:
        on, rows = "validation", validation
    elif split.folds:
        on, rows = "implicit folds", held
    else:
        on, rows = "train", train
    if _nested(plan, split):
        yield Choice("params, in a fold", "inner folds", max(int(fold.train.sum()) for fold in split.folds))
        yield Choice("params, last fit", on, rows)
    elif plan.tune is not None:
        yield Choice("params", on, rows)
    if any(model.threshold is not None and model.threshold.metric is not None for model in plan.models):
        yield Choice("threshold", on, rows)
    if any(model.calibrate for model in plan.models):
        yield Choice("calibration", on, rows)
    if len(plan.models) > 1:
        yield Choice("best model", on, rows)
    if any(model.stop_when is not None for model in plan.models):
        if any(fold.stop is not None for fold in split.folds):
            yield Choice("stopping, in folds", "stop rows", max(_count(fold) for fold in split.folds))
        yield Choice("stopping", "validation", validation) if validation else Choice("stopping", "stop rows", 0)


def _count(fold: Fold) -> int:
    return 0 if fold.stop is None else int(fold.stop.sum())


@attrs.frozen(eq=False)
class _Counter:
    """What masks are counted in: codes and numbers of all rows, made once."""

    classes: tuple[str, ...]
    codes: np.ndarray | None
    target: np.ndarray | None
    weight: np.ndarray | None
    distinct: dict[str, np.ndarray]
    time: pl.Series | None
    recommends: bool

    @classmethod
    def of(cls, plan: Plan, dataset: Dataset, levels: Levels) -> _Counter:
        frame = dataset.frame
        codes = target = time = None
        classes: tuple[str, ...] = ()
        if plan.target is not None and plan.task == "classification":
            classes = levels.of[plan.target]
            text = frame[plan.target].cast(pl.String)
            codes = text.cast(pl.Enum(classes), strict=False).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        elif plan.target is not None and frame[plan.target].dtype.is_numeric():
            target = frame[plan.target].cast(pl.Float64).fill_null(np.nan).to_numpy()
        by_role = {role: dataset.column(role) for role in (*DISTINCT, "weight", "time")}
        weight = by_role["weight"]
        when = by_role["time"]
        if "time" in plan.split.by and when is not None:
            time = frame[when.name]
        return cls(
            classes, codes, target,
            None if weight is None else frame[weight.name].cast(pl.Float64).to_numpy(),
            {r: value_codes(frame[c.name]) for r in DISTINCT if (c := by_role[r]) is not None},
            time, plan.task == "recommendation",
        )  # fmt: skip

    def __call__(self, mask: np.ndarray, train: np.ndarray | None = None) -> PartRows:
        """The rows of a mask; `train` are those that its users and items may be known from."""
        weight = np.ones(int(mask.sum())) if self.weight is None else self.weight[mask]
        mean, deviation = self._moments(mask, weight)
        return PartRows(
            rows=int(mask.sum()), weight=None if self.weight is None else float(weight.sum()),
            classes=self._classes(mask, weight), mean=mean, deviation=deviation,
            distinct=tuple((role, len(np.unique(codes[mask]))) for role, codes in self.distinct.items()),
            time=self._span(mask),
            unknown=() if train is None or not self.recommends else tuple(
                (role, len(np.setdiff1d(codes[mask], codes[train])))
                for role, codes in self.distinct.items() if role in ("user", "item")
            ),
        )  # fmt: skip

    def _classes(self, mask: np.ndarray, weight: np.ndarray) -> tuple[tuple[str, float], ...]:
        if self.codes is None:
            return ()
        codes = self.codes[mask]
        known = codes >= 0
        sums = np.bincount(codes[known], weight[known], minlength=len(self.classes))
        return tuple(zip(self.classes, sums.tolist(), strict=True))

    def _moments(self, mask: np.ndarray, weight: np.ndarray) -> tuple[float | None, float | None]:
        if self.target is None:
            return None, None
        values = self.target[mask]
        known = np.isfinite(values)
        values, weight = values[known], weight[known]
        total = weight.sum()
        if not total > 0:
            return None, None
        mean = float((weight * values).sum() / total)
        if not total > 1:
            return mean, None
        return mean, float(np.sqrt((weight * (values - mean) ** 2).sum() / (total - 1)))

    def _span(self, mask: np.ndarray) -> tuple[str, str] | None:
        if self.time is None:
            return None
        found = self.time.filter(pl.Series(mask)).drop_nulls()
        if not len(found):
            return None
        return _moment(found.min()), _moment(found.max())


def _moment(value: object) -> str:
    """A time to the minute, or to the day where it is midnight; numbers as they are."""
    from datetime import datetime

    if not isinstance(value, datetime):
        return str(value)
    if (value.hour, value.minute, value.second) == (0, 0, 0):
        return value.strftime("%Y-%m-%d")
    return value.strftime("%Y-%m-%d %H:%M")
