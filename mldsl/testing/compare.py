"""Comparing trees of arrays: bit for bit, or to rounding; what differs is named by its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def leaves(tree: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Path and value of every leaf; random keys as their data."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "result"
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        yield name, np.asarray(leaf)


def bits(one: Any, other: Any) -> Iterator[str]:
    """What differs in as much as a bit."""
    pairs = _pairs(one, other)
    if isinstance(pairs, str):
        yield pairs
        return
    for name, a, b in pairs:
        if a.dtype != b.dtype or a.tobytes() != b.tobytes():
            yield f"`{name}`: {_shown(a)} and {_shown(b)}"


def rounding(one: Any, other: Any, *, tolerance: float | None = None) -> Iterator[str]:
    """What differs by more than rounding, relative to the largest value of its array.

    Many additions in another order, an iteration more or less: 0.002 in float32, 1e-6 in float64.
    """
    pairs = _pairs(one, other)
    if isinstance(pairs, str):
        yield pairs
        return
    for name, a, b in pairs:
        if a.dtype.kind not in "fc":
            if not np.array_equal(a, b):
                yield f"`{name}`: {_shown(a)} and {_shown(b)}"
            continue
        allowed = tolerance or (1e-6 if a.dtype == np.float64 else 2e-3)
        finite = np.isfinite(a) & np.isfinite(b)
        if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
            yield f"`{name}`: {_shown(a)} and {_shown(b)}"
            continue
        difference = np.abs(a[finite] - b[finite]).max(initial=0)
        size = max(np.abs(a[finite]).max(initial=0), np.abs(b[finite]).max(initial=0))
        if difference > allowed * size:
            yield f"`{name}` differs by {difference:.2g} where values go up to {size:.2g}"


def not_finite(tree: Any) -> Iterator[str]:
    """Arrays with values that are not finite."""
    for name, value in leaves(tree):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            yield f"`{name}` has {int((~np.isfinite(value)).sum())} values that are not finite, of {value.size}"


def _pairs(one: Any, other: Any) -> list[tuple[str, np.ndarray, np.ndarray]] | str:
    if str(jax.tree.structure(one)) != str(jax.tree.structure(other)):
        return "the results are built differently"
    pairs = [(name, a, b) for (name, a), (_, b) in zip(leaves(one), leaves(other), strict=True)]
    for name, a, b in pairs:
        if a.shape != b.shape:
            return f"`{name}` has the shapes {a.shape} and {b.shape}"
    return pairs


def _shown(value: np.ndarray) -> str:
    return np.array2string(value.ravel()[:4], precision=6, threshold=4) + ("..." if value.size > 4 else "")
