"""A model's `prepare` on the host: what it makes of rows to learn from, and of rows to answer for.

A model is asked about the raw matrix, unless it has `apply_prepared` and that gives something in its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.execute.blame import blamed
from mldsl.execute.pipeline import Pipeline
from mldsl.plugin.following import bases_of

MOST_BYTES = 256 << 20  # of what is kept


def by_name(pipeline: Pipeline, matrix: Any) -> Mapping[str, np.ndarray]:
    """The columns of the model's matrix [n, d], as the host sees them."""
    whole = np.asarray(matrix)
    return {column.name: whole[:, i] for i, column in enumerate(pipeline.columns)}


class Kept:
    """What was prepared in this run, so that settings of a search that change none of it share it, and models do.

    Found again by what it was made of: the function, the parameters that it reads, the columns, their values and the
    weights, so that whatever a fold or a step changes is prepared anew. The least recently used goes first.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._made: dict[Any, tuple[Any, int]] = {}

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """What belongs to the key, made if it is not there."""
        found = self._made.pop(key, None)
        if found is None:
            made = make()
            found = made, sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(made))
        self._made[key] = found
        while len(self._made) > 1 and sum(size for _, size in self._made.values()) > self.most_bytes:
            del self._made[next(iter(self._made))]
        if found[1] > self.most_bytes:
            del self._made[key]
        return found[0]


def to_learn(kept: Kept, pipeline: Pipeline, spec: Any, matrix: Any, weight: Any) -> tuple[Any, Any]:
    """Inputs for the fit, and the state that does the same to other rows; `spec` is the plain one."""
    model: Any = pipeline.model
    shape, values, weight = _shape(pipeline, matrix), np.asarray(matrix), np.asarray(weight)

    def make() -> Any:
        with blamed(pipeline.value, "prepare"):
            return tuple(model.prepare(spec, shape, by_name(pipeline, values), weight))

    made: tuple[Any, Any] = kept.get((model.prepare, repr(read(model, spec)), shape, _hash(values, weight)), make)
    return made


def read(model: Any, spec: Any) -> dict[str, Any]:
    """The parameters that the model's `prepare` looks at, and their values; of models that it follows, theirs."""
    names = [field.name for field in attrs.fields(type(spec))]
    wanted = [name for name in names if model.prepare_reads is None or name in model.prepare_reads]
    found = {name: getattr(spec, name) for name in wanted if name not in model.follows}
    bases = [(name, base) for name, base in bases_of(model, spec) if name in wanted]
    return found | {
        f"{name}.{place}": (base.component.prepare, read(base.component, base.spec))
        for place, (name, base) in enumerate(bases)
    }


def _hash(*arrays: np.ndarray) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.digest()


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
