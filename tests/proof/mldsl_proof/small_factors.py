"""Small factor model: a rating is the mean plus the product of a user's and an item's factors, by least squares.

Minimises sum w (r - mean - p_u . q_i)^2 + l2 (|p|^2 + |q|^2), solving for all users with the items fixed and the other
way round. The first factor of either side starts at one, so that it can hold a bias. No user-item matrix is formed.

Shapes:  n ratings, u users, i items, f factors. O(n f^2 + (u + i) f^3) time per round, O(n f^2) memory.
Units:   those of the rating.
Errors:  none; users and items without ratings have factors 0 and get the mean.
Sources: Koren, Bell & Volinsky 2009, doi:10.1109/MC.2009.263.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Shape, segment_reduce, weighted_mean
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of the small factor model."""

    factors: int = param(4, ge=1, doc="Length of the factors, f.")
    l2: float = param(1.0, gt=0, traced=True, doc="Penalty on the squared norm of the factors.")
    rounds: int = param(10, ge=1, unit="rounds", doc="How often both sides are solved for.")


class Params(NamedTuple):
    """What score needs."""

    mean: Float[Array, ""]
    users: Float[Array, "u f"]
    items: Float[Array, "i f"]


class Info(NamedTuple):
    """What reports show: the weighted mean squared error after each round."""

    loss: Float[Array, " rounds"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Alternate between users and items."""
    weight, user, item = examples.weight, examples.user, examples.item
    mean = weighted_mean(examples.target, weight)
    rating = jnp.where(weight > 0, examples.target - mean, 0)
    ridge = spec.l2 * jnp.eye(spec.factors, dtype=rating.dtype)

    def solve(other: Array, rows: Array, count: int) -> Array:
        outer = other[:, :, None] * other[:, None, :]  # [n, f, f]
        gram = segment_reduce(outer.reshape(len(other), -1), rows, count, weight=weight)
        right = segment_reduce(other * rating[:, None], rows, count, weight=weight)  # [count, f]
        factored = jax.scipy.linalg.cho_factor(gram.reshape(count, spec.factors, spec.factors) + ridge[None])
        return jax.scipy.linalg.cho_solve(factored, right[:, :, None])[:, :, 0]

    def round_(items: Array, _: None) -> tuple[Array, Array]:
        users = solve(items[item], user, shape.users)
        items = solve(users[user], item, shape.items)
        error = rating - (users[user] * items[item]).sum(axis=1)
        return items, weighted_mean(error**2, weight)

    start = jax.random.normal(key, (shape.items, spec.factors), rating.dtype).at[:, 0].set(1)
    items, loss = jax.lax.scan(round_, start, length=spec.rounds)
    return Params(mean, solve(items[item], user, shape.users), items), Info(loss)


def score(spec: Spec, params: Params, user: Int[Array, " n"], item: Int[Array, " n"]) -> Float[Array, " n"]:
    """The expected rating of each pair; -1 is a user or item that training has not seen."""
    known = (user >= 0) & (item >= 0)
    product = (params.users[jnp.maximum(user, 0)] * params.items[jnp.maximum(item, 0)]).sum(axis=1)
    return params.mean + jnp.where(known, product, 0)


def top_k(
    spec: Spec, params: Params, user: Int[Array, " m"], k: int, seen: Int[Array, "m s"]
) -> tuple[Int[Array, "m k"], Float[Array, "m k"]]:
    """The k best items of each user and their scores; `seen` are items to leave out, -1 where there is none."""
    known = (user >= 0)[:, None]
    scores = params.mean + jnp.where(known, params.users[jnp.maximum(user, 0)] @ params.items.T, 0)  # [m, i]
    row = jnp.arange(len(user))[:, None]
    scores = scores.at[row, jnp.where(seen < 0, scores.shape[1], seen)].set(-jnp.inf, mode="drop")
    best, item = jax.lax.top_k(scores, k)
    return item, best


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "small_factors",
            Spec,
            fit=fit,
            score=score,
            top_k=top_k,
            tasks={"recommend"},
            sources=["Koren, Bell & Volinsky 2009, doi:10.1109/MC.2009.263"],
        )
    ]
