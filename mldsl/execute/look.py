"""Asking fitted models: what they would say of held-out rows if some of their declared columns held something else.

A column that reaches the device as it was declared is changed in the matrix there, many changes in one compiled
program. One that host steps read (a text, a date, an operand of an expression) goes through the host half again, change
by change. Where folds count, each row is asked of the fit that has not seen it; such fits are made again, from the same
keys and through the programs that are compiled already, so they are the same to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.contract import Prediction
from mldsl.data import Dataset, input_columns
from mldsl.execute.fit import FittedModel, FoldResult, Layout, Prepared, Run, as_in_fold, fit_once, to_numpy
from mldsl.execute.members import passes_on
from mldsl.execute.outcome import Outcome
from mldsl.execute.preparing import answers_raw
from mldsl.execute.score import Scorer, learned_of
from mldsl.execute.steps import columns_used
from mldsl.plan.design import columns_read, matched

_ROOM = 1 << 23  # numbers that the changes of one call, and the answers to them, may hold; or twice that
_FEWEST = 8  # changes in a call

Change = Mapping[str, Any]
"""By declared column: an order of the rows, Int[m], whose cells it takes; or `Cells`, one value for all rows."""


@attrs.frozen(eq=False)
class Cells:
    """One value in all rows: a Polars series of length 1."""

    value: Any


@attrs.frozen(eq=False)
class Asked:
    """A fit and the rows it is asked about: `place` [m] among the held-out ones, `index` [m] among all."""

    fit: FoldResult
    scorer: Scorer
    dataset: Dataset
    made: Layout
    place: np.ndarray
    index: np.ndarray
    threshold: Any


class Looker:
    """One model, and the held-out rows `index` (Int[m], places among all rows) that it is asked about."""

    def __init__(self, run: Run, outcome: Outcome, index: np.ndarray) -> None:
        self.run, self.outcome, self.index = run, outcome, index
        self.prepared = outcome.model.prepared

    @property
    def answers_rows(self) -> bool:
        """Whether the model says something of single rows."""
        model: Any = self.prepared.pipeline.model
        return model.predict is not None or model.score is not None

    @cached_property
    def _position(self) -> dict[str, int]:
        """Where the columns are in the matrix that reach it as they were declared."""
        declared = {c.name for c in self.run.dataset.columns}
        names, by_host = self.prepared.host.encoded.names, _by_host(self.prepared)
        return {name: i for i, name in enumerate(names) if name in declared and name not in by_host}

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The declared columns that answers come from: the inputs, and others that steps work on."""
        return self._reads(self.prepared)

    def _reads(self, prepared: Prepared) -> tuple[str, ...]:
        columns = self.run.dataset.columns
        if prepared.members:
            of_members = {name for member in prepared.members for name in self._reads(member)}
            own = self._reads(attrs.evolve(prepared, members=())) if passes_on(prepared.plan) else ()
            return tuple(c.name for c in columns if c.name in of_members or c.name in own)
        half, plan = prepared.half, prepared.plan
        if plan.design is not None:
            names = set(matched(columns_read(plan), [c.name for c in columns]))
        else:
            names = {c.name for c in input_columns(columns)} | _by_host(prepared) | set(half.hidden)
        for step in half.device:
            if step.derive is not None:
                names |= columns_used(step.derive[1])
        gone = _dropped_first(plan.steps, self.run.resolver)
        return tuple(c.name for c in columns if c.name in names - gone and c.role != "target")

    # ---- fits --------------------------------------------------------------------------------------------------------
    @cached_property
    def asked(self) -> tuple[Asked, ...]:
        """The fits to ask: the last one, or where folds count that of every fold."""
        outcome, run = self.outcome, self.run
        if outcome.headline != "folds":
            everything = np.arange(len(self.index))
            return (self._of(outcome.model, everything, outcome.threshold, outcome.calibrator),)
        found = []
        decided = zip(outcome.fold_thresholds, outcome.fold_calibrators, strict=True)
        for number, (fold, (threshold, calibrator)) in enumerate(zip(run.split.folds, decided, strict=True)):
            if fold.repeat == run.split.folds[0].repeat:
                prepared = as_in_fold(run, outcome.model, number)
                fit = fit_once(run, prepared, fold.train, fold.stop, f"fold={fold.repeat}.{fold.index}")
                fitted = attrs.evolve(outcome.model, prepared=prepared, last=fit)
                found.append(self._of(fitted, np.flatnonzero(fold.held[self.index]), threshold, calibrator))
        return tuple(found)

    def _of(self, fitted: FittedModel, place: np.ndarray, threshold: Any, calibrator: Any) -> Asked:
        run, index = self.run, self.index[place]
        learned = learned_of(run.plan, fitted, threshold, calibrator)
        scorer = Scorer(learned, run.resolver, run.programs)
        dataset = attrs.evolve(run.dataset, frame=run.dataset.frame[index])
        return Asked(fitted.last, scorer, dataset, scorer.layout(dataset), place, index, threshold)

    # ---- answers -----------------------------------------------------------------------------------------------------
    def answers(self, asked: Asked, changes: Sequence[Change]) -> Prediction:
        """What the fit says of its rows after each change: leaves [changes, m, ...], in the target's own units."""
        direct = not self.prepared.members and answers_raw(
            self.prepared.pipeline, self.run.resolver.spec(self.prepared.plan.algorithm)
        )
        by_width: dict[int, list[int]] = {}
        for i, change in enumerate(changes):
            here = direct and all(name in self._position for name in change)
            by_width.setdefault(len(change) if here else -1, []).append(i)
        found = _Stack(len(changes), len(asked.index))
        for width, numbers in by_width.items():
            if width < 0:
                for i in numbers:
                    found.put([i], self._through_host(asked, changes[i]))
                continue
            for part, answer in self._on_device(asked, changes, numbers, width):
                found.put(part, answer)
        together: Any = [None if v is None else v.reshape(-1, *v.shape[2:]) for v in found.leaves]
        said = asked.scorer.finished(Prediction(*together), asked.made)
        apart: Any = [None if v is None else v.reshape(len(changes), -1, *v.shape[1:]) for v in said]
        return Prediction(*apart)

    def _on_device(
        self, asked: Asked, changes: Sequence[Change], numbers: Sequence[int], width: int
    ) -> Iterator[tuple[Sequence[int], Prediction]]:
        """Changes of `width` columns each, in calls of equal size: which of them, and their answers."""
        made = asked.made
        matrix, m = made.rows.matrix, len(asked.index)
        room = len(matrix) * (max(1, self.prepared.pipeline.shape.classes) + width)
        size = math.ceil(len(numbers) / max(1, math.ceil(len(numbers) * room / _ROOM)))
        size = max(_FEWEST, 1 << (size - 1).bit_length())  # few sizes, so that few programs are compiled
        codes = self._codes(asked, [changes[i] for i in numbers])
        for start in range(0, len(numbers), size):
            part = numbers[start : start + size]
            columns = np.zeros((size, width), np.int32)
            values = np.zeros((size, width, len(matrix)), matrix.dtype)
            for row, number in enumerate(part):
                for j, (name, given) in enumerate(changes[number].items()):
                    columns[row, j] = self._position[name]
                    own = matrix[:m, columns[row, j]]
                    values[row, j, :m] = codes[name].pop(0) if isinstance(given, Cells) else own[given]
            answer = self.run.programs.call(
                "changed", _changed(made.pipeline), made.pipeline.static, made.specs, asked.fit.steps,
                asked.fit.params, made.rows, columns, values, x64=made.x64,
            )  # fmt: skip
            yield part, to_numpy(answer)

    def _codes(self, asked: Asked, changes: Sequence[Change]) -> dict[str, list[float]]:
        """What stands in the matrix for single values, by column in the order of the changes."""
        import polars as pl

        found: dict[str, list[float]] = {}
        for name in dict.fromkeys(name for change in changes for name in change):
            cells = [change[name].value for change in changes if isinstance(change.get(name), Cells)]
            if cells:
                frame = asked.dataset.frame[np.zeros(len(cells), int)].with_columns(pl.concat(cells).alias(name))
                matrix = asked.scorer.layout(attrs.evolve(asked.dataset, frame=frame)).rows.matrix
                found[name] = matrix[: len(cells), self._position[name]].tolist()
        return found

    def _through_host(self, asked: Asked, change: Change) -> Prediction:
        frame = asked.dataset.frame
        cells = {
            name: given.value.new_from_index(0, frame.height) if isinstance(given, Cells) else frame[name][given]
            for name, given in change.items()
        }
        changed = attrs.evolve(asked.dataset, frame=frame.with_columns(**cells))
        answer = asked.scorer.said(changed, asked.scorer.layout(changed))
        one: Any = [None if leaf is None else leaf[None] for leaf in answer]
        return Prediction(*one)

    def answered(self, frame: Any) -> Prediction:
        """What the last fit says of rows that hold the declared columns (Polars), calibrated: leaves [m, ...]."""
        outcome = self.outcome
        learned = learned_of(self.run.plan, outcome.model, outcome.threshold, outcome.calibrator)
        scorer = Scorer(learned, self.run.resolver, self.run.programs)
        said, _ = scorer.raw(attrs.evolve(self.run.dataset, frame=frame))
        rows: Prediction = jax.tree.map(lambda leaf: leaf[: frame.height], said)
        return rows

    def replaced(self, values: Mapping[str, Sequence[Any]]) -> np.ndarray:
        """The answers with these values [g] of declared columns in all rows: [g, m, outputs].

        Numbers, texts of levels, dates; None is a missing cell. Outputs are probabilities, else one number.
        """
        import polars as pl

        frame = self.run.dataset.frame
        made = {name: pl.Series(name, list(given), frame.schema[name], strict=False) for name, given in values.items()}
        count = len(next(iter(made.values())))
        changes = [{name: Cells(series[i : i + 1]) for name, series in made.items()} for i in range(count)]
        out = None
        for asked in self.asked:
            said = self.answers(asked, changes)
            given: Any = next(v for v in (said.probability, said.mean, said.score) if v is not None)
            given = given if given.ndim == 3 else given[:, :, None]
            out = np.full((count, len(self.index), given.shape[2]), np.nan) if out is None else out
            out[:, asked.place] = given
        assert out is not None
        return out


def _by_host(prepared: Prepared) -> set[str]:
    """Columns that host steps read or make: what is in the matrix under their name is not what was declared."""
    found: set[str] = set()
    for step in prepared.half.steps:
        if step.plan.derive is not None:
            name, expression = step.plan.derive
            found |= {name} | columns_used(expression)
        else:
            found |= set(step.on)
    return found


class _Stack:
    """Answers to changes, [changes, m, ...], filled in as they come."""

    def __init__(self, changes: int, m: int) -> None:
        self.changes, self.m = changes, m
        self.leaves: list[Any] = [None] * len(Prediction._fields)

    def put(self, numbers: Sequence[int], answer: Prediction) -> None:
        for i, leaf in enumerate(answer):
            if leaf is None:
                continue
            if self.leaves[i] is None:
                self.leaves[i] = np.zeros((self.changes, self.m, *leaf.shape[2:]), leaf.dtype)
            self.leaves[i][list(numbers)] = leaf[: len(numbers), : self.m]


def _changed(pipeline: Any) -> Callable[..., Any]:
    """The program: in each change some columns [p] of the matrix hold other values [p, n], and all rows are scored."""

    def program(specs: Any, steps: Any, params: Any, rows: Any, columns: Any, values: Any) -> Any:
        def one(change: Any) -> Any:
            where, cells = change
            matrix = rows.matrix.at[:, where].set(cells.T)
            return pipeline.answer(specs, steps, params, rows._replace(matrix=matrix))

        return jax.lax.map(one, (columns, values))

    return program


def _dropped_first(steps: Sequence[Any], resolver: Any) -> set[str]:
    """Columns that leave the inputs before anything has looked at them."""
    seen: set[str] = set()
    gone: set[str] = set()
    for step in steps:
        present = [c.name for c in step.before]
        if step.derive is not None:
            seen |= columns_used(step.derive[1])
        elif step.component is not None and resolver.component(step.component).selects:
            after = {c.name for c in step.after}
            gone |= {name for name in present if name not in after} - seen
        else:
            seen |= set(matched(step.on, present)) | ({step.per} if step.per else set())
    return gone
