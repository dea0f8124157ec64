"""Small sets of rows for any component, on the host: what its declaration says that it takes, padded to a bucket.

24 rows are there, three of them with weight 0 and some with other weights than 1; 8 more are padding.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from mldsl.contract import ColumnShape, Examples, Shape, Sparse
from mldsl.plugin import Component, NamedColumn

ROWS = 32
PRESENT = 24
LARGE = 1e15
CLASSES = 3
USERS, ITEMS = 8, 8
_LEVELS = {"binary": ("no", "yes"), "categorical": ("a", "b", "c"), "ordinal": ("low", "mid", "high")}
_TENSORS = {"image": (4, 4, 1), "sequence": (6, 2), "vector": (3,)}
_BY_ROW = ("target", "weight", "cost", "offset", "query", "user", "item", "time")


@attrs.frozen(eq=False)
class Sample:
    """Examples of NumPy arrays with their columns and shape."""

    columns: tuple[NamedColumn, ...]
    shape: Shape
    examples: Examples

    def replaced(self, **parts: Any) -> Sample:
        """The same with other parts of the examples."""
        return attrs.evolve(self, examples=self.examples._replace(**parts))

    @property
    def weight(self) -> np.ndarray:
        """How often each row counts."""
        return np.asarray(self.examples.weight)

    def at(self, index: np.ndarray, weight: np.ndarray) -> Sample:
        """The rows at these places, with these weights; as many as there were."""
        e = self.examples
        parts = {name: None if getattr(e, name) is None else getattr(e, name)[index] for name in _BY_ROW}
        return self.replaced(**{**parts, "inputs": _rows_at(e.inputs, index), "weight": weight})

    def padded(self, rows: int) -> Sample:
        """More rows of weight 0, which hold zeros."""
        e, more = self.examples, rows - self.shape.rows

        def pad(value: Any) -> Any:
            return None if value is None else np.pad(value, [(0, more)] + [(0, 0)] * (value.ndim - 1))

        if isinstance(e.inputs, Sparse):
            spare = (0, more)  # of entries, too
            parts: Any = (
                np.pad(e.inputs.value, spare), np.pad(e.inputs.row, spare, constant_values=rows - 1),
                np.pad(e.inputs.column, spare), np.zeros((rows, 0, e.inputs.d), e.inputs.value.dtype),
            )  # fmt: skip
            inputs: Any = Sparse(*parts)
        elif isinstance(e.inputs, dict):
            inputs = {name: pad(value) for name, value in e.inputs.items()}
        else:
            inputs = pad(e.inputs)
        by_row = {name: pad(getattr(e, name)) for name in _BY_ROW}
        made = self.replaced(**{**by_row, "inputs": inputs})
        return attrs.evolve(made, shape=attrs.evolve(self.shape, rows=rows))

    def with_table(self, change: Any) -> Sample:
        """The matrix [n, d] after `change`, which is given a copy that it may write to."""
        inputs = self.examples.inputs
        if isinstance(inputs, Sparse):
            return self.replaced(inputs=_sparse(_changed(_dense(inputs), change)))
        if isinstance(inputs, dict):
            return self.replaced(inputs={**inputs, "table": _changed(inputs["table"], change)})
        return self.replaced(inputs=_changed(inputs, change))

    def positions(self, *types: str) -> list[int]:
        """The places of the columns of these types."""
        return [i for i, column in enumerate(self.columns) if column.type in types]


def _changed(table: Any, change: Any) -> np.ndarray:
    copy: np.ndarray = np.array(table)
    change(copy)
    return copy


def _dense(x: Sparse) -> np.ndarray:
    table = np.zeros((x.n, x.d), x.value.dtype)
    np.add.at(table, (np.asarray(x.row), np.asarray(x.column)), np.asarray(x.value))
    return table


def _sparse(table: np.ndarray) -> Sparse:
    """Every matrix of one shape has one capacity, so that its programs fit."""
    n, d = table.shape
    row, column = np.nonzero(table)
    spare = ROWS * d - len(row)
    parts: Any = (
        np.pad(table[row, column], (0, spare)),
        np.pad(row.astype(np.int32), (0, spare), constant_values=n - 1),
        np.pad(column.astype(np.int32), (0, spare)),
        np.zeros((n, 0, d), table.dtype),
    )
    return Sparse(*parts)


def dense_form(given: Sample) -> Sample:
    """The same rows with a dense matrix in place of a sparse one."""
    inputs: Any = given.examples.inputs
    shape = attrs.evolve(given.shape, columns=tuple(ColumnShape(c.name, c.type) for c in given.columns), wide=0)
    return attrs.evolve(given.replaced(inputs=_dense(inputs)), shape=shape)


def _rows_at(inputs: Any, index: np.ndarray) -> Any:
    if isinstance(inputs, Sparse):
        return _sparse(_dense(inputs)[index])
    if isinstance(inputs, dict):
        return {name: value[index] for name, value in inputs.items()}
    return inputs[index]


# ---- making one ------------------------------------------------------------------------------------------------------


def sample(
    component: Component, task: str, dtype: Any = np.float32, only: tuple[str, ...] = (), classes: int = CLASSES, *,
    sparse: bool = False,
) -> Sample:  # fmt: skip
    """Rows for a model or transform, for one of its tasks; with columns of only these types, if any are given.

    What takes sparse inputs is given counts, in a dense matrix or, if `sparse`, in a sparse one.
    """
    random = np.random.default_rng(12)
    accepts = only or tuple(getattr(component, "accepts", ()) or getattr(component, "inputs", ()))
    counts = sparse or bool(getattr(component, "sparse", False))
    columns = _columns(("continuous", "integer") if sparse else accepts)
    table = np.stack([_column(random, c, counts) for c in columns], axis=1).astype(dtype)
    table[PRESENT:] = 0
    roles = set(getattr(component, "roles", ()))
    weight = np.ones(ROWS)
    weight[[1, 8, 15]] = 2.0
    weight[[5, 11, 17]] = 0
    weight[[3, 20]] = 0.5
    weight[PRESENT:] = 0
    kinds = () if sparse else accepts
    tensors = {kind: random.normal(size=(ROWS, *_TENSORS[kind])).astype(dtype) for kind in kinds if kind in _TENSORS}
    inputs: Any = _sparse(table) if sparse else ({**tensors, "table": table} if tensors else table)
    place = np.arange(ROWS)
    parts: dict[str, Any] = dict(  # noqa: C408 - names of parts, as `Examples` has them
        inputs=inputs,
        weight=weight.astype(dtype),
        target=_target(random, task, table, classes),
        active=np.ones(len(columns), bool),
        offset=random.normal(size=ROWS).astype(dtype) if "offset" in roles and task != "classify" else None,
        query=(place // 4).astype(np.int32) if task == "rank" or "query" in roles else None,
        user=(place % 5).astype(np.int32) if task == "recommend" or "user" in roles else None,
        item=(place * 3 % 7).astype(np.int32) if task == "recommend" or "item" in roles else None,
        time=place.astype(dtype) if "time" in roles else None,
    )
    examples = Examples(**parts)
    shape = Shape(
        rows=ROWS,
        columns=() if sparse else tuple(ColumnShape(c.name, c.type, len(c.levels or ())) for c in columns),
        wide=len(columns) if sparse else 0,
        classes=classes if task == "classify" else 0,
        queries=ROWS // 4 if examples.query is not None else 0,
        users=USERS if examples.user is not None else 0,
        items=ITEMS if examples.item is not None else 0,
        largest_class=ROWS if task == "classify" else 0,
        tensors=tuple(sorted((name, value.shape[1:]) for name, value in tensors.items())),
    )
    return Sample(columns, shape, examples)


def _columns(accepts: tuple[str, ...]) -> tuple[NamedColumn, ...]:
    kinds = ["continuous", "continuous", "integer"] if "continuous" in accepts or not accepts else []
    kinds += [kind for kind in ("binary", "ordinal", "categorical") if kind in accepts]
    kinds = kinds or [kind for kind in accepts if kind in ("integer", "continuous")] * 3 or ["continuous"] * 3
    return tuple(NamedColumn(f"c{i}", kind, _LEVELS.get(kind)) for i, kind in enumerate(kinds))


def _column(random: np.random.Generator, column: NamedColumn, counts: bool) -> np.ndarray:
    if column.levels:
        return random.permutation(np.arange(ROWS) % len(column.levels))
    if counts:
        return random.poisson(0.8, ROWS)
    if column.type == "integer":
        return random.integers(0, 6, ROWS)
    return random.normal(2.0, 1.5, ROWS)


def _target(random: np.random.Generator, task: str, table: np.ndarray, classes: int) -> np.ndarray | None:
    signal = table[:, 0] - 0.5 * table[:, -1] + random.normal(0, 0.7, ROWS)
    place = np.argsort(np.argsort(signal))
    if task == "classify":
        return (place * classes // ROWS).astype(np.int32)
    if task == "regress":
        return (3 + signal).astype(table.dtype)
    if task in ("rank", "recommend"):
        return (place * 4 // ROWS).astype(table.dtype)
    return None


# ---- changing one ----------------------------------------------------------------------------------------------------


def rubbish(given: Sample) -> Sample:
    """Rows of weight 0 hold other finite values: numbers of 1e15, other levels, other classes, users and items."""
    absent = given.weight == 0
    e = given.examples

    def table(values: np.ndarray) -> None:
        for i, column in enumerate(given.columns):
            if column.levels:
                values[absent, i] = (values[absent, i] + 1) % len(column.levels)
            else:
                values[absent, i] = LARGE * (-1.0) ** i

    def other(value: Any, count: int) -> Any:
        return None if value is None else np.where(absent, (value + 1) % count, value).astype(value.dtype)

    def large(value: Any) -> Any:
        return None if value is None else np.where(absent, LARGE, value).astype(value.dtype)

    target = other(e.target, given.shape.classes) if given.shape.classes else large(e.target)
    made = given.with_table(table) if _has_table(e.inputs) else given
    if isinstance(e.inputs, dict):
        tensors = {
            name: np.where(absent.reshape(-1, *[1] * (value.ndim - 1)), LARGE, value).astype(value.dtype)
            for name, value in e.inputs.items() if name != "table"
        }  # fmt: skip
        made = made.replaced(inputs=dict(made.examples.inputs) | tensors)  # type: ignore[arg-type]
    return made.replaced(
        target=target, offset=large(e.offset), time=large(e.time),
        user=other(e.user, given.shape.users), item=other(e.item, given.shape.items),
    )  # fmt: skip


def _has_table(inputs: Any) -> bool:
    return not isinstance(inputs, dict) or "table" in inputs


def repeated(given: Sample) -> tuple[Sample, Sample]:
    """Every other row with twice its weight, and every other row twice; a row's two places are side by side."""
    index, heavier, twice = doubling(given.weight)
    return given.at(index, heavier), given.at(index, twice)


def doubling(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the rows, each at two places, and two ways to weigh them: once and double, or twice and single."""
    index = np.concatenate([np.repeat(np.arange(PRESENT // 2), 2), np.arange(PRESENT, ROWS)])
    place = np.arange(ROWS)
    second, doubled = place % 2 == 1, place // 2 % 2 == 0
    twice = np.where(second & ~doubled, 0, weight[index]).astype(weight.dtype)
    heavier = np.where(second, 0, np.where(doubled, 2 * twice, twice)).astype(weight.dtype)
    return index, heavier, twice


def reordered(given: Sample) -> tuple[Sample, np.ndarray]:
    """The rows that are there in another order, rows of one query side by side; and the order."""
    blocks = np.random.default_rng(5).permutation(PRESENT // 4)
    within = np.array([2, 0, 3, 1])
    index = np.concatenate([(blocks[:, None] * 4 + within[None, :]).ravel(), np.arange(PRESENT, ROWS)])
    return given.at(index, given.weight[index]), index


def holes(table: np.ndarray) -> None:
    """Make a tenth of the cells missing, and all of the first column."""
    table[:PRESENT][np.arange(PRESENT)[:, None] * 7 % 10 == np.arange(table.shape[1])[None, :]] = np.nan
    table[:PRESENT, 0] = np.nan
