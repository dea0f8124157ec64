"""Which rows and columns a tree is grown on, and other numbers by chance that rows have."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, UInt

from mldsl.contract import shard


def some_rows(key: Key[Array, ""], n: int, share: Float[Array, ""]) -> Bool[Array, " n"]:
    """Each of n rows with this chance, by its number alone: padding and devices change nothing."""
    seed = jax.random.bits(key, (2,), jnp.uint32)
    bits = _mixed(_mixed(_numbers(n) + seed[0]) ^ seed[1])
    return (bits >> 8).astype(share.dtype) < share * (1 << 24)


def jitters(n: int) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Two numbers between -1/2 and 1/2 for each of n rows, always the same, by its number alone."""
    bits = _mixed(_numbers(n))
    one, two = (((half & 0xFFFF).astype(jnp.float32) + 0.5) / (1 << 16) - 0.5 for half in (bits >> 16, bits))
    return one, two


def some_columns(key: Key[Array, ""], active: Bool[Array, " d"], share: Float[Array, ""]) -> Bool[Array, " d"]:
    """A share of the columns, rounded, and at least one."""
    draw = jnp.where(active, jax.random.uniform(key, active.shape, share.dtype), 2)
    rank = jnp.argsort(jnp.argsort(draw))
    count = jnp.maximum(jnp.round(share * active.sum()), 1)
    return active & (rank < count)


def _numbers(n: int) -> UInt[Array, " n"]:
    """Of the rows that this device has of all, spread out."""
    return ((jnp.asarray(shard()) * n).astype(jnp.uint32) + jnp.arange(n, dtype=jnp.uint32)) * jnp.uint32(0x9E3779B1)


def _mixed(x: UInt[Array, " n"]) -> UInt[Array, " n"]:
    """The finalizer of MurmurHash3: every bit of a number reaches every other."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def mixed_bits(x: UInt[Array, "*s"]) -> UInt[Array, "*s"]:
    """Bits as if drawn, from a number: the finalizer of MurmurHash3, twice."""
    for _ in range(2):
        x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
        x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
        x = x ^ (x >> 16)
    return x
