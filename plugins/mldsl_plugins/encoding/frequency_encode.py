"""A categorical column as how often each level occurs among the training rows.

A level becomes its share of the training rows that have a weight (or, with `measure = count`, the sum of their
weights). A missing value is counted like a level of its own; a level that training has not seen is 0. Two levels that
are equally frequent become the same number.

Shapes: n rows, d columns with at most L levels; O(n d) time, O(d L) memory.
Units:  a share, 0..1, or rows.
Errors: none.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, tiny
from mldsl.plugin import Component, NamedColumn, Output, Transform, hookimpl, param
from mldsl_plugins.encoding import _levels


@attrs.frozen
class Spec:
    """Hyperparameters of encoding by frequency."""

    measure: Literal["share", "count"] = param(
        "share", doc="Whether a level becomes its share of the training rows or their number."
    )


class Params(NamedTuple):
    """What each level becomes, by column; the last place is that of missing values."""

    value: Float[Array, "d levels"]


class Info(NamedTuple):
    """The sum of the weights of each level's rows, by column; the last place is that of missing values."""

    mass: Float[Array, "d levels"]


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """The same columns, now numbers."""
    return tuple(NamedColumn(c.name, "continuous") for c in columns)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count the rows of each level."""
    weight = examples.weight
    places = _levels.places(examples.inputs, _levels.most(shape))
    mass = jax.lax.map(lambda place: _levels.sums(jnp.ones_like(weight), place, weight, shape), places.T)
    total = weight.sum()
    value = mass if spec.measure == "count" else mass / jnp.maximum(total, tiny(total))
    return Params(value), Info(mass)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Look the levels up."""
    places = _levels.places(inputs, params.value.shape[1] - 1)
    return _levels.look_up(params.value, places, jnp.zeros(inputs.shape[1], inputs.dtype))


@hookimpl
def mldsl_components() -> list[Component]:
    """Encoding by frequency."""
    return [
        Transform(
            "frequency_encode", Spec, fit=fit, apply=apply, names=names, inputs=("categorical", "binary", "ordinal"),
            missing="fills", outputs=(Output("{column}", "continuous", "no"),),
            snippet="frequency_encode on categorical",
            also_known_as=("CountEncoder", "count_encode", "CountFrequencyEncoder"),
        )
    ]  # fmt: skip
