"""The plan for programs: `mldsl plan --json`, format version "1.0", published as `plan.schema.json` beside this file.

Minor versions add keys; readers ignore those they do not know.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import attrs

from mldsl.plan.model import (
    Apply,
    ClassCount,
    Columns,
    ColumnUse,
    ComponentValue,
    Constant,
    EnvSecret,
    Plan,
    SplitPlan,
    StepPlan,
    TunePlan,
)  # fmt: skip
from mldsl.plan.rows import SplitRows
from mldsl.plan.rows import as_dict as rows_as_dict
from mldsl.source import Span

FORMAT_VERSION: Final = "1.0"


def plan_json(plan: Plan, rows: SplitRows | None = None) -> str:
    """The plan as JSON text, indented, ended by a newline; `rows` is null where they were not looked at."""
    whole = {**as_dict(plan), "rows": None if rows is None else rows_as_dict(rows)}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema of the form, as it is published with the package."""
    from importlib.resources import files

    loaded: dict[str, Any] = json.loads((files("mldsl.plan") / "plan.schema.json").read_text(encoding="utf-8"))
    return loaded


def as_dict(plan: Plan) -> dict[str, Any]:
    """The plan as JSON values. A secret is the name of its environment variable."""
    found = _fields(plan)
    found["params"] = {param.name: _fields(param) for param in plan.params}
    found["sources"] = {part: _plain(source) for part, source in plan.sources}
    found["uses"] = dict(plan.uses)
    return {"format_version": FORMAT_VERSION, **found}


def _plain(value: Any) -> Any:
    match value:
        case Span():
            return {"file": value.file, "span": value.as_list()} if value.line else None
        case Constant():
            constant = {"constant": _plain(value.value)}
            return constant | {"param": value.param} if value.param is not None else constant
        case ColumnUse():
            return {"column": value.name}
        case Columns():
            return {"columns": list(value.names)}
        case Apply():
            return {"op": value.op, "function": value.function, "args": [_plain(arg) for arg in value.args]}
        case EnvSecret():
            return {"env": value.name}
        case ClassCount():
            return {"word": "classes"}
        case ComponentValue():
            fields = _fields(value)
            pairs = {"params": [list(pair) for pair in value.params], "formulas": _pairs(value.formulas)}
            return {**fields, "args": _pairs(value.args), **pairs}
        case StepPlan(derive=(name, expression)):
            return {**_fields(value), "derive": {"name": name, "expression": _plain(expression)}}
        case TunePlan():
            domains = {name: _plain(domain) for name, domain in value.domains}
            return {**_fields(value), "domains": domains, "simpler": dict(value.simpler), "trials": dict(value.trials)}
        case SplitPlan():
            return _fields(value)
        case float() if not math.isfinite(value):
            return str(value)
        case tuple():
            return [_plain(item) for item in value]
    return _fields(value) if attrs.has(type(value)) else value


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in attrs.fields(type(value))}


def _pairs(pairs: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in pairs}
