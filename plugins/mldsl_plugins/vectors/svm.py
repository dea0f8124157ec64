"""Support vector machine for classes: the boundary with the widest margin, bent by a kernel.

Of two classes, y = 1 or -1: minimises |w|^2 / 2 + c sum_i v_i max(0, 1 - y_i f(x_i)) with f(x) = <w, phi(x)> + b, b
free, v_i the row's weight times its cost, and phi the map of which the kernel is the product. Only rows with
y f(x) <= 1, the support vectors, decide f. 1 / |w| is the margin; what a row lacks to be beyond it, max(0, 1 - y f(x)),
its slack.

More classes: one machine for each pair, on the rows of the two (as in SVC). The score of a class is the number of pairs
that it wins plus a third of the summed values, squeezed into -1..1, so that they decide between equal numbers. Of two
classes the scores are -f and f. There are no probabilities until `calibrate`.

Shapes:  n rows, d columns, k classes. About n to 10 n steps, and O(n q d) time for each of a few dozen rounds on blocks
         of q = 2048 rows; O(n d + q^2) memory. Above 4096 rows kernels are computed in float32.
Units:   f has none; distances are in the units of the columns, so `standardize` them.
Errors:  fewer than 2 or more than 64 classes. That the steps did not suffice is in Info, and a warning.
Sources: Cortes & Vapnik 1995, doi:10.1007/BF00994018; Fan, Chen & Lin 2005, JMLR 6 (the solver); Chang & Lin 2011,
         doi:10.1145/1961189.1961199 (LIBSVM); Wen et al. 2018, JMLR 19(21) (blocks of rows).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_plugins.kernels import rbf
from mldsl_plugins.vectors import _dual as dual
from mldsl_plugins.vectors._machine import Params, compact, kept, machine, values

CLASSES = 64  # whose pairs are 2016 machines


@attrs.frozen
class Spec:
    """Hyperparameters of support vectors."""

    kernel: Any = param("rbf", kind="kernel", doc="What makes rows alike: linear, rbf, polynomial or sigmoid.")
    c: float = param(
        1.0, gt=0, traced=True, search="log(1e-2..1e3)", simpler="smaller",
        also_known_as=("C", "cost", "penalty", "regularization"),
        doc="What a unit of slack costs, against half the squared norm.",
    )  # fmt: skip
    tol: float = param(
        1e-3, gt=0, traced=True, also_known_as=("tolerance", "eps"),
        doc="Stop when no two rows violate the conditions of the solution by more than this.",
    )  # fmt: skip
    max_iter: int = param(10_000_000, ge=1, unit="steps of two rows", doc="Most for each pair of classes.")


class Info(NamedTuple):
    """The machines of k classes and p pairs, (1, 2), (1, 3) ... (2, 3) ...

    By class: `support`, rows that decide, and `bounded`, those of them inside the margin or on the wrong side, whose
    coefficient is at its limit. By pair: `margin`, 1 / |w|; `slack`, the weighted sum of what rows lack;
    `dual_objective`, what is maximised (as in LIBSVM, which prints its negative). `support_vectors` counts all.
    """

    support: Int[Array, " k"]
    bounded: Int[Array, " k"]
    margin: Float[Array, " p"]
    slack: Float[Array, " p"]
    dual_objective: Float[Array, " p"]
    support_vectors: Int[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes, and their pairs must not be too many."""
    if shape.classes < 2:
        yield Problem("target", f"expected at least 2 classes, found {shape.classes}")
    if shape.classes > CLASSES:
        yield Problem("target", f"expected at most {CLASSES} classes, found {shape.classes}: `linear_svm` takes more")


def pairs(k: int) -> np.ndarray:
    """The pairs of k classes, [p, 2]."""
    return np.array(list(combinations(range(k), 2)), np.int32).reshape(-1, 2)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn one machine for each pair of classes."""
    target, weight, cost, k = examples.target, examples.weight, examples.loss_weight(), shape.classes
    assert target is not None
    made = machine(spec.kernel, examples)
    limit = spec.c * cost
    rows = weight.shape[0]
    # A pair has 2 / k of the rows or so: where they fit one block, one round is enough.
    working = dual.WORKING if k == 2 else min(dual.WORKING, max(128, 1 << int(np.ceil(np.log2(3 * rows / k)))))

    def of_pair(pair: Array) -> tuple[Array, Array, tuple[Array, ...]]:
        second = target == pair[1]
        here = (weight > 0) & (second | (target == pair[0]))
        order = jnp.arange(rows) if k == 2 else jnp.argsort(~here, stable=True)
        y = jnp.where(second, 1, -1).astype(weight.dtype)[order]
        high = jnp.where(here, limit, 0)[order]
        problem = dual.Problem(y, jnp.where(y > 0, 0, -high), jnp.where(y > 0, high, 0), jnp.zeros_like(spec.c))
        some = made.rows if k == 2 else jax.tree.map(lambda a: a[order], made.rows)
        count = jnp.asarray(rows) if k == 2 else here.sum()
        taken = dual.blocks(made.kernel, some, count, y)
        found = dual.solve(taken, problem, count, spec.tol, spec.max_iter, working)
        lack = jnp.maximum(1 - y * (found.value + found.b), 0)
        slack = jnp.dot(jnp.where(here, weight, 0)[order], jnp.where(here[order], lack, 0))
        bounded = (high > 0) & (jnp.abs(found.t) >= high)
        square = jnp.dot(found.t, found.value)
        margin = jnp.where(square > 0, 1 / jnp.sqrt(jnp.where(square > 0, square, 1)), jnp.inf)
        back = jnp.zeros_like(found.t).at[order].set(found.t)
        bounded = jnp.zeros(rows, bool).at[order].set(bounded)
        return back, bounded, (found.b, margin, slack, -found.objective, found.iterations, found.converged)

    coefficients, bounded, (b, margin, slack, objective, steps, converged) = jax.lax.map(of_pair, pairs(k))
    params = kept(made, coefficients.T, b)
    support = jnp.any(coefficients != 0, axis=0)
    of_class = target[:, None] == jnp.arange(k)[None]
    return params, Info(
        support=(of_class & support[:, None]).sum(axis=0),
        bounded=(of_class & (support & bounded.any(axis=0))[:, None]).sum(axis=0),
        margin=margin,
        slack=slack,
        dual_objective=objective,
        support_vectors=support.sum(),
        iterations=steps.sum(),
        converged=converged.all(),
    )


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The margins: -f and f of two classes; of more, pairs won and a third of the squeezed sum of values."""
    f = values(spec.kernel, params, inputs)
    if f.shape[1] == 1:
        return Prediction(score=jnp.concatenate([-f, f], axis=1))
    k = round((1 + (1 + 8 * f.shape[1]) ** 0.5) / 2)
    first, second = (jax.nn.one_hot(pairs(k)[:, i], k, dtype=f.dtype) for i in range(2))
    won = (f > 0).astype(f.dtype)
    votes = jnp.matmul(won, second, precision="highest") + jnp.matmul(1 - won, first, precision="highest")
    total = jnp.matmul(f, second - first, precision="highest")
    return Prediction(score=votes + total / (3 * (jnp.abs(total) + 1)))


@hookimpl
def mldsl_components() -> list[Component]:
    """Support vectors for classes."""
    kernel = Configured(rbf.mldsl_components()[0], rbf.Spec(gamma=0.3))
    return [
        Model(
            "svm", Spec, fit=fit, predict=predict, check=check, compact=compact, tasks=("classify",),
            roles=("weight",), precision="float64", costs=True, margins=True, scale_sensitive=True,
            example=Spec(kernel=kernel, tol=1e-9),
            snippet="model { svm(kernel = rbf(gamma = 0.1), c = 1) }",
            sources=("Cortes & Vapnik 1995, doi:10.1007/BF00994018", "Fan, Chen & Lin 2005, JMLR 6",
                     "Chang & Lin 2011, doi:10.1145/1961189.1961199", "Wen et al. 2018, JMLR 19(21)"),
            also_known_as=("SVC", "support_vector_machine", "ksvm", "svc", "support_vector_classifier"),
        )
    ]  # fmt: skip
