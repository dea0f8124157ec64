"""The checks of whatever learns from rows: models and transforms, of every family."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from mldsl.contract import Examples, Sparse
from mldsl.plugin import Model, Transform
from mldsl.testing.compare import bits, not_finite, rounding
from mldsl.testing.compiling import OF_MODEL_PROGRAMS, OF_PROGRAMS, in_passing
from mldsl.testing.learner import Learner, to_numpy
from mldsl.testing.samples import PRESENT, ROWS, Sample, dense_form, holes, reordered, repeated, rubbish

# ---- answers ---------------------------------------------------------------------------------------------------------


def answers(learner: Learner) -> Iterator[str]:
    """The right shape and range, finite."""
    found = learner.learned(learner.sample)
    yield from _unusable(learner, found, bounded=True)
    yield from _well_formed(learner, found)


def _unusable(learner: Learner, found: dict[str, np.ndarray], *, bounded: bool = False) -> Iterator[str]:
    """Values that are not finite; a score beside a probability may say that a class is impossible.

    An interval may be without bounds, where rows leave nothing to judge by, unless it must be `bounded`.
    """
    minus = {"score": np.maximum(found["score"], -1e30)} if "probability" in found and "score" in found else {}
    clipped = {"interval": np.clip(found["interval"], -1e30, 1e30)} if "interval" in found and not bounded else {}
    yield from not_finite({**found, **minus, **clipped})


def _well_formed(learner: Learner, found: dict[str, np.ndarray]) -> Iterator[str]:
    task, shape = learner.task, learner.sample.shape
    if isinstance(learner.component, Transform):
        if "outputs" in found and (found["outputs"].ndim != 2 or len(found["outputs"]) != ROWS):
            yield f"expected outputs [n, outputs], found {found['outputs'].shape}"
        return
    margins = task == "classify" and learner.component.margins
    if margins and "probability" in found:
        yield "it declares `margins`, and gives probabilities"
    expected: dict[str, dict[str, tuple[int, ...]]] = {
        "classify": {"score" if margins else "probability": (ROWS, shape.classes)},
        "regress": {"mean": (ROWS,)},
        "cluster": {"label": (ROWS,)},
        "rank": {"score": (ROWS,)},
        "recommend": {"score": (ROWS,)},
    }
    for name, size in expected.get(task, {}).items():
        if name not in found:
            yield f"expected `{name}` {size}, found {', '.join(found) or 'nothing'}"
        elif found[name].shape != size:
            yield f"expected `{name}` {size}, found {found[name].shape}"
    if task == "generate" and found["rows"].shape[1:] != (shape.d,):
        yield f"expected rows [n, {shape.d}], found {found['rows'].shape}"
    probability = found.get("probability")
    if probability is not None and probability.ndim == 2:
        if (probability < 0).any() or (probability > 1 + 1e-5).any():
            yield "a probability is outside of 0..1"
        if np.abs(probability.sum(axis=1) - 1).max() > 1e-4:
            yield "the probabilities of a row do not add up to 1"
    label, distance = found.get("label"), found.get("distance")
    if label is not None and (label.dtype.kind not in "iu" or (label < 0).any()):
        yield "labels are integers from 0"
    if label is not None and distance is not None and (label >= distance.shape[1]).any():
        yield "a label has no column of `distance`"
    interval = found.get("interval")
    if interval is not None and (interval.shape != (ROWS, 2) or (interval[:, 0] > interval[:, 1]).any()):
        yield "expected `interval` [n, 2], low before high"


def rows_apart(learner: Learner) -> Iterator[str]:
    """The same rows in another order get the same answers."""
    if learner.task == "generate":
        return
    given, index = reordered(learner.sample)
    alone, among = learner.answer(learner.fitted, learner.sample), learner.answer(learner.fitted, given)
    yield from rounding({name: value[index] for name, value in alone.items()}, among, tolerance=1e-4)


# ---- weights ---------------------------------------------------------------------------------------------------------


def weight_0(learner: Learner) -> Iterator[str]:
    """Other finite values in rows of weight 0 change no bit of what is learned."""
    clean, dirty = learner.fitted, learner.fit(rubbish(learner.sample))
    yield from bits(clean.params, dirty.params)
    there = learner.sample.weight > 0
    for one, other in ((clean.info, dirty.info), (clean.state, dirty.state)):
        yield from bits(_present(one, there), _present(other, there))


def _present(tree: Any, there: np.ndarray) -> Any:
    """Values by row are compared for the rows that are there."""
    return jax.tree.map(lambda x: x[there] if np.ndim(x) and len(x) == len(there) else np.asarray(x), tree)


def weight_2(learner: Learner) -> Iterator[str]:
    """Twice the weight is the row twice."""
    heavier, twice = repeated(learner.sample)
    yield from rounding(learner.learned(heavier), learner.learned(twice))


def costs(learner: Learner) -> Iterator[str]:
    """Twice the cost of a row is twice its weight in the loss."""
    given = learner.sample
    if not learner.component.costs:
        return
    times = np.where(np.arange(ROWS) % 3 == 0, 2, 1).astype(learner.dtype)
    dearer, heavier = learner.longer(times), given.replaced(weight=given.weight * times)
    yield from _as_expected(learner, dearer, learner.learned(heavier))
    found, plain = in_passing(learner, dearer), in_passing(learner, learner.longer())
    if all(np.array_equal(value, plain[name]) for name, value in found.items()):
        yield "it declares `costs`, and what rows cost changes nothing"


def _as_expected(learner: Learner, given: Sample, expected: dict[str, np.ndarray]) -> Iterator[str]:
    """What a fit of other rows than the sample's is, to rounding.

    By a program that is compiled for other checks; only where that differs by one that can do nothing else wrong.
    """
    try:
        differs = bool(list(rounding(expected, in_passing(learner, given))))
    except Exception:  # the check whose program it is says so
        differs = True
    if differs:
        yield from rounding(expected, learner.learned(given))


def row_order(learner: Learner) -> Iterator[str]:
    """Rows in another order teach the same."""
    yield from rounding(learner.learned(learner.sample), learner.learned(reordered(learner.sample)[0]))


def padding(learner: Learner) -> Iterator[str]:
    """More rows of weight 0 change nothing, nor does a cost of 1 that every row has."""
    yield from _as_expected(learner, learner.longer(), learner.learned(learner.sample))


def active(learner: Learner) -> Iterator[str]:
    """What an inactive column holds changes no bit."""
    given = learner.sample
    if given.shape.d == 0 or learner.task == "recommend":
        return
    place = given.shape.d - 1
    mask = np.arange(given.shape.d) != place

    def empty(table: np.ndarray) -> None:
        table[:, place] = 0

    def other(table: np.ndarray) -> None:
        column = given.columns[place]
        table[:, place] = np.arange(ROWS) % len(column.levels) if column.levels else np.cos(np.arange(ROWS)) * 100

    zeros = given.replaced(active=mask).with_table(empty)
    one, two = learner.fit(zeros), learner.fit(given.replaced(active=mask).with_table(other))
    yield from bits(learner.answer(one, zeros), learner.answer(two, zeros))


def names(learner: Learner) -> Iterator[str]:
    """One name for each column that comes out."""
    from mldsl.execute.steps import outputs_of

    found = learner.learned(learner.sample).get("outputs")
    if not isinstance(learner.component, Transform) or found is None:
        return
    if learner.sparse and found.shape[1] == learner.sample.shape.d:
        return  # the columns of a sparse matrix keep their names
    named = outputs_of(learner.component, learner.plain, learner.sample.columns, learner.levels)
    if len(named) != found.shape[1]:
        yield f"{len(named)} columns are named ({', '.join(c.name for c in named)}) and {found.shape[1]} come out"
    if len({c.name for c in named}) != len(named):
        yield "two columns have one name"


# ---- hard data -------------------------------------------------------------------------------------------------------


def _harmless(learner: Learner, given: Sample, rows: int = PRESENT) -> Iterator[str]:
    if learner.refuses(given, rows):
        return
    yield from _unusable(learner, learner.answer(learner.fit(given), given))


def one_row(learner: Learner) -> Iterator[str]:
    """A single row."""
    weight = (np.arange(ROWS) == 0).astype(learner.dtype)
    yield from _harmless(learner, learner.sample.replaced(weight=weight), 1)


def wide(learner: Learner) -> Iterator[str]:
    """Two rows, and more columns."""
    weight = (np.arange(ROWS) < 2).astype(learner.dtype)
    yield from _harmless(learner, learner.sample.replaced(weight=weight), 2)


def constant_column(learner: Learner) -> Iterator[str]:
    """Every column constant in turn is every column constant at once."""

    def constant(table: np.ndarray) -> None:
        table[:PRESENT] = table[0]

    if learner.sample.shape.d:
        yield from _harmless(learner, learner.sample.with_table(constant))


def constant_target(learner: Learner) -> Iterator[str]:
    """All targets the same number."""
    target = learner.sample.examples.target
    if target is not None and target.dtype.kind == "f":
        yield from _harmless(learner, learner.sample.replaced(target=np.full_like(target, 1.5)))


def one_class(learner: Learner) -> Iterator[str]:
    """All rows of one class, of several that there could be."""
    target = learner.sample.examples.target
    if target is not None and target.dtype.kind == "i":
        yield from _harmless(learner, learner.sample.replaced(target=np.zeros_like(target)))


def missing_values(learner: Learner) -> Iterator[str]:
    """NaN in a tenth of the cells, and a column of nothing else."""
    component: Any = learner.component
    if component.missing == "refuses" or isinstance(learner.sample.examples.inputs, Sparse):
        return
    given = learner.sample.with_table(holes)
    answer = learner.answer(learner.fit(given), given)
    if isinstance(component, Model) or component.missing == "fills":
        yield from _unusable(learner, answer)


def unseen_level(learner: Learner) -> Iterator[str]:
    """The code -1, which is what a level that training has not seen becomes."""
    places = learner.sample.positions("categorical", "ordinal", "binary")
    if not places:
        return

    def unseen(table: np.ndarray) -> None:
        table[:PRESENT:2, places] = -1

    yield from _unusable(learner, learner.answer(learner.fitted, learner.sample.with_table(unseen)))


def unseen_user(learner: Learner) -> Iterator[str]:
    """The code -1 for users and items."""
    e = learner.sample.examples
    if learner.component.score is None:
        return
    for new in ({"user": np.full_like(e.user, -1)}, {"item": np.full_like(e.item, -1)}):
        yield from not_finite(learner.answer(learner.fitted, learner.sample.replaced(**new)))


def top_k(learner: Learner) -> Iterator[str]:
    """The items that `score` puts first, in falling order, without those that were seen."""
    component: Any = learner.component
    if component.top_k is None:
        return
    count, k = learner.sample.shape.items, 3
    user = np.array([0, 1], np.int32)
    params = learner.fitted.params
    with learner.scope(), jax.numpy_rank_promotion("raise"):
        item = np.tile(np.arange(count, dtype=np.int32), 2)
        scored = jax.jit(component.score)(learner.spec, params, np.repeat(user, count), item)
        every = np.asarray(scored).reshape(2, count)
        best = np.argsort(-every, axis=1).astype(np.int32)
        seen = np.stack([[best[0, 0], -1], best[1, :2]])  # what would come first is what must be left out
        found = jax.jit(lambda s, p, u, v: component.top_k(s, p, u, k, v))(learner.spec, params, user, seen)
    item, score = (np.asarray(part) for part in found)
    for row in range(2):
        known = seen[row][seen[row] >= 0]
        if set(item[row]) & set(known):
            yield f"user {user[row]} is given an item that was seen"
        if any(a < b for a, b in pairwise(score[row])):
            yield "scores do not fall"
        yield from rounding(every[row][item[row]], score[row], tolerance=1e-4)
        yield from rounding(np.sort(np.delete(every[row], known))[::-1][:k].copy(), score[row], tolerance=1e-4)


LEARNING = (
    answers, rows_apart, weight_0, weight_2, row_order, padding, active, *OF_PROGRAMS, one_row, wide, constant_column,
    constant_target, one_class, missing_values, unseen_level,
)  # fmt: skip


def sparse(learner: Learner) -> Iterator[str]:
    """A sparse matrix teaches, and is answered, what the same matrix teaches as a dense one."""
    if not learner.sparse or getattr(learner.component, "host_apply", None) is not None:
        return
    dense = Learner(learner.component, learner.task)
    dense.sample = dense_form(learner.sample)
    yield from rounding(learner.learned(learner.sample), dense.learned(dense.sample))


def in_batches(learner: Learner) -> Iterator[str]:
    """What two parts of the rows teach together is what all of them teach."""
    model: Any = learner.component
    if model.count is None:
        return
    given, shape = learner.sample, learner.sample.shape
    counts = getattr(learner.fitted.info, "counts", None)
    if counts is None:
        yield "`Info` has no `counts`, so that what was learned cannot go on"
        return

    def both(spec: Any, examples: Examples, other: Examples) -> Any:
        whole = model.add(model.count(spec, shape, examples), model.count(spec, shape, other))
        return model.learn(spec, shape, whole, examples.active)

    first = np.arange(ROWS) % 3 == 0
    parts = [given.replaced(weight=np.where(there, given.weight, 0)).examples for there in (first, ~first)]
    with learner.scope(), jax.numpy_rank_promotion("raise"):
        params, info = to_numpy(learner.program("in_batches", shape, both)(learner.spec, *parts))
    yield from rounding(params, learner.fitted.params)
    yield from rounding(info.counts, counts)


OF_MODELS = (*LEARNING, sparse, costs, in_batches, *OF_MODEL_PROGRAMS, unseen_user, top_k)
OF_TRANSFORMS = (*LEARNING, sparse, names)
