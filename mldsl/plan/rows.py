"""What a plan says of rows once they were looked at: how many each part and fold has, and what is in them.

Plain values, made by `mldsl.data.facts`; printed by `mldsl.plan.rows_text`, and written by `as_dict`.
"""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen
class PartRows:
    """One part, or one side of a fold.

    `rows` counts rows; `weight` is the sum of the weight column (None without one), and then `classes` (level -> sum of
    weights, in the order of the levels), `mean` and `deviation` of the target are weighted too. `distinct` counts the
    values of the roles group, query, user and item. `time` is the first and the last time, as text, of a split in time.
    `unknown` counts users and items without a row to train on.
    """

    rows: int
    weight: float | None = None
    classes: tuple[tuple[str, float], ...] = ()
    mean: float | None = None
    deviation: float | None = None
    distinct: tuple[tuple[str, int], ...] = ()
    time: tuple[str, str] | None = None
    unknown: tuple[tuple[str, int], ...] = ()


@attrs.frozen
class FoldRows:
    """One fold: its sides, the rows cut from training to stop on, and the folds that tune inside of its training rows.

    Of inner folds the numbers of rows only: (trained on, held out).
    """

    repeat: int
    index: int
    train: PartRows
    held_out: PartRows
    stop: PartRows | None = None
    inner: tuple[tuple[int, int], ...] = ()


@attrs.frozen
class Choice:
    """What is chosen on held-out rows: params, threshold, calibration, best model or stopping; inside of a fold or not.

    `on` is folds, implicit folds, inner folds, validation, stop rows (of each fold) or train; `rows` is their number.
    """

    what: str
    on: str
    rows: int


@attrs.frozen
class DesignRows:
    """The design matrix of a model's formula: its columns by term, and what is left to judge residuals by.

    `terms` are (name, columns), `references` (factor, its first level). `rows` are the training rows, weights added up;
    `residual` is what they exceed the columns and the intercept by.
    """

    model: str
    intercept: bool
    terms: tuple[tuple[str, tuple[str, ...]], ...]
    references: tuple[tuple[str, str], ...]
    rows: float
    residual: float


@attrs.frozen
class SplitRows:
    """All of it. `positive` is the level that counts as positive of a target with two.

    `designs` are those of formulas whose columns are known before transforms have been fitted. `sources` are (name,
    rows) as read; `dropped` those that `where` drops.
    """

    sources: tuple[tuple[str, int], ...]
    read: int
    dropped: int
    all: PartRows
    parts: tuple[tuple[str, PartRows], ...]
    folds: tuple[FoldRows, ...] = ()
    implicit: bool = False
    positive: str | None = None
    choices: tuple[Choice, ...] = ()
    designs: tuple[DesignRows, ...] = ()


def as_dict(rows: SplitRows) -> dict[str, Any]:
    """The same as JSON values; its form is the key `rows` of `plan.schema.json`."""
    return {
        "sources": [{"name": name, "rows": count} for name, count in rows.sources],
        "read": rows.read,
        "dropped": rows.dropped,
        "positive": rows.positive,
        "all": _part(rows.all),
        "parts": {name: _part(part) for name, part in rows.parts},
        "implicit_folds": rows.implicit,
        "folds": [_fold(fold) for fold in rows.folds],
        "choices": [attrs.asdict(choice) for choice in rows.choices],
        "designs": [_design(design) for design in rows.designs],
    }


def _design(design: DesignRows) -> dict[str, Any]:
    return {
        "model": design.model,
        "intercept": design.intercept,
        "terms": [{"name": name, "columns": list(columns)} for name, columns in design.terms],
        "references": dict(design.references),
        "rows": design.rows,
        "residual_degrees_of_freedom": design.residual,
    }


def _fold(fold: FoldRows) -> dict[str, Any]:
    return {
        "repeat": fold.repeat,
        "index": fold.index,
        "train": _part(fold.train),
        "held_out": _part(fold.held_out),
        "stop": None if fold.stop is None else _part(fold.stop),
        "inner_folds": [{"train": train, "held_out": held} for train, held in fold.inner],
    }


def _part(part: PartRows) -> dict[str, Any]:
    return {
        "rows": part.rows,
        "weight": part.weight,
        "classes": dict(part.classes),
        "mean": part.mean,
        "deviation": part.deviation,
        "distinct": dict(part.distinct),
        "time": None if part.time is None else list(part.time),
        "unknown": dict(part.unknown),
    }
