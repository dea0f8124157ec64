"""The sigmoid kernel: a hyperbolic tangent of the product of rows, as in a layer of a network.

    K(x, z) = tanh(gamma x z' + constant)

It is no kernel in the strict sense: for some numbers the problem of `svm` is not convex, and what is found is a local
solution. `rbf` with the same data is the safer choice.

Shapes:  rows x [m, d] and z [k, d]: O(m k d).
Units:   gamma is in 1 over the square of the columns' unit; K has none.
Errors:  none. `scale` of columns that do not vary counts their variance as 1.
Sources: Vapnik 1995, doi:10.1007/978-1-4757-2440-0; Lin & Lin 2003, National Taiwan University (when it is a kernel).
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.plugin import Component, Part, hookimpl, param
from mldsl_plugins.kernels._products import GAMMA_DOC, Columns, products, squares, width


@attrs.frozen
class Spec:
    """Width and constant."""

    gamma: float | Literal["scale", "auto"] = param(
        "scale", gt=0, traced=True, search="log(1e-4..1)", also_known_as=("scale",), doc=GAMMA_DOC
    )
    constant: float = param(
        0.0, traced=True, also_known_as=("coef0", "offset", "bias"), doc="What is added to the product of rows."
    )


def bind(spec: Spec, columns: Columns) -> dict[str, Any]:
    """The numbers that the kernel is made of."""
    gamma = width(spec.gamma, columns)
    return {"gamma": gamma, "constant": jnp.asarray(spec.constant, gamma.dtype)}


def rows(spec: Spec, numbers: dict[str, Any], x: Float[Array, "m d"]) -> tuple[Array, Array]:
    """Rows as `between` wants them: scaled, with the constant."""
    return x * jnp.sqrt(numbers["gamma"]), jnp.broadcast_to(numbers["constant"], x.shape[:1])


def between(spec: Spec, x: tuple[Array, Array], z: tuple[Array, Array]) -> Float[Array, "m k"]:
    """K of all pairs."""
    return jnp.tanh(products(x[0], z[0]) + x[1][:, None])


def itself(spec: Spec, x: tuple[Array, Array]) -> Float[Array, " m"]:
    """K of each row with itself."""
    return jnp.tanh(squares(x[0]) + x[1])


@hookimpl
def mldsl_components() -> list[Component]:
    """The kernel."""
    return [
        Part(
            "sigmoid", Spec, part_kind="kernel",
            functions={"bind": bind, "rows": rows, "between": between, "itself": itself},
            snippet="model { svm(kernel = sigmoid(gamma = 0.01)) }",
            sources=("Vapnik 1995, doi:10.1007/978-1-4757-2440-0", "Lin & Lin 2003, National Taiwan University"),
            also_known_as=("tanh", "tanhdot", "hyperbolic_tangent"),
        )
    ]  # fmt: skip
