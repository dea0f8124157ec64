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


def first(infos: Any) -> Any:
    """The Info of the first member: enough for remarks, where that of all would be larger than what was learned."""
    return jax.tree.map(lambda leaf: leaf[0], infos)


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


def remarks(base: Configured, info: Any, shape: Shape, *, sentences: bool = True) -> Iterator[Problem | str]:
    """What the base says of its first fit: refusals, and sentences."""
    for said in remarks_of("base", base, [info], shape):
        if isinstance(said, Problem) or sentences:
            yield said


def compact(base: Configured, members: Any) -> Any:
    """Stacked parameters, on the host, without what no member needs.

    Each member by itself may be cut to another size. Where what is left of it are the first entries of its arrays, all
    keep as many as the largest; whatever else `compact` does cannot be stacked, and they stay as they are.
    """
    model: Any = base.component
    if model.compact is None:
        return members
    leaves, tree = jax.tree.flatten(members)
    shapes = []
    for place in range(len(leaves[0])):
        one = jax.tree.unflatten(tree, [leaf[place] for leaf in leaves])
        cut, built = jax.tree.flatten(model.compact(base.spec, one) if model.follows else model.compact(one))
        if built != tree or not all(
            _equal(leaf[(place, *map(slice, np.shape(c)))], c) for leaf, c in zip(leaves, cut, strict=True)
        ):
            return members
        shapes.append([np.shape(c) for c in cut])
    largest = [np.max(sizes, axis=0).astype(int).tolist() for sizes in zip(*shapes, strict=True)]
    kept = [leaf[(slice(None), *map(slice, size))] for leaf, size in zip(leaves, largest, strict=True)]
    return jax.tree.unflatten(tree, kept)


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
