"""Grown trees as reports read them: which node a row falls into, and one tree as a list of nodes with their rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import numpy as np

from mldsl.plugin import NamedColumn
from mldsl_plugins.reports._rules import Rule, rules_of


@attrs.frozen(eq=False)
class Node:
    """A node of a tree: its place in the arrays, its place in the list of its parent (-1: the root), its numbers.

    `number` is that of R's rpart: 1 is the root, and the children of i are 2 i and 2 i + 1. `rule` is what its rows
    meet and those of its sibling do not; `yes` that of its left child, None for a leaf. `below` counts the splits
    under it.
    """

    place: int
    number: int
    parent: int
    depth: int
    rule: Rule | None
    yes: Rule | None
    value: np.ndarray
    weight: float
    gain: float
    below: int

    @property
    def is_leaf(self) -> bool:
        """Whether it is not split."""
        return self.yes is None


def nodes_of(trees: Any, number: int, columns: Sequence[NamedColumn], otherwise: Collection[int] = ()) -> list[Node]:
    """One tree of `Trees` with NumPy leaves, each node before those under it, the left ones first.

    `otherwise` are the places of nodes whose rules do not say where missing values go, since something else decides.
    """
    feature, left, right = (np.asarray(getattr(trees, name))[number] for name in ("feature", "left", "right"))
    threshold, subset, missing = (np.asarray(v)[number] for v in (trees.threshold, trees.subset, trees.missing_left))
    value, weight, gain = (np.asarray(v, float)[number] for v in (trees.value, trees.weight, trees.gain))
    found: list[Node] = []
    todo: list[tuple[int, int, int, Rule | None]] = [(0, 1, -1, None)]  # place, number, parent, rule
    levels: list[dict[int, tuple[int, ...]]] = []  # by node and column: the codes that get there
    while todo:
        place, own, parent, rule = todo.pop()
        asked = int(feature[place])
        known = {} if parent < 0 else dict(levels[parent])
        if rule is not None and rule.codes is not None:
            known[int(feature[found[parent].place])] = rule.codes
        levels.append(known)
        pair: tuple[Rule, Rule] | None = None
        if asked >= 0:
            pair = rules_of(
                columns[asked], threshold[place], subset[place], missing_left=bool(missing[place]),
                known=known.get(asked), decides=place not in otherwise,
            )  # fmt: skip
            todo.append((int(right[place]), 2 * own + 1, len(found), pair[1]))
            todo.append((int(left[place]), 2 * own, len(found), pair[0]))
        depth = 0 if parent < 0 else found[parent].depth + 1
        yes = pair[0] if pair else None
        numbers = value[place], float(weight[place]), float(gain[place])
        found.append(Node(place, own, parent, depth, rule, yes, *numbers, below=0))
    below = [0] * len(found)
    for i in reversed(range(1, len(found))):
        below[found[i].parent] += below[i] + (not found[i].is_leaf)
    return [attrs.evolve(node, below=count) for node, count in zip(found, below, strict=True)]


def leaves_of(trees: Any, x: np.ndarray, categorical: np.ndarray) -> np.ndarray:
    """The leaf that each row of x [n, d] falls into in each tree, Int[T, n]; `categorical` Bool[d] by column."""
    feature = np.asarray(trees.feature)
    many, n = len(feature), len(x)
    place = np.zeros((many, n), int)
    tree = np.arange(many)[:, None]
    subset = np.asarray(trees.subset)
    while True:
        at = feature[tree, place]
        if not (at >= 0).any():
            return place
        v = x[np.arange(n)[None, :], np.maximum(at, 0)]
        left = v <= np.asarray(trees.threshold)[tree, place]
        named = categorical[np.maximum(at, 0)]
        gone = np.isnan(v) | (named & ~((v >= 0) & (v < 32 * subset.shape[2])))
        if subset.shape[2]:
            code = np.where(named & ~gone, v, 0).astype(int)
            bit = subset[tree, place, code // 32] >> (code % 32).astype(np.uint32) & 1
            left = np.where(named, bit == 1, left)
        left = np.where(gone, np.asarray(trees.missing_left)[tree, place], left)
        onward = np.where(left, np.asarray(trees.left)[tree, place], np.asarray(trees.right)[tree, place])
        place = np.where(at >= 0, onward, place)
