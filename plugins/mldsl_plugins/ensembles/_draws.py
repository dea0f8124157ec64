"""Rows and columns drawn for one member of an ensemble.

Weights lie end to end on a line, row after row, and draws are points on it. So a row of weight 0 is never drawn, a row
of weight 2 is drawn as two rows would be, and rows after the last that counts change nothing. The line is cut into
blocks of rows: a point is found by its block and then within it, where float32 still tells all rows apart.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

BLOCK = 4096  # rows; a power of 2
AT_ONCE = 4096  # draws
MOST = 1 << 22  # draws; beyond, each stands for several rows
ROUNDS = 8  # of the scrambling of numbers; with 4, permutations of a dozen numbers are not equally likely
BELOW = 1 - 2.0**-10  # a point of a cell of length 1 that float32 does not round out of it, within a block


def draw_rows(
    key: Key[Array, ""], weight: Float[Array, " n"], share: Float[Array, ""] | float, replace: bool
) -> Float[Array, " n"]:
    """How often each row counts in a sample of `share` of the rows, drawn with or without replacement. O(n log n).

    W, the sum of weights, is the number of rows. The sample has share W of them, to the nearest, at least one; where W
    is not whole, or above `MOST`, a draw stands for a little more or less than a row, or for several.
    """
    within = jnp.cumsum(jnp.pad(weight, (0, -weight.shape[0] % BLOCK)).reshape(-1, BLOCK), axis=1)
    upper = jnp.cumsum(within[:, -1])
    cells = jnp.clip(jnp.round(upper[-1]), 1, MOST)
    unit = upper[-1] / cells
    draws = jnp.clip(jnp.round(share * cells), 1, MOST).astype(jnp.int32)

    def some(i: Array, count: Array) -> Array:
        place = i * AT_ONCE + jnp.arange(AT_ONCE, dtype=jnp.int32)
        u = jax.random.uniform(jax.random.fold_in(key, i), (2, AT_ONCE), weight.dtype)
        if replace:
            block = _beyond(upper, u[0] * upper[-1])
            point = u[1] * within[block, -1]
        else:
            cell = scrambled(key, place, cells.astype(jnp.int32)).astype(weight.dtype)
            block = _beyond(upper, cell * unit)
            start = jnp.where(block > 0, upper[block - 1], 0)
            point = cell * unit - start + BELOW * u[1] * unit
        row = block * BLOCK + _within(within, block, point)
        return count.at[row].add((place < draws).astype(count.dtype), mode="drop")

    count: Array = jax.lax.fori_loop(0, -(-draws // AT_ONCE), some, jnp.zeros_like(weight))
    return count * unit


def _beyond(upper: Float[Array, " b"], point: Float[Array, " m"]) -> Int[Array, " m"]:
    """The first block that ends beyond each point; where rounding leaves none, the last that holds anything."""
    last = upper[-1] * _just_below_1(upper)
    return jnp.searchsorted(upper, jnp.minimum(point, last), side="right").astype(jnp.int32)


def _within(ends: Float[Array, "b rows"], block: Int[Array, " m"], point: Float[Array, " m"]) -> Int[Array, " m"]:
    """The first row of each block that ends beyond the point."""
    point = jnp.minimum(point, ends[block, -1] * _just_below_1(ends))

    def halve(step: Array, before: Array) -> Array:
        half = BLOCK >> (step + 1)
        return before + half * (ends[block, before + half - 1] <= point)

    found: Array = jax.lax.fori_loop(0, BLOCK.bit_length() - 1, halve, jnp.zeros_like(block))
    return found


def _just_below_1(like: Array) -> Array:
    return jnp.nextafter(jnp.ones((), like.dtype), jnp.zeros((), like.dtype))


def scrambled(key: Key[Array, ""], number: Int[Array, " m"], size: Int[Array, ""]) -> Int[Array, " m"]:
    """Where a random permutation of 0..size-1 takes these numbers, without making the permutation.

    A Feistel network over as many bits as the size needs; what it takes beyond the size is taken on until it is within
    (Black & Rogaway 2002, doi:10.1007/3-540-45760-7_9). Numbers from the size on give nonsense.
    """
    words = jax.random.bits(jax.random.fold_in(key, MOST), (ROUNDS,), jnp.uint32)
    bits = 16 - jax.lax.clz(jnp.maximum(size - 1, 3).astype(jnp.uint32)) // 2  # of a half
    mask = (jnp.uint32(1) << bits) - 1

    def once(x: Array) -> Array:
        left, right = x >> bits, x & mask
        for word in words:
            left, right = right, left ^ (_hashed(right ^ word) & mask)
        joined: Array = (left << bits) | right
        return joined

    def outside(x: Array) -> Array:
        return x >= size.astype(jnp.uint32)

    start = jnp.where(number < size, number, 0).astype(jnp.uint32)
    walked = jax.lax.while_loop(lambda x: outside(x).any(), lambda x: jnp.where(outside(x), once(x), x), once(start))
    found: Array = walked.astype(jnp.int32)
    return found


def _hashed(x: Array) -> Array:
    """The finalizer of MurmurHash3."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def draw_columns(key: Key[Array, ""], active: Bool[Array, " d"], share: float) -> Bool[Array, " d"]:
    """`share` of the columns that exist, to the nearest and at least one, without replacement. O(d log d)."""
    order = jnp.where(active, jax.random.uniform(key, active.shape), 2)
    rank = jnp.zeros(active.shape, jnp.int32).at[jnp.argsort(order)].set(jnp.arange(active.shape[0], dtype=jnp.int32))
    wanted = jnp.maximum(jnp.round(share * active.sum()), 1)
    return active & (rank < wanted)
