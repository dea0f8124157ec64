"""Ordinary least squares, with everything that inference needs: `y ~ a + b`, robust and clustered standard errors.

Minimises sum_i w_i (y_i - o_i - x_i b)^2 over the coefficients b, an intercept among them unless the formula leaves it
out, with w_i the row's weight and o_i its offset. The matrix is the design of the formula, or all inputs without one.

What a weight means decides on the error variance s^2 = sum_i w_i e_i^2 / (n - p), p the number of coefficients that the
rows tell apart: `frequency`, a row stands for w equal rows, and n is the sum of the weights; `precision`, the variance
of the row's error is s^2 / w (weighted least squares), and n counts the rows.

Covariance of the coefficients, X the matrix with its intercept, h_i the row's leverage, B = (X'WX)^-1:

    classical  s^2 B
    hc0        B (sum_i w_i e_i^2 x_i x_i') B       the errors' variance may differ from row to row
    hc1        hc0 n / (n - p)
    hc2, hc3   e_i^2 / (1 - h_i), and over (1 - h_i)^2, in place of e_i^2
    cluster    B (sum_g s_g s_g') B G/(G - 1) (n - 1)/(n - p), s_g = sum of w_i e_i x_i in cluster g: errors may be
               correlated within the levels of a column, of which there are G

(w_i^2 for w_i in `hc0` to `hc3` where weights are precisions.) t has n - p degrees of freedom, G - 1 with clusters. The
prediction interval of a new row x is x b -+ t (s^2 + x' C x)^(1/2), C the covariance, t with n - p always.

Columns that others explain exactly share their coefficients (the solution of least norm in columns of equal length),
and the run names them; a row whose leverage is 1 is fitted exactly whatever it holds, and adds nothing to `hc2`, `hc3`.

For reports, with c = `Info.center` and A = `Info.factor`: the leverage of a row is w (1/m + |A'(x - c)|^2), m the sum
of weights (1/m left out, and c = 0, without an intercept); R = `Info.triangle` has R'R = sum_i w_i (x_i - c)(x_i - c)'.

Shapes:  n rows, d columns. O(n d^2) time, also to predict (the intervals); O(d^2) memory beside the inputs.
Units:   a coefficient is in the unit of the target over that of its column.
Errors:  fewer than two clusters. With as many coefficients as rows there are no standard errors: nothing is left over.
Sources: White 1980, doi:10.2307/1912934; MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7 (hc1 to hc3); Liang &
         Zeger 1986, doi:10.1093/biomet/73.1.13 (clusters).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, block_rows, sum_blocks, tiny, total, weighted_sum
from mldsl.plugin import Column, Component, Formula, Model, Problem, Share, hookimpl, param
from mldsl_plugins.linear._collinear import dependencies_of_factor
from mldsl_plugins.linear._least_squares import Solution, center, solve
from mldsl_plugins.linear._t import two_sided_t

FULL = 1e-10  # a leverage within this of 1 is 1


@attrs.frozen
class Cluster:
    """Errors may be correlated among rows with the same value of a column."""

    column: Column = param(doc="The column whose values are the clusters; of any role.")


@attrs.frozen
class Spec:
    """Hyperparameters of ordinary least squares."""

    formula: Formula | None = param(
        None, doc="What the target is a linear function of, such as `log(y) ~ a + b`; all inputs by default.",
    )  # fmt: skip
    covariance: str | Cluster = param(
        "classical",
        choices={"classical": None, "hc0": None, "hc1": None, "hc2": None, "hc3": None, "cluster": Cluster},
        doc="What standard errors assume of the errors: one variance, one for each row, or correlation in clusters.",
        also_known_as=("cov_type", "vcov", "robust", "se"),
    )  # fmt: skip
    weights: Literal["frequency", "precision"] = param(
        "frequency", doc="What a weight says: how many rows a row stands for, or one over the variance of its error.",
    )  # fmt: skip
    confidence: Share = param(
        Share(0.95), gt=0, lt=1, traced=True, doc="Confidence of the prediction intervals.", also_known_as=("level",)
    )


class Params(NamedTuple):
    """The linear function, k = 1, and what the interval of a prediction needs.

    q = (1/m^(1/2), A'(x - c)) has x'Cx = q' meat q: e = d + 1 with an intercept, else d. `reach` is the t quantile.
    """

    intercept: Float[Array, " k"]
    coefficients: Float[Array, "k d"]
    center: Float[Array, " d"]
    factor: Float[Array, "d d"]
    meat: Float[Array, "e e"]
    mass: Float[Array, ""]
    variance: Float[Array, ""]
    reach: Float[Array, ""]


class Info(NamedTuple):
    """What the fit says of its training rows; NaN where nothing is left to judge it by, and where the rows do not
    determine a coefficient.

    `covariance` is that of the coefficients, the intercept first where there is one. `residual_degrees_of_freedom` are
    those that t has, `degrees_of_freedom` n - p. `r2` without an intercept is about 0, not about the mean. `f` tests
    that all coefficients but the intercept are 0, by the covariance that was asked for, with `model_degrees_of_freedom`
    and `residual_degrees_of_freedom`; NaN where there are too few clusters to test them together. `aic`, `bic` count p
    coefficients. `condition_number` is that of the matrix with its intercept. `rows` is n; `at_leverage_one` counts
    rows, NaN where leverages were not computed. `clusters` is 0 without. `length` is that of the columns about 0.
    """

    standard_error: Float[Array, "k d"]
    intercept_standard_error: Float[Array, " k"]
    covariance: Float[Array, "e e"]
    residual_degrees_of_freedom: Float[Array, ""]
    degrees_of_freedom: Float[Array, ""]
    model_degrees_of_freedom: Float[Array, ""]
    rank: Float[Array, ""]
    rows: Float[Array, ""]
    mass: Float[Array, ""]
    residual_deviation: Float[Array, ""]
    residual_sum_of_squares: Float[Array, ""]
    total_sum_of_squares: Float[Array, ""]
    r2: Float[Array, ""]
    adjusted_r2: Float[Array, ""]
    f: Float[Array, ""]
    log_likelihood: Float[Array, ""]
    aic: Float[Array, ""]
    bic: Float[Array, ""]
    condition_number: Float[Array, ""]
    clusters: Float[Array, ""]
    at_leverage_one: Float[Array, ""]
    center: Float[Array, " d"]
    factor: Float[Array, "d d"]
    triangle: Float[Array, "d d"]
    length: Float[Array, " d"]


def kind(spec: Spec) -> str:
    """The name of the covariance."""
    return "cluster" if isinstance(spec.covariance, Cluster) else spec.covariance


def cluster(spec: Spec) -> str | None:
    """The column of the clusters."""
    return spec.covariance.column if isinstance(spec.covariance, Cluster) else None


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn the coefficients and their covariance."""
    x, target, w = examples.inputs, examples.target, examples.weight
    assert target is not None
    y = target if examples.offset is None else target - examples.offset
    d, one = x.shape[1], int(shape.intercept)
    active = jnp.ones(d, bool) if examples.active is None else examples.active
    data = center(x, y, w, active, intercept=shape.intercept)
    found = solve(data, jnp.zeros((), x.dtype), intercept=shape.intercept)
    b, mean = found.coefficients, jnp.where(active, data.mean, 0)
    level = data.level + found.shift
    intercept = level - jnp.dot(mean, b, precision="highest") if one else level

    mass = total(w.sum())
    rows = mass if spec.weights == "frequency" else total((w > 0).sum().astype(w.dtype))
    p = found.rank + one
    free = rows - p
    some = free > 1e-9 * rows  # with as many coefficients as rows nothing is left to judge the residuals by
    variance = jnp.where(some, found.rss / jnp.where(some, free, 1), jnp.nan)
    meat, count, full = _meat(spec, shape, examples, found, data.mean, level, y, variance, rows, free)
    t_free = jnp.where(count > 0, count - 1, free) if cluster(spec) else free
    spread = jnp.asarray(_spread(found.factor, mean, mass, one))
    covariance = spread @ meat @ spread.T
    error = jnp.sqrt(jnp.diag(covariance))
    error = jnp.where(_told_apart(found, mean)[1 - one :], error, jnp.nan)

    tss = weighted_sum((y - data.level) ** 2, w)
    varies = tss > 0
    unexplained = jnp.where(varies, found.rss / jnp.where(varies, tss, 1), jnp.nan)
    likelihood = -rows / 2 * (jnp.log(2 * jnp.pi * found.rss / jnp.maximum(rows, 1)) + 1)
    if spec.weights == "precision":
        likelihood += weighted_sum(jnp.log(jnp.where(w > 0, w, 1)), (w > 0).astype(w.dtype)) / 2
    perfect = found.rss <= 0
    likelihood = jnp.where(perfect, jnp.inf, likelihood)
    reach = jnp.where(some, two_sided_t(1 - spec.confidence, jnp.where(some, free, 1)), jnp.inf)
    where = jnp.where(active, data.mean, 0)
    params = Params(
        intercept[None], b[None], where, found.factor, jnp.where(some, meat, 0), mass,
        jnp.where(some, variance, 1), reach,
    )  # fmt: skip
    return params, Info(
        standard_error=error[None, one:],
        intercept_standard_error=error[:1] if one else jnp.full(1, jnp.nan, error.dtype),
        covariance=covariance,
        residual_degrees_of_freedom=t_free,
        degrees_of_freedom=free,
        model_degrees_of_freedom=found.rank,
        rank=p,
        rows=rows,
        mass=mass,
        residual_deviation=jnp.sqrt(variance),
        residual_sum_of_squares=found.rss,
        total_sum_of_squares=tss,
        r2=1 - unexplained,
        adjusted_r2=jnp.where(some, 1 - unexplained * (rows - one) / jnp.where(some, free, 1), jnp.nan),
        f=jnp.where(
            (count > 0) & (count - 1 < found.rank), jnp.nan, _f(spec, found, tss, variance, covariance[one:, one:])
        ),
        log_likelihood=likelihood,
        aic=2 * p - 2 * likelihood,
        bic=p * jnp.log(jnp.maximum(rows, 1)) - 2 * likelihood,
        condition_number=_condition(found.triangle, mean, mass, one),
        clusters=count,
        at_leverage_one=full,
        center=where,
        factor=found.factor,
        triangle=found.triangle,
        length=jnp.sqrt(jnp.sum(found.triangle**2, axis=0) + mass * mean**2),
    )


def _told_apart(found: Solution, mean: Array) -> Array:
    """Whether the rows determine the intercept and each coefficient [1 + d]; not those of columns that others explain.

    A function c of the coefficients is determined where c (X'X)^- X'X = c. A column that does not vary has the
    coefficient 0, and the intercept what it would explain.
    """
    r, a = found.triangle, found.factor
    length = jnp.sqrt(jnp.sum(r**2, axis=0))
    some = (length > 0) & jnp.any(a != 0, axis=1)
    scaled = jnp.where(some, length, 1)
    whole = scaled[:, None] * jnp.matmul(a, jnp.matmul(jnp.matmul(r, a).T, r), precision="highest") / scaled[None]
    whole = jnp.where(some[None] & some[:, None], whole, 0)
    functions = jnp.concatenate([jnp.where(some, mean / scaled, 0)[None], jnp.diag(some.astype(r.dtype))])
    size = jnp.maximum(jnp.max(jnp.abs(functions), axis=1, initial=0), tiny(mean))
    off = jnp.max(jnp.abs(jnp.matmul(functions, whole) - functions), axis=1, initial=0)
    return jnp.append(True, some) & (off <= 1e-6 * size)


def _spread(factor: Array, mean: Array, mass: Array, one: int) -> Array:
    """F [e, e] with F F' = (X'WX)^-1, the intercept's row and column first: from the centred columns to their own."""
    if not one:
        return factor
    first = 1 / jnp.sqrt(jnp.maximum(mass, tiny(mass)))
    top = jnp.concatenate([first[None], -(mean @ factor)])
    below = jnp.concatenate([jnp.zeros((len(factor), 1), factor.dtype), factor], axis=1)
    return jnp.concatenate([top[None], below])


def _meat(
    spec: Spec, shape: Shape, examples: Examples, found: Solution, mean: Array, level: Array, y: Array,
    variance: Array, rows: Array, free: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """What stands between both halves of the covariance [e, e]; the number of clusters; of rows at leverage 1."""
    one, d = int(shape.intercept), examples.inputs.shape[1]
    nothing = jnp.zeros((), y.dtype)
    name = kind(spec)
    if name == "classical":
        return variance * jnp.eye(d + one, dtype=y.dtype), nothing, nothing * jnp.nan
    active = jnp.ones(d, bool) if examples.active is None else examples.active
    mass = total(examples.weight.sum())
    first = 1 / jnp.sqrt(jnp.maximum(mass, tiny(mass)))

    def row(x: Array, y: Array) -> tuple[Array, Array]:
        off = (x - mean[None]) * active[None]
        residual = y - level - jnp.dot(off, found.coefficients, precision="highest")
        q = jnp.matmul(off, found.factor, precision="highest")  # [n, d]
        return (jnp.concatenate([jnp.full((len(q), 1), first), q], axis=1) if one else q), residual

    if name == "cluster":
        assert examples.cluster is not None
        codes, groups = examples.cluster, max(shape.clusters, 1)
        q, residual = row(examples.inputs, y)
        score = total(jax.ops.segment_sum((examples.weight * residual)[:, None] * q, codes, groups))
        there = total(jax.ops.segment_sum(examples.weight, codes, groups)) > 0
        count = there.sum().astype(y.dtype)
        scale = count / jnp.maximum(count - 1, 1) * (rows - 1) / jnp.where(free > 0, free, jnp.nan)
        score = jnp.where(there[:, None], score, 0)
        return scale * jnp.matmul(score.T, score, precision="highest"), count, nothing * jnp.nan

    precision = spec.weights == "precision"
    power = {"hc0": 0, "hc1": 0, "hc2": 1, "hc3": 2}[name]

    def block(w: Array, x: Array, y: Array) -> tuple[Array, Array]:
        q, residual = row(x, y)
        leverage = jnp.sum(q**2, axis=1) * (w if precision else 1)
        left = jnp.where(leverage < 1 - FULL, 1 - leverage, jnp.inf if power else 1)
        size = w * (w if precision else 1) * residual**2 / left**power
        full = jnp.where(leverage >= 1 - FULL, (w > 0) if precision else w, 0)
        return jnp.matmul((q * size[:, None]).T, q, precision="highest"), full.sum().astype(w.dtype)

    meat, full = sum_blocks(block, examples.weight, examples.inputs, y, rows=block_rows(d))
    enough = jnp.where(free > 0, free, jnp.nan)
    scale = rows / enough if name == "hc1" else jnp.where(free > 0, 1.0, jnp.nan)
    return scale * meat, nothing, full


def _f(spec: Spec, found: Solution, tss: Array, variance: Array, covariance: Array) -> Array:
    """The F statistic of all coefficients but the intercept; NaN without any."""
    many = jnp.where(found.rank > 0, found.rank, jnp.nan)
    if kind(spec) == "classical":
        return (tss - found.rss) / many / variance
    size = jnp.sqrt(jnp.maximum(jnp.diag(covariance), tiny(covariance)))
    known = jnp.all(jnp.isfinite(covariance))
    scaled = jnp.where(known, covariance, 0) / size[None] / size[:, None]
    z = found.coefficients / size
    return jnp.where(known, z @ jnp.linalg.pinv(scaled, hermitian=True) @ z, jnp.nan) / many


def _condition(triangle: Array, mean: Array, mass: Array, one: int) -> Array:
    """Of the matrix with its intercept: largest over smallest singular value, infinite where columns are dependent."""
    whole = triangle
    if one:
        root = jnp.sqrt(mass)
        top = jnp.concatenate([root[None], root * mean])
        below = jnp.concatenate([jnp.zeros((len(triangle), 1), mean.dtype), triangle], axis=1)
        whole = jnp.concatenate([top[None], below])
    if not len(whole):
        return jnp.ones((), mean.dtype)
    s = jnp.linalg.svd(whole, compute_uv=False)
    return jnp.where(s[-1] > 0, s[0] / jnp.where(s[-1] > 0, s[-1], 1), jnp.inf)


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The linear function at offset 0, and the interval that a new row falls into with the given confidence."""
    mean = params.intercept[0] + jnp.dot(inputs, params.coefficients[0], precision="highest")
    q = jnp.matmul(inputs - params.center[None], params.factor, precision="highest")
    if len(params.meat) > q.shape[1]:
        first = jnp.full((len(q), 1), 1 / jnp.sqrt(jnp.maximum(params.mass, tiny(params.mass))))
        q = jnp.concatenate([first, q], axis=1)
    spread = jnp.sum(jnp.matmul(q, params.meat, precision="highest") * q, axis=1)
    half = params.reach * jnp.sqrt(params.variance + jnp.maximum(spread, 0))
    return Prediction(mean=mean, interval=jnp.stack([mean - half, mean + half], axis=1))


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """Columns that tell nothing of their own, too few rows, rows at leverage 1."""
    if cluster(spec) and info.clusters < 2:
        yield Problem("covariance", f"expected at least 2 clusters, found {int(info.clusters)}")
        return
    names = [c.name for c in shape.columns]
    aliased = dependencies_of_factor(info.triangle, info.center, info.length)
    for dependency in aliased[:MOST]:
        what = "" if not dependency.others else ": they share what they explain, and no coefficient of theirs counts"
        yield f"{dependency.words(names)}{what}"
    if len(aliased) > MOST:
        yield f"{len(aliased) - MOST} further columns tell nothing that the others do not"
    if info.degrees_of_freedom <= 0:
        yield (
            f"it has {int(info.rank):,} coefficients for {info.rows:,.6g} rows, so it fits them exactly and there are "
            "no standard errors and no intervals"
        )
    if np.isfinite(info.at_leverage_one) and info.at_leverage_one > 0 and kind(spec) in ("hc2", "hc3"):
        count = info.at_leverage_one
        ones = (np.abs(info.center * info.mass - 1) < 1e-6) & (np.abs(info.length**2 - 1) < 1e-6)
        single = [f"`{name}`" for name, is_one in zip(names, ones, strict=True) if is_one][:MOST]
        why = f"{' and '.join(single)} has no other row" if single else "some level or combination has no other row"
        yield (
            f"{count:,.6g} {'row is' if count == 1 else 'rows are'} fitted exactly (leverage 1) and left out of the "
            f"standard errors by {kind(spec)}: {why}"
        )


MOST = 3  # dependencies that are named


@hookimpl
def mldsl_components() -> list[Component]:
    """Ordinary least squares."""
    return [
        Model(
            "ols", Spec, fit=fit, predict=predict, remarks=remarks, cluster=cluster, tasks=("regress",),
            roles=("weight", "offset"), precision="float64", shards=True,
            snippet="model { ols(log(sale_price) ~ log(gr_liv_area) + year_built, covariance = hc3) }",
            sources=("White 1980, doi:10.2307/1912934",
                     "MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7",
                     "Liang & Zeger 1986, doi:10.1093/biomet/73.1.13"),
            also_known_as=("OLS", "WLS", "lm", "LinearRegression", "linear_regression", "least_squares", "regress"),
        )
    ]  # fmt: skip
