"""Fill missing values with the column's mean, median, most frequent value, a constant, or from the nearest rows.

Statistics are those of the training rows that have a value, each counted by its weight: the mean; the median (type 7);
the most frequent value, the least of equals. `constant(0)` fills numbers; `constant("unknown")` fills a level, which a
categorical column need not have yet. `neighbors(k)` fills with the mean of the column in the k nearest training rows
that have a value there; the squared distance of two rows is their mean squared difference over the columns worked on
that both have, so `standardize` first, and where no row shares a column, the column's mean is taken. The training rows
are then part of what is kept. With `indicator = true` a column `column_missing` is 1 where a value was filled.

Shapes: n rows, d columns in; d columns out, or 2 d with indicators. O(n d) time; medians O(n log n) for short columns,
        most frequent values O(n log n); `neighbors` O(n log n d) for each row that has a gap.
Units:  those of the columns.
Errors: mean, median and neighbors of a categorical column; a constant that is not a level of an ordinal or binary
        column. A column without any value in the rows of a fit becomes 0 and is left out of what is learned from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import attrs
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Shape, sum_blocks, tiny, weighted_quantile
from mldsl.plugin import Component, NamedColumn, Output, Problem, Transform, hookimpl, param
from mldsl_plugins.missing import _neighbors

LEVELS = ("categorical", "ordinal", "binary")


@attrs.frozen
class Constant:
    """The same value for every row."""

    value: float | str = param(0.0, doc="The number, or the level in quotes.", also_known_as=("fill_value",))


@attrs.frozen
class Neighbors:
    """The mean of the nearest rows."""

    k: int = param(5, ge=1, unit="rows", doc="How many rows.", search="2..20", also_known_as=("n_neighbors",))


@attrs.frozen
class Filled:
    """A constant bound to columns: the number or code of each."""

    value: float | str = param(doc="The constant as written.")
    codes: tuple[float, ...] = param(doc="Number or code, one for each column.")


@attrs.frozen
class Spec:
    """Hyperparameters of filling."""

    strategy: str | Constant | Neighbors = param(
        "mean", doc="What to fill with.",
        choices={"mean": None, "median": None, "most_frequent": None, "constant": Constant, "neighbors": Neighbors},
    )  # fmt: skip
    indicator: bool = param(
        False, doc="Whether to add a column that says where values were filled.", also_known_as=("add_indicator",)
    )


class Params(NamedTuple):
    """The value to fill each column with, and which outputs exist: those of columns with a value, or a constant.

    `donors` are the rows to fill from and their weights, where values come from neighbors.
    """

    fill: Float[Array, " d"]
    active: Bool[Array, " outputs"]
    donors: Float[Array, "m d"] | None = None
    weight: Float[Array, " m"] | None = None


class Info(NamedTuple):
    """The value to fill with, and the sum of the weights of the rows filled, by column."""

    fill: Float[Array, " d"]
    missing: Float[Array, " d"]


def names(spec: Spec, columns: tuple[NamedColumn, ...]) -> tuple[NamedColumn, ...]:
    """The same columns, now complete; then the indicators. A constant may add a level to a categorical column."""
    filled = tuple(NamedColumn(c.name, c.type, _levels(spec, c)) for c in columns)
    added = tuple(NamedColumn(f"{c.name}_missing", "binary") for c in columns) if spec.indicator else ()
    return filled + added


def _levels(spec: Spec, column: NamedColumn) -> tuple[str, ...] | None:
    value = spec.strategy.value if isinstance(spec.strategy, Constant | Filled) else None
    if column.type != "categorical" or column.levels is None or value is None or str(value) in column.levels:
        return column.levels
    return (*column.levels, str(value))


def bind(spec: Spec, columns: tuple[NamedColumn, ...]) -> Spec | list[Problem]:
    """Find the code of a constant level in each column."""
    wrong = list(_unsuitable(spec, columns))
    if wrong or not isinstance(spec.strategy, Constant):
        return wrong or spec
    value = spec.strategy.value
    codes = []
    for column in columns:
        if column.type not in LEVELS:
            codes.append(float(value))
        else:
            known = _levels(spec, column) or ()
            codes.append(float(known.index(str(value))) if str(value) in known else float(value))
    return attrs.evolve(spec, strategy=Filled(value, tuple(codes)))


def _unsuitable(spec: Spec, columns: tuple[NamedColumn, ...]) -> Iterator[Problem]:
    for column in columns:
        numeric = spec.strategy in ("mean", "median") or isinstance(spec.strategy, Neighbors)
        if numeric and column.type == "categorical":
            word = spec.strategy if isinstance(spec.strategy, str) else "neighbors"
            found = f"{word}, and `{column.name}` is categorical"
            yield Problem("strategy", f'expected most_frequent or constant("level"), found {found}')
        if not isinstance(spec.strategy, Constant):
            continue
        value, known = spec.strategy.value, column.levels or ()
        if column.type not in LEVELS and isinstance(value, str):
            yield Problem("strategy", f'expected a number, since `{column.name}` is {column.type}; found "{value}"')
        elif column.type in ("ordinal", "binary") and known and str(value) not in known and value not in (0, 1):
            allowed = ", ".join(f'"{level}"' for level in known)
            yield Problem("strategy", f'expected a level of `{column.name}` ({allowed}), found "{value}"')


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Learn what to fill with."""
    x, weight = examples.inputs, examples.weight
    there = sum_blocks(lambda w, v: jnp.dot(w, (~jnp.isnan(v)).astype(v.dtype), precision="highest"), weight, x)
    has_value = there > 0
    match spec.strategy:
        case "mean" | Neighbors():
            values = sum_blocks(lambda w, v: jnp.dot(w, jnp.where(jnp.isnan(v), 0, v), precision="highest"), weight, x)
            fill = values / jnp.maximum(there, tiny(there))
        case "median":
            fill = weighted_quantile(x, weight, jnp.asarray([0.5], x.dtype))[0]
        case "most_frequent":
            fill = jax.lax.map(lambda column: most_frequent(column, weight), x.T)
        case Filled(codes=codes):
            fill, has_value = jnp.asarray(codes, x.dtype), jnp.ones_like(has_value)
        case Constant(value=value):
            fill, has_value = jnp.full(x.shape[1], value, x.dtype), jnp.ones_like(has_value)
    fill = jnp.where(has_value, fill, 0)
    missing = weight.sum() - there
    active = has_value if examples.active is None else has_value & examples.active
    # A column that is never missing here needs no indicator: it would be constant.
    outputs = jnp.concatenate([active, active & (missing > 0)]) if spec.indicator else active
    if not isinstance(spec.strategy, Neighbors):
        return Params(fill, outputs), Info(fill, missing)
    donors = jnp.where((weight > 0)[:, None], x, 0)
    return Params(fill, outputs, jnp.where(active[None], donors, jnp.nan), weight), Info(fill, missing)


def most_frequent(column: Float[Array, " n"], weight: Float[Array, " n"]) -> Float[Array, ""]:
    """The value with the largest sum of weights, the least of equals; NaN counts as absent. O(n log n)."""
    w = jnp.where(jnp.isnan(column), 0, weight)
    order = jnp.argsort(jnp.where(w > 0, column, jnp.inf))
    value, w = column[order], w[order]
    run = jnp.cumsum(jnp.concatenate([jnp.zeros(1, jnp.int32), (value[1:] != value[:-1]).astype(jnp.int32)]))
    mass = jax.ops.segment_sum(w, run, column.shape[0], indices_are_sorted=True)
    return value[jnp.searchsorted(run, mass.argmax(), side="left")]


def apply(spec: Spec, params: Params, inputs: Float[Array, "n d"]) -> Float[Array, "n outputs"]:
    """Fill; then the indicators."""
    gap = jnp.isnan(inputs)
    filled = jnp.where(gap, params.fill[None], inputs)
    if isinstance(spec.strategy, Neighbors) and params.donors is not None and params.weight is not None:
        known = ~jnp.isnan(params.donors).all(axis=0)  # a column without any value is no distance
        rows = jnp.where(known[None], inputs, 0)
        near = _neighbors.filled(rows, params.donors, params.weight, params.fill, spec.strategy.k)
        filled = jnp.where(gap & known[None], near, filled)
    return jnp.concatenate([filled, gap.astype(inputs.dtype)], axis=1) if spec.indicator else filled


@hookimpl
def mldsl_components() -> list[Component]:
    """Filling missing values."""
    return [
        Transform(
            "impute", Spec, fit=fit, apply=apply, names=names, bind=bind, missing="fills",
            inputs=("continuous", "integer", "binary", "categorical", "ordinal"),
            outputs=(
                Output("{column}", "same", "no"),
                Output("{column}_missing", "binary", "no", only_if="indicator = true"),
            ),
            snippet="impute(median) on numeric",
            also_known_as=("SimpleImputer", "KNNImputer", "fillna", "fill_missing"),
        )
    ]  # fmt: skip
