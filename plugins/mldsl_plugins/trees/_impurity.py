"""What nodes of forests are made of: rows, the sums over them, and what their splits lower; counting.

Shapes:  R rows, c amounts that a row adds, K sums by node (classes; or weight and target).
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt

MARK, _FEW = 64, 256  # of running sums: a row of the square that they are made of; so few are summed one by one


@attrs.frozen
class Growth:
    """How a tree grows: what is static. `columns` are drawn for a node; `depth` is how deep leaves may be."""

    criterion: str
    classes: int
    costs: bool
    columns: int
    depth: int
    min_split: float
    min_leaf: float
    nodes: int

    @property
    def sums(self) -> int:
        """K: a sum for each class, or of weights and of weighted targets; with costs one more, of weights."""
        return (self.classes or 2) + self.costs


class Rows(NamedTuple):
    """What a tree is grown from: bins or numbers, a class or number, what it weighs and what its loss weighs."""

    x: Float[Array, "n w"] | UInt[Array, "n w"]
    y: Float[Array, " n"] | Int[Array, " n"]
    weight: Float[Array, " n"]
    loss: Float[Array, " n"]


def loss_of(growth: Growth, sums: Float[Array, " K *s"]) -> Float[Array, "*s"]:
    """What the losses weigh."""
    return sums[: growth.classes].sum(axis=0) if growth.classes else sums[0]


def weight_of(growth: Growth, sums: Float[Array, " K *s"]) -> Float[Array, "*s"]:
    """What the rows weigh."""
    return sums[-1] if growth.costs else loss_of(growth, sums)


def worth(growth: Growth, sums: Float[Array, " K *s"]) -> Float[Array, "*s"]:
    """Minus weight times impurity, up to what all splits of a node have in common."""
    mass = loss_of(growth, sums)
    safe = jnp.where(mass > 0, mass, 1)
    if not growth.classes:
        return sums[1] * sums[1] / safe
    parts = sums[: growth.classes]
    if growth.criterion == "gini":
        return (parts * parts).sum(axis=0) / safe
    logs = jnp.log(jnp.where(parts > 0, parts, 1))
    return (parts * logs).sum(axis=0) - mass * jnp.log(safe)


def amounts(growth: Growth, rows: Rows, row: Int[Array, " R"], center: Float[Array, " R"]) -> tuple[Array, Array]:
    """What rows add to which sums: Int[R c] and Float[R c]."""
    loss, zero = rows.loss[row], jnp.zeros_like(row)
    if growth.classes:
        parts = [(rows.y[row].astype(jnp.int32), loss)]
    else:
        parts = [(zero, loss), (zero + 1, loss * (rows.y[row] - center))]
    if growth.costs:
        parts.append((zero + growth.sums - 1, rows.weight[row]))
    return jnp.stack([p[0] for p in parts], axis=1), jnp.stack([p[1] for p in parts], axis=1)


def running(x: Array) -> Array:
    """Running sums of whole numbers below 2^24, by products with triangles: a scan would take ten times as long."""
    size = len(x)
    if size <= _FEW:
        place = jnp.arange(size)
        return jnp.where(place[None] <= place[:, None], x.astype(jnp.int32)[None], 0).sum(axis=1, dtype=jnp.int32)
    square = jnp.pad(x.astype(jnp.zeros(()).dtype), (0, -size % MARK)).reshape(-1, MARK)
    within = square @ jnp.triu(jnp.ones((MARK, MARK), square.dtype))
    count = len(square)
    before = within[:, -1] @ jnp.triu(jnp.ones((count, count), square.dtype), 1)
    return (within + before[:, None]).reshape(-1)[:size].astype(jnp.int32)


def counted(x: Bool[Array, "*s"]) -> Int[Array, ""]:
    """How many are true."""
    return x.sum(dtype=jnp.int32)
