"""One class against the rest: what reports of scores draw, of two classes and of more.

Two classes have one side, the positive class, and their models share a panel. More have one for each class, and a panel
for each model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView

_CURVES = 8


@attrs.frozen(eq=False)
class Side:
    """The held-out rows of a model that count: which are of the class, and how it scores them. All are [n]."""

    model: str
    level: str
    positive: np.ndarray
    score: np.ndarray
    weight: np.ndarray

    @property
    def rows(self) -> float:
        """How many are of the class."""
        return float(self.weight[self.positive].sum())

    @property
    def share(self) -> float:
        """The share of rows that are of the class: the base rate."""
        return self.rows / float(self.weight.sum())


class Drawn(Protocol):
    """A curve of one side."""

    @property
    def model(self) -> str:
        """Whose curve it is."""

    @property
    def level(self) -> str:
        """Of which class."""

    @property
    def rows(self) -> float:
        """How many rows are of the class."""


Curve = TypeVar("Curve", bound=Drawn)


def one_against_rest(view: ReportView, what: str = "curve") -> tuple[list[Side], list[str]]:
    """Every side that has both kinds of rows, and a sentence for each that has not."""
    sides, notes = [], []
    for model in view.models:
        for k in classes_of(view):
            side = side_of(model, view.levels[k], k)
            if side is not None and 0 < side.share < 1:
                sides.append(side)
            else:
                notes.append(
                    f"{model.name}: no {what} for `{view.levels[k]}`, since all or none of the rows are of it."
                )
    return sides, notes


def classes_of(view: ReportView) -> list[int]:
    """The classes that have a side: the positive one of two, else all."""
    if len(view.levels) == 2:
        return [1 if view.positive is None else view.positive]
    return list(range(len(view.levels)))


def side_of(model: ModelView, level: str, k: int) -> Side | None:
    """The held-out rows of a model as class k and the rest; None where nothing scores them."""
    part = model.held_out
    scores = part.probability if part.probability is not None else part.score
    if part.target is None or scores is None or not part.weight.sum() > 0:
        return None
    score = scores[:, k] if scores.ndim == 2 else scores
    return Side(model.name, level, part.target == k, score.astype(float), part.weight)


def panelled(view: ReportView, curves: Sequence[Curve]) -> list[tuple[str, list[tuple[str, Curve]]]]:
    """The curves of each panel with their names, and its title: for more than two classes the largest eight of each."""
    if len(view.levels) == 2:
        return [("", [(c.model, c) for c in curves])]
    groups = [(m.name, [(c.level, c) for c in _largest([c for c in curves if c.model == m.name])]) for m in view.models]
    shown = [(title, group) for title, group in groups if group]
    return [(title if len(shown) > 1 else "", group) for title, group in shown]


def numbered(groups: Sequence[tuple[str, object]], name: str, value: float) -> str:
    """A name with its number, `forest (0.912)`; panels side by side share their legend, so there without."""
    return f"{name} ({value:.3f})" if len(groups) == 1 else name


def _largest(curves: Sequence[Curve]) -> list[Curve]:
    kept = {id(c) for c in sorted(curves, key=lambda c: -c.rows)[:_CURVES]}
    return [c for c in curves if id(c) in kept]
