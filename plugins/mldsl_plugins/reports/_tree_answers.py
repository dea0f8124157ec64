"""What the nodes of a model's trees say: shares of classes, means, or parts of a score; and in which words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import NamedColumn, Problem
from mldsl_plugins.reports._grown import Node, leaves_of
from mldsl_plugins.reports._rules import listed

_SCALING = ("standardize", "min_max_scale", "power_transform", "quantile_transform", "robust_scale")
_ROWS = 200  # that are asked to find out whether trees are averaged or added up


@attrs.frozen(eq=False)
class Says:
    """`kind`: shares of `levels`, a mean, or a part of a sum. `threshold` is that of two classes."""

    kind: Literal["shares", "mean", "sum"]
    levels: tuple[str, ...] = ()
    threshold: float | None = None
    target: str = ""
    decimals: int = 3

    @property
    def heading(self) -> str:
        """Of the column of answers."""
        return {"shares": "answer", "mean": f"mean {self.target}".strip(), "sum": "adds"}[self.kind]

    @property
    def word(self) -> str:
        """Before the answer of a node that is split."""
        return "mean " if self.kind == "mean" else ""

    def cell(self, value: np.ndarray) -> Any:
        """The answer of a node."""
        return self.levels[self.place(value)] if self.kind == "shares" else float(value[0])

    def place(self, value: np.ndarray) -> int:
        """Of the class that a node answers."""
        if len(value) == 2 and self.threshold is not None:
            return int(value[1] >= self.threshold)
        return int(np.argmax(value))

    def words(self, value: np.ndarray, weight: float) -> tuple[str, str]:
        """The answer of a node, and of how many rows it is: (`absent`, `79.0% of 81 rows`)."""
        whole = abs(weight - round(weight)) <= 1e-5 * weight
        rows = f"{_rounded(weight, 0 if whole else 1)} {'row' if weight == 1 else 'rows'}"
        if self.kind == "shares":
            place = self.place(value)
            return self.levels[place], f"{100 * value[place]:.1f}% of {rows}"
        if self.kind == "mean":
            return _rounded(float(value[0]), self.decimals), rows
        return f"{'+' if value[0] > 0 else ''}{_rounded(float(value[0]), self.decimals)}", rows

    def colour(self, value: np.ndarray, leaves: Sequence[np.ndarray]) -> tuple[int, float]:
        """The place of the hue of a leaf and its strength, from the values of all leaves."""
        if self.kind == "shares":
            place, k = self.place(value), len(value)
            return place, max(0.0, (float(value[place]) - 1 / k) / (1 - 1 / k))
        all_values = np.array([v[0] for v in leaves])
        if self.kind == "mean":
            low, high = float(all_values.min()), float(all_values.max())
            return 0, (float(value[0]) - low) / (high - low) if high > low else 0.5
        largest = float(np.abs(all_values).max())
        return int(value[0] > 0), abs(float(value[0])) / largest if largest > 0 else 0.0

    def notes(self, number: int) -> Iterator[str]:
        """What a reader must know of the numbers in the boxes."""
        if self.kind == "mean":
            yield "the stronger the colour of a leaf, the larger its mean."
        if self.kind == "sum":
            yield "boxes show what this tree adds to the score; the answer is made of the sum over all trees."
        if self.threshold is not None and self.threshold != 0.5 and self.kind == "shares":
            yield f"a leaf answers `{self.levels[1]}` from a share of {self.threshold:.3g}, the model's threshold, on."


def says_of(view: ReportView, model: ModelView) -> Says:
    """What kind of values the nodes of a model have."""
    trees = model.trees
    value = np.asarray(trees.value, float)
    k = value.shape[2]
    used = np.asarray(trees.weight) > 0
    if model.shape.classes and k == model.shape.classes:
        total = value[used].sum(axis=1)
        if (value[used] >= -1e-6).all() and np.allclose(total, 1, atol=1e-4):
            threshold = model.threshold if isinstance(model.threshold, float) else None
            return Says("shares", tuple(view.levels[:k]), threshold)
    largest = float(np.abs(value[used]).max(initial=0.0))
    decimals = max(0, 3 - math.floor(math.log10(largest))) if largest > 0 else 0
    if not model.shape.classes and k == 1 and _is_mean(model, value):
        return Says("mean", target=view.target or "", decimals=decimals)
    return Says("sum", decimals=max(0, decimals - 1))


def _rounded(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def _is_mean(model: ModelView, value: np.ndarray) -> bool:
    """Whether answers are the mean over trees of what they say."""
    x = rows_of_matrix(model, _ROWS)
    x = x[~np.isnan(x).any(axis=1)]
    said = getattr(model.predict(x), "mean", None) if len(x) else None
    return said is not None and _agree(_leaf_values(model, x).mean(axis=0), np.asarray(said)[:, None])


def _leaf_values(model: ModelView, x: np.ndarray) -> np.ndarray:
    """What each tree says of each row, Float[T, n, k]."""
    leaf = leaves_of(model.trees, x, categorical_of(model))
    return np.take_along_axis(np.asarray(model.trees.value, float), leaf[:, :, None], axis=1)  # type: ignore[union-attr]


def _agree(found: np.ndarray, said: np.ndarray) -> bool:
    size = float(np.ptp(said)) or float(np.abs(said).max(initial=0.0)) or 1.0
    return bool(np.abs(found - said).max(initial=0.0) <= 1e-3 * size)


@attrs.frozen(eq=False)
class Combined:
    """How trees make an answer: the mean of what they say, or their sum and a `base` [k]; and what it then is of.

    `outputs` names what there are values for, `place` where among the k they are.
    """

    averaged: bool
    base: np.ndarray
    unit: str
    outputs: tuple[str, ...]
    place: tuple[int, ...]


def combined_of(view: ReportView, model: ModelView) -> Combined | None:
    """How the trees of a model make its answers, found by asking it about rows that miss nothing; None if it cannot be.

    A mean is compared with answers as they are; a sum with them, with their logarithm, and with log odds, of which it
    may differ by a constant only.
    """
    x = rows_of_matrix(model, _ROWS)
    x = x[~np.isnan(x).any(axis=1)]
    if not len(x):
        return None
    value, said = _leaf_values(model, x), model.predict(x)
    k = value.shape[2]
    target = view.target or "the target"
    scaled = f"{model.target_scale} of {target}" if model.target_scale else target
    if not model.shape.classes:
        answer = said.mean if said.mean is not None else said.score
        if answer is None or k != 1:
            return None
        answer = np.asarray(answer, float).reshape(len(x), 1)
        if _agree(value.mean(axis=0), answer):
            return Combined(True, np.zeros(1), scaled, ("",), (0,))
        total = value.sum(axis=0)
        for unit, scale in ((scaled, answer), (f"log of {scaled}", np.log(np.maximum(answer, 1e-30)))):
            if (base := _constant(scale - total)) is not None:
                return Combined(False, base, unit, ("",), (0,))
        return None
    if said.probability is None:
        return None
    probability = np.asarray(said.probability, float)
    levels = tuple(view.levels[: model.shape.classes])
    if k == len(levels) and _agree(value.mean(axis=0), probability):
        place = (1,) if k == 2 else tuple(range(k))
        unit = f"probability of {levels[1]}" if k == 2 else "probability"
        return Combined(True, np.zeros(k), unit, ("",) if k == 2 else levels, place)
    total, logs = value.sum(axis=0), np.log(np.maximum(probability, 1e-30))
    if len(levels) == 2 and k == 1:
        base = _constant(logs[:, 1:] - logs[:, :1] - total)
        return None if base is None else Combined(False, base, f"log odds of {levels[1]}", ("",), (0,))
    if k == len(levels):  # softmax: scores are known up to what all classes of a row have in common
        rest = logs - total
        base = _constant(rest - rest.mean(axis=1, keepdims=True))
        if base is not None:
            return Combined(
                False, base, "score of the class, whose softmax is its probability", levels, tuple(range(k))
            )
    return None


def _constant(values: np.ndarray) -> np.ndarray | None:
    """The columns' medians [k], if all rows have nearly these."""
    middle = np.median(values, axis=0)
    return middle if np.abs(values - middle).max() <= 2e-3 * max(1.0, float(np.abs(middle).max())) else None


def rows_of_matrix(model: ModelView, most: int, seed: int | None = None) -> np.ndarray:
    """At most so many held-out rows of the model's matrix: the first ones, or drawn by a seed, in order."""
    inputs: Any = model.held_out.inputs
    n = inputs.shape[0]
    if n <= most:
        index = np.arange(n)
    elif seed is None:
        index = np.arange(most)
    else:
        index = np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    part = inputs[index]
    return np.asarray(part.toarray() if hasattr(part, "toarray") else part)


def columns_of(model: ModelView) -> tuple[NamedColumn, ...]:
    """The columns of a model's matrix with their types and levels."""
    return tuple(model.columns)


def categorical_of(model: ModelView) -> np.ndarray:
    """Which columns of the matrix hold codes of levels without order, Bool[d]."""
    return np.array([c.type == "categorical" for c in columns_of(model)], bool)


def scale_notes(model: ModelView, nodes: Sequence[Node]) -> Iterator[str]:
    """Which columns that are asked for had their scale changed by a step, in the order of the steps."""
    asked = {node.yes.column.name for node in nodes if node.yes is not None and node.yes.codes is None}
    for text, names, *_ in model.steps:
        changed = [name for name in names if name in asked]
        if changed and text.startswith(_SCALING):
            yield f"thresholds of {listed(changed, 6)} are on the scale that `{text}` gives them."


def without_trees(plan: Any, parameter: str) -> Iterator[Problem]:
    """A plan whose models all have no trees."""
    names = list(dict.fromkeys(f"`{model.algorithm.name}`" for model in plan.models))
    if names and not any(model.trees for model in plan.models):
        yield Problem(parameter, f"expected a model that grows trees (cart, random_forest), found {', '.join(names)}")
