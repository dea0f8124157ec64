"""Minimal cost-complexity pruning: splits that do not pay for themselves are taken back.

Of all subtrees with the same root the one with the least R(T) + alpha R(root) |T| is kept, |T| being how many splits it
has and R its loss on the training rows: what is lost where a leaf says its most frequent class, with costs, or the sum
of squared (or absolute) errors. So alpha says which share of the root's loss a split must save, whatever the units;
it is rpart's `cp`. scikit-learn's `ccp_alpha` is in units of mean impurity, and prunes by `criterion`.

`alpha = auto` chooses it by the rule of one standard error: of the path of trees that alpha makes, the smallest one
whose cross-validated error is within one standard error of the least. The path stands in `Info`, with the error of
held-out rows and its standard error if `folds` says of how many folds; its trees have at most 511 splits.

Shapes:  N nodes: O(N) time for each level of the tree, and O(N) for each tree of the path. With folds, as many trees
         are grown as there are folds, and one more.
Units:   alpha is a share of the root's loss; errors are such shares, too.
Errors:  none of its own.
Sources: Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees, doi:10.1201/9781315139470; the
         cross-validated table: Therneau & Atkinson 1997, An introduction to recursive partitioning using the RPART
         routines.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.plugin import Component, Part, hookimpl, param
from mldsl_plugins.trees import _pruning as pruning
from mldsl_plugins.trees._nodes import Tables, named


@attrs.frozen
class Spec:
    """Hyperparameters of cost-complexity pruning."""

    alpha: float | Literal["auto"] = param(
        0.01, ge=0, traced=True, search="log(1e-4..0.1)", also_known_as=("cp", "ccp_alpha"),
        doc="Which share of the root's loss a split must save, or `auto`: by cross-validation.",
    )  # fmt: skip
    folds: int = param(
        10, ge=0, unit="folds", also_known_as=("xval", "cv"),
        doc="Of how many folds the errors of the path are, 0 for none (`auto` then takes 10).",
    )  # fmt: skip


class Pruned(NamedTuple):
    """The tree that is left, and the path of trees."""

    tree: Tables
    path: pruning.Path


def prune(spec: Spec, key: Any, growing: pruning.Growing) -> Pruned:
    """Grow a tree and prune it."""
    auto = isinstance(spec.alpha, str)
    given: Float[Array, ""] = jnp.asarray(0 if isinstance(spec.alpha, str) else spec.alpha, growing.rows.loss.dtype)
    folds = spec.folds if spec.folds > 1 else (10 if auto else 0)
    whole = pruning.crossed(growing, given, folds, key)
    splits = whole.splits
    if auto:
        shape = pruning.shape_of(named(growing.growth, whole.tree))
        splits = pruning.inner(shape, pruning.by_one_standard_error(whole.path) * shape.loss[0])
    return Pruned(pruning.with_splits(growing.growth, whole.tree, growing.empty, splits), whole.path)


@hookimpl
def mldsl_components() -> list[Component]:
    """The pruning."""
    return [
        Part(
            "cost_complexity", Spec, part_kind="pruning", functions={"prune": prune},
            snippet="model { cart(prune = cost_complexity(alpha = 0.02)) }",
            sources=("Breiman, Friedman, Olshen & Stone 1984, doi:10.1201/9781315139470",),
            also_known_as=("cp", "ccp", "weakest_link"),
        )
    ]  # fmt: skip
