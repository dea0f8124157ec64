"""Products of columns: which there are, what they are called, and computing them.

A product is a tuple of column positions in order, `(0, 0, 2)` for x0^2 x2; they come by degree, and within a degree in
the order of the columns, as scikit-learn has them. A binary column has no powers: they would all be the column itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import combinations, combinations_with_replacement
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from mldsl.contract import Examples
from mldsl.plugin import NamedColumn, Problem

MOST = 5000  # columns that may come out


class Params(NamedTuple):
    """Which products exist in this fold: those whose columns all do."""

    active: Bool[Array, " outputs"]


@cache
def products(binary: tuple[bool, ...], degree: int, powers: bool) -> tuple[tuple[int, ...], ...]:
    """All products of up to `degree` of the columns; with `powers` a column may stand in one several times."""
    chosen = combinations_with_replacement if powers else combinations
    of_degree = (chosen(range(len(binary)), k) for k in range(1, degree + 1))
    return tuple(
        p for some in of_degree for p in some if not any(binary[j] and count > 1 for j, count in Counter(p).items())
    )


def too_many(columns: int, degree: int, powers: bool) -> Problem | None:
    """What is wrong with so many products, before they are made."""
    count = math.comb(columns + degree, degree) - 1
    if not powers:
        count = sum(math.comb(columns, k) for k in range(1, degree + 1))
    if count <= MOST:
        return None
    return Problem("degree", f"expected at most {MOST:,} products, found {count:,} of {columns:,} columns")


def is_binary(columns: Sequence[Any]) -> tuple[bool, ...]:
    """Which columns (named, or of a shape) are binary."""
    return tuple(c.type == "binary" for c in columns)


def named(columns: tuple[NamedColumn, ...], made: Sequence[tuple[int, ...]]) -> tuple[NamedColumn, ...]:
    """`age`, `age^2`, `age:fare`: a column alone keeps its name and type. `*` would stand for anything in `on`."""
    found = []
    for p in made:
        if len(p) == 1:
            found.append(columns[p[0]])
            continue
        factors = [columns[j].name + (f"^{count}" if count > 1 else "") for j, count in Counter(p).items()]
        kinds = {columns[j].type for j in p}
        kind = kinds.pop() if len(kinds) == 1 and kinds <= {"binary", "integer"} else "continuous"
        found.append(NamedColumn(":".join(factors), kind))
    return tuple(found)


def active(examples: Examples, made: Sequence[tuple[int, ...]], d: int) -> Bool[Array, " outputs"]:
    """Products all of whose columns are there."""
    there = jnp.ones(d, bool) if examples.active is None else examples.active
    index = _table(made, d)
    return jnp.append(there, True)[index].all(axis=1)


def multiply(x: Float[Array, "n d"], made: Sequence[tuple[int, ...]]) -> Float[Array, "n outputs"]:
    """The products of each row."""
    index = _table(made, x.shape[1])
    with_one = jnp.concatenate([x, jnp.ones((x.shape[0], 1), x.dtype)], axis=1)
    result = with_one[:, index[:, 0]]
    for k in range(1, index.shape[1]):  # the degree
        result = result * with_one[:, index[:, k]]
    return result


def _table(made: Sequence[tuple[int, ...]], d: int) -> np.ndarray:
    """The products as rows of positions, filled up with d, the place of a column of ones."""
    degree = max((len(p) for p in made), default=1)
    return np.asarray([(*p, *[d] * (degree - len(p))) for p in made], np.int32).reshape(len(made), degree)
