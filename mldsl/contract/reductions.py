"""Reductions over rows that respect weights: the only way algorithms sum over rows.

Inside a `shard_map` over the axis `rows` they add up over the shards (`psum`), so an algorithm written with them runs
on any number of devices. Under `vmap` over weights alone they contract all weight vectors against the shared inputs in
one matrix product instead of copying the inputs per fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract.examples import tiny

_axis: list[str | None] = [None]


@contextmanager
def sharded(axis: str = "rows") -> Iterator[None]:
    """While tracing inside: rows are sharded over the mesh axis, and every reduction here adds up over it."""
    _axis.append(axis)
    try:
        yield
    finally:
        _axis.pop()


def total(x: Array) -> Array:
    """Add up over the shards, if rows are sharded; else the value itself."""
    return x if _axis[-1] is None else jax.lax.psum(x, _axis[-1])


class Moments(NamedTuple):
    """Weighted mean [d], population variance [d] and the sum of weights."""

    mean: Array
    variance: Array
    mass: Array


def weighted_sum(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Float[Array, " d"]:
    """sum_i weight_i x_i; also for x of shape [n]. Rows of weight 0 add exactly nothing, whatever they hold."""
    return total(jnp.tensordot(weight, x, axes=1, precision="highest"))


def weighted_mean(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Float[Array, " d"]:
    """sum w x / sum w over rows [n, d] or [n]; 0 where all weights are 0."""
    mass = total(weight.sum())
    return weighted_sum(x, weight) / jnp.maximum(mass, tiny(mass))


def weighted_moments(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Moments:
    """Weighted mean and population variance, in two passes: the second pass centres, so nothing cancels."""
    mass = total(weight.sum())
    safe = jnp.maximum(mass, tiny(mass))
    mean = weighted_sum(x, weight) / safe
    variance = weighted_sum(jnp.where(_there(x, weight), (x - mean) ** 2, 0), weight) / safe
    return Moments(mean, variance, mass)


def _there(x: Array, weight: Array) -> Array:
    return (weight > 0)[:, None] if x.ndim == 2 else weight > 0


def weighted_gram(
    x: Float[Array, "n d"], weight: Float[Array, " n"], y: Float[Array, "n k"] | None = None
) -> Float[Array, "d k"]:
    """x' diag(weight) y, with y = x where it is left out. O(n d k)."""
    other = x if y is None else y
    return total(jnp.matmul((x * weight[:, None]).T, other, precision="highest"))


def segment_reduce(
    values: Float[Array, "n d"],
    segment: Int[Array, " n"],
    segments: int,
    weight: Float[Array, " n"] | None = None,
) -> Float[Array, "segments d"]:
    """Sum of `weight * values` by segment; values [n] or [n, d]; segment ids outside 0..segments-1 are left out."""
    if weight is not None:
        values = values * (weight[:, None] if values.ndim == 2 else weight)
    return total(jax.ops.segment_sum(values, segment, segments))


def squared_distances(x: Float[Array, "n d"], y: Float[Array, "k d"]) -> Float[Array, "n k"]:
    """Squared Euclidean distances between all rows of x and y, never negative. O(n k d)."""
    cross = jnp.matmul(x, y.T, precision="highest")
    return jnp.maximum((x * x).sum(1)[:, None] - 2 * cross + (y * y).sum(1)[None, :], 0)


def weighted_quantile(x: Float[Array, "n d"], weight: Float[Array, " n"], q: Float[Array, " q"]) -> Float[Array, "q d"]:
    """Type-7 quantiles of the sample in which row i is repeated weight_i times. O(n log n) per column.

    Rows of weight 0 do not matter, whatever they hold; NaN counts as absent. All absent gives NaN.
    """
    one = x.ndim == 1
    columns = x[:, None] if one else x

    def of(column: Array) -> Array:
        w = jnp.where(jnp.isnan(column), 0, weight)
        order = jnp.argsort(jnp.where(w > 0, column, jnp.inf))
        value, cumulative = column[order], jnp.cumsum(w[order])
        mass = cumulative[-1]
        last = jnp.maximum(jnp.searchsorted(cumulative, mass, side="left"), 0)
        place = q * jnp.maximum(mass - 1, 0)
        low = jnp.floor(place)

        def at(position: Array) -> Array:
            index = jnp.searchsorted(cumulative, position, side="right")
            return value[jnp.minimum(index, last)]

        below, above = at(low), at(jnp.minimum(low + 1, mass - 1))
        return jnp.where(mass > 0, below + (above - below) * (place - low), jnp.nan)

    out = jax.lax.map(of, columns.T).T
    return out[:, 0] if one else out
