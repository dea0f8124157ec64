"""How much each column by itself has to do with the target: scores of columns, larger for more.

All are weighted, over the training rows of a fit. Classes are codes 0..k-1; other targets are numbers.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import (
    Inputs,
    Moments,
    Shape,
    Sparse,
    segment_reduce,
    tiny,
    weighted_mean,
    weighted_moments,
    weighted_quantile,
)  # fmt: skip


def present(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Float[Array, "n d"]:
    """The rows, 0 where they are not there."""
    return jnp.where((weight > 0)[:, None], x, 0)


def moments(x: Inputs, weight: Float[Array, " n"]) -> Moments:
    """Means and variances of columns; sparse ones by sums of squares, since centred they would not be sparse."""
    if not isinstance(x, Sparse):
        return weighted_moments(x, weight)
    mass = weight.sum()
    safe = jnp.maximum(mass, tiny(mass))
    mean = x.column_sums(weight) / safe
    return Moments(mean, jnp.maximum(x.squared().column_sums(weight) / safe - mean**2, 0), mass)


def varies(found: Moments) -> Array:
    """Whether columns vary by more than the rounding of their mean."""
    eps = jnp.finfo(found.mean.dtype).eps
    return found.variance > (8 * eps * jnp.abs(found.mean)) ** 2


def variance_ratio(x: Inputs, target: Int[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, " d"]:
    """F of the analysis of variance: between over within the classes, by degrees of freedom."""
    found = moments(x, weight)
    mass = segment_reduce(jnp.ones_like(weight), target, classes, weight=weight)
    safe = jnp.where(mass > 0, mass, 1)[:, None]
    if isinstance(x, Sparse):
        mean = jnp.where(mass[:, None] > 0, x.class_sums(weight, target, classes).T / safe - found.mean[None], 0)
        between = (mass[:, None] * mean**2).sum(axis=0)
        within = jnp.maximum(found.variance * mass.sum() - between, 0)
    else:
        off = present(x - found.mean[None], weight)
        mean = segment_reduce(off, target, classes, weight=weight) / safe
        between = (mass[:, None] * mean**2).sum(axis=0)
        within = weighted_mean((off - mean[jnp.clip(target, 0, classes - 1)]) ** 2, weight) * mass.sum()
    there = (mass > 0).sum()
    free = mass.sum() - there
    ratio = jnp.where(within > 0, between / jnp.where(within > 0, within, 1), jnp.where(between > 0, jnp.inf, 0))
    ratio = jnp.where(varies(found), ratio, 0)
    return ratio * jnp.maximum(free, 0) / jnp.maximum(there - 1, 1)


def correlation(x: Inputs, y: Float[Array, " n"], weight: Float[Array, " n"]) -> Float[Array, " d"]:
    """Pearson's correlation with the target; 0 where either does not vary."""
    columns, of_y = moments(x, weight), weighted_moments(y, weight)
    beside = jnp.where(weight > 0, y - of_y.mean, 0)
    if isinstance(x, Sparse):
        shared = x.column_sums(weight * beside) / jnp.maximum(columns.mass, tiny(columns.mass))
    else:
        shared = weighted_mean(present(x - columns.mean[None], weight) * beside[:, None], weight)
    scale = jnp.sqrt(columns.variance) * jnp.sqrt(of_y.variance)
    known = varies(columns) & varies(of_y)
    return jnp.clip(jnp.where(known, shared / jnp.where(known, scale, 1), 0), -1, 1)


def f_of_correlation(r: Float[Array, " d"], weight: Float[Array, " n"]) -> Float[Array, " d"]:
    """F of the regression of the target on one column."""
    rest = 1 - r * r
    ratio = jnp.where(rest > 0, r * r / jnp.where(rest > 0, rest, 1), jnp.inf)
    return ratio * jnp.maximum(weight.sum() - 2, 0)


def chi_squared(x: Inputs, target: Int[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, " d"]:
    """How far the sums of a column by class are from what the shares of the classes would give."""
    if isinstance(x, Sparse):
        observed = x.class_sums(weight, target, classes).T
    else:
        observed = segment_reduce(present(x, weight), target, classes, weight=weight)
    mass = segment_reduce(jnp.ones_like(weight), target, classes, weight=weight)
    share = mass / jnp.maximum(mass.sum(), 1e-30)
    expected = share[:, None] * observed.sum(axis=0)[None]
    return jnp.where(expected > 0, (observed - expected) ** 2 / jnp.where(expected > 0, expected, 1), 0).sum(axis=0)


def binned(x: Float[Array, "n d"], weight: Float[Array, " n"], bins: int) -> Int[Array, "n d"]:
    """Which of equally heavy bins each value is in; equal values share one."""
    edge = weighted_quantile(x, weight, jnp.linspace(0, 1, bins + 1, dtype=x.dtype)[1:-1])
    return (x[:, :, None] > edge.T[None]).sum(axis=2).astype(jnp.int32)


def mutual_information(
    x: Float[Array, "n d"], y: Float[Array, " n"] | Int[Array, " n"], weight: Float[Array, " n"], shape: Shape,
    bins: int,
) -> Float[Array, " d"]:  # fmt: skip
    """Mutual information in nats of the tables of column and target, numbers in equally heavy bins."""
    levels = jnp.asarray([c.levels for c in shape.columns], jnp.int32)
    most = max(bins, *(c.levels for c in shape.columns))
    codes = jnp.where((weight > 0)[:, None], jnp.nan_to_num(x), 0)
    place = jnp.where(levels[None] > 0, jnp.clip(codes, 0, most - 1).astype(jnp.int32), binned(x, weight, bins))
    groups = shape.classes or bins
    of_y = y.astype(jnp.int32) if shape.classes else binned(y[:, None].astype(x.dtype), weight, bins)[:, 0]
    one = jnp.ones_like(weight)

    def of(column: Array) -> Array:
        joint = segment_reduce(one, column * groups + of_y, most * groups, weight=weight).reshape(most, groups)
        joint = joint / jnp.maximum(joint.sum(), 1e-30)
        apart = joint.sum(axis=1)[:, None] * joint.sum(axis=0)[None, :]
        return jnp.where(joint > 0, joint * jnp.log(jnp.where(joint > 0, joint / apart, 1)), 0).sum()

    return jnp.maximum(jax.lax.map(of, place.T), 0)
