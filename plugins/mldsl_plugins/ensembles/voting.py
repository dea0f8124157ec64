"""Several models that vote: the mean of what they say, or the class that most of them say.

For a number the answer is the weighted mean of the members' means, sum_m v_m f_m(x) / sum_m v_m. For classes, `soft`
(the default) takes the weighted mean of the members' probabilities, and the class with the greatest one: a model that
is sure counts for more than one that hardly decides, and the result is again a probability, which metrics, thresholds
and calibration can work with. `hard` counts each member's class as `weights` say, at its own threshold if it has one;
what it gives for a class is the share of the votes. Of equal shares the first class is said.

Members stand in a list. A model that is written in place, `cart(max_depth = 4)`, learns from the inputs of the vote; a
name of a model of the file stands for that model with its own `inputs`, `target` and `calibrate`, fitted anew on the
same rows, and it is evaluated beside the vote. Models that give margins and no probabilities, such as `svm`, vote
`hard`, or `soft` where the file defines them with `calibrate`.

Shapes:  n rows, k classes, m members; the time of all members, and O(n k m) to count.
Units:   a mean is in the unit of the target; weights are relative, so that 2 and 1 say what 4 and 2 do.
Errors:  fewer than two members; weights that are not one for each, or all 0; a member that cannot do the task; `soft`
         with a member that gives margins.
Sources: Kittler, Hatef, Duin & Matas 1998, doi:10.1109/34.667881; Breiman 1996, doi:10.1007/BF00058655.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Inputs, Prediction, Shape
from mldsl.plugin import Component, Model, ModelName, Problem, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_plugins.ensembles import _several as members


@attrs.frozen
class Spec:
    """Hyperparameters of a vote."""

    models: tuple[ModelName, ...] = param(
        doc="The members: models in place, or names of models of the file.", also_known_as=("estimators", "base"),
    )  # fmt: skip
    voting: Literal["soft", "hard"] = param(
        "soft", doc="Classes only: `soft` is the mean of probabilities, `hard` counts the members' classes.",
    )  # fmt: skip
    weights: tuple[float, ...] | None = param(
        None, ge=0, doc="How much each member counts, in the order of `models`; by default all alike.",
    )  # fmt: skip


class Params(NamedTuple):
    """What each member learned."""

    models: tuple[Any, ...]


class Info(NamedTuple):
    """What each member tells of its fit."""

    models: tuple[Any, ...]


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Refuse what no vote can be held with."""
    yield from members.too_few(spec.models)
    if spec.weights is not None and len(spec.weights) != len(spec.models):
        yield Problem("weights", f"expected {len(spec.models)} numbers, one for each model, found {len(spec.weights)}")
    elif spec.weights is not None and not any(spec.weights):
        yield Problem("weights", "expected a number above 0, found only 0: nobody would vote")
    models: tuple[Any, ...] = spec.models
    for model in models if shape.classes and spec.voting == "soft" else ():
        if isinstance(model, Configured) and model.component.margins:
            name = f"`{model.component.name}`, which gives margins and no probabilities"
            yield Problem(
                "voting", f"expected hard, or a model of the file with `calibrate` in place of {name}; found soft"
            )


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Fit every member on all rows."""
    models: Any = spec.models
    params, infos = members.fit_members(models, key, shape, examples)
    return Params(params), Info(infos)


def predict(spec: Spec, params: Params, inputs: Inputs) -> Prediction:
    """What all members say together."""
    models: Any = spec.models
    return combine(spec, members.answers(models, params.models, inputs))


def combine(spec: Spec, said: Sequence[Prediction]) -> Prediction:
    """The members' answers as one."""
    weights = jnp.ones(len(said)) if spec.weights is None else jnp.asarray(spec.weights)
    if said[0].mean is not None:
        return Prediction(mean=_mean([answer.mean for answer in said], weights))
    if spec.voting == "soft":
        return Prediction(probability=_mean([answer.probability for answer in said], weights))
    return Prediction(probability=_mean([_vote(answer) for answer in said], weights))


def _mean(values: Sequence[Any], weights: Float[Array, " m"]) -> Any:
    """The weighted mean of arrays [n, ...]."""
    stacked = jnp.stack([value.astype(jnp.result_type(*values)) for value in values])
    shares = (weights / weights.sum()).astype(stacked.dtype)
    return jnp.tensordot(shares, stacked, axes=1, precision="highest")


def _vote(answer: Prediction) -> Float[Array, "n k"]:
    """1 for the class that is said, 0 for the others."""
    by_class: Any = answer.score if answer.probability is None else answer.probability
    said = by_class.argmax(axis=1) if answer.label is None else answer.label
    return (said[:, None] == jnp.arange(by_class.shape[1])[None, :]).astype(by_class.dtype)


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """What the members say of the rows."""
    models: Any = spec.models
    yield from members.remarks(models, info.models, shape)


def _examples() -> dict[str, Spec]:
    """Members for those who know no file."""
    return {task: Spec(members.cheap(task)) for task in ("classify", "regress")}


@hookimpl
def mldsl_components() -> list[Component]:
    """The vote."""
    return [
        Model(
            "voting", Spec, fit=fit, predict=predict, combine=combine, check=check, remarks=remarks,
            tasks=("classify", "regress"), follows=("models",), keeps=("margins",), probabilities_if="voting = soft",
            accepts=members.EVERY, missing="accepts", sparse=True, roles=("weight",), examples=_examples(),
            example=_examples()["classify"],
            snippet="model { voting([logistic_regression, gaussian_naive_bayes]) }",
            sources=("Kittler, Hatef, Duin & Matas 1998, doi:10.1109/34.667881",
                     "Breiman 1996, doi:10.1007/BF00058655"),
            also_known_as=("VotingClassifier", "VotingRegressor", "vote", "majority", "average"),
        )
    ]  # fmt: skip
