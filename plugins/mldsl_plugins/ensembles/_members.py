"""What ensembles of one base model share: fitting it, asking it, and saying what is wrong with it.

The base is a `Configured`: a component and its Spec. Its parameters are stacked, one entry of their first axis a member.
A base that prepares its inputs on the host learns from those and answers the matrix, so the ensemble's own inputs are
both, as `Two`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import attrs
import jax
import numpy as np
from jaxtyping import Array, Float, Key

from mldsl.contract import Examples, Shape
from mldsl.plugin import Problem
from mldsl.plugin.spec import Configured

NOT_IN_PARTS = "formula", "arithmetic"  # types of parameters that decide the inputs of the whole model


class Two(NamedTuple):
    """What a base learns from, and the matrix of the same rows, which it answers."""

    prepared: Any
    matrix: Float[Array, "n d"]


def learn(base: Configured, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Any, Any]:
    """Params and Info of one member."""
    inputs = examples.inputs
    seen = examples._replace(inputs=inputs.prepared) if isinstance(inputs, Two) else examples
    fitted: tuple[Any, Any] = base.component.fit(base.spec, key, shape, seen)
    return fitted


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


def prepare(
    base: Configured, shape: Shape, columns: Mapping[str, np.ndarray], weight: np.ndarray
) -> tuple[Two, Any]:
    """The base's own inputs beside the matrix, on the host, and its state."""
    prepared, state = base.component.prepare(base.spec, shape, columns, weight)  # type: ignore[attr-defined]
    return Two(prepared, np.stack([columns[c.name] for c in shape.columns], axis=1)), state


def bind(spec: Any, classes: tuple[str, ...]) -> Any:
    """The Spec with the names of classes in its base as numbers; or what is wrong with them."""
    base = spec.base
    if base.component.bind is None:
        return spec
    bound = base.component.bind(base.spec, classes)
    if isinstance(bound, list):
        return [_of_base(base, problem) for problem in bound]
    return attrs.evolve(spec, base=attrs.evolve(base, spec=bound))


def check(base: Configured, shape: Shape) -> Iterator[Problem]:
    """What a base cannot do in an ensemble, and what it says itself."""
    from mldsl.plugin.extract import parameters_of

    model: Any = base.component
    task = "classify" if shape.classes else "regress"
    if task not in model.tasks:
        yield Problem("base", f"expected a model that can {task}, found `{model.name}`")
        return
    if model.apply_prepared is not None:
        yield Problem("base", f"expected a model that answers rows as they are, found `{model.name}`")
        return
    given = [p.name for p in parameters_of(type(base.spec)) if p.type.name in NOT_IN_PARTS and getattr(base.spec, p.name)]
    if given:
        yield Problem("base", f"expected `{model.name}` without `{given[0]}`: all members get the columns of the model")
        return
    if model.check is not None:
        for problem in model.check(base.spec, shape):
            yield _of_base(base, problem)


def _of_base(base: Configured, problem: Problem) -> Problem:
    return Problem("base", f"`{problem.parameter}` of `{base.component.name}`: {problem.message}")


def remarks(base: Configured, infos: Any, shape: Shape, *, sentences: bool = True) -> Iterator[Problem | str]:
    """What the base says of its fits: what one member is refused for all are; sentences are those of the first."""
    model: Any = base.component
    if model.remarks is None or infos is None:
        return
    members = len(jax.tree.leaves(infos)[0])
    for place in range(members):
        said = list(model.remarks(base.spec, jax.tree.map(lambda leaf, m=place: leaf[m], infos), shape))
        problems = [text for text in said if isinstance(text, Problem)]
        if problems:
            yield from (_of_base(base, problem) for problem in problems)
            return
        if place == 0 and sentences:
            yield from (f"`{model.name}`, the first of {members}: {text}" for text in said)


def told(base: Configured, info: Any) -> Any:
    """The Info that is kept of a member: what its base has something to say of."""
    return None if base.component.remarks is None else info  # type: ignore[attr-defined]

