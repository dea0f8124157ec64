"""Nonlinear regression: the parameters of a curve that the file writes, with their standard errors.

    y_i = f(x_i; b) + e_i,   minimises sum_i v_i (y_i - f(x_i; b))^2 over the parameters b

In `y ~ b1 * (1 - exp(-b2 * x))` the right side is arithmetic and row functions of columns and parameters; names with a
value in `start` are the parameters. v_i is the row's weight. `weights` says whether a weight is how
many rows a row stands for or one over the variance of its error; standard errors follow.

Levenberg and Marquardt's method with the columns of the Jacobian scaled as Moré does, derivatives exact by automatic
differentiation, every step by orthogonal reduction. It ends where the residuals are orthogonal to the curve's tangent
space (relative offset, Bates & Watts). Another start may lead to another minimum: a curve can have several.
`bounds` keep parameters within ranges; one that ends at a bound has no standard error.

Standard errors, t and intervals take the curve for linear near the solution. The prediction interval of a new row is
f -+ t (s^2 + g' C g)^(1/2), with g the gradient of f by the parameters and C their covariance (delta method).

Shapes:  n rows, p parameters. O(n p^2) time per iteration, O(n p) memory for a block of rows.
Units:   of each parameter as the curve has it; the residual deviation s is in units of the target.
Errors:  a start without a finite value for some row; parameters that the rows do not determine; not converging. They
         are warnings, the first an error (MLP0312).
Sources: Marquardt 1963, doi:10.1137/0111030; Moré 1978, doi:10.1007/BFb0067700; Bates & Watts 1988,
         doi:10.1002/9780470316757.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, tiny, weighted_moments
from mldsl.contract.arithmetic import curve
from mldsl.plugin import Arithmetic, Component, Model, Numbers, Problem, Ranges, Share, hookimpl, param
from mldsl_plugins.linear._t import two_sided_t

ROWS = 8192  # of a block whose Jacobian is reduced at a time
SINGULAR = 1e-13  # of the largest: smaller singular values of the scaled Jacobian are rounding errors
SOUND = 1e-6  # relative offset up to which a fit counts as converged where rounding lets it get no smaller


@attrs.frozen
class Spec:
    """The curve, where its parameters start, and how they are found."""

    formula: Arithmetic = param(doc="The target and the curve, such as `y ~ b1 * exp(-b2 * x)`.")
    start: Numbers = param(
        doc='Where each parameter starts: `["b1" = 500, "b2" = 1e-4]`.', also_known_as=("p0", "start_values")
    )
    bounds: Ranges | None = param(
        None, doc='Between which values a parameter must stay: `["b1" = 0..1000]`.', also_known_as=("lower", "upper")
    )
    weights: Literal["frequency", "precision"] = param(
        "frequency", doc="What a weight says: how many rows a row stands for, or one over the variance of its error.",
        also_known_as=("sigma",),
    )  # fmt: skip
    confidence: Share = param(
        Share(0.95), gt=0, lt=1, doc="Confidence of the prediction intervals.", also_known_as=("level",)
    )
    max_iter: int = param(1000, ge=1, unit="iterations", doc="Most to run.", also_known_as=("maxfev", "maxiter"))
    tol: float = param(
        1e-10, ge=0, traced=True, also_known_as=("ftol", "xtol", "gtol"),
        doc="Stop at this relative offset: the length of the residuals along the tangent space over the rest of them.",
    )  # fmt: skip


class Params(NamedTuple):
    """The parameters in the order of `start`, k = 1, and what the interval of a prediction needs: C = factor factor'
    s^2, and the t quantile `reach`."""

    coefficients: Float[Array, "k p"]
    factor: Float[Array, "p p"]
    variance: Float[Array, ""]
    reach: Float[Array, ""]


class Info(NamedTuple):
    """What the fit says of its training rows.

    `relative_offset` is how far the residuals are from orthogonal to the tangent space. `undetermined` [p] is the
    direction of the parameters, scaled to unit columns of the Jacobian, that the rows tell least about, zeros where
    they tell all apart. `stray` counts rows for which the curve has no finite value at the start. `bounded` marks
    parameters that ended at a bound.
    """

    standard_error: Float[Array, "k p"]
    residual_degrees_of_freedom: Float[Array, ""]
    residual_deviation: Float[Array, ""]
    residual_sum_of_squares: Float[Array, ""]
    r2: Float[Array, ""]
    mass: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    relative_offset: Float[Array, ""]
    undetermined: Float[Array, " p"]
    bounded: Bool[Array, " p"]
    stray: Float[Array, ""]


def terms(spec: Spec) -> tuple[str, ...]:
    """The names of the parameters."""
    return tuple(name for name, _ in spec.start)


def columns(spec: Spec) -> tuple[str, ...]:
    """The columns that the curve reads, in the order of its text: those of the matrix."""
    return tuple(name for name in curve(spec.formula).names if name not in terms(spec))


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """The names of the curve must be columns or parameters, and the start within its bounds."""
    start = dict(spec.start)
    given = tuple(column.name for column in shape.columns)
    if columns(spec) != given:
        yield Problem("formula", f"expected the columns {', '.join(given)}, found {', '.join(columns(spec))}")
    if idle := sorted(set(start) - set(curve(spec.formula).names)):
        yield Problem("start", f"expected names of the formula, found `{idle[0]}`")
    for name, (low, high) in spec.bounds or ():
        if name in start and not low <= start[name] <= high:
            yield Problem("start", f"expected `{name}` within {low:g}..{high:g}, found {start[name]:g}")


class _Data(NamedTuple):
    """The rows that are there; the others repeat one of them."""

    x: Float[Array, "n d"]
    y: Float[Array, " n"]
    v: Float[Array, " n"]


class _At(NamedTuple):
    """The curve at some parameters: R [p + 1, p + 1] with R'R = [J r]' diag(v) [J r], r the residuals."""

    b: Array
    r: Array
    rss: Array


class _Loop(NamedTuple):
    at: _At
    scale: Array  # of the parameters: the longest that columns of the Jacobian have been
    damping: Array
    growth: Array  # of the damping at the next refusal
    offset: Array
    moved: Array  # the length of the last step over that of the parameters, both scaled
    iterations: Array


def _of(spec: Spec, x: Array, b: Array) -> Array:
    """The curve of a block of rows, [b]."""
    values: dict[str, Any] = {name: x[:, j] for j, name in enumerate(columns(spec))}
    values.update({name: b[j] for j, name in enumerate(terms(spec))})
    return jnp.broadcast_to(curve(spec.formula)(values), x.shape[:1]).astype(b.dtype)


def _reduced(spec: Spec, data: _Data, b: Array) -> _At:
    """One pass over the rows: a block of the Jacobian at a time, joined by orthogonal reduction."""
    p, n = b.shape[0], data.y.shape[0]
    rows = min(n, ROWS)

    def reduce(r: Array, begin: Array | int, first: Array | int) -> Array:
        x, y, v = (jax.lax.dynamic_slice_in_dim(a, begin, rows) for a in data)
        root = jnp.sqrt(jnp.where(begin + jnp.arange(rows) >= first, v, 0))
        jacobian = jax.jacfwd(lambda c: _of(spec, x, c))(b)
        block = jnp.concatenate([jacobian, (y - _of(spec, x, b))[:, None]], axis=1)
        block = jnp.where(root[:, None] > 0, block * root[:, None], 0)
        return jnp.linalg.qr(jnp.concatenate([r, block]), mode="r")

    r = reduce(jnp.zeros((p + 1, p + 1), b.dtype), 0, 0)
    if n > rows:
        r = jax.lax.fori_loop(1, -(-n // rows), lambda i, r: reduce(r, jnp.minimum(i * rows, n - rows), i * rows), r)
    sound = jnp.isfinite(r).all()
    return _At(b, jnp.where(sound, r, 0), jnp.where(sound, jnp.sum(r[:, p] ** 2), jnp.inf))


def _free(at: _At, low: Array, high: Array) -> Bool[Array, " p"]:
    """The parameters that may move: not those at a bound which the residuals push over it."""
    p = at.b.shape[0]
    downhill = at.r[:, :p].T @ at.r[:, p]
    return ~((at.b <= low) & (downhill < 0)) & ~((at.b >= high) & (downhill > 0))


def _step(at: _At, free: Array, scale: Array, damping: Array) -> tuple[Array, Array]:
    """The damped step of the parameters that are free, and the relative offset, by reducing R once more."""
    p = at.b.shape[0]
    unit = at.r[:, :p] / scale[None] * free[None]
    both = jnp.concatenate([unit, at.r[:, p:]], axis=1)
    inner = jnp.linalg.qr(both, mode="r")
    along, rest = jnp.sqrt(jnp.sum(inner[:p, p] ** 2)), jnp.abs(inner[p, p])
    # Parameters that are held have a row of their own, so that the triangle can be solved.
    more = jnp.diag(jnp.where(free, jnp.sqrt(damping), 1))
    stacked = jnp.concatenate([both, jnp.concatenate([more, jnp.zeros((p, 1), more.dtype)], axis=1)])
    whole = jnp.linalg.qr(stacked, mode="r")
    step = jax.scipy.linalg.solve_triangular(whole[:p, :p], whole[:p, p]) / scale
    return jnp.where(jnp.isfinite(step), step, 0) * free, along / jnp.maximum(rest, tiny(rest))


def _solved(spec: Spec, data: _Data, start: Array, low: Array, high: Array, rounding: Array) -> tuple[_Loop, Array]:
    """Levenberg-Marquardt, and the sum of squares at the start; sums below `rounding` squared are as good as 0."""
    p = start.shape[0]

    def lengths(at: _At) -> Array:
        return jnp.sqrt(jnp.sum(at.r[:, :p] ** 2, axis=0))

    def going(loop: _Loop) -> Array:
        perfect = loop.at.rss <= rounding**2
        more = (loop.offset > spec.tol) & (loop.moved > 1e-15) & ~perfect & jnp.isfinite(loop.at.rss)
        return (loop.iterations < 1) | (more & (loop.iterations < spec.max_iter))

    def advance(loop: _Loop) -> _Loop:
        free = _free(loop.at, low, high)
        step, offset = _step(loop.at, free, loop.scale, loop.damping)
        b = jnp.clip(loop.at.b + step, low, high)
        step = b - loop.at.b
        trial = _reduced(spec, data, b)
        # What the linear curve promises, and what the true one holds.
        linear = loop.at.r[:, p] - loop.at.r[:, :p] @ step
        promised = loop.at.rss - jnp.sum(linear**2)
        gained = loop.at.rss - trial.rss
        ratio = jnp.where(promised > 0, gained / jnp.maximum(promised, tiny(promised)), -1)
        # Near the solution the sum is flat to rounding, and the offset alone tells.
        near = (offset < 1e-4) & (trial.rss <= loop.at.rss * (1 + 1e-11))
        _, next_offset = _step(trial, _free(trial, low, high), jnp.maximum(loop.scale, lengths(trial)), loop.damping)
        better = (ratio > 1e-4) | (near & (next_offset < offset))
        softer = jnp.maximum(1 / 3, 1 - (2 * jnp.clip(ratio, -1, 1) - 1) ** 3)
        size = jnp.linalg.norm(loop.scale * b)
        moved = jnp.linalg.norm(loop.scale * step) / jnp.maximum(size, tiny(size))
        taken = loop._replace(
            at=trial, scale=jnp.maximum(loop.scale, lengths(trial)),
            damping=jnp.maximum(loop.damping * jnp.where(ratio > 1e-4, softer, 0.1), 1e-30),
            growth=jnp.full_like(loop.growth, 2), offset=next_offset, moved=jnp.ones_like(moved),
        )  # fmt: skip
        refused = loop._replace(damping=loop.damping * loop.growth, growth=loop.growth * 2, offset=offset, moved=moved)
        chosen: _Loop = jax.tree.map(lambda a, b: jnp.where(better, a, b), taken, refused)
        return chosen._replace(iterations=loop.iterations + 1)

    at = _reduced(spec, data, start)
    scale = lengths(at)
    one = jnp.ones((), start.dtype)
    begin = _Loop(at, jnp.where(scale > 0, scale, 1), 1e-3 * one, 2 * one, one, one, jnp.asarray(0))
    end: _Loop = jax.lax.while_loop(going, advance, begin)
    return end, at.rss


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Find the parameters."""
    assert examples.target is not None
    w, names = examples.weight, terms(spec)
    there = w > 0
    one = jnp.argmax(there)
    # Rows that are not there could give the curve no finite value, so they stand for one that is.
    x = jnp.where(there[:, None], examples.inputs, examples.inputs[one][None])
    y = jnp.where(there, examples.target, examples.target[one])
    v = w
    data = _Data(x, y, v)
    bounds = dict(spec.bounds or ())
    ends = np.asarray([bounds.get(name, (-np.inf, np.inf)) for name in names])
    low, high = (jnp.asarray(ends[:, i], y.dtype) for i in (0, 1))
    start = jnp.asarray([value for _, value in spec.start], y.dtype)
    rounding = 4 * jnp.finfo(y.dtype).eps * jnp.sqrt(jnp.sum(jnp.where(there, v * y**2, 0)))
    end, at_start = _solved(spec, data, start, low, high, rounding)

    p = len(names)
    free = _free(end.at, low, high)
    scaled = end.at.r[:, :p] / end.scale[None] * free[None]
    _, s, right = jnp.linalg.svd(scaled, full_matrices=False)
    held = jnp.sum(~free)
    least = p - 1 - held  # the singular values of held parameters are 0, and last
    known = s > SINGULAR * s[0]
    inverse = right.T * jnp.where(known, 1 / jnp.where(known, s, 1), 0)[None] / end.scale[:, None]
    lost = (known.sum() < p - held) & (s[0] > 0)
    rows = (w if spec.weights == "frequency" else there.astype(w.dtype)).sum()
    left = rows - (p - held)
    some = left > 0
    variance = jnp.where(some, end.at.rss / jnp.where(some, left, 1), jnp.nan)
    error = jnp.sqrt(variance * jnp.sum(inverse**2, axis=1))
    spread = weighted_moments(y, v)
    total = spread.variance * spread.mass
    perfect = end.at.rss <= rounding**2
    # The direction that is known least: where it is not known at all, its own.
    direction = right[jnp.clip(least, 0, p - 1)]
    params = Params(
        end.at.b[None], inverse, jnp.where(some, variance, 1),
        jnp.where(some, two_sided_t(1 - spec.confidence, jnp.where(some, left, 1)), jnp.inf),
    )  # fmt: skip
    stray = jnp.sum(jnp.where(there & ~jnp.isfinite(_of(spec, x, start)), 1.0, 0.0))
    return params, Info(
        standard_error=jnp.where(free & ~lost, error, jnp.nan)[None],
        residual_degrees_of_freedom=left,
        residual_deviation=jnp.sqrt(variance),
        residual_sum_of_squares=end.at.rss,
        r2=jnp.where(total > 0, 1 - end.at.rss / jnp.where(total > 0, total, 1), jnp.nan),
        mass=w.sum(),
        iterations=end.iterations,
        converged=((end.offset <= SOUND) | perfect) & jnp.isfinite(at_start),
        relative_offset=end.offset,
        undetermined=jnp.where(lost, direction, 0),
        bounded=~free,
        stray=stray,
    )


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The curve, and the interval of a new row."""
    b = params.coefficients[0]
    mean = _of(spec, inputs, b)
    gradient = jax.jacfwd(lambda c: _of(spec, inputs, c))(b)
    spread = jnp.sum(jnp.matmul(gradient, params.factor, precision="highest") ** 2, axis=1)
    half = params.reach * jnp.sqrt(params.variance * (1 + spread))
    return Prediction(mean=mean, interval=jnp.stack([mean - half, mean + half], axis=1))


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """A start where the curve is not finite; parameters that are not determined or at a bound; too few rows."""
    names = terms(spec)
    if info.stray > 0:
        yield Problem("start", f"expected a finite curve there for every row, found {int(info.stray):,} rows without")
        return
    direction = np.abs(np.asarray(info.undetermined))
    if direction.max() > 0:
        at = [f"`{name}`" for name, size in zip(names, direction, strict=True) if size > 0.1 * direction.max()]
        told = f"{at[0]} is" if len(at) == 1 else f"{', '.join(at[:-1])} and {at[-1]} are"
        yield f"{told} not determined by the rows: other values fit as well, and there are no standard errors"
    at = [f"`{name}`" for name, there in zip(names, np.asarray(info.bounded), strict=True) if there]
    if at:
        yield f"{', '.join(at)} ended at a bound and {'have' if len(at) > 1 else 'has'} no standard error"
    if info.residual_degrees_of_freedom <= 0:
        yield "there are as many parameters as rows: nothing is left to estimate errors from"
    if not info.converged:
        yield (
            f"did not converge in {int(info.iterations)} iterations: the residuals are {info.relative_offset:.2g} from "
            "orthogonal to the curve's tangents; a start nearer to the solution, or bounds, may help"
        )


@hookimpl
def mldsl_components() -> list[Component]:
    """Nonlinear regression."""
    return [
        Model(
            "nonlinear_regression", Spec, fit=fit, predict=predict, check=check, remarks=remarks, terms=terms,
            tasks=("regress",), accepts=("continuous", "integer"), roles=("weight",), precision="float64",
            example=Spec(
                "y ~ p + q * c0 + r * exp(0.2 * c1) + s * c2", (("p", 1.0), ("q", 1.0), ("r", 0.5), ("s", 0.1))
            ),
            exceptions={"active": "a curve names its columns, and cannot do without one that a fold does not have"},
            snippet='model { nonlinear_regression(sale_price ~ a * gr_liv_area ^ b, start = ["a" = 100, "b" = 1]) }',
            sources=("Marquardt 1963, doi:10.1137/0111030", "Moré 1978, doi:10.1007/BFb0067700",
                     "Bates & Watts 1988, doi:10.1002/9780470316757"),
            also_known_as=("curve_fit", "nls", "least_squares", "levenberg_marquardt", "NonlinearLS"),
        )
    ]  # fmt: skip
