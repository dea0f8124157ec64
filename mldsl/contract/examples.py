"""The one pytree of arrays that every family of algorithms is given, and what `predict` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract.host import Prepared
from mldsl.contract.sparse import Sparse

Inputs = Float[Array, "n d"] | Sparse | Mapping[str, Array] | Prepared


class Examples(NamedTuple):
    """Rows to learn from; parts that do not exist are None.

    `weight` is how often a row counts: 0 is a row that is not there (padding, another fold, held out), 2 a row that is
    there twice. `cost` is what a row's loss is multiplied by. `active` marks the columns of `inputs` that exist in this
    fold: inactive ones must change nothing. `cluster` are codes of the column that a model names for it. Rows of weight
    0 hold arbitrary finite values.
    """

    inputs: Inputs
    weight: Float[Array, " n"]
    target: Float[Array, " n"] | Int[Array, " n"] | None = None
    active: Bool[Array, " d"] | None = None
    cost: Float[Array, " n"] | None = None
    offset: Float[Array, " n"] | None = None
    query: Int[Array, " n"] | None = None
    user: Int[Array, " n"] | None = None
    item: Int[Array, " n"] | None = None
    time: Float[Array, " n"] | None = None
    cluster: Int[Array, " n"] | None = None

    def loss_weight(self) -> Float[Array, " n"]:
        """`weight * cost`: what a row's loss is multiplied by."""
        return self.weight if self.cost is None else self.weight * self.cost

    def taken(self, row: Int[Array, " m"], weight: Float[Array, " m"]) -> Examples:
        """The examples of these rows, in this order, with these weights; rows may stand in it many times, or never."""

        def of(part: Any) -> Any:
            return None if part is None else part[row]

        inputs = self.inputs
        if isinstance(inputs, Sparse):
            raise TypeError("rows of a sparse matrix cannot be repeated within its capacity")
        if isinstance(inputs, Prepared):
            taken: Any = inputs._replace(rows=jax.tree.map(of, inputs.rows))
        else:
            taken = {name: of(v) for name, v in inputs.items()} if isinstance(inputs, Mapping) else of(inputs)
        return Examples(
            taken, weight, of(self.target), self.active, of(self.cost), of(self.offset), of(self.query), of(self.user),
            of(self.item), of(self.time), of(self.cluster),
        )  # fmt: skip

    def followed_by(self, more: Examples) -> Examples:
        """These examples and then `more`, which has the same parts."""
        parts = self._replace(active=None), more._replace(active=None)
        joined: Examples = jax.tree.map(lambda one, other: jnp.concatenate([one, other]), *parts)
        return joined._replace(active=self.active)


class Prediction(NamedTuple):
    """What `predict` gives; each family fills its part.

    classify: `probability` [n, classes] (and `score` [n, classes] where margins are native); regress: `mean` [n] and
    `interval` [n, 2]; cluster: `label` [n] and `distance` [n, k]; rank: `score` [n].
    """

    probability: Float[Array, "n classes"] | None = None
    score: Float[Array, ...] | None = None
    mean: Float[Array, " n"] | None = None
    interval: Float[Array, "n 2"] | None = None
    label: Int[Array, " n"] | None = None
    distance: Float[Array, "n k"] | None = None


def tiny(x: Array) -> Array:
    """The smallest normal number of the array's type: a divisor that is never 0."""
    return jnp.asarray(jnp.finfo(x.dtype).tiny, x.dtype)
