"""Bernoulli naive Bayes: within a class, each column is present or absent by the toss of its own coin.

log p(c | x) = log p(c) + sum_j [b_j log t_cj + (1 - b_j) log(1 - t_cj)] - log p(x), where b_j is 1 if x_j is above the
threshold `binarize` and else 0, p(c) is the weighted share of class c, and t_cj = (N_cj + s) / (N_c + 2 s) with N_c the
weight of class c, N_cj that of its rows in which column j is present, and s the `smoothing`. Unlike multinomial naive
Bayes it counts a word once a row, and learns from the words that a row lacks.

The entries that a sparse matrix leaves out are zeros. What they say is the same for all rows, so it is summed once, and
a row costs as much as it has entries. All that is learned are sums over rows, so it also learns in batches:
`mldsl update` adds the counts of further rows to those that a model was made of, and makes the model that all of them
would have made.

A class without rows gets probability 0. With `smoothing = 0` what a class has never had counts as 1e-10 times, since
otherwise it would rule the class out.

Shapes:  n rows, d columns, k classes. O(n d k) time for dense rows; O(entries) to learn and O(entries k) to answer for
         sparse ones; O(k d) memory beside the inputs.
Units:   `binarize` is in the unit of the columns, which all share; log-likelihoods are in nats.
Errors:  priors that are not one number per class adding up to 1.
Sources: McCallum & Nigam 1998, AAAI workshop on learning for text categorization; Manning, Raghavan & Schütze 2008,
         doi:10.1017/CBO9780511809071, chapter 13.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Inputs, Prediction, Shape, Sparse, segment_reduce
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl_plugins.bayes import _bayes as bayes


@attrs.frozen
class Spec:
    """Hyperparameters of Bernoulli naive Bayes."""

    smoothing: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..10)", simpler="larger", also_known_as=("alpha", "laplace", "fL"),
        doc="How often each column is added as present, and as often as absent, to each class.",
    )  # fmt: skip
    binarize: float = param(
        0.0,
        traced=True,
        also_known_as=("threshold", "cutoff"),
        doc="A column is present where it is above this number.",
    )
    priors: bayes.Priors = bayes.priors_param


class Params(NamedTuple):
    """log p(c), and log t_cj and log(1 - t_cj); 0 in inactive columns."""

    log_prior: Float[Array, " k"]
    log_present: Float[Array, "k d"]
    log_absent: Float[Array, "k d"]


class Counts(NamedTuple):
    """What is learned from: weight by class, and of its rows in which a column is present; additive over rows."""

    mass: Float[Array, " k"]
    count: Float[Array, "k d"]


class Info(NamedTuple):
    """What was counted, and how well it explains the training rows (weighted sums over rows, in nats).

    `log_likelihood` of x given its class, `log_posterior` of the class given x, `log_evidence` of x; the latter two are
    None for sparse rows, where they would take longer than learning does, and after learning from a further batch.
    """

    counts: Counts
    prior: Float[Array, " k"]
    log_likelihood: Float[Array, ""]
    log_posterior: Float[Array, ""] | None
    log_evidence: Float[Array, ""] | None


def change(spec: Spec, value: Array) -> Array:
    """Presence less that of a 0: 0 for what a sparse matrix leaves out, whatever the threshold."""
    return (value > spec.binarize).astype(value.dtype) - of_zero(spec, value)


def of_zero(spec: Spec, like: Array) -> Float[Array, ""]:
    """Whether a 0 counts as present."""
    return jnp.asarray(spec.binarize < 0, like.dtype)


def count(spec: Spec, shape: Shape, examples: Examples) -> Counts:
    """What the rows add to what is known."""
    inputs, weight, target, active = bayes.parts(examples)
    mass = segment_reduce(weight, target, shape.classes)
    sums = bayes.class_sums(inputs, weight, target, shape.classes, of=lambda x: change(spec, x))
    return Counts(mass, jnp.where(active[None], sums + of_zero(spec, weight) * mass[:, None], 0))


def add(one: Counts, other: Counts) -> Counts:
    """The counts of both parts of the rows."""
    return Counts(one.mass + other.mass, one.count + other.count)


def learn(spec: Spec, shape: Shape, counts: Counts, active: Bool[Array, " d"]) -> tuple[Params, Info]:
    """The model that these counts make."""
    mass = counts.mass[:, None]
    present = bayes.smoothed(counts.count, mass, spec.smoothing, 2)
    absent = bayes.smoothed(mass - counts.count, mass, spec.smoothing, 2)

    def log(share: Array, other: Array) -> Array:
        # Most words are absent from most rows: what the many shares close to 1 say must not drown in their rounding.
        return jnp.where(active[None], jnp.where(share < 0.5, jnp.log(share), jnp.log1p(-other)), 0)

    params = Params(bayes.log_prior(spec.priors, counts.mass), log(present, absent), log(absent, present))
    own = counts.count * params.log_present + (mass - counts.count) * params.log_absent
    return params, Info(counts, jnp.exp(params.log_prior), jnp.sum(own), None, None)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count, and make the model of the counts."""
    inputs, weight, _, active = bayes.parts(examples)
    params, info = learn(spec, shape, count(spec, shape, examples), active)
    evidence = bayes.evidence_of(inputs, weight, lambda x: joint_log_likelihood(spec, params, x), shape.classes)
    return params, bayes.explained(info, params.log_prior, evidence)


def joint_log_likelihood(spec: Spec, params: Params, inputs: Inputs) -> Float[Array, "n k"]:
    """log p(c) + log p(x | c) for every class c, in nats; -inf for classes that are impossible."""
    odds = params.log_present - params.log_absent
    if isinstance(inputs, Sparse):
        inputs = inputs._replace(value=change(spec, inputs.value))
    else:
        inputs = change(spec, inputs)
    row_of_zeros = jnp.sum(params.log_absent + of_zero(spec, odds) * odds, axis=1)
    return (params.log_prior + row_of_zeros)[None] + bayes.product(inputs, odds)


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""
    score = bayes.log_posterior(joint_log_likelihood(spec, params, inputs))
    return Prediction(probability=jnp.exp(score), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """Bernoulli naive Bayes."""
    return [
        Model(
            "bernoulli_naive_bayes", Spec, fit=fit, predict=predict, count=count, add=add, learn=learn,
            check=bayes.check, bind=bayes.bind, tasks=("classify",), sparse=True, shards=True, costs=True,
            snippet="model { bernoulli_naive_bayes(binarize = 7) }",
            sources=("McCallum & Nigam 1998, AAAI-98 workshop on learning for text categorization",
                     "Manning, Raghavan & Schütze 2008, doi:10.1017/CBO9780511809071"),
            also_known_as=("BernoulliNB", "bernoulli_nb", "naive_bayes"),
        )
    ]  # fmt: skip
