"""MLP0405: parts and folds without rows, or with one class; and what is wrong with parts that are given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from mldsl.data.dataset import Dataset
from mldsl.data.encode import value_codes
from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plan import Plan
from mldsl.source import Span

if TYPE_CHECKING:
    from mldsl.data.split import Fold


def classes_of(plan: Plan, dataset: Dataset) -> np.ndarray:
    """The classes of the target, Int[n], in the order of their names."""
    assert plan.target is not None, "stratified splits need a target"
    return value_codes(dataset.frame[plan.target])


class Problems:
    """What is wrong with one split, collected in `errors` and `warnings`."""

    def __init__(self, plan: Plan, dataset: Dataset) -> None:
        self.plan, self.split, self.dataset = plan, plan.split, dataset
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        target = plan.column(plan.target) if plan.target is not None else None
        self.target = target if plan.task == "classification" else None
        self.classes = classes_of(plan, dataset) if self.target is not None else None
        self.values = dataset.frame[self.target.name] if self.target is not None else None
        self.span = self.split.span or (target.span if target is not None else None)
        self.rows = dataset.rows

    def raise_errors(self) -> None:
        """All of them at once."""
        if self.errors:
            raise MldslError(*self.errors)

    def _error(self, message: str, help: str, *notes: str) -> None:
        self.errors.append(Diagnostic("MLP0405", message, self.span, notes=notes, help=help))

    def check_given(self, part: np.ndarray) -> None:
        """Parts that sources or a part column give: none that `split` cuts too, no group in two, no later rows."""
        column = self.split.part_column
        for name, amount in (("test", self.split.test), ("validation", self.split.validation)):
            held = part == name
            if not held.any():
                continue
            if column is not None and amount is not None:
                self.errors.append(
                    Diagnostic(
                        "MLP0103", f"the {name} part is defined twice", self.span,
                        notes=(f"{int(held.sum()):,} rows are of it by the column `{column}`",),
                        help=f"leave `{name}` out of `split`",
                    )
                )  # fmt: skip
            self._check_shared(part == "train", held, name)
            self._check_order(part == "train", held, name)

    def _check_shared(self, train: np.ndarray, held: np.ndarray, name: str) -> None:
        """Groups and queries with rows on both sides."""
        for column in (self.dataset.column(role) for role in ("group", "query")):
            if column is None:
                continue
            codes = value_codes(self.dataset.frame[column.name])
            shared = len(np.intersect1d(codes[train], codes[held]))
            if shared:
                self._warn(
                    "MLP0302", f"{shared:,} of the {len(np.unique(codes[held])):,} `{column.name}` of the {name} rows "
                    f"{'has' if shared == 1 else 'have'} training rows too", column.span,
                    f"metrics promise more than a new `{column.name}` will see",
                    f"give each `{column.name}` to one part",
                )  # fmt: skip

    def _check_order(self, train: np.ndarray, held: np.ndarray, name: str) -> None:
        """Rows to train on that are later than the first one held out."""
        column = self.dataset.column("time")
        if column is None:
            return
        time = self.dataset.frame[column.name]
        first = time.filter(pl.Series(held)).min()
        later = 0 if first is None else int((time.filter(pl.Series(train)) > first).sum())
        if later:
            self._warn(
                "MLP0315", f"{later:,} rows to train on are later than the first of the {name} rows", column.span,
                "what is tested on was partly seen: whoever uses the model knows the past only",
                f"part the rows in the order of `{column.name}`",
            )  # fmt: skip

    def _warn(self, code: str, message: str, span: Span | None, note: str, help: str) -> None:
        self.warnings.append(Diagnostic(code, message, span, notes=(note,), help=help, severity="warning"))

    def check_parts(self, part: np.ndarray) -> None:
        """Every part that is asked for has rows; the training rows have two classes."""
        asked = {
            "train": True,
            "test": bool(self.split.test) or "test" in self.split.separate,
            "validation": bool(self.split.validation) or "validation" in self.split.separate,
        }
        counts = {name: int((part == name).sum()) for name in asked}
        found = ", ".join(f"{name} {count:,}" for name, count in counts.items() if asked[name])
        empty = [name for name, wanted in asked.items() if wanted and not counts[name]]
        for name in empty:
            self._error(f"the {name} part is empty", self._more_rows(), f"rows: {found}")
        for name in asked:
            if counts[name] and name not in empty:
                self._check_classes(part == name, name)
        if counts["train"]:
            self._unlearnt(part)

    def _more_rows(self) -> str:
        if {"group", "user"} & set(self.split.by):
            return "whole groups stay together: are there enough of them? give the part another share"
        if {"time", "order"} & set(self.split.by):
            return "rows of one time stay together, and `gap` takes rows away; give the part another share"
        return "give the part a larger share, or read more rows"

    def _check_classes(self, mask: np.ndarray, name: str) -> None:
        if self.classes is None or self.target is None or self.values is None:
            return
        if _several(self.classes[mask]):
            return
        value = self.values.filter(pl.Series(mask))[0]
        rows = "training" if name == "train" else name
        message = f"all {int(mask.sum()):,} {rows} rows have the same class, `{value}`"
        stratify = "stratified" not in self.split.by and not {"time", "order", "user"} & set(self.split.by)
        help_text = (
            "write `by = stratified`" if stratify and "group" not in self.split.by else "read rows of other classes"
        )
        amount = {"test": self.split.test, "validation": self.split.validation}.get(name)
        if name == "train" or isinstance(amount, float):
            self._error(message, help_text)
        else:  # the rows were named one by one, so this may be meant; metrics that need two classes will say so
            self.warnings.append(Diagnostic("MLP0405", message, self.span, help=help_text, severity="warning"))

    def _unlearnt(self, part: np.ndarray) -> None:
        if self.classes is None or self.values is None or self.target is None:
            return
        learnt = (np.bincount(self.classes[part == "train"], minlength=int(self.classes.max()) + 1) > 0)[self.classes]
        lost = self.values.filter(pl.Series(~learnt & (part != "gap"))).unique(maintain_order=True).to_list()
        if lost:
            levels = ", ".join(f"`{level}`" for level in lost[:5]) + (" ..." if len(lost) > 5 else "")
            noun = "level has" if len(lost) == 1 else "levels have"
            self.warnings.append(
                Diagnostic(
                    "MLP0405",
                    f"{len(lost)} {noun} no training rows: {levels} of `{self.target.name}`",
                    self.span,
                    notes=("no model can predict them",),
                    severity="warning",
                    help="leave such rows out with `where`, or read more of them",
                )
            )

    def check_folds(self, folds: tuple[Fold, ...]) -> None:
        """Every fold trains on rows of two classes and holds some out."""
        self._check_folds(folds, self.split.folds or self.split.implicit_folds, "")

    def check_inner_folds(self, folds: tuple[Fold, ...], count: int, path: str) -> None:
        """The same of the folds that tune inside of an outer one, which `path` names (`fold=REPEAT.INDEX`)."""
        outer = re.search(r"fold=(?:(\d+)\.)?(\d+)", path)
        inside = " of the training rows"
        if outer is not None:
            repeat = f" of repeat {int(outer[1]) + 1}" if self.split.repeats > 1 and outer[1] else ""
            inside = f" inside fold {int(outer[2]) + 1}{repeat}"
        if path.startswith("members"):
            inside = f"{inside}, where members answer out of fold,"
        elif self.plan.tune is not None:
            self.span = self.plan.tune.span
            inside = f"{inside}, where settings are tuned,"
        self._check_folds(folds, count, inside)

    def _check_folds(self, folds: tuple[Fold, ...], count: int, inside: str) -> None:
        empty = [fold for fold in folds if not fold.held.any() or not fold.train.any()]
        if empty:
            what = "holds no row out" if not empty[0].held.any() else "has no row to train on"
            self._error(
                f"fold {empty[0].index + 1} of {count}{inside} {what}",
                "whole groups stay together: have fewer folds than groups" if "group" in self.split.by
                else "have fewer folds, or read more rows",
                f"{len(empty)} of {len(folds)} folds are so" if len(empty) > 1 else "the others are well",
            )  # fmt: skip
            return
        if any(fold.stop is not None and not fold.stop.any() for fold in folds):
            self._error(
                f"a fold{inside} has no row to stop training on",
                "give `validation` a larger share, or have fewer folds",
            )
        if self.classes is None or self.errors:
            return
        single = [fold for fold in folds if not _several(self.classes[fold.train])]
        if single:
            stratify = set(self.split.by) in ({"random"}, {"group"})
            way = "[group, stratified]" if "group" in self.split.by else "stratified"
            self._error(
                f"the training rows of fold {single[0].index + 1} of {count}{inside} have only one class",
                f"write `by = {way}`" if stratify else "have fewer folds, or read more rows of the other classes",
            )  # fmt: skip


def _several(codes: np.ndarray) -> bool:
    return bool((codes != codes[0]).any())
