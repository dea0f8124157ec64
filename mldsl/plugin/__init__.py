"""What a plugin needs to declare itself. Imports no array library; computing happens with `mldsl.contract`."""

from mldsl.plugin.components import (
    Component, Exporter, Function, Metric, Model, NoSpec, Part, Problem, Report, SourceComponent, Stop, Transform,
)  # fmt: skip
from mldsl.plugin.declaration import (
    COLUMN_TYPES, KINDS, REQUIRED, ROLES, Choice, Declaration, Operand, Output, Parameter, ParameterType,
)  # fmt: skip
from mldsl.plugin.display import Figure, Panel, ReportOutput, Series, Table
from mldsl.plugin.hookspecs import hookimpl
from mldsl.plugin.params import (
    Column, Columns, Duration, Formula, Label, ModelName, Network, Range, Secret, Share, Size, Weights, param,
)  # fmt: skip

__all__ = [
    "COLUMN_TYPES", "KINDS", "REQUIRED", "ROLES", "Choice", "Column", "Columns", "Component", "Declaration", "Duration",
    "Exporter", "Figure", "Formula", "Function", "Label", "Metric", "Model", "ModelName", "Network", "NoSpec", "Operand",
    "Output", "Panel", "Parameter", "ParameterType", "Part", "Problem", "Range", "Report", "ReportOutput", "Secret",
    "Series", "Share", "Size", "SourceComponent", "Stop", "Table", "Transform", "Weights", "hookimpl", "param",
]  # fmt: skip
