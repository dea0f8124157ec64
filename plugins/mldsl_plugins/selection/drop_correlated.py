"""Leave out columns that repeat another one: of each pair with a correlation above a limit, the later one.

Columns are gone through in order; a column stays unless the absolute value of its correlation with one that stays is
above the limit. So the order of the columns decides which of two goes: put those that you would rather keep first. A
column that does not vary correlates with none.

`pearson` measures linear, `spearman` any monotone dependence (the correlation of ranks, equal values sharing theirs).

Shapes:  n rows, d columns; O(n d^2) time, and O(n log n d) for ranks; O(d^2) memory.
Units:   correlations, -1..1.
Errors:  none.
Sources: Spearman 1904, doi:10.2307/1412159.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Transform, hookimpl, param
from mldsl_plugins.selection import _columns as columns
from mldsl_plugins.selection._columns import Params


@attrs.frozen
class Spec:
    """Hyperparameters of leaving out correlated columns."""

    above: float = param(
        0.95, ge=0, le=1, traced=True, search="0.5..1",
        doc="The largest absolute correlation that two columns may have.", also_known_as=("threshold", "cutoff"),
    )  # fmt: skip
    by: Literal["pearson", "spearman"] = param("pearson", doc="Which correlation.", also_known_as=("method",))


class Info(NamedTuple):
    """For each column the largest absolute correlation with one before it that stays, and that column (-1: none)."""

    correlation: Float[Array, " d"]
    column: Int[Array, " d"]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Go through the columns in order."""
    x, weight, there = examples.inputs, examples.weight, columns.there(examples)
    r = jnp.abs(columns.correlations(columns.ranks(x, weight) if spec.by == "spearman" else x, weight))
    places = jnp.arange(r.shape[0])

    def one(j: Array, so_far: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        stays, largest, which = so_far
        beside = jnp.where(stays & (places < j), r[j], 0)
        worst = beside.max()
        return (
            stays.at[j].set(there[j] & (worst <= spec.above)),
            largest.at[j].set(worst),
            which.at[j].set(jnp.where(worst > 0, beside.argmax(), -1).astype(jnp.int32)),
        )

    start = (jnp.zeros_like(there), jnp.zeros(r.shape[0], r.dtype), jnp.full(r.shape[0], -1, jnp.int32))
    stays, largest, which = jax.lax.fori_loop(0, r.shape[0], one, start)
    return Params(stays), Info(largest, which)


@hookimpl
def mldsl_components() -> list[Component]:
    """Leaving out correlated columns."""
    return [
        Transform(
            "drop_correlated", Spec, fit=fit, apply=columns.apply, inputs=columns.NUMBERS, chooses=True,
            snippet="drop_correlated(above = 0.9) on numeric", sources=("Spearman 1904, doi:10.2307/1412159",),
            also_known_as=("DropCorrelatedFeatures", "findCorrelation", "drop_duplicates_columns"),
        )
    ]  # fmt: skip
