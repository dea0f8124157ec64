"""The quadratic programme of support vectors, with free intercept, by decomposition.

    minimise  1/2 t' K t - y' t + epsilon |t|_1   over t [n],   sum_i t_i = 0,   low_i <= t_i <= high_i

f(x) = sum_i t_i K(x_i, x) + b. Classification has y = 1 or -1, epsilon = 0, and bounds 0 and c on the side of y (t_i is
y_i alpha_i); regression has bounds -c and c. A step up of t_i lowers the objective at the rate y_i - f_i - epsilon s,
with s = 1 from 0 upwards and -1 below, a step down raises it at that rate with s = 1 above 0 only; at the solution no
step up has a greater rate than any step down, and b lies between.

Rows are taken in blocks. The rows that violate this most are solved for among themselves (two at a time, the second
chosen by what the step gains) with their kernel matrix in fast memory; then the values of all rows are corrected by
products of matrices, block by block. So nothing of n x n is ever held, and no kernel row is computed for one step only.

Sources: Fan, Chen & Lin 2005, JMLR 6 (the second row); Joachims 1999, in Advances in Kernel Methods (decomposition);
         Wen et al. 2018, JMLR 19(21) (blocks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

WORKING = 2048  # rows of a block that is solved for, at most
WIDE = 1024  # rows whose values are corrected at a time
STALE = 200  # rounds without a smaller violation: what is left is rounding
EXACT = 4096  # up to so many rows kernels are computed in the inputs' precision, above in float32
INNER = 0.2  # a block is solved until this share of the violation is left


class Problem(NamedTuple):
    """`low` <= 0 <= `high`; rows for which both are 0 are not there."""

    y: Float[Array, " n"]
    low: Float[Array, " n"]
    high: Float[Array, " n"]
    epsilon: Float[Array, ""]


class Solution(NamedTuple):
    """`value` [n] is f without b. `gap` is what is left of the violation."""

    t: Float[Array, " n"]
    value: Float[Array, " n"]
    b: Float[Array, ""]
    objective: Float[Array, ""]
    iterations: Int[Array, ""]
    gap: Float[Array, ""]
    converged: Bool[Array, ""]


class Kernel(NamedTuple):
    """`between(rows, other rows)` [m, k] and `itself(rows)` [m], of pytrees of arrays by row."""

    between: Callable[[Any, Any], Array]
    itself: Callable[[Any], Array]


class _Rates(NamedTuple):
    """By row: the rate of a step up and of one down (-inf and inf where there is none), and where they may end."""

    up: Array
    down: Array
    above: Array
    below: Array


def _rates(rest: Array, t: Array, problem: Problem) -> _Rates:
    """`rest` is y - f, without b."""
    above = jnp.where(t < 0, jnp.minimum(problem.high, 0), problem.high)
    below = jnp.where(t > 0, jnp.maximum(problem.low, 0), problem.low)
    up = jnp.where(t < above, rest - jnp.where(t < 0, -problem.epsilon, problem.epsilon), -jnp.inf)
    down = jnp.where(t > below, rest - jnp.where(t > 0, problem.epsilon, -problem.epsilon), jnp.inf)
    return _Rates(up, down, above, below)


class Blocks(NamedTuple):
    """What the solver asks of the rows: `take(places [q])` gives a block of them; `among(block, places)` [q, q] is its
    kernel matrix; `moved(block, places, moves [q])` [n] what the values of all rows change by.
    """

    take: Callable[[Array], Any]
    among: Callable[[Any, Array], Array]
    moved: Callable[[Any, Array, Array], Array]


class _Loop(NamedTuple):
    """`rest` is y - f; `least` the least violation so far, and `stale` the rounds since."""

    t: Array
    rest: Array
    gap: Array
    least: Array
    stale: Array
    iterations: Array


def blocks(kernel: Kernel, rows: Any, count: Int[Array, ""], like: Array) -> Blocks:
    """Of rows [n, ...] with a kernel; the first `count` matter. A round takes O(q count d) time and O(q^2) memory."""
    rough = jax.tree.map(lambda a: a.astype(jnp.float32), rows) if len(like) > EXACT else rows
    diagonal = kernel.itself(rough).astype(like.dtype)

    def among(block: Any, chosen: Array) -> Array:
        of_pairs = kernel.between(block, block).astype(like.dtype)
        return jnp.where(jnp.eye(len(chosen), dtype=bool), diagonal[chosen][:, None], of_pairs)

    return Blocks(
        lambda chosen: jax.tree.map(lambda a: a[chosen], rough),
        among,
        lambda block, chosen, moves: _moved(kernel, block, rough, moves, count),
    )


def solve(rows: Blocks, problem: Problem, count: Int[Array, ""], tol: Array, max_iter: int, working: int) -> Solution:
    """The solution for the first `count` rows; the others must have bounds 0. `working` is the size of blocks."""
    n, dtype = problem.y.shape[0], problem.y.dtype
    q = min(n, working)
    whole = count <= q

    def violated(loop: _Loop) -> Array:
        return (loop.gap > tol) & (loop.iterations < max_iter) & (loop.stale < STALE)

    def step(loop: _Loop) -> _Loop:
        first = jnp.arange(q, dtype=jnp.int32)
        chosen = first if q == n else jax.lax.cond(whole, lambda: first, lambda: _worst(loop.rest, loop.t, problem, q))
        block = rows.take(chosen)
        part = Problem(problem.y[chosen], problem.low[chosen], problem.high[chosen], problem.epsilon)
        left = jnp.where(whole, tol, jnp.maximum(0.5 * tol, INNER * loop.gap))
        among = rows.among(block, chosen)
        t, steps = _smo(among, part, loop.t[chosen], loop.rest[chosen], left, max_iter - loop.iterations)
        rest = loop.rest - rows.moved(block, chosen, t - loop.t[chosen])
        t = loop.t.at[chosen].set(t)
        rates = _rates(rest, t, problem)
        gap = rates.up.max() - rates.down.min()
        stale = jnp.where(gap < loop.least, 0, loop.stale + 1)
        return _Loop(t, rest, gap, jnp.minimum(gap, loop.least), stale, loop.iterations + jnp.maximum(steps, 1))

    never = jnp.asarray(jnp.inf, dtype)
    zero = jnp.asarray(0)
    found = jax.lax.while_loop(violated, step, _Loop(jnp.zeros_like(problem.y), problem.y, never, never, zero, zero))
    value = problem.y - found.rest
    objective = 0.5 * jnp.dot(found.t, value) - jnp.dot(problem.y, found.t) + problem.epsilon * jnp.abs(found.t).sum()
    b = _level(found.rest, found.t, problem)
    return Solution(found.t, value, b, objective, found.iterations, found.gap, found.gap <= tol)


def _level(rest: Array, t: Array, problem: Problem) -> Array:
    """b: the mean over the rows that are free to move either way, else the middle of what is allowed."""
    rates = _rates(rest, t, problem)
    free = (t > problem.low) & (t < problem.high) & (t != 0)
    range_ = problem.high - problem.low
    share = jnp.where(free, jnp.where(jnp.isfinite(range_), range_, 1), 0)  # a row that is there twice counts twice
    mean = jnp.dot(share, rest - jnp.sign(t) * problem.epsilon) / jnp.where(share.sum() > 0, share.sum(), 1)
    most, least = rates.up.max(), rates.down.min()
    middle = jnp.where(jnp.isfinite(most) & jnp.isfinite(least), (most + least) / 2, jnp.where(
        jnp.isfinite(most), most, jnp.where(jnp.isfinite(least), least, 0)
    ))  # fmt: skip
    return jnp.where(share.sum() > 0, mean, middle)


def _worst(rest: Array, t: Array, problem: Problem, q: int) -> Int[Array, " q"]:
    """The q rows that violate most, each once: half of them with the greatest rates up, half with the least down."""
    rates = _rates(rest, t, problem)
    least = jnp.finfo(rest.dtype).min
    _, ups = jax.lax.top_k(jnp.maximum(rates.up, least), q // 2)
    others = jnp.maximum(-rates.down, least).at[ups].set(-jnp.inf)
    _, downs = jax.lax.top_k(others, q - q // 2)
    return jnp.concatenate([ups, downs])


def _moved(kernel: Kernel, block: Any, rows: Any, moved: Array, count: Array) -> Array:
    """What the values of the rows change by, [n]; of the first `count` only."""
    n = jax.tree.leaves(rows)[0].shape[0]
    wide = min(n, WIDE)

    def part(i: Array, change: Array) -> Array:
        first = jnp.minimum(i * wide, n - wide)
        some = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, first, wide), rows)
        products = kernel.between(block, some)
        moves = jnp.matmul(moved.astype(products.dtype), products, precision="highest")
        return jax.lax.dynamic_update_slice_in_dim(change, moves.astype(change.dtype), first, 0)

    return jax.lax.fori_loop(0, (count + wide - 1) // wide, part, jnp.zeros(n, moved.dtype))


def _smo(
    among: Float[Array, "q q"], problem: Problem, t: Array, rest: Array, tol: Array, most: Array
) -> tuple[Array, Array]:
    """A block solved until its violation is at most `tol`, or no step is large enough to be one: two rows a step."""
    diagonal = jnp.diagonal(among)

    def violated(loop: tuple[Array, Array, Array, Array]) -> Array:
        _, _, going, steps = loop
        return going & (steps < most)

    def step(loop: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        t, rest, _, steps = loop
        rates = _rates(rest, t, problem)
        i = jnp.argmax(rates.up)
        best, of_i = rates.up[i], among[i]
        gain = best - rates.down
        curve = jnp.maximum(diagonal[i] + diagonal - 2 * of_i, 1e-12)
        j = jnp.argmax(jnp.where(gain > 0, gain * gain / curve, -jnp.inf))
        gap = best - rates.down.min()
        size = jnp.clip(gain[j] / curve[j], 0, jnp.minimum(rates.above[i] - t[i], t[j] - rates.below[j]))
        size = jnp.where(gap > tol, size, 0)
        up = jnp.where(size >= rates.above[i] - t[i], rates.above[i], t[i] + size)
        down = jnp.where(size >= t[j] - rates.below[j], rates.below[j], t[j] - size)
        up, down = jnp.where(size > 0, up, t[i]), jnp.where(size > 0, down, t[j])
        going = (gap > tol) & ((up != t[i]) | (down != t[j]))
        return t.at[i].set(up).at[j].set(down), rest - size * (of_i - among[j]), going, steps + 1

    start = (t, rest, jnp.asarray(True), jnp.asarray(0))
    t, _, _, steps = jax.lax.while_loop(violated, step, start)
    return t, steps
