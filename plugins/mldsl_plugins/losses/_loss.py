"""What a loss consists of, whatever trains with it.

A loss judges raw scores f [n, k] against targets y [n]; k is 1 but for several classes. It knows no weights: whoever
sums over rows multiplies by them. Its functions, each with the Spec of the loss in front:

    suits(spec, classes) -> str                   what is expected in its place for so many classes (0: a number), or ""
    outputs(spec, classes) -> int                 k
    outside(spec, target) -> Bool[n]              targets that it has no value for
    domain(spec) -> str                           the targets that it has one for, in words
    value(spec, score, target) -> Float[n]
    slopes(spec, score, target) -> (first, second)  derivatives by the scores [n, k], as boosting takes them
    start(spec, target, weight, classes) -> Float[k]  the constant scores with the least weighted sum of values
    answer(spec, score) -> Prediction             what scores mean: probabilities, or a mean
    undo(spec, prediction) -> Float[n k]          the scores that mean this
    renew(spec, residual, weight, leaf, leaves) -> Float[leaves]  the best constant for the residuals y - f of each leaf

`outside` and `domain` are missing where every target has a value, `renew` where a step by both derivatives will do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import Prediction, Shape, tiny
from mldsl.plugin import Problem
from mldsl.plugin.spec import Configured

LEAST = 1e-15  # the share that a class without rows counts as, and a mean of 0
EXPONENT = 80.0  # beyond which exp is cut, in either precision


@attrs.frozen
class Loss:
    """A loss with its Spec: the functions of the component, as methods."""

    chosen: Configured

    @property
    def _functions(self) -> Mapping[str, Callable[..., Any]]:
        return self.chosen.component.functions  # type: ignore[attr-defined, no-any-return]

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._functions[name](self.chosen.spec, *arguments)

    @property
    def name(self) -> str:
        """What files call it."""
        return self.chosen.component.name

    @property
    def renews(self) -> bool:
        """Whether the values of leaves are found anew, from the residuals in each."""
        return "renew" in self._functions

    def check(self, shape: Shape) -> Iterator[Problem]:
        """Whether it is for such a target."""
        if expected := self._call("suits", shape.classes):
            yield Problem("loss", f"expected {expected}, found {self.name}")

    def outputs(self, classes: int) -> int:
        """How many scores a row has."""
        return int(self._call("outputs", classes))

    def outside(self, target: Array) -> Bool[Array, " n"]:
        """Rows whose target has no value under this loss."""
        if "outside" not in self._functions:
            return jnp.zeros(target.shape, bool)
        return self._call("outside", target)  # type: ignore[no-any-return]

    def domain(self) -> str:
        """Which targets have a value, for messages."""
        return str(self._call("domain"))

    def value(self, score: Float[Array, "n k"], target: Array) -> Float[Array, " n"]:
        """The loss of each row."""
        return self._call("value", score, target)  # type: ignore[no-any-return]

    def slopes(self, score: Float[Array, "n k"], target: Array) -> tuple[Float[Array, "n k"], Float[Array, "n k"]]:
        """First and second derivatives by the scores."""
        return self._call("slopes", score, target)  # type: ignore[no-any-return]

    def start(self, target: Array, weight: Float[Array, " n"], classes: int) -> Float[Array, " k"]:
        """The best constant scores."""
        return self._call("start", target, weight, classes)  # type: ignore[no-any-return]

    def answer(self, score: Float[Array, "n k"]) -> Prediction:
        """What scores mean."""
        return self._call("answer", score)  # type: ignore[no-any-return]

    def undo(self, prediction: Prediction) -> Float[Array, "n k"]:
        """The scores that have this answer."""
        return self._call("undo", prediction)  # type: ignore[no-any-return]

    def renew(
        self, residual: Float[Array, " n"], weight: Float[Array, " n"], leaf: Int[Array, " n"], leaves: int
    ) -> Float[Array, " leaves"]:
        """The best constant of each leaf; of one without weight 0."""
        return self._call("renew", residual, weight, leaf, leaves)  # type: ignore[no-any-return]


# ---- of losses of one number -----------------------------------------------------------------------------------------
def of_numbers(spec: Any, classes: int) -> str:
    """The target is a number."""
    return f"logistic or softmax, since the target has {classes} classes" if classes else ""


def one(spec: Any, classes: int) -> int:
    """A row has one score."""
    return 1


def mean(spec: Any, score: Float[Array, "n 1"]) -> Prediction:
    """The score is the answer."""
    return Prediction(mean=score[:, 0])


def of_mean(spec: Any, prediction: Prediction) -> Float[Array, "n 1"]:
    """The answer is the score."""
    assert prediction.mean is not None
    return prediction.mean[:, None]


def logarithm(x: Array) -> Array:
    """Of what may have become 0 by rounding, as the least number that is not."""
    return jnp.log(jnp.maximum(x, tiny(x)))
