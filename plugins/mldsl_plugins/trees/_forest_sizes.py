"""What forests are told, what they refuse, and how much room their trees get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import attrs
import numpy as np
from jaxtyping import Array

from mldsl.contract import Shape
from mldsl.plugin import Problem, param
from mldsl.plugin.params import Share
from mldsl_plugins.trees._impurity import Growth
from mldsl_plugins.trees._levels import words_of

ROOM = 1 << 30  # bytes for the nodes of all trees
TOGETHER, CELLS = 1 << 16, 1 << 24  # rows, and bytes of their inputs, of trees that grow together
TYPES = ("continuous", "integer", "binary", "ordinal", "categorical")


def columns_of(columns: Any, d: int, classes: int) -> int:
    """How many columns are drawn for a node, of d."""
    if columns == "auto":
        columns = "sqrt" if classes else "all"
    named = {"sqrt": int(d**0.5), "log2": int(np.log2(max(d, 1))), "third": d // 3, "all": d}
    count = named[columns] if isinstance(columns, str) else int(columns if columns >= 1 else columns * d)
    return max(1, min(count, d))


def criterion_of(criterion: str, classes: int) -> str:
    """Which impurity is lowered."""
    return ("gini" if classes else "squared_error") if criterion == "auto" else criterion


def check(spec: Any, shape: Shape) -> Iterator[Problem]:
    """A criterion for the target, and columns that there are."""
    numbers, given = spec.criterion == "squared_error", spec.criterion
    if given != "auto" and numbers == bool(shape.classes):
        fits = "gini or entropy, for classes" if shape.classes else "squared_error, for numbers"
        yield Problem("criterion", f"expected {fits}, found {given}")
    if not isinstance(spec.columns, str):
        if spec.columns > shape.d:
            yield Problem("columns", f"expected at most {shape.d} (the columns), found {spec.columns:g}")
        elif spec.columns > 1 and spec.columns != int(spec.columns):
            yield Problem("columns", f"expected a whole number, or a share below 1, found {spec.columns:g}")
    if spec.row_sample < 1 and not spec.bootstrap:
        yield Problem(
            "row_sample",
            f"expected 100% where `bootstrap = false`, found {spec.row_sample:.0%}; only a bootstrap draws rows",
        )


def bytes_of(classes: int, words: int) -> int:
    """What a node takes in `Trees`."""
    return 4 * 5 + 1 + 4 * words + 4 * max(classes, 1) + 4


def together(trees: int, x: Array, node: int) -> int:
    """How many trees grow in one queue: so many that it has rows enough, but at least two queues.

    Such trees have room for whatever they need; where that is too much (`node` bytes each), every tree grows alone.
    """
    n, width = x.shape
    if 2 * n * trees * node > ROOM:
        return 1
    fit = min(TOGETHER // max(n, 1), CELLS // max(n * width * x.dtype.itemsize, 1))
    queues = max(min(2, trees), -(-trees // max(fit, 1)))
    return -(-trees // queues)


def growth_of(spec: Any, shape: Shape, costs: bool, *, alone: bool) -> Growth:
    """How trees grow, with room for the leaves that rows can make; all of them, where trees share their room."""
    rows = float(shape.rows)
    if alone and spec.bootstrap:  # of so many rows drawn, distinct ones, and three standard deviations more
        rows = rows * (1 - np.exp(-spec.row_sample)) + 3 * rows**0.5
    leaves = max(2, min(shape.rows, int(rows)))
    if alone and spec.min_samples_leaf > 1:
        leaves = max(2, min(leaves, int(2 * shape.rows * max(spec.row_sample, 0) / spec.min_samples_leaf)))
    depth = spec.max_depth if spec.max_depth is not None else 1 << 20
    if depth < 30:
        leaves = min(leaves, 1 << depth)
    fit = ROOM // (spec.trees * bytes_of(shape.classes, words_of(shape))) if alone else 2 * leaves
    nodes = max(3, min(2 * leaves - 1, int(fit)))
    columns = columns_of(spec.columns, shape.d, shape.classes)
    return Growth(
        criterion_of(spec.criterion, shape.classes), shape.classes, costs, columns, depth,
        float(spec.min_samples_split), float(spec.min_samples_leaf), nodes,
    )  # fmt: skip


@attrs.frozen
class Common:
    """Hyperparameters that all forests have."""

    trees: int = param(
        100, ge=1, unit="trees", doc="How many trees.", search="50..500",
        also_known_as=("n_estimators", "ntree", "num_trees", "num.trees", "n_trees"),
    )  # fmt: skip
    columns: float | Literal["auto", "sqrt", "log2", "third", "all"] = param(
        "auto", gt=0, search="0.1..1.0",
        doc="How many columns are drawn for a split: a number, a share below 1, or a function of how many there are "
        "(auto: sqrt for classes, all for numbers).",
        also_known_as=("max_features", "mtry", "feature_fraction", "colsample_bynode", "column_sample"),
    )  # fmt: skip
    max_depth: int | None = param(
        None, ge=1, unit="levels", doc="How deep leaves may be (default: any depth).", search="2..20",
        simpler="smaller", also_known_as=("depth",),
    )  # fmt: skip
    min_samples_leaf: float = param(
        1, ge=1, unit="rows", doc="The least weight of the rows of a leaf.", search="1..50", simpler="larger",
        also_known_as=("nodesize", "min_node_size", "min.bucket", "minbucket", "min_data_in_leaf"),
    )  # fmt: skip
    min_samples_split: float = param(
        2, ge=2, unit="rows", doc="The least weight of the rows of a node that is split.", simpler="larger",
        also_known_as=("minsplit", "min_n"),
    )  # fmt: skip
    criterion: Literal["auto", "gini", "entropy", "squared_error"] = param(
        "auto", doc="The impurity that splits lower (auto: gini for classes, squared_error for numbers).",
        also_known_as=("splitrule", "split_criterion", "impurity"),
    )  # fmt: skip
    row_sample: Share = param(
        1.0, gt=0, le=1, doc="How many rows a tree draws, as a share of all.", only_if="bootstrap = true",
        also_known_as=("max_samples", "sample_fraction", "sample.fraction", "sampsize", "subsample"),
    )  # fmt: skip
