"""Extremely randomized trees: a forest whose thresholds are drawn, not searched for.

Every tree is grown from all rows (unless `bootstrap` draws them) until its leaves are pure. For each node some
`columns` are drawn, and for each of these one threshold, anywhere between the least and greatest value of the node's
rows; the best of these splits counts, by the impurity that `criterion` names (see `random_forest`). The forest answers
with the mean over its trees. Single trees are worse than those of a random forest, and less alike, and their mean is
smoother.

Where none of the columns drawn can split a node, others are drawn, until there are none. Missing values go to the side
where they lower the impurity more, and where a node has none, to the side with more weight. Levels of categorical
columns get an order by target from the tree's rows, and a threshold is drawn among them as among numbers; levels that
training has not seen count as missing.

With `bootstrap = true` each tree draws rows with replacement, and the report of a run shows `out of bag score`, the
accuracy or R2 of what trees say of rows that they have not drawn.

A row of weight 2 counts as two rows; `min_samples_leaf` and `min_samples_split` are weights. Class weights multiply the
impurity and the shares in leaves. The forest depends on the key, and not on the order of the rows.

Shapes:  n rows, d columns, m columns drawn, T trees. O(T n m depth) time, on all devices side by side.
Units:   thresholds are in the units of their column, means in that of the target.
Errors:  a criterion that is not for the target, more columns than there are, `row_sample` without `bootstrap`. Trees
         that have no room (1 GiB for all) are cut off, and a warning says how many. A column that is constant or
         missing everywhere is never split by.
Sources: Geurts, Ernst & Wehenkel 2006, doi:10.1007/s10994-006-6226-1; order of levels: Wright & König 2019,
         doi:10.7717/peerj.6339.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.trees import _forest, _forest_sizes
from mldsl_plugins.trees._candidates import phases_of_drawn
from mldsl_plugins.trees._forest import Info, Params

KIND = _forest.Kind(phases_of_drawn, binned=False)


@attrs.frozen
class Spec(_forest_sizes.Common):
    """Hyperparameters of extremely randomized trees."""

    bootstrap: bool = param(False, doc="Whether each tree draws rows, or all see all rows.", also_known_as=("replace",))


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """A criterion for the target, and columns that there are."""
    yield from _forest_sizes.check(spec, shape)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Grow the trees."""
    return _forest.fit(KIND, spec, key, shape, examples)


@hookimpl
def mldsl_components() -> list[Component]:
    """Extremely randomized trees."""
    return [
        Model(
            "extra_trees", Spec, fit=fit, predict=_forest.predict, check=check, remarks=_forest.remarks,
            trees=_forest.trees, compact=_forest.compact, tasks=("classify", "regress"), accepts=_forest_sizes.TYPES,
            missing="accepts", costs=True,
            exceptions={"costs": "leaves are large enough by weight, whatever rows cost"},
            example=Spec(trees=5, max_depth=4),
            snippet="model { extra_trees(trees = 50, min_samples_leaf = 3) }",
            sources=("Geurts, Ernst & Wehenkel 2006, doi:10.1007/s10994-006-6226-1",
                     "Wright & König 2019, doi:10.7717/peerj.6339"),
            also_known_as=("ExtraTreesClassifier", "ExtraTreesRegressor", "extremely_randomized_trees", "extraTrees"),
        )
    ]  # fmt: skip
