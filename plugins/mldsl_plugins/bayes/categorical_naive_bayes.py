"""Categorical naive Bayes: within a class, each column draws one of its levels.

log p(c | x) = log p(c) + sum_j log t_cj(x_j) - log p(x), where p(c) is the weighted share of class c and
t_cj(l) = (N_cj(l) + s) / (sum_l N_cj(l) + s L_j), with N_cj(l) the weight of the rows of class c whose column j has
level l, L_j the number of its levels, and s the `smoothing`. The levels are those of all training rows, so that a fold
in which one of them is rare knows of it.

A missing value says nothing: the other columns of its row count, when learning as when answering. So does a level that
no training row has. A class without rows gets probability 0. With `smoothing = 0` a level that a class has never had
counts as 1e-10 rows, since otherwise it would rule the class out.

All that is learned are sums over rows, so it also learns in batches: `mldsl update` adds the counts of further rows to
those that a model was made of, and makes the model that all of them would have made, as long as no level is new.

Shapes:  n rows, d columns with m levels in all, k classes. O(n d) time to learn and O(n d k) to answer; O(k m) memory
         beside the inputs.
Units:   inputs are codes of levels; log-likelihoods are in nats.
Errors:  priors that are not one number per class adding up to 1.
Sources: Duda & Hart 1973, Pattern classification and scene analysis; smoothing: Kohavi, Becker & Sommerfield 1997,
         Improving simple Bayes.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from mldsl.contract import Examples, Prediction, Shape, block_rows, segment_reduce, sum_blocks
from mldsl.plugin import Component, Model, hookimpl, param
from mldsl_plugins.bayes import _bayes as bayes


@attrs.frozen
class Spec:
    """Hyperparameters of categorical naive Bayes."""

    smoothing: float = param(
        1.0, ge=0, traced=True, search="log(1e-3..10)", simpler="larger", also_known_as=("alpha", "laplace", "fL"),
        doc="Rows that are added to the count of each level of each column in each class.",
    )  # fmt: skip
    priors: bayes.Priors = bayes.priors_param


class Params(NamedTuple):
    """log p(c), and log t_cj(l) of all levels side by side; column j has levels `start[j]` to `start[j + 1]`.

    0 in inactive columns.
    """

    log_prior: Float[Array, " k"]
    log_likelihood: Float[Array, "k m"]
    start: Int[Array, " d+1"]


class Counts(NamedTuple):
    """What is learned from: the weight of each class, and of its rows with each level; additive over rows.

    The levels of all columns stand side by side.
    """

    mass: Float[Array, " k"]
    count: Float[Array, "k m"]


class Info(NamedTuple):
    """What was counted, and how well it explains the training rows (weighted sums over rows, in nats).

    `log_likelihood` of x given its class, `log_posterior` of the class given x, `log_evidence` of x; the latter two are
    None after learning from a further batch.
    """

    counts: Counts
    prior: Float[Array, " k"]
    log_likelihood: Float[Array, ""]
    log_posterior: Float[Array, ""] | None
    log_evidence: Float[Array, ""] | None


def starts(shape: Shape) -> np.ndarray:
    """Where the levels of each column begin, and the number of all; yes and no where a column has no dictionary."""
    return np.cumsum([0, *(c.levels or 2 for c in shape.columns)]).astype(np.int32)


def cells(x: Float[Array, "n d"], start: Int[Array, " d+1"]) -> Int[Array, "n d"]:
    """The place of each value among all levels; one beyond the last for values that say nothing."""
    known = (x >= 0) & (x < (start[1:] - start[:-1])[None].astype(x.dtype))
    return jnp.where(known, start[None, :-1] + jnp.where(known, x, 0).astype(jnp.int32), start[-1])


def count(spec: Spec, shape: Shape, examples: Examples) -> Counts:
    """What the rows add to what is known."""
    inputs, weight, target, active = bayes.parts(examples)
    first = starts(shape)
    (k, m), d = (shape.classes, int(first[-1])), shape.d
    start = jnp.asarray(first)

    def block(w: Array, x: Array, t: Array) -> Array:
        place = t[:, None] * (m + 1) + cells(x, start)
        each = jnp.broadcast_to(w[:, None], place.shape)
        return jax.ops.segment_sum(each.ravel(), place.ravel(), k * (m + 1)).reshape(k, m + 1)[:, :m]

    sums = sum_blocks(block, weight, inputs, target, rows=block_rows(d))
    there = active[np.repeat(np.arange(d), np.diff(first))]
    return Counts(segment_reduce(weight, target, k), jnp.where(there[None], sums, 0))


def add(one: Counts, other: Counts) -> Counts:
    """The counts of both parts of the rows."""
    return Counts(one.mass + other.mass, one.count + other.count)


def learn(spec: Spec, shape: Shape, counts: Counts, active: Bool[Array, " d"]) -> tuple[Params, Info]:
    """The model that these counts make."""
    first = starts(shape)
    column = np.repeat(np.arange(shape.d), np.diff(first))
    out_of = jax.ops.segment_sum(counts.count.T, column, shape.d, indices_are_sorted=True).T[:, column]
    ways = jnp.asarray(np.diff(first)[column], out_of.dtype)[None]
    likelihood = jnp.log(bayes.smoothed(counts.count, out_of, spec.smoothing, ways))
    likelihood = jnp.where(active[column][None], likelihood, 0)
    params = Params(bayes.log_prior(spec.priors, counts.mass), likelihood, jnp.asarray(first))
    own = jnp.sum(counts.count * likelihood)
    return params, Info(counts, jnp.exp(params.log_prior), own, None, None)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Count, and make the model of the counts."""
    inputs, weight, _, active = bayes.parts(examples)
    params, info = learn(spec, shape, count(spec, shape, examples), active)
    evidence = bayes.evidence_of(inputs, weight, lambda x: joint_log_likelihood(params, x), shape.classes)
    return params, bayes.explained(info, params.log_prior, evidence)


def joint_log_likelihood(params: Params, x: Float[Array, "n d"]) -> Float[Array, "n k"]:
    """log p(c) + log p(x | c) for every class c, in nats; -inf for classes that are impossible."""
    table = jnp.pad(params.log_likelihood.T, ((0, 1), (0, 0)))  # what says nothing adds nothing
    place = cells(x, params.start).T

    def add_column(joint: Array, column: Array) -> tuple[Array, None]:
        return joint + table[column], None

    start = jnp.broadcast_to(params.log_prior[None], (x.shape[0], table.shape[1]))
    return jax.lax.scan(add_column, start, place)[0]


def predict(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Prediction:
    """Posterior probability of each class; `score` is its logarithm, which does not underflow."""
    score = bayes.log_posterior(joint_log_likelihood(params, inputs))
    return Prediction(probability=jnp.exp(score), score=score)


@hookimpl
def mldsl_components() -> list[Component]:
    """Categorical naive Bayes."""
    return [
        Model(
            "categorical_naive_bayes", Spec, fit=fit, predict=predict, count=count, add=add, learn=learn,
            check=bayes.check, bind=bayes.bind, tasks=("classify",),
            accepts=("binary", "categorical", "ordinal"), missing="accepts", shards=True,
            costs=True, snippet="model { categorical_naive_bayes(smoothing = 0.5) }",
            sources=("Duda & Hart 1973, Pattern classification and scene analysis",
                     "Kohavi, Becker & Sommerfield 1997, Improving simple Bayes"),
            also_known_as=("CategoricalNB", "categorical_nb", "naiveBayes", "naive_bayes"),
        )
    ]  # fmt: skip
