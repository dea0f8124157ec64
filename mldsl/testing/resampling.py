"""The checks of steps that change the training rows: they learn nothing, and answer for no row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from mldsl.contract import Examples
from mldsl.testing.compare import bits, rounding
from mldsl.testing.compiling import compiles_once, dtype, pure
from mldsl.testing.learner import KEY, Learner
from mldsl.testing.samples import ROWS, Sample, rubbish


def _counted(made: Examples) -> Examples:
    """The rows that count; what the others hold means nothing."""
    there = np.asarray(made.weight) > 0
    found: Examples = jax.tree.map(lambda part: np.asarray(part)[there], made._replace(active=None))
    return found


def _unsound(learner: Learner, made: Examples) -> Iterator[str]:
    weight = np.asarray(made.weight)
    if not np.isfinite(weight).all() or (weight < 0).any():
        yield "a weight is negative or not finite"
    counted = _counted(made)
    if not np.isfinite(np.asarray(counted.inputs)).all():
        yield "a row that counts holds numbers that are not finite"
    target = counted.target
    if target is not None and ((target < 0) | (target >= learner.sample.shape.classes)).any():
        yield "a row that counts is of a class that does not exist"


def answers(learner: Learner) -> Iterator[str]:
    """Rows with all of their parts, and weights that can be counted with."""
    made, given = learner.fitted.params, learner.sample.examples
    rows = len(made.weight)
    for name, part in made._asdict().items():
        if name != "active" and (part is None) != (getattr(given, name) is None):
            yield f"`{name}` came or went"
        elif name != "active" and part is not None and len(part) != rows:
            yield f"{rows} weights, and {len(part)} rows of `{name}`"
    if made.inputs.ndim != 2 or made.inputs.shape[1] != given.inputs.shape[1]:  # type: ignore[union-attr]
        yield f"expected as many columns as before, found `inputs` of shape {made.inputs.shape}"
    yield from _unsound(learner, made)


def capacity(learner: Learner) -> Iterator[str]:
    """As many rows come out as are declared, whoever counts; by default as many as go in."""
    component, shape = learner.component, learner.sample.shape
    expected = shape.rows if component.capacity is None else component.capacity(learner.plain, shape)
    fewer = learner.sample.replaced(weight=learner.sample.weight * (np.arange(ROWS) % 3 > 0))
    for given in (learner.sample, fewer):
        found = len(learner.fit(given).params.weight)
        if found != expected:
            yield f"expected {expected} rows, found {found}"


def weight_0(learner: Learner) -> Iterator[str]:
    """Other finite values in rows of weight 0 change no bit of a row that counts, and none of them comes back."""
    clean, dirty = learner.fitted.params, learner.fit(rubbish(learner.sample)).params
    yield from bits(clean.weight, dirty.weight)
    yield from bits(_counted(clean), _counted(dirty))
    if learner.component.capacity is None and (clean.weight[learner.sample.weight == 0] > 0).any():
        yield "a row of weight 0 came back"


def padding(learner: Learner) -> Iterator[str]:
    """More rows of weight 0 change no row that counts."""
    more = learner.fit(learner.sample.padded(ROWS + 8)).params
    yield from rounding(_counted(learner.fitted.params), _counted(more))


def batched(learner: Learner) -> Iterator[str]:
    """Two folds in one mapped program, and one after the other."""
    given = learner.sample
    fewer = np.where(np.arange(ROWS) % 3 == 0, 0, given.weight).astype(given.weight.dtype)
    resample = learner.learn(given.shape)

    def fold(weight: Any, examples: Any) -> Any:
        return resample(learner.spec, KEY, examples._replace(weight=weight))[0]

    with learner.scope(), jax.numpy_rank_promotion("raise"):
        mapped = learner.program("batched", given.shape, jax.vmap(fold, in_axes=(0, None)))
        together = mapped(np.stack([given.weight, fewer]), given.examples)
    for i, weight in enumerate((given.weight, fewer)):
        alone = learner.fit(given.replaced(weight=weight)).params
        yield from rounding(_counted(jax.tree.map(lambda part, i=i: part[i], together)), _counted(alone))


# ---- hard data -------------------------------------------------------------------------------------------------------


def _harmless(learner: Learner, given: Sample) -> Iterator[str]:
    yield from _unsound(learner, learner.fit(given).params)


def one_row(learner: Learner) -> Iterator[str]:
    """A single row."""
    yield from _harmless(learner, learner.sample.replaced(weight=(np.arange(ROWS) == 0).astype(learner.dtype)))


def constant_column(learner: Learner) -> Iterator[str]:
    """Every row the same."""

    def constant(table: np.ndarray) -> None:
        table[:] = table[0]

    yield from _harmless(learner, learner.sample.with_table(constant))


def one_class(learner: Learner) -> Iterator[str]:
    """All rows of one class, of several that there could be."""
    target = learner.sample.examples.target
    if target is not None:
        yield from _harmless(learner, learner.sample.replaced(target=np.zeros_like(target)))


OF_RESAMPLING = (
    answers, capacity, weight_0, padding, compiles_once, pure, dtype, batched, one_row, constant_column, one_class,
)  # fmt: skip
