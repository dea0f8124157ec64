"""Ridge regression: least squares with a penalty on the squared coefficients.

Minimises sum_i v_i (y_i - o_i - a - x_i b)^2 + l2 |b|^2 over the intercept a, which is free, and the coefficients b,
with v_i the row's weight times its cost and o_i its offset. `l2 = 0` is ordinary least squares; columns that the others
explain exactly then share their coefficient (the solution of least norm in standardized columns).

Solved in float64 on centred and scaled columns by orthogonal reduction, or by a Cholesky factor and refinement where
that is as accurate: thirteen digits on NIST's Longley data.

Shapes:  n rows, d columns. O(n d^2) time, O(d^2) memory beside the inputs.
Units:   a coefficient is in the unit of the target over that of its column; l2 in the product of both columns' squares.
Errors:  none; a column that does not vary gets coefficient 0.
Sources: Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape, total, weighted_sum
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl_plugins.linear._least_squares import center, solve
from mldsl_plugins.linear._line import Params, predict


@attrs.frozen
class Spec:
    """Hyperparameters of ridge regression."""

    l2: float = param(
        1.0, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger", also_known_as=("alpha", "lambda", "penalty"),
        doc="Weight of the squared norm of the coefficients; 0 is ordinary least squares.",
    )  # fmt: skip


class Info(NamedTuple):
    """Standard errors and fit of the training rows.

    Standard errors are classical (equal variances); with a penalty they leave out its bias. `residual_deviation` is the
    square root of the residual sum of squares over `residual_degrees_of_freedom` = sum of weights less one less
    `effective_degrees_of_freedom` (the trace of the hat matrix without the intercept; the rank where l2 is 0).
    """

    standard_error: Float[Array, "k d"]
    intercept_standard_error: Float[Array, " k"]
    residual_degrees_of_freedom: Float[Array, ""]
    effective_degrees_of_freedom: Float[Array, ""]
    rank: Float[Array, ""]
    residual_deviation: Float[Array, ""]
    residual_sum_of_squares: Float[Array, ""]
    r2: Float[Array, ""]
    mass: Float[Array, ""]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercept and coefficients."""
    x, target = examples.inputs, examples.target
    assert target is not None
    y = target if examples.offset is None else target - examples.offset
    active = jnp.ones(x.shape[1], bool) if examples.active is None else examples.active
    v = examples.loss_weight()
    data = center(x, y, v, active)
    found = solve(data, spec.l2)
    b = found.coefficients
    intercept = data.level + found.shift - jnp.dot(jnp.where(active, data.mean, 0), b, precision="highest")

    mass = total(examples.weight.sum())
    free = mass - 1 - found.hat_trace
    some = free > 1e-9 * mass  # with as many coefficients as rows nothing is left to judge the residuals by
    variance = jnp.where(some, found.rss / jnp.where(some, free, 1), jnp.nan)
    mean = jnp.where(active, data.mean, 0)
    of_intercept = 1 / total(v.sum()) + mean @ found.covariance @ mean
    spread = weighted_sum((y - data.level) ** 2, v)
    return Params(intercept[None], b[None]), Info(
        standard_error=jnp.sqrt(variance * jnp.diag(found.covariance))[None],
        intercept_standard_error=jnp.sqrt(variance * of_intercept)[None],
        residual_degrees_of_freedom=free,
        effective_degrees_of_freedom=found.hat_trace,
        rank=found.rank,
        residual_deviation=jnp.sqrt(variance),
        residual_sum_of_squares=found.rss,
        r2=jnp.where(spread > 0, 1 - found.rss / jnp.where(spread > 0, spread, 1), jnp.nan),
        mass=mass,
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """Ridge regression."""
    return [
        Model(
            "ridge", Spec, fit=fit, predict=predict, tasks=("regress",), roles=("weight", "offset"),
            precision="float64", shards=True, costs=True, snippet="model { ridge(l2 = 1) }",
            sources=("Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634",
                     "Björck 1987, doi:10.1016/0024-3795(87)90101-7"),
            also_known_as=("Ridge", "LinearRegression", "least_squares", "linear_regression", "tikhonov"),
        )
    ]  # fmt: skip
