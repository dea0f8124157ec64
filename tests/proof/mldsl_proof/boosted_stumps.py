"""Boosted stumps: in each round the one cut of one column that lowers the squared error most, shrunk.

F_0 is the weighted mean; F_t(x) = F_(t-1)(x) + r v(x), where v is the weighted mean of y - F_(t-1) on the side of the
cut that x is on. Columns are cut into bins on the host, at equally spaced quantiles of the rows that count; cuts lie
between bins.

Shapes:  n rows, d columns, b bins, T rounds. O(n d) time a round, after O(n d log n) on the host.
Units:   cuts are in the units of the columns, values in those of the target.
Errors:  none.
Sources: Friedman 2001, doi:10.1214/aos/1013203451.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from mldsl.contract import Examples, Prediction, Prepared, Shape, Trees, segment_reduce, tiny, weighted_mean
from mldsl.plugin import Component, Model, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of boosted stumps."""

    rounds: int = param(50, ge=1, unit="rounds", doc="How many stumps, T.")
    bins: int = param(16, ge=2, le=256, doc="Bins of each column, b.", search="[8, 16]")
    rate: float = param(0.3, gt=0, le=1, traced=True, doc="What each stump is multiplied by, r.", search="[0.1, 0.3]")


class Params(NamedTuple):
    """What predict needs."""

    start: Float[Array, ""]
    column: Int[Array, " T"]
    cut: Float[Array, " T"]
    value: Float[Array, "T 2"]
    weight: Float[Array, "T 2"]
    gain: Float[Array, " T"]


class State(NamedTuple):
    """What the loop carries: what the stumps so far say of each row, and the stumps."""

    said: Float[Array, " n"]
    made: Int[Array, ""]
    params: Params


class Info(NamedTuple):
    """What a round reports: what the cut gained, and how many rows (padding included) each device had."""

    gain: Float[Array, ""]
    rows_per_device: Int[Array, ""]


class Whole(NamedTuple):
    """What reports show: what all cuts gained."""

    gain: Float[Array, ""]


def prepare(
    spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray
) -> tuple[Prepared, dict[str, np.ndarray]]:
    """Choose the cuts from the rows that count, then bin all rows."""
    there = np.asarray(weight) > 0
    levels = np.arange(1, spec.bins) / spec.bins
    cuts = [
        np.quantile(np.asarray(x)[there], levels, weights=np.asarray(weight)[there], method="inverted_cdf")
        for x in columns.values()
    ]
    state = {"cuts": np.stack(cuts).astype(next(iter(columns.values())).dtype)}  # [d, b - 1]
    return prepare_as(spec, shape, state, columns), state


def prepare_as(
    spec: Spec, shape: Shape, state: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray]
) -> Prepared:
    """The bin of every cell."""
    codes = [np.searchsorted(c, x, side="left") for c, x in zip(state["cuts"], columns.values(), strict=True)]
    return Prepared(np.stack(codes, axis=1).astype(np.uint8), state["cuts"])


def init(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> State:
    """The mean, and room for the stumps."""
    weight = examples.weight
    start = weighted_mean(jnp.where(weight > 0, examples.target, 0), weight)
    none = jnp.zeros(spec.rounds, weight.dtype)
    params = Params(
        start, jnp.full(spec.rounds, -1, jnp.int32), none, jnp.zeros((spec.rounds, 2), weight.dtype),
        jnp.zeros((spec.rounds, 2), weight.dtype), none,
    )  # fmt: skip
    return State(jnp.zeros_like(weight) + start, jnp.zeros((), jnp.int32), params)


def update(spec: Spec, state: State, examples: Examples) -> tuple[State, Info]:
    """One stump more."""
    inputs: Any = examples.inputs
    codes, cuts, weight = inputs.rows, inputs.shared, examples.weight
    left_over = jnp.where(weight > 0, examples.target - state.said, 0)

    def sums(column: Array) -> Array:
        both = jnp.stack([left_over, jnp.ones_like(left_over)], axis=1)
        return segment_reduce(both, column.astype(jnp.int32), spec.bins, weight=weight)

    parts = jnp.cumsum(jax.lax.map(sums, codes.T), axis=1)  # [d, b, 2]: of the rows up to each bin
    whole, left = parts[:, -1:, :], parts[:, :-1, :]
    right = whole - left
    gain = sum((p[..., 0] ** 2 / jnp.maximum(p[..., 1], tiny(weight)) for p in (left, right)), start=0.0)
    gain = gain - whole[..., 0] ** 2 / jnp.maximum(whole[..., 1], tiny(weight))
    if examples.active is not None:
        gain = jnp.where(examples.active[:, None], gain, -1)
    best = jnp.argmax(gain)
    column, place = best // (spec.bins - 1), best % (spec.bins - 1)
    mass = jnp.stack([left[column, place, 1], right[column, place, 1]])
    value = spec.rate * jnp.stack([left[column, place, 0], right[column, place, 0]]) / jnp.maximum(mass, tiny(mass))
    beyond = codes[:, column].astype(jnp.int32) > place
    p, at = state.params, state.made
    params = Params(
        p.start, p.column.at[at].set(column.astype(jnp.int32)), p.cut.at[at].set(cuts[column, place]),
        p.value.at[at].set(value), p.weight.at[at].set(mass), p.gain.at[at].set(gain[column, place]),
    )  # fmt: skip
    shown = Info(gain[column, place], jnp.asarray(len(weight), jnp.int32))
    return State(state.said + jnp.where(beyond, value[1], value[0]), at + 1, params), shown


def resume(
    spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples, params: Params, info: Whole, more: int
) -> State:
    """What the stumps say of these rows, read off their bins, and room for more of them."""
    inputs: Any = examples.inputs

    def one(said: Array, stump: tuple[Array, Array, Array]) -> tuple[Array, None]:
        column, cut, value = stump
        edges = inputs.shared[jnp.maximum(column, 0)]
        beyond = inputs.rows[:, jnp.maximum(column, 0)] > (edges < cut).sum()
        return said + jnp.where(beyond, value[1], value[0]), None

    start = jnp.zeros_like(examples.weight) + params.start
    said, _ = jax.lax.scan(one, start, (params.column, params.cut, params.value))
    made = (params.column >= 0).sum(dtype=jnp.int32)

    def longer(values: Array, empty: float = 0) -> Array:
        return jnp.pad(values, [(0, more), *[(0, 0)] * (values.ndim - 1)], constant_values=empty)

    p = params
    return State(said, made, Params(p.start, longer(p.column, -1), *map(longer, (p.cut, p.value, p.weight, p.gain))))


def so_far(spec: Spec, state: State, examples: Examples) -> Prediction:
    """What the stumps say of each row is kept."""
    return Prediction(mean=state.said)


def cut(spec: Spec, state: State, updates: Int[Array, ""]) -> State:
    """The first stumps; later ones as if they were not made."""
    p = state.params
    there = jnp.arange(p.column.shape[0]) < updates

    def first(values: Array, empty: float = 0) -> Array:
        return jnp.where(there.reshape(-1, *[1] * (values.ndim - 1)), values, jnp.asarray(empty, values.dtype))

    params = Params(p.start, first(p.column, -1), first(p.cut), first(p.value), first(p.weight), first(p.gain))
    return state._replace(params=params, made=updates)


def finish(spec: Spec, state: State) -> Params:
    """The stumps."""
    return state.params


def info(spec: Spec, state: State) -> Whole:
    """What all cuts gained."""
    return Whole(state.params.gain.sum())


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The sum of all stumps; those that were not made add 0."""

    def one(said: Array, stump: tuple[Array, Array, Array]) -> tuple[Array, None]:
        column, cut, value = stump
        x = jnp.take(inputs, jnp.maximum(column, 0), axis=1)
        return said + jnp.where(x > cut, value[1], value[0]), None

    start = jnp.zeros(inputs.shape[0], params.start.dtype) + params.start
    return Prediction(mean=jax.lax.scan(one, start, (params.column, params.cut, params.value))[0])


def trees(spec: Spec, params: Params) -> Trees:
    """Each stump as a tree of three nodes."""
    t = params.column.shape[0]
    there = params.column >= 0
    none, no = jnp.zeros(t), jnp.full(t, -1)

    def nodes(*parts: Array) -> Array:
        return jnp.stack(parts, axis=1)

    return Trees(
        feature=nodes(params.column, no, no),
        threshold=nodes(params.cut, none, none),
        subset=jnp.zeros((t, 3, 0), jnp.uint32),
        missing_left=jnp.ones((t, 3), bool),
        left=nodes(jnp.where(there, 1, 0), no * 0 + 1, no * 0 + 2),
        right=nodes(jnp.where(there, 2, 0), no * 0 + 1, no * 0 + 2),
        value=nodes(none, params.value[:, 0], params.value[:, 1])[..., None],
        weight=nodes(params.weight.sum(axis=1), params.weight[:, 0], params.weight[:, 1]),
        gain=nodes(params.gain, none, none),
    )


def steps(spec: Spec) -> int:
    """As many updates as stumps."""
    return spec.rounds


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Model(
            "boosted_stumps",
            Spec,
            prepare=prepare,
            prepare_reads=("bins",),
            init=init,
            update=update,
            finish=finish,
            info=info,
            so_far=so_far,
            cut=cut,
            resume=resume,
            prepare_as=prepare_as,
            steps=steps,
            predict=predict,
            trees=trees,
            row_state=("said",),
            tasks={"regress"},
            shards=True,
            sources=["Friedman 2001, doi:10.1214/aos/1013203451"],
        )
    ]
