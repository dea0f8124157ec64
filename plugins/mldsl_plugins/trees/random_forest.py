"""Random forest: the mean of many deep trees, each grown from other rows, each split from other columns.

Every tree draws as many rows as there are, with replacement (`bootstrap`), and is grown until its leaves are pure. For
each node some `columns` are drawn, and it is split in two by the best of all thresholds of all of these, where the
impurity, times weight, falls most:

- `gini` 1 - sum_c p_c^2 and `entropy` - sum_c p_c log p_c, of the shares p of the classes,
- `squared_error`, the variance of a number.

A forest answers with the mean over its trees: of the shares of the classes in a row's leaves, or of the leaves' mean
targets. Where none of the columns drawn can split a node, others are drawn, until there are none.

Thresholds. Numbers are cut into `bins` of equal weight, and thresholds lie between bins; a column with no more distinct
values than `bins` loses nothing. Between two values of a node's rows the bin in the middle counts. Missing values go to
the side where they lower the impurity more, and where a node has none, to the side with more weight. Levels of
categorical columns get an order by target from the rows that the tree has drawn (with more than two classes: along the
direction in which the shares of all classes differ most), and are split as numbers are; levels too rare for a bin
(beyond the 254 most frequent), and levels that training has not seen, count as missing.

Out of bag. About a third of the rows is not drawn by a tree, and what such trees say of a row is a fair answer: the
report of a run shows `out of bag score`, the accuracy or R2 of these answers, for which no row had to be held out, and
the artifact's `info` has the answers themselves. Rows that were resampled, or are copies of each other, are seen by the
tree through their copies, and the score is too good.

A row of weight 2 is drawn, and counted, as two rows; `min_samples_leaf` and `min_samples_split` are weights, of rows
drawn. Class weights multiply the impurity and the shares in leaves. The forest depends on the key, and not on the order
of the rows.

Shapes:  n rows, d columns, m columns drawn, T trees. O(T n m depth) time, on all devices side by side; a forest of pure
         leaves has as many nodes as rows of noise, so set `min_samples_leaf` where many rows are noisy.
Units:   thresholds are in the units of their column, means in that of the target.
Errors:  a criterion that is not for the target, more columns than there are. Trees that have no room (1 GiB for all)
         are cut off, and a warning says how many. A column that is constant or missing everywhere is never split by.
Sources: Breiman 2001, doi:10.1023/A:1010933404324; missing values: Josse et al. 2019, arXiv:1902.06931; order of
         levels: Wright & König 2019, doi:10.7717/peerj.6339; Coppersmith, Hong & Hosking 1999,
         doi:10.1023/A:1009869804967.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.trees import _forest, _forest_sizes
from mldsl_plugins.trees._bins import bin_columns
from mldsl_plugins.trees._candidates import phases_of_bins
from mldsl_plugins.trees._forest import Info, Params

KIND = _forest.Kind(phases_of_bins, binned=True)


@attrs.frozen
class Spec(_forest_sizes.Common):
    """Hyperparameters of a random forest."""

    bootstrap: bool = param(True, doc="Whether each tree draws rows, or all see all rows.", also_known_as=("replace",))
    bins: int = param(
        255, ge=2, le=255, unit="bins", doc="How many bins numbers are cut into at most.",
        also_known_as=("max_bins", "nbins", "max_bin"),
    )  # fmt: skip


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """A criterion for the target, and columns that there are."""
    yield from _forest_sizes.check(spec, shape)


def prepare(spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Any, None]:
    """Cut columns into bins; trees are asked with the columns as they are."""
    return bin_columns(shape, columns, weight, spec.bins), None


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Grow the trees."""
    return _forest.fit(KIND, spec, key, shape, examples)


@hookimpl
def mldsl_components() -> list[Component]:
    """The random forest."""
    return [
        Model(
            "random_forest", Spec, fit=fit, predict=_forest.predict, check=check, remarks=_forest.remarks,
            prepare=prepare, prepare_reads=("bins",), trees=_forest.trees, compact=_forest.compact,
            tasks=("classify", "regress"), accepts=_forest_sizes.TYPES, missing="accepts", costs=True,
            exceptions={"costs": "rows are drawn by weight, whatever they cost, and leaves are large enough by weight"},
            example=Spec(trees=5, max_depth=4), snippet="model { random_forest(trees = 50, min_samples_leaf = 3) }",
            sources=("Breiman 2001, doi:10.1023/A:1010933404324", "Wright & König 2019, doi:10.7717/peerj.6339",
                     "Josse et al. 2019, arXiv:1902.06931"),
            also_known_as=("RandomForestClassifier", "RandomForestRegressor", "randomForest", "ranger", "rf", "forest",
                           "rand_forest"),
        )
    ]  # fmt: skip
