"""The best split of a node is what trying every split one by one finds."""

from __future__ import annotations

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.trees._splits import ALONE, Growth, Limits, Node, best_split, root, subset_of, value

from mldsl.execute.programs import QUICK

BINS, N = 16, 400
MISSING = BINS
# Columns: numbers, numbers of which some are missing, few levels (one of them without rows), many levels.
CATEGORIES = (False, False, True, True)
LEAST, LEAST_HESSIAN = 12.0, 3.0


def rows(seed=0, gaps=0.2, slope=1.0):
    """Codes [n, 4], first and second derivatives and weights of rows that depend on all columns."""
    random = np.random.default_rng(seed)
    codes = np.stack([random.integers(0, 11, N), random.integers(0, 16, N), random.integers(0, 5, N) % 5,
                      random.integers(0, 14, N)], axis=1)  # fmt: skip
    codes[codes[:, 2] == 1, 2] = 0
    effect = random.normal(0, 1, BINS)
    g = slope * 0.1 * codes[:, 0] - 0.05 * codes[:, 1] + effect[codes[:, 2]] + effect[codes[:, 3]]
    g = g - g.mean() + random.normal(0, 1, N)
    codes[:, 1:] = np.where(random.random((N, 3)) < gaps, MISSING, codes[:, 1:])
    weight = random.integers(1, 3, N).astype(float)
    return codes, g * weight, random.uniform(0.2, 1, N) * weight, weight


def histogram(codes, *sums):
    out = np.zeros((codes.shape[1], BINS + 1, len(sums)))
    for j, k in product(range(codes.shape[1]), range(len(sums))):
        np.add.at(out[j, :, k], codes[:, j], sums[k])
    return out


def growth(monotone=(0, 0, 0, 0)):
    return Growth(31, 0, False, BINS, CATEGORIES, monotone, words=1)


# Once for a Growth and a number of sums; quickly compiled.
compiled = partial(jax.jit, static_argnums=2, compiler_options=QUICK)(best_split)


def value_of(node, l2=0.7):
    with jax.enable_x64(True):
        return float(value(Node(*map(jnp.asarray, node)), jnp.asarray(l2)))


def found(codes, g, h, w, *, columns=(0, 1, 2, 3), l2=0.7, third=True, low=-np.inf, high=np.inf, least=LEAST, **of):
    node = Node(*np.float64([g.sum(), h.sum(), w.sum(), low, high]))
    sums = histogram(codes, g, h, w) if third else histogram(codes, g, h)
    allowed = np.isin(np.arange(codes.shape[1]), columns)
    with jax.enable_x64(True):
        sums, node, allowed = jax.tree.map(jnp.asarray, (sums, node, allowed))
        limits = Limits(*map(jnp.asarray, (l2, least, LEAST_HESSIAN)))
        split = compiled(sums, node, growth(**of), limits, allowed)
        return jax.tree.map(np.asarray, split)


def lowered(g, h, l2, low=-np.inf, high=np.inf):
    w = np.clip(-g.sum() / (h.sum() + l2), low, high)
    return -(g.sum() * w + (h.sum() + l2) * w * w / 2), w


def gain(left, g, h, w, l2, *, more=0.0, sign=0, low=-np.inf, high=np.inf, least=LEAST):
    """What a split gains, by its definition; None where it is not allowed."""
    if min(w[left].sum(), w[~left].sum()) < least or min(h[left].sum(), h[~left].sum()) < LEAST_HESSIAN:
        return None
    (one, a), (two, b) = (lowered(g[side], h[side], l2 + more, low, high) for side in (left, ~left))
    if sign * (b - a) < 0:
        return None
    return one + two - lowered(g, h, l2, low, high)[0]


def cuts(codes, column):
    """Every way to part the rows by a column of numbers."""
    for last, missing in product(range(BINS), (False, True)):
        yield np.where(codes[:, column] == MISSING, missing, codes[:, column] <= last)


def best(sides, *parts, **more):
    return max((gain(left, *parts, **more) or 0 for left in sides), default=0)


@pytest.mark.parametrize("third", [True, False], ids=["weights", "no weights"])
@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("l2", [0.0, 5.0])
def test_numbers_are_cut_where_it_gains_most(column, l2, third):
    codes, g, h, w = rows()
    if not third:  # then they are taken from the second derivatives, in proportion
        w = h * (w.sum() / h.sum())
    split = found(codes, g, h, w, columns=[column], l2=l2, third=third)
    left = split.goes_left[codes[:, column]]
    assert split.feature == column
    np.testing.assert_allclose(split.gain, best(cuts(codes, column), g, h, w, l2), rtol=1e-9)
    np.testing.assert_allclose(gain(left, g, h, w, l2), split.gain, rtol=1e-9)
    for side, node in ((left, split.left), (~left, split.right)):
        np.testing.assert_allclose(node[:3], [g[side].sum(), h[side].sum(), w[side].sum()], rtol=1e-9)
    np.testing.assert_array_equal(split.goes_left[:BINS], np.arange(BINS) <= split.bin)
    assert split.goes_left[MISSING] == split.missing_left


def test_the_best_column_is_chosen_among_those_allowed():
    codes, g, h, w = rows()
    gains = [float(found(codes, g, h, w, columns=[j]).gain) for j in range(4)]
    assert found(codes, g, h, w).feature == np.argmax(gains)
    assert found(codes, g, h, w).gain == max(gains)
    assert found(codes, g, h, w, columns=[]).gain == 0


def test_missing_values_alone_are_a_side():
    codes, g, h, w = rows()
    g = np.where(codes[:, 1] == MISSING, 3.0, -0.5) * w
    split = found(codes, g, h, w, columns=[1])
    assert not split.missing_left
    assert split.goes_left[:BINS][np.unique(codes[:, 1])[:-1]].all()


def test_without_missing_values_they_go_with_the_heavier_side():
    codes, g, h, w = rows(gaps=0)
    for column in range(4):
        split = found(codes, g, h, w, columns=[column])
        assert split.missing_left == (split.left.hessian >= split.right.hessian)


def test_few_levels_are_parted_in_the_best_of_all_ways():
    codes, g, h, w = rows()
    sides = [
        np.where(codes[:, 2] == MISSING, missing, np.isin(codes[:, 2], np.flatnonzero(chosen)))
        for chosen in product((False, True), repeat=5)
        for missing in (False, True)
    ]
    split = found(codes, g, h, w, columns=[2])
    left = split.goes_left[codes[:, 2]]
    np.testing.assert_allclose(split.gain, best(sides, g, h, w, 0.7), rtol=1e-9)
    np.testing.assert_allclose(gain(left, g, h, w, 0.7), split.gain, rtol=1e-9)
    assert split.goes_left[1] == split.missing_left  # a level that has no rows here


def test_many_levels_are_parted_in_the_order_of_their_smoothed_slopes():
    codes, g, h, w = rows()
    sums = histogram(codes, g, h)[3, :14]
    order = np.argsort(sums[:, 0] / (sums[:, 1] + 10))
    sides = [
        np.where(codes[:, 3] == MISSING, missing, np.isin(codes[:, 3], order[:count]))
        for count in range(1, 15)
        for missing in (False, True)
    ]
    split = found(codes, g, h, w, columns=[3])
    np.testing.assert_allclose(split.gain, best(sides, g, h, w, 0.7, more=10.0), rtol=1e-9)
    left = split.goes_left[codes[:, 3]]
    np.testing.assert_allclose(gain(left, g, h, w, 0.7, more=10.0), split.gain, rtol=1e-9)


def test_no_more_than_32_levels_stand_alone():
    count = 80
    g = np.repeat(np.where(np.arange(count) < 40, -1.0, 1.0), 20)
    codes = np.repeat(np.arange(count), 20)[:, None]
    sums = np.zeros((1, 101, 2), np.float32)
    np.add.at(sums[0, :, 0], codes[:, 0], g)
    np.add.at(sums[0, :, 1], codes[:, 0], 1)
    node = root(*(jnp.asarray(float(x)) for x in (g.sum(), len(g), len(g))))
    of = Growth(2, 0, False, 100, (True,), (0,), words=4)
    split = compiled(jnp.asarray(sums), node, of, Limits(*jnp.float32([0, 20, 0])), jnp.ones(1, bool))
    alone = min(split.goes_left[:count].sum(), (~split.goes_left[:count]).sum())
    assert alone == ALONE


@pytest.mark.parametrize("sign", [1, -1])
def test_monotone_columns_are_cut_in_their_order_only(sign):
    codes, g, h, w = rows(slope=-3.0)  # values rise with the column
    split = found(codes, g, h, w, columns=[0], monotone=(sign, 0, 0, 0))
    expected = best(cuts(codes, 0), g, h, w, 0.7, sign=sign)
    np.testing.assert_allclose(split.gain, expected, rtol=1e-9)
    free = found(codes, g, h, w, columns=[0]).gain
    assert split.gain == free if sign > 0 else split.gain < free
    if sign > 0:
        middle = (value_of(split.left) + value_of(split.right)) / 2
        np.testing.assert_allclose([split.left.high, split.right.low], middle)
        assert split.left.low == -np.inf
        assert split.right.high == np.inf


def test_values_and_gains_stay_within_bounds():
    codes, g, h, w = rows(slope=-3.0)
    bounds = {"low": -0.1, "high": 0.3}
    split = found(codes, g, h, w, columns=[1], monotone=(1, 0, 0, 0), **bounds)
    np.testing.assert_allclose(split.gain, best(cuts(codes, 1), g, h, w, 0.7, **bounds), rtol=1e-9)
    for node in (split.left, split.right):  # a column that is not monotone hands them on
        assert (node.low, node.high) == (-0.1, 0.3)
        assert -0.1 <= value_of(node) <= 0.3


@pytest.mark.parametrize(
    "case", ["equal rows", "too few rows", "too little curvature", "no rows"],
)  # fmt: skip
def test_where_nothing_gains_there_is_no_split(case):
    codes, g, h, w = rows()
    least = LEAST
    if case == "equal rows":
        g = h * 0.25
    if case == "too few rows":
        least = w.sum() / 2 + 1
    if case == "too little curvature":
        h = h * (LEAST_HESSIAN / h.sum())
    if case == "no rows":
        g, h, w = g * 0, h * 0, w * 0
    assert found(codes, g, h, w, least=least).gain == 0


def test_subsets_name_levels_not_bins():
    level = jnp.asarray([40, 3, 65, -1])
    goes_left = jnp.asarray([True, False, True, False, True])

    def levels(words):
        bits = [bool(int(words[c // 32]) >> (c % 32) & 1) for c in range(96)]
        return {c for c in range(96) if bits[c]}

    assert levels(subset_of(goes_left, jnp.asarray(False), level, 3)) == {40, 65}
    assert levels(subset_of(goes_left, jnp.asarray(True), level, 3)) == set(range(96)) - {3}
