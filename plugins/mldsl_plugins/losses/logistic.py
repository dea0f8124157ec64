"""Logistic loss: for two classes, whose log odds are learned.

    L(f, y) = log(1 + exp(f)) - y f, y = 1 for the second class and 0 for the first

Minus the logarithm of the probability of the class that it was, with p = 1 / (1 + exp(-f)) that of the second.

Shapes:  scores [n, 1], targets [n] 0 or 1; probabilities [n, 2].
Units:   none: natural logarithms of probabilities.
Errors:  a number as the target, or more than two classes: then `softmax`.
Sources: Friedman, Hastie & Tibshirani 2000, doi:10.1214/aos/1016218223.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Prediction, weighted_sum
from mldsl.plugin import Component, NoSpec, Part, hookimpl
from mldsl_plugins.losses._loss import LEAST, logarithm, one


def suits(spec: NoSpec, classes: int) -> str:
    """There are two classes."""
    if classes > 2:
        return f"softmax, since the target has {classes} classes"
    return "" if classes else "a loss of numbers such as squared_error, since the target is one"


def value(spec: NoSpec, score: Float[Array, "n 1"], target: Int[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    return jax.nn.softplus(jnp.where(target == 1, -score[:, 0], score[:, 0]))


def slopes(
    spec: NoSpec, score: Float[Array, "n 1"], target: Int[Array, " n"]
) -> tuple[Float[Array, "n 1"], Float[Array, "n 1"]]:
    """p - y and p (1 - p); small ones are exact on both sides."""
    other = jnp.where(target[:, None] == 1, score, -score)  # the log odds of the class that it was
    wrong = jax.nn.sigmoid(-other)
    return jnp.where(target[:, None] == 1, -wrong, wrong), wrong * jax.nn.sigmoid(other)


def start(spec: NoSpec, target: Int[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, 1]:
    """The log odds of the second class; a class without rows counts as a share of 1e-15."""
    second = weighted_sum((target == 1).astype(weight.dtype), weight)
    first = weighted_sum((target != 1).astype(weight.dtype), weight)
    least = LEAST * (first + second)
    return (jnp.log(jnp.maximum(second, least)) - jnp.log(jnp.maximum(first, least)))[None]


def answer(spec: NoSpec, score: Float[Array, "n 1"]) -> Prediction:
    """Both probabilities."""
    return Prediction(probability=jax.nn.sigmoid(jnp.concatenate([-score, score], axis=1)))


def undo(spec: NoSpec, prediction: Prediction) -> Float[Array, "n 1"]:
    """The log odds."""
    assert prediction.probability is not None
    logs = logarithm(prediction.probability)
    return logs[:, 1:] - logs[:, :1]


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "logistic", part_kind="loss",
            functions={"suits": suits, "outputs": one, "value": value, "slopes": slopes, "start": start,
                       "answer": answer, "undo": undo},
            snippet="model { gradient_boosting(loss = logistic) }",
            sources=("Friedman, Hastie & Tibshirani 2000, doi:10.1214/aos/1016218223",),
            also_known_as=("binary", "log_loss", "logloss", "binary:logistic", "deviance", "Logloss", "bernoulli"),
        )
    ]  # fmt: skip
