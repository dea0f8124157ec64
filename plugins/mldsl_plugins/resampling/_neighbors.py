"""The nearest rows of the same group, block by block, so that memory does not grow with the square of the rows."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import squared_distances

BLOCK = 1024


def nearest_within(
    points: Float[Array, "n d"], group: Int[Array, " n"], groups: int, k: int
) -> tuple[Int[Array, "n k"], Bool[Array, "n k"]]:
    """Places of the k nearest other rows of the same group, nearest first; and which of them there are.

    Rows are sorted by `group`; those of groups from `groups` on are left alone. Euclidean distance; of equally distant
    rows the first ones. O(sum of n_g^2 d) time over the groups, O(BLOCK^2 + n k) memory.
    """
    n = points.shape[0]
    blocks = -(-n // BLOCK)
    spare = blocks * BLOCK - n
    points = jnp.pad(points, ((0, spare), (0, 0)))
    group = jnp.pad(group, (0, spare), constant_values=groups)
    ids = jnp.arange(groups, dtype=group.dtype)
    start, end = jnp.searchsorted(group, ids), jnp.searchsorted(group, ids, side="right")
    within = jnp.arange(BLOCK, dtype=jnp.int32)

    def block(array: Array, number: Array) -> Array:
        return jax.lax.dynamic_slice_in_dim(array, number * BLOCK, BLOCK)

    def query(q: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        mine, of = block(points, q), block(group, q)
        place = q * BLOCK + within
        last = jnp.max(jnp.where(of < groups, of, of[0]))

        def candidate(c: Array, best: tuple[Array, Array]) -> tuple[Array, Array]:
            other = (c * BLOCK + within).astype(jnp.int32)
            near = (of[:, None] == block(group, c)[None, :]) & (of < groups)[:, None]
            near &= place[:, None] != other[None, :]
            apart = jnp.where(near, squared_distances(mine, block(points, c)), jnp.inf)
            distance = jnp.concatenate([best[0], apart], axis=1)
            index = jnp.concatenate([best[1], jnp.broadcast_to(other[None, :], apart.shape)], axis=1)
            least, pick = jax.lax.top_k(-distance, k)
            return -least, jnp.take_along_axis(index, pick, axis=1)

        none = jnp.full((BLOCK, k), jnp.inf, points.dtype), jnp.zeros((BLOCK, k), jnp.int32)
        distance, index = jax.lax.fori_loop(start[of[0]] // BLOCK, -(-end[last] // BLOCK), candidate, none)
        put = jax.lax.dynamic_update_slice_in_dim
        return put(found[0], index, q * BLOCK, 0), put(found[1], jnp.isfinite(distance), q * BLOCK, 0)

    nothing = jnp.zeros((blocks * BLOCK, k), jnp.int32), jnp.zeros((blocks * BLOCK, k), bool)
    there = -(-end[-1] // BLOCK)
    places, exist = jax.lax.fori_loop(0, there, query, nothing)
    return places[:n], exist[:n]
