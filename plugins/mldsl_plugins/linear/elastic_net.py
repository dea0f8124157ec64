"""Elastic net: least squares with penalties on the absolute and on the squared coefficients.

Minimises sum_i v_i (y_i - o_i - a - x_i b)^2 / 2 + l1 |b|_1 + l2/2 |b|^2 over the intercept a, which is free, and the
coefficients b, with v_i the row's weight times its cost and o_i its offset. The first penalty leaves coefficients
exactly 0, the second lets columns that go together share what they explain. With `l1 = 0` it is `ridge(l2)`, with
`l2 = 0` it is `lasso(l1)`. Over n rows, scikit-learn's ElasticNet(alpha, l1_ratio) has l1 = n alpha l1_ratio and
l2 = n alpha (1 - l1_ratio). The penalties are in the units of the columns, so `standardize` them first where these
differ.

Shapes:  n rows, d columns. O(n d^2) time for the Gram matrix, then O(d^2) a sweep; O(d^2) memory beside the inputs.
Units:   a coefficient is in the unit of the target over that of its column; l1 in the product of the two, l2 in the
         product of both columns' squares.
Errors:  more than 5,000 columns. A column that does not vary gets coefficient 0. No standard errors: the choice of
         columns looked at the target.
Sources: Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x;
         Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.linear._coordinate import solve
from mldsl_plugins.linear._line import Params, predict
from mldsl_plugins.linear._selected import Info, narrow, said


@attrs.frozen
class Spec:
    """Hyperparameters of the elastic net."""

    l1: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..1e5)", simpler="larger",
        doc="Weight of the sum of the absolute coefficients: n alpha l1_ratio of scikit-learn.",
        also_known_as=("alpha", "l1_ratio"),
    )  # fmt: skip
    l2: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..1e5)", simpler="larger",
        doc="Weight of half the squared norm of the coefficients: n alpha (1 - l1_ratio) of scikit-learn.",
    )  # fmt: skip
    max_iter: int = param(
        10_000, ge=1, unit="sweeps", doc="Most sweeps over the columns.", also_known_as=("iterations",)
    )
    tol: float = param(1e-10, ge=0, traced=True, doc="Stop where the optimum's conditions hold to this share.")


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """The Gram matrix must fit."""
    yield from narrow(shape)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercept and coefficients."""
    return said(solve(examples, spec.l1, spec.l2, spec.max_iter, spec.tol), spec.tol)


@hookimpl
def mldsl_components() -> list[Component]:
    """The elastic net."""
    return [
        Model(
            "elastic_net", Spec, fit=fit, predict=predict, check=check, tasks=("regress",), roles=("weight", "offset"),
            precision="float64", costs=True, scale_sensitive=True, snippet="model { elastic_net(l1 = 1e6, l2 = 100) }",
            sources=("Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x",
                     "Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01"),
            also_known_as=("ElasticNet", "ElasticNetCV", "enet"),
        )
    ]  # fmt: skip
