"""Learned values as named arrays plus a JSON structure, and back: how artifacts do without pickle.

A tree is made of NamedTuples, mappings, tuples, lists and, as leaves, arrays (anything NumPy can read on the host),
numbers, texts, booleans and None. `save_tree` gives the arrays by name and the structure; `load_tree` rebuilds the
same tree. Classes of NamedTuples come from a function that the caller gives, never by importing what a file says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mldsl.diagnostics import Diagnostic, InternalError, MldslError

Resolve = Callable[[str], type | None]
_NUMBERS = frozenset("biuf")
_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DEEPEST = 100


def save_tree(tree: Any, prefix: str = "") -> tuple[dict[str, np.ndarray], Any]:
    """The arrays by name (`prefix/field/field`) and the structure as JSON."""
    arrays: dict[str, np.ndarray] = {}
    return arrays, _save(tree, prefix, arrays)


def load_tree(structure: Any, arrays: Mapping[str, np.ndarray], resolve: Resolve) -> Any:
    """The tree that `save_tree` was given, with NumPy arrays.

    `resolve("module:Class")` gives a NamedTuple class, or None if it is unknown. MLP0502 where structure, arrays and
    classes do not fit together.
    """
    return _load(structure, arrays, resolve, 0)


def class_name(cls: type) -> str:
    """How a manifest names a class: `module:Class`."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _save(tree: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    def child(key: object, value: Any) -> Any:
        return _save(value, f"{path}/{key}" if path else str(key), arrays)

    if tree is None or isinstance(tree, (bool, str)):
        return {"value": tree}
    if isinstance(tree, int) and not isinstance(tree, np.generic):
        return {"value": tree}
    if isinstance(tree, float) and not isinstance(tree, np.generic):
        return {"value": tree} if math.isfinite(tree) else {"float": str(tree)}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        fields = {name: child(name, value) for name, value in zip(tree._fields, tree, strict=True)}
        return {"named": class_name(type(tree)), "fields": fields}
    if isinstance(tree, Mapping):
        return {"map": [[_key(key), child(i, value)] for i, (key, value) in enumerate(tree.items())]}
    if isinstance(tree, (tuple, list)):
        kind = "tuple" if isinstance(tree, tuple) else "list"
        if len(tree) > 8 and all(item is None or isinstance(item, str) for item in tree):
            return {kind + "_of_texts": list(tree)}  # dictionaries and vocabularies: one line, not thousands
        return {kind: [child(i, value) for i, value in enumerate(tree)]}
    if hasattr(tree, "__array__"):
        return _save_array(np.asarray(tree), path, arrays)
    raise InternalError(f"a learned value at `{path}` is a {type(tree).__name__}, which an artifact cannot hold")


def _save_array(array: np.ndarray, path: str, arrays: dict[str, np.ndarray]) -> Any:
    if array.dtype.kind in _NUMBERS:
        arrays[path] = np.ascontiguousarray(array).reshape(array.shape)  # ascontiguousarray makes 0-d into 1-d
        return {"array": path}
    flat = array.ravel().tolist()
    if array.dtype.kind in "UO" and all(item is None or isinstance(item, str) for item in flat):
        return {"texts": flat, "shape": list(array.shape)}
    raise InternalError(f"a learned array at `{path}` is of type {array.dtype}, which an artifact cannot hold")


def _key(key: Any) -> Any:
    if isinstance(key, (str, bool, int)):
        return key
    raise InternalError(f"a learned mapping has a key of type {type(key).__name__}; use texts or integers")


def _load(node: Any, arrays: Mapping[str, np.ndarray], resolve: Resolve, depth: int) -> Any:
    if depth > _DEEPEST or not isinstance(node, dict) or not node:
        raise _damaged("the structure of the learned values is not readable")

    def child(value: Any) -> Any:
        return _load(value, arrays, resolve, depth + 1)

    kind, content = next(iter(node.items()))
    try:
        match kind:
            case "value":
                if content is None or isinstance(content, (bool, int, float, str)):
                    return content
            case "float":
                return _NOT_FINITE[content]
            case "array":
                return arrays[content]
            case "texts":
                return np.array(content, dtype=object).reshape(node["shape"])
            case "tuple":
                return tuple(child(item) for item in content)
            case "list":
                return [child(item) for item in content]
            case "tuple_of_texts":
                return tuple(content)
            case "list_of_texts":
                return list(content)
            case "map":
                return {key: child(value) for key, value in content}
            case "named":
                return _named(content, {name: child(value) for name, value in node["fields"].items()}, resolve)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(f"the structure of the learned values does not fit: {error}") from error
    raise _damaged(f"the structure of the learned values holds an unknown kind `{kind}`")


def _named(name: Any, fields: dict[str, Any], resolve: Resolve) -> Any:
    cls = resolve(name)
    if cls is None or not (issubclass(cls, tuple) and hasattr(cls, "_fields")):
        raise _damaged(
            f"no installed component has the learned values `{name}`", help="install the version named above"
        )
    if set(cls._fields) != set(fields):
        raise _damaged(
            f"`{name}` has the fields {', '.join(cls._fields)} here, and {', '.join(fields)} in the artifact",
            help="install the version that made it",
        )
    return cls(**fields)


def _damaged(message: str, help: str | None = None) -> MldslError:
    return MldslError(Diagnostic("MLP0502", message, help=help))
