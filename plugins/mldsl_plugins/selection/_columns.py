"""What steps that choose among columns share: which stay, in Params; and correlations between columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from mldsl.contract import Examples, Shape, Sparse, tiny, weighted_gram, weighted_moments
from mldsl.plugin import Problem

NUMBERS = ("continuous", "integer", "binary", "ordinal")


class Params(NamedTuple):
    """Which of the columns worked on stay."""

    active: Bool[Array, " d"]


def apply(spec: Any, params: Params, inputs: Float[Array, "n d"] | Sparse) -> Float[Array, "n d"] | Sparse:
    """The columns as they are; the engine takes out those that do not stay."""
    return inputs


def there(examples: Examples) -> Bool[Array, " d"]:
    """The columns that exist in this fold before the step."""
    inputs: Any = examples.inputs
    d = inputs.d if isinstance(inputs, Sparse) else inputs.shape[1]
    return jnp.ones(d, bool) if examples.active is None else examples.active


def none_stays(active: Any, parameter: str, why: str) -> Iterator[Problem]:
    """A refusal where a step leaves nothing to learn from."""
    if not active.any():
        yield Problem(parameter, f"expected a value at which a column stays, found that {why}")


def correlations(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Float[Array, "d d"]:
    """Pearson correlations of all pairs of columns; 0 where one does not vary, 1 on the diagonal. O(n d^2)."""
    found = weighted_moments(x, weight)
    deviation = jnp.sqrt(found.variance)
    varies = found.variance > 1e-14 * found.mean**2 if x.dtype == jnp.float64 else found.variance > 0
    z = (x - found.mean[None]) / jnp.where(varies, deviation, 1)[None]
    z = jnp.where((weight > 0)[:, None] & varies[None, :], z, 0)
    r = weighted_gram(z, weight) / jnp.maximum(found.mass, tiny(found.mass))
    return jnp.where(jnp.eye(x.shape[1], dtype=bool), 1, jnp.clip(r, -1, 1))


def ranks(x: Float[Array, "n d"], weight: Float[Array, " n"]) -> Float[Array, "n d"]:
    """Ranks in the sample in which row i is repeated weight_i times, equal values sharing their mean. O(n log n d)."""

    def of(column: Array) -> Array:
        value = jnp.where(weight > 0, column, jnp.inf)
        order = jnp.argsort(value)
        value_sorted = value[order]
        before = jnp.concatenate([jnp.zeros(1, weight.dtype), jnp.cumsum(weight[order])])
        low = before[jnp.searchsorted(value_sorted, value, side="left")]
        high = before[jnp.searchsorted(value_sorted, value, side="right")]
        return jnp.where(weight > 0, (low + high + 1) / 2, 0)

    return jax.lax.map(of, x.T).T


def listed(shape: Shape, chosen: Any, most: int = 8) -> str:
    """Names of the columns chosen, in words."""
    names = [shape.name_of(int(place)) for place in np.flatnonzero(chosen)]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
