"""Mean target encoding: a level becomes the average target of its rows, pulled towards the average of all.

encoding_l = (sum of w y over rows of level l + smoothing * mean of y) / (sum of w over them + smoothing). A level that
training has not seen gets the mean of y. Since the target is used, the engine runs it out of fold.

Shapes:  n rows, d columns, at most v levels a column. O(n d) time.
Units:   those of the target.
Errors:  none.
Sources: Micci-Barreca 2001, doi:10.1145/507533.507538.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, segment_reduce, weighted_mean
from mldsl.plugin import Component, Output, Transform, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of mean target encoding."""

    smoothing: float = param(10.0, gt=0, traced=True, unit="rows", doc="How many rows the mean of all counts as.")


class Params(NamedTuple):
    """What apply needs."""

    mean: Float[Array, ""]
    encoding: Float[Array, "d v"]


class Info(NamedTuple):
    """What reports show: the rows of each level."""

    mass: Float[Array, "d v"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Average the target by level, one column after the other."""
    weight, y = examples.weight, examples.target.astype(examples.weight.dtype)
    levels = max(column.levels for column in shape.columns)
    mean = weighted_mean(y, weight)

    def encode(codes: Array) -> tuple[Array, Array]:
        code = _code(codes, levels)
        mass = segment_reduce(weight, code, levels)
        total = segment_reduce(y - mean, code, levels, weight=weight)
        return mean + total / (mass + spec.smoothing), mass

    encoding, mass = jax.lax.map(encode, examples.inputs.T)
    return Params(mean, encoding), Info(mass)


def _code(column: Array, levels: int) -> Array:
    """Codes as integers; whatever is no level (missing, unseen, padding) becomes `levels`, which counts nowhere."""
    known = (column >= 0) & (column < levels)
    return jnp.where(known, column, levels).astype(jnp.int32)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Look every level up."""
    levels = params.encoding.shape[1]
    padded = jnp.concatenate([params.encoding, jnp.full_like(params.encoding[:, :1], params.mean)], axis=1)
    return padded[jnp.arange(inputs.shape[1])[None, :], _code(inputs, levels)]


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Transform(
            "mean_target",
            Spec,
            fit=fit,
            apply=apply,
            inputs=("categorical",),
            outputs=(Output(type="continuous"),),
            uses_target=True,
            sources=["Micci-Barreca 2001, doi:10.1145/507533.507538"],
        )
    ]
