"""A categorical column as the ranks of its levels: 0 for the first, 1 for the second.

The order of the levels is that of the column's dictionary: as written in `features`, else sorted (as numbers if all
are). The result is ordinal and enters a model as its rank, so a linear model takes the levels for equally far apart.
Missing values stay missing.

Shapes: n rows, d columns; O(n d) time.
Units:  ranks from 0.
Errors: none. A level that training has not seen becomes `unseen`.
"""

from __future__ import annotations

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl.plugin.components import NamedColumn


@attrs.frozen
class Spec:
    """Hyperparameters of ordinal encoding."""

    unseen: float = param(
        -1.0, traced=True, doc="The rank of a level that training has not seen.", also_known_as=("unknown_value",)
    )


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """The same columns, now ordinal, with the same levels."""
    return tuple(NamedColumn(c.name, "ordinal", c.levels, c.missing) for c in columns)


def apply(spec: Spec, params: None, inputs: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Codes are ranks already; only unseen levels change."""
    return jnp.where(inputs < 0, spec.unseen, inputs)


@hookimpl
def mldsl_components() -> list[Component]:
    """Ordinal encoding."""
    return [
        Transform(
            "ordinal_encode", Spec, apply=apply, names=names, inputs=("categorical", "binary", "ordinal"),
            missing="accepts", outputs=(Output("{column}", "ordinal", "same"),),
            snippet="ordinal_encode on categorical",
            also_known_as=("OrdinalEncoder", "label_encode", "LabelEncoder"),
        )
    ]  # fmt: skip
