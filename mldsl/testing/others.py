"""The checks of components that neither learn on the device nor measure: host steps, row functions, stops."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mldsl.plugin import Function, Order, Stop
from mldsl.plugin.declaration import Operand
from mldsl.testing.compare import bits

_CELLS: dict[str, list[Any]] = {
    "text": ["one two", "two three", None, "one", "", "four two"],
    "categorical": ["a", "b", None, "a", "c", "b"],
    "ordinal": ["low", "high", None, "mid", "low", "high"],
    "binary": ["no", "yes", None, "yes", "no", "yes"],
    "continuous": [1.5, -2.0, None, 0.0, 3.25, 1e9],
    "integer": [1, -2, None, 0, 3, 7],
    "id": ["x1", "x2", "x3", "x4", "x5", "x6"],
}
_WEIGHT = np.array([1.0, 2.0, 1.0, 1.0, 1.0, 0.0])


def column(kind: str) -> Any:
    """Six cells of a column type as a Polars series, one of them missing."""
    import datetime

    import polars as pl

    if kind == "time":
        start = datetime.datetime(2024, 2, 28, 23, 30)
        return pl.Series("c", [start + datetime.timedelta(hours=13 * i) for i in range(5)] + [None])
    return pl.Series("c", _CELLS.get(kind, _CELLS["continuous"]))


# ---- steps on the host -----------------------------------------------------------------------------------------------


def host_step(component: Any) -> Iterator[tuple[str, Any]]:
    """The checks of a step that runs on the host, by name."""
    kind = next((k for k in component.inputs if k in _CELLS or k == "time"), "text")
    spec = component.example if component.example is not None else component.Spec()
    columns = {"c": column(kind)}
    order = (Order(),) if component.looks_back else ()
    halves = component.host_apply is not None

    def apply(state: Any, given: Any = None) -> Any:
        if halves:
            return _plain(component.host_apply(spec, state, given or columns))
        return _plain(component.apply(spec, state, given or columns, *order))

    def fit(weight: np.ndarray = _WEIGHT, given: Any = None) -> Any:
        if halves:
            return component.host_fit(spec, given or columns, weight)[0]
        return None if component.fit is None else component.fit(spec, given or columns, weight, *order)

    def answers() -> Iterator[str]:
        for name, value in apply(fit()).items():
            rows = len(value) - name.endswith(".indptr")
            if rows != len(_WEIGHT) and not name.endswith((".indices", ".values")):
                yield f"`{name}` has {rows} rows of {len(_WEIGHT)}"

    def weight_0() -> Iterator[str]:
        cells = columns["c"].to_list()
        import polars as pl

        other = {"c": pl.Series("c", [*cells[:-1], cells[0]], dtype=columns["c"].dtype)}
        # The past is what happened, whoever learns from it.
        if not component.looks_back and _text(fit()) != _text(fit(given=other)):
            yield "what is learned depends on a row of weight 0"

    def deterministic() -> Iterator[str]:
        if _text(fit()) != _text(fit()):
            yield "two fits of the same rows differ"
        yield from bits(apply(fit()), apply(fit()))
        if halves:  # what it gives at once for the rows it learns from is what it gives for them when they are new
            yield from bits(apply(fit()), _plain(component.host_fit(spec, columns, _WEIGHT)[1]))

    def artifact() -> Iterator[str]:
        from safetensors.numpy import load, save

        from mldsl.record.tree import load_tree, save_tree

        state = fit()
        arrays, structure = save_tree(state)
        again = load_tree(json.loads(json.dumps(structure)), load(save(arrays)), lambda name: None)
        yield from bits(apply(state), apply(again))

    def missing_values() -> Iterator[str]:
        import polars as pl

        empty = {"c": pl.Series("c", [None] * len(_WEIGHT), dtype=columns["c"].dtype)}
        if component.missing != "refuses":
            apply(fit(), empty)
        yield from ()

    for check in (answers, weight_0, deterministic, artifact, missing_values):
        yield check.__name__, check


def _plain(columns: Any) -> dict[str, np.ndarray]:
    """Whatever a host step gives, as arrays by name."""
    import polars as pl

    out: dict[str, np.ndarray] = {}
    for name, value in columns.items():
        if isinstance(value, pl.Series):
            out[name] = np.array([repr(cell) for cell in value.to_list()])
        elif hasattr(value, "indptr"):
            out |= {f"{name}.{part}": np.asarray(getattr(value, part)) for part in ("indptr", "indices", "values")}
        else:
            out[name] = np.asarray(value)
    return out


def _text(state: Any) -> str:
    from mldsl.record.tree import save_tree

    arrays, structure = save_tree(state)
    return json.dumps([structure, {name: value.tolist() for name, value in arrays.items()}], sort_keys=True)


# ---- row functions ---------------------------------------------------------------------------------------------------


def function_is_total(component: Function) -> Iterator[str]:
    """Every row gets an answer, twice the same, on every column type that it takes."""
    for kinds in _operand_types(component):
        frame = _frame(component, kinds)
        results = [_evaluate(component, frame, kinds) for _ in range(2)]
        if results[0] is None:
            continue
        first, second = results
        what = ", ".join(kind for kind in kinds if kind)
        if len(first) != frame.height:
            yield f"of {what}: {len(first)} values for {frame.height} rows"
        elif not first.equals(second, null_equal=True):
            yield f"of {what}: two evaluations differ"
        elif component.missing == "no" and first.null_count():
            yield f"of {what}: it is declared to give no missing value, and gives {first.null_count()}"


function_is_total.__name__ = "deterministic"


def _frame(component: Function, kinds: tuple[str, ...]) -> Any:
    """Columns of these types. What is binary is a text in a file, and true or false where it was computed."""
    import polars as pl

    truth = pl.Series([True, False, None, True, False, True])
    written = pl.DataFrame({f"x{i}": column(kind) for i, kind in enumerate(kinds) if kind})
    try:
        _evaluate(component, written, kinds)
    except pl.exceptions.PolarsError:
        places = [f"x{i}" for i, kind in enumerate(kinds) if kind == "binary"]
        return written.with_columns(truth.alias(name) for name in places)
    return written


def _operand_types(component: Function) -> Iterator[tuple[str, ...]]:
    """The column types of the operands, one choice for each type of the first; "" for constants and gaps."""
    operands: tuple[Operand, ...] = tuple(component.operands)
    if not operands or any(o.columns for o in operands):
        return
    for first in operands[0].types or ("continuous",):
        yield tuple(
            "" if o.literal is not None or o.optional else (first if first in (o.types or (first,)) else o.types[0])
            for o in operands
        )


def _evaluate(component: Function, frame: Any, kinds: tuple[str, ...]) -> Any:
    import polars as pl

    operands = tuple(component.operands)
    if any(o.literal is not None and not o.optional for o in operands):
        return None  # a constant that only the function's author can choose
    arguments = [pl.col(f"x{i}") for i, kind in enumerate(kinds) if kind]
    return frame.select(component.expression(*arguments).alias("value"))["value"]


# ---- stops -----------------------------------------------------------------------------------------------------------


def stop_is_calm(component: Stop) -> Iterator[str]:
    """Never before there is anything to see, the same twice, and no crash on NaN."""
    spec = component.example if component.example is not None else component.Spec()
    falling = [1.0 / (i + 1) for i in range(50)]
    if component.should_stop(spec, []) or component.should_stop(spec, [1.0]):
        yield "it stops before there is anything to compare"
    if component.should_stop(spec, falling):
        yield "it stops while the loss still falls by a fiftieth and more"
    for history in (falling, [1.0] * 500, [math.nan] * 5, [1.0, math.inf, 0.5]):
        one, two = component.should_stop(spec, history), component.should_stop(spec, history)
        if one != two or not isinstance(one, bool | np.bool_):
            yield f"for {history[:3]} ... it says {one!r} and {two!r}"


stop_is_calm.__name__ = "deterministic"
