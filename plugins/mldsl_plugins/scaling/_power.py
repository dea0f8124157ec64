"""The transforms of Box and Cox and of Yeo and Johnson: their values, inverses and most likely exponents.

Both are made of f(a, p) = (exp(p a) - 1) / p, which is a where p is 0: with a = log(x) it is Box and Cox's, with
a = log(1 + x) the branch of Yeo and Johnson's for x >= 0, and -f(log(1 - x), 2 - p) that for x < 0.

The exponent maximises l(p) = -1/2 log variance of the values + p (mean of their signed logarithms), which is concave
(Marchand et al. 2022 for Yeo and Johnson). Where all values have one sign, a is taken from its mean first: that leaves
l(p) as it is and nothing cancels. Exponents whose powers would overflow are not looked at. The maximum is where l' is
0; Newton's steps find it, kept between the largest p known to be too small and the smallest known to be too large. One
pass over the rows a step, all columns at once.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mldsl.contract import sum_blocks, tiny

LARGEST = 300.0  # of p a: its exponential squared is still a number
STEPS = 60
_TERMS = 16


class Exponents(NamedTuple):
    """The most likely exponent of each column (1 where a column does not vary), and the steps that were made."""

    exponent: Float[Array, " d"]
    iterations: Array


def _series(z: Array, order: int) -> Array:
    """The derivative of `order` of (exp(z) - 1) / z, by its series about 0."""
    terms = [math.factorial(n + order) / math.factorial(n) / math.factorial(n + order + 1) for n in range(_TERMS)]
    value = jnp.full_like(z, terms[-1])
    for term in terms[-2::-1]:  # Horner's scheme, of constant length
        value = value * z + term
    return value


def _phi(z: Array) -> tuple[Array, Array, Array]:
    """(exp(z) - 1) / z and its first two derivatives."""
    small = jnp.abs(z) < 0.5
    near, far = jnp.where(small, z, 0), jnp.where(small, 1, jnp.clip(z, -LARGEST, LARGEST))
    e = jnp.exp(far)
    first = (e - 1) / far
    second = (e - first) / far
    third = (e - 2 * second) / far
    return (
        jnp.where(small, _series(near, 0), first),
        jnp.where(small, _series(near, 1), second),
        jnp.where(small, _series(near, 2), third),
    )


def power(a: Float[Array, "n d"], p: Float[Array, "1 d"]) -> Float[Array, "n d"]:
    """f(a, p), both of them."""
    return a * _phi(p * a)[0]


def root(t: Float[Array, "n d"], p: Float[Array, "1 d"]) -> Float[Array, "n d"]:
    """The a for which f(a, p) is t; the end of the range where there is none."""
    # log(1 + p t) / p, by its first terms where p t is too small to divide by p.
    z = p * t
    small = jnp.abs(z) < 1e-8
    inside = jnp.maximum(z, -1 + 1e-15)
    return jnp.where(small, t * (1 - z / 2), jnp.log1p(jnp.where(small, 0, inside)) / jnp.where(small, 1, p))


def yeo_johnson(x: Float[Array, "n d"], p: Float[Array, "1 d"]) -> Float[Array, "n d"]:
    """Yeo and Johnson's transform; missing values stay missing."""
    return jnp.where(
        x >= 0,
        power(jnp.log1p(jnp.maximum(x, 0)), p),
        jnp.where(x < 0, -power(jnp.log1p(-jnp.minimum(x, 0)), 2 - p), x),
    )


def yeo_johnson_back(t: Float[Array, "n d"], p: Float[Array, "1 d"]) -> Float[Array, "n d"]:
    """Its inverse."""
    return jnp.where(
        t >= 0, jnp.expm1(root(jnp.maximum(t, 0), p)), jnp.where(t < 0, -jnp.expm1(root(-jnp.minimum(t, 0), 2 - p)), t)
    )


def box_cox(x: Float[Array, "n d"], p: Float[Array, "1 d"], least: Float[Array, "1 d"]) -> Float[Array, "n d"]:
    """Box and Cox's transform; values that are not above 0 are taken for `least`."""
    return jnp.where(jnp.isnan(x), x, power(jnp.log(jnp.where(x > 0, x, least)), p))


def most_likely(
    a: Float[Array, "n d"], negative: Bool[Array, "n d"], there: Bool[Array, "n d"], weight: Float[Array, " n"]
) -> Exponents:
    """The exponents of columns with a = log(1 + |x|) (log(x) for Box and Cox's) and x < 0 where `negative`."""

    def sums(of: object, *more: Array) -> Array:
        return sum_blocks(
            lambda w, *rows: jnp.dot(w, of(*rows), precision="highest"), weight, a, negative, there, *more
        )  # type: ignore[operator]

    mass = sums(lambda a, negative, there: there.astype(a.dtype))
    below = sums(lambda a, negative, there: (there & negative).astype(a.dtype))
    safe = jnp.maximum(mass, tiny(mass))
    signed = sums(lambda a, negative, there: jnp.where(there, jnp.where(negative, -a, a), 0)) / safe
    one_sign = (below == 0) | (below == mass)
    shift = jnp.where(one_sign, jnp.where(below == mass, -signed, signed), 0)
    slope = jnp.where(one_sign, 0, signed)

    def passed(p: Float[Array, " d"]) -> tuple[Array, Array, Array]:
        """l', l'' and the variance at p."""

        def block(w: Array, a: Array, negative: Array, there: Array) -> tuple[Array, ...]:
            u = jnp.where(there, a - shift[None], 0)
            q = jnp.where(negative, 2 - p[None], p[None])
            zeroth, first, second = _phi(q * u)
            sign = jnp.where(negative, -1.0, 1.0).astype(a.dtype)
            t, dt, ddt = sign * u * zeroth, u * u * first, sign * u * u * u * second
            dot = lambda v: jnp.dot(w, jnp.where(there, v, 0), precision="highest")  # noqa: E731
            return dot(t), dot(dt), dot(ddt), dot(t * t), dot(t * dt), dot(dt * dt + t * ddt)

        t, dt, ddt, tt, tdt, rest = (s / safe for s in sum_blocks(block, weight, a, negative, there))
        variance = jnp.maximum(tt - t * t, 0)
        known = jnp.where(variance > 0, variance, 1)
        first, second = 2 * (tdt - t * dt) / known, 2 * (rest - dt * dt - t * ddt) / known
        return slope - first / 2, (first * first - second) / 2, variance

    spread = sums(lambda a, negative, there, s: jnp.where(there, (jnp.where(negative, -a, a) - s) ** 2, 0),
                  jnp.broadcast_to(signed[None], a.shape)) / safe  # fmt: skip
    varies = spread > 1e-20 * jnp.maximum(signed**2, tiny(signed))

    def unsettled(loop: tuple[Array, Array, Array, Array, Array]) -> Array:
        _, _, _, moved, step = loop
        return jnp.any(moved) & (step < STEPS)

    def improve(loop: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        p, low, high, moving, step = loop
        first, second, _ = passed(p)
        low, high = jnp.where(first > 0, p, low), jnp.where(first < 0, p, high)
        newton = jnp.where(second < 0, -first / jnp.where(second < 0, second, -1), jnp.sign(first))
        new = p + jnp.clip(newton, -4, 4)
        new = jnp.where((new > low) & (new < high), new, (low + high) / 2)
        new = jnp.where(moving, new, p)
        still = moving & (jnp.abs(new - p) > 1e-10 * (1 + jnp.abs(p)))
        return new, low, high, still, step + 1

    here = there & (weight > 0)[:, None]
    upper, lower = (
        LARGEST / jnp.maximum(jnp.where(here & side, jnp.abs(a), 0).max(axis=0, initial=0), 1e-3)
        for side in (~negative, negative)
    )
    start = (
        jnp.ones(a.shape[1], a.dtype), jnp.maximum(-upper, 2 - lower), jnp.minimum(upper, 2 + lower), varies,
        jnp.zeros((), jnp.int32),
    )  # fmt: skip
    p, _, _, _, steps = jax.lax.while_loop(unsettled, improve, start)
    return Exponents(jnp.where(varies, p, 1), steps)
