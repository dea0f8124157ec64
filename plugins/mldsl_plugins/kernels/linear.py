"""The linear kernel: the plain product of rows, for boundaries that are planes.

    K(x, z) = x z'

With many rows or columns `linear_svm` finds the same plane much sooner.

Shapes:  rows x [m, d] and z [k, d]: O(m k d).
Units:   the square of the columns' unit.
Errors:  none.
Sources: Cortes & Vapnik 1995, doi:10.1007/BF00994018.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Array, Float

from mldsl.plugin import Component, NoSpec, Part, hookimpl
from mldsl_plugins.kernels._products import Columns, products, squares


def bind(spec: NoSpec, columns: Columns) -> dict[str, Any]:
    """Planes are the same about any origin, and products about the mean are the most exact."""
    return {"center": columns.mean}


def rows(spec: NoSpec, numbers: dict[str, Any], x: Float[Array, "m d"]) -> Float[Array, "m d"]:
    """Rows as `between` wants them."""
    return x - numbers["center"][None]


def between(spec: NoSpec, x: Float[Array, "m d"], z: Float[Array, "k d"]) -> Float[Array, "m k"]:
    """K of all pairs."""
    return products(x, z)


def itself(spec: NoSpec, x: Float[Array, "m d"]) -> Float[Array, " m"]:
    """K of each row with itself."""
    return squares(x)


@hookimpl
def mldsl_components() -> list[Component]:
    """The kernel."""
    return [
        Part(
            "linear", part_kind="kernel",
            functions={"bind": bind, "rows": rows, "between": between, "itself": itself},
            snippet="model { svm(kernel = linear) }",
            sources=("Cortes & Vapnik 1995, doi:10.1007/BF00994018",), also_known_as=("dot", "vanilladot"),
        )
    ]  # fmt: skip
