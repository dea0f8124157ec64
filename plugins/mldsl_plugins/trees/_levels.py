"""Levels of categories in an order by target, which splits of forests part, and the sets that they part them in."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt

from mldsl.contract import Shape, tiny

WORD = 32


def categories_of(shape: Shape) -> tuple[int, ...]:
    """The places of columns whose levels have no order."""
    return tuple(i for i, column in enumerate(shape.columns) if column.type == "categorical")


def words_of(shape: Shape) -> int:
    """How many words a set of levels takes."""
    return max((-(-shape.columns[i].levels // WORD) for i in categories_of(shape)), default=0)


def ranks_of(code: Int[Array, " n"], codes: int, y: Array, loss: Array, classes: int) -> Float[Array, " codes"]:
    """The place of each code in the order by target; codes outside 0..codes-1 have none."""
    kind = loss.dtype
    code = jnp.where((code >= 0) & (loss > 0), code, codes)
    if classes:
        sums = jnp.zeros((codes, classes), kind).at[code, y].add(loss, mode="drop")
    else:
        center = (jnp.where(loss > 0, y, 0) * loss).sum() / jnp.maximum(loss.sum(), tiny(loss))
        off = jnp.where(loss > 0, (y - center) * loss, 0)
        sums = jnp.zeros((codes, 1), kind).at[code, 0].add(off, mode="drop")
    mass = jnp.zeros(codes, kind).at[code].add(loss, mode="drop")
    share = sums / jnp.where(mass > 0, mass, 1)[:, None]
    if classes == 2:
        share = share[:, 1:]
    off = jnp.where(mass[:, None] > 0, share - sums_mean(share, mass)[None], 0)
    score = off[:, 0]
    if classes > 2:
        _, axes = jnp.linalg.eigh(jnp.matmul((off * mass[:, None]).T, off, precision="highest"))
        axis = axes[:, -1]
        # Either sign is an axis; which it is must not be left to rounding.
        axis = axis * jnp.sign(axis[jnp.abs(axis).argmax()])
        score = jnp.matmul(off, axis, precision="highest")
    return jnp.zeros(codes, kind).at[jnp.argsort(score)].set(jnp.arange(codes, dtype=kind))


def sums_mean(share: Float[Array, "codes k"], mass: Float[Array, " codes"]) -> Float[Array, " k"]:
    """The mean of shares by mass."""
    return (share * mass[:, None]).sum(axis=0) / jnp.maximum(mass.sum(), tiny(mass))


def level_ranks(binned: bool, shape: Shape, x: Array, y: Array, loss: Array) -> Float[Array, "c codes"]:
    """The order of the codes (bins, or levels) of each categorical column."""
    places = categories_of(shape)
    codes = 255 if binned else WORD * words_of(shape)
    column = x[:, np.asarray(places)].T
    if not binned:
        column = jnp.where((column >= 0) & (column < codes), column, -1)
    column = jnp.where(column == 255, -1, column.astype(jnp.int32)) if binned else column.astype(jnp.int32)
    return jax.lax.map(lambda code: ranks_of(code, codes, y, loss, shape.classes), column)


def ranked_rows(x: Array, places: tuple[int, ...], ranks: Array | None, many: int) -> Array:
    """The rows once for each tree, with codes of categories replaced by their places in its order."""
    if ranks is None:
        return x if many == 1 else jnp.tile(x, (many, 1))
    every = jax.lax.map(lambda one: _in_order(x, places, one), ranks)
    return every.reshape(-1, x.shape[1])


def _in_order(x: Array, places: tuple[int, ...], ranks: Array) -> Array:
    """The rows with codes of categories replaced by their places."""
    if not jnp.issubdtype(x.dtype, jnp.floating):
        ranks = jnp.concatenate([ranks, jnp.full((len(ranks), 1), 255, ranks.dtype)], axis=1).astype(x.dtype)
        for i, place in enumerate(places):
            x = x.at[:, place].set(ranks[i][x[:, place].astype(jnp.int32)])
        return x
    for i, place in enumerate(places):
        code = x[:, place]
        known = (code >= 0) & (code < ranks.shape[1])
        rank = ranks[i][jnp.where(known, code, 0).astype(jnp.int32)]
        x = x.at[:, place].set(jnp.where(known, rank, jnp.nan))
    return x


def subsets(
    ranks: Float[Array, "c levels"], number: Array, at: Array, missing_left: Array, words: int
) -> UInt[Array, "N words"]:
    """Which levels go left, a bit for each; those without a place go where missing values go."""
    table = ranks.reshape(len(ranks), words, WORD)

    def bit(i: Array, so_far: Array) -> Array:
        rank = table[jnp.maximum(number, 0), :, i]
        left = jnp.where(jnp.isnan(rank), missing_left[:, None], rank <= at[:, None]) & (number >= 0)[:, None]
        return so_far | (left.astype(jnp.uint32) << i.astype(jnp.uint32))

    return jax.lax.fori_loop(0, WORD, bit, jnp.zeros((len(number), words), jnp.uint32))
