"""Planes with the widest margin: Newton's method, sub-gradients, and the dual, on dense and sparse rows.

Of each of k problems, y = 1 or -1: minimise |b|^2 / 2 + sum_i v_i loss(1 - y_i (a + x_i b)), a free. The squared hinge
is smooth enough for Newton's method. The hinge is approached by max(0, m) rounded within 0 <= m <= s (which is to add
a small square to its dual), s falling by a factor of four when the rounded problem is solved, down to a millionth; by
then a few rows are within it. Each step is searched along until the slope is a tenth, so that the loss only falls.

Sources: Keerthi & DeCoste 2005, JMLR 6 (finite Newton); Lin, Weng & Keerthi 2008, JMLR 9 (conjugate gradients);
         Duchi, Hazan & Singer 2011, JMLR 12 (sub-gradients, each coordinate with steps of its own size).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Sparse, block_rows, grams_of_block, sum_blocks
from mldsl_plugins.vectors import _dual as dual

NARROW = 1000  # columns of which all pairs are summed; of more, products with single directions
PAIRS = 1 << 24  # numbers that the pairs of columns of all problems may be
SEARCH = 30  # places tried along a step
INNER = 100  # conjugate gradients for a step, at most
ROUND = 1e-6  # of the margin: how round the hinge is in the end
FALL = 0.25
BLUNT = 4.0  # how round the hinge is at first: at b = 0 every row lacks 1, and must have a curvature


class Rows(NamedTuple):
    """The design with its intercept: `times(b, a)` [n, k]; `across(g [n, k])` gives [d, k] and [k]."""

    times: Callable[[Array, Array], Array]
    across: Callable[[Array], tuple[Array, Array]]
    squares: Callable[[Array], Array]
    pairs: Callable[[Array], Array] | None
    n: int
    d: int


class Plane(NamedTuple):
    """b [d, k] and a [k]; the values of the rows [n, k]."""

    b: Float[Array, "d k"]
    a: Float[Array, " k"]
    value: Float[Array, "n k"]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


def rows_of(x: Array | Sparse, k: int) -> Rows:
    """Dense or sparse rows, 0 where they are not there. Dense ones should be centred."""
    if isinstance(x, Sparse):
        square = x._replace(value=x.value * x.value)
        return Rows(
            lambda b, a: x.matmul(b) + a[None], lambda g: (x.transposed_matmul(g), g.sum(axis=0)),
            square.transposed_matmul, None, x.n, x.d,
        )  # fmt: skip
    n, d = x.shape

    def product(g: Array, v: Array) -> Array:
        return jnp.matmul(v.T, g, precision="highest")

    def across(g: Array) -> tuple[Array, Array]:
        return sum_blocks(product, g, x), g.sum(axis=0)

    def pairs(h: Array) -> Array:
        """[k, d + 1, d + 1], the intercept last."""

        def of(h: Array, v: Array) -> Array:
            return grams_of_block(jnp.concatenate([v, jnp.ones_like(v[:, :1])], axis=1), h)[0]

        return sum_blocks(of, h, x, rows=block_rows(d * k))

    return Rows(
        lambda b, a: jnp.matmul(x, b, precision="highest") + a[None], across,
        lambda h: sum_blocks(lambda w, v: product(w, v * v), h, x),
        pairs if d <= NARROW and k * d * d <= PAIRS else None, n, d,
    )  # fmt: skip


class _Loss(NamedTuple):
    """By row and problem: the loss of m = 1 - y f, its slope and its curvature in m."""

    value: Array
    slope: Array
    curve: Array


def _loss(m: Array, size: Array, squared: bool) -> _Loss:
    """`size` [k] is how round the hinge is."""
    above = jnp.maximum(m, 0)
    if squared:
        return _Loss(above * above, 2 * above, 2.0 * (m > 0))
    s = size[None]
    inside = (m > 0) & (m < s)
    value = jnp.where(inside, m * m / (2 * s), above - s / 2 * (m > 0))
    return _Loss(value, jnp.clip(m / s, 0, 1), inside / s)


class _State(NamedTuple):
    b: Array
    a: Array
    value: Array
    size: Array
    done: Array
    steps: Array


def newton(rows: Rows, y: Array, v: Array, squared: bool, tol: Array, max_iter: int) -> Plane:
    """By second derivatives; all k problems at once, each at its own pace."""
    k = y.shape[1]
    steepness = jnp.maximum(v.sum(), jnp.finfo(v.dtype).tiny)

    def loss_of(value: Array, size: Array) -> _Loss:
        found = _loss(1 - y * value, size, squared)
        return _Loss(v * found.value, v * found.slope, v * found.curve)

    def step(state: _State) -> _State:
        here = loss_of(state.value, state.size)
        across, level = rows.across(-y * here.slope)
        slope_b, slope_a = state.b + across, level
        move_b, move_a = _direction(rows, here.curve, slope_b, slope_a, steepness)
        along = rows.times(move_b, move_a)
        fall = -(slope_b * move_b).sum(axis=0) - slope_a * move_a
        whole = 0.5 * (state.b**2).sum(axis=0) + here.value.sum(axis=0)
        solved = fall <= tol * jnp.maximum(whole, jnp.finfo(whole.dtype).tiny)
        own, cross = (move_b**2).sum(axis=0), (state.b * move_b).sum(axis=0)

        def slope_at(t: Array) -> Array:
            slope = loss_of(state.value + t[None] * along, state.size).slope
            return cross + t * own - (y * slope * along).sum(axis=0)

        t = jnp.where(solved | state.done, 0, _searched(slope_at, -fall))
        finest = squared | (state.size <= ROUND)
        size = jnp.where(solved & ~finest, jnp.maximum(state.size * FALL, ROUND), state.size)
        b, a = state.b + t[None] * move_b, state.a + t * move_a
        return _State(b, a, state.value + t[None] * along, size, state.done | (solved & finest), state.steps + 1)

    zero = jnp.zeros((rows.d, k), v.dtype)
    none = jnp.zeros(k, v.dtype)
    start = _State(zero, none, jnp.zeros_like(y), none + BLUNT, none > 0, jnp.asarray(0))
    found = jax.lax.while_loop(lambda s: ~s.done.all() & (s.steps < max_iter), step, start)
    return Plane(found.b, found.a, rows.times(found.b, found.a), found.steps, found.done.all())


def _searched(slope_at: Callable[[Array], Array], first: Array) -> Array:
    """How far to go, [k]: to where the slope, which rises from `first` < 0, has fallen to a tenth of that."""

    def step(loop: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        t, low, high, good, i = loop
        slope = slope_at(t)
        good = good | (jnp.abs(slope) <= 0.1 * jnp.abs(first))
        low, high = jnp.where(slope < 0, t, low), jnp.where(slope > 0, t, high)
        other = jnp.where(jnp.isfinite(high), (low + high) / 2, 2 * t)
        return jnp.where(good, t, other), low, high, good, i + 1

    start = (jnp.ones_like(first), jnp.zeros_like(first), jnp.full_like(first, jnp.inf), first >= 0, jnp.asarray(0))
    t, low, _, good, _ = jax.lax.while_loop(lambda loop: ~loop[3].all() & (loop[4] < SEARCH), step, start)
    return jnp.where(good, t, low)


def _direction(rows: Rows, curve: Array, slope_b: Array, slope_a: Array, steepness: Array) -> tuple[Array, Array]:
    """Newton's step, [d, k] and [k]: by the pairs of columns, or by conjugate gradients."""
    # Where no row is within the rounding, nothing curves the intercept: a little keeps the step finite.
    least = 1e-6 * steepness
    if rows.pairs is not None:
        hessian = rows.pairs(curve)
        d = rows.d
        hessian = hessian + jnp.diag(jnp.append(jnp.ones(d, curve.dtype), 0))[None]
        hessian = hessian.at[:, d, d].add(least)
        slope = jnp.concatenate([slope_b.T, slope_a[:, None]], axis=1)
        solve = lambda h, g: jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(h, lower=True), -g)  # noqa: E731
        move = jax.lax.map(lambda each: solve(*each), (hessian, slope))
        return move[:, :d].T, move[:, d]

    weight_b, weight_a = 1 + rows.squares(curve), curve.sum(axis=0) + least

    def times(p: tuple[Array, Array]) -> tuple[Array, Array]:
        across, level = rows.across(curve * rows.times(*p))
        return p[0] + across, level + least * p[1]

    def dot(p: tuple[Array, Array], q: tuple[Array, Array]) -> Array:
        return (p[0] * q[0]).sum(axis=0) + p[1] * q[1]

    def precondition(r: tuple[Array, Array]) -> tuple[Array, Array]:
        return r[0] / weight_b, r[1] / weight_a

    def add(p: tuple[Array, Array], t: Array, q: tuple[Array, Array]) -> tuple[Array, Array]:
        return p[0] + t[None] * q[0], p[1] + t * q[1]

    def step(loop: Any) -> Any:
        x, r, p, rz, i = loop
        image = times(p)
        power = dot(p, image)
        going = (rz > enough) & (power > 0)
        t = jnp.where(going, rz / jnp.where(power > 0, power, 1), 0)
        x, r = add(x, t, p), add(r, -t, image)
        z = precondition(r)
        after = dot(r, z)
        p = add(z, jnp.where(going, after / jnp.where(rz > 0, rz, 1), 0), p)
        return x, r, p, jnp.where(going, after, rz), i + 1

    r = (-slope_b, -slope_a)
    z = precondition(r)
    rz = dot(r, z)
    enough = 1e-4 * rz
    nothing = (jnp.zeros_like(slope_b), jnp.zeros_like(slope_a))
    start = (nothing, r, z, rz, jnp.asarray(0))
    x, *_ = jax.lax.while_loop(lambda s: (s[3] > enough).any() & (s[4] < INNER), step, start)
    return x  # type: ignore[no-any-return]


def sub_gradient(rows: Rows, y: Array, v: Array, squared: bool, steps: int) -> Plane:
    """By sub-gradients over all rows, each divided by the root of its squares so far; the mean of the later half."""
    k = y.shape[1]

    def step(state: tuple[Any, Any, Any], t: Array) -> tuple[tuple[Any, Any, Any], None]:
        (b, a), squares, mean = state
        m = 1 - y * rows.times(b, a)
        across, level = rows.across(-y * v * (2 * jnp.maximum(m, 0) if squared else (m > 0).astype(v.dtype)))
        slope = (b + across, level)
        squares = jax.tree.map(lambda q, g: q + g * g, squares, slope)
        at = jax.tree.map(lambda p, g, q: p - g / jnp.sqrt(jnp.where(q > 0, q, 1)), (b, a), slope, squares)
        share = jnp.where(t >= steps // 2, 1 / (t - steps // 2 + 1), 0)
        return (at, squares, jax.tree.map(lambda old, new: old + share * (new - old), mean, at)), None

    nothing = (jnp.zeros((rows.d, k), v.dtype), jnp.zeros(k, v.dtype))
    (_, _, (b, a)), _ = jax.lax.scan(step, (nothing, nothing, nothing), jnp.arange(steps, dtype=v.dtype))
    return Plane(b, a, rows.times(b, a), jnp.asarray(steps), jnp.asarray(True))


def by_dual(x: Array | Sparse, rows: Rows, y: Array, v: Array, squared: bool, tol: Array, max_iter: int) -> Plane:
    """By the dual, in blocks of rows: as `svm` with its linear kernel, but a round corrects all rows in O(n d)."""
    n, d = rows.n, rows.d
    working = min(dual.WORKING, max(64, (1 << 23) // max(d, 1)))
    # The squared hinge is the hinge without limit, and a square of t added to the dual.
    soft = jnp.where(v[:, 0] > 0, 0.5 / jnp.where(v[:, 0] > 0, v[:, 0], 1), 0) if squared else jnp.zeros(n, v.dtype)
    limit = jnp.where(v[:, 0] > 0, jnp.inf, 0) if squared else v[:, 0]

    def take(chosen: Array) -> Array:
        if not isinstance(x, Sparse):
            return x[chosen]
        place = jnp.full(n, len(chosen)).at[chosen].set(jnp.arange(len(chosen)))
        return jnp.zeros((len(chosen) + 1, d), x.value.dtype).at[place[x.row], x.column].add(x.value)[:-1]

    def among(block: Array, chosen: Array) -> Array:
        return jnp.matmul(block, block.T, precision="highest") + jnp.diag(soft[chosen])

    def moved(block: Array, chosen: Array, moves: Array) -> Array:
        across = jnp.matmul(moves, block, precision="highest")[:, None]
        change = rows.times(across, jnp.zeros(1, v.dtype))[:, 0]
        return change.at[chosen].add(soft[chosen] * moves)

    def of(y: Array) -> tuple[Array, Array, Array, Array]:
        problem = dual.Problem(y, jnp.where(y > 0, 0, -limit), jnp.where(y > 0, limit, 0), jnp.zeros((), v.dtype))
        found = dual.solve(dual.Blocks(take, among, moved), problem, jnp.asarray(n), tol, max_iter, working)
        return rows.across(found.t[:, None])[0][:, 0], found.b, found.iterations, found.converged

    b, a, steps, converged = jax.lax.map(of, y.T)
    return Plane(b.T, a, rows.times(b.T, a), steps.sum(), converged.all())
