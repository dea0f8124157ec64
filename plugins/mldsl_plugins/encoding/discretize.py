"""Cut numbers into bins.

`quantile` bins hold equally many training rows (edges are type-7 quantiles of the sample in which a row of weight w is
repeated w times), `uniform` bins are equally wide, `k_means` bins have their edges halfway between the centres of one-
dimensional k-means, started from equally wide bins (a centre without rows stays where it is). A bin holds its lower
edge and not its upper one; values beyond the training rows fall into the first or last bin. Bins that are not wider
than 1e-8 are joined with the bin before them, and the run says so.

The result is ordinal (the bin from 0), or with `encode = one_hot` a binary column for each bin, `age_bin1`,
`age_bin2`. Missing values stay missing, or have 0 in all columns; they do not count.

Shapes:  n rows, d columns, b bins; O(n d b) time, times the iterations of k-means.
Units:   bins have none.
Errors:  none.
Sources: Dougherty, Kohavi & Sahami 1995, doi:10.1016/B978-1-55860-377-6.50032-3; k-means: Lloyd 1982,
         doi:10.1109/TIT.1982.1056489.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Shape, segment_reduce, weighted_quantile
from mldsl.plugin import Component, NamedColumn, Output, Transform, hookimpl, param
from mldsl_plugins.scaling import _columns as columns

NARROW = 1e-8
ITERATIONS = 300
SHIFT = 1e-4  # of centres, squared and over the variance, at which k-means stops


@attrs.frozen
class Spec:
    """Hyperparameters of binning."""

    bins: int = param(
        5, ge=2, le=255, doc="How many bins.", search="2..20", simpler="smaller", also_known_as=("n_bins",)
    )
    strategy: Literal["quantile", "uniform", "k_means"] = param(
        "quantile", doc="Where the edges are: equally many rows, equally wide, or around centres."
    )
    encode: Literal["ordinal", "one_hot"] = param(
        "ordinal", doc="Whether the result is the number of the bin or a column for each."
    )


class Params(NamedTuple):
    """The edges between bins, inf where bins were joined; and which outputs exist."""

    edge: Float[Array, "d inner"]
    active: Bool[Array, " outputs"]


class Info(NamedTuple):
    """All edges before bins were joined, and how many bins each column has."""

    edge: Float[Array, "d edges"]
    bins: Int[Array, " d"]


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """The same columns, now ordinal; or a column for each bin."""
    bins = [str(b + 1) for b in range(spec.bins)]
    if spec.encode == "one_hot":
        return tuple(NamedColumn(f"{c.name}_bin{b}", "binary") for c in columns for b in bins)
    return tuple(NamedColumn(c.name, "ordinal", tuple(bins), c.missing) for c in columns)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the edges."""
    x, weight = examples.inputs, examples.weight
    low, high = (line[-1] for line in columns.extremes(x, weight, columns.Groups(None, 0)))
    known = high >= low
    low, high = jnp.where(known, low, 0), jnp.where(known, high, 0)
    share = jnp.linspace(0, 1, spec.bins + 1, dtype=x.dtype)
    if spec.strategy == "quantile":
        edge = weighted_quantile(x, weight, share).T
        edge = jnp.where(known[:, None], edge, 0)
    else:
        width = (high - low) / spec.bins
        edge = low[:, None] + width[:, None] * jnp.arange(spec.bins + 1, dtype=x.dtype)[None, :]
        edge = edge.at[:, -1].set(high)
    if spec.strategy == "k_means":
        inner = jax.lax.map(lambda given: _halfway(*given, weight), (x.T, edge))
        edge = jnp.concatenate([low[:, None], inner, high[:, None]], axis=1)
    wide = jnp.concatenate([jnp.ones((len(low), 1), bool), jnp.diff(edge, axis=1) > NARROW], axis=1)
    after = jnp.cumsum(wide[:, ::-1], axis=1)[:, ::-1]  # how many edges stay from here on
    stays = wide & (after > 1)
    params = Params(jnp.where(stays[:, 1:-1], edge[:, 1:-1], jnp.inf), _outputs(spec, stays, examples))
    return params, Info(edge, jnp.maximum(stays.sum(axis=1), 1).astype(jnp.int32))


def _outputs(spec: Spec, stays: Array, examples: Examples) -> Array:
    d = stays.shape[0]
    active = jnp.ones(d, bool) if examples.active is None else examples.active
    if spec.encode == "ordinal":
        return active
    there = jnp.arange(spec.bins)[None, :] < jnp.maximum(stays.sum(axis=1), 1)[:, None]
    return (there & active[:, None]).reshape(-1)


def _halfway(column: Float[Array, " n"], edge: Float[Array, " edges"], weight: Float[Array, " n"]) -> Array:
    """The points halfway between the centres of k-means, from equally wide bins."""
    there = (weight > 0) & ~jnp.isnan(column)
    x, w = jnp.where(there, column, 0), jnp.where(there, weight, 0)
    mass = jnp.maximum(w.sum(), 1)
    mean = jnp.dot(w, x, precision="highest") / mass
    off = jnp.where(there, x - mean, 0)
    tolerance = SHIFT * jnp.dot(w, off * off, precision="highest") / mass
    k = edge.shape[0] - 1

    def moving(loop: tuple[Array, Array, Array]) -> Array:
        _, shift, n_iter = loop
        return (shift > tolerance) & (n_iter < ITERATIONS)

    def step(loop: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        center, _, n_iter = loop
        half = (center[1:] + center[:-1]) / 2
        label = (off[:, None] > half[None, :]).sum(axis=1)
        both = segment_reduce(jnp.stack([jnp.ones_like(off), off], axis=1), label, k, weight=w)
        # An empty bin's centre stays; the order of centres too, since each stays between its neighbours.
        moved = jnp.where(both[:, 0] > 0, both[:, 1] / jnp.where(both[:, 0] > 0, both[:, 0], 1), center)
        return moved, jnp.sum((moved - center) ** 2), n_iter + 1

    start = ((edge[1:] + edge[:-1]) / 2 - mean, jnp.asarray(jnp.inf, x.dtype), jnp.zeros((), jnp.int32))
    center, _, _ = jax.lax.while_loop(moving, step, start)
    return (center[1:] + center[:-1]) / 2 + mean


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """Count the edges that are not above a value."""
    bin_ = (inputs[:, :, None] >= params.edge[None]).sum(axis=2).astype(inputs.dtype)
    bin_ = jnp.where(jnp.isnan(inputs), inputs, bin_)
    if spec.encode == "ordinal":
        return bin_
    made = bin_[:, :, None] == jnp.arange(spec.bins, dtype=inputs.dtype)[None, None, :]
    return made.reshape(inputs.shape[0], inputs.shape[1] * spec.bins).astype(inputs.dtype)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[str]:
    """Say where bins were joined."""
    joined = [f"{c.name} {n}" for c, n in zip(shape.columns, np.asarray(info.bins), strict=True) if n < spec.bins]
    if joined:
        yield f"bins were joined, since many rows share a value: {', '.join(joined)} instead of {spec.bins}"


@hookimpl
def mldsl_components() -> list[Component]:
    """Binning."""
    return [
        Transform(
            "discretize", Spec, fit=fit, apply=apply, names=names, remarks=remarks, missing="accepts",
            outputs=(Output("{column}", "ordinal", "same", only_if="encode = ordinal"),
                     Output("{column}_*", "binary", "no", only_if="encode = one_hot")),
            snippet="discretize(bins = 4) on continuous",
            sources=("Dougherty, Kohavi & Sahami 1995, doi:10.1016/B978-1-55860-377-6.50032-3",
                     "Lloyd 1982, doi:10.1109/TIT.1982.1056489"),
            also_known_as=("KBinsDiscretizer", "cut", "qcut", "bin", "binning", "bucketize"),
        )
    ]  # fmt: skip
