"""Rows that a tree of a forest draws: places on a line on which every row is as long as it weighs.

The rows lie on the line in an order that depends on what they hold, not on where they stand.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from mldsl_plugins.trees._draws import mixed_bits


def by_content(x: Array, active: Array, target: Array, weight: Array) -> Int[Array, " n"]:
    """An order of the rows that follows from what they hold, those of weight 0 last."""
    x, target = jnp.where(active[None], _bits(x[:, : len(active)]), 0), _bits(target)
    place = jnp.arange(len(active), dtype=jnp.uint32)[None]

    def mark(number: int) -> Array:
        seed = mixed_bits(place * jnp.uint32(0x9E3779B9) + jnp.uint32(number))
        total = mixed_bits(x ^ seed).sum(axis=1, dtype=jnp.uint32)
        return mixed_bits(total + mixed_bits(target + jnp.uint32(number)))

    there = weight > 0
    keys = tuple(jnp.where(there, mark(number), jnp.uint32(0)) for number in (1, 2))
    every = jnp.arange(len(weight), dtype=jnp.int32)
    return jax.lax.sort((~there, *keys, every), num_keys=3, is_stable=True)[3]


def _bits(x: Array) -> Array:
    """What a number is made of; every missing value alike, and 0 as -0."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return x.astype(jnp.uint32)
    bits = jax.lax.bitcast_convert_type(jnp.where(jnp.isnan(x), jnp.nan, x + 0), jnp.uint32)
    return bits if bits.ndim == x.ndim else bits[..., 0] ^ mixed_bits(bits[..., 1])


def drawn(seed: UInt[Array, ""], line: Float[Array, " n"], share: float) -> Float[Array, " n"]:
    """How often each row is drawn; `line` says where each ends on the line of all."""
    n, mass = len(line), line[-1]
    count = jnp.maximum(jnp.round(mass * share), 1).astype(jnp.int32)
    cells = jnp.maximum(jnp.ceil(mass), 1).astype(jnp.int32)
    dtype = line.dtype

    def some(value: tuple[Array, Array]) -> tuple[Array, Array]:
        turn, times = value
        bits = mixed_bits(seed + turn.astype(jnp.uint32) * np.uint32(0x9E3779B9)) + jnp.arange(n, dtype=jnp.uint32)
        # A whole number and a part of 1, so that long lines do not lack random bits.
        whole, part = mixed_bits(bits) % cells.astype(jnp.uint32), mixed_bits(bits ^ np.uint32(0x5BD1E995))
        place = whole.astype(dtype) + (part >> 8).astype(dtype) / (1 << 24)
        row = jnp.searchsorted(line, place * (mass / cells.astype(dtype)), side="right").astype(jnp.int32)
        counts = turn * n + jnp.arange(n, dtype=jnp.int32) < count
        return turn + 1, times.at[jnp.minimum(row, n - 1)].add(counts.astype(dtype))

    start = jnp.zeros((), jnp.int32), jnp.zeros(n, dtype)
    return jax.lax.while_loop(lambda value: value[0] * n < count, some, start)[1]
