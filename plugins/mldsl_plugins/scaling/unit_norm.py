"""Scale each row to length 1: x' = x / |x|, over the columns worked on.

`l2` is the square root of the sum of squares, `l1` the sum of absolute values, `max` the largest absolute value. A row
of zeros stays as it is. Rows are scaled one by one and nothing is learned; use it where the direction of a row matters
and its size does not, such as shares of a total or the terms of a text.

Sparse columns, such as the words of a text, are scaled as they are, and with dense ones beside them if `on` names both.

Shapes: n rows, d columns; O(n d) time, O(entries) where they are sparse.
Units:  the columns must share one; the result has none.
Errors: none.
"""

from __future__ import annotations

from typing import Literal

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.contract import Sparse, tiny
from mldsl.plugin import Component, NamedColumn, Output, Transform, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of scaling rows."""

    norm: Literal["l2", "l1", "max"] = param("l2", doc="How the length of a row is measured.")


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """The same columns, now continuous."""
    return tuple(NamedColumn(c.name, "continuous") for c in columns)


def apply(spec: Spec, params: None, inputs: Float[Array, "n d"] | Sparse) -> Float[Array, "n d"] | Sparse:
    """Divide each row by its length."""
    if isinstance(inputs, Sparse):
        return _sparse(spec, inputs)
    largest = jnp.abs(inputs).max(axis=1, initial=0)
    # Squares of what has been divided by the largest neither overflow nor vanish.
    scaled = inputs / jnp.where(largest > 0, largest, 1)[:, None]
    match spec.norm:
        case "l2":
            length = jnp.sqrt((scaled * scaled).sum(axis=1))
        case "l1":
            length = jnp.abs(scaled).sum(axis=1)
        case _:
            return scaled
    return scaled / jnp.maximum(length, tiny(length))[:, None]


def _sparse(spec: Spec, x: Sparse) -> Sparse:
    largest = x.row_norms("max")
    scaled = x.scaled(row=1 / jnp.where(largest > 0, largest, 1))
    if spec.norm == "max":
        return scaled
    length = scaled.row_norms(spec.norm)
    return scaled.scaled(row=1 / jnp.where(length > 0, length, 1))


@hookimpl
def mldsl_components() -> list[Component]:
    """Scaling of rows."""
    return [
        Transform(
            "unit_norm", Spec, apply=apply, names=names, inputs=("continuous", "integer", "binary"),
            outputs=(Output("{column}", "continuous", "no"),), sparse=True, snippet="unit_norm on continuous",
            also_known_as=("Normalizer", "row_normalize", "l2_normalize"),
        )
    ]  # fmt: skip
