"""Radial basis functions, the Gaussian kernel: rows are alike as far as they are near.

    K(x, z) = exp(-gamma |x - z|^2)

Distances are of all columns together, so columns want one scale: `standardize` them. A small gamma makes smooth
boundaries, a large one lets every row have its own island.

Shapes:  rows x [m, d] and z [k, d]: O(m k d).
Units:   gamma is in 1 over the square of the columns' unit; K has none.
Errors:  none. `scale` of columns that do not vary counts their variance as 1.
Sources: Boser, Guyon & Vapnik 1992, doi:10.1145/130385.130401; Schölkopf et al. 1997, doi:10.1109/78.650102.
"""

from __future__ import annotations

from typing import Any, Literal

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float

from mldsl.plugin import Component, Part, hookimpl, param
from mldsl_plugins.kernels._products import GAMMA_DOC, Columns, width


@attrs.frozen
class Spec:
    """The width of the kernel."""

    gamma: float | Literal["scale", "auto"] = param(
        "scale", gt=0, traced=True, search="log(1e-4..10)", also_known_as=("sigma", "bandwidth", "length_scale"),
        doc=GAMMA_DOC,
    )  # fmt: skip


def bind(spec: Spec, columns: Columns) -> dict[str, Any]:
    """The numbers that the kernel is made of; distances are the same about any origin, and exact about the mean."""
    return {"gamma": width(spec.gamma, columns), "center": columns.mean}


def rows(spec: Spec, numbers: dict[str, Any], x: Float[Array, "m d"]) -> tuple[Array, Array]:
    """Rows as `between` wants them: in units of the width, with half their squared length."""
    z = (x - numbers["center"][None]) * jnp.sqrt(2 * numbers["gamma"])
    return z, 0.5 * (z * z).sum(axis=1)


def between(spec: Spec, x: tuple[Array, Array], z: tuple[Array, Array]) -> Float[Array, "m k"]:
    """K of all pairs."""
    near = jnp.matmul(x[0], z[0].T, precision="highest") - x[1][:, None] - z[1][None, :]
    return jnp.exp(jnp.minimum(near, 0))


def itself(spec: Spec, x: tuple[Array, Array]) -> Float[Array, " m"]:
    """K of each row with itself."""
    return jnp.ones_like(x[1])


@hookimpl
def mldsl_components() -> list[Component]:
    """The kernel."""
    return [
        Part(
            "rbf", Spec, part_kind="kernel",
            functions={"bind": bind, "rows": rows, "between": between, "itself": itself},
            snippet="model { svm(kernel = rbf(gamma = 0.1)) }",
            sources=("Boser, Guyon & Vapnik 1992, doi:10.1145/130385.130401",
                     "Schölkopf et al. 1997, doi:10.1109/78.650102"),
            also_known_as=("gaussian", "radial", "RBF"),
        )
    ]  # fmt: skip
