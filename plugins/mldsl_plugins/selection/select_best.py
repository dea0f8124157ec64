"""Keep the columns that have most to do with the target, each judged by a score.

`f_test` is F of the analysis of variance of a column between the classes, or of the regression of a number on it.
`chi_squared` compares the sums of a column by class with the shares of the classes; it is for counts and shares, which
are not negative. `mutual_information` is how much column and target tell of each other, in nats, whatever the form of
their relation; numbers are put into `bins` equally heavy bins first, columns with levels are taken as they are.
`correlation` is the absolute value of Pearson's, for a number or two classes. `importance(model)` fits a model to all
columns at once and scores each by the absolute coefficient times the column's standard deviation, summed over classes,
or by what the model declares as `importance`.

The k columns with the largest scores stay, of equal ones those that come first. Each fit chooses by its own training
rows, so that held-out rows have no part in it.

Shapes:  n rows, d columns; O(n d) time, or O(entries) where they are sparse; `mutual_information` O(n d log n),
         `importance` that of the model.
Units:   scores have that of their kind; k is a number of columns from 1, or below 1 a share of them.
Errors:  `mutual_information` of sparse columns; `chi_squared` of numbers, or of negative values; `correlation` of more
         than two classes; a model without coefficients.
Sources: Guyon & Elisseeff 2003, JMLR 3:1157-1182.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, Sparse, as_tree, fit_whole, weighted_sum
from mldsl.plugin import Component, Problem, Transform, hookimpl, param
from mldsl_plugins.selection import _columns as columns
from mldsl_plugins.selection import _scores
from mldsl_plugins.selection._columns import Params


@attrs.frozen
class Binned:
    """Mutual information of tables."""

    bins: int = param(16, ge=2, le=255, doc="How many equally heavy bins numbers are put into.")


@attrs.frozen
class Importance:
    """What a model makes of each column."""

    model: Any = param(kind="model", doc="The model, such as `logistic_regression(l2 = 1)`.")


@attrs.frozen
class Spec:
    """Hyperparameters of keeping the best columns."""

    k: float = param(
        10.0, gt=0, traced=True, unit="columns", search="[5, 10, 20]", simpler="smaller",
        doc="How many columns stay; below 1, which share of them.", also_known_as=("percentile", "n_features", "top"),
    )  # fmt: skip
    by: str | Binned | Importance = param(
        "f_test", doc="What columns are judged by.", also_known_as=("score_func",),
        choices={"f_test": None, "chi_squared": None, "mutual_information": Binned, "correlation": None,
                 "importance": Importance},
    )  # fmt: skip


class Info(NamedTuple):
    """The score of each column, and the weight of its values below 0 (which `chi_squared` refuses)."""

    score: Float[Array, " d"]
    negative: Float[Array, " d"]


def score(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> Float[Array, " d"]:
    """The scores of all columns."""
    x, weight, target = examples.inputs, examples.weight, examples.target
    assert target is not None
    match spec.by:
        case Importance(model=model):
            return _importance(model, key, shape, examples)
        case "mutual_information" | Binned():
            bins = spec.by.bins if isinstance(spec.by, Binned) else Binned().bins
            return _scores.mutual_information(x, target, weight, shape, bins)
        case "chi_squared":
            return _scores.chi_squared(x, target, weight, shape.classes)
        case "f_test" if shape.classes:
            return _scores.variance_ratio(x, target, weight, shape.classes)
    r = _scores.correlation(x, target.astype(weight.dtype), weight)
    return jnp.abs(r) if spec.by == "correlation" else _scores.f_of_correlation(r, weight)


def _importance(model: Any, key: Key[Array, ""], shape: Shape, examples: Examples) -> Float[Array, " d"]:
    params, info = fit_whole(model, key, shape, examples)
    declared = getattr(info, "importance", getattr(params, "importance", None))
    if declared is not None:
        return declared
    deviation = jnp.sqrt(_scores.moments(examples.inputs, examples.weight).variance)
    coefficients = params.coefficients.reshape(-1, deviation.shape[0])
    return (jnp.abs(coefficients).sum(axis=0) * deviation).astype(deviation.dtype)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Judge the columns and mark the best."""
    there = columns.there(examples)
    x, weight = examples.inputs, examples.weight
    found = score(spec, key, shape, examples)
    if isinstance(x, Sparse):
        negative = x._replace(value=(x.value < 0).astype(x.value.dtype)).column_sums(weight)
    else:
        negative = weighted_sum((_scores.present(x, weight) < 0).astype(weight.dtype), weight)
    order = jnp.argsort(jnp.where(there & ~jnp.isnan(found), -found, jnp.inf), stable=True)
    rank = jnp.zeros(found.shape[0], jnp.int32).at[order].set(jnp.arange(found.shape[0], dtype=jnp.int32))
    count = jnp.where(spec.k < 1, jnp.round(spec.k * there.sum()), jnp.floor(spec.k))
    return Params(there & (rank < jnp.maximum(count, 1))), Info(found, negative)


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Refuse scores that do not suit the target, and models that say nothing of columns."""
    if spec.by == "chi_squared" and not shape.classes:
        yield Problem("by", "expected f_test, mutual_information, correlation or importance(model) for a number, "
                      "found chi_squared, which needs classes")  # fmt: skip
    if spec.by == "correlation" and shape.classes > 2:
        yield Problem("by", f"expected two classes or a number for correlation, found {shape.classes} classes")
    if shape.wide and (spec.by == "mutual_information" or isinstance(spec.by, Binned)):
        yield Problem("by", "expected chi_squared, f_test or correlation for sparse columns, found mutual_information")
    if isinstance(spec.by, Importance):
        yield from _unsuitable(spec.by.model, shape)


def _unsuitable(model: Any, shape: Shape) -> Iterator[Problem]:
    component = model.component
    task = "classify" if shape.classes else "regress"
    if task not in component.tasks:
        yield Problem("by", f"expected a model that can {task}, found `{component.name}`")
        return
    if component.prepares_for(model.spec):
        yield Problem("by", f"expected a model that needs nothing of the host, found `{component.name}`")
        return
    if shape.wide and not component.sparse:
        yield Problem("by", f"expected a model that takes sparse columns, found `{component.name}`")
        return
    kind = np.float64 if component.precision == "float64" else np.float32
    n, d = 8, shape.d
    given = Examples(
        np.zeros((n, d), kind), np.ones(n, kind), np.zeros(n, np.int32 if shape.classes else kind), np.ones(d, bool)
    )
    with jax.enable_x64(kind is np.float64):
        params, info = jax.eval_shape(
            lambda m, e: fit_whole(m, jax.random.key(0), attrs.evolve(shape, rows=n), e), as_tree(model, kind), given
        )  # fmt: skip
    if not any(
        hasattr(part, name) for part, name in ((params, "coefficients"), (params, "importance"), (info, "importance"))
    ):
        yield Problem("by", f"expected a model with coefficients or importance, found `{component.name}`")


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """Refuse negative counts; say where k is no choice."""
    if spec.by == "chi_squared" and (info.negative > 0).any():
        names = columns.listed(shape, np.asarray(info.negative) > 0)
        yield Problem("by", f"expected counts or shares for chi_squared, found values below 0 in {names}")
    if spec.k >= 1 and spec.k >= len(info.score):
        yield f"all {len(info.score)} columns stay, since k is {spec.k:g}"


@hookimpl
def mldsl_components() -> list[Component]:
    """Keeping the best columns."""
    return [
        Transform(
            "select_best", Spec, fit=fit, apply=columns.apply, check=check, remarks=remarks, inputs=columns.NUMBERS,
            uses_target=True, chooses=True, sparse=True, tasks=("classify", "regress"), example=Spec(k=2.0),
            snippet="select_best(k = 2, by = f_test) on numeric",
            sources=("Guyon & Elisseeff 2003, JMLR 3:1157-1182",),
            also_known_as=("SelectKBest", "SelectPercentile", "SelectFromModel", "feature_selection", "sbf"),
        )
    ]  # fmt: skip
