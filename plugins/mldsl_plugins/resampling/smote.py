"""SMOTE: the smaller classes get synthetic training rows, between rows of their own and their nearest neighbors.

Every class but the largest gets as many rows as bring it to ratio n_max, to the nearest, if it has fewer; n_max is the
size of the largest class. A synthetic row begins at a row a of its class, drawn at random with replacement; b is one of
the k nearest other rows of that class, each equally likely; u is uniform between 0 and 1:

    x = a + u (b - a)        for the columns after `on`

All other columns, and offset or cost, are those of a. So `on numeric` makes no half of a level: a column of `one_hot`
holds 0 or 1 in every row. Columns declared `integer` are rounded. Distances are Euclidean, over the columns after `on`
as they stand: `standardize` them first, in a line above.

A class with fewer than k + 1 rows has fewer neighbors to choose from; one with a single row has none, and its synthetic
rows are copies; one without rows in a fold stays empty there. A row of weight w counts as w rows, which are each
other's neighbors at distance 0.

Held-out rows are never touched, and no synthetic row is made from one. Probabilities are of the classes as they were
trained on: too high for the smaller ones, until `calibrate` corrects them.

Shapes:  n rows, d columns, m rows of classes that are added to. O(m^2 d) time, O(n + rows added) memory.
Units:   all columns share one unit.
Errors:  a target that has no classes; inputs that are no columns of numbers (text, images).
Sources: Chawla, Bowyer, Hall & Kegelmeyer 2002, doi:10.1613/jair.953.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Problem, Transform, hookimpl, param
from mldsl_plugins.resampling._classes import check_classes, class_mass
from mldsl_plugins.resampling._neighbors import nearest_within


@attrs.frozen
class Spec:
    """Hyperparameters of SMOTE."""

    k: int = param(
        5, ge=1, unit="rows", search="1..15", also_known_as=("k_neighbors", "neighbors", "n_neighbors"),
        doc="Nearest neighbors, of which one is drawn.",
    )  # fmt: skip
    ratio: float = param(
        1.0, gt=0, le=1, also_known_as=("sampling_strategy", "over_ratio"),
        doc="Rows of a smaller class, synthetic ones included, for each row of the largest class.",
    )  # fmt: skip


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes, and columns to measure distances in."""
    yield from check_classes(shape)
    if shape.d == 0:
        yield Problem("k", "expected at least one column after `on`, found none")


def capacity(spec: Spec, shape: Shape) -> int:
    """All classes but the largest could be empty but for a row; a multiple of 8, so that devices share it evenly."""
    largest = shape.largest_class or shape.rows
    return shape.rows + 8 * math.ceil((shape.classes - 1) * spec.ratio * largest / 8)


def resample(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> Examples:
    """The rows, and behind them the synthetic ones; spare places have weight 0."""
    weight, label, table = examples.weight, examples.target, examples.inputs
    assert label is not None
    mass = class_mass(examples, shape.classes)
    lacking = jnp.where(mass > 0, jnp.maximum(jnp.round(spec.ratio * mass.max() - mass), 0), 0)
    group = jnp.where((weight > 0) & (lacking > 0)[label], label, shape.classes)
    row = jnp.arange(weight.shape[0], dtype=jnp.int32)
    group, row = jax.lax.sort((group, row), num_keys=1, is_stable=True)
    counts = jnp.where(group < shape.classes, weight[row], 0)
    x = table[row, : shape.d]
    centre = jnp.sum(jnp.where((counts > 0)[:, None], x, 0), axis=0) / jnp.maximum(jnp.sum(counts > 0), 1)
    places, exist = nearest_within(
        jnp.where((counts > 0)[:, None], x - centre[None, :].astype(x.dtype), 0), group, shape.classes, spec.k
    )

    slots = capacity(spec, shape) - weight.shape[0]
    draw = jax.random.uniform(key, (slots, 3), x.dtype)
    begins, partner, there = _pairs(draw, group, counts, lacking, mass, places, exist)
    made = x[begins] + draw[:, 2:] * (x[partner] - x[begins])
    whole = np.asarray([column.type == "integer" for column in shape.columns])
    made = jnp.where(whole[None, :], jnp.round(made), made)
    more = examples.taken(row[begins], there.astype(weight.dtype))
    return examples.followed_by(more._replace(inputs=more.inputs.at[:, : shape.d].set(made)))


def _pairs(
    draw: Float[Array, "slots 3"],
    group: Int[Array, " n"],
    counts: Float[Array, " n"],
    lacking: Float[Array, " c"],
    mass: Float[Array, " c"],
    places: Int[Array, "n k"],
    exist: Bool[Array, "n k"],
) -> tuple[Int[Array, " slots"], Int[Array, " slots"], Bool[Array, " slots"]]:
    """For every synthetic row the places of the two rows that it lies between, and whether it is wanted at all."""
    k = places.shape[1]
    ends = jnp.cumsum(lacking.astype(jnp.int32))
    slot = jnp.arange(draw.shape[0], dtype=jnp.int32)
    of = jnp.minimum(jnp.searchsorted(ends, slot, side="right"), lacking.shape[0] - 1)
    ids = jnp.arange(lacking.shape[0], dtype=group.dtype)
    start, end = jnp.searchsorted(group, ids), jnp.searchsorted(group, ids, side="right")

    up_to = jnp.cumsum(counts)
    before = jnp.where(start > 0, up_to[jnp.maximum(start - 1, 0)], 0)
    begins = jnp.searchsorted(up_to, before[of] + draw[:, 0] * mass[of], side="right")
    begins = jnp.clip(begins, start[of], jnp.maximum(end[of] - 1, 0))

    # A row of weight w has w - 1 twins; then its neighbors, as often as they count, until there are k.
    options = jnp.concatenate([begins[:, None], places[begins]], axis=1)
    often = jnp.where(exist[begins], counts[places[begins]], 0)
    often = jnp.concatenate([jnp.maximum(counts[begins] - 1, 0)[:, None], often], axis=1)
    reach = jnp.cumsum(often, axis=1)
    chosen = draw[:, 1] * jnp.minimum(reach[:, -1], k)
    pick = jnp.minimum(jnp.sum(reach <= chosen[:, None], axis=1), k)[:, None]
    sound = jnp.take_along_axis(often, pick, axis=1)[:, 0] > 0
    partner = jnp.where(sound, jnp.take_along_axis(options, pick, axis=1)[:, 0], begins)
    return begins, partner, slot < ends[-1]


@hookimpl
def mldsl_components() -> list[Component]:
    """SMOTE."""
    return [
        Transform(
            "smote", Spec, resample=resample, capacity=capacity, check=check, tasks=("classify",),
            inputs=("continuous", "integer"), phase="train", scale_sensitive=True,
            snippet="transforms {\n  standardize on numeric\n  smote(k = 5) on numeric\n}",
            sources=("Chawla, Bowyer, Hall & Kegelmeyer 2002, doi:10.1613/jair.953",),
            also_known_as=("SMOTE", "SMOTENC", "step_smote"),
        )
    ]  # fmt: skip
