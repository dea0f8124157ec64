"""Lasso: least squares with a penalty on the absolute coefficients, which leaves some of them exactly 0.

Minimises sum_i v_i (y_i - o_i - a - x_i b)^2 / 2 + l1 |b|_1 over the intercept a, which is free, and the coefficients
b, with v_i the row's weight times its cost and o_i its offset. Over n rows, `l1` is n times the `alpha` of
scikit-learn's Lasso. The penalty is in the units of the columns, so `standardize` them first where these differ.

Coordinate descent on the Gram matrix, finished by steps that solve for all columns with a coefficient at once; it ends
where the conditions of the optimum hold, so that coefficients are right to many digits and their zeros are exact.

Shapes:  n rows, d columns. O(n d^2) time for the Gram matrix, then O(d^2) a sweep; O(d^2) memory beside the inputs.
Units:   a coefficient is in the unit of the target over that of its column; l1 in the product of the two.
Errors:  more than 5,000 columns. A column that does not vary gets coefficient 0; of columns that are equal, any may be
         chosen. No standard errors: the choice of columns looked at the target.
Sources: Tibshirani 1996, doi:10.1111/j.2517-6161.1996.tb02080.x;
         Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.linear._coordinate import solve
from mldsl_plugins.linear._line import Params, predict
from mldsl_plugins.linear._selected import Info, narrow, said


@attrs.frozen
class Spec:
    """Hyperparameters of the lasso."""

    l1: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..1e5)", simpler="larger",
        also_known_as=("alpha", "lambda", "penalty"),
        doc="Weight of the sum of the absolute coefficients: n alpha of scikit-learn.",
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
    found = solve(examples, spec.l1, jnp.zeros_like(spec.l1), spec.max_iter, spec.tol)
    return said(found, spec.tol)


@hookimpl
def mldsl_components() -> list[Component]:
    """The lasso."""
    return [
        Model(
            "lasso", Spec, fit=fit, predict=predict, check=check, tasks=("regress",), roles=("weight", "offset"),
            precision="float64", costs=True, scale_sensitive=True, snippet="model { lasso(l1 = 1e6) }",
            sources=("Tibshirani 1996, doi:10.1111/j.2517-6161.1996.tb02080.x",
                     "Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01"),
            also_known_as=("Lasso", "LassoCV", "l1_regression", "least_absolute_shrinkage"),
        )
    ]  # fmt: skip
