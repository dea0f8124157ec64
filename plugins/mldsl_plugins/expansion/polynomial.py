"""Powers and products of columns, up to a degree, so that a linear model can follow a curve.

Of columns a and b, degree 2 gives a, b, a^2, a:b and b^2: all products of at most `degree` factors, by degree and in
the order of the columns. There is no constant: models have an intercept of their own. Of a binary column no powers are
made, since they equal the column.

Powers of large numbers are larger still and nearly collinear: `standardize` first keeps them apart, and again
afterwards gives them one scale for a penalty.

Shapes: n rows, d columns; at most (d + degree choose degree) - 1 come out. O(n outputs) time and memory.
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
    """Hyperparameters of polynomials."""

    degree: int = param(2, ge=1, le=10, doc="The most factors of a product.", search="1..3", simpler="smaller")


@attrs.frozen
class Bound:
    """The Spec with what `apply` must know of the columns."""

    degree: int = param(doc="The most factors of a product.")
    binary: tuple[bool, ...] = param(doc="Which columns are binary.")


class Info(NamedTuple):
    """Nothing is reported."""


def bind(spec: Spec, columns: tuple[NamedColumn, ...]) -> Bound | list[Problem]:
    """Refuse too many products; remember which columns are binary."""
    wrong = _products.too_many(len(columns), spec.degree, True)
    return [wrong] if wrong else Bound(spec.degree, _products.is_binary(columns))


def names(spec: Bound, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """`age`, `fare`, `age^2`, `age:fare`, `fare^2`."""
    return _products.named(columns, _products.products(_products.is_binary(columns), spec.degree, True))


def fit(spec: Bound, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Which products exist."""
    made = _products.products(spec.binary, spec.degree, True)
    return Params(_products.active(examples, made, len(spec.binary))), Info()


def apply(spec: Bound, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """Multiply."""
    return _products.multiply(inputs, _products.products(spec.binary, spec.degree, True))


@hookimpl
def mldsl_components() -> list[Component]:
    """Polynomials."""
    return [
        Transform(
            "polynomial", Spec, fit=fit, apply=apply, names=names, bind=bind,
            inputs=("continuous", "integer", "binary"),
            outputs=(Output("{column}", "same", "no"), Output("{column}^*", "continuous", "no"),
                     Output("{column}:*", "continuous", "no")),
            snippet="polynomial(degree = 2) on numeric", also_known_as=("PolynomialFeatures", "poly", "powers"),
        )
    ]  # fmt: skip
