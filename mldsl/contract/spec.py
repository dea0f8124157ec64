"""A `Spec` as a pytree: traced fields are leaves, nested components are sub-trees, the rest is static.

So a hyperparameter that is traced changes without recompiling, and a stacked Spec trains many settings in one program.
attrs' validators must never see a tracer, hence unflattening goes around `__init__`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import jax
import numpy as np

from mldsl.plugin import Component

_registered: set[type] = set()


def _is_tree(value: Any) -> bool:
    # Nested components and choices with arguments are sub-trees, and so are lists of them; the component object itself
    # is static.
    if isinstance(value, tuple):
        return any(_is_tree(item) for item in value)
    return attrs.has(type(value)) and not isinstance(value, type | Component)


def _is_leaf(field: attrs.Attribute[Any], value: Any) -> bool:
    return _is_traced(field, value) or _is_tree(value)


def _is_traced(field: attrs.Attribute[Any], value: Any) -> bool:
    """A number that may change without recompiling; the words that may stand in its place are static."""
    return bool(field.metadata.get("mldsl", {}).get("traced")) and value is not None and not isinstance(value, str)


def register(cls: type) -> None:
    """Make an attrs class of hyperparameters a pytree; nested ones follow when they are met."""
    if cls in _registered:
        return
    _registered.add(cls)
    fields = attrs.fields(cls)

    def flatten(spec: Any) -> tuple[list[Any], tuple[tuple[str, ...], tuple[tuple[str, Any], ...]]]:
        leaves, names, static = [], [], []
        for field in fields:
            value = getattr(spec, field.name)
            if _is_leaf(field, value):
                names.append(field.name)
                leaves.append(value)
            else:
                static.append((field.name, value))
        return leaves, (tuple(names), tuple(static))

    def unflatten(aux: tuple[tuple[str, ...], tuple[tuple[str, Any], ...]], leaves: Sequence[Any]) -> Any:
        spec: Any = object.__new__(cls)
        for name, value in (*zip(aux[0], leaves, strict=True), *aux[1]):
            object.__setattr__(spec, name, value)
        return spec

    jax.tree_util.register_pytree_node(cls, flatten, unflatten)


def as_tree(spec: Any, dtype: Any = np.float32) -> Any:
    """Register the Spec's class (and those of nested components) and cast traced leaves to strong arrays.

    Python floats and float32 arrays would trace twice; so every traced leaf becomes a 0-d array of `dtype`.
    """
    if isinstance(spec, tuple):
        return tuple(as_tree(item, dtype) if _is_tree(item) else item for item in spec)
    register(type(spec))
    changes = {}
    for field in attrs.fields(type(spec)):
        value = getattr(spec, field.name)
        if _is_traced(field, value):
            changes[field.name] = np.asarray(value, dtype)
        elif _is_tree(value):
            changes[field.name] = as_tree(value, dtype)
    copy = object.__new__(type(spec))
    for field in attrs.fields(type(spec)):
        object.__setattr__(copy, field.name, changes.get(field.name, getattr(spec, field.name)))
    return copy
