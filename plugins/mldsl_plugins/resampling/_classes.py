"""What the resampling steps share: the weight of each class, and whole numbers dealt out to rows at random."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Shape, segment_reduce, tiny
from mldsl.plugin import Problem


def check_classes(shape: Shape) -> Iterator[Problem]:
    """There must be classes."""
    if shape.classes < 2:
        yield Problem("target", f"expected at least 2 classes, found {shape.classes}")


def class_mass(examples: Examples, classes: int) -> Float[Array, " k"]:
    """The weight of each class: how many rows it has, a row of weight 2 counting twice."""
    assert examples.target is not None
    return segment_reduce(jnp.ones_like(examples.weight), examples.target, classes, weight=examples.weight)


def deal(
    key: Key[Array, ""], weight: Float[Array, " n"], label: Int[Array, " n"], amount: Float[Array, " k"]
) -> Float[Array, " n"]:
    """Whole numbers, one for each row, that add up to the whole number `amount` in each class.

    A row of weight w in a class of weight W gets w amount / W, rounded down, or up: who gets one more is drawn by order
    sampling with Pareto's keys (Rosén 1997), without replacement. Among rows of equal weight every subset is equally
    likely. O(n log n).
    """
    k = amount.shape[0]
    mass = segment_reduce(jnp.ones_like(weight), label, k, weight=weight)
    share = weight * amount[label] / jnp.maximum(mass, tiny(mass))[label]
    base = jnp.floor(share)
    part = share - base
    more = amount - segment_reduce(jnp.ones_like(weight), label, k, weight=base)

    draw = jax.random.uniform(key, weight.shape, weight.dtype, minval=tiny(weight))
    odds = (draw / (1 - draw)) * (1 - part) / jnp.maximum(part, tiny(part))
    takes_part = (weight > 0) & (part > 0)
    group = jnp.where(takes_part, label, k)
    row = jnp.arange(weight.shape[0], dtype=jnp.int32)
    group, _, row = jax.lax.sort((group, jnp.where(takes_part, odds, jnp.inf), row), num_keys=2)
    first = jnp.searchsorted(group, jnp.arange(k, dtype=group.dtype))
    rank = jnp.arange(group.shape[0]) - first[jnp.minimum(group, k - 1)]
    wins = (group < k) & (rank < more[jnp.minimum(group, k - 1)])
    return base.at[row].add(wins.astype(base.dtype))
