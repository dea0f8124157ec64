"""The mean of models of one kind, each fitted to the rows of a fair coin.

A member sees each row with probability 1/2 (all rows where it would see none), and what the members say is averaged.
The base may be any model, with rounds or without, that prepares its inputs or not.

Shapes:  n rows, m members; m times the cost of the base.
Units:   those of the base.
Errors:  those of the base.
Sources: Friedman & Hall 2007, doi:10.1016/j.jspi.2006.06.002.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from mldsl.contract import Examples, Prediction, Shape, fit_whole, remarks_of
from mldsl.plugin import Component, Model, Problem, hookimpl, param
from mldsl.plugin.spec import Configured
from mldsl_proof import histogram_bayes, median_stump


@attrs.frozen
class Spec:
    """Hyperparameters of random halves."""

    base: Any = param(kind="model", doc="The model that is fitted again and again, such as `ridge`.")
    members: int = param(5, ge=1, doc="How many are fitted, m.")


class Params(NamedTuple):
    """What the members learned, one entry of the first axis each."""

    members: Any


class Info(NamedTuple):
    """What the members report."""

    members: Any


def prepares(spec: Spec) -> bool:
    """As the base does."""
    return bool(spec.base.component.prepares_for(spec.base.spec))


def prepare(spec: Spec, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Any, Any]:
    """What the base makes of the columns, once for all members."""
    prepared: tuple[Any, Any] = spec.base.component.prepare(spec.base.spec, shape, columns, weight)
    return prepared


def apply_prepared(spec: Spec, shape: Shape, state: Any, columns: Mapping[str, np.ndarray]) -> Any:
    """The same for new rows, where the base wants it."""
    again = spec.base.component.apply_prepared
    return None if again is None else again(spec.base.spec, shape, state, columns)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Fit one member after the other."""

    def one(key: Array) -> tuple[Any, Any]:
        draw, rest = jax.random.split(key)
        half = examples.weight * jax.random.bernoulli(draw, 0.5, examples.weight.shape)
        half = jnp.where(half.sum() > 0, half, examples.weight)
        return fit_whole(spec.base, rest, shape, examples._replace(weight=half))

    params, info = jax.lax.map(one, jax.random.split(key, spec.members))
    return Params(params), Info(info)


def predict(spec: Spec, params: Params, inputs: Any) -> Prediction:
    """The mean of what the members say."""
    said = jax.lax.map(lambda p: spec.base.component.predict(spec.base.spec, p, inputs), params.members)
    return Prediction(*(None if part is None else part.mean(axis=0) for part in said))


def remarks(spec: Spec, info: Info, shape: Shape) -> Iterator[Problem | str]:
    """What the base says of its fits."""
    if info.members is not None:
        members = [jax.tree.map(lambda leaf, i=i: leaf[i], info.members) for i in range(spec.members)]
        yield from remarks_of("base", spec.base, members, shape)


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    (stump,), (bayes,) = median_stump.mldsl_components(), histogram_bayes.mldsl_components()
    return [
        Model(
            "random_halves",
            Spec,
            prepare=prepare,
            prepares=prepares,
            prepare_reads=("base",),
            apply_prepared=apply_prepared,
            fit=fit,
            predict=predict,
            remarks=remarks,
            follows=("base",),
            accepts=("continuous", "integer", "binary", "ordinal", "categorical"),
            missing="accepts",
            sparse=True,
            costs=True,
            tasks={"classify", "regress"},
            example=Spec(Configured(stump, stump.Spec()), members=2),
            examples={"classify": Spec(Configured(bayes, bayes.Spec()), members=2)},
            snippet="random_halves(base = median_stump)",
            sources=["Friedman & Hall 2007, doi:10.1016/j.jspi.2006.06.002"],
            exceptions=dict.fromkeys(("weight_2", "row_order", "costs"), "rows are drawn by their places"),
        )
    ]
