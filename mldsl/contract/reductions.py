"""Reductions over rows that respect weights: the only way algorithms sum over rows.

Inside a `shard_map` over the axis `rows` they add up over the shards (`psum`), so an algorithm written with them runs
on any number of devices. Under `vmap` over weights alone they contract all weight vectors against the shared inputs
instead of copying the inputs per fold; under any other `vmap` they are the plain functions. All can be differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Int

from mldsl.contract.batching import shared_inputs
from mldsl.contract.blocks import axis, block_rows, sharded, sum_blocks, total
from mldsl.contract.examples import tiny
from mldsl.contract.sparse import Sparse

__all__ = [
    "Moments", "axis", "common_moments", "grams_of_block", "matmul", "segment_reduce", "sharded", "squared_distances",
    "sum_blocks", "total", "weighted_gram",
    "weighted_mean", "weighted_moments", "weighted_sum",
]  # fmt: skip

ONE_HOT = 64  # up to so many segments a product with a one-hot matrix beats a scatter
LARGEST = 1e15  # whose square float32 can hold
PAIRS = 64  # up to so many columns the products of all pairs of columns fit a block


class Moments(NamedTuple):
    """Weighted mean [d], population variance [d] and the sum of weights []."""

    mean: Array
    variance: Array
    mass: Array


# ---- sums, means, moments --------------------------------------------------------------------------------------------
def weighted_sum(x: Float[Array, " n *d"] | Sparse, weight: Float[Array, " n"]) -> Float[Array, "*d"]:
    """sum_i weight_i x_i, for x of shape [n, d] (sparse, too) or [n]. Rows of weight 0 add exactly nothing. O(n d).

    A product of the weights with the inputs: `vmap` over weights makes it one product of matrices.
    """
    if isinstance(x, Sparse):
        return x.column_sums(weight)
    return sum_blocks(lambda w, v: jnp.tensordot(w, v, axes=1, precision="highest"), weight, x)


def weighted_mean(x: Float[Array, " n *d"] | Sparse, weight: Float[Array, " n"]) -> Float[Array, "*d"]:
    """sum w x / sum w over rows [n, d] (sparse, too) or [n]; 0 where all weights are 0. O(n d)."""
    mass = total(weight.sum())
    return weighted_sum(x, weight) / jnp.maximum(mass, tiny(mass))


def weighted_moments(x: Float[Array, " n *d"], weight: Float[Array, " n"]) -> Moments:
    """Weighted mean and population variance in two passes over rows [n, d] or [n]. O(n d).

    The second pass centres, so nothing cancels, and what rounding left in the mean is taken out of the variance.
    """
    return Moments(*_moments(x, weight))


def _plain_moments(x: Array, weight: Array) -> tuple[Array, Array, Array]:
    mass = total(weight.sum())
    safe = jnp.maximum(mass, tiny(mass))
    mean = weighted_sum(x, weight) / safe

    def about(w: Array, v: Array) -> tuple[Array, Array]:
        off = v - mean[None]
        return jnp.tensordot(w, off, axes=1, precision="highest"), jnp.tensordot(w, off * off, 1, precision="highest")

    first, second = sum_blocks(about, weight, x)
    shift = first / safe
    return mean + shift, jnp.maximum(second / safe - shift * shift, 0), mass


def _moments_of_folds(x: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Moments for weights [batch, n]: deviations are taken from the mean over all folds, which they share.

    Folds of one sample have means close to it. Where one has not (its mean is more than ten standard deviations away),
    the difference of squares would cancel, and all are computed one after the other.
    """
    mass = total(weight.sum(1))
    safe = jnp.maximum(mass, tiny(mass))
    center = _plain_moments(x, weight.sum(0))[0]

    def about(w: Array, v: Array) -> tuple[Array, Array]:
        off = v - center[None]
        product = lambda u: jnp.tensordot(w.T, u, axes=1, precision="highest")  # noqa: E731
        return product(off), product(off * off)

    first, second = sum_blocks(about, weight.T, x)
    first, second = (s / safe.reshape((-1,) + (1,) * (x.ndim - 1)) for s in (first, second))
    variance = jnp.maximum(second - first * first, 0)
    far = jnp.any(first * first > 100 * variance)
    one_by_one = lambda: jax.lax.map(lambda w: _plain_moments(x, w), weight)  # noqa: E731
    return jax.lax.cond(far, one_by_one, lambda: (center[None] + first, variance, mass))


_moments = shared_inputs(_plain_moments, _moments_of_folds)


def common_moments(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Moments:
    """Moments to standardize by; under `vmap` over weights alone those of all weights together. O(n d).

    An algorithm that is free in its choice of origin and units (its intercept is fitted, its penalty is scaled back)
    standardizes with these, and its inputs then stay shared between folds.
    """
    return Moments(*_common(x, weight))


_common = custom_vmap(_plain_moments)


@_common.def_vmap
def _common_of_folds(size: int, in_batched: Any, x: Array, weight: Array) -> tuple[Any, Any]:
    if [bool(b) for b in in_batched] == [False, True]:
        return _plain_moments(x, weight.sum(0)), (False, False, False)
    axes = [0 if b else None for b in in_batched]
    return jax.vmap(_plain_moments, in_axes=axes, axis_size=size)(x, weight), (True, True, True)


# ---- products --------------------------------------------------------------------------------------------------------
def matmul(x: Float[Array, "n d"] | Sparse, right: Float[Array, "d k"]) -> Float[Array, "n k"]:
    """x times a dense matrix, whatever x is, to the full precision of its type. O(n d k), sparse O(entries k)."""
    return x.matmul(right) if isinstance(x, Sparse) else jnp.matmul(x, right, precision="highest")


def weighted_gram(
    x: Float[Array, "n d"], weight: Float[Array, " n"], y: Float[Array, "n k"] | None = None
) -> Float[Array, "d k"]:
    """x' diag(weight) y, with y = x where it is left out. O(n d k)."""
    return _gram(x, weight) if y is None else _cross(x, weight, y)


def _plain_cross(x: Array, weight: Array, y: Array) -> Array:
    def product(w: Array, left: Array, right: Array) -> Array:
        return jnp.matmul((left * w[:, None]).T, right, precision="highest")

    return sum_blocks(product, weight, x, y, rows=block_rows(max(x.shape[1], y.shape[1])))


def _cross_of_folds(x: Array, weight: Array, y: Array) -> Array:
    (d, k), folds = (x.shape[1], y.shape[1]), weight.shape[0]
    if d * k > PAIRS * PAIRS:  # a product of wide matrices is efficient by itself
        return jax.lax.map(lambda w: _plain_cross(x, w, y), weight)

    def products(w: Array, left: Array, right: Array) -> Array:
        pairs = (left[:, :, None] * right[:, None, :]).reshape(left.shape[0], d * k)
        return jnp.matmul(w.T, pairs, precision="highest")

    return sum_blocks(products, weight.T, x, y, rows=block_rows(d * k)).reshape(folds, d, k)


def _plain_gram(x: Array, weight: Array) -> Array:
    return _plain_cross(x, weight, x)


def _gram_of_folds(x: Array, weight: Array) -> Array:
    if x.shape[1] > PAIRS:
        return jax.lax.map(lambda w: _plain_gram(x, w), weight)

    def products(w: Array, v: Array) -> Array:
        return jnp.matmul(w.T, _pairs(v).T, precision="highest")

    half = sum_blocks(products, weight.T, x, rows=block_rows(x.shape[1] ** 2 // 2))
    return half[:, _places(x.shape[1])]


def _pairs(x: Float[Array, "b d"]) -> Float[Array, "pairs b"]:
    """The products of all pairs of columns: column i with column i + s, around the end, for s = 0..d/2.

    So they are products of long contiguous vectors, and no column has to be picked out of rows. O(b d^2).
    """
    d, across = x.shape[1], x.T
    around = jnp.concatenate([across, across])
    shifts = jnp.arange(d // 2 + 1)
    return jax.lax.map(lambda s: across * jax.lax.dynamic_slice_in_dim(around, s, d), shifts).reshape(-1, x.shape[0])


def _places(d: int) -> np.ndarray:
    """Where in `_pairs` the product of columns i and j is, [d, d]."""
    i, j = np.meshgrid(np.arange(d), np.arange(d), indexing="ij")
    forward, backward = (j - i) % d, (i - j) % d
    there = np.where((forward < backward) | ((forward == backward) & (i <= j)), forward * d + i, backward * d + j)
    return there.astype(np.int32)


def grams_of_block(x: Float[Array, "b d"], weights: Float[Array, "b p"]) -> tuple[Float[Array, "p d d"], Array]:
    """x' diag(weights_p) x for a block of rows and each of p weights, a summand for `sum_blocks`; and rows that were
    rounded: 0, or the number of rows where the sums are of float32 precision. O(b d^2 p).

    Under `vmap` over the weights alone all are contracted in one product against the products of pairs of columns, in
    float32, which takes half the time: precise enough for the direction of a step, not for a result.
    """
    return _grams(x, weights)


def _plain_grams(x: Array, weights: Array) -> tuple[Array, Array]:
    (b, d), p = x.shape, weights.shape[1]
    heavy = (weights[:, :, None] * x[:, None, :]).reshape(b, p * d)
    return jnp.matmul(heavy.T, x, precision="highest").reshape(p, d, d), jnp.zeros((), x.dtype)


_grams = custom_vmap(_plain_grams)


@_grams.def_vmap
def _grams_of_folds(size: int, in_batched: Any, x: Array, weights: Array) -> tuple[Any, Any]:
    if [bool(b) for b in in_batched] != [False, True] or x.shape[1] > PAIRS:
        axes = [0 if b else None for b in in_batched]
        return jax.vmap(_plain_grams, in_axes=axes, axis_size=size)(x, weights), (True, True)
    (b, d), (folds, _, p) = x.shape, weights.shape
    flat = weights.transpose(0, 2, 1).reshape(folds * p, b).astype(jnp.float32)
    rough = jnp.clip(x, -LARGEST, LARGEST).astype(jnp.float32)  # what is not there may be huge
    half = jnp.matmul(flat, _pairs(rough).T, precision="highest").astype(x.dtype)
    grams = half.reshape(folds, p, -1)[..., _places(d)]
    return (grams, jnp.full(folds, b, x.dtype)), (True, True)


_cross = shared_inputs(_plain_cross, _cross_of_folds)
_gram = shared_inputs(_plain_gram, _gram_of_folds)


# ---- segments --------------------------------------------------------------------------------------------------------
def segment_reduce(
    values: Float[Array, " n *d"] | Sparse,
    segment: Int[Array, " n"],
    segments: int,
    weight: Float[Array, " n"] | None = None,
) -> Float[Array, " segments *d"]:
    """Sum of `weight * values` by segment, for values [n, d] or [n]; ids outside 0..segments-1 are left out.

    O(n d segments) products for few segments, which is faster than the O(n d) scatter used for many. Values that are
    `Sparse` cost O(entries), and `class_sums` of it gives the same the other way round, [d, segments].
    """
    if isinstance(values, Sparse):
        w = jnp.ones(values.n, values.value.dtype) if weight is None else weight
        return values.class_sums(w, segment, segments).T
    w = jnp.ones(values.shape[:1], values.dtype) if weight is None else weight
    if segments > ONE_HOT:
        return _scatter(segments)(values, w, segment)

    def product(w: Array, v: Array, s: Array) -> Array:
        here = jnp.where(s[:, None] == jnp.arange(segments)[None, :], w[:, None], 0)
        return jnp.tensordot(here.T, v, axes=1, precision="highest")

    width = max(segments, values.size // max(values.shape[0], 1))
    return sum_blocks(product, w, values, segment, rows=block_rows(width))


def _scatter(segments: int) -> Callable[..., Any]:
    def plain(values: Array, weight: Array, segment: Array) -> Array:
        w = weight.reshape((-1,) + (1,) * (values.ndim - 1))
        return total(jax.ops.segment_sum(values * w, segment, segments))

    def of_folds(values: Array, weight: Array, segment: Array) -> Array:
        return jax.lax.map(lambda w: plain(values, w, segment), weight)

    return shared_inputs(plain, of_folds)


def squared_distances(x: Float[Array, "n d"], y: Float[Array, "k d"]) -> Float[Array, "n k"]:
    """Squared Euclidean distances between all rows of x and y, never negative. O(n d k).

    One product of matrices: what rows have in common (a large mean) costs digits, so centre first where it is large.
    """
    cross = jnp.matmul(x, y.T, precision="highest")
    return jnp.maximum((x * x).sum(1)[:, None] - 2 * cross + (y * y).sum(1)[None, :], 0)
