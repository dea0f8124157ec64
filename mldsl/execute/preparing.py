"""A model's `prepare` on the host: what it makes of rows to learn from, and of rows to answer for.

A model is asked about the raw matrix, unless it has `apply_prepared` and that gives something in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from mldsl.execute.blame import blamed
from mldsl.execute.pipeline import Pipeline


def by_name(pipeline: Pipeline, matrix: Any) -> Mapping[str, np.ndarray]:
    """The columns of the model's matrix [n, d], as the host sees them."""
    whole = np.asarray(matrix)
    return {column.name: whole[:, i] for i, column in enumerate(pipeline.columns)}


def to_learn(pipeline: Pipeline, spec: Any, matrix: Any, weight: Any) -> tuple[Any, Any]:
    """Inputs for the fit, and the state that does the same to other rows; `spec` is the plain one."""
    model: Any = pipeline.model
    with blamed(pipeline.value, "prepare"):
        inputs, state = model.prepare(spec, _shape(pipeline, matrix), by_name(pipeline, matrix), np.asarray(weight))
    return inputs, state


def to_learn_more(pipeline: Pipeline, spec: Any, state: Any, matrix: Any) -> Any:
    """Inputs to learn from further, by the state of an earlier fit: its bins, not others."""
    model: Any = pipeline.model
    name = "prepare_as" if model.prepare_as is not None else "apply_prepared"
    with blamed(pipeline.value, name):
        return getattr(model, name)(spec, _shape(pipeline, matrix), state, by_name(pipeline, matrix))


def to_answer(pipeline: Pipeline, spec: Any, state: Any, matrix: Any) -> Any:
    """What `predict` is given for these rows in place of their matrix; None where it is the matrix itself."""
    model: Any = pipeline.model
    if model.apply_prepared is None or not model.prepares_for(spec):
        return None
    with blamed(pipeline.value, "apply_prepared"):
        return model.apply_prepared(spec, _shape(pipeline, matrix), state, by_name(pipeline, matrix))


def _shape(pipeline: Pipeline, matrix: Any) -> Any:
    return attrs.evolve(pipeline.shape, rows=len(matrix))


def answers_raw(pipeline: Pipeline, spec: Any) -> bool:
    """Whether `predict` is given the matrix itself, so that it can stand in one program with the steps before it."""
    model: Any = pipeline.model
    return model.apply_prepared is None or not model.prepares_for(spec)
