"""Leave out columns that the others explain, one by one, until no variance inflation factor is above a limit.

The variance inflation factor of a column is 1 / (1 - R^2), with R^2 that of its least-squares regression on all others
and an intercept: by how much the variance of its coefficient grows because the others are there. The column with the
largest goes (the last of equal ones), the factors of the rest are computed anew, and so on. A column that those before
it explain exactly has an infinite factor and goes first. A column that does not vary has the factor 1 and stays.

Shapes:  n rows, d columns, r of which go; O(n d^2 + r d^3) time, O(d^2) memory.
Units:   factors have none; they are 1 or more.
Errors:  none.
Sources: Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Transform, hookimpl, param
from mldsl_plugins.selection import _columns as columns
from mldsl_plugins.selection._columns import Params

EXACT = 1e-10  # of its variance is not explained by the columns before it: rounding


@attrs.frozen
class Spec:
    """Hyperparameters of leaving out collinear columns."""

    vif_above: float = param(
        10.0, ge=1, traced=True, search="2..20", doc="The largest variance inflation factor that a column may have.",
        also_known_as=("threshold", "vif_threshold", "above"),
    )  # fmt: skip


class Info(NamedTuple):
    """Variance inflation factors with all columns there, and of those that stay (NaN for others); and the order in
    which columns went, from 1 (0: it stays)."""

    vif_before: Float[Array, " d"]
    vif: Float[Array, " d"]
    went: Int[Array, " d"]


def factors(r: Float[Array, "d d"], among: Bool[Array, " d"]) -> tuple[Float[Array, " d"], Bool[Array, " d"]]:
    """The variance inflation factors of the columns `among`, and which those before them explain exactly.

    They are the diagonal of the inverse of the correlations, by Gauss-Jordan elimination in the order of the columns;
    columns that are explained exactly, whose factor is infinite, are left out of the others'. O(d^3).
    """
    both = among[:, None] & among[None, :]
    d = r.shape[0]

    def eliminate(j: Array, so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        a, exact = so_far
        pivot = a[j, j]
        goes = among[j] & (pivot > EXACT)
        safe = jnp.where(goes, pivot, 1)
        row = a[j] / safe
        column = a[:, j]
        swept = a - column[:, None] * row[None, :]
        swept = swept.at[:, j].set(-column / safe).at[j, :].set(row).at[j, j].set(1 / safe)
        return jnp.where(goes, swept, a), exact.at[j].set(among[j] & ~goes)

    a, exact = jax.lax.fori_loop(0, d, eliminate, (jnp.where(both, r, jnp.eye(d, dtype=r.dtype)), jnp.zeros(d, bool)))
    return jnp.where(among, jnp.where(exact, jnp.inf, jnp.maximum(jnp.diag(a), 1)), jnp.nan), exact


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Take columns out until all factors are small enough."""
    there = columns.there(examples)
    r = columns.correlations(examples.inputs, examples.weight)
    first, exact = factors(r, there)
    places = jnp.arange(r.shape[0])

    def too_large(loop: tuple[Array, Array, Array, Array, Array]) -> Array:
        stays, vif, _, _, _ = loop
        return jnp.any(stays & (vif > spec.vif_above))

    def leave_out(loop: tuple[Array, Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array, Array]:
        stays, vif, exact, went, count = loop
        known = jnp.where(stays, vif, -jnp.inf)
        last = jnp.where(known == known.max(), places, -1).max()
        # Of columns that others explain exactly, the last goes first; the factors of the rest do not depend on it.
        gone = jnp.where(exact.any(), jnp.where(exact, places, -1).max(), last)
        stays, count = stays.at[gone].set(False), count + 1
        vif, exact = factors(r, stays)
        return stays, vif, exact, went.at[gone].set(count), count

    start = (there, first, exact, jnp.zeros(r.shape[0], jnp.int32), jnp.zeros((), jnp.int32))
    stays, vif, _, went, _ = jax.lax.while_loop(too_large, leave_out, start)
    return Params(stays), Info(first, vif, went)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[str]:
    """Name the columns that others explain exactly."""
    exact = np.isinf(info.vif_before)
    if exact.any():
        verb, before = ("is", "it") if exact.sum() == 1 else ("are", "them")
        yield f"{columns.listed(shape, exact)} {verb} explained exactly by the columns before {before}"


@hookimpl
def mldsl_components() -> list[Component]:
    """Leaving out collinear columns."""
    return [
        Transform(
            "drop_collinear", Spec, fit=fit, apply=columns.apply, remarks=remarks, inputs=columns.NUMBERS,
            chooses=True, precision="float64", snippet="drop_collinear(vif_above = 5) on numeric",
            sources=("Belsley, Kuh & Welsch 1980, doi:10.1002/0471725153",),
            also_known_as=("variance_inflation_factor", "vif", "drop_vif", "findLinearCombos"),
        )
    ]  # fmt: skip
