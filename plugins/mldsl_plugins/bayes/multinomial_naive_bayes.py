"""Multinomial naive Bayes: within a class, each occurrence of a word is drawn from that class's vocabulary.

log p(c | x) = log p(c) + sum_j x_j log t_cj - log p(x), where x_j counts how often column j occurs in the row, p(c) is
the weighted share of class c, and t_cj = (N_cj + s) / (sum_j N_cj + s d) with N_cj the weighted sum of column j over
the rows of class c, s the `smoothing` and d the number of columns. Counts may be fractions, such as tf-idf. The
multinomial coefficient, which all classes share, is left out of likelihood and evidence.

All that is learned are sums over rows, so it also learns in batches: `mldsl update` adds the counts of further rows to
those that a model was made of, and makes the model that all of them would have made.

A row without any count gets the priors for an answer. A class without rows gets probability 0. With `smoothing = 0` a
word that a class has never had counts as 1e-10 occurrences, since otherwise it would rule the class out.

Shapes:  n rows, d columns, k classes. O(n d k) time for dense rows; O(entries) to learn and O(entries k) to answer for
         sparse ones; O(k d) memory beside the inputs.
Units:   counts; log-likelihoods are in nats.
Errors:  values below 0; priors that are not one number per class adding up to 1.
Sources: McCallum & Nigam 1998, AAAI workshop on learning for text categorization; Manning, Raghavan & Schütze 2008,
         doi:10.1017/CBO9780511809071, chapter 13.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Inputs, Prediction, Shape, segment_reduce
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl_plugins.bayes import _bayes as bayes


@attrs.frozen
class Spec:
    """Hyperparameters of multinomial naive Bayes."""

    smoothing: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..10)", simpler="larger", also_known_as=("alpha", "laplace", "fL"),
        doc="Occurrences that are added to the count of each column in each class.",
    )  # fmt: skip
    priors: bayes.Priors = bayes.priors_param


class Params(NamedTuple):
    """log p(c) and log t_cj; 0 in inactive columns."""

    log_prior: Float[Array, " k"]
    log_likelihood: Float[Array, "k d"]


class Counts(NamedTuple):
    """What is learned from: the weight of each class, and the weighted sum of each column over its rows.

    Additive over rows, but for `least`, the least value by column (0 at most).
    """

    mass: Float[Array, " k"]
    count: Float[Array, "k d"]
    least: Float[Array, " d"]


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


def count(spec: Spec, shape: Shape, examples: Examples) -> Counts:
    """What the rows add to what is known."""
    inputs, weight, target, active = bayes.parts(examples)
    sums = bayes.class_sums(inputs, weight, target, shape.classes)
    least = bayes.least_value(inputs, examples.weight)
    return Counts(
        segment_reduce(weight, target, shape.classes), jnp.where(active[None], sums, 0), jnp.where(active, least, 0)
    )


def add(one: Counts, other: Counts) -> Counts:
    """The counts of both parts of the rows."""
    return Counts(one.mass + other.mass, one.count + other.count, jnp.minimum(one.least, other.least))


def learn(spec: Spec, shape: Shape, counts: Counts, active: Bool[Array, " d"]) -> tuple[Params, Info]:
    """The model that these counts make."""
    everything = counts.count.sum(axis=1, keepdims=True)
    likelihood = jnp.log(bayes.smoothed(counts.count, everything, spec.smoothing, active.sum()))
    params = Params(bayes.log_prior(spec.priors, counts.mass), jnp.where(active[None], likelihood, 0))
    own = jnp.sum(counts.count * params.log_likelihood)
    return params, Info(counts, jnp.exp(params.log_prior), own, None, None)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count, and make the model of the counts."""
    inputs, weight, _, active = bayes.parts(examples)
    params, info = learn(spec, shape, count(spec, shape, examples), active)
    evidence = bayes.evidence_of(inputs, weight, lambda x: joint_log_likelihood(params, x), shape.classes)
    return params, bayes.explained(info, params.log_prior, evidence)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem]:
    """Nothing occurs less than 0 times."""
    return bayes.negative(info, shape)


def joint_log_likelihood(params: Params, inputs: Inputs) -> Float[Array, "n k"]:
    """log p(c) + log p(x | c) for every class c, in nats; -inf for classes that are impossible."""
    return params.log_prior[None] + bayes.product(inputs, params.log_likelihood)


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""
    score = bayes.log_posterior(joint_log_likelihood(params, inputs))
    return Prediction(probability=jnp.exp(score), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """Multinomial naive Bayes."""
    return [
        Model(
            "multinomial_naive_bayes", Spec, fit=fit, predict=predict, count=count, add=add, learn=learn,
            check=bayes.check, bind=bayes.bind, remarks=remarks, tasks=("classify",), sparse=True, shards=True,
            costs=True, snippet="model { multinomial_naive_bayes(smoothing = 0.5) }",
            sources=("McCallum & Nigam 1998, AAAI-98 workshop on learning for text categorization",
                     "Manning, Raghavan & Schütze 2008, doi:10.1017/CBO9780511809071"),
            also_known_as=("MultinomialNB", "multinomial_nb", "naive_bayes"),
        )
    ]  # fmt: skip
