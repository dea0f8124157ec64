"""Fisher scoring (iteratively reweighted least squares) in float64, with step halving, on whitened columns.

What is fitted is eta = offset + intercept + x b. The unknowns theta [d + 1] belong to columns z = (x - mean) T, which
have unit variance and no correlation, and to the intercept: whatever the columns' scales and however nearly collinear
they are, a step is well conditioned, and its length is how much eta changes in a typical row. T comes from an
orthogonal reduction of the columns. Directions that no row tells apart have no column of T: among all coefficients that
fit equally well those of least norm are found, columns scaled to equal length.

Sources: McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6, section 2.5; step halving: Marschner 2011,
doi:10.32614/RJ-2011-012.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Examples, block_rows, sum_blocks, tiny, total
from mldsl_plugins.linear import _least_squares as least
from mldsl_plugins.linear._families import Row

UNKNOWN = 1e-9  # of the information about a direction that other directions leave

RowOf = Callable[[Array, Array], Row]


class Design(NamedTuple):
    """The columns and how they are whitened; rows of weight 0 hold nothing that could matter.

    `weight` multiplies the losses. `free` [d + 1] is 0 for unknowns that stay 0. `null` [d, d] holds, in some of its
    columns, directions of the coefficients that change no row; `dead` marks columns that do not vary.
    """

    x: Float[Array, "n d"]
    y: Float[Array, " n"]
    weight: Float[Array, " n"]
    offset: Float[Array, " n"]
    mean: Float[Array, " d"]
    whiten: Float[Array, "d d"]
    free: Float[Array, " e"]
    penalty: Float[Array, "e e"]
    null: Float[Array, "d d"]
    dead: Bool[Array, " d"]

    def rows(self, weight: Float[Array, " b"], x: Float[Array, "b d"]) -> Float[Array, "b e"]:
        """z of a block of rows, and the constant."""
        z = jnp.matmul(jnp.where(weight[:, None] > 0, x - self.mean[None], 0), self.whiten, precision="highest")
        return jnp.concatenate([z, jnp.ones((z.shape[0], 1), z.dtype)], axis=1) * self.free[None]

    def coefficients(self, theta: Float[Array, " e"]) -> tuple[Float[Array, ""], Float[Array, " d"]]:
        """Intercept and coefficients in the columns' own units."""
        b = jnp.matmul(self.whiten, theta[:-1], precision="highest")
        return theta[-1] - jnp.dot(self.mean, b, precision="highest"), b

    def covariance(self, inverse: Float[Array, "e e"]) -> tuple[Float[Array, ""], Float[Array, "d d"]]:
        """The variance of the intercept and the covariance of the coefficients from that of theta."""
        b = jnp.matmul(jnp.matmul(self.whiten, inverse[:-1, :-1], precision="highest"), self.whiten.T,
                       precision="highest")  # fmt: skip
        shift = jnp.append(-jnp.matmul(self.mean, self.whiten, precision="highest"), self.free[-1])
        return shift @ inverse @ shift, b


def design(
    examples: Examples, y: Float[Array, " n"], weight: Float[Array, " n"], l2: Array, intercept: bool = True
) -> Design:
    """Measure and whiten the columns. O(n d^2)."""
    x = examples.inputs
    d = x.shape[1]
    there = weight > 0
    active = jnp.ones(d, bool) if examples.active is None else examples.active
    x = jnp.where(there[:, None] & active[None], x, 0)
    offset = jnp.zeros_like(y) if examples.offset is None else jnp.where(there, examples.offset, 0)
    data = least.center(x, jnp.zeros_like(y), weight, active)
    if not intercept:
        data = data._replace(mean=jnp.zeros_like(data.mean))
    mass = jnp.maximum(total(weight.sum()), tiny(weight))
    r = least.triangle(data)[:d, :d]
    norm = jnp.sqrt(jnp.sum(r**2, axis=0))
    rounding = 10 * jnp.finfo(r.dtype).eps * jnp.abs(data.mean) * jnp.sqrt(mass)
    dead = ~active | (norm <= rounding)
    unit = jnp.where(dead, 1, norm)
    _, s, right = jnp.linalg.svd(jnp.where(dead[None], 0, r / unit[None]))
    kept = s > least.RANK * jnp.maximum(s[0], tiny(s)) if d else s > 0
    turn = right.T * jnp.where(kept, 1 / jnp.where(kept, s, 1), 0)[None]
    plain = jnp.diag(jnp.where(dead, 0, 1 / unit))
    # A penalty tells all directions apart, and has its own idea of which coefficients are small.
    whiten = jnp.sqrt(mass) * jnp.where(l2 > 0, plain, jnp.where(dead, 0, 1 / unit)[:, None] * turn)
    open_ = jnp.where(l2 > 0, ~dead, kept)
    free = jnp.append(open_, intercept).astype(x.dtype)
    penalty = jnp.zeros((d + 1, d + 1), x.dtype).at[:d, :d].set(l2 * whiten.T @ whiten)
    null = jnp.where(kept[None] | dead[:, None], 0, right.T / unit[:, None])
    return Design(x, y, weight, offset, jnp.where(active, data.mean, 0), whiten, free, penalty, null, dead & active)


class Value(NamedTuple):
    """The penalised loss, minus its gradient, its expected Hessian, and the weight of rows that lose log 2 or more."""

    objective: Float[Array, ""]
    loss: Float[Array, ""]
    ascent: Float[Array, " e"]
    information: Float[Array, "e e"]
    far: Float[Array, ""]


def evaluate(of: Design, theta: Float[Array, " e"], row: RowOf) -> Value:
    """One pass over the rows."""

    def block(w: Array, x: Array, y: Array, offset: Array) -> tuple[Array, ...]:
        z = of.rows(w, x)
        loss, score, information = row(y, jnp.dot(z, theta, precision="highest") + offset)
        there = w > 0
        heavy = z * (w * jnp.where(there, information, 0))[:, None]
        return (
            jnp.sum(jnp.where(there, w * loss, 0)),
            jnp.dot(w * jnp.where(there, score, 0), z, precision="highest"),
            jnp.matmul(heavy.T, z, precision="highest"),
            jnp.sum(jnp.where(loss >= jnp.log(2.0), w, 0)),
        )

    loss, ascent, information, far = sum_blocks(
        block, of.weight, of.x, of.y, of.offset, rows=block_rows(2 * theta.shape[0])
    )
    pull = jnp.matmul(of.penalty, theta, precision="highest")
    objective = loss + 0.5 * jnp.dot(theta, pull)
    pinned = jnp.diag(1 - of.free)
    return Value(
        jnp.where(jnp.isfinite(objective), objective, jnp.inf), loss, (ascent - pull) * of.free,
        information + of.penalty * of.free[:, None] * of.free[None] + pinned, far,
    )  # fmt: skip


def factor(information: Float[Array, "e e"]) -> tuple[Float[Array, "e e"], Float[Array, " e"]]:
    """The Cholesky factor of the information scaled to unit diagonal, and the scale."""
    size = jnp.sqrt(jnp.maximum(jnp.diag(information), 0))
    size = jnp.where(size > 0, size, 1)
    scaled = information / size[None] / size[:, None] + 1e-13 * jnp.eye(len(size), dtype=size.dtype)
    return jnp.linalg.cholesky(scaled), size


def solved(information: Float[Array, "e e"], right: Array) -> Array:
    """The inverse of the information times a vector or matrix."""
    lower, size = factor(information)
    of = size if right.ndim == 1 else size[:, None]
    return jax.scipy.linalg.cho_solve((lower, True), right / of) / of


class Found(NamedTuple):
    """Where scoring ended.

    `drifting`: the loss no longer falls, yet the steps stay long: there is no finite optimum. `separated`: no row loses
    as much as log 2, which of two classes means that all are on the right side.
    """

    theta: Float[Array, " e"]
    value: Value
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    drifting: Bool[Array, ""]
    separated: Bool[Array, ""]


def nowhere(of: Design, start: Float[Array, " e"]) -> Found:
    """A start of which nothing is known yet."""
    one, infinite, no = jnp.ones((), start.dtype), jnp.asarray(jnp.inf, start.dtype), jnp.asarray(False)
    value = Value(infinite, infinite, jnp.zeros_like(start), jnp.zeros_like(of.penalty), one)
    return Found(start, value, jnp.asarray(0), no, no, no)


class _Loop(NamedTuple):
    theta: Array
    value: Value
    step: Array
    share: Array  # of the step that is tried next
    length: Array  # of the step, dimensionless
    known: Array  # the least share of the information about a direction that other directions leave
    iterations: Array


def scored(of: Design, start: Float[Array, " e"], row: RowOf, max_iter: int, tol: Array) -> Found:
    """Fisher scoring from a start. Each iteration is one pass over the rows.

    A step is halved until the loss falls. It ends when the step is shorter than `tol`, either of theta or in that its
    square bounds what share of the loss is to be gained, or after `max_iter` passes.
    """

    def going(loop: _Loop) -> Array:
        more = (loop.length > tol) & (loop.known > UNKNOWN) & (loop.share > 1e-9) & (loop.iterations < max_iter)
        return (loop.iterations < 0) | (more & jnp.isfinite(loop.value.objective))

    def advance(loop: _Loop) -> _Loop:
        trial = loop.theta + loop.share * loop.step
        value = evaluate(of, trial, row)
        before = loop.value.objective
        # Near the solution the loss is flat to rounding.
        better = value.objective <= before + 1e-14 * jnp.abs(before)
        lower, size = factor(value.information)
        step = jax.scipy.linalg.cho_solve((lower, True), value.ascent / size) / size
        step = jnp.where(jnp.isfinite(step).all(), step, value.ascent) * of.free
        gain = jnp.maximum(jnp.dot(step, value.ascent), 0) / jnp.maximum(value.objective, tiny(value.objective))
        share = jnp.linalg.norm(step) / jnp.maximum(jnp.linalg.norm(trial), tiny(trial))
        taken = _Loop(
            trial, value, step, jnp.ones_like(loop.share), jnp.minimum(share, jnp.sqrt(gain)),
            jnp.min(jnp.diag(lower)) ** 2, loop.iterations + 1,
        )  # fmt: skip
        refused = loop._replace(share=loop.share / 2, iterations=loop.iterations + 1)
        chosen: _Loop = jax.tree.map(lambda a, b: jnp.where(better, a, b), taken, refused)
        return chosen

    # The first pass takes a step of length 0, so that the loss is compiled once.
    value = nowhere(of, start).value
    one = jnp.ones((), start.dtype)
    begin = _Loop(start, value, jnp.zeros_like(start), one, value.objective, one, jnp.asarray(-1))
    end = jax.lax.while_loop(going, advance, begin)
    size = jnp.linalg.norm(end.step)
    # Steps that change eta everywhere and gain nothing lead to infinity; so do directions that, though all columns
    # vary, nothing is known of any more.
    far = (end.length <= tol) & (size > 0.05) & (size > 1e-3 * jnp.linalg.norm(end.theta))
    unknown = end.known <= UNKNOWN
    return Found(end.theta, end.value, end.iterations, (end.length <= tol) | unknown, far | unknown, end.value.far == 0)


def start_of_rows(of: Design, eta: Float[Array, " n"], row: RowOf) -> Float[Array, " e"]:
    """Theta by least squares on the working target of each row, as if `eta` had been fitted: without an intercept."""

    def block(w: Array, x: Array, y: Array, offset: Array, eta: Array) -> tuple[Array, Array]:
        z = of.rows(w, x)
        _, score, information = row(y, eta)
        right = jnp.where(w > 0, w * (information * (eta - offset) + score), 0)
        heavy = z * jnp.where(w > 0, w * information, 0)[:, None]
        return jnp.dot(right, z, precision="highest"), jnp.matmul(heavy.T, z, precision="highest")

    right, square = sum_blocks(block, of.weight, of.x, of.y, of.offset, eta, rows=block_rows(2 * len(of.free)))
    start: Array = solved(square + of.penalty + jnp.diag(1 - of.free), right) * of.free
    return start
