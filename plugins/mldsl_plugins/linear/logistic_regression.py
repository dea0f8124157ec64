"""Logistic regression: the log odds of the classes are linear in the inputs.

Minimises sum_i v_i (-log p(y_i | x_i)) + l2/2 |b|^2 + l1 |b|_1 over intercepts a, which are free, and coefficients b,
with v_i the row's weight times its cost. Two classes: log p(1|x)/p(0|x) = o + a + x b, with offset o, one vector b.
More classes: p(c|x) is proportional to exp(a_c + x b_c); with `l2` all classes have coefficients, which add up to 0
over the classes; with `l2 = 0` the first class is the reference and its coefficients are 0; with `l1` each class has
its own, many of them exactly 0.

All solvers work in float64 on columns that they standardize inside, so the columns need no scaling; coefficients and
penalties are those of the columns as given. `newton` halves its steps until the loss falls, so it never diverges;
`lbfgs` needs only gradients. With `l1` they are Newton's method with coordinate descent and L-BFGS within an orthant.
`auto` takes `newton` for a table, and `lbfgs` where that would have more than a thousand coefficients, or for a sparse
matrix, as of words, which is never copied to a table. All these end at the optimum.

`batch`, `mini_batch` and `stochastic` go downhill, epoch after epoch: a step is theta <- theta + u with
u <- momentum u - rate g and g the gradient of the mean loss over all rows, over some or over one, in an order drawn
anew in each epoch. They end where `epochs`, or `stop_when` on held-out rows, ends them; `training_curve` shows the loss
by epoch. They learn no standard errors.

With `l2 = 0` and classes that a plane separates there is no solution: a warning says so, and which columns do it alone.
Log-likelihood, McFadden's R2 = 1 - log L / log L0, the likelihood-ratio statistic 2 (log L - log L0), AIC and BIC are
in `Info`; L0 is the likelihood without inputs.

Shapes:  n rows, d columns, k classes. Newton: O(n d^2 k^2) time per iteration, O(d^2 k^2) memory beside the inputs;
         lbfgs and an epoch of descent: O(n d k), with a sparse matrix O(entries k).
Units:   a coefficient is in log odds (nats) per unit of its column.
Errors:  fewer than two classes; more coefficients than Newton's method can hold; an offset with more than two classes.
Sources: McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6; separation: Albert & Anderson 1984,
         doi:10.1093/biomet/71.1.1; Liu & Nocedal 1989, doi:10.1007/BF01589116 (L-BFGS); l1: Friedman, Hastie &
         Tibshirani 2010, doi:10.18637/jss.v033.i01, and Andrew & Gao 2007, doi:10.1145/1273496.1273501; descent:
         Polyak & Juditsky 1992, doi:10.1137/0330046; McFadden 1974, Conditional logit analysis, in Frontiers in
         Econometrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, Sparse, least_of_blocks, segment_reduce, tiny, total
from mldsl.plugin import Component, Formula, Model, Problem, hookimpl, param
from mldsl_plugins.linear import _descent as descent
from mldsl_plugins.linear import _softmax as softmax
from mldsl_plugins.linear import _softmax_l1 as lasso
from mldsl_plugins.linear._collinear import dependencies_of_gram

PAIRS = 64  # columns whose products of pairs are worth sharing between fits
SHOWN = 300  # columns of which products of pairs are kept with the fit
NEWTON = 5000  # coefficients of which Newton's method can hold all pairs
FEW = 1000  # coefficients up to which it is the faster one
DESCENT = "solver = batch, mini_batch, stochastic"
OPTIMUM = "solver = auto, newton, lbfgs"
NONE, SHARED, APART = 0, 1, 2  # what a column alone does to the classes: nothing, separates them up to ties, wholly


@attrs.frozen
class Spec:
    """Hyperparameters of logistic regression."""

    l2: float = param(
        1.0, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger",
        also_known_as=("alpha", "lambda", "penalty", "c"),
        doc="Weight of half the squared norm of the coefficients: 1 / C of scikit-learn.",
    )  # fmt: skip
    solver: Literal["auto", "newton", "lbfgs", "batch", "mini_batch", "stochastic"] = param(
        "auto", also_known_as=("optimizer", "algorithm", "method"),
        doc="Second derivatives, gradients only, or gradient descent; `auto` takes one of the first two.",
    )  # fmt: skip
    max_iter: int = param(
        500, ge=1, unit="iterations", only_if=OPTIMUM, doc="Most to run.", also_known_as=("iterations",)
    )
    tol: float = param(
        1e-12, ge=0, traced=True, only_if=OPTIMUM,
        doc="Stop when the next step would lower the loss by less than this share of the loss without inputs.",
    )  # fmt: skip
    l1: float | None = param(
        None, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger", also_known_as=("l1_ratio",),
        only_if="solver = auto, newton, lbfgs, batch",
        doc="Weight of the absolute norm of the coefficients, which makes some of them exactly 0; none unless given.",
    )  # fmt: skip
    learning_rate: float | None = param(
        None, gt=0, traced=True, search="log(1e-3..10)", only_if=DESCENT,
        also_known_as=("eta0", "learning_rate_init", "lr", "step_size"),
        doc="What a step multiplies the gradient by, on standardized columns; by default one over the largest "
        "curvature of the mean loss, in `mini_batch` and `stochastic` of its bound and with room for their noise.",
    )  # fmt: skip
    epochs: int = param(
        100, ge=1, unit="epochs", only_if=DESCENT, doc="Passes over the rows.", also_known_as=("n_epochs", "n_iter")
    )
    momentum: float = param(
        0.9, ge=0, lt=1, traced=True, only_if=DESCENT, doc="The share of the last step that the next one goes on with."
    )
    batch_size: int = param(32, ge=1, unit="rows", only_if="solver = mini_batch", doc="Rows of a step.")
    formula: Formula | None = param(
        None, doc="The terms: `died ~ age + sex + age:sex`; all inputs and an intercept unless given."
    )


class Params(NamedTuple):
    """The log odds; k is 1 for two classes (of the second against the first), else the number of classes."""

    intercept: Float[Array, " k"]
    coefficients: Float[Array, "k d"]


class Info(NamedTuple):
    """Fit of the training rows, by the solvers that end at the optimum.

    Log-likelihoods are weighted sums in nats, without the penalty; `null` is that without inputs. Standard errors come
    from the inverse Hessian at the solution (infinite degrees of freedom: z statistics), NaN with l1 or where it is too
    large. `likelihood_ratio` has `likelihood_ratio_degrees` degrees of freedom; it, AIC and BIC mean what they say
    without a penalty only. `separated`: with l2 = 0, the classes are told apart, so that coefficients have no finite
    values; `separated_wholly`: without a row on the border. `separating`: what each column does alone, 0 nothing, 1
    tells some class from the others but for ties, 2 without. `products` are sums of products of the columns about
    `center`, by which columns that others explain are found; None with l1, or of too many columns. `loss_history` holds
    the penalised loss per unit of the rows' loss weight, before the first and after each iteration, NaN where none was
    made: beside a gradient solver's mean loss.
    """

    log_likelihood: Float[Array, ""]
    null_log_likelihood: Float[Array, ""]
    mcfadden_r2: Float[Array, ""]
    likelihood_ratio: Float[Array, ""]
    likelihood_ratio_degrees: Float[Array, ""]
    aic: Float[Array, ""]
    bic: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    separated: Bool[Array, ""]
    separated_wholly: Bool[Array, ""]
    separating: Int[Array, " d"]
    standard_error: Float[Array, "k d"]
    intercept_standard_error: Float[Array, " k"]
    residual_degrees_of_freedom: Float[Array, ""]
    parameters: Float[Array, ""]
    mass: Float[Array, ""]
    products: Float[Array, "d d"] | None
    center: Float[Array, " d"] | None
    loss_history: Float[Array, " steps"]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be classes, and Newton's method must be able to hold the Hessian."""
    k = shape.classes
    if k < 2:
        yield Problem("target", f"expected at least 2 classes, found {k}")
    if shape.offset and k > 2:
        yield Problem("offset", f"expected a target of 2 classes, whose log odds it is added to, found {k} classes")
    sparse = shape.wide > 0
    count = (shape.d + 1) * max(k if spec.l1 is not None and k > 2 else k - 1, 1)
    solver = _solver(spec, shape.d, k, sparse=sparse)
    if sparse and solver in ("newton", "mini_batch", "stochastic"):
        yield Problem("solver", f"expected auto, lbfgs or batch for a sparse matrix, as of words, found {solver}")
    elif solver == "newton" and count > NEWTON:
        yield Problem("solver", f"expected lbfgs for more than {NEWTON} coefficients, found newton with {count}")


def _solver(spec: Spec, d: int, k: int, *, sparse: bool) -> str:
    """The solver, where it is `auto` by what the rows are; few columns are left to Newton's method in any case."""
    if spec.solver != "auto":
        return spec.solver
    few = d < PAIRS or (d + 1) * max(k - 1, 1) <= FEW
    return "newton" if few and not sparse else "lbfgs"


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercepts and coefficients, to the optimum."""
    k = shape.classes
    target = examples.target
    assert target is not None
    count = segment_reduce(examples.loss_weight(), target, k)
    problem = softmax.standardize(examples, k, spec.l2, spec.l1, intercept=shape.intercept)
    start = softmax.shares(problem, count)
    null = _null(problem, start, count, spec, intercept=shape.intercept)
    solver = _solver(spec, problem.d, k, sparse=isinstance(problem.x, Sparse))
    if spec.l1 is not None:
        solve = lasso.newton if solver == "newton" else lasso.orthant
    else:
        solve = softmax.newton if solver == "newton" else softmax.lbfgs
    found = solve(problem, start, spec.max_iter, spec.tol, jnp.maximum(-null, tiny(null)))

    contrast = softmax.contrast(problem, spec.l2)
    intercept, coefficients = softmax.original(problem, found.theta, contrast)
    errors = softmax.standard_errors(problem, found.value.hessian if spec.l1 is None else None, contrast)
    mass = total(examples.weight.sum())
    apart = found.value.wrong == 0
    separated = jnp.asarray(False)
    if spec.l1 is None:
        separated = (spec.l2 == 0) & (apart | (found.converged & found.drifting)) & (mass > 0)
    hessian = found.value.hessian
    shown = hessian is not None and spec.l1 is None and problem.d <= SHOWN
    apart_by = softmax.told_apart(problem, hessian) if shown else None
    free = contrast.shape[0] if k == 2 else k - 1
    parameters = free * problem.free.sum().astype(mass.dtype)
    gained = -found.value.loss
    return Params(intercept, coefficients), Info(
        log_likelihood=gained,
        null_log_likelihood=null,
        mcfadden_r2=jnp.where(null < 0, 1 - gained / jnp.where(null < 0, null, 1), 0),
        likelihood_ratio=2 * (gained - null),
        likelihood_ratio_degrees=parameters - free * problem.free[-1],
        aic=2 * parameters - 2 * gained,
        bic=jnp.log(jnp.maximum(mass, 1)) * parameters - 2 * gained,
        iterations=found.iterations,
        converged=found.converged,
        separated=separated,
        separated_wholly=separated & apart,
        separating=_separating(problem, k, separated),
        standard_error=errors[1],
        intercept_standard_error=errors[0],
        residual_degrees_of_freedom=jnp.asarray(jnp.inf, mass.dtype),
        parameters=parameters,
        mass=mass,
        products=None if apart_by is None else apart_by[0],
        center=None if apart_by is None else apart_by[1],
        loss_history=found.history / jnp.maximum(count.sum(), tiny(count)),
    )


def _null(problem: softmax.Problem, start: Array, count: Array, spec: Spec, *, intercept: bool) -> Array:
    """The log-likelihood without inputs: of the best intercept, or, with no intercept, of equal odds."""
    if problem.offset is None and not intercept:
        return -count.sum() * jnp.log(jnp.asarray(float(count.shape[0]), count.dtype))
    if problem.offset is None:
        share = count / jnp.maximum(count.sum(), tiny(count))
        return jnp.sum(jnp.where(count > 0, count * jnp.log(jnp.maximum(share, tiny(share))), 0))
    alone = problem._replace(free=problem.free.at[:-1].set(0), penalty=problem.penalty.at[:-1].set(1))
    if isinstance(problem.x, Sparse):  # only intercept and offset count
        nothing = jnp.zeros((problem.y.shape[0], 0), start.dtype)
        alone = problem._replace(
            x=nothing, mean=nothing[0], scale=nothing[0], free=problem.free[-1:], penalty=problem.penalty[-1:]
        )
        start = start[:, -1:]
    return -softmax.newton(alone._replace(lasso=None), start, spec.max_iter, spec.tol, jnp.abs(count.sum())).value.loss


def _separating(problem: softmax.Problem, k: int, separated: Array) -> Array:
    """What each column does alone, where classes are separated: see `Info`."""
    x = problem.x
    if isinstance(x, Sparse):
        return jnp.zeros(x.d, jnp.int32)

    def ends(v: Array, x: Array, y: Array) -> Array:
        def of(c: Array) -> Array:
            here = ((y == c) & (v > 0))[:, None]
            return jnp.stack([jnp.where(here, x, jnp.inf).min(0), jnp.where(here, -x, jnp.inf).min(0)])

        return jax.lax.map(of, jnp.arange(k))

    def look(weight: Array, x: Array, y: Array) -> Array:
        found = least_of_blocks(ends, weight, x, y)  # [k, 2, d]
        low, high = found[:, 0], -found[:, 1]
        others = ~jnp.eye(k, dtype=bool)[:, :, None]
        rest_low = jnp.where(others, low[None], jnp.inf).min(1)
        rest_high = jnp.where(others, high[None], -jnp.inf).max(1)
        there = (low <= high) & (rest_low <= rest_high)
        apart = there & ((high < rest_low) | (low > rest_high))
        touching = there & ((high <= rest_low) | (low >= rest_high))
        return jnp.where(apart.any(0), APART, jnp.where(touching.any(0), SHARED, NONE)).astype(jnp.int32)

    @jax.custom_batching.sequential_vmap  # fits side by side look one after the other, at the rows that they share
    def of_fit(separated: Array, weight: Array, x: Array, y: Array) -> Array:
        return jax.lax.cond(separated, look, lambda *_: jnp.zeros(x.shape[1], jnp.int32), weight, x, y)

    kind = of_fit(separated, problem.weight, x, problem.y)
    return jnp.where(problem.free[:-1] > 0, kind, NONE)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[str]:
    """Separated classes, and the columns that separate them alone; columns that others explain."""
    if info.products is not None and spec.l2 == 0 and not info.separated:
        names = [c.name for c in shape.columns]
        for dependency in dependencies_of_gram(info.products, info.center):
            what = (
                ": the data cannot tell their effects apart, so they share a coefficient" if dependency.others else ""
            )
            yield f"{dependency.words(names)}{what}"
    if info.separated:
        how = "complete" if info.separated_wholly else "quasi-complete: some rows lie on the border"
        alone = [f"`{c.name}`" for c, kind in zip(shape.columns, info.separating.tolist(), strict=False) if kind]
        named = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        tells = "tells" if len(alone) == 1 else "tell"
        who = f"; {named} alone {tells} a class from the others: leave out what gives the answer away" if alone else ""
        yield f"the separation is {how}{who}"


# ---- descent ---------------------------------------------------------------------------------------------------------
def init(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> descent.State:
    """Before the first epoch."""
    return descent.begin(key, shape.d, shape.classes, lasso=spec.l1 is not None, intercept=shape.intercept)


def update(spec: Spec, state: descent.State, batch: Examples) -> tuple[descent.State, descent.Epoch]:
    """An epoch."""
    size = {"batch": None, "mini_batch": spec.batch_size, "stochastic": 1}[spec.solver]
    return descent.epoch(state, batch, spec.l2, spec.l1, rate=spec.learning_rate, momentum=spec.momentum, batch=size)


def finish(spec: Spec, state: descent.State) -> Params:
    """Intercepts and coefficients as of the last epoch."""
    return Params(*descent.end(state, spec.l2, spec.l1))


def loss(spec: Spec, params: Params, examples: Examples) -> Array:
    """The mean log loss, without the penalty: what `stop_when` watches."""
    assert examples.target is not None
    logit = _logits(params, examples.inputs)
    if examples.offset is not None and logit.shape[1] == 2:
        logit = logit.at[:, 1].add(examples.offset)
    log_p = jax.nn.log_softmax(logit, axis=1)
    own = jnp.take_along_axis(log_p, examples.target[:, None], axis=1)[:, 0]
    v = examples.loss_weight()
    return -jnp.dot(v, own) / jnp.maximum(v.sum(), tiny(v))


# ---- answers ---------------------------------------------------------------------------------------------------------
def _logits(params: Params, inputs: Any) -> Float[Array, "n k"]:
    if isinstance(inputs, Sparse):
        product = inputs.matmul(params.coefficients.T)
    else:
        product = jnp.matmul(inputs, params.coefficients.T, precision="highest")
    logit = params.intercept[None] + product
    return jnp.concatenate([jnp.zeros_like(logit), logit], axis=1) if logit.shape[1] == 1 else logit


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"] | Sparse) -> Prediction:
    """Probability of each class at offset 0; `score` is its logarithm, which does not underflow."""
    score = jax.nn.log_softmax(_logits(params, inputs), axis=1)
    return Prediction(probability=jnp.exp(score), score=score)


def batches(spec: Spec, columns: int) -> bool:
    """Newton's method gains where the products of all pairs of columns are shared by all fits.

    The line search of lbfgs goes its own way in every fit, and waits for the longest.
    """
    return spec.solver in ("auto", "newton") and spec.l1 is None and columns < PAIRS


@hookimpl
def mldsl_components() -> list[Component]:
    """Logistic regression."""
    return [
        Model(
            "logistic_regression", Spec, fit=fit, init=init, update=update, finish=finish, loss=loss,
            steps=lambda spec: spec.epochs, rounds=DESCENT, predict=predict, check=check, remarks=remarks,
            tasks=("classify",), roles=("weight", "offset"), precision="float64", shards=True, sparse=True,
            batches=batches, costs=True, snippet="model { logistic_regression(l2 = 1) }",
            sources=("McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6",
                     "Albert & Anderson 1984, doi:10.1093/biomet/71.1.1",
                     "Liu & Nocedal 1989, doi:10.1007/BF01589116",
                     "Friedman, Hastie & Tibshirani 2010, doi:10.18637/jss.v033.i01",
                     "Andrew & Gao 2007, doi:10.1145/1273496.1273501",
                     "Polyak & Juditsky 1992, doi:10.1137/0330046"),
            also_known_as=("LogisticRegression", "logit", "logistic", "Logit", "MNLogit", "softmax_regression",
                           "SGDClassifier"),
        )
    ]  # fmt: skip
