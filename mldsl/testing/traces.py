"""Looking into what a function becomes before it is compiled: its operations, their types and shapes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

CALLBACKS = ("pure_callback", "io_callback", "debug_callback", "debug_print", "python_callback")


def trace(function: Callable[..., Any], *args: Any) -> Any:
    """The closed jaxpr of a function."""
    return jax.make_jaxpr(function)(*args)


def operations(closed: Any) -> Iterator[Any]:
    """Every equation, those inside of loops and branches included."""
    pending = [getattr(closed, "jaxpr", closed)]
    while pending:
        jaxpr = pending.pop()
        for equation in jaxpr.eqns:
            yield equation
            for value in equation.params.values():
                for part in value if isinstance(value, tuple | list) else (value,):
                    inner = getattr(part, "jaxpr", part)
                    if hasattr(inner, "eqns"):
                        pending.append(inner)


def callbacks(closed: Any) -> set[str]:
    """Names of the operations that leave the program for Python."""
    return {e.primitive.name for e in operations(closed) if e.primitive.name in CALLBACKS}


def same(one: Any, other: Any) -> bool:
    """Whether two traces are the same program: equal operations and equal constants."""
    consts = zip(one.consts, other.consts, strict=False)
    return (
        len(one.consts) == len(other.consts)
        and all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in consts)
        and _text(one) == _text(other)
    )


def _text(closed: Any) -> str:
    # Functions print with their address, which says nothing.
    return re.sub(r" at 0x[0-9a-f]+", "", str(closed.jaxpr))


def floats(closed: Any) -> set[str]:
    """The types of real numbers that are computed with."""
    return {
        str(v.aval.dtype)
        for e in operations(closed)
        for v in e.outvars
        if getattr(v.aval, "dtype", None) is not None and np.issubdtype(np.dtype(_plain(v.aval.dtype)), np.floating)
    }


def _plain(dtype: Any) -> Any:
    return np.uint32 if jnp.issubdtype(dtype, jax.dtypes.extended) else dtype


def shapes(closed: Any) -> set[tuple[int, ...]]:
    """The shapes of everything that is computed."""
    return {tuple(v.aval.shape) for e in operations(closed) for v in e.outvars if hasattr(v.aval, "shape")}
