"""What ensembles of one base model share: fitting it, asking it, and saying what is wrong with it.

The base is a `Configured`: a component and its Spec. The parameters of members are stacked, an entry of the first axis
each. A base that prepares its inputs on the host learns from those and answers the matrix, so the ensemble's own inputs
are both, as `Two`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Key

from mldsl.contract import Examples, Shape, Trees, fit_whole, remarks_of
from mldsl.plugin import Problem
from mldsl.plugin.spec import Configured

OF_ALL = "formula", "arithmetic"  # types of parameters that decide the inputs of the whole model
ACCEPTS = "continuous", "integer", "binary", "ordinal", "categorical"  # at most: a base may take fewer
ROLES = "weight", "offset"
MOST = 3  # sentences about fits


class Two(NamedTuple):
    """What a base learns from, and the matrix [n, d] of the same rows, which it answers."""

    prepared: Any
    matrix: Any


def learn(base: Configured, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Any, Any]:
    """Params of one member, and its Info where its base has something to say of that."""
    inputs = examples.inputs
    seen = examples._replace(inputs=inputs.prepared) if isinstance(inputs, Two) else examples
    params, info = fit_whole(base, key, shape, seen)
    return params, None if base.component.remarks is None else info  # type: ignore[attr-defined]


def say(base: Configured, params: Any, inputs: Any, offset: Array | None = None) -> Array:
    """The answers of a member: probabilities [n, classes], or margins of a base that has no others; numbers [n]."""
    model: Any = base.component
    matrix = inputs.matrix if isinstance(inputs, Two) else inputs
    shifted = offset is not None and "offset" in model.roles
    if shifted and model.predict_at is not None:
        answer = model.predict_at(base.spec, params, matrix, offset)
    else:
        answer = model.predict(base.spec, params, matrix)
    if answer.probability is not None:
        found: Array = answer.probability
    elif answer.score is not None:
        found = answer.score
    else:
        found = answer.mean if not shifted or model.predict_at is not None else answer.mean + offset
    return found


def prepare(base: Configured, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray) -> tuple[Two, Any]:
    """The base's own inputs beside the matrix, on the host, and its state."""
    prepared, state = base.component.prepare(base.spec, shape, columns, weight)  # type: ignore[attr-defined]
    return Two(prepared, np.stack([columns[c.name] for c in shape.columns], axis=1)), state


def prepares(spec: Any) -> bool:
    """Whether the base prepares its inputs on the host."""
    return bool(spec.base.component.prepares_for(spec.base.spec))


def trees(base: Configured, members: Any) -> Trees | None:
    """The trees of all members, one after the other, of a base that grows some."""
    model: Any = base.component
    if model.trees is None:
        return None
    grown = jax.lax.map(lambda params: model.trees(base.spec, params), members)
    together: Trees = jax.tree.map(lambda leaf: leaf.reshape(len(leaf) * leaf.shape[1], *leaf.shape[2:]), grown)
    return together


def check(base: Configured, shape: Shape) -> Iterator[Problem]:
    """What a model may not be, or have, to be the base of an ensemble."""
    from mldsl.plugin.extract import parameters_of

    model: Any = base.component
    if model.apply_prepared is not None:
        yield Problem("base", f"expected a model that answers rows as they are, found `{model.name}`")
    for parameter in parameters_of(type(base.spec)):
        if parameter.type.name in OF_ALL and getattr(base.spec, parameter.name):
            yield Problem(
                "base", f"expected `{model.name}` without a formula: all members get the columns of the model"
            )


def remarks(
    base: Configured, infos: Any, shape: Shape, made: int, *, sentences: bool = True
) -> Iterator[Problem | str]:
    """What the base says of the first `made` fits: all refusals, and a few sentences."""
    if infos is None:
        return
    members = [jax.tree.map(lambda leaf, m=m: leaf[m], infos) for m in range(made)]
    shown = 0
    for said in remarks_of("base", base, members, shape):
        if isinstance(said, Problem):
            yield said
        elif sentences and shown < MOST:
            shown += 1
            yield said
