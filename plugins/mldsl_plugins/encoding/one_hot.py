"""One 0/1 column for each level of a categorical column.

Levels and their order are those of the column's dictionary (written in `features`, or learned from the training rows).
Level `l` of `column` becomes the binary column `column_l`: 1 where the row has that level. A missing value and a level
that training has not seen give 0 in all of them. A level with fewer rows than `min_count` in the rows of this fit gets
no column of its own there; its rows are 0 everywhere, like an unseen level.

Shapes: n rows; the outputs are as many as there are levels (less one where the first is dropped). O(n outputs) time.
Units:  indicators, 0 or 1.
Errors: none.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Shape, block_rows, sum_blocks
from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl.plugin.components import NamedColumn


@attrs.frozen
class Spec:
    """Hyperparameters of one-hot encoding."""

    min_count: int = param(
        1, ge=0, unit="rows", doc="Least rows of a level for a column of its own.", simpler="larger",
        also_known_as=("min_frequency",),
    )  # fmt: skip
    drop: Literal["none", "first", "if_binary"] = param(
        "none", doc="Whether the first level gets no column: never, always, or where there are two levels."
    )


class Params(NamedTuple):
    """Output o is 1 where input `column[o]` has the code `level[o]`; `active` marks those with enough rows."""

    column: Int[Array, " outputs"]
    level: Int[Array, " outputs"]
    active: Bool[Array, " outputs"]


class Info(NamedTuple):
    """Sum of the weights of the rows of each output's level."""

    mass: Float[Array, " outputs"]


def first(spec: Spec, levels: int) -> int:
    """The first level that gets a column."""
    return int(spec.drop == "first" or (spec.drop == "if_binary" and levels == 2))


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """`column_level`, in the order of the columns and of their levels."""
    return tuple(
        NamedColumn(f"{column.name}_{level}", "binary")
        for column in columns
        for level in (column.levels or ())[first(spec, len(column.levels or ())) :]
    )


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count the rows of each level."""
    pairs = [(j, v) for j, c in enumerate(shape.columns) for v in range(first(spec, c.levels), c.levels)]
    column, level = np.asarray(pairs, np.int32).reshape(-1, 2).T
    x = examples.inputs

    def count(w: Array, v: Array) -> Array:
        return jnp.dot(w, (v[:, column] == level[None]).astype(v.dtype), precision="highest")

    mass = sum_blocks(count, examples.weight, x, rows=block_rows(len(pairs)))
    active = mass >= max(spec.min_count, 1)
    if examples.active is not None:
        active = active & examples.active[column]
    return Params(jnp.asarray(column), jnp.asarray(level), active), Info(mass)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n m"]) -> Float[Array, "n outputs"]:
    """1 where the row has the level."""
    return ((inputs[:, params.column] == params.level[None]) & params.active[None]).astype(inputs.dtype)


@hookimpl
def mldsl_components() -> list[Component]:
    """One-hot encoding."""
    return [
        Transform(
            "one_hot", Spec, fit=fit, apply=apply, names=names, inputs=("categorical", "ordinal", "binary"),
            missing="fills", outputs=(Output("{column}_*", "binary", "no"),), snippet="one_hot on categorical",
            also_known_as=("OneHotEncoder", "get_dummies", "dummies", "onehot"),
        )
    ]  # fmt: skip
