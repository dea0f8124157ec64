"""Logistic regression: the log odds of the classes are linear in the inputs.

Minimises sum_i v_i (-log p(y_i | x_i)) + l2/2 |b|^2 over intercepts a, which are free, and coefficients b, with v_i the
row's weight times its cost. Two classes: log p(1|x)/p(0|x) = o + a + x b, with offset o, one vector b. More classes:
p(c|x) is proportional to exp(a_c + x b_c); with a penalty all classes have coefficients, which add up to 0 over the
classes; with `l2 = 0` the first class is the reference and its coefficients are 0.

Newton's steps are halved until the loss falls, so it never diverges; lbfgs needs only gradients. Both work in float64
on centred and scaled columns. With `l2 = 0` and classes that a plane separates there is no solution: `separated` says
so.

Shapes:  n rows, d columns, k classes. Newton: O(n d^2 k^2) time per iteration, O(d^2 k^2) memory beside the inputs;
         lbfgs: O(n d k).
Units:   a coefficient is in log odds (nats) per unit of its column.
Errors:  fewer than two classes; more coefficients than Newton's method can hold.
Sources: McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6; separation: Albert & Anderson 1984,
         doi:10.1093/biomet/71.1.1; Liu & Nocedal 1989, doi:10.1007/BF01589116 (L-BFGS).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, segment_reduce, tiny, total
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.linear import _softmax as softmax

PAIRS = 64  # columns whose products of pairs are worth sharing between fits
NEWTON = 5000  # coefficients of which Newton's method can hold all pairs


@attrs.frozen
class Spec:
    """Hyperparameters of logistic regression."""

    l2: float = param(
        1.0, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger",
        also_known_as=("alpha", "lambda", "penalty", "c"),
        doc="Weight of half the squared norm of the coefficients: 1 / C of scikit-learn.",
    )  # fmt: skip
    solver: Literal["newton", "lbfgs"] = param("newton", doc="Second derivatives, or gradients only.")
    max_iter: int = param(500, ge=1, unit="iterations", doc="Most to run.", also_known_as=("iterations", "epochs"))
    tol: float = param(
        1e-12, ge=0, traced=True,
        doc="Stop when the next step would lower the loss by less than this share of the loss without inputs.",
    )  # fmt: skip


class Params(NamedTuple):
    """The log odds; k is 1 for two classes (of the second against the first), else the number of classes."""

    intercept: Float[Array, " k"]
    coefficients: Float[Array, "k d"]


class Info(NamedTuple):
    """Fit of the training rows.

    Log-likelihoods are weighted sums in nats, without the penalty; `null` is that without inputs. Standard errors come
    from the inverse Hessian at the solution (infinite degrees of freedom: z statistics). `separated`: with l2 = 0, the
    classes are told apart perfectly, so that coefficients have no finite values. `loss_history` holds the penalised
    loss before the first and after each iteration, NaN where none was made.
    """

    log_likelihood: Float[Array, ""]
    null_log_likelihood: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    separated: Bool[Array, ""]
    standard_error: Float[Array, "k d"]
    intercept_standard_error: Float[Array, " k"]
    residual_degrees_of_freedom: Float[Array, ""]
    parameters: Float[Array, ""]
    mass: Float[Array, ""]
    loss_history: Float[Array, " steps"]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes, and Newton's method must be able to hold the Hessian."""
    if shape.classes < 2:
        yield Problem("target", f"expected at least 2 classes, found {shape.classes}")
    count = (shape.d + 1) * max(shape.classes - 1, 1)
    if spec.solver == "newton" and count > NEWTON:
        yield Problem("solver", f"expected lbfgs for more than {NEWTON} coefficients, found newton with {count}")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercepts and coefficients."""
    k = shape.classes
    if examples.offset is not None and k > 2:
        raise ValueError("an offset enters the log odds of two classes; this target has more")
    target = examples.target
    assert target is not None
    count = segment_reduce(examples.loss_weight(), target, k)
    problem = softmax.standardize(examples, k, spec.l2)
    start = softmax.shares(problem, count)
    if examples.offset is None:
        share = count / jnp.maximum(count.sum(), tiny(count))
        null = jnp.sum(jnp.where(count > 0, count * jnp.log(jnp.maximum(share, tiny(share))), 0))
    else:  # what the best intercept alone reaches
        alone = problem._replace(free=problem.free.at[:-1].set(0), penalty=problem.penalty.at[:-1].set(1))
        null = -softmax.newton(alone, start, spec.max_iter, spec.tol, jnp.abs(count.sum())).value.loss
    solve = softmax.newton if spec.solver == "newton" else softmax.lbfgs
    found = solve(problem, start, spec.max_iter, spec.tol, jnp.maximum(-null, tiny(null)))

    contrast = softmax.contrast(problem, spec.l2)
    intercept, coefficients = softmax.original(problem, found.theta, contrast)
    errors = softmax.standard_errors(problem, found.value.hessian, contrast)
    separated = (spec.l2 == 0) & ((found.value.wrong == 0) | (found.converged & found.drifting))
    mass = total(examples.weight.sum())
    free = contrast.shape[0] if k == 2 else k - 1
    return Params(intercept, coefficients), Info(
        log_likelihood=-found.value.loss,
        null_log_likelihood=null,
        iterations=found.iterations,
        converged=found.converged,
        separated=separated & (mass > 0),
        standard_error=errors[1],
        intercept_standard_error=errors[0],
        residual_degrees_of_freedom=jnp.asarray(jnp.inf, mass.dtype),
        parameters=free * problem.free.sum().astype(mass.dtype),
        mass=mass,
        loss_history=found.history,
    )


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Probability of each class at offset 0; `score` is its logarithm, which does not underflow."""
    logit = params.intercept[None] + jnp.matmul(inputs, params.coefficients.T, precision="highest")
    if logit.shape[1] == 1:
        logit = jnp.concatenate([jnp.zeros_like(logit), logit], axis=1)
    score = jax.nn.log_softmax(logit, axis=1)
    return Prediction(probability=jnp.exp(score), score=score)


def batches(spec: Spec, columns: int) -> bool:
    """Newton's method gains where the products of all pairs of columns are shared by all fits.

    The line search of lbfgs goes its own way in every fit, and waits for the longest.
    """
    return spec.solver == "newton" and columns < PAIRS


@hookimpl
def mldsl_components() -> list[Component]:
    """Logistic regression."""
    return [
        Model(
            "logistic_regression", Spec, fit=fit, predict=predict, check=check, tasks=("classify",),
            roles=("weight", "offset"), precision="float64", shards=True, batches=batches, costs=True,
            snippet="model { logistic_regression(l2 = 1) }",
            sources=("McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6",
                     "Albert & Anderson 1984, doi:10.1093/biomet/71.1.1",
                     "Liu & Nocedal 1989, doi:10.1007/BF01589116"),
            also_known_as=("LogisticRegression", "logit", "logistic", "Logit", "MNLogit", "softmax_regression"),
        )
    ]  # fmt: skip
