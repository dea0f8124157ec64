"""What JSON holds of each node: its fields and their types, as the classes declare them."""

from __future__ import annotations

import types
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs

from mldsl.syntax import ast


def fields_of(kind: Any) -> list[Any]:
    """The fields of a class that JSON has: all but places; the name comes first."""
    return _fields(kind)


@cache
def _fields(kind: Any) -> list[Any]:
    fields = [field for field in attrs.fields(kind) if not field.name.endswith("span")]
    return sorted(fields, key=lambda field: field.name != "name")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, vars(ast))


def hint_of(kind: Any, name: str) -> Any:
    """The type of a field, with names resolved."""
    return _hints(kind)[name]


def options_of(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type there is."""
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
