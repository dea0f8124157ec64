"""How a plugin declares hyperparameters: one attrs class, its fields made by `param`.

The type comes from the annotation: `int float bool str`, `Literal["a", "b"]`, `tuple[T, ...]`, `T | None`, or one of
the names below, which say more than Python's own types do. Messages, reference pages, invalid test values and search
spaces all derive from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NewType

import attrs

from mldsl.plugin.declaration import REQUIRED

Share = NewType("Share", float)  # 20% or 0.2; bounds 0..1 unless others are given
Duration = NewType("Duration", float)  # seconds
Size = NewType("Size", int)  # bytes
Range = NewType("Range", tuple)  # type: ignore[type-arg]  # (low, high), both inclusive
Column = NewType("Column", str)  # one column, any role
Columns = NewType("Columns", tuple)  # type: ignore[type-arg]  # column names
Label = NewType("Label", str)  # a level of the target
Weights = NewType("Weights", tuple)  # type: ignore[type-arg]  # ((level, number), ...)
Costs = NewType("Costs", tuple)  # type: ignore[type-arg]  # ((actual, ((predicted, number), ...)), ...)
Formula = NewType("Formula", str)  # an R formula, as canonical text
Arithmetic = NewType("Arithmetic", str)  # `y ~ b1 * exp(x)`, as canonical text; its free names are those of `Numbers`
Numbers = NewType("Numbers", tuple)  # type: ignore[type-arg]  # ((name, number), ...): names that the file chooses
Ranges = NewType("Ranges", tuple)  # type: ignore[type-arg]  # ((name, (low, high)), ...): for such names
Directions = NewType("Directions", tuple)  # type: ignore[type-arg]  # ((column, "increasing" or "decreasing"), ...)
Network = NewType("Network", str)  # a network of the file
ModelName = NewType("ModelName", str)  # a model of the file or a component
Secret = NewType("Secret", str)  # env("NAME") only


def param(
    default: Any = REQUIRED,
    *,
    doc: str,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    unit: str = "",
    traced: bool = False,
    only_if: str = "",
    search: str = "",
    kind: str = "",
    choices: Mapping[str, type | None] | None = None,
    variadic: bool = False,
    simpler: Literal["", "larger", "smaller"] = "",
    also_known_as: tuple[str, ...] = (),
) -> Any:
    """Declare one hyperparameter of a `Spec`.

    `doc` is one sentence. `ge gt le lt` bound numbers. `traced` values may change without recompiling (floats only).
    `only_if` says when it has a meaning: `solver = batch, stochastic`. `kind` makes it a nested component of that
    kind. `choices` makes it an enum of which some values take arguments: `{"mean": None, "constant": Constant}`, where
    `Constant` is an attrs class of its own; plain choices are given to the algorithm as strings, the others as
    instances. `simpler` says which numbers make a simpler model (a larger
    penalty, fewer clusters), for `choose = one_standard_error`. `also_known_as` are names of other libraries, for
    "did you mean".
    """
    metadata = {
        "mldsl": {
            "doc": doc, "ge": ge, "gt": gt, "le": le, "lt": lt, "unit": unit, "traced": traced, "only_if": only_if,
            "search": search, "kind": kind, "choices": dict(choices) if choices else None, "variadic": variadic,
            "simpler": simpler, "also_known_as": tuple(also_known_as),
        }
    }  # fmt: skip
    if default is REQUIRED:
        return attrs.field(metadata=metadata, kw_only=False)
    return attrs.field(default=default, metadata=metadata)
