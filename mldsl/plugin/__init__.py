"""What a plugin needs to declare itself. Imports no array library; computing happens with `mldsl.contract`.

The names load on first use: `check` and `list` read declarations and never need the component classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldsl.plugin.components import (
        Component,
        Exporter,
        Function,
        Metric,
        Model,
        NamedColumn,
        NoSpec,
        Order,
        Part,
        Problem,
        Report,
        Search,
        SourceComponent,
        Stop,
        Transform,
    )
    from mldsl.plugin.declaration import (
        COLUMN_TYPES,
        KINDS,
        REQUIRED,
        ROLES,
        Choice,
        Declaration,
        DefaultCall,
        Operand,
        Output,
        Parameter,
        ParameterType,
    )
    from mldsl.plugin.display import Figure, Panel, ReportOutput, Series, Table
    from mldsl.plugin.hookspecs import hookimpl
    from mldsl.plugin.params import (
        Arithmetic,
        Column,
        Columns,
        Costs,
        Directions,
        Duration,
        Formula,
        Label,
        ModelName,
        Network,
        Numbers,
        Range,
        Ranges,
        Secret,
        Share,
        Size,
        Weights,
        param,
    )
    from mldsl.plugin.search import Domain, Proposal, Told

_HOMES = {
    "components": (
        "Component", "Exporter", "Function", "Metric", "Model", "NamedColumn", "NoSpec", "Order", "Part", "Problem",
        "Report", "Search", "SourceComponent", "Stop", "Transform",
    ),
    "declaration": (
        "COLUMN_TYPES", "KINDS", "REQUIRED", "ROLES", "Choice", "Declaration", "DefaultCall", "Operand", "Output",
        "Parameter", "ParameterType",
    ),
    "display": ("Figure", "Panel", "ReportOutput", "Series", "Table"),
    "hookspecs": ("hookimpl",),
    "params": (
        "Arithmetic", "Column", "Columns", "Costs", "Directions", "Duration", "Formula", "Label", "ModelName",
        "Network", "Numbers", "Range", "Ranges", "Secret", "Share", "Size", "Weights", "param",
    ),
    "search": ("Domain", "Proposal", "Told"),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "COLUMN_TYPES", "KINDS", "REQUIRED", "ROLES", "Arithmetic", "Choice", "Column", "Columns", "Component", "Costs",
    "Declaration", "DefaultCall", "Directions", "Domain", "Duration", "Exporter", "Figure", "Formula", "Function",
    "Label", "Metric", "Model", "ModelName", "NamedColumn", "Network", "NoSpec", "Numbers", "Operand", "Order",
    "Output", "Panel", "Parameter", "ParameterType", "Part", "Problem", "Proposal", "Range", "Ranges", "Report",
    "ReportOutput", "Search", "Secret", "Series", "Share", "Size", "SourceComponent", "Stop", "Table", "Told",
    "Transform", "Weights", "hookimpl", "param",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name from its module, once."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted(__all__)
