"""K nearest neighbors: a row is answered by the training rows that are most like it.

The answer is the mean of the targets (for classes: the share of each class) of the k nearest training rows, each
counting 1 (`weights = uniform`) or 1 / distance (`distance`; rows at distance 0 then decide alone). Distances of rows x
and y over d columns:

- `euclidean` sqrt(sum_j (x_j - y_j)^2), `manhattan` sum_j |x_j - y_j|, `chebyshev` max_j |x_j - y_j|,
  `minkowski(p)` (sum_j |x_j - y_j|^p)^(1/p);
- `cosine` 1 - x y / (|x| |y|); a row of zeros is at distance 1 from all rows but other rows of zeros, which are equal;
- `jaccard` of binary columns: those in which just one row has yes, over those in which any has; columns in which both
  have no are left out, and two rows without any yes are at distance 0;
- `simple_matching` of binary columns: the share in which the rows differ; columns in which both have no count as equal;
- `hamming` of levels or integers: the share of columns in which the rows differ;
- `gower` of any columns: the mean over the columns that neither row misses of |x_j - y_j| over the column's range among
  training rows (1 at most) for numbers and for codes of ordered levels, and of 0 or 1 for equal or different levels.
  Two rows that share no known column are at distance 1.

A training row of weight 2 is two neighbors, one of weight 0 none; of the last row that is needed only the part up to k
counts. Of rows that weigh less than 1/2, no more than 2 k are looked at. Equally distant rows are taken in their order.
A fold with fewer than k rows takes them all.

Shapes:  n training rows, q queries, d columns. Nothing is learned but ranges; O(q n d) time to answer, block by block,
         so that memory grows with q + n, never with their product.
Units:   distances are in the unit of the columns, which all share; cosine to gower have none.
Errors:  more neighbors than training rows; columns of a type that the distance does not compare; missing values, which
         only `gower` leaves out.
Sources: Fix & Hodges 1951, doi:10.2307/1403797; Cover & Hart 1967, doi:10.1109/TIT.1967.1053964; Gower 1971,
         doi:10.2307/2528823; distance weights: Dudani 1976, doi:10.1109/TSMC.1976.5408784.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, weighted_mean
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.neighbors import _distances as distances

NUMBERS = ("continuous", "integer", "binary", "ordinal")
TYPES = {
    "euclidean": NUMBERS, "manhattan": NUMBERS, "chebyshev": NUMBERS, "minkowski": NUMBERS, "cosine": NUMBERS,
    "jaccard": ("binary",), "simple_matching": ("binary",),
    "hamming": ("binary", "categorical", "ordinal", "integer"), "gower": (*NUMBERS, "categorical"),
}  # fmt: skip
REMEDY = {
    "hamming": "`gower` compares columns of all types",
    "jaccard": "`gower` compares columns of all types, and `one_hot` makes levels binary",
    "simple_matching": "`hamming` compares levels, and `one_hot` makes them binary",
}


@attrs.frozen
class Minkowski:
    """The power p of the differences, 1 or more."""

    p: float = param(3.0, ge=1, doc="Power of the differences: 1 is manhattan, 2 is euclidean.")


@attrs.frozen
class Spec:
    """Hyperparameters of nearest neighbors."""

    k: int = param(
        5, ge=1, unit="neighbors", doc="How many neighbors answer.", search="1..50", simpler="larger",
        also_known_as=("n_neighbors", "neighbors"),
    )  # fmt: skip
    distance: Any = param(
        "euclidean", also_known_as=("metric", "dist_func"), doc="How unlike two rows are.",
        choices={
            "euclidean": None, "manhattan": None, "minkowski": Minkowski, "chebyshev": None, "cosine": None,
            "jaccard": None, "simple_matching": None, "hamming": None, "gower": None,
        },
    )  # fmt: skip
    weights: Literal["uniform", "distance"] = param(
        "uniform",
        also_known_as=("weight_func", "kernel"),
        doc="Whether all neighbors count the same, or near ones more.",
    )


class Params(NamedTuple):
    """The training rows as distances compare them, 0 where they are not there; their weights and targets [n, k].

    `k` is the number of classes, whose shares the targets are, or 1.
    """

    scaling: distances.Scaling
    rows: Float[Array, "n c"]
    weight: Float[Array, " n"]
    target: Float[Array, " n"] | Int[Array, " n"]
    classes: Float[Array, "0 k"]


class Info(NamedTuple):
    """The weight of the rows there are to choose from."""

    mass: Float[Array, ""]


def name_of(spec: Spec) -> str:
    """The name of the distance."""
    return "minkowski" if isinstance(spec.distance, Minkowski) else str(spec.distance)


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be k rows, and columns that the distance compares."""
    if spec.k > shape.rows:
        yield Problem("k", f"expected at most {shape.rows} (the training rows), found {spec.k}")
    name = name_of(spec)
    other = [column for column in shape.columns if column.type not in TYPES[name]]
    if other:
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        remedy = REMEDY.get(name, "`one_hot` makes numbers of levels, and `gower` and `hamming` compare levels")
        yield Problem(
            "distance",
            f"expected {' or '.join(TYPES[name])} columns for {name}, found {other[0].type} `{other[0].name}`{more}; "
            f"{remedy}",
        )
    lacking = [column for column in shape.columns if column.missing]
    if lacking and name != "gower":
        yield Problem(
            "distance",
            f"expected columns without missing values for {name}, found them in `{lacking[0].name}`; `impute` fills "
            "them, and `gower` leaves them out",
        )


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Keep the rows."""
    x, weight, target = examples.inputs, examples.weight, examples.target
    assert target is not None
    active = jnp.ones(x.shape[1], bool) if examples.active is None else examples.active
    nominal = jnp.asarray(np.asarray([c.type in ("categorical", "binary") for c in shape.columns], bool))
    center, scale = jnp.zeros(x.shape[1], x.dtype), jnp.ones(x.shape[1], x.dtype)
    if name_of(spec) == "euclidean":  # a product of large numbers would cancel
        center = jnp.where(active, weighted_mean(x, weight), 0)
    if name_of(spec) == "gower":
        scale = jnp.where(active & ~nominal, distances.inverse(distances.ranges(x, weight)), 1)
    scaling = distances.Scaling(center, scale, active, nominal)
    there = weight > 0
    rows = jnp.where(there[:, None], distances.ready(name_of(spec), scaling, x), 0)
    classes = jnp.zeros((0, max(shape.classes, 1)), x.dtype)
    return Params(scaling, rows, weight, jnp.where(there, target, 0), classes), Info(weight.sum())


def shares(weight: Float[Array, "q m"], k: int) -> Float[Array, "q m"]:
    """How much of each neighbor is among the k nearest of the repeated rows."""
    before = jnp.cumsum(weight, axis=1) - weight
    return jnp.clip(k - before, 0, weight)


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The mean of the neighbors' targets, or the share of each class among them."""
    name = name_of(spec)
    measure = distances.Minkowski(spec.distance.p) if isinstance(spec.distance, Minkowski) else name
    queries = distances.ready(name, params.scaling, inputs)
    count = min(2 * spec.k, params.rows.shape[0])
    rows = distances.Rows(params.rows, params.weight)
    index, apart = distances.nearest(measure, params.scaling, rows, queries, count)
    counted = jnp.where(jnp.isfinite(apart), params.weight[index], 0)
    votes = shares(counted, spec.k)
    if spec.weights == "distance":
        same = votes * (apart == 0)
        near = jnp.where(apart > 0, votes / jnp.where(apart > 0, apart, 1), 0)
        votes = jnp.where(jnp.any(same > 0, axis=1, keepdims=True), same, near)
    whole = votes.sum(axis=1, keepdims=True)
    votes = votes / jnp.where(whole > 0, whole, 1)
    target = params.target[index]
    classes = params.classes.shape[1]
    if jnp.issubdtype(target.dtype, jnp.floating):
        return Prediction(mean=jnp.sum(votes * target, axis=1))

    def add(sums: Array, neighbor: tuple[Array, Array]) -> tuple[Array, None]:
        vote, of = neighbor
        return sums + jnp.where(of[:, None] == jnp.arange(classes)[None], vote[:, None], 0), None

    # Without any row all classes are alike.
    start = jnp.broadcast_to(jnp.where(whole > 0, 0, jnp.asarray(1 / classes, votes.dtype)), (len(whole), classes))
    return Prediction(probability=jax.lax.scan(add, start, (votes.T, target.T))[0])


@hookimpl
def mldsl_components() -> list[Component]:
    """K nearest neighbors."""
    return [
        Model(
            "k_nearest_neighbors", Spec, fit=fit, predict=predict, check=check, tasks=("classify", "regress"),
            accepts=(*NUMBERS, "categorical"), missing="accepts", missing_if="distance = gower",
            scale_sensitive=True,
            scale_free=("distance = gower", "distance = hamming", "distance = jaccard", "distance = simple_matching"),
            example=Spec(distance="gower"), snippet="model { k_nearest_neighbors(k = 15, weights = distance) }",
            sources=("Fix & Hodges 1951, doi:10.2307/1403797", "Cover & Hart 1967, doi:10.1109/TIT.1967.1053964",
                     "Gower 1971, doi:10.2307/2528823", "Dudani 1976, doi:10.1109/TSMC.1976.5408784"),
            also_known_as=("KNeighborsClassifier", "KNeighborsRegressor", "knn", "kknn", "nearest_neighbors"),
        )
    ]  # fmt: skip
