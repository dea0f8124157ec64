"""Linear support vector machine: the plane with the widest margin between two classes.

Minimises |b|^2 / 2 + c sum_i v_i loss(1 - y_i f(x_i)) with f(x) = a + x b, a free, y = 1 or -1, v_i the row's weight
times its cost, and loss(m) = max(0, m) for `hinge`, its square for `squared_hinge`. 1 / |b| is the margin; what a row
lacks to be beyond it is its slack. More classes: each against the rest. There are no probabilities until `calibrate`.

`newton` is exact and quick for both losses, on dense and sparse rows. `dual` finds the same from the rows' side, in
blocks of those that violate the solution most. `sub_gradient` makes `max_iter` plain steps, and comes near. LinearSVC
penalises the intercept, too; with `intercept_scaling` large it has these solutions. On the 20 Newsgroups by `tfidf`
(sublinear, words of two documents) it is right about 85 % of the test messages, after half a minute on two cores.

Shapes:  n rows, d columns, k problems (1 for two classes). Newton: O(n d^2 k) for each of ten (squared hinge) to sixty
         (hinge) steps; with more than 1000 columns, or sparse rows, O(entries k) for each of some hundred products.
Units:   a coefficient is in 1 over the unit of its column: `standardize` them, or the penalty depends on units.
Errors:  fewer than two classes. That the steps did not suffice is in Info, and a warning.
Sources: Cortes & Vapnik 1995, doi:10.1007/BF00994018; Keerthi & DeCoste 2005, JMLR 6; Hsieh et al. 2008,
         doi:10.1145/1390156.1390208 (the dual); Duchi, Hazan & Singer 2011, JMLR 12 (sub-gradients).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, Sparse, weighted_mean
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.vectors import _planes as planes


@attrs.frozen
class Spec:
    """Hyperparameters of the linear support vector machine."""

    c: float = param(
        1.0, gt=0, traced=True, search="log(1e-3..1e3)", simpler="smaller",
        also_known_as=("C", "cost", "penalty", "regularization"),
        doc="What a unit of loss costs, against half the squared norm.",
    )  # fmt: skip
    loss: Literal["hinge", "squared_hinge"] = param("squared_hinge", doc="What a row costs that lacks margin.")
    solver: Literal["newton", "dual", "sub_gradient"] = param("newton", doc="How the plane is found.")
    tol: float = param(
        1e-7, gt=0, traced=True, also_known_as=("tolerance",),
        doc="newton: stop when a step would lower the loss by less than this share; dual: when no two rows violate the "
        "conditions of the solution by more than its square root.",
    )  # fmt: skip
    max_iter: int = param(
        1000, ge=1, unit="steps; of the dual thousands of steps of two rows", doc="Most to make.",
        also_known_as=("iterations", "epochs"),
    )  # fmt: skip


class Params(NamedTuple):
    """The planes; k is 1 for two classes (of the second against the first), else the number of classes."""

    intercept: Float[Array, " k"]
    coefficients: Float[Array, "k d"]


class Info(NamedTuple):
    """By plane: `objective`, what is minimised; `margin`, 1 / |b|; `slack`, the weighted sum of what rows lack;
    `support`, how many rows lack something or are on the margin.
    """

    objective: Float[Array, " k"]
    margin: Float[Array, " k"]
    slack: Float[Array, " k"]
    support: Int[Array, " k"]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes."""
    if shape.classes < 2:
        yield Problem("target", f"expected at least 2 classes, found {shape.classes}")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the plane, or one for each class."""
    x, weight, target, active = examples.inputs, examples.weight, examples.target, examples.active
    assert target is not None
    k = 1 if shape.classes == 2 else shape.classes
    there = weight > 0
    if isinstance(x, Sparse):
        kept = there[x.row] if active is None else there[x.row] & active[x.column]
        x = x._replace(value=jnp.where(kept, x.value, 0))
        center = jnp.zeros(x.d, x.value.dtype)
    else:
        center = weighted_mean(x, weight)
        x = jnp.where(there[:, None] & (True if active is None else active[None]), x - center[None], 0)
    codes = jnp.arange(1, 2) if k == 1 else jnp.arange(k)
    y = jnp.where(target[:, None] == codes[None], 1, -1).astype(weight.dtype)
    v = (spec.c * jnp.where(there, examples.loss_weight(), 0))[:, None]
    rows = planes.rows_of(x, k)
    squared = spec.loss == "squared_hinge"
    if spec.solver == "newton":
        found = planes.newton(rows, y, v, squared, spec.tol, spec.max_iter)
    elif spec.solver == "dual":
        found = planes.by_dual(x, rows, y, v, squared, jnp.sqrt(spec.tol), 10_000 * spec.max_iter)
    else:
        found = planes.sub_gradient(rows, y, v, squared, spec.max_iter)
    lack = jnp.maximum(1 - y * found.value, 0)
    norm = (found.b**2).sum(axis=0)
    loss = (v * (lack * lack if squared else lack)).sum(axis=0)
    return Params(found.a - jnp.matmul(center, found.b, precision="highest"), found.b.T), Info(
        objective=0.5 * norm + loss,
        margin=jnp.where(norm > 0, 1 / jnp.sqrt(jnp.where(norm > 0, norm, 1)), jnp.inf),
        slack=jnp.where(there[:, None], weight[:, None] * lack, 0).sum(axis=0),
        support=(there[:, None] & (1 - y * found.value > -1e-6)).sum(axis=0),
        iterations=found.iterations,
        converged=found.converged,
    )


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"] | Sparse) -> Prediction:
    """The margins: -f and f of two classes, f of each class of more."""
    slopes = params.coefficients.T
    if isinstance(inputs, Sparse):
        f = inputs.matmul(slopes) + params.intercept[None]
    else:
        f = jnp.matmul(inputs, slopes, precision="highest") + params.intercept[None]
    return Prediction(score=jnp.concatenate([-f, f], axis=1) if f.shape[1] == 1 else f)


@hookimpl
def mldsl_components() -> list[Component]:
    """The linear support vector machine."""
    return [
        Model(
            "linear_svm", Spec, fit=fit, predict=predict, check=check, tasks=("classify",), precision="float64",
            costs=True, margins=True, sparse=True, scale_sensitive=True, example=Spec(tol=1e-12),
            snippet="model { linear_svm(c = 1) }",
            sources=("Cortes & Vapnik 1995, doi:10.1007/BF00994018", "Keerthi & DeCoste 2005, JMLR 6",
                     "Hsieh et al. 2008, doi:10.1145/1390156.1390208",
                     "Duchi, Hazan & Singer 2011, JMLR 12"),
            also_known_as=("LinearSVC", "liblinear", "linear_support_vector", "pegasos"),
        )
    ]  # fmt: skip
