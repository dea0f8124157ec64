"""Scale columns to mean 0 and standard deviation 1: z = (x - mean) / standard deviation.

Mean and population standard deviation (divided by the sum of weights, not by one less) are those of the training rows.
A column that does not vary is only centred. Missing values stay missing and do not count.

Shapes:  n rows, d columns; O(n d) time.
Units:   the result is in standard deviations, without a unit.
Errors:  none. A column without any value in the training rows is left as it is.
Sources: two-pass variances: Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl.plugin.params import Column
from mldsl_plugins.scaling import _columns as columns


@attrs.frozen
class Spec:
    """Hyperparameters of standardizing."""

    center: bool = param(True, doc="Whether to subtract the mean.", also_known_as=("with_mean",))
    scale: bool = param(True, doc="Whether to divide by the standard deviation.", also_known_as=("with_std",))
    per: Column | None = param(
        None,
        doc="Use the statistics of the row's own level of this column; levels not seen in training use those of all.",
    )


class Params(NamedTuple):
    """What is subtracted and what is divided by: a line for each level of `per`, the last for all rows."""

    mean: Float[Array, "g d"]
    scale: Float[Array, "g d"]


class Info(NamedTuple):
    """Mean, standard deviation and sum of weights of the values present, lines as in `Params`."""

    mean: Float[Array, "g d"]
    standard_deviation: Float[Array, "g d"]
    mass: Float[Array, "g d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn mean and standard deviation of each column."""
    x, groups = columns.split(examples.inputs, spec.per, shape)
    found = columns.moments(x, examples.weight, groups)
    present = found.mass > 0
    mean, deviation = columns.known(found.mean, present), columns.known(jnp.sqrt(found.variance), present)
    scale = columns.divisor(deviation, deviation == 0)
    params = Params(
        mean if spec.center else jnp.zeros_like(mean),
        scale if spec.scale else jnp.ones_like(scale),
    )
    return params, Info(mean, deviation, found.mass)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n m"]) -> Float[Array, "n d"]:
    """Subtract the mean and divide by the standard deviation."""
    x, groups = columns.split(inputs, spec.per)
    return (x - columns.of_rows(params.mean, groups)) / columns.of_rows(params.scale, groups)


@hookimpl
def mldsl_components() -> list[Component]:
    """Standardizing."""
    return [
        Transform(
            "standardize", Spec, fit=fit, apply=apply, names=columns.names, inputs=columns.NUMBERS, missing="accepts",
            outputs=(Output("{column}", "continuous", "same"),), snippet="standardize on numeric",
            sources=("Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115",),
            also_known_as=("StandardScaler", "scale", "z_score", "normalize"),
        )
    ]  # fmt: skip
