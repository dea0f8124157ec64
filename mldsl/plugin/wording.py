"""How declared values and types are written: as a reader would type them in an `.mlp` file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mldsl.plugin.declaration import DefaultCall, Parameter, ParameterType

_DURATIONS = ((604_800, "w"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "KB"))


def value_text(value: Any, type: ParameterType | None = None) -> str:
    """A value in the language: `true`, `0.001`, `20%`, `30d`, `"text"`, `[a, b]`, `constant(value = 0)`.

    Without a type, texts are taken for names.
    """
    name = type.name if type else ""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, DefaultCall):
        choice = next((c for c in type.choices if c.name == value.name), None) if type else None
        types = {p.name: p.type for p in choice.parameters} if choice else {}
        return call_text(value.name, value.arguments, types)
    if isinstance(value, tuple | list):
        if name in ("weights", "costs", "numbers", "ranges"):
            inner = {"costs": ParameterType("weights"), "ranges": ParameterType("range")}.get(name)
            return "[" + ", ".join(f"{quoted(label)} = {value_text(item, inner)}" for label, item in value) + "]"
        if name == "directions":
            return "[" + ", ".join(f"{named(column)} = {word}" for column, word in value) + "]"
        if name == "range":
            return "..".join(value_text(item) for item in value)
        return "[" + ", ".join(value_text(item, type.item if type else None) for item in value) + "]"
    if name == "duration":
        return _with_unit(value, _DURATIONS) or f"{number_text(value)}s"
    if name == "size":
        return _with_unit(value, _SIZES) or number_text(value)
    if isinstance(value, int | float):
        return number_text(value)
    return quoted(value) if name in ("text", "label") else str(value)


def number_text(value: float) -> str:
    """The shortest writing that reads back as the same number: `1e-4`, not `0.0001`; `300`, not `300.0`."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e15):
        return str(int(value))
    text = repr(value)
    if "e" in text or 1e-3 <= abs(value) < 1e15:
        return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    short = f"{value:.15e}"
    mantissa, _, exponent = short.partition("e")
    written = f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return written if float(written) == value else text


def quoted(text: str) -> str:
    """A string literal of the language."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}
    return '"' + "".join(escapes.get(character, character) for character in text) + '"'


def named(column: str) -> str:
    """A column as a file names it: in backticks where it is no plain name."""
    return column if column.isidentifier() and column.isascii() else f"`{column}`"


def call_text(name: str, arguments: Sequence[tuple[str, Any]], types: dict[str, ParameterType] | None = None) -> str:
    """`name(a = 1, b = x)`, or `name` alone."""
    if not arguments:
        return name
    written = (f"{key} = {value_text(value, (types or {}).get(key))}" for key, value in arguments)
    return f"{name}({', '.join(written)})"


def type_text(type: ParameterType) -> str:
    """A type as the reference pages name it: `integer`, `gini | entropy`, `list of text`, `kernel(...)`."""
    names = {"int": "integer", "bool": "boolean", "component": type.of or "component", "model": "model"}
    if type.name == "list" and type.item:
        return f"list of {type_text(type.item)}"
    if type.name == "enum":
        words = [choice.name + ("(...)" if choice.parameters else "") for choice in type.choices]
        return " | ".join(words + ([type_text(type.otherwise)] if type.otherwise else []))
    word = names.get(type.name, type.name)
    return f"{word} | {type_text(type.otherwise)}" if type.otherwise else word


def default_text(parameter: Parameter) -> str:
    """The default as written, `required`, or `-` where leaving it out means none."""
    if parameter.required:
        return "required"
    return "-" if parameter.default is None else value_text(parameter.default, parameter.type)


def _with_unit(value: float, units: tuple[tuple[int, str], ...]) -> str:
    for factor, unit in units:
        if value >= factor and value % factor == 0:
            return f"{int(value // factor)}{unit}"
    return ""
