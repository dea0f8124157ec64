"""Gradient descent on the mean penalised loss of the multinomial model, an epoch an update.

On standardized columns, so that one learning rate suits all of them. A step with velocity u goes
u <- momentum u - rate g, theta <- theta + u, where g is the gradient over all rows (`batch`), over a batch of them, or
over one (`mini_batch`, `stochastic`). Batches are drawn anew in each epoch, without replacement, from rows that are
there; a row's gradient is multiplied by its weight, so that g is the whole gradient in the mean. At a constant rate
such steps end in a cloud around the optimum; its centre, the mean of the last epoch's states, is what is kept (Polyak
& Juditsky 1992, doi:10.1137/0330046).

With l1 each step of `batch` ends with soft thresholding: the proximal gradient method. Steps by few rows would hardly
ever leave a coefficient at 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Examples, Sparse, segment_reduce, sum_blocks, tiny, total
from mldsl_plugins.linear import _softmax as softmax
from mldsl_plugins.linear._softmax import Problem
from mldsl_plugins.linear._softmax_l1 import soft

POWER = 30  # products with the Gram matrix, that its largest eigenvalue is known well enough by
SURE = 1.1  # what it is then multiplied by
BOLD = 1.5  # over the bound of the curvature: batches stay below twice, where steps would no longer settle
GENTLE = 0.1  # the same for single rows, whose gradients differ most


class State(NamedTuple):
    """Where descent is; columns are standardized as measured in the first epoch. `mean_theta` is over an epoch."""

    key: Any
    epoch: Int[Array, ""]
    theta: Float[Array, "m e"]
    velocity: Float[Array, "m e"]
    mean_theta: Float[Array, "m e"]
    rate: Float[Array, ""]
    mean: Float[Array, " d"]
    scale: Float[Array, " d"]
    free: Float[Array, " e"]
    intercept: Bool[Array, ""]


class Epoch(NamedTuple):
    """What an epoch reports: the mean log loss of the training rows after it, without the penalty."""

    loss: Float[Array, ""]


def begin(key: Any, d: int, k: int, *, lasso: bool, intercept: bool) -> State:
    """Before any row is seen."""
    m = 1 if k == 2 else k if lasso else k - 1
    theta, column = jnp.zeros((m, d + 1)), jnp.zeros(d)
    return State(
        key,
        jnp.asarray(0),
        theta,
        theta,
        theta,
        jnp.zeros(()),
        column,
        column,
        jnp.zeros(d + 1),
        jnp.asarray(intercept),
    )


def epoch(
    state: State, examples: Examples, l2: Array, l1: Array | None, *,
    rate: Array | None, momentum: Array, batch: int | None,
) -> tuple[State, Epoch]:  # fmt: skip
    """One pass over the rows; `batch` rows a step, None for all at once."""
    first = state.epoch == 0
    k = classes(state, l1)
    known = softmax.Scales(state.mean, state.scale, state.free)
    scales = jax.lax.cond(first, lambda: softmax.measured(examples, state.intercept), lambda: known)
    problem = softmax.posed(examples, scales, k, l2, l1)
    assert examples.target is not None
    mass = jnp.maximum(total(problem.weight.sum()), tiny(problem.weight))
    count = segment_reduce(examples.loss_weight(), examples.target, k)
    theta = jnp.where(first, softmax.shares(problem, count), state.theta)
    own = jax.lax.cond(first, lambda: _rate(problem, mass, momentum, batch, state.key), lambda: state.rate)
    given = own if rate is None else rate
    shrink = None if problem.lasso is None else (given / mass * problem.lasso)[None]

    def moved(theta: Array, velocity: Array, gradient: Array) -> tuple[Array, Array]:
        new = theta + momentum * velocity - given * gradient
        new = new if shrink is None else soft(new, shrink)
        return new, new - theta

    if batch is None:
        gradient = softmax.evaluate(problem, theta, hessian=False).gradient / mass
        theta, velocity = moved(theta, state.velocity, gradient)
        middle = theta
    else:
        key = jax.random.fold_in(state.key, state.epoch)
        theta, velocity, middle = _by_batches(problem, theta, state.velocity, mass, key, batch, moved)
    loss = softmax.evaluate(problem, middle, hessian=False).loss / mass
    return State(state.key, state.epoch + 1, theta, velocity, middle, own, *scales, state.intercept), Epoch(loss)


def classes(state: State, l1: Array | None) -> int:
    """The number of classes, k: what a state has room for."""
    m = state.theta.shape[0]
    return 2 if m == 1 else m + (l1 is None)


def end(state: State, l2: Array, l1: Array | None) -> tuple[Array, Array]:
    """Intercepts and coefficients, in the units of the columns, as of the last epoch."""
    scales = softmax.Scales(state.mean, state.scale, state.free)
    nothing = Examples(jnp.zeros((1, state.mean.size)), jnp.zeros(1))
    problem = softmax.posed(nothing, scales, classes(state, l1), l2, l1)
    return softmax.original(problem, state.mean_theta, softmax.contrast(problem, l2))


def _by_batches(
    problem: Problem, theta: Array, velocity: Array, mass: Array, key: Any, batch: int, moved: Any
) -> tuple[Array, Array, Array]:
    """Where the steps of an epoch lead, and the mean of the states after each; rows that are not there make none."""
    x: Any = problem.x
    n = x.shape[0]
    there = problem.weight > 0
    rows = there.sum()
    order = jnp.argsort(jnp.where(there, jax.random.uniform(key, (n,)), 2.0))
    steps = (rows + batch - 1) // batch

    def step(i: Array, loop: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        theta, velocity, so_far = loop
        place = i * batch + jnp.arange(batch)
        row = order[jnp.minimum(place, n - 1)]
        v = jnp.where(place < rows, problem.weight[row], 0)
        z = problem.rows(x[row])
        inner = jnp.matmul(z, theta.T, precision="highest")
        offset = None if problem.offset is None else problem.offset[row]
        _, _, residual, _ = softmax.by_row(problem, inner, problem.y[row], offset)
        share = rows / jnp.maximum(jnp.minimum(batch, rows - i * batch), 1)  # of all rows, over those of the batch
        gradient = jnp.matmul((residual * v[:, None]).T, z, precision="highest") * share
        gradient = (gradient + problem.penalty[None] * theta) * problem.free[None] / mass
        theta, velocity = moved(theta, velocity, gradient)
        return theta, velocity, so_far + theta

    theta, velocity, summed = jax.lax.fori_loop(0, steps, step, (theta, velocity, jnp.zeros_like(theta)))
    return theta, velocity, jnp.where(steps > 0, summed / jnp.maximum(steps, 1), theta)


def _rate(problem: Problem, mass: Array, momentum: Array, batch: int | None, key: Any) -> Array:
    """One over the largest curvature of what a step lowers: that of all rows, or in the mean of a batch."""
    m = problem.basis.shape[1]
    bound = 0.25 if m == 1 else 0.5  # of a row's loss, by its logits
    pull = jnp.max(problem.penalty * problem.free) / mass
    if batch is not None:
        steady = GENTLE * (1 - momentum) if batch == 1 else BOLD * (1 - momentum**2)
        return steady / (bound * problem.free.sum() + pull)

    def gram(vector: Array) -> Array:
        return _gram_times(problem, vector) / mass

    def times(_: Array, vector: Array) -> Array:
        out = gram(vector)
        return out / jnp.maximum(jnp.linalg.norm(out), tiny(out))

    vector = jax.lax.fori_loop(0, POWER, times, jax.random.normal(key, problem.free.shape) * problem.free)
    largest = jnp.linalg.norm(gram(vector))
    return 1 / (bound * SURE * jnp.maximum(largest, tiny(largest)) + pull)


def _gram_times(problem: Problem, vector: Array) -> Array:
    """Z' V Z times a vector, by two products with the rows."""
    v = problem.weight
    if isinstance(problem.x, Sparse):
        size = problem.scale * problem.free[:-1]
        along = (problem.x.matmul((vector[:-1] * size)[:, None])[:, 0] + vector[-1]) * v
        back = problem.x.transposed_matmul(along[:, None])[:, 0] * size
        return jnp.append(back, along.sum() * problem.free[-1])

    def block(w: Array, x: Array) -> Array:
        z = problem.rows(x)
        return jnp.matmul(z.T, w * jnp.matmul(z, vector, precision="highest"), precision="highest")

    out: Array = sum_blocks(block, v, problem.x)
    return out * problem.free
