"""Distributions and links of generalized linear models, as functions of JAX arrays, a row each.

A family says how the variance of the target depends on its mean, a link g on which scale the mean is linear:
g(mean) = eta. Means outside of a family's range have no deviance: it is infinite there, so that a solver turns back.
Names, canonical links and log-likelihoods are those of McCullagh & Nelder 1989, doi:10.1007/978-1-4899-3242-6, and of
statsmodels; Tweedie's: Dunn & Smyth 2005, doi:10.1007/s11222-005-4070-y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, log_ndtr
from jaxtyping import Array, Float

FARTHEST = 300.0  # of the logarithm of a mean: exp of it and its inverse are numbers
NEAREST = 1e-15  # of a probability to 0 and 1 where a variance divides


# ---- links -----------------------------------------------------------------------------------------------------------
class Link(NamedTuple):
    """The mean and its derivative at eta, and eta at a mean."""

    mean: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    eta: Callable[[Array], Array]


def _exp(eta: Array) -> Array:
    return jnp.exp(jnp.clip(eta, -FARTHEST, FARTHEST))


def _power(exponent: Array | float) -> Link:
    """g(m) = m^exponent, for eta above 0."""

    def mean(eta: Array) -> Array:
        return jnp.where(eta > 0, jnp.where(eta > 0, eta, 1) ** (1 / exponent), jnp.nan)

    def slope(eta: Array) -> Array:
        return jnp.where(eta > 0, jnp.where(eta > 0, eta, 1) ** (1 / exponent - 1) / exponent, jnp.nan)

    return Link(mean, slope, lambda m: m**exponent)


def _normal(eta: Array) -> Array:
    return jnp.exp(-0.5 * eta**2) / jnp.sqrt(2 * jnp.pi)


def _cloglog_slope(eta: Array) -> Array:
    inner = jnp.clip(eta, -FARTHEST, 30)
    return jnp.exp(inner - jnp.exp(inner))


LINKS: dict[str, Link] = {
    "identity": Link(lambda eta: eta, jnp.ones_like, lambda m: m),
    "log": Link(_exp, _exp, jnp.log),
    "logit": Link(jax.nn.sigmoid, lambda eta: jax.nn.sigmoid(eta) * jax.nn.sigmoid(-eta),
                  lambda m: jnp.log(m) - jnp.log1p(-m)),
    "probit": Link(jax.scipy.special.ndtr, _normal, jax.scipy.special.ndtri),
    "cloglog": Link(lambda eta: -jnp.expm1(-_exp(eta)), _cloglog_slope, lambda m: jnp.log(-jnp.log1p(-m))),
    "inverse": _power(-1.0),
    "inverse_squared": _power(-2.0),
    "sqrt": _power(0.5),
}  # fmt: skip


def link(name: str, exponent: Array | float | None = None) -> Link:
    """A link by name; `power` has an exponent."""
    return LINKS[name] if exponent is None else _power(exponent)


def log_shares(name: str, eta: Array, mean: Array) -> tuple[Array, Array]:
    """log p and log (1 - p) of a probability, without cancellation for the links made for probabilities."""
    if name == "logit":
        return -jax.nn.softplus(-eta), -jax.nn.softplus(eta)
    if name == "probit":
        return log_ndtr(eta), log_ndtr(-eta)
    if name == "cloglog":
        return jnp.log(jnp.maximum(mean, jnp.finfo(mean.dtype).tiny)), -_exp(eta)
    inside = (mean > 0) & (mean < 1)
    safe = jnp.where(inside, mean, 0.5)
    return jnp.where(inside, jnp.log(safe), -jnp.inf), jnp.where(inside, jnp.log1p(-safe), -jnp.inf)


# ---- families --------------------------------------------------------------------------------------------------------
class Family(NamedTuple):
    """Of a distribution: variance over the dispersion, deviance of a row, log density.

    `log_density(y, mean, scale, weight)`: of a row whose dispersion is scale / weight; None where there is no closed
    form. `fits` says which targets it can have.
    """

    variance: Callable[[Array], Array]
    deviance: Callable[[Array, Array], Array]
    log_density: Callable[[Array, Array, Array, Array], Array] | None
    fits: Callable[[Array], Array]


def _ratio(y: Array, mean: Array) -> Array:
    """y log(y / mean), 0 where y is."""
    some = y > 0
    return jnp.where(some, y * (jnp.log(jnp.where(some, y, 1)) - jnp.log(mean)), 0)


def _above(mean: Array, value: Array) -> Array:
    return jnp.where(mean > 0, value, jnp.inf)


def _positive(mean: Array) -> Array:
    return jnp.where(mean > 0, mean, 1)


def gaussian() -> Family:
    """Constant variance."""

    def density(y: Array, m: Array, scale: Array, w: Array) -> Array:
        return -0.5 * (w * (y - m) ** 2 / scale + jnp.log(scale / w) + jnp.log(2 * jnp.pi))

    return Family(jnp.ones_like, lambda y, m: (y - m) ** 2, density, lambda y: jnp.isfinite(y))


def poisson() -> Family:
    """Variance = mean."""

    def density(y: Array, m: Array, scale: Array, w: Array) -> Array:
        return w * (y * jnp.log(m) - m - gammaln(y + 1))

    return Family(lambda m: m, lambda y, m: _above(m, 2 * (_ratio(y, _positive(m)) - y + m)), density, lambda y: y >= 0)


def negative_binomial(alpha: Array | float) -> Family:
    """Variance = mean + alpha mean^2."""

    def deviance(y: Array, m: Array) -> Array:
        safe = _positive(m)
        return _above(m, 2 * (_ratio(y, safe) - (y + 1 / alpha) * (jnp.log1p(alpha * y) - jnp.log1p(alpha * safe))))

    def density(y: Array, m: Array, scale: Array, w: Array) -> Array:
        return w * negative_binomial_log_density(y, m, alpha)

    return Family(lambda m: m + alpha * m**2, deviance, density, lambda y: y >= 0)


def negative_binomial_log_density(y: Array, mean: Array, alpha: Array | float) -> Array:
    """Of a row."""
    size = 1 / alpha
    counting = gammaln(y + size) - gammaln(size) - gammaln(y + 1)
    return counting + y * jnp.log(alpha * mean) - (y + size) * jnp.log1p(alpha * mean)


def binomial() -> Family:
    """Of targets 0 and 1: variance = mean (1 - mean)."""

    def density(y: Array, m: Array, scale: Array, w: Array) -> Array:
        p = jnp.clip(m, NEAREST, 1 - NEAREST)
        return w * jnp.where(y > 0.5, jnp.log(p), jnp.log1p(-p))

    one = jnp.ones(())
    return Family(
        lambda m: jnp.clip(m, NEAREST, 1 - NEAREST) * jnp.clip(1 - m, NEAREST, 1 - NEAREST),
        lambda y, m: -2 * density(y, m, one, one), density, lambda y: (y == 0) | (y == 1),
    )  # fmt: skip


def gamma() -> Family:
    """Variance = mean squared."""

    def density(y: Array, m: Array, scale: Array, w: Array) -> Array:
        k = w / scale
        return k * jnp.log(k * y / m) - k * y / m - gammaln(k) - jnp.log(y)

    def deviance(y: Array, m: Array) -> Array:
        safe = _positive(m)
        return _above(m, 2 * (jnp.log(safe) - jnp.log(y) + (y - safe) / safe))

    return Family(lambda m: m**2, deviance, density, lambda y: y > 0)


def tweedie(power: Array | float) -> Family:
    """Variance = mean^power, from 1 (Poisson) over 2 (gamma) to 3 (inverse Gaussian)."""

    def deviance(y: Array, m: Array) -> Array:
        safe = _positive(m)
        one, two = jnp.abs(power - 1) < 1e-8, jnp.abs(power - 2) < 1e-8
        p = jnp.where(one | two, 1.5, power)
        some = y > 0
        start = jnp.where(some, jnp.where(some, y, 1) ** (2 - p), 0) / ((1 - p) * (2 - p))
        other = 2 * (start - y * safe ** (1 - p) / (1 - p) + safe ** (2 - p) / (2 - p))
        near = jnp.where(one, poisson().deviance(y, safe), gamma().deviance(jnp.where(some, y, 1), safe))
        return _above(m, jnp.where(one | two, near, other))

    return Family(lambda m: m**power, deviance, None, lambda y: jnp.where(power < 2, y >= 0, y > 0))


# ---- a row of a model ------------------------------------------------------------------------------------------------
class Row(NamedTuple):
    """Of each row: half its deviance, the derivative of minus that by eta, and the expected second derivative."""

    loss: Float[Array, " n"]
    score: Float[Array, " n"]
    information: Float[Array, " n"]


def numeric_row(family: Family, of: Link) -> Callable[[Array, Array], Row]:
    """For targets that are numbers."""

    def row(y: Array, eta: Array) -> Row:
        mean, slope = of.mean(eta), of.slope(eta)
        loss = family.deviance(y, mean) / 2
        variance = family.variance(jnp.where(jnp.isfinite(loss), mean, 1))
        sound = jnp.isfinite(loss)
        score = jnp.where(sound, (y - mean) / variance * slope, 0)
        return Row(jnp.where(sound, loss, jnp.inf), score, jnp.where(sound, slope / variance * slope, 0))

    return row


def binomial_row(name: str, of: Link) -> Callable[[Array, Array], Row]:
    """For targets 0 and 1."""

    def row(y: Array, eta: Array) -> Row:
        mean, slope = of.mean(eta), of.slope(eta)
        yes, no = log_shares(name, eta, mean)
        loss = -jnp.where(y > 0.5, yes, no)
        if name == "logit":
            return Row(loss, y - mean, slope)
        sound = jnp.isfinite(loss)
        p = jnp.clip(jnp.where(sound, mean, 0.5), NEAREST, 1 - NEAREST)
        variance = p * (1 - p)
        score = jnp.where(sound, (y - p) / variance * slope, 0)
        return Row(jnp.where(sound, loss, jnp.inf), score, jnp.where(sound, slope**2 / variance, 0))

    return row
