"""A categorical column as the mean target of each level, drawn towards the mean of all rows.

A level with n training rows (by weight) of mean target m becomes s m + (1 - s) M, with M the mean of all training rows.
With `smoothing` a number of rows, s = n / (n + smoothing). With `auto`, the empirical Bayes estimate,
s = n t / (n t + v), where t is the variance of the target and v that within the level. So rare levels say little.

The target is the number itself, of two classes 1 for the second, of more one column for each class (`city_Paris` where
the class is Paris). A training row gets the value of a fit that has not seen it (five inner folds; rows of one group
stay together), since its own target is part of its level's mean; other rows get that of all training rows. A missing
value is a level of its own; a level without training rows becomes M.

Shapes:  n rows, d columns of at most L levels, k outputs each; O(n d k) time, O(d L k) memory.
Units:   those of the target, or shares.
Errors:  none.
Sources: Micci-Barreca 2001, doi:10.1145/507533.507538.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Shape, tiny
from mldsl.plugin import Component, NamedColumn, Output, Transform, hookimpl, param
from mldsl_plugins.encoding import _levels


@attrs.frozen
class Spec:
    """Hyperparameters of encoding by target."""

    smoothing: Literal["auto"] | float = param(
        "auto", ge=0, unit="rows", also_known_as=("smooth", "m"),
        doc="How many rows the mean of all counts for beside those of a level; `auto` judges by how levels vary.",
    )  # fmt: skip


class Params(NamedTuple):
    """What each level becomes, by column (the last place is that of missing values), the mean of all rows, and which
    outputs exist: those of columns that do."""

    value: Float[Array, "d levels k"]
    mean: Float[Array, " k"]
    active: Bool[Array, " outputs"]


class Info(NamedTuple):
    """The sum of the weights of each level's rows, by column."""

    mass: Float[Array, "d levels"]


def names(spec: Spec, columns: tuple[NamedColumn, ...], classes: tuple[str, ...]) -> tuple[NamedColumn, ...]:
    """The same columns, now numbers; or a column for each class, of two classes for the second."""
    ends = ("",) if not classes else tuple(f"_{c}" for c in (classes[1:] if len(classes) == 2 else classes))
    return tuple(NamedColumn(f"{c.name}{end}", "continuous") for c in columns for end in ends)


def _numbers(examples: Examples, classes: int) -> Float[Array, "n k"]:
    """The target as numbers, one column or one for each class; 0 where a row is not there."""
    y, weight = examples.target, examples.weight
    assert y is not None
    if classes > 2:
        made = y[:, None] == jnp.arange(classes)[None, :]
    else:
        made = (y == 1)[:, None] if classes else y[:, None]
    return jnp.where((weight > 0)[:, None], made.astype(weight.dtype), 0)


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn what the levels become."""
    weight = examples.weight
    y = _numbers(examples, shape.classes)
    total = jnp.maximum(weight.sum(), tiny(weight.sum()))
    mean = jnp.dot(weight, y, precision="highest") / total
    off = y - mean[None]
    variance = jnp.dot(weight, off * off, precision="highest") / total
    places = _levels.places(examples.inputs, _levels.most(shape))

    def of(place: Array) -> tuple[Array, Array]:
        mass = _levels.sums(jnp.ones_like(weight), place, weight, shape)[:, None]
        safe = jnp.where(mass > 0, mass, 1)
        level = _levels.sums(off, place, weight, shape) / safe
        if spec.smoothing == "auto":
            known = jnp.maximum(place, 0)
            within = _levels.sums((off - level[known]) ** 2, place, weight, shape) / safe
            among = variance[None] * mass
            share = jnp.where(among + within > 0, among / jnp.where(among + within > 0, among + within, 1), 0)
        else:
            added = jnp.asarray(spec.smoothing, y.dtype)
            share = jnp.where(mass > 0, mass / jnp.where(mass > 0, mass + added, 1), 0)
        return mean[None] + share * level, mass[:, 0]

    value, mass = jax.lax.map(of, places.T)
    active = jnp.ones(shape.d, bool) if examples.active is None else examples.active
    return Params(value, mean, jnp.repeat(active, y.shape[1])), Info(mass)


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """Look the levels up."""
    n, d = inputs.shape
    places = _levels.places(inputs, params.value.shape[1] - 1)
    unseen = jnp.broadcast_to(params.mean[None], (d, params.mean.shape[0]))
    return _levels.look_up(params.value, places, unseen).reshape(n, -1)


@hookimpl
def mldsl_components() -> list[Component]:
    """Encoding by target."""
    return [
        Transform(
            "target_encode", Spec, fit=fit, apply=apply, names=names, inputs=("categorical", "binary", "ordinal"),
            missing="fills", uses_target=True, tasks=("classify", "regress"),
            outputs=(Output("{column}", "continuous", "no", only_if="target = one"),
                     Output("{column}_*", "continuous", "no", only_if="target = classes")),
            snippet="target_encode on categorical", sources=("Micci-Barreca 2001, doi:10.1145/507533.507538",),
            also_known_as=("TargetEncoder", "mean_encode", "likelihood_encode", "impact_encode", "MEstimateEncoder"),
        )
    ]  # fmt: skip
