"""Weighted quantiles: type 7 of the sample in which row i is repeated weight_i times.

Two ways, chosen by size. Short columns are sorted. Sorting is slow in XLA on a CPU (a million float32: 0.3 s), so in
long columns, and where rows are sharded, the order statistics are found by radix selection: histograms of the weights
over 16 bits at a time of an integer that orders as the numbers do; and histograms add up over shards. For many
quantiles at a time a histogram of 16 bits for each would be large, so that all digits but the first then have 8; those
of segments have 8 throughout.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mldsl.contract.blocks import axis, total

LONG = 32768  # rows from which selection beats sorting
DIGIT = 16  # bits of a digit
MANY = 16  # order statistics from which later digits are shorter
SHORT = 8  # bits of these


def weighted_quantile(
    x: Float[Array, " n *d"], weight: Float[Array, " n"], q: Float[Array, " q"]
) -> Float[Array, " q *d"]:
    """Type-7 quantiles of the sample in which row i is repeated weight_i times, for x [n, d] or [n].

    Rows of weight 0 do not matter, whatever they hold; NaN counts as absent. All absent gives NaN. O(n log n) per
    column, or O(n) for long ones.
    """
    columns = x[:, None] if x.ndim == 1 else x
    of = _selected if columns.shape[0] > LONG or axis() is not None else _sorted
    out = jax.lax.map(lambda column: of(column, weight, q), columns.T).T
    return out[:, 0] if x.ndim == 1 else out


def segment_quantile(
    x: Float[Array, "n d"], weight: Float[Array, " n"], q: Float[Array, " q"], segment: Int[Array, " n"], segments: int
) -> Float[Array, "segments q d"]:
    """`weighted_quantile` within each segment; ids outside 0..segments-1 are left out.

    O(n log n) per column, or O(n) for each quantile of a long one, with 256 counts by segment.
    """
    long = x.shape[0] > LONG or axis() is not None

    def of(column: Array) -> Array:
        return _selected_segments(column, weight, q, segment, segments) if long else by_sorting(column)

    def by_sorting(column: Array) -> Array:
        here = (weight > 0) & ~jnp.isnan(column) & (segment >= 0) & (segment < segments)
        key = jnp.where(here, segment, segments)
        value = jnp.where(here, column, jnp.inf)
        key, value, w = jax.lax.sort((key, value, jnp.where(here, weight, 0)), num_keys=2)
        cumulative = jnp.cumsum(w)
        mass = jax.ops.segment_sum(w, key, segments)
        end = jnp.searchsorted(key, jnp.arange(segments), side="right")
        before = jnp.cumsum(mass) - mass
        place = q[None, :] * jnp.maximum(mass[:, None] - 1, 0)
        low = jnp.floor(place)

        def at(position: Array) -> Array:
            index = jnp.searchsorted(cumulative, before[:, None] + position, side="right")
            return value[jnp.clip(index, 0, jnp.maximum(end - 1, 0)[:, None])]

        below, above = at(low), at(jnp.maximum(jnp.minimum(low + 1, mass[:, None] - 1), 0))
        return jnp.where(mass[:, None] > 0, below + (above - below) * (place - low), jnp.nan)

    return jnp.moveaxis(jax.lax.map(of, x.T), 0, -1)


def _selected_segments(column: Array, weight: Array, q: Array, segment: Array, segments: int) -> Array:
    """Find the order statistics of every segment digit by digit, one statistic after the other. [segments, q]"""
    here = (weight > 0) & ~jnp.isnan(column) & (segment >= 0) & (segment < segments)
    w, of_row = jnp.where(here, weight, 0), jnp.where(here, segment, 0)
    key = _ordered_bits(jnp.where(here, column, 0))
    mass = total(jax.ops.segment_sum(w, of_row, segments))
    base, every = 1 << SHORT, jnp.arange(segments)

    def at(position: Float[Array, " segments"]) -> Array:
        left, prefix = position, jnp.zeros(segments, key.dtype)
        for shift in range(key.dtype.itemsize * 8 - SHORT, -1, -SHORT):  # four digits in float32, eight in float64
            digit = ((key >> shift) & (base - 1)).astype(jnp.int32)
            mine = jnp.where((key >> shift) >> SHORT == prefix[of_row], w, 0)
            counts = total(jax.ops.segment_sum(mine, of_row * base + digit, segments * base))
            cumulative = jnp.cumsum(counts.reshape(segments, base), axis=1)
            found = _first_above(cumulative, every, left)
            before = jnp.where(found > 0, cumulative[every, jnp.maximum(found - 1, 0)], 0)
            left = jnp.maximum(left - before, 0)
            prefix = (prefix << SHORT) | found.astype(key.dtype)
        return _from_ordered_bits(prefix, column.dtype)

    place = q[:, None] * jnp.maximum(mass - 1, 0)[None]
    low = jnp.floor(place)
    high = jnp.maximum(jnp.minimum(low + 1, mass[None] - 1), 0)
    found = jax.lax.map(at, jnp.concatenate([low, high]))
    below, above = found[: q.shape[0]], found[q.shape[0] :]
    return jnp.where(mass[None] > 0, below + (above - below) * (place - low), jnp.nan).T


def _between(at: object, q: Array, mass: Array) -> Array:
    """Interpolate between the order statistics on both sides of place q (mass - 1), counted from 0."""
    place = q * jnp.maximum(mass - 1, 0)
    low = jnp.floor(place)
    high = jnp.maximum(jnp.minimum(low + 1, mass - 1), 0)
    found = at(jnp.concatenate([low, high]))  # type: ignore[operator]
    below, above = found[: q.shape[0]], found[q.shape[0] :]
    return jnp.where(mass > 0, below + (above - below) * (place - low), jnp.nan)


def _sorted(column: Array, weight: Array, q: Array) -> Array:
    w = jnp.where(jnp.isnan(column), 0, weight)
    # Rows of weight 0 go to the end, so that what they hold does not change the order of the others' sum.
    order = jnp.argsort(jnp.where(w > 0, column, jnp.inf))
    value, cumulative = column[order], jnp.cumsum(w[order])
    mass = cumulative[-1]
    last = jnp.searchsorted(cumulative, mass, side="left")

    def at(position: Array) -> Array:
        return value[jnp.minimum(jnp.searchsorted(cumulative, position, side="right"), last)]

    return _between(at, q, mass)


def _selected(column: Array, weight: Array, q: Array) -> Array:
    """Find order statistics digit by digit, the most significant first."""
    w = jnp.where(jnp.isnan(column), 0, weight)
    key = _ordered_bits(jnp.where(w > 0, column, 0))
    bits = key.dtype.itemsize * 8
    base = 1 << DIGIT

    def at(position: Array) -> Array:
        if position.shape[0] > MANY:
            return _from_ordered_bits(_many(key, w, position), column.dtype)
        left, prefix = position, jnp.zeros(position.shape, key.dtype)
        slots = jnp.arange(position.shape[0])
        for shift in range(bits - DIGIT, -1, -DIGIT):  # two digits in float32, four in float64
            digit = ((key >> shift) & (base - 1)).astype(jnp.int32)
            if shift == bits - DIGIT:
                counts = total(jax.ops.segment_sum(w, digit, base))[None]
                slot = jnp.zeros_like(slots)
            else:
                above = (key >> shift) >> DIGIT
                match = above[None, :] == prefix[:, None]
                slot = (prefix[None, :] == prefix[:, None]).argmax(1)  # places with one prefix share a histogram
                here = match.argmax(0).astype(jnp.int32)
                mine = jnp.where(match.any(0), w, 0)
                counts = total(jax.ops.segment_sum(mine, here * base + digit, slots.shape[0] * base)).reshape(-1, base)
            cumulative = jnp.cumsum(counts, axis=1)[slot]
            # The last digit that holds any weight: where rounding puts a place beyond the end.
            last = jax.vmap(lambda c: jnp.searchsorted(c, c[-1], side="left"))(cumulative)
            found = jax.vmap(lambda c, p: jnp.searchsorted(c, p, side="right"))(cumulative, left)
            found = jnp.minimum(found, last)
            before = jnp.where(found > 0, jnp.take_along_axis(cumulative, found[:, None] - 1, 1)[:, 0], 0)
            left = jnp.maximum(left - before, 0)
            prefix = (prefix << DIGIT) | found.astype(key.dtype)
        return _from_ordered_bits(prefix, column.dtype)

    return _between(at, q, total(w.sum()))


def _many(key: Array, w: Array, position: Array) -> Array:
    """The keys at many positions. Rows go along with the slot of the positions whose digits so far are theirs."""
    count = position.shape[0]
    left, prefix = position, jnp.zeros(count, key.dtype)
    mine, slot = jnp.zeros(key.shape, jnp.int32), jnp.zeros(count, jnp.int32)  # of rows, and of positions
    shift, size = key.dtype.itemsize * 8 - DIGIT, 1 << DIGIT
    while shift >= 0:  # three digits in float32, seven in float64
        slots = 1 if size == 1 << DIGIT else count + 1  # the last is of rows that no position wants
        place = mine * size + ((key >> shift) & (size - 1)).astype(jnp.int32)
        counts = total(jax.ops.segment_sum(w, place, slots * size)).reshape(slots, size)
        cumulative = jnp.cumsum(counts, axis=1)
        digit = _first_above(cumulative, slot, left)
        before = jnp.where(digit > 0, cumulative[slot, jnp.maximum(digit - 1, 0)], 0)
        left, prefix = jnp.maximum(left - before, 0), (prefix << (size.bit_length() - 1)) | digit.astype(key.dtype)
        wanted = slot * size + digit
        first = jnp.full(slots * size, count, jnp.int32).at[wanted].min(jnp.arange(count, dtype=jnp.int32))
        mine, slot = first[place], first[wanted]
        size, shift = 1 << SHORT, shift - SHORT
    return prefix


def _first_above(cumulative: Array, slot: Array, left: Array) -> Array:
    """In the line of each slot the first digit whose cumulative weight is above `left`, but not past all weight."""
    size = cumulative.shape[1]
    end = cumulative[slot, size - 1]

    def count(passed: Callable[[Array], Array]) -> Array:
        """How many digits, from 0, are passed: by halving."""
        found = jnp.zeros(slot.shape, jnp.int32)
        for step in (size >> k for k in range(1, size.bit_length())):  # 8 or 16 of them
            found = jnp.where(passed(cumulative[slot, found + step - 1]), found + step, found)
        return found

    return jnp.minimum(count(lambda c: c <= left), count(lambda c: c < end))


def _ordered_bits(x: Array) -> Array:
    """Unsigned integers that order as the floats do."""
    unsigned = jnp.uint32 if x.dtype.itemsize == 4 else jnp.uint64
    raw = jax.lax.bitcast_convert_type(x + 0.0, unsigned)  # + 0.0 makes -0.0 a 0.0
    sign = raw >> (raw.dtype.itemsize * 8 - 1)
    top = jnp.asarray(1, unsigned) << (raw.dtype.itemsize * 8 - 1)
    return jnp.where(sign == 1, ~raw, raw | top)


def _from_ordered_bits(key: Array, dtype: jnp.dtype) -> Array:
    top = jnp.asarray(1, key.dtype) << (key.dtype.itemsize * 8 - 1)
    raw = jnp.where((key & top) != 0, key ^ top, ~key)
    return jax.lax.bitcast_convert_type(raw, dtype)
