"""Declarations as JSON and back: the form of the cache, of the shipped index and of `mldsl plugins --json`.

Two spellings of one form: `complete` writes every field (what other programs read), the compact one leaves out fields
that hold their default (what the cache reads on every start). `from_dict` takes both and ignores keys it does not know,
so that a newer minor format stays readable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import attrs

from mldsl.plugin.cache import FORMAT_VERSION
from mldsl.plugin.declaration import (
    REQUIRED,
    Choice,
    Declaration,
    DefaultCall,
    Operand,
    Output,
    Parameter,
    ParameterType,
)  # fmt: skip

__all__ = ["FORMAT_VERSION", "from_dict", "to_dict"]

# The classes found under these keys; `type` is a class in a parameter and plain text in an output.
_NESTED: Final[Mapping[str, Any]] = {
    "parameters": Parameter, "choices": Choice, "type": ParameterType, "item": ParameterType,
    "otherwise": ParameterType, "literal": ParameterType, "outputs": Output, "operands": Operand,
}  # fmt: skip


def to_dict(declaration: Declaration, *, complete: bool = False) -> dict[str, Any]:
    """A declaration as JSON values. A required parameter has no key `default`; non-finite numbers are tagged texts."""
    return _encode(declaration, complete)  # type: ignore[no-any-return]


def from_dict(data: Mapping[str, Any]) -> Declaration:
    """The declaration that `to_dict` wrote. Raises KeyError or TypeError if a required key is absent."""
    return _decode(Declaration, data)  # type: ignore[no-any-return]


@cache
def _fields(cls: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in attrs.fields(cls))


def _encode(value: Any, complete: bool) -> Any:
    if isinstance(value, DefaultCall):
        return {"call": value.name, "arguments": {name: _encode(item, complete) for name, item in value.arguments}}
    if attrs.has(type(value)):
        cls: Any = type(value)
        pairs = ((name, getattr(value, name), default) for name, default in _fields(cls))
        return {
            name: _encode(item, complete)
            for name, item, default in pairs
            if item is not REQUIRED and (complete or default is attrs.NOTHING or not _same(item, default))
        }
    if isinstance(value, tuple):
        return [_encode(item, complete) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}  # JSON has no infinity
    return value


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)  # `False == 0`, and both may be defaults


def _decode(cls: Any, data: Mapping[str, Any]) -> Any:
    arguments = {}
    for name, _ in _fields(cls):
        if name in data:
            value, nested = data[name], _NESTED.get(name)
            if nested and isinstance(value, list):
                arguments[name] = tuple([_decode(nested, item) for item in value])
            elif nested and isinstance(value, dict):
                arguments[name] = _decode(nested, value)
            else:
                arguments[name] = _plain(value)
    return cls(**arguments)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple([_plain(item) for item in value])
    if isinstance(value, dict):
        if "call" in value:
            arguments = value["arguments"].items()
            return DefaultCall(value["call"], tuple([(name, _plain(item)) for name, item in arguments]))
        return float(value["number"])
    return value
