"""What a split lowers: impurities of a node as functions of sums over its rows, and the best place for a cut.

Sums of nodes are [p, m]: for classes the loss weight of each class, for numbers that and the loss weight times the
target about its mean; with costs, the weight by itself comes last, because `min_samples_leaf` counts rows and not what
they cost. Risks are totals, not means: `gini` m - sum_c m_c^2 / m for loss weights m_c with sum m; `entropy`
-sum_c m_c log2(m_c / m), in bits; `squared_error` -(sum v t)^2 / m, to which only a constant is missing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from mldsl.contract import tiny

BLOCK = 32  # of running sums: a product with a small triangle is several times faster than XLA's own cumsum on a CPU
FEW = 1024  # of which the difference is nothing, and its program smaller
ADDED = 4  # planes that are added one by one
CLOSE = 64  # gains that differ by so many units of rounding of the node's risk are a tie


class Rows(NamedTuple):
    """What sums are made of: weights, loss weights, and the class of a row or its target about the mean."""

    weight: Float[Array, " n"]
    loss: Float[Array, " n"]
    target: Float[Array, " n"] | Int[Array, " n"]


class Cells(NamedTuple):
    """K cells in order of their slot: which that is (M: none), and which cells each slot has: `begin` to `end`."""

    slot: Int[Array, " K"]
    begin: Int[Array, " M"]
    end: Int[Array, " M"]

    @property
    def slots(self) -> int:
        """M."""
        return self.begin.shape[0]

    @property
    def node(self) -> Int[Array, " K"]:
        """The slot as an index that is always good."""
        return jnp.minimum(self.slot, self.slots - 1)


class Cut(NamedTuple):
    """The best cut of each of M nodes along one column: its gain (-inf: none), and the last cell that goes left."""

    gain: Float[Array, " M"]
    at: Int[Array, " M"]


def take(x: Shaped[Array, "*p m"], index: Int[Array, " q"]) -> Shaped[Array, "*p q"]:
    """`x[..., index]` for indices that are known to be good."""
    return x.at[..., index].get(mode="promise_in_bounds")


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


def running(flags: Bool[Array, "p m"]) -> Int[Array, "p m+1"]:
    """How many are set before each place, and in all."""
    return jnp.pad(prefix(flags.astype(jnp.result_type(float))), ((0, 0), (1, 0))).astype(jnp.int32)


class Criterion(NamedTuple):
    """A criterion for k classes, or for numbers (k = 0); `costs`: rows have costs, so that weights are summed apart."""

    name: str
    classes: int
    costs: bool

    @property
    def planes(self) -> int:
        """p."""
        return (self.classes or 2) + self.costs

    def tally(self, rows: Rows, place: Int[Array, " n"], size: int) -> Float[Array, "p size"]:
        """Sums of the rows by place; places of `size` or more are nowhere."""
        p, none = self.planes, self.planes * size
        sums = jnp.zeros(none, rows.loss.dtype)
        if self.classes:
            sums = _add(sums, jnp.where(place < size, place + size * rows.target.astype(jnp.int32), none), rows.loss)
        else:
            sums = _add(sums, jnp.where(place < size, place, none), rows.loss)
            sums = _add(sums, jnp.where(place < size, place + size, none), rows.loss * rows.target)
        if self.costs:
            sums = _add(sums, jnp.where(place < size, place + size * (p - 1), none), rows.weight)
        return sums.reshape(p, size)

    def count(self, sums: Float[Array, "p ..."]) -> Array:
        """The weight of the rows."""
        return sums[-1] if self.costs else self.mass(sums)

    def mass(self, sums: Float[Array, "p ..."]) -> Array:
        """The loss weight of the rows."""
        return over_planes(sums[: self.classes]) if self.classes else sums[0]

    def shares(self, sums: Float[Array, "p ..."]) -> Float[Array, "k ..."]:
        """Shares of the classes, all alike where there is nothing; of numbers, their mean about the mean of all."""
        if not self.classes:
            return (sums[1] / jnp.maximum(sums[0], tiny(sums)))[None]
        mass = self.mass(sums)[None]
        return jnp.where(mass > 0, sums[: self.classes] / jnp.where(mass > 0, mass, 1), 1 / self.classes)

    def middle(self, sums: Float[Array, "p ..."]) -> Array:
        """The mean of the numbers, or of the classes' numbers."""
        return jnp.tensordot(jnp.arange(self.classes, dtype=sums.dtype) if self.classes else jnp.ones(1, sums.dtype),
                             self.shares(sums), axes=1, precision="highest")  # fmt: skip

    def risk(self, sums: Float[Array, "p ..."]) -> Array:
        """What splits lower, as a total over the rows."""
        mass = self.mass(sums)
        if not self.classes:
            return -(sums[1] ** 2) / jnp.maximum(mass, tiny(mass))
        of = jnp.maximum(sums[: self.classes], 0)
        if self.name == "gini":
            return mass - over_planes(of**2) / jnp.maximum(mass, tiny(mass))
        share = of / jnp.maximum(mass, tiny(mass))[None]
        return -over_planes(of * jnp.log2(jnp.where(of > 0, share, 1)))


def over_planes(x: Float[Array, "p ..."]) -> Array:
    """The sum over the first axis; of a few planes as plain additions, where XLA's reduction takes far longer."""
    if x.shape[0] > ADDED:
        return x.sum(axis=0)
    total = x[0]
    for plane in range(1, x.shape[0]):
        total = total + x[plane]
    return total


def _add(sums: Float[Array, " m"], place: Int[Array, " n"], what: Float[Array, " n"]) -> Float[Array, " m"]:
    return sums.at[place].add(what, mode="drop")


class Between(NamedTuple):
    """Sums on both sides of the place after each of K cells; `inside` where its node goes on."""

    left: Float[Array, "p K"]
    right: Float[Array, "p K"]
    total: Float[Array, "p M"]
    inside: Bool[Array, " K"]


def between(sums: Float[Array, "p K"], cells: Cells) -> Between:
    """Sums on both sides of each place."""
    so_far = jnp.pad(prefix(sums), ((0, 0), (1, 0)))
    base = take(so_far, cells.begin)
    total = take(so_far, cells.end) - base
    left = so_far[:, 1:] - take(base, cells.node)
    place = jnp.arange(sums.shape[1], dtype=jnp.int32)
    inside = (cells.slot < cells.slots) & (place + 1 < take(cells.end, cells.node))
    return Between(left, take(total, cells.node) - left, total, inside)


def best(gain: Float[Array, " K"], cells: Cells, close: Float[Array, " M"]) -> Cut:
    """The first cell with the greatest gain of each slot, where gains that are `close` count as equal."""
    slots, many = cells.slots, gain.shape[0]
    top = jnp.full(slots, -jnp.inf, gain.dtype).at[cells.slot].max(gain, mode="drop", indices_are_sorted=True)
    good = (gain >= take(top - close, cells.node)) & (gain > -jnp.inf)
    place = jnp.where(good, jnp.arange(many, dtype=jnp.int32), many)
    return Cut(top, jnp.full(slots, many, jnp.int32).at[cells.slot].min(place, mode="drop", indices_are_sorted=True))


def gains(criterion: Criterion, parts: Between, cells: Cells) -> Float[Array, " K"]:
    """What a cut after each cell gains."""
    return take(criterion.risk(parts.total), cells.node) - criterion.risk(parts.left) - criterion.risk(parts.right)


def allowed(criterion: Criterion, parts: Between, gain: Float[Array, " K"], least: Any) -> Float[Array, " K"]:
    """The gain where there is a cut and both sides have at least `least` rows, else -inf."""
    enough = (criterion.count(parts.left) >= least) & (criterion.count(parts.right) >= least)
    return jnp.where(parts.inside & enough, gain, -jnp.inf)


def halfway(low: Float[Array, " *m"], high: Float[Array, " *m"]) -> Float[Array, " *m"]:
    """Half way, yet never `high` itself: of neighbouring numbers the lower one."""
    half = low / 2 + high / 2
    return jnp.where((half >= high) | ~jnp.isfinite(half), low, half)


def threshold(value: Float[Array, " V"], rank: Int[Array, " K"], at: Int[Array, " M"]) -> Float[Array, " M"]:
    """Half way between the values of the last cell on the low side and the next one."""
    last = rank.shape[0] - 1
    low, high = (value[jnp.minimum(rank[jnp.minimum(at + i, last)], value.shape[0] - 1)] for i in range(2))
    return halfway(low, high)


def rounding(risk: Array) -> Array:
    """How far apart gains of nodes with this risk may be and still be a tie."""
    return CLOSE * jnp.finfo(risk.dtype).eps * jnp.maximum(risk, 0)


def first_best(gain: Float[Array, "d M"], close: Float[Array, " M"], order: Int[Array, " d"]) -> Int[Array, " M"]:
    """The column with the greatest gain; of equal ones the first in `order`."""
    good = gain >= jnp.where(jnp.isfinite(gain.max(axis=0)), gain.max(axis=0) - close, jnp.inf)[None]
    return jnp.argmin(jnp.where(good, order[:, None], jnp.iinfo(jnp.int32).max), axis=0).astype(jnp.int32)
