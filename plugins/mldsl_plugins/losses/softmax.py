"""Softmax loss: for several classes, whose log odds among each other are learned.

    L(f, y) = log(sum_c exp(f_c)) - f_y

Minus the logarithm of the probability of the class that it was, with p_c = exp(f_c) / sum exp(f). One score by class,
so boosting grows a tree for each in every round. Its second derivatives are taken as k / (k - 1) p_c (1 - p_c), each
class by itself: the factor makes up for steps that all classes take at the same time (as in LightGBM).

Shapes:  scores [n, k] for k classes, targets [n] 0..k-1; probabilities [n, k].
Units:   none: natural logarithms of probabilities.
Errors:  a number as the target. Two classes can be had, but `logistic` needs one tree where this grows two.
Sources: Friedman 2001, doi:10.1214/aos/1013203451.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract import Prediction, segment_reduce
from mldsl.plugin import Component, NoSpec, Part, hookimpl
from mldsl_plugins.losses._loss import LEAST, logarithm


def suits(spec: NoSpec, classes: int) -> str:
    """There are classes."""
    return "" if classes else "a loss of numbers such as squared_error, since the target is one"


def outputs(spec: NoSpec, classes: int) -> int:
    """A score by class."""
    return classes


def value(spec: NoSpec, score: Float[Array, "n k"], target: Int[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    own = jnp.take_along_axis(score, target[:, None], axis=1)[:, 0]
    return jax.nn.logsumexp(score, axis=1) - own


def slopes(
    spec: NoSpec, score: Float[Array, "n k"], target: Int[Array, " n"]
) -> tuple[Float[Array, "n k"], Float[Array, "n k"]]:
    """p - y, and the second derivatives with their factor."""
    k = score.shape[1]
    p = jax.nn.softmax(score, axis=1)
    own = target[:, None] == jnp.arange(k)[None]
    return jnp.where(own, p - 1, p), p * (1 - p) * (k / max(k - 1, 1))


def start(spec: NoSpec, target: Int[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, " k"]:
    """The logarithms of the shares; a class without rows counts as a share of 1e-15."""
    mass = segment_reduce(weight, target, classes)
    share = mass / jnp.maximum(mass.sum(), jnp.finfo(mass.dtype).tiny)
    return jnp.log(jnp.maximum(share, LEAST))


def answer(spec: NoSpec, score: Float[Array, "n k"]) -> Prediction:
    """The probabilities."""
    return Prediction(probability=jax.nn.softmax(score, axis=1))


def undo(spec: NoSpec, prediction: Prediction) -> Float[Array, "n k"]:
    """The logarithms of the probabilities."""
    assert prediction.probability is not None
    return logarithm(prediction.probability)


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "softmax", part_kind="loss",
            functions={"suits": suits, "outputs": outputs, "value": value, "slopes": slopes, "start": start,
                       "answer": answer, "undo": undo},
            snippet="model { gradient_boosting(loss = softmax) }",
            sources=("Friedman 2001, doi:10.1214/aos/1013203451",),
            also_known_as=("multiclass", "cross_entropy", "multi:softprob", "multi:softmax", "MultiClass",
                           "multinomial", "categorical_crossentropy"),
        )
    ]  # fmt: skip
