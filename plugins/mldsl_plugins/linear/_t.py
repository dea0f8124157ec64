"""The quantile of Student's t on the device, where an interval's width must be known to `predict`.

The root of p(t) = I_u(f/2, 1/2), u = f / (f + t^2), the probability of a t that is further from 0: p falls with t, so
halving the range of log(t^2/f) finds it. Twelve digits for 1 to 1e7 degrees of freedom.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.scipy.special import betainc
from jaxtyping import Array, Float


def two_sided_t(p: Float[Array, ""] | float, free: Float[Array, ""]) -> Float[Array, ""]:
    """The t that is exceeded in size with probability p, for `free` > 0 degrees of freedom."""

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        beyond = betainc(free / 2, 0.5, 1 / (1 + jnp.exp(middle))) > p
        return jnp.where(beyond, middle, low), jnp.where(beyond, high, middle)

    start = (jnp.asarray(-80.0, free.dtype), jnp.asarray(80.0, free.dtype))
    low, high = jax.lax.fori_loop(0, 60, halve, start)
    return jnp.sqrt(free * jnp.exp((low + high) / 2))
