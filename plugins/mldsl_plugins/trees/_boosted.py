"""Sums of trees: what boosting learns, round by round, and what is made of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Prepared, Trees
from mldsl_plugins.trees._histogram import codes_of
from mldsl_plugins.trees._predict import summed
from mldsl_plugins.trees._splits import Growth


class Params(NamedTuple):
    """Scores start, K of them, and the trees: tree t adds to score t % K, times the learning rate already, so that
    `trees.value` is [T, N, 1]. There are `rounds` times K, and room for more, which add nothing. `categories` marks the
    columns that are split by levels.
    """

    start: Float[Array, " K"]
    trees: Trees
    rounds: Int[Array, ""]
    categories: Bool[Array, " d"]


def empty(start: Float[Array, " K"], growth: Growth, rounds: int) -> Params:
    """No trees yet, and room for so many rounds of them."""
    trees = _never_made(rounds * start.shape[0], 2 * growth.leaves - 1, growth.words, start.dtype)
    return Params(start, trees, jnp.zeros((), jnp.int32), jnp.asarray(growth.categories, bool))


def _never_made(room: int, nodes: int, words: int, kind: Any) -> Trees:
    def nothing(*more: int, of: Any = kind) -> Array:
        return jnp.zeros((room, nodes, *more), of)

    itself = jnp.broadcast_to(jnp.arange(nodes, dtype=jnp.int32), (room, nodes))
    return Trees(
        nothing(of=jnp.int32) - 1, nothing(), nothing(words, of=jnp.uint32), nothing(of=bool), itself, itself,
        nothing(1), nothing(), nothing(),
    )  # fmt: skip


def with_round(params: Params, made: Trees) -> Params:
    """One round more, of a tree [K, ...] for each score."""
    at = params.rounds * params.start.shape[0]
    trees = jax.tree.map(
        lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new.astype(old.dtype), at, 0), params.trees, made
    )
    return params._replace(trees=trees, rounds=params.rounds + 1)


def until(params: Params, rounds: Int[Array, ""]) -> Params:
    """The first rounds alone; the others are as if never made."""
    trees = params.trees
    stay = jnp.arange(trees.feature.shape[0]) < rounds * params.start.shape[0]
    bare = _never_made(*trees.subset.shape, trees.value.dtype)
    kept = jax.tree.map(lambda a, b: jnp.where(stay.reshape(-1, *[1] * (a.ndim - 1)), a, b), trees, bare)
    return params._replace(trees=kept, rounds=rounds)


def longer(params: Params, growth: Growth, more: int) -> Params:
    """The same trees, with room for so many rounds more, and for the nodes that trees of such growth have."""
    trees, nodes = params.trees, 2 * growth.leaves - 1
    room = trees.feature.shape[0] + more * params.start.shape[0]
    bare = _never_made(room, nodes, trees.subset.shape[2], trees.value.dtype)
    kept = jax.tree.map(
        lambda old, new: jax.lax.dynamic_update_slice(new, old[:, :nodes], (0,) * old.ndim), trees, bare
    )
    return params._replace(trees=kept)


def middles(inputs: Prepared, categories: Bool[Array, " d"]) -> Float[Array, "n d"]:
    """A value of each bin, for which trees say what they say of all of it: its largest, or its level."""
    codes, table = inputs
    d = categories.shape[0]
    top = jnp.pad(jnp.asarray(table.edges), ((0, 0), (0, 1)), constant_values=jnp.inf)
    values = jnp.where(categories[:, None], jnp.asarray(table.level).astype(top.dtype), top)
    code = codes_of(codes)[:, :d].astype(jnp.int32)
    there = code < values.shape[1]
    found = values[jnp.arange(d)[None], jnp.where(there, code, 0)]
    return jnp.where(there, found, jnp.nan)


def _by_round(params: Params) -> Trees:
    """The trees with first axes rounds and K."""
    k = params.start.shape[0]
    return jax.tree.map(lambda part: part.reshape(part.shape[0] // k, k, *part.shape[1:]), params.trees)


def scores(params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n K"]:
    """The sums of all trees, score by score."""
    k = params.start.shape[0]
    return params.start[None] + summed(params.trees, inputs, params.categories, params.rounds * k, k)


def for_reports(params: Params, outputs: int) -> Trees:
    """The trees of the first so many scores, which are their outputs; the first of each has its start in its values."""
    made = jax.tree.map(lambda part: part[:, :outputs], _by_round(params))
    first = (jnp.arange(made.value.shape[0]) == 0)[:, None, None, None]
    value = made.value + jnp.where(first, params.start[None, :outputs, None, None], 0)  # [rounds, outputs, N, 1]
    own = jnp.eye(outputs, dtype=value.dtype)[None, :, None]
    many = made.value.shape[0] * outputs
    return jax.tree.map(lambda part: part.reshape(many, *part.shape[2:]), made._replace(value=value * own))


def compact(params: Params) -> Params:
    """On the host: the rounds that were made, and as many nodes as the largest tree has."""
    made = max(int(params.rounds), 1) * len(params.start)
    kept = Trees(*(np.asarray(part)[:made] for part in params.trees))
    last = int(np.flatnonzero((kept.weight > 0).any(axis=0)).max(initial=0)) + 1
    return params._replace(trees=Trees(*(np.ascontiguousarray(part[:, :last]) for part in kept)))
