"""What a run leaves behind: the record, the run folder, model artifacts, and what exporters may do.

The names load on first use: reading a record needs no array library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mldsl.record.artifact import Artifact
    from mldsl.record.export import ExportContext
    from mldsl.record.folder import Partial
    from mldsl.record.model import (
        CalibrationRecord,
        ColumnRecord,
        DataRecord,
        DeviceRecord,
        GateResult,
        MetricValue,
        ModelRecord,
        PipelineRecord,
        ReportFiles,
        RunRecord,
        SourceRecord,
        SplitRecord,
        Trial,
        TuneRecord,
    )  # fmt: skip

_HOMES = {
    "artifact": ("Artifact",),
    "export": ("ExportContext",),
    "folder": ("Partial",),
    "model": (
        "CalibrationRecord", "ColumnRecord", "DataRecord", "DeviceRecord", "GateResult", "MetricValue", "ModelRecord",
        "PipelineRecord", "ReportFiles", "RunRecord", "SourceRecord", "SplitRecord", "Trial", "TuneRecord",
    ),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Artifact", "CalibrationRecord", "ColumnRecord", "DataRecord", "DeviceRecord", "ExportContext", "GateResult",
    "MetricValue", "ModelRecord", "Partial", "PipelineRecord", "ReportFiles", "RunRecord", "SourceRecord",
    "SplitRecord", "Trial", "TuneRecord",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name from its module, once."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
