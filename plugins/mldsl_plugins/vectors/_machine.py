"""What `svm` and `svm_regression` share: rows and kernel made ready, the vectors kept, and new rows answered."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from mldsl.contract import Examples, weighted_moments
from mldsl_plugins.kernels._products import Columns
from mldsl_plugins.vectors._dual import EXACT, Kernel

TOGETHER = 1024  # new rows, and vectors, of which kernels are computed at a time


class Params(NamedTuple):
    """f_p(x) = sum_i coefficients_ip K(vectors_i, x) + intercept_p, for p functions.

    The support vectors are the first `count` rows of `vectors`; those behind are 0, and there for the shape's sake.
    `kernel` holds the numbers that the kernel was bound to. Kernels are computed in the type of `coefficients`.
    """

    vectors: Float[Array, "n d"]
    coefficients: Float[Array, "n p"]
    intercept: Float[Array, " p"]
    count: Int[Array, ""]
    kernel: dict[str, Array]


class Machine(NamedTuple):
    """Rows made ready: `x` [n, d], 0 where a row or column is not there; kernel, its numbers, and its rows."""

    x: Array
    kernel: Kernel
    numbers: dict[str, Array]
    rows: Any


def machine(chosen: Any, examples: Examples) -> Machine:
    """The kernel `chosen` (component and Spec) on the examples."""
    weight, active = examples.weight, examples.active
    x = jnp.where(weight[:, None] > 0, examples.inputs, 0)
    x = x if active is None else jnp.where(active[None], x, 0)
    there = jnp.ones(x.shape[1], x.dtype) if active is None else active.astype(x.dtype)
    moments = weighted_moments(x, weight)
    count = jnp.maximum(there.sum(), 1)
    grand = jnp.dot(there, moments.mean) / count
    variance = jnp.dot(there, moments.variance + (moments.mean - grand) ** 2) / count
    columns = Columns(moments.mean, variance, count)
    numbers = chosen.component.functions["bind"](chosen.spec, columns)
    return Machine(x, of(chosen), numbers, chosen.component.functions["rows"](chosen.spec, numbers, x))


def of(chosen: Any) -> Kernel:
    """The functions of a kernel with its Spec."""
    functions, spec = chosen.component.functions, chosen.spec
    return Kernel(lambda a, b: functions["between"](spec, a, b), lambda a: functions["itself"](spec, a))


def kept(made: Machine, coefficients: Float[Array, "n p"], intercept: Float[Array, " p"]) -> Params:
    """The support vectors in front, the others 0."""
    support = jnp.any(coefficients != 0, axis=1)
    order = jnp.argsort(~support, stable=True)
    vectors = jnp.where(support[:, None], made.x, 0)[order]
    coefficients = coefficients[order].astype(jnp.float32 if len(order) > EXACT else coefficients.dtype)
    return Params(vectors, coefficients, intercept, support.sum().astype(jnp.int32), made.numbers)


def values(chosen: Any, params: Params, inputs: Float[Array, "m d"]) -> Float[Array, "m p"]:
    """f of new rows, [m, p], in blocks of rows and vectors: O(m count d) time, O(m + count) memory."""
    functions, spec, kernel = chosen.component.functions, chosen.spec, of(chosen)
    (n, p), m = params.coefficients.shape, inputs.shape[0]
    precision = params.coefficients.dtype
    cast = lambda tree: jax.tree.map(lambda a: a.astype(precision), tree)  # noqa: E731
    vectors, coefficients = cast(functions["rows"](spec, params.kernel, params.vectors)), cast(params.coefficients)
    rows = cast(functions["rows"](spec, params.kernel, inputs))
    few, some = min(m, TOGETHER), min(n, TOGETHER)

    def of_rows(first: Array) -> Array:
        block = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, first, few), rows)

        def add(i: Array, found: Array) -> Array:
            start = jnp.minimum(i * some, n - some)
            part = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, some), vectors)
            new = start + jnp.arange(some) >= i * some
            weights = jnp.where(new[:, None], jax.lax.dynamic_slice_in_dim(coefficients, start, some), 0)
            products = jnp.matmul(kernel.between(block, part), weights, precision="highest")
            return found + products.astype(found.dtype)

        nothing = jnp.zeros((few, p), params.intercept.dtype)
        return jax.lax.fori_loop(0, (params.count + some - 1) // some, add, nothing)

    if m <= few:
        return of_rows(jnp.asarray(0)) + params.intercept[None]
    starts = jnp.minimum(jnp.arange(-(-m // few)) * few, m - few)
    place = (starts[:, None] + jnp.arange(few)[None]).reshape(-1)
    found = jax.lax.map(of_rows, starts).reshape(-1, p)
    return jnp.zeros((m, p), found.dtype).at[place].set(found) + params.intercept[None]


def compact(params: Params) -> Params:
    """The support vectors alone, on the host: what an artifact keeps."""
    count = max(int(params.count), 1)
    return params._replace(
        vectors=np.ascontiguousarray(params.vectors[:count]),
        coefficients=np.ascontiguousarray(params.coefficients[:count]),
    )
