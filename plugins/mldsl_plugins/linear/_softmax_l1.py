"""Two ways to minimise the multinomial loss with an absolute norm, which leaves coefficients that are exactly 0.

Newton's method: the loss is replaced by its second-order model, and that with the norm is minimised coefficient by
coefficient, each of which has a closed form, soft thresholding (Friedman, Hastie & Tibshirani 2010). Gradients alone:
L-BFGS within the orthant of the signs that coefficients have or are about to take (Andrew & Gao 2007).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import total
from mldsl_plugins.linear._softmax import Found, Problem, Value, evaluate

SWEEPS = 1000  # at most, over all coefficients of a quadratic model
SHARP = 1e-7  # of what the first sweep gained is what the last one gains, so that a model is solved
MEMORY = 10  # earlier steps that L-BFGS learns the curvature from
HALVINGS = 30  # of a step, before no descent is found


def soft(x: Array, by: Array) -> Array:
    """x drawn to 0 by an amount, and 0 where it is within that."""
    return jnp.sign(x) * jnp.maximum(jnp.abs(x) - by, 0)


def norm(problem: Problem, theta: Array) -> Array:
    """The weighted absolute norm of the unknowns."""
    assert problem.lasso is not None
    return jnp.sum(problem.lasso[None] * jnp.abs(theta))


class _Newton(NamedTuple):
    theta: Array
    value: Value
    target: Array  # the minimum of the quadratic model
    decrease: Array  # that going there promises
    share: Array  # of the way that is tried next
    stalled: Array
    iterations: Array
    history: Array


def newton(problem: Problem, start: Array, max_iter: int, tol: Array, null: Array) -> Found:
    """Steps to the minimum of the quadratic model with the norm, halved until they lower what is minimised.

    The step that promises less than `tol` is still taken. `iterations` counts steps.
    """

    def going(loop: _Newton) -> Array:
        return ~loop.stalled & (loop.iterations <= max_iter) & (loop.share > 1e-10)

    def advance(loop: _Newton) -> _Newton:
        trial = jnp.where(loop.share == 1, loop.target, loop.theta + loop.share * (loop.target - loop.theta))
        value = evaluate(problem, trial)
        value = value._replace(objective=value.objective + norm(problem, trial))
        slack = 1e-14 * jnp.abs(value.objective)
        better = value.objective <= loop.value.objective - 1e-4 * loop.share * loop.decrease + slack
        target, decrease = _minimum(problem, value, trial, tol * null)
        taken = loop._replace(
            theta=trial, value=value, target=target, decrease=decrease, share=jnp.ones_like(loop.share),
            stalled=loop.decrease <= tol * null,
        )  # fmt: skip
        refused = loop._replace(share=loop.share / 2)
        chosen = jax.tree.map(lambda a, b: jnp.where(better, a, b), taken, refused)
        history = loop.history.at[loop.iterations + 1].set(chosen.value.objective)
        return chosen._replace(iterations=loop.iterations + 1, history=history)

    dtype, size = start.dtype, start.size
    infinite, zero = jnp.asarray(jnp.inf, dtype), jnp.zeros((), dtype)
    nothing = Value(infinite, infinite, jnp.zeros_like(start), jnp.zeros((size, size), dtype), zero, zero)
    much = jnp.asarray(jnp.finfo(dtype).max, dtype)
    history = jnp.full(max_iter + 2, jnp.nan, dtype)
    first = _Newton(
        start, nothing, start, much, jnp.ones((), dtype), jnp.asarray(False), jnp.asarray(-1), history
    )  # the first pass takes a step of length 0
    end = jax.lax.while_loop(going, advance, first)
    return Found(end.theta, end.value, end.iterations, end.stalled, jnp.asarray(False), end.history)


def _minimum(problem: Problem, value: Value, theta: Array, enough: Array) -> tuple[Array, Array]:
    """Where the quadratic model of the loss at `theta`, with the norm, is least, and by how much the model falls."""
    assert value.hessian is not None
    assert problem.lasso is not None
    square, size = value.hessian, theta.size
    diagonal = jnp.maximum(jnp.diag(square), jnp.finfo(theta.dtype).tiny)
    by = jnp.tile(problem.lasso, theta.shape[0])
    start, gradient = theta.reshape(-1), value.gradient.reshape(-1)

    def one(j: Array, loop: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        at, slope, gain = loop
        new = soft(at[j] - slope[j] / diagonal[j], by[j] / diagonal[j])
        change = new - at[j]
        return at.at[j].set(new), slope + square[j] * change, jnp.maximum(gain, diagonal[j] * change**2)

    def sweep(loop: tuple[Array, ...]) -> tuple[Array, ...]:
        at, slope, _, first, count = loop
        at, slope, gain = jax.lax.fori_loop(0, size, one, (at, slope, jnp.zeros_like(first)))
        return at, slope, gain, jnp.where(count == 0, gain, first), count + 1

    def going(loop: tuple[Array, ...]) -> Array:
        _, _, gain, first, count = loop
        return (count == 0) | ((count < SWEEPS) & (gain > jnp.maximum(SHARP * first, 1e-3 * enough)))

    zero = jnp.zeros((), theta.dtype)
    at, slope, *_ = jax.lax.while_loop(going, sweep, (start, gradient, zero, zero, jnp.asarray(0)))
    step = at - start
    fall = -0.5 * jnp.sum(step * (gradient + slope)) + jnp.sum(by * (jnp.abs(start) - jnp.abs(at)))
    return at.reshape(theta.shape), fall


class _Orthant(NamedTuple):
    unknown: Array
    objective: Array
    gradient: Array  # of the smooth part
    steps: Float[Array, "memory m e"]
    changes: Float[Array, "memory m e"]
    inverse: Float[Array, " memory"]  # 1 / (step . change), 0 where there is none yet
    decrease: Array
    iterations: Array
    history: Array


def orthant(problem: Problem, start: Array, max_iter: int, tol: Array, null: Array) -> Found:
    """L-BFGS on the orthant of the present signs; a step that would cross 0 ends there. Gradients only.

    The unknowns are scaled by a bound of the curvature of each.
    """
    assert problem.lasso is not None
    m = start.shape[0]
    curvature = 0.25 if m == 1 else 0.5
    size = 1 / jnp.sqrt(curvature * total(problem.weight.sum()) * problem.free + problem.penalty)
    by = (problem.lasso * size)[None]

    def measure(unknown: Array) -> tuple[Array, Array]:
        value = evaluate(problem, unknown * size[None], hessian=False)
        return value.objective + jnp.sum(by * jnp.abs(unknown)), value.gradient * size[None]

    def pseudo(unknown: Array, gradient: Array) -> Array:
        """The slope towards which the objective falls, 0 where it rises on both sides."""
        at_zero = jnp.where(gradient < -by, gradient + by, jnp.where(gradient > by, gradient - by, 0))
        return jnp.where(unknown == 0, at_zero, gradient + jnp.sign(unknown) * by)

    def going(loop: _Orthant) -> Array:
        return (loop.decrease > tol * null) & (loop.iterations < max_iter)

    def advance(loop: _Orthant) -> _Orthant:
        slope = pseudo(loop.unknown, loop.gradient)
        direction = -_times_inverse(loop, slope)
        direction = jnp.where(direction * slope < 0, direction, 0)
        signs = jnp.where(loop.unknown != 0, jnp.sign(loop.unknown), -jnp.sign(slope))

        def tried(share: Array) -> tuple[Array, Array, Array]:
            moved = loop.unknown + share * direction
            moved = jnp.where((moved * signs > 0) | (by == 0), moved, 0)
            return moved, *measure(moved)

        def refused(search: tuple[Array, ...]) -> Array:
            _, halvings, moved, objective, _ = search
            promised = 1e-4 * jnp.sum(slope * (moved - loop.unknown)) + 1e-14 * jnp.abs(objective)
            return (objective > loop.objective + promised) & (halvings < HALVINGS)

        def halved(search: tuple[Array, ...]) -> tuple[Array, ...]:
            share, halvings, *_ = search
            return share / 2, halvings + 1, *tried(share / 2)

        one = jnp.ones((), start.dtype)
        _, halvings, moved, objective, gradient = jax.lax.while_loop(
            refused, halved, (one, jnp.asarray(0), *tried(one))
        )
        step, change = moved - loop.unknown, gradient - loop.gradient
        product = jnp.sum(step * change)
        place = loop.iterations % MEMORY
        useful = product > 1e-12 * jnp.sum(change * change)
        inverse = loop.inverse.at[place].set(jnp.where(useful, 1 / jnp.where(useful, product, 1), 0))
        decrease = jnp.where(halvings < HALVINGS, -jnp.sum(step * slope) / 2, 0)
        return _Orthant(
            moved, objective, gradient, loop.steps.at[place].set(step), loop.changes.at[place].set(change), inverse,
            decrease, loop.iterations + 1, loop.history.at[loop.iterations + 1].set(objective),
        )  # fmt: skip

    unknown = start / size[None]
    objective, gradient = measure(unknown)
    earlier = jnp.zeros((MEMORY, *start.shape), start.dtype)
    first = _Orthant(
        unknown, objective, gradient, earlier, earlier, jnp.zeros(MEMORY, start.dtype),
        jnp.asarray(jnp.inf, start.dtype), jnp.asarray(0),
        jnp.full(max_iter + 1, jnp.nan, start.dtype).at[0].set(objective),
    )  # fmt: skip
    end = jax.lax.while_loop(going, advance, first)
    theta = end.unknown * size[None]
    value = evaluate(problem, theta, hessian=False)
    return Found(theta, value, end.iterations, end.decrease <= tol * null, jnp.asarray(False), end.history)


def _times_inverse(loop: _Orthant, vector: Array) -> Array:
    """The inverse Hessian, as far as the latest steps tell it, times a vector: the two loops of L-BFGS."""

    def back(i: Array, state: tuple[Any, Array]) -> tuple[Any, Array]:
        vector, shares = state
        at = (loop.iterations - 1 - i) % MEMORY
        share = loop.inverse[at] * jnp.sum(loop.steps[at] * vector)
        return vector - share * loop.changes[at], shares.at[at].set(share)

    def forth(i: Array, vector: Array) -> Array:
        at = (loop.iterations + i) % MEMORY
        again = loop.inverse[at] * jnp.sum(loop.changes[at] * vector)
        return vector + jnp.where(loop.inverse[at] > 0, shares[at] - again, 0) * loop.steps[at]

    vector, shares = jax.lax.fori_loop(0, MEMORY, back, (vector, jnp.zeros_like(loop.inverse)))
    last = (loop.iterations - 1) % MEMORY
    square = jnp.sum(loop.changes[last] ** 2)
    known = (loop.inverse[last] > 0) & (square > 0)
    scale = jnp.where(known, 1 / jnp.where(known, loop.inverse[last] * square, 1), 1)
    return jax.lax.fori_loop(0, MEMORY, forth, vector * scale)
