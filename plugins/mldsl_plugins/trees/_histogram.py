"""Histograms of a node: sums of both derivatives of the loss over its rows, by column and bin. The heart of trees.

The derivatives of a row are rounded to whole numbers and packed into one int64, the first above, the second in the
lower 32 bits, so that a row costs one addition a column and the sum is exact: it does not depend on the order of rows,
on chunks or on the number of devices, and the histogram of a node less that of one child is that of the other, to the
last bit. The units are powers of 2 such that no sum can leave its half: a row is rounded by at most 2^-29 of the sum
of all, up or down by a chance that goes by its place, so that many rows with the same derivative, as there are in the
first rounds, are right on average. Rounded to the nearest, 100,000 of them would be wrong together.

Rows are gathered chunk by chunk, so that one compiled loop serves nodes of every size, and what a chunk needs stays in
the processor's cache. On a CPU the chunk's codes are turned column by column and every column is one scatter into a
histogram of 2 KB, in half of the time of pairs of float32 and a third of that of one scatter for all columns
(`benchmarks/histogram*.py`). On a GPU one scatter takes a chunk as a whole, into several copies so that rows of one bin
do not wait for each other. On a TPU, which has no scatter, a code is two digits to base 16, and a histogram is the
product of their one-hot matrices, in a Pallas kernel over 16-bit parts that float32 adds exactly.

Where rows are sharded and columns are many, each device gets the sums of its own share of the columns alone, and all
that is done with a histogram but for making it is done by one device (`own_columns`).

Shapes:  records UInt32[n, w], four codes a word, the first column lowest; a histogram is Int64[c * 256 + 2] of c
         columns, the last numbers being the sum over its rows, and that of their weights.
Units:   of `Packed.unit`.
Sources: Ke et al. 2017, NeurIPS (LightGBM); Shi et al. 2022, NeurIPS (quantised gradients); Chen & Guestrin 2016,
         doi:10.1145/2939672.2939785 (XGBoost).
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt

from mldsl.contract import shard, tiny, total
from mldsl.contract.blocks import axis
from mldsl_plugins.trees._draws import jitters

CODES = 256
_COLUMNS = 4  # in a word
_LOWER = 32  # bits of the second derivative
_CHUNK = 1 << 13  # rows; what a chunk needs is about as large as a core's cache, and half of the last one is idle
_LEAST = 1 << 7
_SMALLER = 4  # as many small chunks are a large one; what is left of a node's rows goes in small ones
_MATTERS = 1 << 12  # rows; with fewer it takes longer to compile what is quicker in order than that ever saves
_COPIES = 32  # of a histogram on a GPU
_BASE = 16
_PART = 256  # rows whose 16-bit parts float32 adds exactly
_MASS = 40  # bits that the sum of all weights may take
_FURTHEST = 100  # powers of 2 that a float32 holds without loss
_MANY = 64  # columns, from which on devices share them: a sum of fewer costs less than a second exchange


class Packed(NamedTuple):
    """Derivatives of rows as whole numbers: `sums` Int64[n], and what one is worth, `unit` Float[2].

    `weight` Float[n] is how often rows count, and `mass` [] by what its sums are multiplied to be whole numbers. Where
    all rows that count do so equally often, `equal` says how often; else it is 0.
    """

    sums: Array
    unit: Float[Array, " 2"]
    weight: Float[Array, " n"]
    mass: Float[Array, ""]
    equal: Float[Array, ""]


class Sums(NamedTuple):
    """Of rows: their histogram Int64[d * 256], their sum, and their weight as a whole number."""

    histogram: Array
    whole: Array
    mass: Array


def chunk_of(n: int) -> int:
    """How many rows are handled at a time, of n: no more than a core's cache holds; a power of 2, at least 128."""
    return min(_CHUNK, max(_LEAST, 1 << (n // 16).bit_length()))


def pack(gradient: Float[Array, " n"], hessian: Float[Array, " n"], weight: Float[Array, " n"]) -> Packed:
    """First and second derivatives, times weight and cost; all zero where the weight is."""
    slope, curve = _bits(total(jnp.abs(gradient).sum())), _bits(total(hessian.sum()))
    unit = jnp.stack([_power(slope - 30), _power(curve - 31)])
    mass = _power(_MASS - _bits(total(weight.sum())))
    with jax.enable_x64(True):
        parts = zip((gradient, hessian), unit, jitters(gradient.shape[0]), strict=True)
        whole = [jnp.round(x / u + off).astype(jnp.int64) for x, u, off in parts]  # what is whole stays so, 0 above all
        sums = jax.lax.shift_left(whole[0], jnp.int64(_LOWER)) + whole[1]
    most, least = weight.max(), jnp.where(weight > 0, weight, jnp.inf).min()
    return Packed(sums, unit, weight, mass, jnp.where(most == least, most, 0))


def _bits(x: Float[Array, ""]) -> Int[Array, ""]:
    """The least power of 2 that is not below a number: which the order in which it was added up hardly ever changes."""
    return jnp.ceil(jnp.log2(jnp.maximum(x, tiny(x)))).astype(jnp.int32)


def _power(bits: Int[Array, ""]) -> Float[Array, ""]:
    """A power of 2, exactly."""
    return jnp.ldexp(jnp.float32(1), jnp.clip(bits, -_FURTHEST, _FURTHEST))


def unpacked(sums: Int[Array, " *shape"], unit: Float[Array, " 2"]) -> tuple[Array, Array]:
    """Packed sums as numbers: those of first and of second derivatives, each of the same shape."""
    with jax.enable_x64(True):
        lower = jnp.bitwise_and(sums, jnp.int64(2**_LOWER - 1))
        upper = jax.lax.shift_right_arithmetic(sums, jnp.full_like(sums, _LOWER))
        return upper.astype(unit.dtype) * unit[0], lower.astype(unit.dtype) * unit[1]


class Words(NamedTuple):
    """Which words of a record are summed up: the first `count` of `order` Int[w]. The histograms of others stay 0."""

    order: Int[Array, " w"]
    count: Int[Array, ""]


def words_of(chosen: Bool[Array, " d"]) -> Words:
    """The words that have a chosen column."""
    some = jnp.pad(chosen, (0, -chosen.shape[0] % _COLUMNS)).reshape(-1, _COLUMNS).any(axis=1)
    return Words(jnp.argsort(~some).astype(jnp.int32), some.sum(dtype=jnp.int32))


def of_rows(
    records: UInt[Array, "n w"],
    packed: Packed,
    words: Words,
    rows: Int[Array, " m"],
    start: Int[Array, ""],
    count: Int[Array, ""],
    *,
    straight: Bool[Array, ""],
) -> Sums:
    """The sums over the rows `rows[start : start + count]` of this device.

    `rows` goes on for a chunk or more. Where it is `straight`, these are rows 0, 1, 2, ..., and nothing is gathered.
    """
    n = records.shape[0]
    large, small = chunk_of(n), max(chunk_of(n) // _SMALLER, _LEAST)

    def in_order(first: Array, size: int) -> Any:
        begin = jnp.minimum(first, n - size)
        place = begin + jnp.arange(size, dtype=jnp.int32)
        take = lambda x: jax.lax.dynamic_slice_in_dim(x, begin, size)  # noqa: E731
        here = (place >= first) & (place < count)
        return take(records), take(packed.sums), jnp.where(here, take(packed.weight), 0), here

    def gathered(first: Array, size: int) -> Any:
        row = jax.lax.dynamic_slice_in_dim(rows, start + first, size)
        take = lambda x: x.at[row].get(mode="promise_in_bounds")  # noqa: E731
        here = first + jnp.arange(size, dtype=jnp.int32) < count
        weight = jax.lax.cond(packed.equal > 0, lambda: jnp.full(size, packed.equal), lambda: take(packed.weight))
        return take(records), take(packed.sums), jnp.where(here, weight, 0), here

    def added(so_far: Sums, first: Array, size: int) -> Sums:
        with jax.enable_x64(True):
            ways = [partial(way, first, size) for way in ((in_order, gathered) if n >= _MATTERS else (gathered,))]
            taken = jax.lax.cond(straight, *ways) if len(ways) > 1 else ways[0]()
        return _add(so_far, *taken, packed.mass, words)

    def body(state: tuple[Array, Sums]) -> tuple[Array, Sums]:
        first, so_far = state
        if large == small:
            return first + small, added(so_far, first, small)
        with jax.enable_x64(True):
            some = count - first >= jnp.int32(large)
            sums = jax.lax.cond(some, lambda s: added(s, first, large), lambda s: added(s, first, small), so_far)
        return first + jnp.where(some, large, small), sums

    return jax.lax.while_loop(lambda state: state[0] < count, body, (jnp.int32(0), _nothing(words)))[1]


def put(every: Sums, place: Int[Array, ""], one: Sums) -> Sums:
    """Sums of several nodes, with those of one in its place."""
    with jax.enable_x64(True):
        return jax.tree.map(lambda x, new: jax.lax.dynamic_update_index_in_dim(x, new, place, 0), every, one)


def nothing(nodes: int, words: Words) -> Sums:
    """Room for the sums of so many nodes."""
    with jax.enable_x64(True):
        return jax.tree.map(lambda x: jnp.zeros((nodes, *x.shape), x.dtype), _nothing(words))


def joined(sums: Sums, *, alike: bool) -> Int[Array, "nodes sums"]:
    """Histograms of nodes, added up over the shards, of this device's own columns."""
    d = sums.histogram.shape[1] // CODES
    each, _ = own_columns(d // _COLUMNS, alike=alike)
    with jax.enable_x64(True):
        rest = jnp.stack([sums.whole, sums.mass], axis=1)
        if each == d:  # in one go
            found: Array = total(jnp.concatenate([sums.histogram, rest], axis=1))
            return found
        padded = jnp.pad(sums.histogram, ((0, 0), (0, (each * jax.lax.axis_size(axis()) - d) * CODES)))
        own = jax.lax.psum_scatter(padded, axis(), scatter_dimension=1, tiled=True)
        return jnp.concatenate([own, total(rest)], axis=1)


def own_columns(w: int, *, alike: bool) -> tuple[int, Array | int]:
    """How many columns of a histogram this device has, of w words, and the first of them; some may be beyond the last.

    `alike`: nothing is known of columns that would make them differ, so that each device can have others.
    """
    d = w * _COLUMNS
    if axis() is None or d < _MANY or not alike:
        return d, 0
    each = -(-d // jax.lax.axis_size(axis()))
    return each, shard() * each


def empty(leaves: int, columns: int) -> Array:
    """Room for the histograms of so many leaves and columns."""
    with jax.enable_x64(True):
        return jnp.zeros((leaves, columns * CODES + 2), jnp.int64)


def by_column(histogram: Array, unit: Float[Array, " 2"]) -> tuple[Array, Array]:
    """Sums of derivatives by column and code, [..., c, 256]."""
    with jax.enable_x64(True):
        return unpacked(histogram[..., :-2].reshape(*histogram.shape[:-1], -1, CODES), unit)


def whole(histogram: Array, packed: Packed) -> tuple[Array, Array, Array]:
    """Sums of derivatives over the rows, and of their weights, [...]."""
    with jax.enable_x64(True):
        sums = unpacked(histogram[..., -2], packed.unit)
        return *sums, histogram[..., -1].astype(packed.mass.dtype) / packed.mass


def kept(every: Array, pair: Array, one: Int[Array, ""], other: Int[Array, ""]) -> Array:
    """All histograms, with those of a pair in their places."""
    with jax.enable_x64(True):
        for new, place in zip(pair, (one, other), strict=True):
            every = jax.lax.dynamic_update_slice(every, new[None], (place, jnp.int32(0)))
    return every


def apart(
    found: Array, every: Array, parent: Int[Array, ""], *, left: Bool[Array, ""], whole: Bool[Array, ""]
) -> Array:
    """The histograms of the left and the right child [2, ...], where that `found` is of the left or the right one.

    Or twice `found`, where it is `whole`. `every` has the parent's among others. What a branch gives is written down at
    once: fused into what comes next, the reading of `every` would make XLA copy it whole.
    """
    with jax.enable_x64(True):
        own = lambda: jax.lax.dynamic_index_in_dim(every, parent, 0, keepdims=False)  # noqa: E731
        ways = [
            lambda: jnp.stack([found, own() - found]),
            lambda: jnp.stack([own() - found, found]),
            lambda: jnp.stack([found, found]),
        ]
        way = jnp.where(whole, jnp.int32(2), jnp.where(left, jnp.int32(0), jnp.int32(1)))
        pair: Array = jax.lax.switch(way, ways)
    return pair


# ---- a chunk ---------------------------------------------------------------------------------------------------------
def _nothing(words: Words) -> Sums:
    with jax.enable_x64(True):
        histogram = jnp.zeros(words.order.shape[0] * _COLUMNS * CODES, jnp.int64)
        return Sums(histogram, *[jnp.zeros((), jnp.int64)] * 2)


def _add(
    so_far: Sums,
    records: UInt[Array, "c w"],
    sums: Array,
    weight: Float[Array, " c"],
    here: Bool[Array, " c"],
    unit: Float[Array, ""],
    words: Words,
) -> Sums:
    """What a chunk of rows adds, of which some are not `here` and weigh nothing."""
    with jax.enable_x64(True):
        sums = jnp.where(here, sums, jnp.int64(0))
        mass = jnp.round(weight.sum() * unit).astype(jnp.int64)
        histogram = jax.lax.platform_dependent(
            so_far.histogram, records, sums, words,
            cpu=_by_column, tpu=partial(_by_digits, interpret=False), default=_at_once,
        )  # fmt: skip
        return Sums(histogram, so_far.whole + sums.sum(), so_far.mass + mass)


def _by_column(histogram: Array, records: Array, sums: Array, words: Words) -> Array:
    across = records.T
    place = jnp.arange(_COLUMNS, dtype=jnp.int32)

    def word(j: Array, histogram: Array) -> Array:
        at = words.order[j]
        codes = jax.lax.dynamic_index_in_dim(across, at, 0, keepdims=False)

        def column(histogram: Array, k: Array) -> tuple[Array, None]:
            to = (at * jnp.int32(_COLUMNS) + k) * jnp.int32(CODES) + code_in(codes, k).astype(jnp.int32)
            return histogram.at[to].add(sums, mode="promise_in_bounds"), None

        return jax.lax.scan(column, histogram, place, unroll=_COLUMNS)[0]

    return jax.lax.fori_loop(jnp.int32(0), words.count, word, histogram)


def code_in(word: UInt[Array, " c"], column: Int[Array, ""]) -> UInt[Array, " c"]:
    """The code of a column, in the word that holds it and three others."""
    return (word >> (column % _COLUMNS * 8).astype(jnp.uint32)) & jnp.uint32(CODES - 1)


def records_of(codes: UInt[Array, "n w"]) -> UInt[Array, "n words"]:
    """Codes as words of four, if they are not yet."""
    if codes.dtype == jnp.uint32:
        return codes
    return jax.lax.bitcast_convert_type(codes.reshape(codes.shape[0], -1, _COLUMNS), jnp.uint32)


def codes_of(codes: UInt[Array, "n w"]) -> UInt[Array, "n columns"]:
    """The code of every column, row by row, of records or of codes."""
    if codes.dtype != jnp.uint32:
        return codes
    shifts = jnp.arange(0, 8 * _COLUMNS, 8, dtype=jnp.uint32)
    return ((codes[:, :, None] >> shifts[None, None, :]) & jnp.uint32(CODES - 1)).reshape(codes.shape[0], -1)


def _at_once(histogram: Array, records: Array, sums: Array, words: Words) -> Array:
    c, d = records.shape[0], words.order.shape[0] * _COLUMNS
    copy = jnp.arange(c, dtype=jnp.int32)[:, None] % _COPIES * jnp.int32(d)
    place = (copy + jnp.arange(d, dtype=jnp.int32)[None, :]) * jnp.int32(CODES) + codes_of(records).astype(jnp.int32)
    every = jnp.zeros(_COPIES * d * CODES, sums.dtype).at[place].add(jnp.broadcast_to(sums[:, None], place.shape))
    return histogram + _chosen(every.reshape(_COPIES, d, CODES).sum(axis=0), words)


def _chosen(histogram: Array, words: Words) -> Array:
    w = words.order.shape[0]
    there = jnp.zeros(w, bool).at[words.order].set(jnp.arange(w) < words.count)
    return jnp.where(jnp.repeat(there, _COLUMNS)[:, None], histogram, jnp.int64(0)).reshape(-1)


def _by_digits(histogram: Array, records: Array, sums: Array, words: Words, *, interpret: bool) -> Array:
    """One-hot products of both digits of a code with the four 16-bit parts of the sums, added up as int32."""
    from jax.experimental import pallas as pl

    c, d = records.shape[0], words.order.shape[0] * _COLUMNS
    size = min(_PART, c)
    codes = codes_of(records).astype(jnp.int32)
    shifts = jnp.arange(4, dtype=jnp.int64) * 16
    parts = jax.lax.shift_right_logical(sums[:, None], jnp.broadcast_to(shifts, (c, 4)))
    parts = (parts & jnp.int64(0xFFFF)).astype(jnp.float32)

    def kernel(code: Any, part: Any, out: Any) -> None:
        @pl.when(pl.program_id(1) == 0)
        def _() -> None:
            out[...] = jnp.zeros_like(out)

        digit = jax.lax.broadcasted_iota(jnp.int32, (size, _BASE), 1)
        upper = (code[...] // _BASE == digit).astype(jnp.float32)  # [rows, 16]
        lower = (code[...] % _BASE == digit).astype(jnp.float32)
        heavy = (lower[:, :, None] * part[...][:, None, :]).reshape(size, _BASE * 4)
        out[...] += jnp.dot(upper.T, heavy, precision="highest").astype(jnp.int32)[None]

    found = pl.pallas_call(
        kernel,
        grid=(d, c // size),
        in_specs=[pl.BlockSpec((size, 1), lambda j, i: (i, j)), pl.BlockSpec((size, 4), lambda j, i: (i, 0))],
        out_specs=pl.BlockSpec((1, _BASE, _BASE * 4), lambda j, i: (j, 0, 0)),
        out_shape=jax.ShapeDtypeStruct((d, _BASE, _BASE * 4), jnp.int32),
        interpret=interpret,
    )(codes, parts)
    whole = found.reshape(d, CODES, 4).astype(jnp.int64)  # of at most 2^15 rows, so that int32 held them
    return histogram + _chosen(jax.lax.shift_left(whole, jnp.broadcast_to(shifts, whole.shape)).sum(axis=-1), words)
