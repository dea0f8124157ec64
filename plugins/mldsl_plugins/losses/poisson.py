"""Poisson loss: for counts, whose logarithm of the mean is learned.

    L(f, y) = exp(f) - y f

Minus the logarithm of the probability of y events where exp(f) are expected, but for a term without f; twice the
difference to its least value is the deviance. Answers are exp(f), never negative. Steps multiply the mean, and where it
is nearly 0 they would be huge: boosting takes exp(f + 0.7) for the second derivative exp(f), so that steps are half as
long (as LightGBM and XGBoost do).

Shapes:  scores [n, 1], targets [n].
Units:   none; targets are counts, or amounts that are like counts.
Errors:  a target with classes; negative targets. Without any event the mean counts as 1e-15.
Sources: Nelder & Wedderburn 1972, doi:10.2307/2344614; Ridgeway 2007, Generalized boosted models (gbm).
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from mldsl.contract import Prediction, weighted_mean
from mldsl.plugin import Component, NoSpec, Part, hookimpl
from mldsl_plugins.losses._loss import EXPONENT, LEAST, logarithm, of_numbers, one

CAUTION = 0.7  # what the second derivative is taken ahead by


def outside(spec: NoSpec, target: Float[Array, " n"]) -> Bool[Array, " n"]:
    """Counts are not negative."""
    return target < 0


def domain(spec: NoSpec) -> str:
    """In words."""
    return "targets of at least 0, since `poisson` is for counts"


def value(spec: NoSpec, score: Float[Array, "n 1"], target: Float[Array, " n"]) -> Float[Array, " n"]:
    """The loss of each row."""
    return _exp(score[:, 0]) - target * score[:, 0]


def slopes(
    spec: NoSpec, score: Float[Array, "n 1"], target: Float[Array, " n"]
) -> tuple[Float[Array, "n 1"], Float[Array, "n 1"]]:
    """Its first derivative, and the second a little ahead."""
    return _exp(score) - target[:, None], _exp(score + CAUTION)


def start(spec: NoSpec, target: Float[Array, " n"], weight: Float[Array, " n"], classes: int) -> Float[Array, 1]:
    """The logarithm of the mean."""
    return jnp.log(jnp.maximum(weighted_mean(target, weight), LEAST))[None]


def answer(spec: NoSpec, score: Float[Array, "n 1"]) -> Prediction:
    """The mean."""
    return Prediction(mean=_exp(score[:, 0]))


def undo(spec: NoSpec, prediction: Prediction) -> Float[Array, "n 1"]:
    """The logarithm of the mean."""
    assert prediction.mean is not None
    return logarithm(prediction.mean[:, None])


def _exp(score: Array) -> Array:
    return jnp.exp(jnp.minimum(score, EXPONENT))


@hookimpl
def mldsl_components() -> list[Component]:
    """The loss."""
    return [
        Part(
            "poisson", part_kind="loss",
            functions={"suits": of_numbers, "outputs": one, "outside": outside, "domain": domain, "value": value,
                       "slopes": slopes, "start": start, "answer": answer, "undo": undo},
            snippet="model { gradient_boosting(loss = poisson) }",
            sources=("Nelder & Wedderburn 1972, doi:10.2307/2344614",),
            also_known_as=("count:poisson", "Poisson", "poisson_nloglik"),
        )
    ]  # fmt: skip
