"""Column types as `features` writes them: `binary("no", "yes")`, `time(seconds)?`, and what may follow them."""

from __future__ import annotations

import attrs

from mldsl.diagnostics.diagnostic import Fix
from mldsl.plugin.declaration import COLUMN_TYPES
from mldsl.semantics.constants import DESCRIPTIONS
from mldsl.semantics.frame import UNKNOWN_TYPE
from mldsl.semantics.names import did_you_mean, one_of
from mldsl.semantics.params import convert
from mldsl.semantics.scope import Scope
from mldsl.semantics.spelling import spell
from mldsl.syntax import ast

_ALIASES = {
    "numeric": "continuous", "number": "continuous", "float": "continuous", "real": "continuous",
    "double": "continuous",
    "int": "integer", "count": "integer", "category": "categorical", "nominal": "categorical", "factor": "categorical",
    "string": "text", "str": "text", "bool": "binary", "boolean": "binary", "flag": "binary", "date": "time",
    "datetime": "time", "timestamp": "time", "key": "id", "identifier": "id", "picture": "image", "embedding": "vector",
}  # fmt: skip
WITH_LEVELS = ("categorical", "ordinal", "binary")
TIME_UNITS = ("seconds", "milliseconds")


@attrs.frozen(eq=False, repr=False)
class ColumnType:
    """`name` is "unknown" after an error. `levels` are the written ones, `form` the argument of `time(...)`."""

    name: str
    missing: bool = False
    levels: tuple[str, ...] | None = None
    form: str | None = None


def type_column(node: ast.Type, scope: Scope) -> ColumnType:
    """The type of a line of `features`."""
    if node.name not in COLUMN_TYPES:
        scope.findings.error(
            "MLP0109", f"unknown column type `{node.name}`", node.name_span,
            help=did_you_mean(node.name, COLUMN_TYPES, _ALIASES) or one_of(COLUMN_TYPES),
        )  # fmt: skip
        return ColumnType(UNKNOWN_TYPE, node.missing)
    if node.name in WITH_LEVELS:
        return ColumnType(node.name, node.missing, levels=_levels(node, scope))
    if node.name == "time":
        return ColumnType("time", node.missing, form=_form(node, scope))
    if node.args:
        numbers = node.name in ("continuous", "integer") and len(node.args) == 2
        help_text = f"a range is written `{node.name} in LOW..HIGH`" if numbers else None
        scope.findings.error("MLP0114", f"the type `{node.name}` takes no arguments", node.span, help=help_text)
    return ColumnType(node.name, node.missing)


def _levels(node: ast.Type, scope: Scope) -> tuple[str, ...] | None:
    levels: list[str] = []
    failed = False
    for arg in node.args:
        if not isinstance(arg, ast.String):
            text = getattr(arg, "text", "") or getattr(arg, "dotted", "")
            scope.findings.error(
                "MLP0201", "a level is written in quotes", arg.span,
                help=f'values of the data are quoted: `"{text}"`' if text else None,
                fix=Fix(arg.span, f'"{text}"') if text else None,
            )  # fmt: skip
            failed = True
        elif arg.value in levels:
            scope.findings.error("MLP0113", f'the level `"{arg.value}"` is written twice', arg.span)
            failed = True
        else:
            levels.append(arg.value)
    if failed or not node.args:
        return None
    if node.name == "binary" and len(levels) != 2:
        scope.findings.error(
            "MLP0201", f"`binary` has two levels, not {len(levels)}", node.span,
            help="the second one counts as positive" if len(levels) < 2 else "write `categorical(...)` for more",
        )  # fmt: skip
        return None
    return tuple(levels)


def _form(node: ast.Type, scope: Scope) -> str | None:
    match node.args:
        case ():
            return None
        case (ast.String(value=form),) if form:
            return form
        case (ast.Ref(name=(unit,)),) if unit in TIME_UNITS:
            return unit
        case (ast.Ref() as ref,):
            scope.findings.error(
                "MLP0203", f"`{ref.dotted}` is not a unit of time", ref.span,
                help=did_you_mean(ref.dotted, TIME_UNITS) or one_of(TIME_UNITS),
            )  # fmt: skip
        case _:
            scope.findings.error(
                "MLP0201", "`time` takes a form or a unit", node.span,
                help='`time("%d-%b-%Y")`, `time(seconds)` or `time(milliseconds)`; `time` alone reads ISO 8601',
            )  # fmt: skip
    return None


def type_range(node: ast.Expr, type_: ColumnType, scope: Scope) -> tuple[float, float] | None:
    """The declared range of a column; None after a message."""
    if type_.name == UNKNOWN_TYPE:
        return None
    if type_.name not in ("continuous", "integer"):
        help_text = 'its levels limit it: `categorical("a", "b")`' if type_.name in WITH_LEVELS else None
        scope.findings.error("MLP0201", f"a `{type_.name}` column has no range", node.span, help=help_text)
        return None
    if not isinstance(node, ast.Range):
        help_text = None
        if isinstance(node, ast.Binary) and node.op == "-":
            help_text = f"write `{spell(node.left)}..{spell(node.right)}`"
        scope.findings.error("MLP0201", "expected a range such as `0..100`", node.span, help=help_text)
        return None
    ends: list[float] = []
    for end in (node.low, node.high):
        value = scope.constants.evaluate(end)
        number = convert(value, "number") if value is not None else None
        if number is None:
            found = f", not {DESCRIPTIONS[value.kind]}" if value is not None else ""
            scope.findings.error("MLP0201", f"the end of a range is a number{found}", end.span)
        elif number.value is not None:
            ends.append(number.value)
    if len(ends) < 2:
        return None
    if ends[0] > ends[1]:
        scope.findings.error("MLP0202", "the range is empty: its low end is above its high end", node.span)
        return None
    return (ends[0], ends[1])
