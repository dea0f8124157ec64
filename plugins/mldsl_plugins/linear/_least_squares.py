"""Least squares in float64, accurate to the last digits that the data determine.

The normal equations square the condition number: on NIST's Longley data they lose half of the digits. Orthogonal
reduction does not, but is slow over a million rows. So the triangular factor R of the centred data comes from

- Householder QR, a block of rows at a time (TSQR), where rows are few or columns nearly collinear, or
- Cholesky of the Gram matrix, one fast pass, where R turns out to be well conditioned;

and the solution is then refined with residuals of the data themselves, which makes the second as accurate as the first
(corrected seminormal equations; Bjorck 1987, doi:10.1016/0024-3795(87)90101-7; TSQR: Demmel et al. 2012,
doi:10.1137/080731992).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mldsl.contract import block_rows, sum_blocks, tiny
from mldsl.contract.blocks import axis

SHORT = 8192  # up to so many rows QR costs less than finding out whether it is needed
RANK = 1e-12  # of the largest: smaller singular values of standardized columns are rounding errors
WELL = 1e6  # up to this condition number of R, two refinements of the Cholesky solution reach full accuracy


class Data(NamedTuple):
    """Rows with positive loss weight v, to be read centred: x - mean, y - level; inactive columns are 0.

    Without an intercept mean and level are 0.
    """

    x: Float[Array, "n d"]
    y: Float[Array, " n"]
    v: Float[Array, " n"]
    mean: Float[Array, " d"]
    level: Float[Array, ""]
    active: Bool[Array, " d"]

    def centred(self, x: Array, y: Array) -> tuple[Array, Array]:
        """A block of rows, centred."""
        return (x - self.mean[None]) * self.active[None], y - self.level


class Solution(NamedTuple):
    """Coefficients [d] with what inference needs.

    `covariance` is that of the coefficients over the residual variance. `hat_trace` is the trace of the hat matrix
    without the intercept, `rank` the number of columns that the data tell apart. `shift` is what the mean residual adds
    to `level`; `rss` the weighted residual sum of squares. `factor` A has A A' = the inverse of the Gram matrix of the
    centred columns, penalty included; `triangle` R has R'R = that Gram matrix, without the penalty.
    """

    coefficients: Float[Array, " d"]
    shift: Float[Array, ""]
    covariance: Float[Array, "d d"]
    hat_trace: Float[Array, ""]
    rank: Float[Array, ""]
    rss: Float[Array, ""]
    factor: Float[Array, "d d"]
    triangle: Float[Array, "d d"]


def center(
    x: Float[Array, "n d"], y: Float[Array, " n"], v: Float[Array, " n"], active: Bool[Array, " d"],
    *, intercept: bool = True,
) -> Data:  # fmt: skip
    """The data about their weighted means, or about 0 where there is no intercept."""
    if not intercept:
        return Data(x, y, v, jnp.zeros(x.shape[1], x.dtype), jnp.zeros((), y.dtype), active)

    def sums(w: Array, a: Array, b: Array) -> tuple[Array, Array, Array]:
        return jnp.dot(w, a, precision="highest"), jnp.dot(w, b), w.sum()

    total, level, mass = sum_blocks(sums, v, x, y)
    safe = jnp.maximum(mass, tiny(mass))
    return Data(x, y, v, total / safe, level / safe, active)


def triangle(data: Data) -> Float[Array, "e e"]:
    """Upper triangular R [d + 1, d + 1] with R'R = [x y]' diag(v) [x y] of the centred data."""
    n = data.x.shape[0]
    if n <= SHORT and axis() is None:
        return _by_qr(data)

    def gram(w: Array, x: Array, y: Array) -> Array:
        both = jnp.concatenate([data.centred(x, y)[0], data.centred(x, y)[1][:, None]], axis=1)
        return jnp.matmul((both * w[:, None]).T, both, precision="highest")

    g = sum_blocks(gram, data.v, data.x, data.y, rows=block_rows(data.x.shape[1]))
    norm = jnp.sqrt(jnp.diag(g))
    norm = jnp.where(norm > 0, norm, 1)
    dead = jnp.diag(g) == 0
    scaled = g / norm[None] / norm[:, None] + jnp.diag(dead.astype(g.dtype))
    r = jnp.linalg.cholesky(scaled).T
    # The residual's own corner is no part of the condition: a perfect fit must not look like a bad one.
    inverse = _invert(r[:-1, :-1])
    well = jnp.all(jnp.isfinite(r)) & (jnp.linalg.norm(r[:-1, :-1]) * jnp.linalg.norm(inverse) < WELL)
    return jax.lax.cond(well, lambda: jnp.where(dead[None], 0, r * norm[None]), lambda: _by_qr(data))


def _by_qr(data: Data) -> Float[Array, "e e"]:
    n, d = data.x.shape
    rows = min(n, max(SHORT, 2 * d))

    def reduce(r: Array, start: Array | int, first: Array | int) -> Array:
        x, y, v = (jax.lax.dynamic_slice_in_dim(a, start, rows) for a in (data.x, data.y, data.v))
        root = jnp.sqrt(jnp.where(start + jnp.arange(rows) >= first, v, 0))
        x, y = data.centred(x, y)
        block = jnp.concatenate([x * root[:, None], (y * root)[:, None]], axis=1)
        return jnp.linalg.qr(jnp.concatenate([r, block]), mode="r")

    r = reduce(jnp.zeros((d + 1, d + 1), data.x.dtype), 0, 0)
    if n > rows:
        r = jax.lax.fori_loop(1, -(-n // rows), lambda i, r: reduce(r, jnp.minimum(i * rows, n - rows), i * rows), r)
    if axis() is not None:
        r = jnp.linalg.qr(jax.lax.all_gather(r, axis()).reshape(-1, d + 1), mode="r")
    return r


def _invert(r: Array) -> Array:
    return jax.scipy.linalg.solve_triangular(r, jnp.eye(r.shape[0], dtype=r.dtype))


def solve(data: Data, l2: Float[Array, ""], *, intercept: bool = True) -> Solution:
    """Minimise sum_i v_i (y_i - x_i b)^2 + l2 |b|^2 over the centred data.

    Columns that the others explain exactly share their coefficient (the solution of least norm, columns scaled to equal
    length); columns that do not vary get 0.
    """
    d = data.x.shape[1]
    if d == 0:
        return _nothing(data)
    r = triangle(data)
    norm = jnp.sqrt(jnp.sum(r**2, axis=0))
    eps = jnp.finfo(r.dtype).eps
    mass = jnp.maximum(data.v.sum() if axis() is None else jax.lax.psum(data.v.sum(), axis()), tiny(r))
    # A column whose deviations are rounding errors of its mean does not vary.
    dead = ~data.active | (norm[:d] <= 10 * eps * jnp.abs(data.mean) * jnp.sqrt(mass))
    unit = jnp.where(dead, 1, norm[:d])
    x = jnp.where(dead[None], 0, r[:, :d] / unit[None])
    penalty = jnp.where(dead, 1, jnp.sqrt(l2) / unit)
    stacked = jnp.concatenate([jnp.concatenate([x, r[:, d:]], axis=1), jnp.diag(jnp.append(penalty, 0))[:d]])
    whole = jnp.linalg.qr(stacked, mode="r")
    triangular, right = whole[:d, :d], whole[:d, d]
    inverse = _invert(triangular)
    condition = jnp.linalg.norm(triangular) * jnp.linalg.norm(inverse)
    well = jnp.isfinite(condition) & (condition * RANK < 1)

    def by_svd() -> tuple[Array, Array]:
        u, s, vt = jnp.linalg.svd(triangular)
        keep = s > RANK * s[0]
        return (vt.T * jnp.where(keep, 1 / jnp.where(keep, s, 1), 0)[None]) @ u.T, keep.sum().astype(r.dtype)

    inverse, rank = jax.lax.cond(well, lambda: (inverse, jnp.asarray(d, r.dtype)), by_svd)
    scale = jnp.where(dead, 0, 1 / unit)
    pull = jnp.where(dead, 0, penalty) ** 2

    def residuals(c: Array, shift: Array) -> tuple[Array, Array, Array]:
        b = c * scale

        def block(w: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
            x, y = data.centred(x, y)
            residual = y - shift - jnp.dot(x, b, precision="highest")
            return jnp.dot(w * residual, x, precision="highest"), jnp.dot(w, residual), jnp.dot(w, residual**2)

        gradient, left, rss = sum_blocks(block, data.v, data.x, data.y)
        return gradient * scale - pull * c, left / mass, rss

    def refine(_: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        c, shift, _rss = state
        gradient, left, rss = residuals(c, shift)
        return c + inverse @ (inverse.T @ gradient), shift + left if intercept else shift, rss

    start = (inverse @ right, jnp.zeros((), r.dtype), jnp.zeros((), r.dtype))
    c, shift, rss = jax.lax.fori_loop(0, 3, refine, start)
    hat = x @ inverse  # without a penalty orthonormal: inverse inverse' is then the covariance itself
    inverse = inverse * scale[:, None]
    return Solution(
        c * scale, shift, inverse @ (hat.T @ hat) @ inverse.T, jnp.sum(hat**2), rank - dead.sum(), rss, inverse,
        r[:d, :d],
    )  # fmt: skip


def _nothing(data: Data) -> Solution:
    """Without a column only the level is fitted."""
    none = jnp.zeros((0, 0), data.y.dtype)
    zero = jnp.zeros((), data.y.dtype)
    rss = sum_blocks(lambda w, y: jnp.dot(w, (y - data.level) ** 2), data.v, data.y)
    return Solution(none[0:0].reshape(0), zero, none, zero, zero, rss, none, none)
