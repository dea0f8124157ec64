"""Ordinal regression: levels that have an order, as intervals of one hidden number that is linear in the inputs.

    P(y_i <= c) = F(t_c - o_i - x_i b),   t_0 < t_1 < ... < t_(k - 2)

with F the logistic distribution (proportional odds) or the normal one, cutpoints t, offset o, and no intercept, whose
part the cutpoints take. A larger x b makes higher levels more likely; with `link = logit`, exp(b) is by what the odds
of being above any cutpoint are multiplied for one more unit.

Minimises sum_i v_i (-log P(y_i)) + l2/2 |b|^2 by Newton's method with exact second derivatives, v_i the row's weight
times its cost. In the cutpoints and coefficients themselves the loss is convex, so it has one minimum; steps are
halved so that the cutpoints stay in order.

Shapes:  n rows, d columns, k levels. O(n (d + k)^2) time per iteration, O((d + k)^2) memory beside the inputs.
Units:   cutpoints and x b are in log odds (`logit`) or standard deviations (`probit`).
Errors:  fewer than two levels. A level without training rows gets no probability. Columns that separate the levels
         perfectly, columns that others explain, and not converging are warnings.
Sources: McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x; convexity: Pratt 1981,
         doi:10.1080/01621459.1981.10477613.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, block_rows, segment_reduce, sum_blocks, tiny, total
from mldsl.plugin import Component, Formula, Model, Problem, hookimpl, param
from mldsl_plugins.linear import _scoring as scoring
from mldsl_plugins.linear._collinear import dependencies_of_null_space

FAR = 1e4  # stands for infinity among cutpoints: both distributions are 0 or 1 long before


@attrs.frozen
class Spec:
    """Hyperparameters of ordinal regression."""

    link: Literal["logit", "probit"] = param(
        "logit", doc="The hidden number's distribution: logistic or normal.", also_known_as=("distr", "method")
    )
    l2: float = param(
        0.0, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger", also_known_as=("alpha", "penalty"),
        doc="Weight of half the squared norm of the coefficients.",
    )  # fmt: skip
    formula: Formula | None = param(
        None, doc="What the hidden number is a linear function of, such as `~ a + b:c`; all inputs by default."
    )
    max_iter: int = param(200, ge=1, unit="iterations", doc="Most to run.")
    tol: float = param(
        1e-10, ge=0, traced=True,
        doc="Stop when the next step is shorter: its square bounds what share of the loss it would gain.",
    )  # fmt: skip


class Params(NamedTuple):
    """Cutpoints in rising order, and coefficients."""

    cutpoints: Float[Array, " c"]
    coefficients: Float[Array, "1 d"]


class Info(NamedTuple):
    """Fit of the training rows.

    Log-likelihoods are weighted sums in nats, without the penalty; `null` is that of cutpoints alone. Standard errors
    are from the inverse Hessian (z statistics: infinite degrees of freedom). `separated`: no finite coefficients fit
    best. `empty` marks levels without training rows, `dead` columns that do not vary; `null_space` [d, d] holds
    directions of the coefficients that change no row.
    """

    standard_error: Float[Array, "1 d"]
    cutpoint_standard_error: Float[Array, " c"]
    residual_degrees_of_freedom: Float[Array, ""]
    log_likelihood: Float[Array, ""]
    null_log_likelihood: Float[Array, ""]
    mcfadden_r2: Float[Array, ""]
    likelihood_ratio: Float[Array, ""]
    likelihood_ratio_degrees: Float[Array, ""]
    aic: Float[Array, ""]
    bic: Float[Array, ""]
    rank: Float[Array, ""]
    mass: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    separated: Bool[Array, ""]
    empty: Bool[Array, " k"]
    null_space: Float[Array, "d d"]
    center: Float[Array, " d"]
    dead: Bool[Array, " d"]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """There must be levels."""
    if shape.classes < 2:
        yield Problem("target", f"expected at least 2 levels, found {shape.classes or 'a number'}")


def _log_between(link: str, low: Array, high: Array) -> Array:
    """log (F(high) - F(low)) for low < high, without cancellation in either tail."""
    # Both distributions are symmetric, so the difference can be taken where F is small.
    flip = low + high > 0
    low, high = jnp.where(flip, -high, low), jnp.where(flip, -low, high)
    log_cdf = log_ndtr if link == "probit" else lambda z: -jax.nn.softplus(-z)
    upper, lower = log_cdf(high), log_cdf(low)
    apart = jnp.minimum(lower - upper, -1e-300)
    return upper + jnp.log(-jnp.expm1(apart))


def _row(link: str, low: Array, high: Array) -> Array:
    """-log P of a row whose level lies between two cutpoints less eta; infinite where these are not in order."""
    ordered = high > low
    return jnp.where(ordered, -_log_between(link, low, jnp.where(ordered, high, low + 1)), jnp.inf)


class _Value(NamedTuple):
    """The penalised loss, the loss, the gradient and Hessian by (theta [d], cutpoints [c]), the weight of rows that
    lose log 2 or more."""

    objective: Array
    loss: Array
    gradient: Array
    hessian: Array
    wrong: Array


class _Problem(NamedTuple):
    """`design` without intercept; cutpoint `up[l]` is above level l, `down[l]` below; `open_` [c] those that exist.

    Cutpoints beside levels without rows do not exist: the levels on both sides of such a level meet at one cutpoint.
    """

    design: scoring.Design
    level: Int[Array, " n"]
    down: Int[Array, " k"]
    up: Int[Array, " k"]
    free: Float[Array, " e"]
    link: str


def _evaluate(of: _Problem, unknown: Float[Array, " e"]) -> _Value:
    """One pass over the rows; derivatives of each row by its two ends, exact, by automatic differentiation."""
    d = of.design.x.shape[1]
    theta, cuts = unknown[:d], unknown[d:]
    c = cuts.shape[0]
    ends = jnp.concatenate([jnp.asarray([-FAR], cuts.dtype), cuts, jnp.asarray([FAR], cuts.dtype)])

    def one(low: Array, high: Array) -> Array:
        return _row(of.link, low, high)

    gradient_of, hessian_of = jax.grad(one, (0, 1)), jax.hessian(one, (0, 1))

    def block(w: Array, x: Array, level: Array, offset: Array) -> tuple[Array, ...]:
        there = w > 0
        z = of.design.rows(w, x)[:, :d]
        eta = jnp.dot(z, theta, precision="highest") + offset
        low_at, high_at = of.down[level], of.up[level]
        low, high = ends[low_at] - eta, ends[high_at] - eta
        loss = jax.vmap(one)(low, high)
        g_low, g_high = jax.vmap(gradient_of)(low, high)
        (ll, lh), (_, hh) = jax.vmap(hessian_of)(low, high)
        here = jnp.arange(1, c + 1)[None]
        at_low, at_high = (low_at[:, None] == here).astype(w.dtype), (high_at[:, None] == here).astype(w.dtype)
        # An end at infinity does not move, neither with eta.
        moving_low, moving_high = at_low.sum(axis=1), at_high.sum(axis=1)
        first = jnp.concatenate([-z * moving_low[:, None], at_low], axis=1)
        second = jnp.concatenate([-z * moving_high[:, None], at_high], axis=1)

        def sound(values: Array) -> Array:
            return jnp.where(there & jnp.isfinite(values), w * values, 0)

        gradient = sound(g_low) @ first + sound(g_high) @ second
        square = (
            (first * sound(ll)[:, None]).T @ first
            + (second * sound(hh)[:, None]).T @ second
            + (first * sound(lh)[:, None]).T @ second
        )
        square = square + ((first * sound(lh)[:, None]).T @ second).T
        wrong = jnp.sum(jnp.where(loss >= jnp.log(2.0), w, 0))
        return jnp.sum(jnp.where(there, w * loss, 0)), gradient, square, wrong

    rows = block_rows(6 * unknown.shape[0])
    design = of.design
    loss, gradient, hessian, wrong = sum_blocks(block, design.weight, design.x, of.level, design.offset, rows=rows)
    penalty = jnp.zeros_like(hessian).at[:d, :d].set(design.penalty[:d, :d])
    pull = penalty @ unknown
    objective = loss + 0.5 * jnp.dot(unknown, pull)
    both = of.free[:, None] * of.free[None]
    return _Value(
        jnp.where(jnp.isfinite(objective), objective, jnp.inf), loss, (gradient + pull) * of.free,
        (hessian + penalty) * both + jnp.diag(1 - of.free), wrong,
    )  # fmt: skip


class _Loop(NamedTuple):
    unknown: Array
    value: _Value
    step: Array
    share: Array
    length: Array
    known: Array
    iterations: Array


def _newton(of: _Problem, start: Array, spec: Spec) -> _Loop:
    """Newton's method; a step is halved until the loss falls. The first pass takes a step of length 0."""

    def going(loop: _Loop) -> Array:
        more = (loop.length > spec.tol) & (loop.known > scoring.UNKNOWN) & (loop.share > 1e-9)
        return (loop.iterations < 0) | (more & (loop.iterations < spec.max_iter) & jnp.isfinite(loop.value.objective))

    def advance(loop: _Loop) -> _Loop:
        trial = loop.unknown + loop.share * loop.step
        value = _evaluate(of, trial)
        before = loop.value.objective
        better = value.objective <= before + 1e-14 * jnp.abs(before)
        lower, size = scoring.factor(value.hessian)
        step = -jax.scipy.linalg.cho_solve((lower, True), value.gradient / size) / size
        step = jnp.where(jnp.isfinite(step).all(), step, -value.gradient / jnp.maximum(size, 1)) * of.free
        gain = jnp.maximum(-jnp.dot(step, value.gradient), 0) / jnp.maximum(value.objective, tiny(value.objective))
        taken = _Loop(
            trial, value, step, jnp.ones_like(loop.share), jnp.sqrt(gain), jnp.min(jnp.diag(lower)) ** 2,
            loop.iterations + 1,
        )  # fmt: skip
        refused = loop._replace(share=loop.share / 2, iterations=loop.iterations + 1)
        chosen: _Loop = jax.tree.map(lambda a, b: jnp.where(better, a, b), taken, refused)
        return chosen

    one, infinite = jnp.ones((), start.dtype), jnp.asarray(jnp.inf, start.dtype)
    square = jnp.zeros((start.shape[0], start.shape[0]), start.dtype)
    value = _Value(infinite, infinite, jnp.zeros_like(start), square, one)
    begin = _Loop(start, value, jnp.zeros_like(start), one, infinite, one, jnp.asarray(-1))
    end: _Loop = jax.lax.while_loop(going, advance, begin)
    return end


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn cutpoints and coefficients."""
    assert examples.target is not None
    k, d = shape.classes, shape.d
    v = examples.loss_weight()
    design = scoring.design(examples, jnp.zeros_like(v), v, spec.l2)
    count = segment_reduce(v, examples.target, k)
    down, up, open_, place = _cuts(count)
    # A level that has no rows has no cutpoint of its own; unknowns that do not exist stay where they are.
    free = jnp.concatenate([design.free[:d], open_.astype(v.dtype)])
    level = jnp.where(v > 0, examples.target, 0)
    of = _Problem(design, level, down, up, free, spec.link)
    mass = jnp.maximum(count.sum(), tiny(count))
    below = jnp.clip(jnp.cumsum(count)[:-1] / mass, 1e-9, 1 - 1e-9)
    cuts = jax.scipy.special.ndtri(below) if spec.link == "probit" else jnp.log(below) - jnp.log1p(-below)
    alone = of._replace(free=free.at[:d].set(0))
    start = jnp.concatenate([jnp.zeros(d, v.dtype), jnp.where(open_, cuts, 0)])
    share = count / mass
    if examples.offset is None:
        null = jnp.sum(jnp.where(count > 0, count * jnp.log(jnp.maximum(share, tiny(share))), 0))
    else:
        null = -_newton(alone, start, spec).value.loss
    end = _newton(of, start, spec)

    b = jnp.matmul(design.whiten, end.unknown[:d], precision="highest")
    shift = jnp.dot(design.mean, b, precision="highest")
    cutpoints = jnp.where(open_, end.unknown[d:] + shift, 0)[place]
    inverse = scoring.solved(end.value.hessian, jnp.diag(free))
    turn = design.whiten
    errors = jnp.sqrt(jnp.maximum(jnp.diag(turn @ inverse[:d, :d] @ turn.T), 0))
    # A cutpoint in the columns' own units is that of the centred columns plus mean . b.
    back = jnp.concatenate([jnp.broadcast_to((turn.T @ design.mean)[None], (k - 1, d)), jnp.eye(k - 1)], axis=1)
    of_cuts = jnp.sqrt(jnp.maximum(jnp.diag(back @ inverse @ back.T), 0))
    size, unknown = jnp.linalg.norm(end.step), end.known <= scoring.UNKNOWN
    far = (end.length <= spec.tol) & (size > 0.05) & (size > 1e-3 * jnp.linalg.norm(end.unknown))
    rows = total(examples.weight.sum())
    rank = design.free[:d].sum()
    return Params(_spread(cutpoints, count), b[None]), Info(
        standard_error=jnp.where(design.dead, jnp.nan, errors)[None],
        cutpoint_standard_error=jnp.where(open_, of_cuts, jnp.nan)[place],
        residual_degrees_of_freedom=jnp.asarray(jnp.inf, rows.dtype),
        log_likelihood=-end.value.loss,
        null_log_likelihood=null,
        mcfadden_r2=jnp.where(null < 0, 1 + end.value.loss / jnp.where(null < 0, null, -1), 0),
        likelihood_ratio=-2 * (end.value.loss + null),
        likelihood_ratio_degrees=rank,
        aic=2 * (rank + open_.sum() + end.value.loss),
        bic=jnp.log(jnp.maximum(rows, 1)) * (rank + open_.sum()) + 2 * end.value.loss,
        rank=rank,
        mass=rows,
        iterations=end.iterations,
        converged=(end.length <= spec.tol) | unknown,
        separated=(spec.l2 == 0) & (far | unknown | (end.value.wrong == 0)) & (rows > 0),
        empty=count <= 0,
        null_space=jnp.where(spec.l2 > 0, 0, design.null),
        center=design.mean,
        dead=design.dead,
    )


def _cuts(count: Float[Array, " k"]) -> tuple[Array, Array, Array, Array]:
    """Which cutpoint (from 1; 0 and k are the infinite ends) is below and above each level; which exist; and for each
    of the k - 1 the one whose value it has.

    A cutpoint exists above each level that has rows and is followed by one that has.
    """
    k = count.shape[0]
    some = count > 0
    later = jnp.cumsum(some[::-1])[::-1]  # levels with rows, from this one on
    open_ = (some & (later > 1))[:-1]
    number = jnp.arange(1, k)
    above = jnp.where(open_, number, 0)
    before = jax.lax.cummax(above)  # the last that exists, up to here
    down = jnp.concatenate([jnp.zeros(1, before.dtype), before])
    up = jnp.where(some & (later <= 1), k, jnp.concatenate([number, jnp.asarray([k])]))
    return down, up, open_, jnp.maximum(before, 1) - 1


def _spread(cutpoints: Float[Array, " c"], count: Float[Array, " k"]) -> Float[Array, " c"]:
    """Cutpoints below the first level that has rows, and above the last, are far away."""
    some = count > 0
    none_yet = (jnp.cumsum(some) == 0)[:-1]
    last = jnp.cumsum(some[::-1])[::-1]
    over = (last[1:] == 0) if count.shape[0] > 1 else none_yet
    return jnp.where(none_yet, -FAR, jnp.where(over, FAR, cutpoints))


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Probability of each level at offset 0."""
    return predict_at(spec, params, inputs, jnp.zeros(inputs.shape[0], inputs.dtype))


def predict_at(spec: Spec, params: Params, inputs: Float[Array, "n d"], offset: Float[Array, " n"]) -> Prediction:
    """The same at an offset of each row."""
    eta = jnp.dot(inputs, params.coefficients[0], precision="highest") + offset
    ends = jnp.concatenate([jnp.asarray([-FAR], eta.dtype), params.cutpoints, jnp.asarray([FAR], eta.dtype)])
    eta = jnp.clip(eta, -FAR / 2, FAR / 2)
    low, high = ends[None, :-1] - eta[:, None], ends[None, 1:] - eta[:, None]
    some = high > low
    p = jnp.where(some, jnp.exp(_log_between(spec.link, low, jnp.where(some, high, low + 1))), 0)
    return Prediction(probability=p / p.sum(axis=1, keepdims=True))


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """Collinear and constant columns, levels without rows, no finite maximum, no order."""
    names = [column.name for column in shape.columns]
    basis = np.asarray(info.null_space)
    for found in dependencies_of_null_space(basis[:, np.abs(basis).any(axis=0)], np.asarray(info.center)):
        yield f"{found.words(names)}: the data cannot tell their effects apart, so they share a coefficient"
    for place in np.flatnonzero(info.dead):
        yield f"`{names[place]}` does not vary among the training rows; its coefficient is 0"
    count = int(np.sum(info.empty))
    if count:
        yield f"{count} level{'s have' if count > 1 else ' has'} no training row, and never any probability"
    if not shape.ordered and shape.classes > 2:
        yield "the target is not declared `ordinal`, so its levels are taken in the order that they sort in"


@hookimpl
def mldsl_components() -> list[Component]:
    """Ordinal regression."""
    return [
        Model(
            "ordinal_regression", Spec, fit=fit, predict=predict, predict_at=predict_at, check=check, remarks=remarks,
            tasks=("classify",), roles=("weight", "offset"), precision="float64", shards=True, costs=True,
            example=Spec(l2=1.0), snippet="model { ordinal_regression(link = logit) }",
            sources=("McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x",
                     "Pratt 1981, doi:10.1080/01621459.1981.10477613"),
            also_known_as=("OrderedModel", "polr", "proportional_odds", "ordered_logit", "ordered_probit",
                           "LogisticAT"),
        )
    ]  # fmt: skip
