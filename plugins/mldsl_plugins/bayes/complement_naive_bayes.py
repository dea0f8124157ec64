"""Complement naive Bayes: the class whose rest explains the words worst; made for classes of unequal size.

Of class c it learns how words are distributed in all other classes: t_cj = (N_j - N_cj + s) / sum_j (N_j - N_cj + s)
with N_cj the weighted sum of column j over the rows of class c, N_j that over all rows, s the `smoothing`. The score of
class c is sum_j x_j w_cj with w_cj = -log t_cj; with `norm` w_cj = log t_cj / sum_j log t_cj, so that classes whose
words depend on each other do not count more. Probabilities are the scores' softmax: they rank well, and are no model of
how rows come about.

There are no priors: a row without any count gets the same probability for all classes that have rows. A class without
rows gets probability 0. With `smoothing = 0` a word that is in no other class counts as 1e-10 occurrences, since
otherwise it would decide alone.

All that is learned are sums over rows, so it also learns in batches: `mldsl update` adds the counts of further rows to
those that a model was made of, and makes the model that all of them would have made.

Shapes:  n rows, d columns, k classes. O(n d k) time for dense rows; O(entries) to learn and O(entries k) to answer for
         sparse ones; O(k d) memory beside the inputs.
Units:   counts; weights are in nats, or with `norm` in shares.
Errors:  values below 0.
Sources: Rennie, Shih, Teevan & Karger 2003, Tackling the poor assumptions of naive Bayes text classifiers, ICML.
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
    """Hyperparameters of complement naive Bayes."""

    smoothing: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..10)", simpler="larger", also_known_as=("alpha", "laplace"),
        doc="Occurrences that are added to the count of each column outside of each class.",
    )  # fmt: skip
    norm: bool = param(
        False, also_known_as=("normalize", "weight_normalized"), doc="Scale the weights of each class to add up to 1."
    )


class Params(NamedTuple):
    """The weight of each word for each class, 0 in inactive columns; and which classes have rows."""

    weights: Float[Array, "k d"]
    present: Bool[Array, " k"]


class Counts(NamedTuple):
    """What is learned from: the weight of each class, and the weighted sum of each column over its rows.

    Additive over rows, but for `least`, the least value by column (0 at most).
    """

    mass: Float[Array, " k"]
    count: Float[Array, "k d"]
    least: Float[Array, " d"]


class Info(NamedTuple):
    """What was counted."""

    counts: Counts


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
    rest = counts.count.sum(axis=0, keepdims=True) - counts.count
    share = bayes.smoothed(rest, rest.sum(axis=1, keepdims=True), spec.smoothing, active.sum())
    log_share = jnp.where(active[None], jnp.log(share), 0)
    if spec.norm:
        whole = log_share.sum(axis=1, keepdims=True)  # 0 where there is a single word
        weights = log_share / jnp.where(whole < 0, whole, -1)
    else:
        weights = -log_share
    return Params(weights, counts.mass > 0), Info(counts)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count, and make the model of the counts."""
    return learn(spec, shape, count(spec, shape, examples), bayes.parts(examples)[3])


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem]:
    """Nothing occurs less than 0 times."""
    return bayes.negative(info, shape)


def scores(params: Params, inputs: Inputs) -> Float[Array, "n k"]:
    """The score of every class; -inf for classes without rows."""
    return jnp.where(params.present[None], bayes.product(inputs, params.weights), -jnp.inf)


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """The softmax of the scores; `score` is its logarithm, which does not underflow."""
    score = bayes.log_posterior(scores(params, inputs))
    return Prediction(probability=jnp.exp(score), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """Complement naive Bayes."""
    return [
        Model(
            "complement_naive_bayes", Spec, fit=fit, predict=predict, count=count, add=add, learn=learn,
            remarks=remarks, tasks=("classify",), sparse=True, shards=True, costs=True,
            snippet="model { complement_naive_bayes(smoothing = 0.5) }",
            sources=("Rennie, Shih, Teevan & Karger 2003, Tackling the poor assumptions of naive Bayes, ICML",),
            also_known_as=("ComplementNB", "complement_nb", "naive_bayes"),
        )
    ]  # fmt: skip
