"""What the nodes of a model's trees say: shares of classes, means, or parts of a score; and in which words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from mldsl.contract.views import ModelView, ReportView
from mldsl.plugin import NamedColumn, Problem
from mldsl_plugins.reports._grown import Node, leaves_of
from mldsl_plugins.reports._rules import listed
from mldsl_plugins.reports._shared import attribute

_SCALING = ("standardize", "min_max_scale", "power_transform", "quantile_transform", "robust_scale")
_ROWS = 200  # that are asked to find out whether trees are averaged or added up


@attrs.frozen(eq=False)
class Says:
    """`kind`: shares of `levels`, a mean, or a part of a sum, of the score at place `output` (that of the class `of`).

    `threshold` is that of two classes; `start`, what the first tree of a score has in its values besides what it adds;
    `decimals` are shown.
    """

    kind: Literal["shares", "mean", "sum"]
    levels: tuple[str, ...] = ()
    threshold: float | None = None
    target: str = ""
    output: int = 0
    of: str = ""
    start: float = 0.0
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
        return self.levels[self.place(value)] if self.kind == "shares" else self.number(value)

    def number(self, value: np.ndarray) -> float:
        """A mean, or what is added."""
        number = float(value[self.output]) - self.start
        return 0.0 if abs(number) < 1e-6 * abs(self.start) else number  # rounding of float32

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
            return _rounded(self.number(value), self.decimals), rows
        adds = self.number(value)
        return f"{'+' if adds > 0 else ''}{_rounded(adds, self.decimals)}", rows

    def colour(self, value: np.ndarray, leaves: Sequence[np.ndarray]) -> tuple[int, float]:
        """The place of the hue of a leaf and its strength, from the values of all leaves."""
        if self.kind == "shares":
            place, k = self.place(value), len(value)
            return place, max(0.0, (float(value[place]) - 1 / k) / (1 - 1 / k))
        own, all_values = self.number(value), np.array([self.number(v) for v in leaves])
        if self.kind == "mean":
            low, high = float(all_values.min()), float(all_values.max())
            return 0, (own - low) / (high - low) if high > low else 0.5
        largest = float(np.abs(all_values).max())
        return int(own > 0), abs(own) / largest if largest > 0 else 0.0

    def notes(self) -> Iterator[str]:
        """What a reader must know of the numbers in the boxes."""
        if self.kind == "mean":
            yield "the stronger the colour of a leaf, the larger its mean."
        if self.kind == "sum":
            score = f"score of `{self.of}`" if self.of else "score"
            starts = f", which starts at {_rounded(self.start, self.decimals)}" if self.start else ""
            yield f"boxes show what this tree adds to the {score}{starts}; answers are made of the sum over all trees."
        if self.threshold is not None and self.threshold != 0.5 and self.kind == "shares":
            yield f"a leaf answers `{self.levels[1]}` from a share of {self.threshold:.3g}, the model's threshold, on."


def grown_of(model: ModelView) -> Any:
    """The trees of a model, NumPy leaves; room that no round has filled is left out. None if there are none."""
    trees: Any = model.trees
    if trees is None:
        return None
    made = np.asarray(trees.weight)[:, 0] > 0
    return trees if made.all() or not made.any() else type(trees)(*(np.asarray(part)[made] for part in trees))


def says_of(view: ReportView, model: ModelView, trees: Any, number: int) -> Says:
    """What kind of values the nodes of one of a model's trees have."""
    value = np.asarray(trees.value, float)[number][np.asarray(trees.weight)[number] > 0]
    k = value.shape[1]
    shares = (value >= -1e-6).all() and np.allclose(value.sum(axis=1), 1, atol=1e-4)
    if model.shape.classes and k == model.shape.classes and shares:
        threshold = model.threshold if isinstance(model.threshold, float) else None
        return Says("shares", tuple(view.levels[:k]), threshold)
    output = int(np.argmax(np.abs(value).max(axis=0, initial=0.0)))
    mean = not model.shape.classes and k == 1 and _is_mean(model, trees)
    start = 0.0 if mean else _start(model, number, output, k)
    largest = float(np.abs(value[:, output] - start).max(initial=0.0))
    decimals = max(0, 3 - math.floor(math.log10(largest))) if largest > 0 else 0
    if mean:
        return Says("mean", target=view.target or "", decimals=decimals)
    of = view.levels[output] if k > 1 and k == model.shape.classes else ""
    return Says("sum", output=output, of=of, start=start, decimals=max(0, decimals - 1))


def _start(model: ModelView, number: int, output: int, outputs: int) -> float:
    """What a score starts from, where the first tree that adds to it has that in its values (`gradient_boosting`)."""
    start = attribute(model.params, "start")
    return float(start[output]) if start is not None and number < outputs <= len(start) else 0.0


def _rounded(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return "0" if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def _is_mean(model: ModelView, trees: Any) -> bool:
    """Whether answers are the mean over trees of what they say."""
    x = _complete(model)
    said = getattr(model.predict(x), "mean", None) if len(x) else None
    return said is not None and _agree(leaf_values(model, trees, x).mean(axis=0), np.asarray(said)[:, None])


def _complete(model: ModelView) -> np.ndarray:
    """Some rows of the matrix that miss nothing, if there are any."""
    x = rows_of_matrix(model, _ROWS)
    there = ~np.isnan(x).any(axis=1)
    return x[there] if there.any() else x


def leaf_values(model: ModelView, trees: Any, x: np.ndarray) -> np.ndarray:
    """What each tree says of each row, Float[T, n, k]."""
    leaf = leaves_of(trees, x, categorical_of(model))
    return np.take_along_axis(np.asarray(trees.value, float), leaf[:, :, None], axis=1)


def _agree(found: np.ndarray, said: np.ndarray) -> bool:
    """Whether most rows [n, k] have the same; some levels may be new to a node, and go by other columns (`cart`)."""
    size = float(np.ptp(said)) or float(np.abs(said).max(initial=0.0)) or 1.0
    return bool((np.abs(found - said).max(axis=1) <= 1e-3 * size).mean() > 0.5)


@attrs.frozen(eq=False)
class Combined:
    """How trees make an answer: the mean of what they say, or their sum and a `base` [k]; and what it then is of.

    `outputs` names what there are values for, `place` where among the k they are. `raw` takes a `Prediction` to what is
    added up, [n, k]: `centered` where scores of classes are known up to what those of a row have in common.
    """

    averaged: bool
    base: np.ndarray
    unit: str
    outputs: tuple[str, ...]
    place: tuple[int, ...]
    raw: Callable[[Any], np.ndarray]
    centered: bool = False

    def misses(self, model: ModelView, x: np.ndarray, total: np.ndarray) -> np.ndarray:
        """How far what is added up, [n, outputs], is from the model's own answers of rows x, [n]."""
        said = self.raw(model.predict(x))[:, self.place]
        off = total - said
        return np.asarray(np.abs(off - off.mean(axis=1, keepdims=True) if self.centered else off).max(axis=1))


def combined_of(view: ReportView, model: ModelView, trees: Any) -> Combined | None:
    """How the trees of a model make its answers, found by asking it about rows that miss nothing; None if it cannot be.

    A mean is compared with answers as they are; a sum with them, with their logarithm, and with log odds, of which it
    may differ by a constant only.
    """
    x = _complete(model)
    if not len(x):
        return None
    value, said = leaf_values(model, trees, x), model.predict(x)
    mean, total = value.mean(axis=0), value.sum(axis=0)
    k, levels = value.shape[2], tuple(view.levels[: model.shape.classes])
    target = f"{model.target_scale} of {view.target}" if model.target_scale else view.target or "the target"
    if levels and said.probability is None:
        return None
    places = tuple(range(k))
    if levels and k == len(levels):
        unit, shown = (f"probability of {levels[1]}", (1,)) if k == 2 else ("probability", places)
        averages = [(unit, ("",) if k == 2 else levels, shown, _probability)]
        sums = [("score of the class", levels, places, _logarithm, True)]
    elif levels:
        averages, sums = [], [(f"log odds of {levels[-1]}", ("",), places, _log_odds, False)]
    else:
        averages = [(target, ("",), places, _number)]
        sums = [(target, ("",), places, _number, False), (f"log of {target}", ("",), places, _log_number, False)]
    if k not in (1, len(levels)):
        return None
    for unit, outputs, shown, raw in averages:
        if _agree(mean, raw(said)):
            return Combined(True, np.zeros(k), unit, outputs, shown, raw)
    for unit, outputs, shown, raw, centered in sums:
        if raw is _log_odds and len(levels) != 2:
            continue
        rest = raw(said) - total
        base = _constant(rest - rest.mean(axis=1, keepdims=True) if centered else rest)
        if base is not None:
            return Combined(False, base, unit, outputs, shown, raw, centered)
    return None


def _probability(said: Any) -> np.ndarray:
    return np.asarray(said.probability, float)


def _logarithm(said: Any) -> np.ndarray:
    return np.log(np.maximum(_probability(said), 1e-30))


def _log_odds(said: Any) -> np.ndarray:
    logs = _logarithm(said)
    return logs[:, 1:] - logs[:, :1]


def _number(said: Any) -> np.ndarray:
    return np.asarray(said.mean if said.mean is not None else said.score, float).reshape(-1, 1)


def _log_number(said: Any) -> np.ndarray:
    return np.log(np.maximum(_number(said), 1e-30))


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
    for text, names in _scaled(model):
        changed = [name for name in names if name in asked]
        if changed:
            yield f"thresholds of {listed(changed, 6)} are on the scale that `{text}` gives them."


def _scaled(model: ModelView) -> Iterator[tuple[str, tuple[str, ...]]]:
    for text, names, *_ in model.steps:
        if text.startswith(_SCALING):
            yield text, names


def cuts_of(model: ModelView, name: str) -> np.ndarray | None:
    """The thresholds of a declared column of numbers, in order, on its own scale; None where they cannot be told."""
    trees = grown_of(model)
    place = next((i for i, c in enumerate(model.columns) if c.name == name and not c.levels), None)
    if trees is None or place is None or any(name in names for _, names in _scaled(model)):
        return None
    return np.unique(np.asarray(trees.threshold, float)[np.asarray(trees.feature) == place])


def without_trees(plan: Any, parameter: str) -> Iterator[Problem]:
    """A plan whose models all have no trees."""
    names = list(dict.fromkeys(f"`{model.algorithm.name}`" for model in plan.models))
    if names and not any(model.trees for model in plan.models):
        yield Problem(parameter, f"expected a model that grows trees (cart, random_forest), found {', '.join(names)}")
