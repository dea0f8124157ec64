"""What the scalers share: statistics of each column over all rows, or within each level of a column `per`.

Missing values (NaN) do not count and stay missing. Statistics are tables [g + 1, d]: one line for each of the g
levels of `per` and the last line for all rows; without `per`, g is 0. Where `per` is given, its codes are the last
column of the inputs, of `fit` and of `apply`. A level that has no value in the training rows uses the line of all
rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Shape, least_of_blocks, segment_quantile, segment_reduce, sum_blocks, tiny, weighted_quantile
from mldsl.plugin.components import NamedColumn

NUMBERS = ("continuous", "integer", "binary", "ordinal")


class Groups(NamedTuple):
    """Which group each row is in (-1: none that is known), and how many there are (static)."""

    of_row: Int[Array, " n"] | None
    count: int


def split(
    inputs: Float[Array, "n m"], per: str | None, shape: Shape | None = None
) -> tuple[Float[Array, "n d"], Groups]:
    """The columns to scale, and the groups of the rows; only `fit` knows the shape and needs their number."""
    if per is None:
        return inputs, Groups(None, 0)
    codes = inputs[:, -1]
    count = 0 if shape is None else shape.columns[-1].levels
    return inputs[:, :-1], Groups(jnp.where(jnp.isnan(codes), -1, codes).astype(jnp.int32), count)


def of_rows(table: Float[Array, "g d"], groups: Groups) -> Float[Array, "... d"]:
    """The line of the table for each row: [1, d] if all rows have the same, else [n, d]."""
    if groups.of_row is None:
        return table[-1:]
    last = table.shape[0] - 1
    known = (groups.of_row >= 0) & (groups.of_row < last)
    return table[jnp.where(known, groups.of_row, last)]


def names(spec: Any, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """Scaled columns keep their names and become continuous; the column `per` is not among them."""
    return tuple(NamedColumn(c.name, "continuous", None, c.missing) for c in columns)


class Moments(NamedTuple):
    """Weighted mean, population variance (0 if constant) and sum of weights of what is present, [g + 1, d]."""

    mean: Float[Array, "g d"]
    variance: Float[Array, "g d"]
    mass: Float[Array, "g d"]


def moments(x: Float[Array, "n d"], weight: Float[Array, " n"], groups: Groups) -> Moments:
    """Two passes: the second is about the mean, and takes out of the variance what rounding left in the mean."""
    total, mass = _sums(lambda off, there: (off, there), x, weight, groups, None)
    safe = jnp.maximum(mass, tiny(mass))
    mean = total / safe
    first, second = _sums(lambda off, there: (off, off * off), x, weight, groups, mean)
    shift = first / safe
    variance = second / safe - shift**2
    # In a column that does not vary all deviations are the error of the mean, and their squares cancel to rounding.
    return Moments(mean + shift, jnp.where(variance > 1e-3 * shift**2, variance, 0), mass)


def _sums(
    of: Callable[[Array, Array], tuple[Array, Array]], x: Array, weight: Array, groups: Groups, mean: Array | None
) -> tuple[Array, Array]:
    """Weighted sums of two functions of the values present (less `mean`), and of whether they are there."""

    def values(v: Array, center: Array | float) -> tuple[Array, Array]:
        there = ~jnp.isnan(v)
        return of(jnp.where(there, v - center, 0), there.astype(v.dtype))

    def block(w: Array, v: Array) -> tuple[Array, Array]:
        one, other = values(v, 0.0 if mean is None else mean[-1:])
        return jnp.dot(w, one, precision="highest")[None], jnp.dot(w, other, precision="highest")[None]

    whole: tuple[Array, Array] = sum_blocks(block, weight, x)
    if groups.of_row is None:
        return whole
    by_row = values(x, 0.0 if mean is None else of_rows(mean, groups))
    each = (segment_reduce(value, groups.of_row, groups.count, weight=weight) for value in by_row)
    one, other = (jnp.concatenate(pair) for pair in zip(each, whole, strict=True))
    return one, other


def extremes(x: Float[Array, "n d"], weight: Float[Array, " n"], groups: Groups) -> tuple[Array, Array]:
    """Least and greatest value present, [g + 1, d]; inf and -inf where nothing is."""

    def values(w: Array, v: Array) -> tuple[Array, Array]:
        there = (w > 0)[:, None] & ~jnp.isnan(v)
        return jnp.where(there, v, jnp.inf), jnp.where(there, -v, jnp.inf)

    def block(w: Array, v: Array) -> tuple[Array, Array]:
        low, high = values(w, v)
        return low.min(0)[None], high.min(0)[None]

    whole = least_of_blocks(block, weight, x)
    if groups.of_row is None:
        return whole[0], -whole[1]
    group = jnp.where(groups.of_row < 0, groups.count, groups.of_row)
    each = (jax.ops.segment_min(value, group, groups.count) for value in values(weight, x))
    low, high = (jnp.concatenate(pair) for pair in zip(each, whole, strict=True))
    return low, -high


def quantiles(x: Float[Array, "n d"], weight: Float[Array, " n"], q: Float[Array, " q"], groups: Groups) -> Array:
    """Type-7 quantiles [q, g + 1, d] of what is present, NaN where nothing is."""
    whole = weighted_quantile(x, weight, q)[:, None]
    if groups.of_row is None:
        return whole
    each = segment_quantile(x, weight, q, groups.of_row, groups.count)
    return jnp.concatenate([jnp.moveaxis(each, 1, 0), whole], axis=1)


def known(table: Float[Array, "g d"], present: Array) -> Float[Array, "g d"]:
    """The table, with the line of all rows where a group has nothing present."""
    return jnp.where(present, table, table[-1:])


def divisor(spread: Float[Array, "g d"], constant: Array) -> Float[Array, "g d"]:
    """The spread to divide by: 1 for a column that does not vary."""
    return jnp.where(constant | ~(spread > 0), 1, spread)
