"""Sums of derivatives by bin, in the forms of every kind of device, and the rows of nodes."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.trees import _histogram as histograms
from mldsl_plugins.trees._rows import every_row, part, running_count, spread

N, D = 3000, 6


@pytest.fixture(scope="module")
def rows():
    """Codes [n, 8], derivatives and weights of n rows; a tenth weigh nothing."""
    rng = np.random.default_rng(0)
    codes = np.zeros((N, 8), np.uint8)
    codes[:, :D] = rng.integers(0, 256, (N, D)) * rng.integers(0, 2, (N, D))
    weight = np.where(rng.random(N) < 0.1, 0, rng.integers(1, 4, N)).astype(np.float32)
    gradient = (rng.normal(size=N) * weight).astype(np.float32)
    hessian = (rng.random(N) * weight).astype(np.float32)
    return codes, gradient, hessian, weight


@partial(jax.jit, static_argnames="room")
def summed(records, gradient, hessian, weight, chosen, taken, start, count, *, room):
    """The histogram of the rows `taken[start : start + count]`, packed, as numbers, and the weight of the rows."""
    packed = histograms.pack(gradient, hessian, weight)
    words = histograms.words_of(chosen)
    listed = jnp.concatenate([taken, jnp.zeros(room, jnp.int32)])
    straight = jnp.all(jnp.where(jnp.arange(N) < count, taken == jnp.arange(N), True)) & (start == 0)
    one = histograms.of_rows(records, packed, words, listed, start, count, straight=straight)
    several = histograms.put(histograms.nothing(3, words), jnp.int32(1), one)
    before, found, after = histograms.joined(several, alike=True)
    sums = jnp.stack(histograms.by_column(found, packed.unit), axis=-1)[:D]
    with jax.enable_x64(True):
        alone = ~jnp.any(before | after)
    return found, jnp.where(alone, sums, jnp.nan), histograms.whole(found, packed)[2]


def call(rows, taken, chosen=(True,) * D, start=0, count=None):
    codes, *derivatives = rows
    order = np.zeros(N, np.int32)
    order[: len(taken)] = taken
    count = len(taken) - start if count is None else count
    room = 2 * histograms.chunk_of(N)
    return summed(codes.view(np.uint32), *derivatives, np.asarray(chosen), order, start, count, room=room)


def plain(rows, taken):
    codes, gradient, hessian, _ = (x[taken] for x in rows)
    expected = np.zeros((D, 256, 2))
    for j in range(D):
        np.add.at(expected[j, :, 0], codes[:, j], gradient.astype(np.float64))
        np.add.at(expected[j, :, 1], codes[:, j], hessian.astype(np.float64))
    return expected


def test_sums_are_those_of_the_rows(rows):
    taken = np.random.default_rng(1).permutation(N)[:1234].astype(np.int32)
    _, sums, mass = call(rows, taken, start=34)
    expected = plain(rows, taken[34:])
    assert np.abs(sums - expected).max() < 1e-6 * np.abs(rows[1]).sum()
    assert mass == rows[3][taken[34:]].sum()


def test_all_rows_need_no_list(rows):
    """Where all are summed, rows are read in order; the sums are the same to the last bit."""
    whole, sums, mass = call(rows, np.arange(N, dtype=np.int32))
    some, _, _ = call(rows, np.arange(N - 1, dtype=np.int32))
    last, _, _ = call(rows, np.asarray([N - 1], np.int32))
    with jax.enable_x64(True):
        assert np.array_equal(np.asarray(whole), np.asarray(some) + np.asarray(last))
    assert np.abs(sums - plain(rows, np.arange(N))).max() < 1e-6 * np.abs(rows[1]).sum()
    assert mass == rows[3].sum()


def test_the_order_of_rows_changes_no_bit(rows):
    taken = np.random.default_rng(2).permutation(N)[:777].astype(np.int32)
    assert np.array_equal(call(rows, taken)[0], call(rows, np.sort(taken))[0])


def test_words_without_a_chosen_column_stay_empty(rows):
    taken = np.arange(100, dtype=np.int32)
    every, some = call(rows, taken)[1], call(rows, taken, (False, True, False, True, False, False))[1]
    assert np.array_equal(some, np.where((np.arange(D) < 4)[:, None, None], every, 0))


def test_a_parent_less_one_child_is_the_other_child(rows):
    parent, child, other = np.arange(500), np.arange(0, 500, 3), np.setdiff1d(np.arange(500), np.arange(0, 500, 3))
    found = [call(rows, taken.astype(np.int32))[0] for taken in (parent, child, other)]
    with jax.enable_x64(True):
        every = jnp.stack([found[2], found[0]])  # the parent's is the second
        for left, expected in ((True, (found[1], found[2])), (False, (found[2], found[1]))):
            pair = histograms.apart(found[1], every, jnp.int32(1), left=jnp.asarray(left), whole=jnp.asarray(False))
            assert np.array_equal(pair, np.stack([np.asarray(one) for one in expected]))
        both = histograms.apart(found[1], every, jnp.int32(1), left=jnp.asarray(True), whole=jnp.asarray(True))
        assert np.array_equal(both, np.stack([np.asarray(found[1])] * 2))


@pytest.mark.parametrize("form", ["at once", "digits"])
def test_forms_for_other_devices_give_the_same_bits(rows, form):
    """What a GPU and what a TPU would do; the kernel of the latter is interpreted."""
    codes, gradient, hessian, weight = (x[:512] for x in rows)
    chosen = np.asarray((True, False, False, True, False, False))

    def both(records, gradient, hessian, weight, chosen):
        packed, words = histograms.pack(gradient, hessian, weight), histograms.words_of(chosen)
        other = histograms._at_once if form == "at once" else partial(histograms._by_digits, interpret=True)
        with jax.enable_x64(True):
            empty = jnp.ones(8 * 256, jnp.int64)
            return [f(empty, records, packed.sums, words) for f in (histograms._by_column, other)]

    one, other = jax.jit(both)(codes.view(np.uint32), gradient, hessian, weight, chosen)
    assert len(np.unique(one)) > 100
    assert np.array_equal(one, other)


def test_no_sum_leaves_its_half():
    """One row that is everything, of either sign, beside very many that are next to nothing."""
    n = 4096
    gradient = np.full(n, 1e-12, np.float32)
    gradient[0] = -3e8
    hessian = np.full(n, 1e-12, np.float32)
    hessian[1] = 5e8

    def both(gradient, hessian):
        packed = histograms.pack(gradient, hessian, jnp.ones(n))
        with jax.enable_x64(True):
            total = packed.sums.sum()
        return jnp.stack(histograms.unpacked(total, packed.unit))

    assert np.allclose(jax.jit(both)(gradient, hessian), [-3e8, 5e8], rtol=1e-6)


def test_derivatives_of_nothing_are_nothing():
    packed = jax.jit(histograms.pack)(*[np.zeros(64, np.float32)] * 3)
    assert np.all(np.isfinite(packed.unit))
    assert not np.any(packed.sums)
    assert np.isfinite(packed.mass)


def test_rows_are_parted_in_order():
    n, chunk = 700, 128
    rng = np.random.default_rng(3)
    goes = rng.random(n) < 0.4

    @jax.jit
    def both(goes):
        rows = every_row(n, chunk)
        rows, left = part(rows, jnp.int32(0), jnp.int32(n), lambda row: goes[row], n, chunk)
        again, inner = part(rows, left, n - left, lambda row: row % 2 == 0, n, chunk)
        starts = jnp.stack([jnp.int32(0), left, left + inner, jnp.int32(n)])  # the last is none
        return rows[:n], left, again[:n], spread(again, starts, jnp.asarray([7, 8, 9, 6]), n)

    rows, left, again, where = jax.tree.map(np.asarray, both(goes))
    place = np.arange(n)
    assert left == goes.sum()
    assert np.array_equal(rows, np.concatenate([place[goes], place[~goes]]))
    others = place[~goes]
    assert np.array_equal(again, np.concatenate([place[goes], others[others % 2 == 0], others[others % 2 == 1]]))
    assert np.array_equal(where, np.where(goes, 7, np.where(place % 2 == 0, 8, 9)))


def test_running_counts():
    true = np.random.default_rng(4).random(1024) < 0.5
    assert np.array_equal(jax.jit(running_count)(true), np.cumsum(true))


def test_rounding_is_right_on_average():
    """Of rows with one of two derivatives, as in the first round of boosting; and what is whole stays as it is."""
    n = 1 << 17
    rare = np.arange(n) % 5 == 0
    gradient, hessian = np.where(rare, -0.778, 0.222).astype(np.float32), np.full(n, 0.1725, np.float32)
    hessian[7] = gradient[7] = 0

    def summed_up(gradient, hessian):
        packed = histograms.pack(gradient, hessian, jnp.ones(n))
        with jax.enable_x64(True):
            return *histograms.unpacked(packed.sums[:, None], packed.unit), packed.unit

    slope, curve, unit = jax.tree.map(np.asarray, jax.jit(summed_up)(gradient, hessian))
    assert slope[7] == curve[7] == 0
    for found, exact, step in ((slope, gradient, unit[0]), (curve, hessian, unit[1])):
        off = (found[:, 0].astype(np.float64) - exact) / step
        assert np.abs(off).max() < 1
        for some in (rare, ~rare, np.arange(n) < n // 2):
            assert abs(off[some].sum()) < 3 * np.sqrt(some.sum() / 4), "else up to half of as many as there are rows"
    twos = np.where(rare, -2, 4).astype(np.float32)
    slope, curve, _ = jax.jit(summed_up)(twos, np.ones(n, np.float32))
    np.testing.assert_array_equal(slope[:, 0], twos)
    np.testing.assert_array_equal(curve[:, 0], 1)
