"""AdaBoost: fits of one model in turn, each minding more what those before got wrong, and a weighted vote of them all.

Rows have shares D_i, at first those of weight times cost. Round m fits the base with them. For classes (SAMME), with e
the share of the rows that it puts into a wrong class, its vote and the next shares are

    a_m = rate (ln((1 - e) / e) + ln(k - 1)),    D_i <- D_i exp(a_m [row i is wrong]) / sum

The score of a class is the mean by votes of 1 for the rounds that say it and -1 / (k - 1) for the others;
probabilities are the softmax of the scores over k - 1. They are made of votes, and seldom calibrated.

For a number (AdaBoost.R2) L_i is the absolute residual over the largest, as it is, squared, or 1 - exp(-L). With e,
its mean by shares, and b = e / (1 - e), a_m = rate ln(1 / b) and D_i <- D_i b^(rate (1 - L_i)) / sum. The answer is the
weighted median of the rounds: the least answer for which, together with those below it, half of the votes are.

It may end early. A round without error gets vote 1 and is the last. One that is no better than chance (e at least
1 - 1/k; 1/2 for a number) is left out, and nothing follows it; the first one of a number is kept. Rounds that were not
made have vote 0.

The base gets the shares as costs, whose sum stays what it was at first, and its rows count as before: the least rows of
a leaf are rows, as in scikit-learn. A base without costs gets them as weights. For a number, too, it is fitted to the
weighted rows, where Drucker (and scikit-learn) draws a sample by the shares: what is drawn is that on average, and
nothing here depends on the key unless the base does.

Shapes:  n rows, d columns, k classes, m rounds. m times the time of the base and of one answer for all rows; the
         median is O(n m log m).
Units:   errors and shares in 0..1, votes in nats; the answer is that of the base.
Errors:  a base that cannot do the task, that has a formula of its own, or that refuses the inputs; one that is no
         better than chance.
Sources: Freund & Schapire 1997, doi:10.1006/jcss.1997.1504; SAMME: Zhu, Zou, Rosset & Hastie 2009,
         doi:10.4310/SII.2009.v2.n3.a8; R2: Drucker 1997, ICML, 107-115.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Prediction, Shape, Trees, tiny, weighted_sum
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl.plugin.declaration import DefaultCall
from mldsl.plugin.spec import Configured
from mldsl_plugins.bayes import gaussian_naive_bayes
from mldsl_plugins.ensembles import _members as members
from mldsl_plugins.linear import ridge

LEAST = 2.2e-16  # share of a row, as in scikit-learn


@attrs.frozen
class Spec:
    """Hyperparameters of AdaBoost."""

    base: Any = param(
        DefaultCall("cart", (("max_depth", 1),)), kind="model",
        also_known_as=("estimator", "base_estimator", "learner"),
        doc="The model that is fitted in every round; for a number give more than one question, `cart(max_depth = 3)`.",
    )  # fmt: skip
    rounds: int = param(
        50, ge=1, unit="rounds", search="[25, 50, 100, 200]", simpler="smaller", doc="How many fits there are at most.",
        also_known_as=("n_estimators", "mfinal", "iterations"),
    )  # fmt: skip
    learning_rate: float = param(
        1.0, gt=0, traced=True, search="log(0.01..2)", simpler="smaller", also_known_as=("shrinkage", "eta"),
        doc="What every vote is multiplied by.",
    )  # fmt: skip
    loss: Literal["linear", "square", "exponential"] = param(
        "linear", doc="What a residual of a number counts, as a function of its share of the largest."
    )


class Params(NamedTuple):
    """The parameters of all rounds, one entry of the first axis each, and their votes."""

    members: Any
    vote: Float[Array, " m"]


class Info(NamedTuple):
    """The rounds: error by the round's shares, the share of training rows that the rounds so far get wrong, and vote.

    Errors are NaN for rounds that were not made, those of the training rows also for one that is left out, and None for
    a number. `rounds` have a vote; `chance`: not even the first was better than chance. `first` is what the base
    reports of the first round, where it has something to say of its fits.
    """

    error_history: Float[Array, " m"]
    training_error_history: Float[Array, " m"] | None
    vote: Float[Array, " m"]
    rounds: Array
    chance: Array
    first: Any


class _Loop(NamedTuple):
    """Logarithms of the shares, whether to go on, for classes the votes so far, and what was fitted last."""

    log_share: Array
    going: Array
    score: Array
    fitted: Any


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Fit the rounds."""
    first = examples.loss_weight()
    whole = weighted_sum(jnp.ones_like(first), first)
    k, target = shape.classes, examples.target
    assert target is not None

    def learn(amount: Array, key: Array) -> tuple[Any, Any]:
        return members.learn(spec.base, key, shape, _weighed(spec.base, examples, amount))

    def step(loop: _Loop, given: tuple[Array, Array]) -> tuple[_Loop, Any]:
        number, key = given
        share = jnp.exp(loop.log_share)
        share = share / jnp.maximum(weighted_sum(jnp.ones_like(share), share), tiny(share))
        # Rounds after the end cost nothing: they repeat what was fitted last.
        fitted = jax.lax.cond(loop.going, learn, lambda *_: loop.fitted, share * whole, key)
        answer = members.say(spec.base, fitted[0], examples.inputs, examples.offset)
        miss, said = _missed(spec, answer, examples, share)
        error = weighted_sum(miss, share)
        odds = jnp.log((1 - error) / jnp.maximum(error, tiny(error)))
        bad = error >= (1 - 1 / k if k else 0.5)
        if k:
            gain, counts = odds + math.log(max(k - 1, 1)), loop.going & ~bad
        else:
            gain, counts = odds, loop.going & (~bad | (number == 0))
        alone = (error <= 0) | bad
        vote = jnp.where(counts, jnp.where(alone, jnp.ones_like(gain), spec.learning_rate * gain), 0)
        score, wrong = loop.score, None
        if k:
            score = score + vote * jax.nn.one_hot(said, k, dtype=score.dtype)
            off = jnp.not_equal(jnp.argmax(score, axis=1), target).astype(first.dtype)
            wrong = jnp.where(counts, weighted_sum(off, first) / jnp.maximum(whole, tiny(whole)), jnp.nan)
        following = _normal(loop.log_share + vote * (miss if k else miss - 1))
        shown = jnp.where(loop.going, error, jnp.nan), wrong
        return _Loop(following, counts & ~alone, score, fitted), (fitted, vote, shown)

    known = first > 0
    start = jnp.where(known, jnp.log(jnp.where(known, first, 1)), -jnp.inf)
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(learn, first, key))
    scores = jnp.zeros((len(first), max(k, 1)), first.dtype)
    loop = _Loop(_normal(start), jnp.asarray(True), scores, nothing)
    rounds = jnp.arange(spec.rounds), jax.random.split(key, spec.rounds)
    _, ((params, told), vote, (error, wrong)) = jax.lax.scan(step, loop, rounds)
    made = jnp.sum(vote > 0)
    return Params(params, vote), Info(error, wrong, vote, made, made == 0, members.first(told))


def _normal(log_share: Float[Array, " n"]) -> Float[Array, " n"]:
    """Shares that add up to 1, none of a row that is there below `LEAST`, so that all can come back."""
    total = jax.nn.logsumexp(log_share)
    return jnp.where(log_share > -jnp.inf, jnp.maximum(log_share - total, math.log(LEAST)), -jnp.inf)


def _weighed(base: Configured, examples: Examples, amount: Float[Array, " n"]) -> Examples:
    """The examples with losses that count so much: by their costs, or, of a base that has none, by their weights."""
    weight = examples.weight
    if not base.component.costs:  # type: ignore[attr-defined]
        return examples._replace(weight=amount)
    return examples._replace(cost=jnp.where(weight > 0, amount / jnp.where(weight > 0, weight, 1), 0))


def _missed(spec: Spec, answer: Array, examples: Examples, share: Array) -> tuple[Array, Array]:
    """How much each row is missed by, 0..1, and the class that is said."""
    target = examples.target
    assert target is not None
    if answer.ndim == 2:
        best = jnp.argmax(answer, axis=1)
        return (best != target).astype(share.dtype), best
    off = jnp.where(share > 0, jnp.abs(answer - jnp.where(share > 0, target, 0)), 0)
    most = off.max()
    off = off / jnp.where(most > 0, most, 1)
    match spec.loss:
        case "square":
            off = off**2
        case "exponential":
            off = jnp.where(share > 0, 1 - jnp.exp(-off), 0)
    return off, jnp.zeros(off.shape, jnp.int32)


def predict(spec: Spec, params: Params, inputs: Any) -> Prediction:
    """Scores and probabilities of the classes; the weighted median of numbers."""
    vote = params.vote

    def say(member: Any) -> Array:
        return members.say(spec.base, member, inputs)

    answer = jax.eval_shape(say, jax.tree.map(lambda leaf: leaf[0], params.members))
    if answer.ndim == 1:
        return Prediction(mean=weighted_median(jax.lax.map(say, params.members), vote))
    k = answer.shape[1]

    def add(total: Array, given: tuple[Any, Array]) -> tuple[Array, None]:
        said = jax.nn.one_hot(jnp.argmax(say(given[0]), axis=1), k, dtype=answer.dtype)
        return total + given[1] * said, None

    total, _ = jax.lax.scan(add, jnp.zeros(answer.shape, answer.dtype), (params.members, vote))
    votes = vote.sum()
    share = jnp.where(votes > 0, total / jnp.maximum(votes, tiny(vote)), 1 / k)
    score = (share * k - 1) / max(k - 1, 1)
    return Prediction(probability=jax.nn.softmax(score / max(k - 1, 1), axis=1), score=score)


def weighted_median(values: Float[Array, "m n"], vote: Float[Array, " m"]) -> Float[Array, " n"]:
    """The least of each column's values such that it and those below have half of the votes. O(n m log m)."""
    values, vote = jax.lax.sort((values, jnp.broadcast_to(vote[:, None], values.shape)), dimension=0, num_keys=1)
    below = jnp.cumsum(vote, axis=0)
    first = jnp.argmax(below >= 0.5 * below[-1:], axis=0)
    return jnp.take_along_axis(values, first[None], axis=0)[0]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """What the base cannot do."""
    yield from members.check(spec.base, shape)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """A base that is no better than chance; what it says of its fits."""
    if info.chance:
        chance = 1 - 1 / max(shape.classes, 2)
        yield Problem("base", f"expected a model that is better than chance (an error below {chance:.3g}), "
                      f"found `{spec.base.component.name}` with {info.error_history[0]:.3g}")  # fmt: skip
        return
    if not shape.classes and info.rounds == 1 and info.error_history[0] >= 0.5:
        error = f"{info.error_history[0]:.3g}"
        yield f"the first round has an error of {error}, so no other follows: this is the base alone"
    yield from members.remarks(spec.base, info.first, shape)


def prepare(spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Any, Any]:
    """The inputs of the base, once for all rounds."""
    return members.prepare(spec.base, shape, columns, weight)


def trees(spec: Spec, params: Params) -> Trees | None:
    """The trees of all rounds, what their splits gained multiplied by their votes over the mean vote."""
    grown = members.trees(spec.base, params.members)
    if grown is None:
        return None
    share = params.vote / jnp.maximum(params.vote.mean(), tiny(params.vote))
    each = jnp.repeat(share, grown.gain.shape[0] // len(share))
    return grown._replace(gain=grown.gain * each[:, None])


def compact(spec: Spec, params: Params) -> Params:
    """Without what no member needs."""
    return params._replace(members=members.compact(spec.base, params.members))


@hookimpl
def mldsl_components() -> list[Component]:
    """AdaBoost."""
    classes, numbers = (Configured(m.mldsl_components()[0], m.Spec()) for m in (gaussian_naive_bayes, ridge))
    return [
        Model(
            "adaboost", Spec, fit=fit, predict=predict, check=check, remarks=remarks, prepare=prepare,
            prepares=members.prepares, prepare_reads=("base",), trees=trees, compact=compact, follows=("base",),
            keeps=("costs", "margins"),
            tasks=("classify", "regress"), accepts=members.ACCEPTS, roles=members.ROLES, missing="accepts", sparse=True,
            costs=True, example=Spec(classes, rounds=4), examples={"regress": Spec(numbers, rounds=4)},
            snippet="model { adaboost(rounds = 20) }",
            sources=("Freund & Schapire 1997, doi:10.1006/jcss.1997.1504",
                     "Zhu, Zou, Rosset & Hastie 2009, doi:10.4310/SII.2009.v2.n3.a8", "Drucker 1997, ICML, 107-115"),
            also_known_as=("AdaBoostClassifier", "AdaBoostRegressor", "ada_boost", "SAMME", "boosting"),
        )
    ]  # fmt: skip
