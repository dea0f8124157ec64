"""Reports as JSON and back: what `reports/<name>.json` holds and `mldsl report` reads again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import attrs

from mldsl.diagnostics import Diagnostic, MldslError
from mldsl.plugin.display import Box, Column, Diagram, Field, Figure, Panel, ReportOutput, Series, Table
from mldsl.report.format import plain

FORMAT_VERSION = "1.0"
_T = TypeVar("_T")


def output_json(name: str, output: ReportOutput) -> str:
    """All tables, figures, notes and warnings of a report; numbers that are not finite are null."""
    body = {"format_version": FORMAT_VERSION, "report": name, **_plain(output)}
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def read_output(text: str, where: str) -> ReportOutput:
    """Read `output_json` back; MLP0502 if it is something else, MLP0503 if its format is newer."""
    try:
        value = json.loads(text)
        if int(value["format_version"].split(".")[0]) > int(FORMAT_VERSION.split(".")[0]):
            raise MldslError(
                Diagnostic("MLP0503", f"`{where}` has format {value['format_version']}", help="upgrade mldsl")
            )
        return ReportOutput(
            tables=[_build(Table, t, columns=[_build(Column, c) for c in t["columns"]]) for t in value["tables"]],
            figures=[_build(Figure, f, panels=[_panel(p) for p in f["panels"]]) for f in value["figures"]],
            notes=value["notes"],
            warnings=value["warnings"],
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MldslError(Diagnostic("MLP0502", f"`{where}` is not a report: {error}")) from error


def _panel(value: Mapping[str, Any]) -> Panel:
    ranges = {name: value[name] and tuple(value[name]) for name in ("x_range", "y_range")}
    grid = value["heatmap"] and [[math.nan if v is None else v for v in row] for row in value["heatmap"]]
    field = value.get("field") and _build(Field, value["field"])
    diagram = value.get("diagram") and _diagram(value["diagram"])
    series = [_build(Series, s) for s in value["series"]]
    return _build(Panel, value, series=series, heatmap=grid, field=field, diagram=diagram, **ranges)


def _diagram(value: Mapping[str, Any]) -> Diagram:
    return _build(Diagram, value, boxes=[_build(Box, box) for box in value["boxes"]])


def _build(cls: type[_T], value: Mapping[str, Any], **built: Any) -> _T:
    known = {field.name for field in attrs.fields(cls)}  # type: ignore[arg-type]
    return cls(**{key: item for key, item in {**value, **built}.items() if key in known})


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return {field.name: _plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    value = plain(value) if getattr(value, "ndim", 0) == 0 else list(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
