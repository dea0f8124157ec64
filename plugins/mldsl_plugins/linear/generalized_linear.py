"""Generalized linear models: the mean of counts, amounts, shares or classes, linear on the scale of a link.

    g(mean_i) = offset_i + intercept + x_i b,   variance_i = dispersion V(mean_i) / v_i

| family | target | V(m) | link g by default |
| --- | --- | --- | --- |
| `gaussian` | a number | 1 | `identity` |
| `poisson` | counts, 0 or more | m | `log` |
| `negative_binomial(alpha)` | counts that vary more | m + alpha m^2 | `log` |
| `gamma` | amounts above 0 | m^2 | `inverse` |
| `tweedie(power)` | amounts, many of them 0 | m^power | `log` |
| `binomial` | a binary target | m (1 - m) | `logit` |

Maximises the likelihood: minimises sum_i v_i d_i / 2 + l2/2 |b|^2, with d the deviance of a row and v its weight times
its cost; the intercept is free. An exposure enters as `offset`, on the scale of eta: the logarithm of hours, people or
kilometres for the link `log`. The dispersion is 1 for counts and classes, else Pearson's chi-squared over the residual
degrees of freedom.

`weights = precision` says that the weight column is how precisely a row was measured (its variance is divided by it)
and not how often it counts: it then takes no part in counting observations.

Standard errors come from the expected information. They are tested by z, or by t where the dispersion is estimated
(statsmodels always uses z, R does as here). Those of `negative_binomial` take alpha as known, also where it was
estimated.

Shapes:  n rows, d columns. O(n d^2) time per iteration, O(d^2) memory beside the inputs.
Units:   a coefficient is in units of eta per unit of its column: logarithms for `log`, log odds for `logit`.
Errors:  a target that the family does not have (MLP0312). Columns that others explain share their coefficient, and the
         run says which. No finite maximum, and not converging, are warnings.
Sources: Nelder & Wedderburn 1972, doi:10.2307/2344614; McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6;
         Lawless 1987, doi:10.2307/3314912 (negative binomial).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, sum_blocks, tiny, total, weighted_mean
from mldsl.plugin import Component, Formula, Model, Problem, hookimpl, param
from mldsl_plugins.linear import _families as families
from mldsl_plugins.linear import _scoring as scoring
from mldsl_plugins.linear._collinear import dependencies_of_null_space

ALPHA = (1e-7, 1e6)  # what alpha is looked for within
OVERDISPERSED = 2.0  # Pearson's chi-squared over degrees of freedom from which counts are said not to be Poisson's


@attrs.frozen
class NegativeBinomial:
    """Counts whose variance is mean + alpha mean^2."""

    alpha: float | None = param(
        None, gt=0, traced=True, doc="The heterogeneity; left out, it is estimated by maximum likelihood.",
        also_known_as=("theta", "dispersion"),
    )  # fmt: skip


@attrs.frozen
class Tweedie:
    """Amounts whose variance is dispersion times mean^power."""

    power: float = param(
        1.5, ge=1, le=3, traced=True, also_known_as=("var_power", "p"),
        doc="1 is Poisson, between 1 and 2 sums of gamma amounts with zeros, 2 gamma, 3 inverse Gaussian.",
    )  # fmt: skip


@attrs.frozen
class Power:
    """g(m) = m^exponent, for means above 0."""

    exponent: float = param(1.0, gt=-10, lt=10, traced=True, doc="The exponent; not 0, which is the link `log`.")


FAMILIES = {
    "gaussian": None, "poisson": None, "negative_binomial": NegativeBinomial, "gamma": None, "binomial": None,
    "tweedie": Tweedie,
}  # fmt: skip
CANONICAL = {
    "gaussian": "identity", "poisson": "log", "negative_binomial": "log", "gamma": "inverse", "binomial": "logit",
    "tweedie": "log",
}  # fmt: skip
ESTIMATED = ("gaussian", "gamma", "tweedie")  # families with a dispersion
WANTED = {
    "poisson": "counts (0 or more)", "negative_binomial": "counts (0 or more)", "gamma": "numbers above 0",
    "tweedie": "numbers of 0 or more (above 0 for a power of 2 or more)", "gaussian": "finite numbers",
}  # fmt: skip


@attrs.frozen
class Spec:
    """Hyperparameters of generalized linear models."""

    family: str | NegativeBinomial | Tweedie = param(
        "gaussian", choices=FAMILIES, also_known_as=("distribution",), doc="How the target varies about its mean."
    )
    link: str | Power | None = param(
        None, choices={**dict.fromkeys(families.LINKS), "power": Power}, also_known_as=("link_function",),
        doc="On which scale the mean is linear; left out, the family's own.",
    )  # fmt: skip
    weights: Literal["frequency", "precision"] = param(
        "frequency", doc="Whether the weight column says how often a row counts, or how precise it is.",
        also_known_as=("freq_weights", "var_weights"),
    )  # fmt: skip
    l2: float = param(
        0.0, ge=0, traced=True, search="log(1e-4..1e4)", simpler="larger", also_known_as=("alpha", "penalty"),
        doc="Weight of half the squared norm of the coefficients.",
    )  # fmt: skip
    formula: Formula | None = param(
        None, doc="What eta is a linear function of, such as `~ a + b:c`; all inputs by default."
    )
    max_iter: int = param(200, ge=1, unit="iterations", doc="Most to run.")
    tol: float = param(
        1e-10, ge=0, traced=True,
        doc="Stop when the next step is shorter: its square bounds what share of the loss it would gain.",
    )  # fmt: skip


class Params(NamedTuple):
    """The linear predictor."""

    intercept: Float[Array, " 1"]
    coefficients: Float[Array, "1 d"]


class Info(NamedTuple):
    """Fit of the training rows.

    `dispersion` is 1 where the family has none. `degrees_of_freedom` are observations less coefficients;
    `residual_degrees_of_freedom` are those of the tests: infinite (z) where the dispersion is not estimated.
    Log-likelihoods are in nats, NaN for `tweedie`, whose density has no closed form, and at that dispersion, for
    `gaussian` with `identity` at the most likely one, both as in statsmodels; `null` is that of an intercept alone.
    `aic` and `bic` count the coefficients, and alpha where it was estimated. McFadden's R2 and the likelihood ratio are
    those of counts and classes.
    `alpha` is that of `negative_binomial`, else NaN, its error NaN where it was given. `separated` and `unbounded` say,
    of classes and of numbers, that the likelihood has no maximum at finite coefficients. `improper` counts rows whose
    target the family does not have. `null_space` [d, d] holds directions of the coefficients that change no row, `dead`
    marks columns that do not vary.
    """

    standard_error: Float[Array, "1 d"]
    intercept_standard_error: Float[Array, " 1"]
    residual_degrees_of_freedom: Float[Array, ""]
    degrees_of_freedom: Float[Array, ""]
    rank: Float[Array, ""]
    deviance: Float[Array, ""]
    null_deviance: Float[Array, ""]
    deviance_explained: Float[Array, ""]
    pearson_chi2: Float[Array, ""]
    dispersion: Float[Array, ""]
    log_likelihood: Float[Array, ""]
    null_log_likelihood: Float[Array, ""]
    likelihood_ratio: Float[Array, ""]
    likelihood_ratio_degrees: Float[Array, ""]
    aic: Float[Array, ""]
    bic: Float[Array, ""]
    mcfadden_r2: Float[Array, ""]
    alpha: Float[Array, ""]
    alpha_standard_error: Float[Array, ""]
    mass: Float[Array, ""]
    iterations: Int[Array, ""]
    converged: Bool[Array, ""]
    separated: Bool[Array, ""]
    unbounded: Bool[Array, ""]
    improper: Float[Array, ""]
    null_space: Float[Array, "d d"]
    center: Float[Array, " d"]
    dead: Bool[Array, " d"]


def family_name(spec: Spec) -> str:
    """The word of the family."""
    return spec.family if isinstance(spec.family, str) else _WORDS[type(spec.family)]


_WORDS: dict[type, str] = {NegativeBinomial: "negative_binomial", Tweedie: "tweedie"}


def link_of(spec: Spec) -> tuple[str, families.Link]:
    """The link by its word."""
    if isinstance(spec.link, Power):
        return "power", families.link("power", spec.link.exponent)
    name = spec.link or CANONICAL[family_name(spec)]
    return name, families.link(name)


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """The family must suit the target, and the link the family."""
    name = family_name(spec)
    if name == "binomial" and shape.classes != 2:
        found = f"{shape.classes} classes" if shape.classes else "a number; declare it `binary`"
        yield Problem("family", f"expected a binary target for binomial, found {found}")
    if name != "binomial" and shape.classes:
        yield Problem("family", f"expected a number as target for {name}, found classes; theirs is binomial")
    if isinstance(spec.link, Power) and spec.link.exponent == 0:
        yield Problem("link", "expected an exponent other than 0, found 0; that is the link `log`")
    if name != "binomial" and link_of(spec)[0] in ("logit", "probit", "cloglog"):
        yield Problem("link", f"expected a link that {name} means can have, found {link_of(spec)[0]}")


def _family(spec: Spec, alpha: Array) -> families.Family:
    match family_name(spec):
        case "gaussian":
            return families.gaussian()
        case "poisson":
            return families.poisson()
        case "negative_binomial":
            return families.negative_binomial(alpha)
        case "gamma":
            return families.gamma()
        case "binomial":
            return families.binomial()
        case _:
            return families.tweedie(spec.family.power)


class _Observed(NamedTuple):
    """The rows as the likelihood sees them: `often` they count, and how `precise` they are."""

    design: scoring.Design
    often: Float[Array, " n"]
    precise: Float[Array, " n"]
    of: families.Link

    def add_up(self, theta: Array, of_row: Callable[[Array, Array, Array], Any]) -> Any:
        """The sum of `of_row(target, mean, precision)` over rows, as often as they count."""

        def block(often: Array, w: Array, x: Array, y: Array, offset: Array, precise: Array) -> Any:
            eta = jnp.dot(self.design.rows(w, x), theta, precision="highest") + offset
            values = of_row(y, self.of.mean(eta), jnp.where(w > 0, precise, 1))
            return jax.tree.map(lambda value: jnp.sum(jnp.where(often * w > 0, often * value, 0)), values)

        d = self.design
        return sum_blocks(block, self.often, d.weight, d.x, d.y, d.offset, self.precise)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn intercept and coefficients."""
    assert examples.target is not None
    name, (link_name, of) = family_name(spec), link_of(spec)
    given = spec.family.alpha if isinstance(spec.family, NegativeBinomial) else 1.0
    estimates = given is None
    there = examples.weight > 0
    target = jnp.where(there, examples.target.astype(examples.weight.dtype), 1)
    proper = _family(spec, jnp.ones((), target.dtype)).fits(target)
    v = jnp.where(proper, examples.loss_weight(), 0)
    often = jnp.where(v > 0, examples.weight if spec.weights == "frequency" else 1.0, 0)
    design = scoring.design(examples, jnp.where(proper, target, 1), v, spec.l2, shape.intercept)
    seen = _Observed(design, often, v / jnp.where(often > 0, often, 1), of)

    def row_of(alpha: Array) -> scoring.RowOf:
        if name == "binomial":
            return families.binomial_row(link_name, of)
        return families.numeric_row(_family(spec, alpha), of)

    alpha = jnp.asarray(1.0 if estimates else given, target.dtype)
    start = _start(spec, seen, row_of(alpha), shape.intercept)
    alpha_error = jnp.full_like(alpha, jnp.nan)
    if estimates:
        alpha, alpha_error, found = _with_alpha(spec, seen, start, row_of)
    else:
        found = scoring.scored(design, start, row_of(alpha), spec.max_iter, spec.tol)
    family, row = _family(spec, alpha), row_of(alpha)

    rank, mass = design.free.sum(), total(often.sum())
    free = mass - rank
    pearson = seen.add_up(found.theta, lambda y, m, w: w * (y - m) ** 2 / family.variance(m))
    some = free > 1e-9 * mass  # with as many coefficients as rows nothing is left to judge by
    dispersion, scale = jnp.ones_like(mass), jnp.ones_like(mass)
    if name in ESTIMATED:
        dispersion = scale = jnp.where(some, pearson / jnp.where(some, free, 1), jnp.nan)
    if (name, link_name) == ("gaussian", "identity"):
        scale = pearson / jnp.maximum(mass, tiny(mass))

    def log_likelihood(of: scoring.Design, theta: Array) -> Array:
        if family.log_density is None:
            return jnp.full_like(mass, jnp.nan)
        density = family.log_density
        return seen._replace(design=of).add_up(theta, lambda y, m, w: density(y, m, scale, w))

    alone, null = _null(spec, examples, design, start, row, shape.intercept)
    null_loss = seen._replace(design=alone).add_up(null, lambda y, m, w: w * family.deviance(y, m)) / 2
    likely, unlikely = log_likelihood(design, found.theta), log_likelihood(alone, null)
    intercept, b = design.coefficients(found.theta)
    of_intercept, covariance = design.covariance(scoring.solved(found.value.information, jnp.diag(design.free)))
    errors = jnp.sqrt(jnp.maximum(dispersion * jnp.diag(covariance), 0))
    drifting = found.drifting | (found.separated & (name == "binomial"))
    endless = drifting & (spec.l2 == 0) & (mass > 0)
    return Params(intercept[None], b[None]), Info(
        standard_error=jnp.where(design.dead, jnp.nan, errors)[None],
        intercept_standard_error=jnp.where(
            shape.intercept, jnp.sqrt(jnp.maximum(dispersion * of_intercept, 0)), jnp.nan
        )[None],
        residual_degrees_of_freedom=free if name in ESTIMATED else jnp.full_like(free, jnp.inf),
        degrees_of_freedom=free,
        rank=rank,
        deviance=2 * found.value.loss,
        null_deviance=2 * null_loss,
        deviance_explained=jnp.where(null_loss > 0, 1 - found.value.loss / jnp.where(null_loss > 0, null_loss, 1), 0),
        pearson_chi2=pearson,
        dispersion=dispersion,
        log_likelihood=likely,
        null_log_likelihood=unlikely,
        likelihood_ratio=2 * (likely - unlikely) if name not in ESTIMATED else jnp.full_like(mass, jnp.nan),
        likelihood_ratio_degrees=rank - shape.intercept,
        aic=2 * (rank + estimates - likely),
        bic=jnp.log(jnp.maximum(mass, 1)) * (rank + estimates) - 2 * likely,
        mcfadden_r2=1 - likely / unlikely if name not in ESTIMATED else jnp.full_like(mass, jnp.nan),
        alpha=alpha if name == "negative_binomial" else jnp.full_like(alpha, jnp.nan),
        alpha_standard_error=alpha_error,
        mass=mass,
        iterations=found.iterations,
        converged=found.converged,
        separated=endless & (name == "binomial"),
        unbounded=endless & (name != "binomial"),
        improper=total(jnp.sum(jnp.where(proper, 0, examples.weight))),
        null_space=jnp.where(spec.l2 > 0, 0, design.null),
        center=design.mean,
        dead=design.dead,
    )


def _start(spec: Spec, seen: _Observed, row: scoring.RowOf, intercept: bool) -> Float[Array, " e"]:
    """No slopes and the mean as intercept; without one, least squares as if targets near their mean were means."""
    design = seen.design
    average = weighted_mean(design.y, design.weight)
    if family_name(spec) == "binomial":
        average = jnp.clip(average, 1e-4, 1 - 1e-4)
    elif family_name(spec) != "gaussian":
        average = jnp.maximum(average, 1e-4)
    if not intercept:
        eta = seen.of.eta((design.y + average) / 2)
        return scoring.start_of_rows(design, jnp.where(jnp.isfinite(eta), eta, 1), row)
    eta = seen.of.eta(average)
    level = jnp.where(jnp.isfinite(eta), eta, 0) - weighted_mean(design.offset, design.weight)
    return jnp.zeros_like(design.free).at[-1].set(level)


def _null(
    spec: Spec, examples: Examples, design: scoring.Design, start: Array, row: scoring.RowOf, intercept: bool
) -> tuple[scoring.Design, Float[Array, " e"]]:
    """What the best intercept alone reaches: the mean, or with offsets a fit; without an intercept nothing."""
    alone = design._replace(free=jnp.zeros_like(design.free).at[-1].set(intercept))
    if not intercept:
        return alone, jnp.zeros_like(start)
    if examples.offset is None:
        return alone, start
    return alone, scoring.scored(alone, start, row, spec.max_iter, spec.tol).theta


class _Alpha(NamedTuple):
    """A turn of the search for alpha: the curvature of the likelihood by log alpha, and how far that moved."""

    log: Array
    curve: Array
    moved: Array
    found: scoring.Found
    turns: Array


def _with_alpha(
    spec: Spec, seen: _Observed, start: Array, row_of: Callable[[Array], scoring.RowOf]
) -> tuple[Array, Array, scoring.Found]:
    """Alpha by maximum likelihood: scoring for the coefficients and Newton's steps for log alpha, in turn."""
    low, high = (jnp.log(jnp.asarray(end, start.dtype)) for end in ALPHA)
    zero = jnp.zeros((), start.dtype)

    def derivatives(log_alpha: Array, theta: Array) -> tuple[Array, Array]:
        def of_row(y: Array, m: Array, w: Array) -> tuple[Array, Array]:
            one = jnp.ones_like(y)
            density = lambda a: w * families.negative_binomial_log_density(y, m, jnp.exp(a))  # noqa: E731
            first = lambda a: jax.jvp(density, (a,), (one,))[1]  # noqa: E731
            return jax.jvp(first, (log_alpha * one,), (one,))

        slope, curve = seen.add_up(theta, of_row)
        return slope, curve

    def best(log_alpha: Array, theta: Array) -> tuple[Array, Array]:
        def step(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            at, _, _, count = state
            slope, curve = derivatives(at, theta)
            # Where the likelihood is not concave, a step uphill.
            move = jnp.where(curve < 0, -slope / jnp.where(curve < 0, curve, -1), jnp.sign(slope))
            new = jnp.clip(at + jnp.clip(move, -2, 2), low, high)
            return new, curve, jnp.abs(new - at), count + 1

        going = lambda state: (state[2] > 1e-12) & (state[3] < 50)  # noqa: E731
        new, curve, _, _ = jax.lax.while_loop(going, step, (log_alpha, zero, zero + 1, jnp.asarray(0)))
        return new, curve

    def turn(at: _Alpha) -> _Alpha:
        found = scoring.scored(seen.design, at.found.theta, row_of(jnp.exp(at.log)), spec.max_iter, spec.tol)
        found = found._replace(iterations=at.found.iterations + found.iterations)
        new, curve = best(at.log, found.theta)
        return _Alpha(new, curve, jnp.abs(new - at.log), found, at.turns + 1)

    nothing = scoring.nowhere(seen.design, start)
    begin = _Alpha(zero, zero, zero + 1, nothing, jnp.asarray(0))
    end = jax.lax.while_loop(lambda at: (at.moved > 1e-10) & (at.turns < 50), turn, begin)
    alpha = jnp.exp(end.log)
    error = jnp.where(end.curve < 0, alpha / jnp.sqrt(jnp.where(end.curve < 0, -end.curve, 1)), jnp.nan)
    return alpha, error, end.found._replace(converged=end.found.converged & (end.moved <= 1e-8))


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """The mean at offset 0; for `binomial` the probability of both classes."""
    return predict_at(spec, params, inputs, jnp.zeros(inputs.shape[0], inputs.dtype))


def predict_at(spec: Spec, params: Params, inputs: Float[Array, "n d"], offset: Float[Array, " n"]) -> Prediction:
    """The same at an offset of each row."""
    name, of = link_of(spec)
    eta = params.intercept[0] + jnp.dot(inputs, params.coefficients[0], precision="highest") + offset
    mean = of.mean(eta)
    if family_name(spec) != "binomial":
        return Prediction(mean=mean)
    yes, no = families.log_shares(name, eta, jnp.clip(mean, 0, 1))
    return Prediction(probability=jnp.stack([jnp.exp(no), jnp.exp(yes)], axis=1))


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """Targets that the family does not have; collinear columns; no finite maximum; counts that vary too much."""
    name = family_name(spec)
    if info.improper > 0:
        yield Problem("family", f"expected {WANTED[name]} as target for {name}, found others in {info.improper:g} rows")
    names = [column.name for column in shape.columns]
    basis = np.asarray(info.null_space)
    for found in dependencies_of_null_space(basis[:, np.abs(basis).any(axis=0)], np.asarray(info.center)):
        yield f"{found.words(names)}: the data cannot tell their effects apart, so they share a coefficient"
    for place in np.flatnonzero(info.dead):
        yield f"`{names[place]}` does not vary among the training rows; its coefficient is 0"
    if info.unbounded:
        yield (
            "the likelihood has no maximum: for some combination of the inputs all targets are 0, so a coefficient "
            "grows without bound; a penalty (`l2`) makes it finite"
        )
    if info.degrees_of_freedom <= 0:
        yield "there are as many coefficients as rows: nothing is left to estimate errors from"
        return
    spread = float(info.pearson_chi2 / info.degrees_of_freedom)
    if name == "poisson" and spread > OVERDISPERSED:
        yield (
            f"the counts vary {spread:.3g} times as much as Poisson's would, so the standard errors are too small; "
            "`negative_binomial` allows for that"
        )
    if name == "negative_binomial" and spec.family.alpha is None and info.alpha <= 2 * ALPHA[0]:
        yield "the counts do not vary more than Poisson's, so alpha has no maximum above 0; `poisson` is the same model"


@hookimpl
def mldsl_components() -> list[Component]:
    """Generalized linear models."""
    return [
        Model(
            "generalized_linear", Spec, fit=fit, predict=predict, predict_at=predict_at, check=check, remarks=remarks,
            tasks=("classify", "regress"), roles=("weight", "offset"), precision="float64", shards=True, costs=True,
            examples={"classify": Spec("binomial", l2=1.0), "regress": Spec("gaussian", "log")},
            snippet="model { generalized_linear(family = poisson) }",
            sources=("Nelder & Wedderburn 1972, doi:10.2307/2344614",
                     "McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6",
                     "Lawless 1987, doi:10.2307/3314912"),
            also_known_as=("GLM", "glm", "PoissonRegressor", "GammaRegressor", "TweedieRegressor", "NegativeBinomial",
                           "poisson_regression", "poisson", "probit", "glm.nb"),
        )
    ]  # fmt: skip
