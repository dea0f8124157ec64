"""Scale columns to a range: x' = low + (x - least) (high - low) / (greatest - least).

Least and greatest values are those of the training rows; other rows may fall outside of the range unless `clip`. A
column that does not vary becomes the low end of the range. Missing values stay missing and do not count.

Shapes: n rows, d columns; O(n d) time.
Units:  the result is in the unit of `range`.
Errors: none. A column without any value in the training rows is left as it is.
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
    """Hyperparameters of scaling to a range."""

    range: Range = param(
        (0.0, 1.0), doc="What the least and the greatest value become.", also_known_as=("feature_range",)
    )
    clip: bool = param(False, doc="Whether rows outside of the training rows' range are moved to its ends.")
    per: Column | None = param(
        None,
        doc="Use the extremes of the row's own level of this column; levels not seen in training use those of all.",
    )


class Params(NamedTuple):
    """Least value and the factor from the columns' units to the range's, lines as `per`, the last for all rows."""

    least: Float[Array, "g d"]
    factor: Float[Array, "g d"]


class Info(NamedTuple):
    """Least and greatest values of the training rows, lines as in `Params`."""

    least: Float[Array, "g d"]
    greatest: Float[Array, "g d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the extremes of each column."""
    x, groups = columns.split(examples.inputs, spec.per, shape)
    least, greatest = columns.extremes(x, examples.weight, groups)
    present = greatest >= least
    least, greatest = columns.known(least, present), columns.known(greatest, present)
    low, high = (jnp.asarray(end, x.dtype) for end in spec.range)
    spread = greatest - least
    any_value = greatest >= least
    params = Params(
        jnp.where(any_value, least, low),
        jnp.where(any_value, (high - low) / columns.divisor(spread, spread == 0), 1),
    )
    shown = jnp.where(any_value, least, jnp.nan), jnp.where(any_value, greatest, jnp.nan)
    return params, Info(*shown)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n m"]) -> Float[Array, "n d"]:
    """Move the least value to the low end and stretch."""
    x, groups = columns.split(inputs, spec.per)
    low, high = spec.range
    scaled = low + (x - columns.of_rows(params.least, groups)) * columns.of_rows(params.factor, groups)
    return jnp.clip(scaled, low, high) if spec.clip else scaled


@hookimpl
def mldsl_components() -> list[Component]:
    """Scaling to a range."""
    return [
        Transform(
            "min_max_scale", Spec, fit=fit, apply=apply, names=columns.names, inputs=columns.NUMBERS,
            missing="accepts", outputs=(Output("{column}", "continuous", "same"),),
            snippet="min_max_scale on numeric", also_known_as=("MinMaxScaler", "normalize", "rescale"),
        )
    ]  # fmt: skip
