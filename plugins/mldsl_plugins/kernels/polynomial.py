"""The polynomial kernel: products of up to `degree` columns, without making them.

    K(x, z) = (gamma x z' + constant)^degree

With constant 0 only products of exactly `degree` columns count, above 0 those of fewer, too.

Shapes:  rows x [m, d] and z [k, d]: O(m k d).
Units:   gamma is in 1 over the square of the columns' unit; K has none.
Errors:  none. `scale` of columns that do not vary counts their variance as 1.
Sources: Boser, Guyon & Vapnik 1992, doi:10.1145/130385.130401; Cortes & Vapnik 1995, doi:10.1007/BF00994018.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.plugin import Component, Part, hookimpl, param
from mldsl_plugins.kernels._products import GAMMA_DOC, Columns, products, squares, width


@attrs.frozen
class Spec:
    """Degree, width and constant."""

    degree: int = param(3, ge=1, le=20, search="2..5", simpler="smaller", doc="The largest product of columns.")
    gamma: float | Literal["scale", "auto"] = param(
        "scale", gt=0, traced=True, search="log(1e-4..10)", also_known_as=("scale",), doc=GAMMA_DOC
    )
    constant: float = param(
        0.0, ge=0, traced=True, also_known_as=("coef0", "offset", "bias"), doc="What is added to the product of rows."
    )


def bind(spec: Spec, columns: Columns) -> dict[str, Any]:
    """The numbers that the kernel is made of, beside the degree."""
    gamma = width(spec.gamma, columns)
    return {"gamma": gamma, "constant": jnp.asarray(spec.constant, gamma.dtype)}


def rows(spec: Spec, numbers: dict[str, Any], x: Float[Array, "m d"]) -> tuple[Array, Array]:
    """Rows as `between` wants them: scaled, with the constant."""
    return x * jnp.sqrt(numbers["gamma"]), jnp.broadcast_to(numbers["constant"], x.shape[:1])


def between(spec: Spec, x: tuple[Array, Array], z: tuple[Array, Array]) -> Float[Array, "m k"]:
    """K of all pairs."""
    return jax.lax.integer_pow(products(x[0], z[0]) + x[1][:, None], spec.degree)


def itself(spec: Spec, x: tuple[Array, Array]) -> Float[Array, " m"]:
    """K of each row with itself."""
    return jax.lax.integer_pow(squares(x[0]) + x[1], spec.degree)


@hookimpl
def mldsl_components() -> list[Component]:
    """The kernel."""
    return [
        Part(
            "polynomial", Spec, part_kind="kernel",
            functions={"bind": bind, "rows": rows, "between": between, "itself": itself},
            snippet="model { svm(kernel = polynomial(degree = 2, constant = 1)) }",
            sources=("Boser, Guyon & Vapnik 1992, doi:10.1145/130385.130401",
                     "Cortes & Vapnik 1995, doi:10.1007/BF00994018"),
            also_known_as=("poly", "polydot"),
        )
    ]  # fmt: skip
