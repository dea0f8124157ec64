"""What may give the answer away: columns, rows and orders that would not help on new rows as they do here.

Five searches, each of which can be wrong, and says its number:

* an answer: a single input explains 95% or more of the target's variance on rows that were held out, or 80% and leaves
  a quarter or less of what the next best leaves; often it was written down after the target was known;
* twins: held-out rows equal to training rows in every input and the target, where fewer than 0.01 such would be
  expected by chance if columns had nothing to do with each other; reported from 2% of the rows on;
* an identifier: an input that is different in every row and counts them, or has a level for every row;
* entities: a column whose levels have several rows with nearly the same target, in training and held-out rows alike:
  patients, buildings, sessions;
* time: a column of times that orders the target, while the parts are mixed in time.

The target of test rows is looked at for twins only; inputs are scored by folds of the training rows.

Shapes:  n rows, c columns, f folds. O(c n log n + f c n).
Units:   shares of variance; rows count from 1 after the header.
Errors:  none; without a target there is nothing to give away.
Sources: Kaufman, Rosset & Perlich 2012, doi:10.1145/2382577.2382579; Kapoor & Narayanan 2023,
         doi:10.1016/j.patter.2023.100804.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, Report, Share, hookimpl, param
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._columns import is_number, texts, values
from mldsl_plugins.reports._single import leave_one_out, single_score, targets
from mldsl_plugins.reports._twins import twins

_ALONE, _LEFT = 0.8, 0.25
_TWINS, _FEWEST = 0.02, 3
_ENTITIES, _ROWS_EACH, _PURE, _ON_BOTH, _SMOOTH = 20, 50, 0.8, 0.5, 0.15
_ORDERED = 0.8
_SHOWN = 20
_KEYS = ("input", "ignore", "key", "item", "user")


@attrs.frozen
class Spec:
    """When a column is suspected."""

    threshold: Share = param(0.95, gt=0, doc="Share of the target's variance that one column may explain.")


@attrs.frozen
class _Finding:
    kind: str
    column: str
    evidence: str
    sentence: str
    remedy: str


@attrs.frozen(eq=False)
class _Side:
    """The parts as if they were a fold."""

    train: np.ndarray
    held: np.ndarray


def compute(spec: Spec, view: ReportView) -> ReportOutput:
    """What is suspected, with evidence and remedy; how much each input tells by itself; rows that are twins."""
    if view.target is None:
        return ReportOutput(notes=["There is no target, so nothing can give it away."])
    sides = _sides(view)
    if not sides:
        return ReportOutput(notes=["Nothing is held out, so nothing can leak into it."])
    inputs = _inputs(view)
    folds = _folds(view) or [_Side(*side) for side in sides]
    target = targets(view)
    scores = {c.name: single_score(*_cells(view, c), target, folds) for c in inputs}
    entities = list(_entities(view, target, sides, folds))
    identifiers = list(_identifiers(view, inputs, target, folds))
    named = {f.column for f in (*entities, *identifiers)}
    found = [*_answers(spec, view, {n: s for n, s in scores.items() if n not in named}), *identifiers, *entities]
    found += _times(view, target, sides)
    same, rows = _twins(view, inputs, sides, {f.column for f in found if f.kind == "answer"})
    found += same
    tables = [_table(found)] if found else []
    if scores:
        tables.append(_scores(scores))
    tables += rows
    warnings = [f"{f.sentence} {f.remedy}" for f in found]
    notes = [] if found else [_CLEAN]
    return ReportOutput(tables, [_figure(spec, view, scores)] if scores else [], notes, warnings)


_CLEAN = (
    "Nothing is suspected. Looked for: an input that gives the answer away, held-out rows with a twin in training, "
    "identifiers among the inputs, entities in both parts, times that order the target."
)


# ---- what is looked at -----------------------------------------------------------------------------------------------
def _inputs(view: ReportView) -> list[Any]:
    """The declared columns that some model looks at; all inputs where there is no model to ask."""
    reads = {name for model in view.models for name in model.reads}
    flat = [c for c in view.columns if c.name in view.frame.columns and not view.frame.schema[c.name].is_nested()]
    return [c for c in flat if (c.name in reads if reads else c.role == "input") and c.role != "target"]


def _sides(view: ReportView) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows trained on and rows held out: the parts, else the folds of the first repeat."""
    part = np.asarray(view.part)
    held = (part == "test") | (part == "validation")
    if held.any() and (part == "train").any():
        return [(part == "train", held)]
    return [(fold.train, fold.held) for fold in _folds(view)]


def _folds(view: ReportView) -> list[Any]:
    folds = view.training_folds() if view.training_folds is not None else view.folds
    return [fold for fold in folds if fold.repeat == folds[0].repeat]


def _cells(view: ReportView, column: Any) -> tuple[np.ndarray, bool]:
    """A column as numbers (True), or as codes of its values, missing ones as a value."""
    if is_number(view.frame, column):
        return values(view.frame, column.name), True
    return _codes(view, column), False


def _codes(view: ReportView, column: Any) -> np.ndarray:
    text = texts(view.frame, column.name).fill_null("\0")
    return np.asarray(text.rank("dense").to_numpy().astype(np.int64) - 1)


# ---- the searches ----------------------------------------------------------------------------------------------------
def _answers(spec: Spec, view: ReportView, scores: dict[str, float]) -> Iterator[_Finding]:
    ranked = sorted(((s, n) for n, s in scores.items() if np.isfinite(s)), reverse=True)
    for place, (score, name) in enumerate(ranked):
        following = max(ranked[place + 1][0], 0.0) if place + 1 < len(ranked) else 0.0
        apart = place == 0 and len(ranked) > 1 and score >= _ALONE and 1 - score <= _LEFT * (1 - following)
        if score < spec.threshold and not apart:
            continue
        said = f"`{name}` alone explains {_share(score)} of `{view.target}` on held-out rows"
        if score < spec.threshold:
            said += f", the next best column {_share(following)}"
        yield _Finding(
            "answer", name, f"{_share(score)} of the variance", said + ".",
            f"If it is not known at the time of prediction, write `{name}: {_type(view, name)} as ignore`.",
        )  # fmt: skip


def _share(score: float) -> str:
    """A share that is not rounded up to all."""
    return f"{np.floor(score * 1000) / 10:.1f}%" if score < 1 else "100%"


def _type(view: ReportView, name: str) -> str:
    column = next(c for c in view.columns if c.name == name)
    return f"{column.type}{'?' if column.missing else ''}"


def _identifiers(
    view: ReportView, inputs: Sequence[Any], target: np.ndarray, folds: Sequence[Any]
) -> Iterator[_Finding]:
    n = view.frame.height
    for column in inputs:
        series = view.frame[column.name]
        present = n - series.null_count()
        if present < 20 or series.n_unique() - (present < n) < present or column.type == "time":
            continue
        if is_number(view.frame, column):
            number = values(view.frame, column.name)
            number = number[np.isfinite(number)]
            step = np.diff(number)
            counts = np.all(number == np.round(number)) and (np.ptp(number) < 2 * present or bool((step > 0).all()))
            if not counts and not (abs(_rank_correlation(number, np.arange(len(number)))) > 0.999):
                continue
            how = "counts the rows" if counts else "follows the order of the rows"
        elif column.type in ("categorical", "id", "ordinal"):
            how = "names every row"
        else:
            continue  # texts differ from row to row, as they should
        said = f"`{column.name}` is different in each of {present:,} rows and {how}: it is an identifier."
        order = single_score(np.arange(n, dtype=float), True, target, folds)
        if order >= 0.5:
            said += f" The file is sorted so that the order of rows explains {_share(order)} of `{view.target}`."
        yield _Finding(
            "identifier", column.name, f"{present:,} distinct values", said,
            f"Write `{column.name}: {_type(view, column.name)} as key`: a key is never an input.",
        )  # fmt: skip


def _entities(view: ReportView, target: np.ndarray, sides: Sequence[Any], folds: Sequence[Any]) -> Iterator[_Finding]:
    """Columns of levels whose rows share the target, and that training and held-out rows share."""
    apart = {c.name for c in view.columns if c.role in ("group", "query")}
    train = np.asarray(view.part) == "train"
    for column in view.columns:
        known = column.name in view.frame.columns and column.role in _KEYS and column.name not in apart
        if not known or column.type not in ("categorical", "integer", "id", "text", "ordinal"):
            continue
        code = _codes(view, column)
        size = np.bincount(code)
        levels, rows = int((size > 1).sum()), view.frame.height
        if levels < _ENTITIES or rows / len(size) > _ROWS_EACH or size[size > 1].sum() < rows / 2:
            continue
        pure = leave_one_out(code[train], target[train])
        both = np.mean(np.concatenate([np.isin(code[held], code[seen]) for seen, held in sides]))
        if pure < _PURE or both < _ON_BOTH:
            continue
        cells, number = _cells(view, column)
        if number and single_score(cells, True, target, folds) > pure - _SMOOTH:
            continue  # neighbouring numbers tell as much: a quantity, not a name
        said = (
            f"Rows of one `{column.name}` have nearly the same `{view.target}` ({_share(pure)} of it is told by the "
            f"other rows), and {both:.0%} of the held-out rows belong to one that was trained on."
        )
        yield _Finding(
            "entities", column.name, f"{len(size):,} levels, {_share(pure)} told by the other rows", said,
            f"If new rows are of new ones, write `{column.name}: {_type(view, column.name)} as group`.",
        )  # fmt: skip


def _times(view: ReportView, target: np.ndarray, sides: Sequence[Any]) -> Iterator[_Finding]:
    for column in view.columns:
        if column.type != "time" or column.name not in view.frame.columns or column.role not in ("input", "time"):
            continue
        time = values(view.frame, column.name)
        known = np.isfinite(time) & np.isfinite(target).all(axis=1) & (np.asarray(view.part) == "train")
        if all(np.nanmax(time[train]) <= np.nanmin(time[held]) for train, held in sides) or known.sum() < 20:
            continue
        order = max(abs(_rank_correlation(time[known], target[known, k])) for k in range(target.shape[1]))
        if order < _ORDERED:
            continue
        said = (
            f"`{column.name}` orders `{view.target}` (rank correlation {order:.2f}), and rows are held out from among "
            "those trained on: the future is known where it is predicted."
        )
        how = (
            "`split { by = time }`" if column.role == "time" else f"`{column.name}: {_type(view, column.name)} as time`"
        )
        yield _Finding("time", column.name, f"rank correlation {order:.2f}", said, f"Write {how}.")


def _rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Of ranks; against an indicator it is rescaled, so that perfect order is 1."""
    import polars as pl

    a = pl.Series(x).rank().to_numpy()
    b = pl.Series(y).rank().to_numpy()
    a, b = a - a.mean(), b - b.mean()
    best = float(np.sort(a) @ np.sort(b))
    return float(a @ b) / best if best > 0 else 0.0


def _twins(
    view: ReportView, inputs: Sequence[Any], sides: Sequence[Any], answers: set[str]
) -> tuple[list[_Finding], list[Table]]:
    names = [c.name for c in inputs if c.name not in answers]
    found = twins(view.frame, names, sides, [*sorted(answers), view.target or ""])
    if not found.pairs:
        return [], []
    share = len(found.pairs) / found.held
    row = view.frame["__row"].to_numpy() if "__row" in view.frame.columns else np.arange(view.frame.height)
    shown = found.pairs[:_SHOWN]
    table = Table(
        "Held-out rows that equal a row trained on",
        [
            Column("held-out row", [int(row[h]) + 1 for h, _ in shown], "integer"),
            Column("training row", [int(row[t]) + 1 for _, t in shown], "integer"),
        ],
        name="twins",
        note=f"{len(found.pairs):,} of {found.held:,} held-out rows; rows count from 1 after the header.",
    )
    if share < _TWINS or len(found.pairs) < _FEWEST:
        return [], [table]
    first = f"row {int(row[shown[0][0]]) + 1} is row {int(row[shown[0][1]]) + 1}"
    said = (
        f"{len(found.pairs):,} of {found.held:,} held-out rows ({share:.1%}) equal a training row in every input and "
        f"the target, which chance does not explain: {first}."
    )
    remedy = "Drop the copies, or give all rows of one thing a column `as group`."
    return [_Finding("twins", "", f"{share:.1%} of the held-out rows", said, remedy)], [table]


# ---- what is shown ---------------------------------------------------------------------------------------------------
def _table(found: Sequence[_Finding]) -> Table:
    return Table(
        "Suspects",
        [
            Column("suspect", [f.kind for f in found], "text"),
            Column("column", [f.column for f in found], "text"),
            Column("evidence", [f.evidence for f in found], "text"),
            Column("remedy", [f.remedy for f in found], "text"),
        ],
    )


def _scores(scores: dict[str, float]) -> Table:
    ranked = sorted(scores.items(), key=lambda pair: -np.nan_to_num(pair[1], nan=-np.inf))
    return Table(
        "What each input tells by itself, by folds of the training rows",
        [
            Column("column", [name for name, _ in ranked], "text"),
            Column("share of the target's variance", [max(0.0, score) for _, score in ranked], "share"),
        ],
        name="alone",
    )


def _figure(spec: Spec, view: ReportView, scores: dict[str, float]) -> Figure:
    ranked = sorted(scores.items(), key=lambda pair: -np.nan_to_num(pair[1], nan=-np.inf))[:_SHOWN]
    names = [name for name, _ in ranked]
    bars = Series([max(0.0, score) for _, score in ranked], names, mark="bars")
    limit = Series([spec.threshold] * len(names), names, "", emphasis="reference")
    alt = f"Share of {view.target} that each column explains alone; the most is {names[0]}, {ranked[0][1]:.1%}."
    panel = Panel(f"share of {view.target} explained alone", "", [bars, limit], y_kind="category", x_range=(0.0, 1.0))
    return Figure("What each input tells by itself", [panel], alt)


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "leak_suspects", Spec, compute=compute, tasks={"classify", "regress", "rank", "recommend"}, needs={"data"},
            snippet="report { leak_suspects(threshold = 90%) }",
            sources=(
                "Kaufman, Rosset & Perlich 2012, doi:10.1145/2382577.2382579",
                "Kapoor & Narayanan 2023, doi:10.1016/j.patter.2023.100804",
            ),
        )
    ]  # fmt: skip
