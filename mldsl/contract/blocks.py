"""Sums over rows, block by block, so that what is computed per row stays in the processor's cache.

A sum over a million rows whose summand is wider than the row (a one-hot label, a weighted copy of the inputs, a table
of distances) would write that summand to memory and read it back. Here the loop holds one block of it at a time:
measured at 1M x 28 on two cores, a float32 Gram matrix takes 14 ms instead of 63, a step of Lloyd's algorithm 15
instead of 72. Partial sums of blocks also round less than one long sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

BLOCK = 16384

_axis: list[str | None] = [None]


@contextmanager
def sharded(axis: str = "rows") -> Iterator[None]:
    """While tracing inside: rows are sharded over the mesh axis, and every reduction here adds up over it."""
    _axis.append(axis)
    try:
        yield
    finally:
        _axis.pop()


def axis() -> str | None:
    """The mesh axis that rows are sharded over, or None."""
    return _axis[-1]


def total(x: Array) -> Array:
    """Add up over the shards, if rows are sharded; else the value itself."""
    return x if _axis[-1] is None else jax.lax.psum(x, _axis[-1])


def gather(x: Array) -> Array:
    """What each shard has, [shards, ...]; one shard if rows are not sharded."""
    return x[None] if _axis[-1] is None else jax.lax.all_gather(x, _axis[-1])


def shard() -> Array | int:
    """The number of this shard, from 0."""
    return 0 if _axis[-1] is None else jax.lax.axis_index(_axis[-1])


def block_rows(width: int) -> int:
    """How many rows of a summand of `width` numbers make a good block: about 28 numbers x 16384 rows, at least 256."""
    return max(256, min(BLOCK, 28 * BLOCK // max(width, 1)))


def sum_blocks(summand: Callable[..., Any], weight: Float[Array, " n *folds"], *arrays: Any, rows: int = BLOCK) -> Any:
    """Sum of `summand(weight_block, *array_blocks)` over blocks of rows (and over the shards, if rows are sharded).

    `arrays` are pytrees of arrays with n as first axis; the weights of several folds are [n, folds]. `summand` gives a
    pytree of arrays and must multiply all that it sums by the weights it is handed: the last block overlaps the one
    before, with weight 0 for rows already counted.
    """
    zeros = lambda shape: jnp.zeros(shape.shape, shape.dtype)  # noqa: E731
    return jax.tree.map(total, _fold(summand, jnp.add, zeros, weight, arrays, rows))


def least_of_blocks(of: Callable[..., Any], weight: Float[Array, " n"], *arrays: Any, rows: int = BLOCK) -> Any:
    """The elementwise least of `of(weight_block, *array_blocks)` over blocks of rows (and over the shards).

    `of` gives a pytree of float arrays, inf where a block has nothing to say; rows of weight 0 must not be heard.
    """
    nothing = lambda shape: jnp.full(shape.shape, jnp.inf, shape.dtype)  # noqa: E731
    found = _fold(of, jnp.minimum, nothing, weight, arrays, rows)
    return found if _axis[-1] is None else jax.lax.pmin(found, _axis[-1])


def _fold(
    of: Callable[..., Any],
    combine: Callable[[Array, Array], Array],
    start: Callable[[Any], Array],
    weight: Array,
    arrays: Any,
    rows: int,
) -> Any:
    n = weight.shape[0]
    if n <= rows:
        return of(weight, *arrays)

    def block(first: Array | int) -> tuple[Array, Any]:
        taken: tuple[Array, Any] = jax.tree.map(
            lambda a: jax.lax.dynamic_slice_in_dim(a, first, rows), (weight, arrays)
        )
        return taken

    def body(i: Array, so_far: Any) -> Any:
        first = jnp.minimum(i * rows, n - rows)
        w, blocks = block(first)
        new = first + jnp.arange(rows) >= i * rows
        w = jnp.where(new.reshape((-1,) + (1,) * (w.ndim - 1)), w, 0)
        return jax.tree.map(combine, so_far, of(w, *blocks))

    nothing = jax.tree.map(start, jax.eval_shape(lambda: of(block(0)[0], *block(0)[1])))
    if _axis[-1] is not None:  # each shard has its own until they are put together
        nothing = jax.lax.pcast(nothing, _axis[-1], to="varying")
    return jax.lax.fori_loop(0, -(-n // rows), body, nothing)
