"""The JSON Schema of the AST's JSON form, published as package data so that other tools can check what they write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

import attrs

from mldsl.syntax import ast
from mldsl.syntax.fields import fields_of, hint_of, options_of


def published_schema() -> str:
    """The JSON Schema of the form, as it is published with the package."""
    from importlib import resources

    return resources.files("mldsl.syntax").joinpath("ast.schema.json").read_text("utf-8")


def schema() -> dict[str, Any]:
    """The JSON Schema of the form, made from the classes. `ast.schema.json` is this, and a test says so."""
    expressions = list(get_args(ast.Expr))
    definitions: dict[str, Any] = {
        "span": _SPAN,
        "expression": _by_kind(expressions),
        "argument": _by_kind([*expressions, ast.Named]),
    }
    queue = [*_leaves(hint_of(ast.Program, "items")), *expressions]
    while queue:
        kind = queue.pop(0)
        if not (isinstance(kind, type) and issubclass(kind, ast.Node)) or kind.kind in definitions:
            continue
        hints = {field.name: hint_of(kind, field.name) for field in fields_of(kind)}
        definitions[kind.kind] = {
            "description": (kind.__doc__ or "").split("\n")[0],
            "type": "object",
            "properties": {
                "kind": {"const": kind.kind},
                **{name: _schema_of(hint) for name, hint in hints.items()},
                "span": {"$ref": "#/$defs/span"},
            },
            "required": ["kind", *(field.name for field in fields_of(kind) if field.default is attrs.NOTHING)],
        }
        queue += [leaf for hint in hints.values() for leaf in _leaves(hint)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The syntax tree of an .mlp file",
        "description": "Format version 1.0. Later minor versions add keys only; ignore those you do not know.",
        "type": "object",
        "properties": {
            "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
            "edition": {"type": ["integer", "null"], "minimum": 1},
            "file": {"type": "string"},
            "items": _schema_of(hint_of(ast.Program, "items")),
        },
        "required": ["format_version", "items"],
        "$defs": dict(sorted(definitions.items())),
    }


_SPAN = {
    "description": "[line, column, end_line, end_column]: 1-based, in characters, the end exclusive.",
    "type": "array",
    "items": {"type": "integer", "minimum": 1},
    "minItems": 4,
    "maxItems": 4,
}
_JSON_TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def _leaves(hint: Any) -> list[Any]:
    """The types in an annotation."""
    if get_origin(hint) is tuple or len(options_of(hint)) > 1:
        return [leaf for part in get_args(hint) if part is not ... for leaf in _leaves(part)]
    return [hint]


def _by_kind(kinds: Sequence[Any]) -> dict[str, Any]:
    """One of several nodes. Told apart by `kind` first, so that checking does not try every kind at every level."""
    names = [kind.kind for kind in kinds]
    if len(names) == 1:
        return {"$ref": f"#/$defs/{names[0]}"}
    return {
        "type": "object",
        "properties": {"kind": {"enum": names}},
        "required": ["kind"],
        "allOf": [
            {"if": {"properties": {"kind": {"const": name}}}, "then": {"$ref": f"#/$defs/{name}"}} for name in names
        ],
    }


def _schema_of(hint: Any) -> dict[str, Any]:
    options = options_of(hint)
    choices: list[dict[str, Any]] = []
    nodes = [option for option in options if isinstance(option, type) and issubclass(option, ast.Node)]
    if set(get_args(ast.Expr)) <= set(nodes):
        choices.append({"$ref": "#/$defs/argument" if ast.Named in nodes else "#/$defs/expression"})
    elif nodes:
        choices.append(_by_kind(nodes))
    for option in options:
        if get_origin(option) is tuple:
            choices.append({"type": "array", "items": _schema_of(get_args(option)[0])})
        elif option in _JSON_TYPES:
            choices.append({"type": _JSON_TYPES[option]})
    return choices[0] if len(choices) == 1 else {"anyOf": choices}
