"""Histogram naive Bayes: every column is cut into bins on the host, and a class is its shares of each column's bins.

Bins are cut at equally spaced quantiles of the rows with positive weight (cells may repeat; equal cuts merge).

Shapes:  n rows, d features, b bins, k classes. O(n d log n) on the host, O(n d) on the device.
Units:   edges are in the units of the columns.
Errors:  none; a value beyond the edges belongs to the outermost bin.
Sources: Dougherty, Kohavi & Sahami 1995, doi:10.1016/B978-1-55860-377-6.50032-3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, segment_reduce, tiny
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of histogram naive Bayes."""

    bins: int = param(8, ge=2, doc="Bins of each column, b.", search="4..32")
    smoothing: float = param(1.0, gt=0, traced=True, doc="Added to every count.")


class Params(NamedTuple):
    """What predict needs."""

    log_prior: Float[Array, " k"]
    log_share: Float[Array, "d b k"]


class Info(NamedTuple):
    """What reports show."""

    counts: Float[Array, "d b k"]


def prepare(
    spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Choose the edges from the rows that count, then bin all rows."""
    quantiles = np.arange(1, spec.bins) / spec.bins
    there = np.asarray(weight) > 0
    edges = np.stack(
        [_quantiles(np.asarray(x, float)[there], np.asarray(weight)[there], quantiles) for x in columns.values()]
    )
    state = {"edges": edges}  # [d, b - 1]
    return apply_prepared(spec, shape, state, columns), state


def _quantiles(x: np.ndarray, weight: np.ndarray, quantiles: np.ndarray) -> np.ndarray:
    # Of the methods that NumPy has, this one takes weights, and repeating a row is the same as doubling its weight.
    return np.quantile(x, quantiles, weights=weight, method="inverted_cdf")


def apply_prepared(spec: Spec, shape: Shape, state: Mapping[str, np.ndarray], columns: Mapping[str, Any]) -> np.ndarray:
    """The bin of every cell."""
    binned = [
        np.searchsorted(e, np.asarray(x, float), side="right")
        for e, x in zip(state["edges"], columns.values(), strict=True)
    ]
    return np.stack(binned, axis=1).astype(np.int32)  # [n, d]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count the bins by class, one column after the other."""
    codes: Int[Array, "n d"] = examples.inputs
    target, weight = examples.target, examples.weight
    mass = segment_reduce(weight, target, shape.classes)

    def count(column: Array) -> Array:
        cells = segment_reduce(weight, column * shape.classes + target, spec.bins * shape.classes)
        return cells.reshape(spec.bins, shape.classes)

    counts = jax.lax.map(count, codes.T)  # [d, b, k]
    smooth = counts + spec.smoothing
    log_share = jnp.log(smooth) - jnp.log(smooth.sum(axis=1, keepdims=True))
    if examples.active is not None:
        log_share = jnp.where(examples.active[:, None, None], log_share, 0)
    log_prior = jnp.log(mass / jnp.maximum(mass.sum(), tiny(mass)))
    return Params(log_prior, log_share), Info(counts)


def predict(spec: Spec, params: Params, inputs: Int[Array, "n d"]) -> Prediction:
    """Posterior probabilities from binned rows."""
    column = jnp.arange(inputs.shape[1])[None, :]
    joint = params.log_share[column, inputs].sum(axis=1) + params.log_prior[None, :]  # [n, k]
    return Prediction(probability=jax.nn.softmax(joint, axis=1))


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "histogram_bayes",
            Spec,
            prepare=prepare,
            apply_prepared=apply_prepared,
            fit=fit,
            predict=predict,
            tasks={"classify"},
            sources=["Dougherty, Kohavi & Sahami 1995, doi:10.1016/B978-1-55860-377-6.50032-3"],
        )
    ]
