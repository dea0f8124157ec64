"""Gaussian naive Bayes: within a class every column is normal, and columns are independent.

log p(c | x) = log p(c) + sum_j log N(x_j; m_cj, v_cj) - log p(x), with p(c) the weighted share of class c and m_cj
and v_cj the weighted mean and variance of column j among its rows. To every variance `smoothing` times the largest
variance of a column is added, so that none is 0.

It also learns in batches: `mldsl update` puts the moments of further rows to those that a model was made of, and makes
the model that all of them would have made.

Shapes:  n rows, d columns, k classes. O(n d k) time, O(k d) memory beside the inputs.
Units:   means are in the units of the columns, variances in their squares; log-likelihoods in nats.
Errors:  priors that are not one number per class adding up to 1. A class without rows gets probability 0.
Sources: Maron 1961, doi:10.1145/321075.321084; two-pass variances: Chan, Golub & LeVeque 1983,
         doi:10.1080/00031305.1983.10483115.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Prediction, Shape, segment_reduce, sum_blocks, tiny, weighted_mean
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl_plugins.bayes import _bayes as bayes


@attrs.frozen
class Spec:
    """Hyperparameters of Gaussian naive Bayes."""

    smoothing: float = param(
        1e-9, ge=0, traced=True, search="log(1e-12..1e-2)", simpler="larger", also_known_as=("var_smoothing",),
        doc="Share of the largest variance of a column that is added to all variances.",
    )  # fmt: skip
    priors: bayes.Priors = bayes.priors_param


class Params(NamedTuple):
    """Class k is normal with these means and variances [k, d]; inactive columns have infinite variance."""

    log_prior: Float[Array, " k"]
    mean: Float[Array, "k d"]
    variance: Float[Array, "k d"]


class Moments(NamedTuple):
    """What is learned from: the weight of each class, a center, class means from it, and class variances."""

    mass: Float[Array, " k"]
    center: Float[Array, " d"]
    mean: Float[Array, "k d"]
    variance: Float[Array, "k d"]


class Info(NamedTuple):
    """What was learned from, and how well it is explained (weighted sums over the training rows, in nats).

    `log_likelihood` of x given its class, `log_posterior` of the class given x, `log_evidence` of x; None after
    learning from a further batch.
    """

    counts: Moments
    prior: Float[Array, " k"]
    log_likelihood: Float[Array, ""] | None
    log_posterior: Float[Array, ""] | None
    log_evidence: Float[Array, ""] | None


def count(spec: Spec, shape: Shape, examples: Examples) -> Moments:
    """Weights, means and variances of the classes among these rows."""
    x, weight, target, active = bayes.parts(examples)
    k = shape.classes
    mass = segment_reduce(weight, target, k)
    safe = jnp.maximum(mass, tiny(mass))[:, None]
    center = weighted_mean(x, weight)

    def about(mean: Array | None) -> tuple[Array, Array]:
        """Class means from the center and variances, by way of deviations from these means or from the center."""

        def block(w: Array, v: Array, t: Array) -> tuple[Array, Array]:
            own = bayes.of_class(w, t, k)
            off = v - center[None] - (0 if mean is None else _one_hot(t, k, v.dtype) @ mean)
            return _product(own, off), _product(own, off * off)

        first, second = (sums / safe for sums in sum_blocks(block, weight, x, target))
        return first + (0 if mean is None else mean), jnp.maximum(second - first * first, 0)

    mean, variance = about(None)
    # Where a class lies more than ten of its standard deviations off the center, the difference of squares cancels.
    far = jnp.any(active[None] & (mean * mean > 100 * variance))
    mean, variance = jax.lax.cond(far, lambda: about(mean), lambda: (mean, variance))
    there = active[None]
    return Moments(mass, jnp.where(active, center, 0), jnp.where(there, mean, 0), jnp.where(there, variance, 0))


def add(one: Moments, other: Moments) -> Moments:
    """The moments of both parts of the rows."""
    mass = one.mass + other.mass
    share = (other.mass / jnp.maximum(mass, tiny(mass)))[:, None]
    center = one.center + other.mass.sum() / jnp.maximum(mass.sum(), tiny(mass)) * (other.center - one.center)
    mean = one.mean + (one.center - center)[None]
    apart = other.mean + (other.center - center)[None] - mean
    spread = one.variance + share * (other.variance - one.variance) + share * (1 - share) * apart**2
    return Moments(mass, center, mean + share * apart, spread)


def learn(spec: Spec, shape: Shape, found: Moments, active: Bool[Array, " d"]) -> tuple[Params, Info]:
    """The model that these moments make."""
    mass, mean = found.mass, found.mean
    share = (mass / jnp.maximum(mass.sum(), tiny(mass)))[:, None]
    overall = jnp.sum(share * (found.variance + (mean - jnp.sum(share * mean, axis=0)[None]) ** 2), axis=0)
    largest = jnp.max(jnp.where(active, overall, 0))
    scale = jnp.where(largest > 0, largest, 1)
    variance = jnp.maximum(found.variance + spec.smoothing * scale, 1e-30)
    params = Params(
        bayes.log_prior(spec.priors, mass),
        jnp.where(active[None], found.center[None] + mean, 0),
        jnp.where(active[None], variance, jnp.inf),
    )
    return params, Info(found, jnp.exp(params.log_prior), None, None, None)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn class shares, means and variances."""
    x, weight, target, active = bayes.parts(examples)
    params, info = learn(spec, shape, count(spec, shape, examples), active)

    def block(w: Array, v: Array, t: Array) -> tuple[Array, Array]:
        joint = joint_log_likelihood(params, v)
        own = jnp.take_along_axis(joint, t[:, None], axis=1)[:, 0]
        # A row whose class has prior 0 has no likelihood with it.
        return jnp.dot(w, jnp.where((w > 0) & (own > -jnp.inf), own, 0)), bayes.log_evidence(joint, w)

    own, evidence = sum_blocks(block, weight, x, target)
    prior = params.log_prior
    given_class = own - jnp.sum(jnp.where(prior > -jnp.inf, info.counts.mass * jnp.maximum(prior, -1e30), 0))
    return params, info._replace(log_likelihood=given_class, log_posterior=own - evidence, log_evidence=evidence)


def _one_hot(target: Array, k: int, dtype: jnp.dtype) -> Array:
    return (target[:, None] == jnp.arange(k)[None]).astype(dtype)


def _product(own: Array, values: Array) -> Array:
    return jnp.matmul(own.T, values, precision="highest")


def joint_log_likelihood(params: Params, x: Float[Array, "n d"]) -> Float[Array, "n k"]:
    """log p(c) + log p(x | c) for every class c, in nats; -inf for classes that are impossible.

    The likelihood of a possible one is half the least finite number at least.
    """

    def of(mean: Array, variance: Array) -> Array:
        normalizer = jnp.sum(jnp.where(jnp.isfinite(variance), jnp.log(2 * jnp.pi * variance), 0))
        return -0.5 * (normalizer + jnp.sum((x - mean[None]) ** 2 / variance[None], axis=1))

    likelihood = jax.lax.map(lambda p: of(*p), (params.mean, params.variance)).T
    return params.log_prior[None] + jnp.maximum(likelihood, jnp.finfo(likelihood.dtype).min / 2)


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""
    score = bayes.log_posterior(joint_log_likelihood(params, inputs))
    return Prediction(probability=jnp.exp(score), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """Gaussian naive Bayes."""
    return [
        Model(
            "gaussian_naive_bayes", Spec, fit=fit, predict=predict, count=count, add=add, learn=learn,
            check=bayes.check, bind=bayes.bind, tasks=("classify",), shards=True, costs=True,
            snippet="model { gaussian_naive_bayes }",
            sources=("Maron 1961, doi:10.1145/321075.321084",
                     "Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115"),
            also_known_as=("GaussianNB", "naive_bayes", "gnb"),
        )
    ]  # fmt: skip
