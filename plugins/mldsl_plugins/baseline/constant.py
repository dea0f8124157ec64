"""Baseline that ignores the inputs: the most frequent class, the class shares, or one number for every row.

Whatever a model learns must beat this. Classification: `prior` (the default) predicts the weighted share of each class,
p_c = sum of the weights of class c / sum of weights; `most_frequent` predicts probability 1 for the class with the
largest share, the first of equals. Regression: `mean` (the default), `median`, or `quantile(q)`, the type-7 quantile of
the targets in which a row of weight w is repeated w times.

Shapes: n rows, k classes. O(n) time for means and shares, O(n log n) or less for quantiles.
Units:  numbers are in the unit of the target.
Errors: a strategy for classes on a number, or the reverse. A class without rows has probability 0.
Sources: none; the baselines that every textbook starts from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import (
    Examples,
    Inputs,
    Prediction,
    Shape,
    Sparse,
    segment_reduce,
    tiny,
    weighted_mean,
    weighted_quantile,
)
from mldsl.plugin import Component, Model, Problem, hookimpl, param


@attrs.frozen
class Quantile:
    """The q-quantile of the target."""

    q: float = param(0.5, ge=0, le=1, traced=True, doc="Which quantile: 0 the least, 0.5 the median, 1 the greatest.")


@attrs.frozen
class Spec:
    """Hyperparameters of the baseline."""

    strategy: str | Quantile | None = param(
        None,
        choices={"most_frequent": None, "prior": None, "mean": None, "median": None, "quantile": Quantile},
        doc="What to predict for every row; by default the class shares or the mean.",
    )


class Params(NamedTuple):
    """What every row gets: probabilities for classes, else one number."""

    probability: Float[Array, " k"] | None
    value: Float[Array, ""] | None


class Info(NamedTuple):
    """The sum of the weights of the rows it was learned from."""

    mass: Float[Array, ""]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """A strategy must suit the target."""
    found = "quantile" if isinstance(spec.strategy, Quantile) else spec.strategy
    if shape.classes and found not in (None, "most_frequent", "prior"):
        yield Problem("strategy", f"expected most_frequent or prior, since the target has classes; found {found}")
    if not shape.classes and found in ("most_frequent", "prior"):
        yield Problem("strategy", f"expected mean, median or quantile, since the target is a number; found {found}")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the constant."""
    target, weight = examples.target, examples.weight
    assert target is not None
    info = Info(weight.sum())
    if shape.classes:
        count = segment_reduce(weight, target, shape.classes)
        share = count / jnp.maximum(count.sum(), tiny(count))
        if spec.strategy == "most_frequent":
            share = (jnp.arange(shape.classes) == share.argmax()).astype(share.dtype)
        return Params(share, None), info
    if spec.strategy in (None, "mean"):
        return Params(None, weighted_mean(target, weight)), info
    q = spec.strategy.q if isinstance(spec.strategy, Quantile) else jnp.asarray(0.5, target.dtype)
    return Params(None, weighted_quantile(target, weight, q[None])[0]), info


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """The same answer for every row."""
    n = _rows(inputs)
    if params.probability is not None:
        return Prediction(probability=jnp.broadcast_to(params.probability, (n, params.probability.shape[0])))
    assert params.value is not None
    return Prediction(mean=jnp.broadcast_to(params.value, (n,)))


def _rows(inputs: Any) -> int:
    if isinstance(inputs, Sparse):
        return inputs.n
    if isinstance(inputs, Mapping):
        first = next(iter(inputs.values()))
        return int((first[0] if isinstance(first, tuple) else first).shape[0])
    return int(inputs.shape[0])


@hookimpl
def mldsl_components() -> list[Component]:
    """The baseline."""
    return [
        Model(
            "constant", Spec, fit=fit, predict=predict, check=check, tasks=("classify", "regress"),
            accepts=("continuous", "integer", "binary", "categorical", "ordinal", "text", "time", "image",
                     "sequence", "vector"),
            missing="accepts", sparse=True, snippet="model { constant }",
            also_known_as=("DummyClassifier", "DummyRegressor", "dummy", "baseline"),
        )
    ]  # fmt: skip
