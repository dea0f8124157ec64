"""What `lasso` and `elastic_net` learn and tell: a linear function some of whose coefficients are exactly 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Shape
from mldsl.plugin import Problem
from mldsl_plugins.linear._coordinate import Found
from mldsl_plugins.linear._line import Params

COLUMNS = 5000  # whose Gram matrix, in float64, takes 200 MB


class Info(NamedTuple):
    """Fit of the training rows.

    `selected` is the number of coefficients that are not 0; `violation` how far the conditions of the optimum are from
    holding, as a share of the length of the centred target.
    """

    selected: Int[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    violation: Float[Array, ""]
    residual_sum_of_squares: Float[Array, ""]
    r2: Float[Array, ""]
    mass: Float[Array, ""]


def narrow(shape: Shape) -> Iterator[Problem]:
    """Of more columns the Gram matrix would not fit."""
    if shape.d > COLUMNS:
        yield Problem("inputs", f"expected at most {COLUMNS:,} columns, found {shape.d:,}")


def said(found: Found, tol: Float[Array, ""]) -> tuple[Params, Info]:
    """Params and Info of a solution."""
    spread = found.spread
    return Params(found.intercept[None], found.coefficients[None]), Info(
        selected=(found.coefficients != 0).sum(),
        iterations=found.iterations,
        converged=found.violation <= tol,
        violation=found.violation,
        residual_sum_of_squares=found.rss,
        r2=jnp.where(spread > 0, 1 - found.rss / jnp.where(spread > 0, spread, 1), jnp.nan),
        mass=found.mass,
    )
