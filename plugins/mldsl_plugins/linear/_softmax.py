"""The penalised multinomial likelihood and two ways to maximise it, on centred and scaled columns.

Softmax has one more vector of coefficients than the data determine. So the unknowns theta [m, d + 1] live in a space of
m = k - 1 dimensions, and class logits are `basis theta z`, with z = (standardized row, 1). For two classes the basis is
(0, 1): the logit of the second. For more it is orthonormal and orthogonal to (1, ..., 1): coefficients then add up to 0
over the classes, which the penalty asks for anyway, and |theta| = |coefficients|, so the penalty is the same in both.
The absolute norm knows no such turn: with l1 every class has unknowns of its own, and the basis is the identity.

Columns are centred where there is an intercept to take it up, and a matrix that is `Sparse` is scaled only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import (
    Examples,
    Moments,
    Sparse,
    block_rows,
    common_moments,
    grams_of_block,
    sum_blocks,
    tiny,
    total,
    weighted_moments,
)

GRAM = 1000  # columns up to which lbfgs whitens with the Gram matrix
HESSIAN = 2000  # unknowns up to which lbfgs computes the Hessian at the end, for standard errors


class Problem(NamedTuple):
    """The data and how they are standardized: z = (x - mean) scale, equal for all fits that are mapped over weights.

    `free` is 0 for columns that do not vary among the rows of this fit, whose coefficients stay 0; 1 for the others and
    the intercept, unless there is none. `lasso` is the weight of each unknown's absolute value, None without l1.
    """

    x: Float[Array, "n d"] | Sparse
    y: Int[Array, " n"]
    weight: Float[Array, " n"]
    offset: Float[Array, " n"] | None
    mean: Float[Array, " d"]
    scale: Float[Array, " d"]
    free: Float[Array, " e"]
    basis: Float[Array, "k m"]
    penalty: Float[Array, " e"]
    lasso: Float[Array, " e"] | None = None

    def rows(self, x: Float[Array, "b d"]) -> Float[Array, "b e"]:
        """z of a block of rows: standardized, and 1 for the intercept."""
        z = (x - self.mean[None]) * self.scale[None]
        return jnp.concatenate([z, jnp.ones((z.shape[0], 1), z.dtype)], axis=1)

    @property
    def d(self) -> int:
        """The number of columns."""
        return self.free.shape[0] - 1


class Value(NamedTuple):
    """Negative log-likelihood, penalised loss, its gradient and Hessian, and the weight of rows on the wrong side.

    `rounded` is above 0 where the Hessian is of float32 precision, as for fits that are mapped over weights.
    """

    loss: Float[Array, ""]
    objective: Float[Array, ""]
    gradient: Float[Array, "m e"]
    hessian: Float[Array, "me me"] | None
    wrong: Float[Array, ""]
    rounded: Float[Array, ""]


class Found(NamedTuple):
    """Where a solver ended. `drifting`: the loss no longer falls, yet the next step would still be a long one."""

    theta: Float[Array, "m e"]
    value: Value
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    drifting: Bool[Array, ""]
    history: Float[Array, " steps"]


def basis(k: int) -> np.ndarray:
    """[k, k - 1]: (0, 1) for two classes, else orthonormal columns orthogonal to ones (Helmert's)."""
    if k == 2:
        return np.asarray([[0.0], [1.0]])
    columns = np.zeros((k, k - 1))
    for j in range(1, k):
        columns[:j, j - 1], columns[j, j - 1] = 1, -j
    return columns / np.linalg.norm(columns, axis=0)


class Scales(NamedTuple):
    """How columns are standardized, and which unknowns are free: see `Problem`."""

    mean: Float[Array, " d"]
    scale: Float[Array, " d"]
    free: Float[Array, " e"]


def standardize(
    examples: Examples, k: int, l2: Float[Array, ""], l1: Float[Array, ""] | None = None, *, intercept: bool = True
) -> Problem:
    """Measure the columns, and bring the penalty to their scale."""
    return posed(examples, measured(examples, intercept), k, l2, l1)


def measured(examples: Examples, intercept: bool | Bool[Array, ""]) -> Scales:
    """Mean and scale of the columns; without an intercept nothing takes up a shift, so there is none."""
    x, v = examples.inputs, examples.loss_weight()
    d = x.d if isinstance(x, Sparse) else x.shape[1]
    active = jnp.ones(d, bool) if examples.active is None else examples.active
    own, common = (_about(_moments_of(x, v, measure), intercept) for measure in (weighted_moments, common_moments))
    varies = active & _vary(own)
    # Inactive columns are 0 everywhere, so standardizing them needs no knowledge of this fit.
    scale = jnp.where(_vary(common), 1 / jnp.where(_vary(common), jnp.sqrt(common.variance), 1), 0)
    return Scales(common.mean, scale, jnp.append(varies, intercept).astype(scale.dtype))


def posed(
    examples: Examples, scales: Scales, k: int, l2: Float[Array, ""], l1: Float[Array, ""] | None = None
) -> Problem:
    """The problem on columns that were measured."""
    scale, free = scales.scale, scales.free
    # Unknowns of columns that do not vary meet no data; a penalty of their own keeps the Hessian regular.
    pull = jnp.where(free > 0, l2 * jnp.append(scale**2, 0), 1)
    lasso = None if l1 is None else jnp.append(l1 * scale, 0) * free
    turn = np.eye(k) if l1 is not None and k > 2 else basis(k)
    return Problem(
        examples.inputs, examples.target, examples.loss_weight(), examples.offset, scales.mean, scale, free,
        jnp.asarray(turn, scale.dtype), pull, lasso,
    )  # fmt: skip


def _moments_of(x: Float[Array, "n d"] | Sparse, weight: Array, measure: Callable[..., Moments]) -> Moments:
    """Moments of the columns, of a sparse matrix those about 0."""
    if not isinstance(x, Sparse):
        return measure(x, weight)
    mass = total(weight.sum())
    square = x._replace(value=x.value * x.value).transposed_matmul(weight[:, None])[:, 0]
    return Moments(jnp.zeros_like(square), square / jnp.maximum(mass, tiny(mass)), mass)


def _about(moments: Moments, intercept: bool | Bool[Array, ""]) -> Moments:
    """The same about 0 where there is no intercept."""
    if intercept is True:
        return moments
    shift = jnp.where(intercept, 0, moments.mean**2)
    return Moments(jnp.where(intercept, moments.mean, 0), moments.variance + shift, moments.mass)


def _vary(moments: Moments) -> Bool[Array, " d"]:
    """A column whose deviations are rounding errors of its mean does not vary."""
    deviation = jnp.sqrt(moments.variance)
    return deviation > 10 * jnp.finfo(deviation.dtype).eps * jnp.abs(moments.mean)


def shares(problem: Problem, count: Float[Array, " k"]) -> Float[Array, "m e"]:
    """The start: class shares as intercepts, no slope."""
    share = jnp.maximum(count / jnp.maximum(count.sum(), tiny(count)), 1e-6)
    logit = jnp.log(share)
    if count.shape[0] == 2:
        inner = (logit[1] - logit[0])[None]
    else:
        inner = problem.basis.T @ logit
    # Without an intercept its unknown is 0, and its penalty meets nothing.
    return jnp.zeros((inner.shape[0], problem.d + 1), logit.dtype).at[:, -1].set(inner * problem.free[-1])


def by_row(problem: Problem, inner: Array, y: Array, offset: Array | None) -> tuple[Array, Array, Array, Array]:
    """For each row its loss, whether it is on the wrong side, and the derivatives of its loss by the unknown logits:
    the first [b, m], and the second [b, pairs], by the upper triangle.
    """
    k, m = problem.basis.shape
    left, right = np.triu_indices(m)
    if k == 2:
        eta = inner[:, 0] if offset is None else inner[:, 0] + offset
        signed = jnp.where(y == 1, eta, -eta)
        small = jnp.exp(-jnp.abs(signed))  # one exponential serves loss and probability
        odds = 1 + small
        missing, wrong = jnp.log(odds) + jnp.maximum(-signed, 0), signed <= 0
        missed = jnp.where(wrong, 1, small) / odds  # the probability of the other class
        residual = jnp.where(y == 1, -missed, missed)[:, None]
        return missing, wrong, residual, (missed * (1 - missed))[:, None]
    logit = jnp.matmul(inner, problem.basis.T, precision="highest")
    log_p = jax.nn.log_softmax(logit, axis=1)
    here = y[:, None] == jnp.arange(k)[None]
    own = jnp.sum(jnp.where(here, log_p, 0), axis=1)
    missing, wrong = -own, own <= jnp.max(jnp.where(here, -jnp.inf, log_p), axis=1)
    p = jnp.exp(log_p)
    residual = jnp.matmul(p - here, problem.basis, precision="highest")
    center = jnp.matmul(p, problem.basis, precision="highest")
    pairs = problem.basis[:, left] * problem.basis[:, right]
    return missing, wrong, residual, jnp.matmul(p, pairs, precision="highest") - center[:, left] * center[:, right]


def _evaluate_sparse(problem: Problem, x: Sparse, theta: Float[Array, "m e"]) -> Value:
    """The same by two products with a sparse matrix, without second derivatives."""
    size = (problem.scale * problem.free[:-1])[None]
    inner = x.matmul((theta[:, :-1] * size).T) + theta[:, -1][None]
    v = problem.weight
    missing, wrong, residual, _ = by_row(problem, inner, problem.y, problem.offset)
    pull = residual * v[:, None]
    gradient = jnp.concatenate([x.transposed_matmul(pull).T * size, pull.sum(0)[:, None]], axis=1)
    gradient = (gradient + problem.penalty[None] * theta) * problem.free[None]
    loss = jnp.dot(v, missing)
    objective = loss + 0.5 * jnp.sum(problem.penalty[None] * theta**2)
    return Value(loss, objective, gradient, None, jnp.dot(v, wrong.astype(v.dtype)), jnp.zeros_like(loss))


def evaluate(problem: Problem, theta: Float[Array, "m e"], *, hessian: bool = True, loss: bool = True) -> Value:
    """The loss and its derivatives, in one pass over the rows; without `loss`, whose logarithms cost most, it is 0."""
    if isinstance(problem.x, Sparse):
        assert not hessian
        return _evaluate_sparse(problem, problem.x, theta)
    m, e = theta.shape
    k = problem.basis.shape[0]
    left, right = np.triu_indices(m)

    def block(v: Array, x: Array, y: Array, offset: Array | None) -> tuple[Any, ...]:
        z = problem.rows(x)
        inner = jnp.matmul(z, theta.T, precision="highest")
        missing, wrong, residual, curvature = by_row(problem, inner, y, offset)
        gradient = jnp.matmul((residual * v[:, None]).T, z, precision="highest")
        total_loss = jnp.dot(v, missing) if loss else jnp.zeros((), v.dtype)
        sums = total_loss, gradient, jnp.dot(v, wrong.astype(v.dtype))
        return (*sums, *grams_of_block(z, curvature * v[:, None])) if hessian else sums

    # Small blocks: fits that are mapped over weights multiply what is held of one.
    rows = block_rows(4 * e * len(left)) if hessian else block_rows(4 * max(e, k))
    sums = sum_blocks(block, problem.weight, problem.x, problem.y, problem.offset, rows=rows)
    objective = sums[0] + 0.5 * jnp.sum(problem.penalty[None] * theta**2)
    gradient = (sums[1] + problem.penalty[None] * theta) * problem.free[None]
    if not hessian:
        return Value(sums[0], objective, gradient, None, sums[2], jnp.zeros_like(objective))
    halves = sums[3] * (problem.free[:, None] * problem.free[None])[None]
    square = jnp.zeros((m, m, e, e), theta.dtype).at[left, right].set(halves).at[right, left].set(halves)
    second = square.transpose(0, 2, 1, 3).reshape(m * e, m * e) + jnp.diag(jnp.tile(problem.penalty, m))
    return Value(sums[0], objective, gradient, second, sums[2], sums[4])


def evaluate_shares(problem: Problem, start: Float[Array, "m e"]) -> Value:
    """The same where no column has a slope and no row an offset, so that all rows have the same probabilities.

    Only sums over classes and one Gram matrix remain, which fits that differ by their penalty share.
    """
    m, e = start.shape
    k = problem.basis.shape[0]

    def block(v: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
        z = problem.rows(x)
        here = jnp.where(y[:, None] == jnp.arange(k)[None], v[:, None], 0)
        return jnp.matmul(here.T, z, precision="highest"), *grams_of_block(z, v[:, None])

    by_class, gram, rounded = sum_blocks(block, problem.weight, problem.x, problem.y, rows=block_rows(4 * e))
    log_p = jax.nn.log_softmax(jnp.matmul(problem.basis, start[:, -1], precision="highest"))
    p, count = jnp.exp(log_p), by_class[:, -1]
    center = jnp.matmul(p, problem.basis, precision="highest")
    gradient = center[:, None] * by_class.sum(0)[None] - jnp.matmul(problem.basis.T, by_class, precision="highest")
    curvature = jnp.matmul(problem.basis.T * p[None], problem.basis, precision="highest")
    curvature = curvature - center[:, None] * center[None]
    square = curvature[:, None, :, None] * (gram[0] * problem.free[:, None] * problem.free[None])[None, :, None, :]
    loss = -jnp.sum(jnp.where(count > 0, count * log_p, 0))
    others = jnp.where(jnp.eye(k, dtype=bool), -jnp.inf, log_p[None]).max(axis=1)
    return Value(
        loss,
        loss + 0.5 * jnp.sum(problem.penalty[None] * start**2),
        (gradient + problem.penalty[None] * start) * problem.free[None],
        square.reshape(m * e, m * e) + jnp.diag(jnp.tile(problem.penalty, m)),
        jnp.sum(jnp.where(log_p <= others, count, 0)),
        rounded,
    )


def factor(square: Float[Array, "e e"]) -> tuple[Array, Array]:
    """Cholesky factor of a positive semidefinite matrix scaled to unit diagonal, and the scale.

    A trace is added to the diagonal, so that collinear columns have a factor too.
    """
    size = jnp.sqrt(jnp.diag(square))
    size = jnp.where(size > 0, size, 1)
    scaled = square / size[None] / size[:, None] + 1e-12 * jnp.eye(size.shape[0], dtype=square.dtype)
    return jnp.linalg.cholesky(scaled), size


class Factored(NamedTuple):
    """A Hessian, ready to solve with; `sure` says whether it is precise enough for that."""

    lower: Float[Array, "me me"]
    size: Float[Array, " me"]
    sure: Bool[Array, ""]


def factored(value: Value) -> Factored:
    """The Hessian of a value."""
    assert value.hessian is not None
    lower, size = factor(value.hessian)
    return Factored(lower, size, (value.rounded == 0) | (jnp.min(jnp.diag(lower)) ** 2 > ROUNDED))


def newton_step(hessian: Factored, value: Value) -> tuple[Float[Array, "m e"], Float[Array, ""]]:
    """Minus the inverse Hessian times the gradient; and what the loss should fall by."""
    gradient = value.gradient.reshape(-1) / hessian.size
    step = -jax.scipy.linalg.cho_solve((hessian.lower, True), gradient)
    step = jnp.where(jnp.isfinite(step).all(), step, -gradient) / hessian.size
    return step.reshape(value.gradient.shape), -0.5 * jnp.sum(step * value.gradient.reshape(-1))


ROUNDED = 1e-3  # of a column's variance must be its own, for a Hessian of float32 precision to find the step
LITTLE = 1 << 16  # numbers in the matrix: below, compiling takes longer than running
NEAR = 1e-4  # of the loss without inputs is to be gained: from here on, an old Hessian finds the way
SLOW = 0.1  # what a step with an old Hessian may leave of what was to be gained
POLISH = 1e-4  # of the tolerance is to be gained at the end, so that coefficients have more digits than the loss needs


ROUGH = 1e-4  # of the tolerance, where the unknowns of lbfgs are not whitened
SMALL = 10_000  # unknowns up to which it is


class _Loop(NamedTuple):
    theta: Array
    value: Value
    hessian: Factored
    step: Array
    share: Array  # of the step that is tried next
    decrease: Array  # that the whole step promises
    near: Array  # once less is to be gained, Hessians are kept
    stalled: Array
    iterations: Array
    history: Array


def newton(problem: Problem, start: Array, max_iter: int, tol: Array, null: Array) -> Found:
    """Newton's method; a step is halved until it lowers the loss. Every iteration is one pass over the rows.

    The step that promises less than `tol` is still taken: it squares the error. `iterations` counts steps.
    """
    return _compact(problem, start, max_iter, tol, null) if problem.x.size < LITTLE else _chords(
        problem, start, max_iter, tol, null
    )  # fmt: skip


def _advance(problem: Problem, loop: _Loop, keep: bool) -> _Loop:
    """One step; `keep` goes on with the Hessian that there is, and stalls where that no longer serves."""
    trial = loop.theta + loop.share * loop.step
    value = evaluate(problem, trial, hessian=not keep, loss=not keep)
    if keep:  # what a step promises here, it holds to four digits
        value = value._replace(objective=loop.value.objective - loop.decrease)
    hessian = loop.hessian if keep else factored(value)
    step, decrease = newton_step(hessian, value)
    if keep:  # so near to the solution the gradient tells all
        better, slow = decrease < loop.decrease, decrease > SLOW * loop.decrease
    else:
        slack = 1e-14 * jnp.abs(value.objective)  # near the minimum the loss is flat to rounding
        better = value.objective <= loop.value.objective - 2e-4 * loop.share * loop.decrease + slack
        slow = loop.stalled
    value = value if loop.value.hessian is not None else value._replace(hessian=None)
    taken = loop._replace(
        theta=trial, value=value, hessian=hessian, step=step, decrease=decrease, share=jnp.ones_like(loop.share),
        stalled=slow,
    )  # fmt: skip
    refused = loop._replace(stalled=jnp.asarray(True)) if keep else loop._replace(share=loop.share / 2)
    chosen = jax.tree.map(lambda a, b: jnp.where(better, a, b), taken, refused)
    history = loop.history.at[loop.iterations + 1].set(chosen.value.objective)
    return chosen._replace(iterations=loop.iterations + 1, history=history)


def _compact(problem: Problem, start: Array, max_iter: int, tol: Array, null: Array) -> Found:
    """For little data, where compiling takes longer than running: the loss is compiled once, for all that needs it.

    The first pass takes a step of length 0, the last one sees where the last step led.
    """

    def going(loop: _Loop) -> Array:
        return ~loop.stalled & (loop.iterations <= max_iter) & (loop.share > 1e-10)

    def advance(loop: _Loop) -> _Loop:
        return _advance(problem, loop, False)._replace(stalled=loop.decrease <= tol * null)

    dtype, size = start.dtype, start.size
    infinite, zero, much = jnp.asarray(jnp.inf, dtype), jnp.zeros((), dtype), jnp.asarray(jnp.finfo(dtype).max, dtype)
    square, no = jnp.zeros((size, size), dtype), jnp.asarray(False)
    first = _Loop(
        start, Value(infinite, infinite, jnp.zeros_like(start), square, zero, zero),
        Factored(square, jnp.ones(size, dtype), no), jnp.zeros_like(start), jnp.ones((), dtype), much, tol, no,
        jnp.asarray(-1), jnp.full(max_iter + 2, jnp.nan, dtype),
    )  # fmt: skip
    end = jax.lax.while_loop(going, advance, first)
    drifting = jnp.max(jnp.abs(end.step)) > 0.05
    return Found(end.theta, end.value, end.iterations, end.stalled & end.hessian.sure, drifting, end.history)


def _chords(problem: Problem, start: Array, max_iter: int, tol: Array, null: Array) -> Found:
    """Near the solution the Hessian, most of the work, is kept: each step then gains some digits rather than twice as
    many as there are. Should it gain too few, Newton's own steps go on. (Kelley 1995, doi:10.1137/1.9781611970944,
    chapter 5: the chord and Shamanskii's methods.)
    """

    def open_(loop: _Loop, least: Array) -> Array:
        return (loop.decrease > least * null) & (loop.iterations < max_iter) & (loop.share > 1e-10)

    def both(loop: _Loop) -> _Loop:
        loop = jax.lax.while_loop(lambda at: open_(at, at.near), lambda at: _advance(problem, at, False), loop)
        loop = loop._replace(stalled=jnp.asarray(False))
        loop = jax.lax.while_loop(
            lambda at: open_(at, POLISH * tol) & ~at.stalled, lambda at: _advance(problem, at, True), loop
        )
        # What stalls above the tolerance needs new Hessians to the end; below it, rounding is all that is left.
        return loop._replace(near=tol)

    value = evaluate_shares(problem, start) if problem.offset is None else evaluate(problem, start)
    hessian = factored(value)
    step, decrease = newton_step(hessian, value)
    one = jnp.ones_like(decrease)
    history = jnp.full(max_iter + 2, jnp.nan, start.dtype).at[0].set(value.objective)
    first = _Loop(
        start, value._replace(hessian=None), hessian, step, one, decrease, jnp.maximum(NEAR * one, tol),
        jnp.asarray(False), jnp.asarray(0), history,
    )  # fmt: skip
    end = jax.lax.while_loop(lambda at: open_(at, tol), both, first)
    small = end.decrease <= tol * null
    theta = end.theta + jnp.where(small, end.step, 0)
    value = evaluate(problem, theta)
    drifting = jnp.max(jnp.abs(end.step)) > 0.05
    history = end.history.at[end.iterations + 1].set(jnp.where(small, value.objective, jnp.nan))
    return Found(theta, value, end.iterations + small, small & end.hessian.sure, drifting, history)


def lbfgs(problem: Problem, start: Array, max_iter: int, tol: Array, null: Array) -> Found:
    """L-BFGS with a line search that meets the strong Wolfe conditions; one pass over the rows for each gradient.

    The unknowns are whitened by a bound of the Hessian, so that few iterations suffice.
    """
    whiten = _whitening(problem, start)
    # Unknowns that are scaled only have fewer digits for the same loss; where they are few, more cost little.
    finer = ROUGH if isinstance(problem.x, Sparse) and start.size <= SMALL else 1.0
    tol = finer * tol

    @jax.custom_vjp
    def objective(unknown: Array) -> Array:
        return forward(unknown)[0]

    def forward(unknown: Array) -> tuple[Array, Array]:
        value = evaluate(problem, whiten(unknown, False), hessian=False)
        return value.objective / null, whiten(value.gradient, True) / null

    objective.defvjp(forward, lambda gradient, cotangent: (cotangent * gradient,))
    import optax  # only here: it takes longer to import than a small fit by Newton's method takes

    method = optax.lbfgs(memory_size=10, linesearch=optax.scale_by_zoom_linesearch(max_linesearch_steps=25))
    value_and_gradient = optax.value_and_grad_from_state(objective)

    def going(loop: tuple[Any, ...]) -> Array:
        _, _, decrease, iterations, _ = loop
        return (decrease > tol) & (iterations < max_iter)

    def advance(loop: tuple[Any, ...]) -> tuple[Any, ...]:
        unknown, state, _, iterations, history = loop
        value, gradient = value_and_gradient(unknown, state=state)
        update, state = method.update(gradient, state, unknown, value=value, grad=gradient, value_fn=objective)
        decrease = -0.5 * jnp.sum(update * gradient)
        return unknown + update, state, decrease, iterations + 1, history.at[iterations].set(value * null)

    infinite = jnp.asarray(jnp.inf, start.dtype)
    history = jnp.full(max_iter + 1, jnp.nan, start.dtype)
    origin = jnp.zeros_like(start)
    first = (origin, method.init(origin), infinite, jnp.asarray(0), history)
    unknown, _, decrease, iterations, history = jax.lax.while_loop(going, advance, first)
    theta = whiten(unknown, False)
    second = theta.size <= HESSIAN and not isinstance(problem.x, Sparse)
    value = evaluate(problem, theta, hessian=second)
    drifting = jnp.asarray(False)
    if value.hessian is not None:
        drifting = jnp.max(jnp.abs(newton_step(factored(value), value)[0])) > 0.05
    return Found(
        theta, value, iterations, decrease <= tol / finer, drifting, history.at[iterations].set(value.objective)
    )


def _whitening(problem: Problem, start: Array) -> Callable[[Array, bool], Array]:
    """The map from whitened unknowns to theta (which is `start` at 0), and its transpose for gradients."""
    m, e = start.shape
    curvature = 0.25 if m == 1 else 1 / (m + 1)
    if e > GRAM or isinstance(problem.x, Sparse):  # only the scale of each column
        mass = total(problem.weight.sum())
        size = 1 / jnp.sqrt(curvature * mass * problem.free + problem.penalty)
        return lambda u, transposed: u * size[None] if transposed else start + u * size[None]

    def gram(v: Array, x: Array) -> Array:
        return grams_of_block(problem.rows(x), v[:, None])[0][0]

    square = sum_blocks(gram, problem.weight, problem.x, rows=block_rows(e))
    square = square * (problem.free[:, None] * problem.free[None]) * curvature + jnp.diag(problem.penalty)
    lower, size = factor(square)
    # Inverted once: solves of many settings at a time that stand beside each other in the loop wait for each other
    # forever where XLA has as few threads as there are of them.
    inverse = jax.scipy.linalg.solve_triangular(lower, jnp.eye(len(size), dtype=size.dtype), lower=True) / size[None]

    def apply(unknown: Array, transposed: bool) -> Array:
        if transposed:
            return jnp.matmul(unknown, inverse.T, precision="highest")
        return start + jnp.matmul(unknown, inverse, precision="highest")

    return apply


# ---- back to the columns' own units ----------------------------------------------------------------------------------
def contrast(problem: Problem, l2: Float[Array, ""]) -> Float[Array, "c m"]:
    """What makes class coefficients of theta: [1, 1] for two classes; without a penalty less the first class's."""
    if problem.basis.shape[0] == 2:
        return problem.basis[1:]
    if problem.lasso is not None:
        return problem.basis
    return problem.basis - jnp.where(l2 == 0, problem.basis[:1], 0)


def original(problem: Problem, theta: Array, contrast: Array) -> tuple[Float[Array, " c"], Float[Array, "c d"]]:
    """Intercepts and coefficients in the units of the columns."""
    by_class = jnp.matmul(contrast, theta, precision="highest")
    coefficients = by_class[:, :-1] * (problem.scale * problem.free[:-1])[None]
    intercept = by_class[:, -1] - jnp.matmul(coefficients, problem.mean, precision="highest")
    if problem.lasso is not None and len(intercept) > 1:  # what all classes have in common decides nothing
        intercept = intercept - intercept.mean()
    return intercept, coefficients


def told_apart(problem: Problem, hessian: Array) -> tuple[Float[Array, "d d"], Float[Array, " d"]]:
    """Sums of products of the columns about a mean, and that mean: what shows which columns the others explain.

    Rows count by the curvature of their likelihood, which is above 0 wherever a row is; so dependencies are those of
    the rows themselves. Of the Hessian without a penalty.
    """
    d = problem.d
    curvature = hessian[: d + 1, : d + 1]
    scale = problem.scale * problem.free[:-1]
    unit = jnp.where(scale > 0, scale, 1)
    cross, mass = curvature[:-1, -1] * problem.free[-1], jnp.maximum(curvature[-1, -1], tiny(scale))
    gram = jnp.where((scale[:, None] > 0) & (scale[None] > 0), curvature[:-1, :-1] - jnp.outer(cross, cross) / mass, 0)
    there = problem.free[:-1] > 0
    center = jnp.where(there, problem.mean + jnp.where(scale > 0, cross / mass / unit, 0), 0)
    return gram / unit[:, None] / unit[None], center


def standard_errors(problem: Problem, hessian: Array | None, contrast: Array) -> tuple[Array, Array]:
    """Standard errors of intercepts [c] and coefficients [c, d]; NaN where the Hessian was too large to compute."""
    d = problem.d
    c, m = contrast.shape
    if hessian is None:
        return jnp.full(c, jnp.nan, problem.scale.dtype), jnp.full((c, d), jnp.nan, problem.scale.dtype)
    lower, size = factor(hessian)
    inverse = (
        jax.scipy.linalg.cho_solve((lower, True), jnp.eye(size.shape[0], dtype=size.dtype)) / size[None] / size[:, None]
    )
    covariance = inverse.reshape(m, d + 1, m, d + 1)
    scale = problem.scale * problem.free[:-1]
    of_slopes = jnp.einsum("ca,cb,ajbj->cj", contrast, contrast, covariance)[:, :-1] * scale[None] ** 2
    shift = jnp.append(-problem.mean * scale, 1.0)
    of_intercepts = jnp.einsum("ca,cb,ajbi,j,i->c", contrast, contrast, covariance, shift, shift)
    of_intercepts = of_intercepts * problem.free[-1]
    return jnp.sqrt(jnp.maximum(of_intercepts, 0)), jnp.sqrt(jnp.maximum(of_slopes, 0))
