"""How many rows of each class there are, in each part and each fold.

Rows count once each, whatever their weight. A class is called rare below 5% of the rows, or where a part that is looked
at has fewer than 10 of it, so that its metrics hang on single rows. Parts are called different where Pearson's
chi-square finds their classes differ (p < 0.001) and some share differs by 2 points or more: then what is measured on
one part says less about another.

Shapes:  n rows, k classes, f folds. O(n (f + 1)).
Units:   rows and shares.
Sources: Pearson 1900, doi:10.1080/14786440009463897.
"""

from __future__ import annotations

import numpy as np

from mldsl.contract.views import ReportView
from mldsl.plugin import Component, NoSpec, Report, hookimpl
from mldsl.plugin.display import Column, Figure, Panel, ReportOutput, Series, Table
from mldsl_plugins.reports._chi_square import chi_square
from mldsl_plugins.reports._columns import texts

_PARTS = ("train", "validation", "test")
_WORDS = {"train": "training", "validation": "validation", "test": "test"}
_RARE, _FEW = 0.05, 10
_DIFFERENT, _POINTS = 0.001, 0.02
_SHOWN = 30


def compute(spec: NoSpec, view: ReportView) -> ReportOutput:
    """Classes by part, classes by fold, bars of the shares, and words where a class is rare or parts differ."""
    if view.target is None or not view.levels:
        return ReportOutput(notes=["There are no classes: the target is a number."])
    code = _codes(view)
    part = np.asarray(view.part)
    present = [name for name in _PARTS if (part == name).any()]
    counts = np.array([_count(code[part == name], len(view.levels)) for name in present])
    tables = [_table(view, present, counts)]
    folds = () if view.implicit_folds else view.folds
    if folds:
        held = np.array([_count(code[fold.held], len(view.levels)) for fold in folds])
        tables.append(_folds(view, held))
    notes, warnings = _words(view, present, counts)
    if folds and len(empty := _without(view, held)):
        warnings.append(f"No row of {empty} in {_folds_without(held)}: its metrics there are undefined or mean little.")
    return ReportOutput(tables, [_figure(view, present, counts)], notes, warnings)


def _codes(view: ReportView) -> np.ndarray:
    """The class of every row, Int[n]; -1 where the reports know none."""
    import polars as pl

    known = {level: i for i, level in enumerate(view.levels)}
    found = texts(view.frame, view.target or "").replace_strict(known, default=-1, return_dtype=pl.Int64)
    return np.asarray(found.fill_null(-1).to_numpy())


def _count(code: np.ndarray, k: int) -> np.ndarray:
    return np.bincount(code[code >= 0], minlength=k)


def _table(view: ReportView, present: list[str], counts: np.ndarray) -> Table:
    total = counts.sum(axis=0)
    columns = [Column("class", list(view.levels), "text")]
    several = len(present) > 1
    for name, rows in [*([("all", total)] if several else []), *zip(present, counts, strict=True)]:
        word = _WORDS.get(name, name)
        columns.append(Column(word, rows, "integer"))
        columns.append(Column(f"share of {word}", rows / max(1, rows.sum()), "share"))
    return Table("Rows by class", columns)


def _folds(view: ReportView, held: np.ndarray) -> Table:
    rows = [(f, c) for f in range(len(held)) for c in range(len(view.levels))]
    share = held / np.maximum(held.sum(axis=1, keepdims=True), 1)
    return Table(
        "Held-out rows of each fold, by class",
        [
            Column("repeat", [view.folds[f].repeat for f, _ in rows], "integer"),
            Column("fold", [view.folds[f].index for f, _ in rows], "integer"),
            Column("class", [view.levels[c] for _, c in rows], "text"),
            Column("rows", [held[f, c] for f, c in rows], "integer"),
            Column("share", [share[f, c] for f, c in rows], "share"),
        ],
        name="folds",
    )


def _words(view: ReportView, present: list[str], counts: np.ndarray) -> tuple[list[str], list[str]]:
    total = counts.sum(axis=0)
    share = total / max(1, total.sum())
    commonest = int(total.argmax())
    constant = f"Always to say `{view.levels[commonest]}` is right for {share[commonest]:.1%} of the rows"
    notes = [f"{constant}: that is what an accuracy must beat."]
    warnings = []
    for i in np.flatnonzero(share < _RARE):
        text = f"`{view.levels[i]}` is rare: {total[i]:,} of {total.sum():,} rows ({share[i]:.2%})."
        warnings.append(f"{text} Accuracy hardly sees it; `balanced_accuracy`, `f1` and `class_weights = balanced` do.")
    for name, rows in zip(present, counts, strict=True):
        few = [f"`{view.levels[i]}` ({rows[i]})" for i in range(len(rows)) if rows[i] < _FEW]
        if few and name != "train":
            listed = ", ".join(few[:8]) + (" ..." if len(few) > 8 else "")
            word = "its metrics hang" if len(few) == 1 else "their metrics hang"
            warnings.append(f"Fewer than {_FEW} {_WORDS[name]} rows of {listed}: {word} on single rows.")
    if len(present) > 1:
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        p, _ = chi_square(counts)
        widest = int(np.ptp(shares, axis=0).argmax())
        if p < _DIFFERENT and np.ptp(shares[:, widest]) >= _POINTS:
            each = ", ".join(f"{s:.1%} of the {_WORDS[n]}" for n, s in zip(present, shares[:, widest], strict=True))
            text = f"The parts differ: `{view.levels[widest]}` makes up {each} rows (chi-square, p = {p:.1g})."
            warnings.append(f"{text} `by = stratified` keeps shares equal, unless time or groups make the difference.")
    return notes, warnings


def _without(view: ReportView, held: np.ndarray) -> str:
    return ", ".join(f"`{view.levels[i]}`" for i in np.flatnonzero((held == 0).any(axis=0))[:5])


def _folds_without(held: np.ndarray) -> str:
    count = int((held == 0).any(axis=1).sum())
    return f"{count} of {len(held)} folds"


def _figure(view: ReportView, present: list[str], counts: np.ndarray) -> Figure:
    shown = np.argsort(-counts.sum(axis=0), kind="stable")[:_SHOWN]
    names = [view.levels[i] for i in np.sort(shown)]
    shares = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[:, np.sort(shown)]
    series = [
        Series(row, names, _WORDS[name] if len(present) > 1 else "", mark="points" if len(present) > 1 else "bars")
        for name, row in zip(present, shares, strict=True)
    ]
    total = counts.sum(axis=0)
    alt = "Shares of the classes: " + ", ".join(
        f"{view.levels[i]} {total[i] / max(1, total.sum()):.1%}" for i in np.sort(shown)[:10]
    )
    title = "Shares of the classes" + (f", the {_SHOWN} largest of {len(total)}" if len(total) > _SHOWN else "")
    highest = float(shares.max())
    panel = Panel("share of the part", "", series, y_kind="category", x_range=(0.0, min(1.0, 1.1 * highest)))
    return Figure(title, [panel], alt + ".")


@hookimpl
def mldsl_components() -> list[Component]:
    """The report."""
    return [
        Report(
            "class_balance", compute=compute, tasks={"classify"}, needs={"data"}, snippet="report { class_balance }",
            sources=("Pearson 1900, doi:10.1080/14786440009463897",),
        )
    ]  # fmt: skip
