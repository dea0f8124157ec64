"""The quantile of Student's t on the device, where an interval's width must be known to `predict`.

With t = f^(1/2) tan(u) the probability within -+t is c times the integral of cos(u)^(f - 1) from 0 to u, which is
smooth over that range, so Gauss' 48 nodes give it to rounding; c = 2/pi^(1/2) Gamma((f + 1)/2) / Gamma(f/2). It rises
with u, so halving (0, pi/2) finds the root. The incomplete beta function would do the same, and takes four times as
long to compile. Eight digits for 1 to 1e7 degrees of freedom and a confidence of at most 99.9 %.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

MANY, FAR = 20, 30.0
SHIFT = 64  # from here on the series of the ratio of gamma functions has all digits


def two_sided_t(p: Float[Array, ""] | float, free: Float[Array, ""]) -> Float[Array, ""]:
    """The t that is exceeded in size with probability p, for `free` > 0 degrees of freedom."""
    node, share = np.polynomial.legendre.leggauss(48)
    node, share = (node + 1) / 2, share / 2
    scale = 2 / np.sqrt(np.pi) * _ratio(free / 2)

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        within = scale * middle * jnp.sum(share * jnp.cos(middle * node) ** (free - 1))
        return jnp.where(within < 1 - p, middle, low), jnp.where(within < 1 - p, high, middle)

    # With many degrees of freedom no t is far out, and the integrand is too narrow for the nodes beyond.
    end = jnp.where(free < MANY, np.pi / 2, jnp.arctan(FAR / jnp.sqrt(free)))
    start = (jnp.zeros((), free.dtype), end)
    low, high = jax.lax.fori_loop(0, 60, halve, start)
    return jnp.sqrt(free) * jnp.tan((low + high) / 2)


def _ratio(x: Array) -> Array:
    """Gamma(x + 1/2) / Gamma(x): its asymptotic series at x + SHIFT, and the recurrence down from there."""
    k = np.arange(SHIFT)
    y = x + SHIFT
    series = 1 - 1 / (8 * y) + 1 / (128 * y**2) + 5 / (1024 * y**3) - 21 / (32768 * y**4) - 399 / (262144 * y**5)
    return jnp.sqrt(y) * series * jnp.prod((x + k) / (x + k + 0.5))
