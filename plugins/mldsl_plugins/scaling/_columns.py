"""What the scalers share: statistics of each column over all rows, or within each level of a column `per`.

Missing values (NaN) do not count and stay missing. Statistics are tables [g + 1, d]: one line for each of the g
levels of `per` and the last line for all rows; without `per`, g is 0. Where `per` is given, its codes are the last
column of the inputs, of `fit` and of `apply`. A level that has no value in the training rows uses the line of all
rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Shape, segment_quantile, segment_reduce, sum_blocks, tiny, weighted_quantile
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
    """Weighted mean, population variance and sum of weights of what is present, [g + 1, d]."""

    mean: Float[Array, "g d"]
    variance: Float[Array, "g d"]
    mass: Float[Array, "g d"]


def moments(x: Float[Array, "n d"], weight: Float[Array, " n"], groups: Groups) -> Moments:
    """Two passes: the second is about the mean, and takes out of the variance what rounding left in the mean."""
    total, mass = _sums(x, weight, groups, None)
    mean = total / jnp.maximum(mass, tiny(mass))
    first, _ = _sums(x, weight, groups, mean)
    second, _ = _sums(x, weight, groups, mean, square=True)
    safe = jnp.maximum(mass, tiny(mass))
    shift = first / safe
    return Moments(mean + shift, jnp.maximum(second / safe - shift**2, 0), mass)


def _sums(x: Array, weight: Array, groups: Groups, mean: Array | None, square: bool = False) -> tuple[Array, Array]:
    """Sums of the values present, or of their (squared) deviations from `mean`, and the sums of their weights."""

    def of(w: Array, v: Array, center: Array | float) -> tuple[Array, Array]:
        there = ~jnp.isnan(v)
        off = jnp.where(there, v - center, 0)
        return jnp.where(there, w[:, None], 0) * (off * off if square else off), jnp.where(there, w[:, None], 0)

    def block(w: Array, v: Array) -> tuple[Array, Array]:
        off, there = of(jnp.ones_like(w), v, 0.0 if mean is None else mean[-1:])
        return jnp.dot(w, off, precision="highest"), jnp.dot(w, there, precision="highest")

    whole = tuple(s[None] for s in sum_blocks(block, weight, x))
    if groups.of_row is None:
        return whole[0], whole[1]
    off, there = of(weight, x, 0.0 if mean is None else of_rows(mean, groups))
    each = (segment_reduce(off, groups.of_row, groups.count), segment_reduce(there, groups.of_row, groups.count))
    return jnp.concatenate([each[0], whole[0]]), jnp.concatenate([each[1], whole[1]])


def extremes(x: Float[Array, "n d"], weight: Float[Array, " n"], groups: Groups) -> tuple[Array, Array]:
    """Least and greatest value present, [g + 1, d]; inf and -inf where nothing is."""
    there = (weight > 0)[:, None] & ~jnp.isnan(x)
    low, high = jnp.where(there, x, jnp.inf), jnp.where(there, x, -jnp.inf)
    least, greatest = low.min(0)[None], high.max(0)[None]
    if groups.of_row is None:
        return least, greatest
    group = jnp.where(groups.of_row < 0, groups.count, groups.of_row)
    by_group = jax.ops.segment_min(low, group, groups.count), jax.ops.segment_max(high, group, groups.count)
    return jnp.concatenate([by_group[0], least]), jnp.concatenate([by_group[1], greatest])


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
