"""Huber regression: least squares near the line, absolute errors far from it, so that outliers pull no harder.

Minimises sum_i v_i (s + s H((y_i - o_i - a - x_i b) / s)) + l2/2 |b|^2 over the intercept a, which is free, the
coefficients b and the scale s > 0 of the errors, with H(z) = z^2 up to |z| = delta and 2 delta |z| - delta^2 beyond,
v_i the row's weight times its cost and o_i its offset. Because the scale is learned too, `delta` is a number of scales
and stays right when the target changes its unit; 1.35 gives 95 % of the efficiency of least squares where errors are
normal.

The objective is convex. Newton's steps are halved until they lower it; where that does not help, a step of iteratively
reweighted least squares does.

Shapes:  n rows, d columns. O(n d^2) time per iteration, O(d^2) memory beside the inputs.
Units:   a coefficient is in the unit of the target over that of its column; the scale is in the target's.
Errors:  none; a column that does not vary gets coefficient 0. Where more rows lie exactly on a plane than off it, the
         scale ends at its least value, 1e-10 of the target's deviation.
Sources: Huber & Ronchetti 2009, doi:10.1002/9780470434697 (concomitant scale);
         Owen 2007, doi:10.1090/conm/443/08555.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Shape, block_rows, sum_blocks, tiny, total, weighted_moments
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl_plugins.linear._line import Params, predict

LEAST = 1e-10  # of the target's deviation: the smallest scale


@attrs.frozen
class Spec:
    """Hyperparameters of Huber regression."""

    delta: float = param(
        1.35, ge=1.05, traced=True, unit="scales", also_known_as=("epsilon",),
        doc="Beyond so many scales of the errors a row counts by its absolute error.",
    )  # fmt: skip
    l2: float = param(
        0.0, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger", also_known_as=("alpha", "penalty"),
        doc="Weight of half the squared norm of the coefficients: twice the alpha of scikit-learn.",
    )  # fmt: skip
    max_iter: int = param(500, ge=1, unit="iterations", doc="Most to run.")
    tol: float = param(
        1e-13, ge=0, traced=True, doc="Stop when a step would lower the objective by less than this share."
    )


class Info(NamedTuple):
    """`scale` of the errors, in the unit of the target; `outliers` is the weight of the rows beyond `delta` scales."""

    scale: Float[Array, ""]
    outliers: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    objective: Float[Array, ""]
    mass: Float[Array, ""]


class _Data(NamedTuple):
    """Standardized columns z = (x - mean) scale, and the penalty on their coefficients and the intercept [d + 1]."""

    x: Float[Array, "n d"]
    y: Float[Array, " n"]
    v: Float[Array, " n"]
    mean: Float[Array, " d"]
    scale: Float[Array, " d"]
    pull: Float[Array, " e"]
    mass: Float[Array, ""]
    least: Float[Array, ""]

    def rows(self, x: Array) -> Array:
        z = (x - self.mean[None]) * self.scale[None]
        return jnp.concatenate([z, jnp.ones((z.shape[0], 1), z.dtype)], axis=1)


def _objective(data: _Data, theta: Array, sigma: Array, delta: Array) -> Array:
    """What is minimised, at coefficients and intercept theta [d + 1] of the standardized columns."""

    def block(v: Array, x: Array, y: Array) -> Array:
        r = jnp.abs(y - jnp.dot(data.rows(x), theta, precision="highest")) / sigma
        return jnp.dot(v, jnp.where(r <= delta, r * r, 2 * delta * r - delta**2)) * sigma

    losses = sum_blocks(block, data.v, data.x, data.y)
    return losses + data.mass * sigma + 0.5 * jnp.dot(data.pull, theta**2)


def _steps(data: _Data, theta: Array, sigma: Array, delta: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Newton's step in (theta, sigma); and the next (theta, sigma) by reweighted least squares."""

    def block(v: Array, x: Array, y: Array) -> tuple[Array, ...]:
        z = data.rows(x)
        r = y - jnp.dot(z, theta, precision="highest")
        size = jnp.abs(r)
        near = size <= delta * sigma
        u = jnp.concatenate([z, (r / sigma)[:, None]], axis=1)
        slope = jnp.where(near, 2 * r / sigma, 2 * delta * jnp.sign(r))
        inner = jnp.matmul((u * jnp.where(near, v, 0)[:, None]).T, u, precision="highest")
        w = v * jnp.where(near, 1, delta * sigma / jnp.maximum(size, tiny(size)))
        heavy = z * w[:, None]
        return (
            inner,
            jnp.matmul(v * slope, z, precision="highest"),
            jnp.dot(v, jnp.where(near, r * r, 0)),
            jnp.dot(v, (~near).astype(v.dtype)),
            jnp.matmul(heavy.T, z, precision="highest"),
            jnp.matmul(r, heavy, precision="highest"),
        )

    sums = sum_blocks(block, data.v, data.x, data.y, rows=block_rows(4 * theta.shape[0]))
    inner, slope, squares, far, gram, right = sums
    e = theta.shape[0]
    gradient = jnp.append(data.pull * theta - slope, data.mass - squares / sigma**2 - delta**2 * far)
    small = 1e-12 * jnp.maximum(jnp.trace(inner) / (e + 1), tiny(sigma))
    hessian = 2 / sigma * inner + jnp.diag(jnp.append(data.pull, 0)) + small * jnp.eye(e + 1, dtype=theta.dtype)
    step = jnp.linalg.solve(hessian, gradient)
    # Only so far that the scale stays within a factor of 4: which rows are outliers changes with it, all at once.
    up, down = 3 * sigma, -jnp.minimum(0.75 * sigma, sigma - data.least)
    share = jnp.where(-step[-1] > up, up / -step[-1], jnp.where(-step[-1] < down, down / -step[-1], 1))
    newton = -share * step[:-1], -share * step[-1]
    system = 2 / sigma * gram + jnp.diag(data.pull) + small * jnp.eye(e, dtype=theta.dtype)
    moved = theta + jnp.linalg.solve(system, 2 / sigma * right - data.pull * theta)
    spread = jnp.sqrt(squares / jnp.maximum(data.mass - delta**2 * far, 1e-3 * data.mass + tiny(sigma)))
    return newton, (moved, jnp.clip(spread, jnp.maximum(sigma / 4, data.least), 4 * sigma))


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercept, coefficients and scale."""
    target = examples.target
    assert target is not None
    y = target if examples.offset is None else target - examples.offset
    v = examples.loss_weight()
    of_x, of_y = weighted_moments(examples.inputs, v), weighted_moments(y, v)
    deviation = jnp.sqrt(of_x.variance)
    varies = deviation > 10 * jnp.finfo(deviation.dtype).eps * jnp.abs(of_x.mean)
    if examples.active is not None:
        varies = varies & examples.active
    scale = jnp.where(varies, 1 / jnp.where(varies, deviation, 1), 0)
    mean = jnp.where(varies, of_x.mean, 0)
    pull = jnp.append(jnp.where(varies, spec.l2 * scale**2, 1), 0)
    spread = jnp.sqrt(of_y.variance)
    least = LEAST * jnp.where(spread > 0, spread, 1)
    data = _Data(examples.inputs, y, v, mean, scale, pull, of_x.mass, least)
    theta = jnp.zeros(scale.shape[0] + 1, y.dtype).at[-1].set(of_y.mean)
    sigma = jnp.maximum(spread, least)

    def body(state: tuple[Array, ...]) -> tuple[Array, ...]:
        theta, sigma, value, _, count = state
        step, other = _steps(data, theta, sigma, spec.delta)

        def along(share: Array) -> tuple[Array, Array]:
            return theta + share * step[0], sigma + share * step[1]

        def halve(trial: tuple[Array, Array]) -> tuple[Array, Array]:
            half = trial[0] / 2
            return half, _objective(data, *along(half), spec.delta)

        first = jnp.ones_like(value), _objective(data, *along(jnp.ones_like(value)), spec.delta)
        share, by_newton = jax.lax.while_loop(lambda t: ~(t[1] < value) & (t[0] > 1e-3), halve, first)
        newton = along(share)
        better = by_newton < value

        def reweighted() -> tuple[Array, Array, Array]:
            # The best of the reweighted step, of its halves, and of a little more or less scale.
            thetas = jnp.stack([other[0], other[0], theta, theta, theta])
            sigmas = jnp.stack([other[1], sigma, other[1], 1.1 * sigma, jnp.maximum(sigma / 1.1, data.least)])
            values = jax.lax.map(lambda t: _objective(data, *t, spec.delta), (thetas, sigmas))
            best = values.argmin()
            fell = values[best] < value
            return (
                jnp.where(fell, thetas[best], theta), jnp.where(fell, sigmas[best], sigma),
                jnp.where(fell, values[best], value),
            )  # fmt: skip

        theta, sigma, new = jax.lax.cond(better, lambda: (*newton, by_newton), reweighted)
        return theta, sigma, new, value - new, count + 1

    def goes_on(state: tuple[Array, ...]) -> Array:
        _, _, value, fall, count = state
        return (fall > spec.tol * jnp.abs(value)) & (count < spec.max_iter)

    value = _objective(data, theta, sigma, spec.delta)
    start = theta, sigma, value, jnp.full_like(value, jnp.inf), jnp.zeros((), jnp.int32)
    theta, sigma, value, fall, count = jax.lax.while_loop(goes_on, body, start)
    b = theta[:-1] * scale
    intercept = theta[-1] - jnp.dot(mean, b, precision="highest")

    def beyond(w: Array, x: Array, y: Array) -> Array:
        r = y - jnp.dot(data.rows(x), theta, precision="highest")
        return jnp.dot(w, (jnp.abs(r) > spec.delta * sigma).astype(w.dtype))

    return Params(intercept[None], b[None]), Info(
        scale=sigma,
        outliers=sum_blocks(beyond, examples.weight, data.x, data.y),
        iterations=count,
        converged=fall <= spec.tol * jnp.abs(value),
        objective=value,
        mass=total(examples.weight.sum()),
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """Huber regression."""
    return [
        Model(
            "huber_regression", Spec, fit=fit, predict=predict, tasks=("regress",), roles=("weight", "offset"),
            precision="float64", costs=True, snippet="model { huber_regression(delta = 1.35) }",
            sources=("Huber & Ronchetti 2009, doi:10.1002/9780470434697", "Owen 2007, doi:10.1090/conm/443/08555"),
            also_known_as=("HuberRegressor", "RLM", "rlm", "robust_regression"),
        )
    ]  # fmt: skip
