"""What a split lowers: impurities of a node as functions of sums over its rows, and the best place for a cut.

Sums of a node are [p]: for classes the loss weight of each class, for numbers that and the loss weight times the target
about its mean; with costs, the weight by itself comes last, because `min_samples_leaf` counts rows and not what they
cost. Risks are totals, not means: `gini` m - sum_c m_c^2 / m for loss weights m_c with sum m; `entropy`
-sum_c m_c log2(m_c / m), in bits; `squared_error` -(sum v t)^2 / m, to which only a constant is missing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from mldsl.contract import tiny

BLOCK = 32  # of running sums: a product with a small triangle is several times faster than XLA's own cumsum on a CPU
FEW = 1024  # of which the difference is nothing, and its program smaller
CLOSE = 64  # gains that differ by so many units of rounding of the node's risk are a tie


class Rows(NamedTuple):
    """What sums are made of: weights, loss weights, and the class of a row or its target about the mean."""

    weight: Float[Array, " n"]
    loss: Float[Array, " n"]
    target: Float[Array, " n"] | Int[Array, " n"]


class Cut(NamedTuple):
    """The best cut of each of M nodes along one column: its gain (-inf: none), and the last cell that goes left."""

    gain: Float[Array, " M"]
    at: Int[Array, " M"]


def prefix(x: Float[Array, "p m"]) -> Float[Array, "p m"]:
    """Running sums along the last axis."""
    p, m = x.shape
    if m <= FEW:
        return jnp.cumsum(x, axis=1)
    blocks = -(-m // BLOCK)
    apart = jnp.pad(x, ((0, 0), (0, blocks * BLOCK - m))).reshape(p * blocks, BLOCK)
    within = jnp.matmul(apart, jnp.triu(jnp.ones((BLOCK, BLOCK), x.dtype)), precision="highest")
    within = within.reshape(p, blocks, BLOCK)
    before = jnp.pad(prefix(within[:, :, -1]), ((0, 0), (1, 0)))[:, :-1]
    return (within + before[:, :, None]).reshape(p, blocks * BLOCK)[:, :m]


def running(flags: Bool[Array, " m"], like: Array) -> Int[Array, " m"]:
    """How many are set so far, this one included; counted in `like`'s type, which holds them exactly."""
    return prefix(flags.astype(like.dtype)[None])[0].astype(jnp.int32)


class Criterion(NamedTuple):
    """A criterion for k classes, or for numbers (k = 0); `costs`: rows have costs, so that weights are summed apart."""

    name: str
    classes: int
    costs: bool

    @property
    def planes(self) -> int:
        """p."""
        return (self.classes or 2) + self.costs

    def tally(self, rows: Rows, place: Int[Array, " n"], size: int) -> Float[Array, "size p"]:
        """Sums of the rows by place; places of `size` or more are nowhere."""
        p = self.planes
        if self.classes:
            flat = jnp.where(place < size, place * p + rows.target.astype(jnp.int32), size * p)
            sums = jnp.zeros(size * p, rows.loss.dtype).at[flat].add(rows.loss, mode="drop").reshape(size, p)
            return sums.at[place, p - 1].add(rows.weight, mode="drop") if self.costs else sums
        parts = [rows.loss, rows.loss * rows.target, *([rows.weight] if self.costs else [])]
        return jnp.zeros((size, p), rows.loss.dtype).at[place].add(jnp.stack(parts, axis=1), mode="drop")

    def count(self, sums: Float[Array, "*m p"]) -> Float[Array, "*m"]:
        """The weight of the rows."""
        return sums[..., -1] if self.costs else self.mass(sums)

    def mass(self, sums: Float[Array, "*m p"]) -> Float[Array, "*m"]:
        """The loss weight of the rows."""
        return sums[..., : self.classes].sum(axis=-1) if self.classes else sums[..., 0]

    def shares(self, sums: Float[Array, "*m p"]) -> Float[Array, "*m k"]:
        """Shares of the classes, all alike where there is nothing; of numbers, their mean about the mean of all."""
        if not self.classes:
            return (sums[..., 1] / jnp.maximum(sums[..., 0], tiny(sums)))[..., None]
        mass = self.mass(sums)[..., None]
        return jnp.where(mass > 0, sums[..., : self.classes] / jnp.where(mass > 0, mass, 1), 1 / self.classes)

    def risk(self, sums: Float[Array, "*m p"]) -> Float[Array, "*m"]:
        """What splits lower, as a total over the rows."""
        mass = self.mass(sums)
        if not self.classes:
            return -(sums[..., 1] ** 2) / jnp.maximum(mass, tiny(mass))
        of = jnp.maximum(sums[..., : self.classes], 0)
        if self.name == "gini":
            return mass - (of**2).sum(axis=-1) / jnp.maximum(mass, tiny(mass))
        share = of / jnp.maximum(mass, tiny(mass))[..., None]
        return -(of * jnp.log2(jnp.where(of > 0, share, 1))).sum(axis=-1)


class Between(NamedTuple):
    """Sums on both sides of the place after each of K cells, which lie node by node; `inside` where a node goes on."""

    left: Float[Array, "K p"]
    right: Float[Array, "K p"]
    total: Float[Array, "M p"]
    inside: Bool[Array, " K"]


def between(sums: Float[Array, "K p"], slot: Int[Array, " K"], slots: int) -> Between:
    """Sums on both sides of each place, of cells that are sorted by slot; slot M is none."""
    cells = sums.shape[0]
    place = jnp.arange(cells, dtype=jnp.int32)
    so_far = jnp.pad(prefix(sums.T).T, ((1, 0), (0, 0)))
    begin, end = bounds(slot, slots)
    base, total = so_far[begin], so_far[end] - so_far[begin]
    node = jnp.minimum(slot, slots - 1)
    left = so_far[1:] - base[node]
    return Between(left, total[node] - left, total, (slot < slots) & (place + 1 < end[node]))


def bounds(slot: Int[Array, " K"], slots: int) -> tuple[Int[Array, " M"], Int[Array, " M"]]:
    """The first cell of each slot and the one after the last; both alike where it has none."""
    place = jnp.arange(slot.shape[0], dtype=jnp.int32)
    end = jnp.zeros(slots, jnp.int32).at[slot].max(place + 1, mode="drop", indices_are_sorted=True)
    begin = jnp.full(slots, slot.shape[0], jnp.int32).at[slot].min(place, mode="drop", indices_are_sorted=True)
    return jnp.minimum(begin, end), end


def best(gain: Float[Array, " K"], slot: Int[Array, " K"], slots: int, close: Float[Array, " M"]) -> Cut:
    """The first cell with the greatest gain of each slot, where gains that are `close` count as equal."""
    top = jnp.full(slots, -jnp.inf, gain.dtype).at[slot].max(gain, mode="drop", indices_are_sorted=True)
    node = jnp.minimum(slot, slots - 1)
    good = (gain >= (top - close)[node]) & (gain > -jnp.inf)
    place = jnp.where(good, jnp.arange(gain.shape[0], dtype=jnp.int32), gain.shape[0])
    at = jnp.full(slots, gain.shape[0], jnp.int32).at[slot].min(place, mode="drop", indices_are_sorted=True)
    return Cut(top, at)


def gains(criterion: Criterion, parts: Between, slot: Int[Array, " K"], least: Any) -> Float[Array, " K"]:
    """What a cut after each cell gains; -inf where there is none, or a side has less than `least` rows."""
    node = jnp.minimum(slot, parts.total.shape[0] - 1)
    gain = criterion.risk(parts.total)[node] - criterion.risk(parts.left) - criterion.risk(parts.right)
    enough = (criterion.count(parts.left) >= least) & (criterion.count(parts.right) >= least)
    return jnp.where(parts.inside & enough, gain, -jnp.inf)


def middle(low: Float[Array, " *m"], high: Float[Array, " *m"]) -> Float[Array, " *m"]:
    """Half way, yet never `high` itself: of neighbouring numbers the lower one."""
    half = low + (high - low) / 2
    return jnp.where((half >= high) | ~jnp.isfinite(half), low, half)


def threshold(value: Float[Array, " V"], rank: Int[Array, " K"], at: Int[Array, " M"]) -> Float[Array, " M"]:
    """Half way between the values of the last cell on the low side and the next one."""
    last = rank.shape[0] - 1
    low, high = (value[jnp.minimum(rank[jnp.minimum(at + i, last)], value.shape[0] - 1)] for i in range(2))
    return middle(low, high)


def rounding(risk: Array) -> Array:
    """How far apart gains of nodes with this risk may be and still be a tie."""
    return CLOSE * jnp.finfo(risk.dtype).eps * jnp.maximum(risk, 0)


def first_best(gain: Float[Array, "d M"], close: Float[Array, " M"], order: Int[Array, " d"]) -> Int[Array, " M"]:
    """The column with the greatest gain; of equal ones the first in `order`."""
    good = gain >= jnp.where(jnp.isfinite(gain.max(axis=0)), gain.max(axis=0) - close, jnp.inf)[None]
    return jnp.argmin(jnp.where(good, order[:, None], jnp.iinfo(jnp.int32).max), axis=0).astype(jnp.int32)
