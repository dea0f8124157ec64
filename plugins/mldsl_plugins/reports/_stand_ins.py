"""The surrogate splits of a tree, where its model keeps some: `cart`."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract.views import ModelView
from mldsl.plugin import NamedColumn
from mldsl_plugins.reports._rules import Rule, codes_of


@attrs.frozen(eq=False)
class StandIn:
    """A surrogate of the node at `place`: rows that meet its rule go left. `column` is its place in the matrix."""

    place: int
    column: int
    rule: Rule
    agree: float
    adjusted: float


def stand_ins_of(model: ModelView, columns: tuple[NamedColumn, ...]) -> dict[int, list[StandIn]]:
    """By node, best first; nothing for models that keep none."""
    if model.algorithm != "cart":
        return {}
    from mldsl_plugins.trees import cart

    kept = cart.surrogates(model.spec, model.params, model.info)
    found: dict[int, list[StandIn]] = {}
    for place, s in zip(*np.nonzero(np.asarray(kept.feature) >= 0), strict=True):
        number = int(kept.feature[place, s])
        rule = _rule(columns[number], kept, (place, s))
        one = StandIn(int(place), number, rule, float(kept.agree[place, s]), float(kept.adjusted[place, s]))
        found.setdefault(int(place), []).append(one)
    return found


def _rule(column: NamedColumn, kept: Any, at: tuple[Any, Any]) -> Rule:
    left = bool(kept.low_left[at])
    if column.type != "categorical":
        return Rule(column, left, float(kept.threshold[at]))
    inside, known = (codes_of(np.asarray(part)[at], len(column.levels or ())) for part in (kept.subset, kept.known))
    return Rule(column, left, codes=tuple(c for c in known if (c in inside) == left))


def staying(model: ModelView) -> set[int]:
    """The nodes at which a row stays whose way nothing tells."""
    return set(np.flatnonzero(np.asarray(model.params.default) == 2).tolist()) if model.algorithm == "cart" else set()


def with_stand_ins(gain: np.ndarray, trees: Any, found: dict[int, list[StandIn]]) -> np.ndarray:
    """R's rpart's importance [d]: a split also counts for each of its surrogates, by its adjusted agreement."""
    total = gain.copy()
    for place, ones in found.items():
        for one in ones:
            total[one.column] += one.adjusted * float(trees.gain[0, place])
    return total
