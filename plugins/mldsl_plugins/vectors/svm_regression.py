"""Support vector regression: a function that lets errors up to `epsilon` pass, bent by a kernel.

Minimises |w|^2 / 2 + c sum_i v_i max(0, |y_i - f(x_i)| - epsilon) with f(x) = <w, phi(x)> + b, b free, v_i the row's
weight times its cost, and phi the map of which the kernel is the product. Only rows with an error of at least epsilon,
the support vectors, decide f; what an error is beyond epsilon is the row's slack.

Shapes:  n rows, d columns. About n to 10 n steps, and O(n q d) time for each of a few dozen rounds on blocks of
         q = 2048 rows; O(n d + q^2) memory. Above 4096 rows kernels are computed in float32.
Units:   f, epsilon and slack are in the unit of the target; distances are in the units of the columns, so `standardize`
         them. `c` is per unit of the target.
Errors:  none. That the steps did not suffice is in Info, and a warning.
Sources: Drucker et al. 1997, NIPS 9; Smola & Schölkopf 2004, doi:10.1023/B:STCO.0000035301.49549.88; Fan, Chen & Lin
         2005, JMLR 6 (the solver); Wen et al. 2018, JMLR 19(21) (blocks of rows).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_plugins.kernels import rbf
from mldsl_plugins.vectors import _dual as dual
from mldsl_plugins.vectors._machine import Params, compact, kept, machine, values


@attrs.frozen
class Spec:
    """Hyperparameters of support vector regression."""

    kernel: Any = param("rbf", kind="kernel", doc="What makes rows alike: linear, rbf, polynomial or sigmoid.")
    c: float = param(
        1.0, gt=0, traced=True, search="log(1e-2..1e3)", simpler="smaller",
        also_known_as=("C", "cost", "penalty", "regularization"),
        doc="What a unit of slack costs, against half the squared norm.",
    )  # fmt: skip
    epsilon: float = param(
        0.1, ge=0, traced=True, search="log(1e-3..1)", simpler="larger", unit="those of the target",
        also_known_as=("tube",), doc="The error that costs nothing.",
    )  # fmt: skip
    tol: float = param(
        1e-3, gt=0, traced=True, also_known_as=("tolerance", "eps"),
        doc="Stop when no two rows violate the conditions of the solution by more than this.",
    )  # fmt: skip
    max_iter: int = param(10_000_000, ge=1, unit="steps of two rows", doc="Most to make.")


class Info(NamedTuple):
    """`support_vectors` are the rows that decide, `bounded` those of them beyond epsilon, whose coefficient is at its
    limit. `norm` is |w|, how steep f is in the kernel's space; `slack` the weighted sum of errors beyond epsilon;
    `dual_objective` what is maximised (as in LIBSVM, which prints its negative).
    """

    support_vectors: Int[Array, ""]
    bounded: Int[Array, ""]
    norm: Float[Array, ""]
    slack: Float[Array, ""]
    dual_objective: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the function."""
    weight, target = examples.weight, examples.target
    assert target is not None
    made = machine(spec.kernel, examples)
    limit = jnp.where(weight > 0, spec.c * examples.loss_weight(), 0)
    y = jnp.where(weight > 0, target, 0)
    problem = dual.Problem(y, -limit, limit, spec.epsilon)
    count = jnp.asarray(y.shape[0])
    rows = dual.blocks(made.kernel, made.rows, count, y)
    found = dual.solve(rows, problem, count, spec.tol, spec.max_iter, dual.WORKING)
    error = jnp.maximum(jnp.abs(y - found.value - found.b) - spec.epsilon, 0)
    return kept(made, found.t[:, None], found.b[None]), Info(
        support_vectors=(found.t != 0).sum(),
        bounded=((limit > 0) & (jnp.abs(found.t) >= limit)).sum(),
        norm=jnp.sqrt(jnp.maximum(jnp.dot(found.t, found.value), 0)),
        slack=jnp.dot(weight, error),
        dual_objective=-found.objective,
        iterations=found.iterations,
        converged=found.converged,
    )


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """f of each row."""
    return Prediction(mean=values(spec.kernel, params, inputs)[:, 0])


@hookimpl
def mldsl_components() -> list[Component]:
    """Support vector regression."""
    kernel = Configured(rbf.mldsl_components()[0], rbf.Spec(gamma=0.3))
    return [
        Model(
            "svm_regression", Spec, fit=fit, predict=predict, compact=compact, tasks=("regress",), roles=("weight",),
            precision="float64", costs=True, scale_sensitive=True, example=Spec(kernel=kernel, tol=1e-9),
            snippet="model { svm_regression(kernel = rbf, c = 100, epsilon = 0.1) }",
            sources=("Drucker et al. 1997, NIPS 9", "Smola & Schölkopf 2004, doi:10.1023/B:STCO.0000035301.49549.88",
                     "Fan, Chen & Lin 2005, JMLR 6", "Wen et al. 2018, JMLR 19(21)"),
            also_known_as=("SVR", "support_vector_regression", "svr", "epsilon_svr"),
        )
    ]  # fmt: skip
