"""A sparse matrix on the device, and the sums over it that algorithms need: each costs a visit to every entry.

On XLA's CPU a scatter takes 2-4 ns an entry (1.7 million entries into 130,000 columns: 4-6 ms), sorted or not. So sums
by class go into one scatter over `column * classes + class`, and products with k columns block by block, because a
product for every entry would take k times the memory of the matrix. Under `vmap` over weights alone the entries stay
shared: folds are summed one after the other, which is twice as fast as side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract.batching import shared_inputs

BLOCK = 1 << 15  # entries whose products with a dense matrix are held at once
WHOLE = 1 << 20  # numbers; products that are fewer are made at once


class Sparse(NamedTuple):
    """A row-compressed matrix [n, d] of static capacity: entry j has row `row[j]`, column `column[j]`, `value[j]`.

    Entries are sorted by row, and there is at most one for a row and column; spare capacity has value 0, row n-1 and
    column 0, and so adds nothing. `like` holds no number: its static shape (n, 0, d) is the shape of the matrix.
    """

    value: Float[Array, " capacity"]
    row: Int[Array, " capacity"]
    column: Int[Array, " capacity"]
    like: Float[Array, "n 0 d"]

    @property
    def n(self) -> int:
        """The number of rows."""
        return int(self.like.shape[0])

    @property
    def d(self) -> int:
        """The number of columns."""
        return int(self.like.shape[2])

    # ---- products ----------------------------------------------------------------------------------------------------
    def matmul(self, right: Float[Array, "d k"]) -> Float[Array, "n k"]:
        """This matrix [n, d] times a dense one, in O(entries k) time and O((n + d) k) memory."""

        def product(so_far: Array, value: Array, row: Array, column: Array) -> Array:
            return so_far.at[row].add(value[:, None] * right[column], indices_are_sorted=True)

        kind = jnp.result_type(self.value, right)
        return self._by_entry(product, jnp.zeros((self.n, right.shape[1]), kind))

    def transposed_matmul(self, left: Float[Array, "n k"]) -> Float[Array, "d k"]:
        """The transpose of this matrix times a dense [n, k], in O(entries k) time and O((n + d) k) memory."""

        def product(so_far: Array, value: Array, row: Array, column: Array) -> Array:
            return so_far.at[column].add(value[:, None] * left[row])

        kind = jnp.result_type(self.value, left)
        return self._by_entry(product, jnp.zeros((self.d, left.shape[1]), kind))

    def _by_entry(self, add: Callable[..., Array], start: Array) -> Array:
        """`add(so_far, value, row, column)` over all entries: at once, or block by block where that is much."""
        entries = self.value.shape[0]
        if entries * start.shape[1] <= WHOLE or entries <= BLOCK:
            return add(start, self.value, self.row, self.column)

        def body(i: Array, so_far: Array) -> Array:
            first = jnp.minimum(i * BLOCK, entries - BLOCK)
            value, row, column = (
                jax.lax.dynamic_slice_in_dim(part, first, BLOCK) for part in (self.value, self.row, self.column)
            )
            fresh = first + jnp.arange(BLOCK) >= i * BLOCK  # the last block overlaps the one before
            return add(so_far, jnp.where(fresh, value, 0), row, column)

        whole: Array = jax.lax.fori_loop(0, -(-entries // BLOCK), body, start)
        return whole

    # ---- sums over rows: weights make a fold -------------------------------------------------------------------------
    def column_sums(self, weight: Float[Array, " n"]) -> Float[Array, " d"]:
        """sum_i weight_i x_ij for every column j. Rows of weight 0 add exactly nothing. O(entries)."""
        sums: Array = _scatter(self.d)(self.value, weight, self.row, self.column)
        return sums

    def class_sums(self, weight: Float[Array, " n"], label: Int[Array, " n"], classes: int) -> Float[Array, "d k"]:
        """sum_i weight_i x_ij over the rows of each class, for every column j; other labels count for none."""
        own = label[self.row]
        known = (own >= 0) & (own < classes)
        place = jnp.where(known, self.column * classes + own, self.d * classes)  # what is beyond is left out
        sums: Array = _scatter(self.d * classes)(self.value, weight, self.row, place)
        return sums.reshape(self.d, classes)

    # ---- by row ------------------------------------------------------------------------------------------------------
    def row_sums(self) -> Float[Array, " n"]:
        """sum_j x_ij for every row i. O(entries)."""
        return jax.ops.segment_sum(self.value, self.row, self.n, indices_are_sorted=True)

    def row_norms(self, norm: Literal["l1", "l2", "max"] = "l2") -> Float[Array, " n"]:
        """The norm of every row: sum of |x|, root of the sum of squares, or the largest |x|; 0 of an empty row."""
        size = jnp.abs(self.value)
        if norm == "max":
            largest = jax.ops.segment_max(size, self.row, self.n, indices_are_sorted=True)
            return jnp.maximum(largest, 0)  # -inf where there is no entry
        if norm == "l1":
            return self._replace(value=size).row_sums()
        return jnp.sqrt(self.squared().row_sums())

    # ---- entry by entry ----------------------------------------------------------------------------------------------
    def squared(self) -> Sparse:
        """x_ij squared."""
        return self._replace(value=self.value * self.value)

    def presence(self) -> Sparse:
        """1 where x_ij is not 0."""
        return self._replace(value=(self.value != 0).astype(self.value.dtype))

    def scaled(self, row: Float[Array, " n"] | None = None, column: Float[Array, " d"] | None = None) -> Sparse:
        """x_ij times a factor of its row, a factor of its column, or both. O(entries)."""
        value = self.value
        if row is not None:
            value = value * row[self.row]
        if column is not None:
            value = value * column[self.column]
        return self._replace(value=value)

    def only(self, active: Array) -> Sparse:
        """x_ij in the columns marked by `active` Bool[d], 0 in the others, whatever they hold."""
        return self._replace(value=jnp.where(active[self.column], self.value, 0))


def _scatter(places: int) -> Callable[..., Any]:
    """Sums of `weight[row] * value` by place; for several weights one after the other, over the same entries."""

    def plain(value: Array, weight: Array, row: Array, place: Array) -> Array:
        return jax.ops.segment_sum(value * weight[row], place, places)

    def of_folds(value: Array, weight: Array, row: Array, place: Array) -> Array:
        return jax.lax.map(lambda w: plain(value, w, row, place), weight)

    return shared_inputs(plain, of_folds)
