"""Gaussian naive Bayes: within a class every column is normal, and columns are independent.

log p(c | x) = log p(c) + sum_j log N(x_j; m_cj, v_cj) - log p(x), with p(c) the weighted share of class c and m_cj
and v_cj the weighted mean and variance of column j among its rows. To every variance `smoothing` times the largest
variance of a column is added, so that none is 0.

Shapes:  n rows, d columns, k classes. O(n d k) time, O(k d) memory beside the inputs.
Units:   means are in the units of the columns, variances in their squares; log-likelihoods in nats.
Errors:  priors that are not one number per class adding up to 1. A class without rows gets probability 0.
Sources: Maron 1961, doi:10.1145/321075.321084; two-pass variances: Chan, Golub & LeVeque 1983,
         doi:10.1080/00031305.1983.10483115.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, segment_reduce, sum_blocks, tiny, weighted_mean
from mldsl.plugin import Component, Model, Problem, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of Gaussian naive Bayes."""

    smoothing: float = param(
        1e-9, ge=0, traced=True, search="log(1e-12..1e-2)", simpler="larger", also_known_as=("var_smoothing",),
        doc="Share of the largest variance of a column that is added to all variances.",
    )  # fmt: skip
    priors: tuple[float, ...] | None = param(
        None, ge=0, le=1, doc="Probabilities of the classes, in the order of the levels; by default their shares."
    )


class Params(NamedTuple):
    """Class k is normal with these means and variances [k, d]; inactive columns have infinite variance."""

    log_prior: Float[Array, " k"]
    mean: Float[Array, "k d"]
    variance: Float[Array, "k d"]


class Info(NamedTuple):
    """What was learned, and how well it explains the training rows (weighted sums over rows, in nats).

    `log_likelihood` of x given its class, `log_posterior` of the class given x, `log_evidence` of x.
    """

    class_mass: Float[Array, " k"]
    prior: Float[Array, " k"]
    mean: Float[Array, "k d"]
    variance: Float[Array, "k d"]
    log_likelihood: Float[Array, ""]
    log_posterior: Float[Array, ""]
    log_evidence: Float[Array, ""]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Priors must be a distribution over the classes."""
    if spec.priors is not None and len(spec.priors) != shape.classes:
        yield Problem("priors", f"expected {shape.classes} numbers (one for each class), found {len(spec.priors)}")
    elif spec.priors is not None and abs(sum(spec.priors) - 1) > 1e-6:
        yield Problem("priors", f"expected numbers that add up to 1, found a sum of {sum(spec.priors):g}")


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn class shares, means and variances."""
    x, weight, target, k = examples.inputs, examples.weight, examples.target, shape.classes
    active = jnp.ones(x.shape[1], bool) if examples.active is None else examples.active
    mass = segment_reduce(weight, target, k)
    safe = jnp.maximum(mass, tiny(mass))[:, None]
    center = weighted_mean(x, weight)

    def about(mean: Array | None) -> tuple[Array, Array]:
        """Class means from the center and variances, by way of deviations from these means or from the center."""

        def block(w: Array, v: Array, t: Array) -> tuple[Array, Array]:
            off = v - center[None] - (0 if mean is None else _one_hot(t, k, v.dtype) @ mean)
            return _by_class(off, t, w, k), _by_class(off * off, t, w, k)

        first, second = (sums / safe for sums in sum_blocks(block, weight, x, target))
        return first + (0 if mean is None else mean), jnp.maximum(second - first * first, 0)

    mean, variance = about(None)
    # Where a class lies more than ten of its standard deviations off the center, the difference of squares cancels.
    far = jnp.any(active[None] & (mean * mean > 100 * variance))
    mean, variance = jax.lax.cond(far, lambda: about(mean), lambda: (mean, variance))
    share = (mass / jnp.maximum(mass.sum(), tiny(mass)))[:, None]
    overall = jnp.sum(share * (variance + (mean - jnp.sum(share * mean, axis=0)[None]) ** 2), axis=0)
    largest = jnp.max(jnp.where(active, overall, 0))
    scale = jnp.where(largest > 0, largest, 1)
    variance = jnp.maximum(variance + spec.smoothing * scale, 1e-30)
    params = Params(
        _log_prior(spec, mass),
        jnp.where(active[None], center[None] + mean, 0),
        jnp.where(active[None], variance, jnp.inf),
    )

    def explained(w: Array, v: Array, t: Array) -> tuple[Array, Array]:
        joint = joint_log_likelihood(params, v)
        evidence = jax.nn.logsumexp(joint, axis=1)
        own = jnp.take_along_axis(joint, t[:, None], axis=1)[:, 0]
        return jnp.dot(w, own), jnp.dot(w, evidence)

    own, evidence = sum_blocks(explained, weight, x, target)
    prior = jnp.exp(params.log_prior)
    given_class = own - jnp.sum(jnp.where(mass > 0, mass * params.log_prior, 0))
    return params, Info(mass, prior, params.mean, params.variance, given_class, own - evidence, evidence)


def _one_hot(target: Array, k: int, dtype: jnp.dtype) -> Array:
    return (target[:, None] == jnp.arange(k)[None]).astype(dtype)


def _by_class(values: Array, target: Array, weight: Array, k: int) -> Array:
    return jnp.matmul((_one_hot(target, k, values.dtype) * weight[:, None]).T, values, precision="highest")


def _log_prior(spec: Spec, mass: Array) -> Array:
    if spec.priors is not None:
        share = jnp.asarray(spec.priors, mass.dtype)
    else:
        share = mass / jnp.maximum(mass.sum(), tiny(mass))
    return jnp.where(share > 0, jnp.log(jnp.maximum(share, tiny(share))), -jnp.inf)


def joint_log_likelihood(params: Params, x: Float[Array, "n d"]) -> Float[Array, "n k"]:
    """log p(c) + log p(x | c) for every class c, in nats; at least half the least finite number."""

    def of(log_prior: Array, mean: Array, variance: Array) -> Array:
        normalizer = jnp.sum(jnp.where(jnp.isfinite(variance), jnp.log(2 * jnp.pi * variance), 0))
        return log_prior - 0.5 * (normalizer + jnp.sum((x - mean[None]) ** 2 / variance[None], axis=1))

    joint = jax.lax.map(lambda p: of(*p), tuple(params)).T
    return jnp.maximum(joint, jnp.finfo(joint.dtype).min / 2)


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""
    score = jax.nn.log_softmax(joint_log_likelihood(params, inputs), axis=1)
    return Prediction(probability=jnp.exp(score), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """Gaussian naive Bayes."""
    return [
        Model(
            "gaussian_naive_bayes", Spec, fit=fit, predict=predict, check=check, tasks=("classify",), shards=True,
            accepts=("continuous", "integer", "binary", "ordinal"), snippet="model { gaussian_naive_bayes }",
            sources=("Maron 1961, doi:10.1145/321075.321084",
                     "Chan, Golub & LeVeque 1983, doi:10.1080/00031305.1983.10483115"),
            also_known_as=("GaussianNB", "naive_bayes", "gnb"),
        )
    ]  # fmt: skip
