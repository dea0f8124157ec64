"""Scale columns by quantiles, which outliers do not move: x' = (x - median) / (upper quantile - lower quantile).

The quantiles (type 7, of the sample in which a row of weight w is repeated w times) are those of the training rows. A
column whose quantiles are equal is only centred. Missing values stay missing and do not count.

Shapes:  n rows, d columns; O(n d) time for long columns, O(n log n d) for short ones.
Units:   the result is in interquartile ranges, without a unit.
Errors:  none. A column without any value in the training rows is left as it is.
Sources: quantiles of type 7: Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl.plugin.params import Column, Range
from mldsl_plugins.scaling import _columns as columns


@attrs.frozen
class Spec:
    """Hyperparameters of scaling by quantiles."""

    quantiles: Range = param(
        (0.25, 0.75), ge=0, le=1, doc="The quantiles whose distance becomes 1.", also_known_as=("quantile_range",)
    )
    center: bool = param(True, doc="Whether to subtract the median.", also_known_as=("with_centering",))
    scale: bool = param(
        True, doc="Whether to divide by the distance of the quantiles.", also_known_as=("with_scaling",)
    )
    per: Column | None = param(
        None,
        doc="Use the quantiles of the row's own level of this column; levels not seen in training use those of all.",
    )


class Params(NamedTuple):
    """What is subtracted and what is divided by: a line for each level of `per`, the last for all rows."""

    center: Float[Array, "g d"]
    scale: Float[Array, "g d"]


class Info(NamedTuple):
    """Median, lower and upper quantile of the training rows, lines as in `Params`."""

    median: Float[Array, "g d"]
    lower: Float[Array, "g d"]
    upper: Float[Array, "g d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the quantiles of each column."""
    x, groups = columns.split(examples.inputs, spec.per, shape)
    q = jnp.asarray([0.5, *spec.quantiles], x.dtype)
    found = columns.quantiles(x, examples.weight, q, groups)
    median, lower, upper = (columns.known(line, ~jnp.isnan(line)) for line in found)
    none = jnp.isnan(median)
    spread = upper - lower
    params = Params(
        jnp.where(none | (not spec.center), 0, median),
        jnp.where(none | (not spec.scale), 1, columns.divisor(spread, spread == 0)),
    )
    return params, Info(median, lower, upper)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n m"]) -> Float[Array, "n d"]:
    """Subtract the median and divide by the distance of the quantiles."""
    x, groups = columns.split(inputs, spec.per)
    return (x - columns.of_rows(params.center, groups)) / columns.of_rows(params.scale, groups)


@hookimpl
def mldsl_components() -> list[Component]:
    """Scaling by quantiles."""
    return [
        Transform(
            "robust_scale", Spec, fit=fit, apply=apply, names=columns.names, inputs=columns.NUMBERS, missing="accepts",
            outputs=(Output("{column}", "continuous", "same"),), snippet="robust_scale on numeric",
            sources=("Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566",), also_known_as=("RobustScaler",),
        )
    ]  # fmt: skip
