"""Bring columns near a normal distribution by a power, whose exponent is the most likely one.

With exponent p, `yeo_johnson` makes ((x + 1)^p - 1) / p of x >= 0 (log(x + 1) at p = 0) and -((1 - x)^(2 - p) - 1) /
(2 - p) of x < 0 (-log(1 - x) at p = 2). `box_cox` makes (x^p - 1) / p of x > 0 (log x at p = 0). The exponent of each
column maximises the likelihood of the training rows, taken for normally distributed after it. With `standardize` mean
and standard deviation become 0 and 1.

Missing values stay missing and do not count. A column that does not vary has exponent 1. `box_cox` refuses training
rows of 0 or less; in other rows they are taken for the least value of the training rows.

Shapes:  n rows, d columns; O(n d) time for each of about ten steps.
Units:   with `standardize` standard deviations; else the columns' units to the power p.
Errors:  values of 0 or less with `box_cox`.
Sources: Yeo & Johnson 2000, doi:10.1093/biomet/87.4.954; Box & Cox 1964, doi:10.1111/j.2517-6161.1964.tb00553.x;
         concavity: Marchand, Muzellec, Beguier, Ogier du Terrail & Andreux 2022, arXiv:2210.01639.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Shape, sum_blocks
from mldsl.plugin import Component, Output, Problem, Transform, hookimpl, param
from mldsl_plugins.scaling import _columns as columns
from mldsl_plugins.scaling import _power


@attrs.frozen
class Spec:
    """Hyperparameters of power transforms."""

    method: Literal["yeo_johnson", "box_cox"] = param(
        "yeo_johnson", doc="Which power: `box_cox` is for numbers above 0 only."
    )
    standardize: bool = param(True, doc="Whether to give the result mean 0 and standard deviation 1.")


class Params(NamedTuple):
    """Exponents, the least value known (of Box and Cox's), and what is subtracted and divided by afterwards."""

    exponent: Float[Array, " d"]
    least: Float[Array, " d"]
    mean: Float[Array, " d"]
    scale: Float[Array, " d"]


class Info(NamedTuple):
    """Exponents, the weight of the rows whose values cannot be transformed, by column, and the steps made."""

    exponent: Float[Array, " d"]
    invalid: Float[Array, " d"]
    iterations: Int[Array, ""]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Find the most likely exponents."""
    x, weight = examples.inputs, examples.weight
    counts = (weight > 0)[:, None] & ~jnp.isnan(x)
    valid = counts & (x > 0) if spec.method == "box_cox" else counts
    known = jnp.where(valid, x, 1)
    a = jnp.log(known) if spec.method == "box_cox" else jnp.log1p(jnp.abs(known))
    negative = jnp.zeros_like(valid) if spec.method == "box_cox" else known < 0
    found = _power.most_likely(a, negative, valid, weight)
    least = jnp.where(valid, x, jnp.inf).min(axis=0, initial=jnp.inf)
    plain = Params(
        found.exponent, jnp.where(jnp.isfinite(least), least, 1), jnp.zeros_like(least), jnp.ones_like(least)
    )
    if spec.standardize:
        groups = columns.Groups(None, 0)
        after = columns.moments(jnp.where(valid, apply(spec, plain, known), jnp.nan), weight, groups)
        deviation = jnp.sqrt(after.variance)
        plain = plain._replace(mean=after.mean[-1], scale=columns.divisor(deviation, deviation == 0)[-1])
    invalid = sum_blocks(lambda w, bad: jnp.dot(w, bad.astype(w.dtype), precision="highest"), weight, counts & ~valid)
    return plain, Info(found.exponent, invalid, found.iterations)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Take the power."""
    p = params.exponent[None]
    if spec.method == "box_cox":
        made = _power.box_cox(inputs, p, params.least[None])
    else:
        made = _power.yeo_johnson(inputs, p)
    return (made - params.mean[None]) / params.scale[None]


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem]:
    """Refuse values that have no power."""
    for column, count in zip(shape.columns, np.asarray(info.invalid), strict=True):
        if count > 0:
            rows = "1 row" if count == 1 else f"{count:,g} rows"
            found = f"found {rows} of `{column.name}` at 0 or less; `yeo_johnson` takes all numbers"
            yield Problem("method", f"expected values above 0 for box_cox, {found}")


@hookimpl
def mldsl_components() -> list[Component]:
    """Power transforms."""
    return [
        Transform(
            "power_transform", Spec, fit=fit, apply=apply, names=columns.names, remarks=remarks, missing="accepts",
            outputs=(Output("{column}", "continuous", "same"),), precision="float64",
            snippet="power_transform(yeo_johnson) on numeric",
            sources=("Yeo & Johnson 2000, doi:10.1093/biomet/87.4.954",
                     "Box & Cox 1964, doi:10.1111/j.2517-6161.1964.tb00553.x",
                     "Marchand et al. 2022, arXiv:2210.01639"),
            also_known_as=("PowerTransformer", "box_cox", "boxcox", "yeo_johnson", "yeojohnson", "gaussianize"),
        )
    ]  # fmt: skip
