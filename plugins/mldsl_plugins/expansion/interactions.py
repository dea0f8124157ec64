"""Products of different columns, up to a degree, so that a linear model can let one column act through another.

Of columns a, b and c, degree 2 gives a, b, c, a:b, a:c and b:c: the columns themselves and the products of up to
`degree` different ones, by degree and in the order of the columns. Powers of one column are those of `polynomial`.

Shapes: n rows, d columns; the sum of (d choose k) for k = 1..degree come out. O(n outputs) time and memory.
Units:  a product is in the product of its columns' units.
Errors: more than 5,000 columns would come out.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, NamedColumn, Output, Problem, Transform, hookimpl, param
from mldsl_plugins.expansion import _products
from mldsl_plugins.expansion._products import Params


@attrs.frozen
class Spec:
    """Hyperparameters of interactions."""

    degree: int = param(2, ge=2, le=10, doc="The most columns of a product.", search="2..3", simpler="smaller")


class Info(NamedTuple):
    """Nothing is reported."""


def bind(spec: Spec, columns: tuple[NamedColumn, ...]) -> Spec | list[Problem]:
    """Refuse too many products."""
    wrong = _products.too_many(len(columns), spec.degree, False)
    return [wrong] if wrong else spec


def _made(spec: Spec, columns: int) -> tuple[tuple[int, ...], ...]:
    return _products.products((False,) * columns, spec.degree, False)


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """`age`, `fare`, `age:fare`."""
    return _products.named(columns, _made(spec, len(columns)))


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Which products exist."""
    return Params(_products.active(examples, _made(spec, shape.d), shape.d)), Info()


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """Multiply."""
    return _products.multiply(inputs, _made(spec, inputs.shape[1]))


@hookimpl
def mldsl_components() -> list[Component]:
    """Interactions."""
    return [
        Transform(
            "interactions", Spec, fit=fit, apply=apply, names=names, bind=bind,
            inputs=("continuous", "integer", "binary"),
            outputs=(Output("{column}", "same", "no"), Output("{column}:*", "continuous", "no")),
            snippet="interactions(degree = 2) on numeric", also_known_as=("PolynomialFeatures", "products", "crosses"),
        )
    ]  # fmt: skip
