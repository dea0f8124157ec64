"""Quantile regression: the line below which a share q of the targets lies, given the inputs.

Minimises sum_i v_i rho(y_i - o_i - a - x_i b) + l1 |b|_1 over the intercept a, which is free, and the coefficients b,
with rho(r) = q r for r >= 0 and (q - 1) r below, v_i the row's weight times its cost and o_i its offset. q = 0.5 is
regression to the median: it minimises absolute errors. Outliers of the target do not matter, only on which side they
lie.

A linear program, solved in float64 by an interior-point method (Frisch-Newton, predictor and corrector) on standardized
columns. Standard errors hold where errors differ from row to row: the density of the errors at 0 is estimated by
Epanechnikov's kernel with the bandwidth of Hall and Sheather.

Shapes:  n rows, d columns. O(n d^2) time per iteration, of which there are 10 to 40; O(n) memory beside the inputs.
Units:   a coefficient is in the unit of the target over that of its column.
Errors:  none; a column that does not vary gets coefficient 0. Where several lines are best, one of them is given. With
         a penalty there are no standard errors.
Sources: Koenker & Bassett 1978, doi:10.2307/1913643; Portnoy & Koenker 1997, doi:10.1214/ss/1030037960;
         Hall & Sheather 1988, doi:10.1111/j.2517-6161.1988.tb01735.x.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Shape, tiny, weighted_gram, weighted_moments, weighted_quantile
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl_plugins.linear._line import Params, predict

INSIDE = 0.99995  # of the way to the boundary


@attrs.frozen
class Spec:
    """Hyperparameters of quantile regression."""

    q: float = param(
        0.5, gt=0, lt=1, traced=True, doc="The share of targets below the line.", also_known_as=("quantile", "tau")
    )
    l1: float = param(
        0.0, ge=0, traced=True, search="log(1e-3..1e4)", simpler="larger", also_known_as=("alpha", "penalty"),
        doc="Weight of the sum of the absolute coefficients: n alpha of scikit-learn.",
    )  # fmt: skip
    max_iter: int = param(100, ge=1, unit="iterations", doc="Most to run.")
    tol: float = param(1e-10, ge=0, traced=True, doc="Stop at this duality gap over the loss of the best constant.")


class Info(NamedTuple):
    """Fit of the training rows.

    `loss` is the weighted sum of rho at the solution, `null_loss` that of the best constant; `pseudo_r2` is 1 less
    their ratio. `gap` bounds how far the objective may be above its least value. `below` is the share of the weight of
    the rows under the line.
    """

    standard_error: Float[Array, "k d"]
    intercept_standard_error: Float[Array, " k"]
    residual_degrees_of_freedom: Float[Array, ""]
    loss: Float[Array, ""]
    null_loss: Float[Array, ""]
    pseudo_r2: Float[Array, ""]
    gap: Float[Array, ""]
    below: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    mass: Float[Array, ""]


class _Point(NamedTuple):
    """Of the linear program: dual variables a, their slack s = u - a, multipliers theta, z of a >= 0, w of a <= u."""

    a: Float[Array, " m"]
    s: Float[Array, " m"]
    theta: Float[Array, " e"]
    z: Float[Array, " m"]
    w: Float[Array, " m"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercept and coefficients."""
    target = examples.target
    assert target is not None
    y = target if examples.offset is None else target - examples.offset
    v = examples.loss_weight()
    here = v > 0
    of_x = weighted_moments(examples.inputs, v)
    deviation = jnp.sqrt(of_x.variance)
    varies = deviation > 10 * jnp.finfo(deviation.dtype).eps * jnp.abs(of_x.mean)
    if examples.active is not None:
        varies = varies & examples.active
    scale = jnp.where(varies, 1 / jnp.where(varies, deviation, 1), 0)
    mean = jnp.where(varies, of_x.mean, 0)
    level = weighted_quantile(y, v, spec.q[None])[0]
    level = jnp.where(jnp.isfinite(level), level, 0)
    z = jnp.where(here[:, None], (examples.inputs - mean[None]) * scale[None], 0)
    design = jnp.concatenate([z, here[:, None].astype(z.dtype)], axis=1)
    response = jnp.where(here, y - level, 0)
    null = jnp.dot(v, _rho(response, spec.q))
    size = jnp.where(null > 0, null / jnp.maximum(v.sum(), tiny(null)), 1)
    # |b_j| is the loss of a row of its own: a median of 0, of weight 2 l1.
    d = scale.shape[0]
    rows = jnp.concatenate([design, jnp.eye(d, d + 1, dtype=z.dtype)])
    weight = jnp.concatenate([v, 2 * spec.l1 * scale])
    share = jnp.concatenate([jnp.full_like(v, spec.q), jnp.full_like(scale, 0.5)])
    values = jnp.concatenate([response, jnp.zeros_like(scale)]) / size
    free = jnp.append(varies, True)
    theta, gap, count = _interior_point(rows, values, weight, share, free, spec.max_iter, spec.tol, null / size)
    theta, gap = theta * size, gap * size

    residual = response - jnp.dot(design, theta, precision="highest")
    b = theta[:-1] * scale
    intercept = level + theta[-1] - jnp.dot(mean, b, precision="highest")
    loss = jnp.dot(v, _rho(residual, spec.q))
    weights = examples.weight
    mass = weights.sum()
    to_columns = jnp.zeros((d + 1, d + 1), z.dtype).at[jnp.arange(d), jnp.arange(d)].set(scale)
    to_columns = to_columns.at[d, :d].set(-mean * scale).at[d, d].set(1)
    covariance = to_columns @ _covariance(design, residual, weights, free, spec.q) @ to_columns.T
    error = jnp.where(spec.l1 > 0, jnp.nan, jnp.sqrt(jnp.maximum(jnp.diag(covariance), 0)))
    return Params(intercept[None], b[None]), Info(
        standard_error=error[None, :-1],
        intercept_standard_error=error[-1:],
        residual_degrees_of_freedom=mass - free.sum(),
        loss=loss,
        null_loss=null,
        pseudo_r2=jnp.where(null > 0, 1 - loss / jnp.where(null > 0, null, 1), 0),
        gap=gap,
        below=jnp.dot(weights, (residual < 0).astype(z.dtype)) / jnp.maximum(mass, tiny(mass)),
        iterations=count,
        converged=gap <= spec.tol * jnp.maximum(null, tiny(null)),
        mass=mass,
    )


def _rho(r: Array, q: Array) -> Array:
    return jnp.where(r >= 0, q * r, (q - 1) * r)


def _interior_point(
    x: Float[Array, "m e"], y: Float[Array, " m"], u: Float[Array, " m"], q: Float[Array, " m"],
    free: Bool[Array, " e"], max_iter: int, tol: Array, unit: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Maximise y'a over 0 <= a <= u with x'a = x'((1 - q) u); the multipliers are the coefficients. Rows with u = 0 are
    not there, and coefficients that are not `free` stay 0.

    Gives them, the duality gap at the end and the number of steps.
    """
    there = u > 0
    on = there.astype(x.dtype)
    u = jnp.where(there, u, 1)

    def solve(weight: Array, right: Array) -> Array:
        return _solve(x, weight, free, right[:, None])[:, 0]

    def reach(value: Array, step: Array) -> Array:
        return jnp.min(jnp.where((step < 0) & there, -value / jnp.where(step < 0, step, -1), jnp.inf), initial=jnp.inf)

    def shares(p: _Point, da: Array, dz: Array, dw: Array) -> tuple[Array, Array]:
        primal = jnp.minimum(INSIDE * jnp.minimum(reach(p.a, da), reach(p.s, -da)), 1)
        dual = jnp.minimum(INSIDE * jnp.minimum(reach(p.z, dz), reach(p.w, dw)), 1)
        return primal, dual

    def gap(p: _Point) -> Array:
        return jnp.dot(on, p.z * p.a + p.w * p.s)

    def body(state: tuple[_Point, Array]) -> tuple[_Point, Array]:
        p, count = state
        weight = on / (p.z / p.a + p.w / p.s)
        r = p.z - p.w
        right = jnp.matmul(weight * r, x, precision="highest")
        dtheta = solve(weight, right)
        da = weight * (jnp.dot(x, dtheta, precision="highest") - r)
        dz, dw = -p.z * (1 + da / p.a), -p.w * (1 - da / p.s)
        primal, dual = shares(p, da, dz, dw)
        mu = gap(p)
        ahead = jnp.dot(on, (p.z + dual * dz) * (p.a + primal * da) + (p.w + dual * dw) * (p.s - primal * da))
        mu = mu * (ahead / jnp.maximum(mu, tiny(mu))) ** 3 / (2 * jnp.maximum(on.sum(), 1))
        cross_a, cross_s = da * dz, -da * dw
        inner = mu * (1 / p.a - 1 / p.s)
        shift = cross_a / p.a - cross_s / p.s - inner
        dtheta = solve(weight, right + jnp.matmul(weight * shift, x, precision="highest"))
        da = weight * (jnp.dot(x, dtheta, precision="highest") - r - shift)
        dz = mu / p.a - p.z - p.z * da / p.a - cross_a / p.a
        dw = mu / p.s - p.w + p.w * da / p.s - cross_s / p.s
        primal, dual = shares(p, da, dz, dw)
        return _Point(
            p.a + primal * da, p.s - primal * da, p.theta + dual * dtheta, p.z + dual * dz, p.w + dual * dw
        ), count + 1

    def goes_on(state: tuple[_Point, Array]) -> Array:
        p, count = state
        return (gap(p) > tol * jnp.maximum(unit, tiny(unit))) & (count < max_iter)

    start = solve(u * on, jnp.matmul(u * on * -y, x, precision="highest"))
    r = -y - jnp.dot(x, start, precision="highest")
    r = jnp.where(r == 0, 0.001, r)
    least = 1e-3 * jnp.maximum(jnp.dot(on, jnp.abs(r)) / jnp.maximum(on.sum(), 1), tiny(unit))
    z = jnp.maximum(r, 0) + least
    a = jnp.where(there, (1 - q) * u, 0.5)
    first = _Point(a, u - a, start, z, z - r), jnp.zeros((), jnp.int32)
    p, count = jax.lax.while_loop(goes_on, body, first)
    return jnp.where(free, -p.theta, 0), gap(p), count


def _solve(x: Array, weight: Array, free: Array, right: Float[Array, "e r"]) -> Float[Array, "e r"]:
    """(x' diag(weight) x)^-1 right, among the free coefficients; a trace on the diagonal parts equal columns."""
    fixed = jnp.diag(jnp.where(free, 0, 1).astype(x.dtype))
    system = jnp.where(free[:, None] & free[None], weighted_gram(x, weight), 0) + fixed
    size = jnp.sqrt(jnp.diag(system))
    eps = 100 * jnp.finfo(x.dtype).eps
    factor = jax.scipy.linalg.cho_factor(system / size[:, None] / size[None] + eps * jnp.eye(len(size), dtype=x.dtype))
    return jax.scipy.linalg.cho_solve(factor, jnp.where(free[:, None], right, 0) / size[:, None]) / size[:, None]


def _covariance(x: Array, residual: Array, weight: Array, free: Array, q: Array) -> Array:
    """Of the coefficients of the design, where errors differ by row: H^-1 J H^-1 with the density at 0 estimated."""
    mass = weight.sum()
    n = jnp.maximum(mass, 1)
    normal = jax.scipy.stats.norm
    at = normal.ppf(q)
    width = n ** (-1 / 3) * normal.ppf(0.975) ** (2 / 3)
    width = width * (1.5 * normal.pdf(at) ** 2 / (2 * at**2 + 1)) ** (1 / 3)
    quartiles = weighted_quantile(residual, weight, jnp.asarray([0.25, 0.75], residual.dtype))
    mean = jnp.dot(weight, residual) / n
    spread = jnp.sqrt(jnp.dot(weight, (residual - mean) ** 2) / n)
    spread = jnp.minimum(spread, (quartiles[1] - quartiles[0]) / 1.34)
    h = spread * (normal.ppf(jnp.minimum(q + width, 1 - 1e-9)) - normal.ppf(jnp.maximum(q - width, 1e-9)))
    h = jnp.where(h > 0, h, tiny(h))
    near = residual / h
    density = jnp.dot(weight, jnp.where(jnp.abs(near) <= 1, 0.75 * (1 - near**2), 0)) / (n * h)
    times = jnp.where(residual > 0, q, 1 - q) / jnp.where(density > 0, density, jnp.nan)
    middle = weighted_gram(x, weight * times**2)
    return _solve(x, weight, free, _solve(x, weight, free, middle).T)


@hookimpl
def mldsl_components() -> list[Component]:
    """Quantile regression."""
    return [
        Model(
            "quantile_regression", Spec, fit=fit, predict=predict, tasks=("regress",), roles=("weight", "offset"),
            precision="float64", costs=True, snippet="model { quantile_regression(q = 0.9) }",
            sources=("Koenker & Bassett 1978, doi:10.2307/1913643",
                     "Portnoy & Koenker 1997, doi:10.1214/ss/1030037960",
                     "Hall & Sheather 1988, doi:10.1111/j.2517-6161.1988.tb01735.x"),
            also_known_as=("QuantileRegressor", "QuantReg", "rq", "median_regression", "least_absolute_deviations"),
        )
    ]  # fmt: skip
