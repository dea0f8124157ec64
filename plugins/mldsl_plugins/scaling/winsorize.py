"""Move values beyond two quantiles to these quantiles, so that single extreme values cannot rule a fit.

x' = min(max(x, lower quantile), upper quantile). The quantiles (type 7, of the sample in which a row of weight w is
repeated w times) are those of the training rows; other rows are moved to the same limits. Missing values stay missing
and do not count.

Shapes:  n rows, d columns; O(n d) time for long columns, O(n log n d) for short ones.
Units:   those of the columns.
Errors:  none. A column without any value in the training rows is left as it is.
Sources: Tukey 1962, doi:10.1214/aoms/1177704711 (after Charles Winsor); quantiles: Hyndman & Fan 1996,
         doi:10.1080/00031305.1996.10473566.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, sum_blocks
from mldsl.plugin import Component, NamedColumn, Output, Problem, Transform, hookimpl, param
from mldsl.plugin.params import Column, Range
from mldsl_plugins.scaling import _columns as columns


@attrs.frozen
class Spec:
    """Hyperparameters of winsorizing."""

    limits: Range = param(
        (0.05, 0.95), ge=0, le=1, doc="The lower and the upper quantile.", also_known_as=("quantiles", "quantile_range")
    )
    per: Column | None = param(
        None,
        doc="Use the quantiles of the row's own level of this column; levels not seen in training use those of all.",
    )


class Params(NamedTuple):
    """The limits: a line for each level of `per`, the last for all rows."""

    lower: Float[Array, "g d"]
    upper: Float[Array, "g d"]


class Info(NamedTuple):
    """The limits, lines as in `Params`, NaN where a column has no value; the weight of the values moved, by column."""

    lower: Float[Array, "g d"]
    upper: Float[Array, "g d"]
    moved: Float[Array, " d"]


def bind(spec: Spec, columns: tuple[NamedColumn, ...]) -> Spec | list[Problem]:
    """Refuse limits in the wrong order."""
    low, high = spec.limits
    return spec if low < high else [Problem("limits", f"expected a lower quantile first, found {low:g}..{high:g}")]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the quantiles of each column."""
    x, groups = columns.split(examples.inputs, spec.per, shape)
    found = columns.quantiles(x, examples.weight, jnp.asarray(spec.limits, x.dtype), groups)
    lower, upper = (columns.known(line, ~jnp.isnan(line)) for line in found)
    params = Params(jnp.where(jnp.isnan(lower), -jnp.inf, lower), jnp.where(jnp.isnan(upper), jnp.inf, upper))
    beyond = (x < columns.of_rows(params.lower, groups)) | (x > columns.of_rows(params.upper, groups))
    moved = sum_blocks(lambda w, b: jnp.dot(w, b.astype(w.dtype), precision="highest"), examples.weight, beyond)
    return params, Info(lower, upper, moved)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n m"]) -> Float[Array, "n d"]:
    """Move what lies beyond the limits."""
    x, groups = columns.split(inputs, spec.per)
    return jnp.clip(x, columns.of_rows(params.lower, groups), columns.of_rows(params.upper, groups))


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[str]:
    """Name the columns that have become constant: most of their values are one."""
    names = [c.name for c, low, high in zip(shape.columns, info.lower[-1], info.upper[-1], strict=True) if low == high]
    if names:
        has = "has" if len(names) == 1 else "have"
        yield f"{', '.join(names)} {has} one value between the limits, and no other now"


@hookimpl
def mldsl_components() -> list[Component]:
    """Winsorizing."""
    return [
        Transform(
            "winsorize", Spec, fit=fit, apply=apply, bind=bind, names=columns.names, remarks=remarks,
            missing="accepts", outputs=(Output("{column}", "continuous", "same"),),
            snippet="winsorize(limits = 1%..99%) on numeric",
            sources=("Tukey 1962, doi:10.1214/aoms/1177704711",
                     "Hyndman & Fan 1996, doi:10.1080/00031305.1996.10473566"),
            also_known_as=("Winsorizer", "clip_outliers", "cap_outliers", "trim"),
        )
    ]  # fmt: skip
