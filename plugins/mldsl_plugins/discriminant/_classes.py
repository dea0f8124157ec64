"""What both discriminants are made of: shares, means and deviations of the classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Examples, Shape, block_rows, segment_reduce, sum_blocks, tiny, weighted_mean
from mldsl.plugin import Problem

PRIORS_DOC = "Probabilities of the classes, in the order of the levels; by default their shares."


class Classes(NamedTuple):
    """Weights of the classes [k], their shares as priors [k], their means about `center`: the mean is center + mean."""

    x: Float[Array, "n d"]
    weight: Float[Array, " n"]
    target: Int[Array, " n"]
    mass: Float[Array, " k"]
    prior: Float[Array, " k"]
    center: Float[Array, " d"]
    mean: Float[Array, "k d"]


def check_priors(spec: Any, shape: Shape) -> Iterator[Problem]:
    """Priors must be a distribution over the classes."""
    if spec.priors is not None and len(spec.priors) != shape.classes:
        yield Problem("priors", f"expected {shape.classes} numbers (one for each class), found {len(spec.priors)}")
    elif spec.priors is not None and abs(sum(spec.priors) - 1) > 1e-6:
        yield Problem("priors", f"expected numbers that add up to 1, found a sum of {sum(spec.priors):g}")


def classes(spec: Any, shape: Shape, examples: Examples) -> Classes:
    """Shares and means, in two passes, so that nothing cancels. O(n d k)."""
    x, weight, target, k = examples.inputs, examples.weight, examples.target, shape.classes
    assert target is not None
    x = x if examples.active is None else jnp.where(examples.active[None], x, 0)
    mass = segment_reduce(weight, target, k)
    center = weighted_mean(x, weight)

    def about(w: Array, v: Array, t: Array) -> Array:
        return jnp.matmul((one_hot(t, k, v) * w[:, None]).T, v - center[None], precision="highest")

    mean = sum_blocks(about, weight, x, target) / jnp.maximum(mass, tiny(mass))[:, None]
    share = mass / jnp.maximum(mass.sum(), tiny(mass))
    prior = share if spec.priors is None else jnp.asarray(spec.priors, mass.dtype)
    return Classes(x, weight, target, mass, prior, center, mean)


def one_hot(target: Array, k: int, like: Array) -> Array:
    """1 where a row is of the class, [b, k]."""
    return (target[:, None] == jnp.arange(k)[None]).astype(like.dtype)


def log_prior(prior: Float[Array, " k"]) -> Float[Array, " k"]:
    """Its logarithm; where it is 0 half the least finite number, so that sums stay finite."""
    return jnp.where(prior > 0, jnp.log(jnp.maximum(prior, tiny(prior))), jnp.finfo(prior.dtype).min / 2)


def within(found: Classes) -> Float[Array, "d d"]:
    """The sum of squares and products of deviations from the means of their classes. O(n d (d + k))."""
    k, d = found.mean.shape

    def squares(w: Array, v: Array, t: Array) -> Array:
        off = v - found.center[None] - jnp.matmul(one_hot(t, k, v), found.mean, precision="highest")
        return jnp.matmul((off * w[:, None]).T, off, precision="highest")

    return sum_blocks(squares, found.weight, found.x, found.target, rows=block_rows(d + k))


class Spread(NamedTuple):
    """Of one class: the sum of squares and products [d, d], and that of the squared squares of scaled deviations []."""

    squares: Float[Array, "d d"]
    fourth: Float[Array, ""]


def spreads(found: Classes, scale: Float[Array, "k d"] | None = None) -> Spread:
    """The same for each class by itself, [k, ...]. O(n k d^2)."""
    k, d = found.mean.shape

    def of(c: Array, mean: Array, scale: Array) -> Spread:
        def squares(w: Array, v: Array, t: Array) -> Spread:
            w = jnp.where(t == c, w, 0)
            off = v - found.center[None] - mean[None]
            size = ((off / scale[None]) ** 2).sum(axis=1)
            return Spread(jnp.matmul((off * w[:, None]).T, off, precision="highest"), jnp.dot(w, size * size))

        return sum_blocks(squares, found.weight, found.x, found.target, rows=block_rows(d))

    scale = jnp.ones_like(found.mean) if scale is None else scale
    return jax.lax.map(lambda each: of(*each), (jnp.arange(k), found.mean, scale))
