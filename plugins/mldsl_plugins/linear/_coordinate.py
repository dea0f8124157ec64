"""Squared error with l1 and l2 penalties, by coordinate descent on the Gram matrix and steps on the active columns.

Minimises sum_i v_i (y_i - a - x_i b)^2 / 2 + l2/2 |b|^2 + l1 |b|_1 over a, which is free, and b. With columns centred
and of unit length all that the rows say is in the Gram matrix G = Z'VZ and in c = Z'Vy, so that a sweep over d columns
costs O(d^2), whatever n is. Sweeps find which columns are active and with which sign (Friedman et al. 2010,
doi:10.18637/jss.v033.i01); given these the problem is a linear system, and a step towards its solution, up to where the
first coefficient would change its sign, makes the end exact where sweeps alone creep (feature-sign search; Lee et al.
2006, NeurIPS).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Examples, block_rows, sum_blocks, tiny, total
from mldsl_plugins.linear._least_squares import Data, center

SWEEPS = 8  # between two steps on the active columns


class Found(NamedTuple):
    """Intercept and coefficients in the columns' own units, and how they were found.

    `violation` is the largest violation of the conditions of the optimum: the correlation of a column with the
    residuals, beyond what its penalty allows, over the length of the centred target. `rss` is the weighted residual sum
    of squares, `spread` that about the mean.
    """

    intercept: Float[Array, ""]
    coefficients: Float[Array, " d"]
    iterations: Int[Array, ""]
    violation: Float[Array, ""]
    rss: Float[Array, ""]
    spread: Float[Array, ""]
    mass: Float[Array, ""]


class Quadratic(NamedTuple):
    """1/2 b'Gb - c'b + sum_j l1_j |b_j| + l2_j b_j^2 / 2; the diagonal of G is 1, or 0 where a column is not there."""

    gram: Float[Array, "d d"]
    cross: Float[Array, " d"]
    l1: Float[Array, " d"]
    l2: Float[Array, " d"]

    def gradient(self, b: Float[Array, " d"]) -> Float[Array, " d"]:
        """What pulls at each coefficient: the negative gradient without the l1 part."""
        return self.cross - jnp.matmul(self.gram, b, precision="highest") - self.l2 * b


def solve(
    examples: Examples, l1: Float[Array, ""], l2: Float[Array, ""], max_iter: int, tol: Float[Array, ""]
) -> Found:
    """The penalised least squares fit of these examples; `tol` bounds `violation`."""
    target = examples.target
    assert target is not None
    y = target if examples.offset is None else target - examples.offset
    active = jnp.ones(examples.inputs.shape[1], bool) if examples.active is None else examples.active
    data = center(examples.inputs, y, examples.loss_weight(), active)
    gram, cross, square = _products(data)
    size = jnp.sqrt(jnp.diag(gram))
    mass = total(data.v.sum())
    # A column whose deviations are rounding errors of its mean does not vary.
    rounding = 10 * jnp.finfo(size.dtype).eps * jnp.abs(data.mean) * jnp.sqrt(jnp.maximum(mass, 0))
    there = active & (size > rounding)
    scale = jnp.where(there, 1 / jnp.where(there, size, 1), 0)
    problem = Quadratic(gram * scale[None] * scale[:, None], cross * scale, l1 * scale, l2 * scale**2)
    length = jnp.sqrt(jnp.maximum(square, tiny(square)))
    b, iterations, violation = _minimise(problem, there, max_iter, tol * length)
    b = b * scale
    intercept = data.level - jnp.dot(jnp.where(active, data.mean, 0), b, precision="highest")

    def residuals(w: Array, x: Array, y: Array) -> Array:
        return jnp.dot(w, (y - intercept - jnp.dot(x, b, precision="highest")) ** 2)

    rss = sum_blocks(residuals, data.v, data.x, data.y)
    return Found(intercept, b, iterations, violation / length, rss, square, mass)


def _products(data: Data) -> tuple[Array, Array, Array]:
    """The Gram matrix of the centred columns, their products with the centred target, and its sum of squares."""

    def block(w: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
        x, y = data.centred(x, y)
        heavy = x * w[:, None]
        return jnp.matmul(heavy.T, x, precision="highest"), jnp.matmul(y, heavy, precision="highest"), jnp.dot(w, y * y)

    products: tuple[Array, Array, Array] = sum_blocks(block, data.v, data.x, data.y, rows=block_rows(data.x.shape[1]))
    return products


def _violation(problem: Quadratic, b: Array) -> Array:
    pull = problem.gradient(b)
    of_active = jnp.abs(pull - problem.l1 * jnp.sign(b))
    return jnp.max(jnp.where(b != 0, of_active, jnp.maximum(jnp.abs(pull) - problem.l1, 0)), initial=0)


def _minimise(problem: Quadratic, there: Bool[Array, " d"], max_iter: int, tol: Array) -> tuple[Array, Array, Array]:
    """Sweeps and active steps in turn, until the conditions of the optimum hold to `tol`."""
    d = problem.cross.shape[0]

    def update(j: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        b, pull = state
        curvature = problem.gram[j, j] + problem.l2[j]
        open_to = pull[j] + curvature * b[j]
        new = jnp.sign(open_to) * jnp.maximum(jnp.abs(open_to) - problem.l1[j], 0) / jnp.where(there[j], curvature, 1)
        change = jnp.where(there[j], new - b[j], 0)
        pull = (pull - problem.gram[j] * change).at[j].add(-problem.l2[j] * change)
        return b.at[j].add(change), pull

    def sweeps(b: Array) -> Array:
        state = b, problem.gradient(b)
        swept: tuple[Array, Array] = jax.lax.fori_loop(0, SWEEPS * d, lambda i, s: update(i % d, s), state)
        return swept[0]

    def body(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        b, count, _ = state
        b = _towards_active(problem, sweeps(b))
        return b, count + SWEEPS, _violation(problem, b)

    def goes_on(state: tuple[Array, Array, Array]) -> Array:
        return (state[2] > tol) & (state[1] < max_iter)

    start = jnp.zeros(d, problem.cross.dtype)
    first = start, jnp.zeros((), jnp.int32), _violation(problem, start)
    minimum: tuple[Array, Array, Array] = jax.lax.while_loop(goes_on, body, first)
    return minimum


def _towards_active(problem: Quadratic, b: Array) -> Array:
    """From b towards the solution with the signs that b has, up to where the first coefficient becomes 0.

    Along the way the objective falls, since within these signs it is a convex quadratic whose minimum lies ahead.
    """
    on = b != 0
    both = on[:, None] & on[None]
    system = jnp.where(both, problem.gram, 0) + jnp.diag(jnp.where(on, problem.l2, 1))
    right = jnp.where(on, problem.cross - problem.l1 * jnp.sign(b), 0)
    factor = jax.scipy.linalg.cho_factor(system, lower=True)
    end = jax.scipy.linalg.cho_solve(factor, right)
    end = end + jax.scipy.linalg.cho_solve(factor, right - jnp.matmul(system, end, precision="highest"))
    flips = on & (end * b < 0)
    share = jnp.where(flips, b / jnp.where(flips, b - end, 1), 1)
    step = jnp.min(share, initial=1)
    new = jnp.where(flips & (share <= step), 0, b + step * (end - b))
    new = jnp.where(on, new, 0)
    lower = _objective(problem, new) <= _objective(problem, b)  # false too where collinear columns gave NaN
    return jnp.where(lower, new, b)


def _objective(problem: Quadratic, b: Array) -> Array:
    quadratic = 0.5 * jnp.dot(b, jnp.matmul(problem.gram, b, precision="highest") + problem.l2 * b)
    return quadratic - jnp.dot(problem.cross, b) + jnp.dot(problem.l1, jnp.abs(b))
