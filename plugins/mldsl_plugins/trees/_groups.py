"""Nodes that are split together: their rows, window by window, and the columns that are drawn for them.

Shapes:  G nodes in a group, R rows in a window, m columns drawn for a node, K sums by node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mldsl_plugins.trees._draws import mixed_bits
from mldsl_plugins.trees._impurity import MARK, Growth, Rows, running

NONE = np.uint32(0xFFFFFFFF)  # a column that cannot be drawn


class Group(NamedTuple):
    """Nodes that are split together. `start` is where a node's rows are in the list, `end` where they end among those
    of the group; `drawn` columns, -1 where there are no more.
    """

    node: Int[Array, " G"]
    there: Bool[Array, " G"]
    start: Int[Array, " G"]
    rows: Int[Array, " G"]
    end: Int[Array, " G"]
    sums: Float[Array, "K G"]
    center: Float[Array, " G"]
    drawn: Int[Array, "m G"]


class Window(NamedTuple):
    """A stretch of the group's rows: the place of each among the group's, its node in the group, its number."""

    place: Int[Array, " R"]
    there: Bool[Array, " R"]
    node: Int[Array, " R"]
    row: Int[Array, " R"]


class Split(NamedTuple):
    """The best split of each node; `at` is the last bin, or the threshold, of what goes left.

    `mixed` is whether the node's targets differ, `gain` how much the split lowers their impurity, times weight.
    """

    found: Bool[Array, " G"]
    mixed: Bool[Array, " G"]
    gain: Float[Array, " G"]
    column: Int[Array, " G"]
    at: Float[Array, " G"]
    missing_left: Bool[Array, " G"]
    left: Float[Array, "K G"]
    right: Float[Array, "K G"]


class Windows(NamedTuple):
    """The group's rows: the window that begins at a place, and a fold of a function over all of them."""

    at: Callable[[Array], Window]
    fold: Callable[[Callable[[Any, Window], Any], Any], Any]


@attrs.frozen
class Phase:
    """How nodes of more than `above` rows are split: so many together, from windows of so many rows.

    The next phase splits the others.
    """

    evaluate: Callable[[Growth, Array, Rows, Group, Windows], Split]
    nodes: int
    rows: int
    above: int = 0


def windows(order: Array, group: Group, size: int) -> Windows:
    """The rows of a group in the list."""
    total = group.end[-1]
    offset = group.start - (group.end - group.rows)

    def window(first: Array) -> Window:
        place = first + jnp.arange(size, dtype=jnp.int32)
        ends = jnp.clip(group.end - first, 0, size)
        node = running(jnp.zeros(size + MARK, jnp.int32).at[ends].add(1))[:size]
        node = jnp.minimum(node, len(group.end) - 1)
        there = place < total
        return Window(place, there, node, order[jnp.where(there, offset[node] + place, 0)])

    def fold(step: Callable[[Any, Window], Any], start: Any) -> Any:
        def body(carry: Any) -> Any:
            first, value = carry
            return first + size, step(value, window(first))

        return jax.lax.while_loop(lambda c: c[0] < total, body, (jnp.int32(0), start))[1]

    return Windows(window, fold)


def goes_left(values: Array, row: Array, column: Array, at: Array, missing_left: Array) -> Array:
    """Whether rows, of bins or numbers, go left."""
    x = values[row, column]
    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.where(jnp.isnan(x), missing_left, x <= at)
    return jnp.where(x == 255, missing_left, x.astype(at.dtype) <= at)


def draw(growth: Growth, seed: Array, active: Array, node: Array, last: Array) -> tuple[Array, Array]:
    """The next columns of each node's own random order, Int[m G], and the last draw of each."""
    d, m = len(active), growth.columns
    if m >= d:
        every = jnp.where(active, jnp.arange(d, dtype=jnp.int32), -1)
        return jnp.broadcast_to(every[:, None], (d, len(node))), jnp.full_like(last, NONE)
    low = np.uint32((1 << d.bit_length()) - 1)
    column = jnp.arange(1, d + 1, dtype=jnp.uint32)[:, None]  # from 1, so that every key is greater than the first last
    bits = mixed_bits(mixed_bits(seed + node.astype(jnp.uint32))[None, :] + column * jnp.uint32(0x9E3779B9))
    key = jnp.where(active[:, None], (bits & ~low) | column, NONE)

    def next_one(last: Array, _: None) -> tuple[Array, Array]:
        least = jnp.where(key > last[None, :], key, NONE).min(axis=0)
        return least, jnp.where(least == NONE, -1, (least & low).astype(jnp.int32) - 1)

    last, drawn = jax.lax.scan(next_one, last, None, length=m)
    return drawn, last
