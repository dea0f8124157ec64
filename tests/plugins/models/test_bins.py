"""Columns cut into bins: edges, codes, weights, and columns that are unlike others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mldsl_plugins.trees import _bins
from mldsl_plugins.trees._bins import MISSING, bin_columns, with_table

from mldsl.contract import ColumnShape, Shape

LARGEST = float(np.finfo(np.float32).max)


def shape_of(columns, **levels):
    return Shape(
        len(next(iter(columns.values()))),
        tuple(ColumnShape(c, "categorical" if c in levels else "continuous", levels.get(c, 0)) for c in columns),
    )


def binned(x, weight=None, bins=255, levels=None):
    """Codes [n], edges in use, level and number of bins of one column."""
    x = np.asarray(x)
    columns = {"a": x}
    shape = shape_of(columns, **({} if levels is None else {"a": levels}))
    prepared = bin_columns(shape, columns, np.ones(len(x), np.float32) if weight is None else weight, bins)
    table = prepared.shared
    assert (prepared.rows.dtype, prepared.rows.shape) == (np.uint8, (len(x), 4))
    assert (table.edges.dtype, table.edges.shape, table.level.shape) == (np.float32, (1, bins - 1), (1, bins))
    assert np.isinf(table.edges[0, max(int(table.used[0]) - 1, 0) :]).all()
    assert not prepared.rows[:, 1:].any()
    return prepared.rows[:, 0], table.edges[0, : max(int(table.used[0]) - 1, 0)], table.level[0], int(table.used[0])


def by_hand(x, edges):
    """The code of each value by the definition, one comparison after the other."""
    x = np.asarray(x, np.float32)
    return np.array([MISSING if np.isnan(v) else sum(not v <= e for e in edges) for v in x], np.uint8)


def test_few_values_have_a_bin_each_with_edges_halfway():
    codes, edges, level, used = binned([5.0, 1.0, 2.0, 1.0, np.nan, 8.0])
    np.testing.assert_array_equal(edges, [1.5, 3.5, 6.5])
    np.testing.assert_array_equal(codes, [2, 0, 1, 0, MISSING, 3])
    assert used == 4
    assert (level == -1).all()


@pytest.mark.parametrize("bins", [2, 3, 200, 255])
@pytest.mark.parametrize("values", [2, 3, 254, 255, 256, 1000])
def test_any_number_of_values_fits_any_number_of_bins(bins, values):
    x = np.random.default_rng(values).permutation(np.repeat(np.arange(values), 3)).astype(np.float32)
    codes, edges, _, used = binned(x, bins=bins)
    assert used == min(bins, values)
    np.testing.assert_array_equal(codes, by_hand(x, edges))
    assert set(codes) == set(range(used))
    assert np.bincount(codes).max() <= 3 * (values // bins + 1)  # equal shares


def test_rows_of_weight_0_are_not_there_and_of_weight_2_there_twice():
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=3000), 2).astype(np.float32)
    weight = rng.integers(0, 3, len(x)).astype(np.float32)
    spoilt = np.where(weight > 0, x, 1e15).astype(np.float32)
    _, edges, _, used = binned(spoilt, weight, 40)
    codes, expected, _, _ = binned(np.repeat(x, weight.astype(int)), None, 40)
    assert used == 40
    np.testing.assert_array_equal(edges, expected)
    assert np.bincount(codes).max() < 2 * np.bincount(codes).min()
    _, unweighted, _, _ = binned(x, None, 40)
    assert not np.array_equal(edges, unweighted)


def test_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    x, weight = rng.normal(size=2000).astype(np.float32), rng.integers(1, 4, 2000).astype(np.float32)
    order = rng.permutation(2000)
    codes, edges, _, _ = binned(x, weight)
    again, same, _, _ = binned(x[order], weight[order])
    np.testing.assert_array_equal(edges, same)
    np.testing.assert_array_equal(codes[order], again)


def test_a_heavy_value_has_a_bin_of_its_own_and_the_others_share_the_rest():
    rng = np.random.default_rng(3)
    x = np.concatenate([np.zeros(5000), rng.normal(size=5000)]).astype(np.float32)
    codes, _, _, used = binned(x, bins=21)
    assert used == 21
    assert set(x[codes == codes[0]]) == {0.0}
    others = np.bincount(codes[5000:], minlength=21)
    others = np.delete(others, codes[0])
    assert others.max() < 1.6 * 5000 / 20


def test_more_heavy_values_than_can_be_told_from_their_neighbors():
    values = np.arange(400)
    mass = np.where(values % 4 == 1, 1000, 1)  # 100 heavy values, and something between each
    codes, edges, _, used = binned(values.astype(np.float32), mass.astype(np.float32), 101)
    np.testing.assert_array_equal(codes, by_hand(values, edges))
    assert used <= 101
    assert len(set(codes[values % 4 == 1])) == 100


@pytest.mark.parametrize(("x", "used"), [([np.nan] * 5, 0), ([3.0] * 5, 1), ([3.0, np.nan], 1)])
def test_columns_that_say_nothing(x, used):
    codes, edges, _, found = binned(np.array(x, np.float32))
    assert (len(edges), found) == (0, used)
    np.testing.assert_array_equal(codes, np.where(np.isnan(x), MISSING, 0))


def test_without_training_rows_there_are_no_bins():
    codes, _, _, used = binned([1.0, np.nan], np.zeros(2))
    assert (list(codes), used) == ([0, MISSING], 0)


@pytest.mark.parametrize("bins", [4, 20, 255])
def test_infinite_values_fall_into_the_outer_bins(bins):
    x = np.concatenate([np.linspace(-1, 1, 300), [np.inf, -np.inf, 1e300, -1e300]])
    codes, edges, _, used = binned(x, bins=bins)
    assert np.isfinite(edges).all()
    assert list(codes[-4:]) == [used - 1, 0, used - 1, 0]
    np.testing.assert_array_equal(codes[:300], by_hand(x[:300], edges))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(width=32, allow_nan=True) | st.integers(-3, 3).map(float), min_size=1, max_size=60),
    st.integers(2, 40),
)
@example([1.0, float(np.nextafter(np.float32(1), np.float32(2)))], 2)  # nothing lies between them
@example([-LARGEST, LARGEST, float("inf"), -1e-45, 0.0, -0.0, 1e-45], 5)
def test_codes_agree_with_edges_and_keep_values_apart(x, bins):
    x = np.array(x, np.float32)
    codes, edges, _, used = binned(x, bins=bins)
    assert (np.diff(edges) > 0).all()
    assert np.isfinite(edges).all()
    np.testing.assert_array_equal(codes, by_hand(x, edges))
    distinct = np.unique(np.clip(x[~np.isnan(x)], -LARGEST, LARGEST))
    if len(distinct) <= bins:
        assert used == len(distinct)
        assert len(set(codes) - {MISSING}) == used


SHAPES = {
    "even": lambda rng: rng.uniform(size=5000),
    "long tail": lambda rng: np.exp(4 * rng.normal(size=5000)),
    "both tails": lambda rng: rng.standard_cauchy(5000),
    "narrow": lambda rng: 1e3 + rng.normal(size=5000) / 10,
    "around 0": lambda rng: rng.choice([-1, 1], 5000) * np.exp(20 * rng.normal(size=5000)),
    "tiny": lambda rng: rng.normal(size=5000) * 1e-41,
    "huge": lambda rng: rng.uniform(-1, 1, 5000) * LARGEST,
}


@pytest.mark.parametrize("kind", SHAPES)
def test_codes_are_those_of_a_search_at_and_beside_edges(kind):
    x = SHAPES[kind](np.random.default_rng(4)).astype(np.float32)
    _, edges, _, used = binned(x)
    assert used > 200
    near = [edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))]
    rows = np.concatenate([x, *near, [np.nan, np.inf, -np.inf, 0.0, -0.0, LARGEST, -LARGEST]]).astype(np.float32)
    columns = {"a": rows}
    table = bin_columns(shape_of(columns), columns, np.r_[np.ones(len(x)), np.zeros(len(rows) - len(x))], 255).shared
    np.testing.assert_array_equal(table.edges[0, : used - 1], edges)
    expected = np.where(np.isnan(rows), MISSING, np.searchsorted(edges, rows))
    np.testing.assert_array_equal(with_table(shape_of(columns), columns, table).rows[:, 0], expected)


def test_categories_have_bins_by_weight():
    x = np.array([2, 2, 0, 0, 1, 4, -1, np.nan, 3], np.float32)
    weight = np.array([1, 1, 1, 1, 5, 1, 9, 9, 0], np.float32)
    codes, edges, level, used = binned(x, weight, 6, levels=5)
    assert list(level) == [1, 0, 2, 4, -1, -1]
    assert (len(edges), used) == (3, 4)
    assert np.isinf(edges).all()
    assert list(codes) == [2, 2, 1, 1, 0, 3, MISSING, MISSING, MISSING]
    codes, _, level, used = binned(x, weight, 2, levels=5)
    assert (list(level), used) == ([1, 0], 2)
    assert list(codes) == [MISSING, MISSING, 1, 1, 0, MISSING, MISSING, MISSING, MISSING]


def test_fifty_thousand_levels_leave_the_heaviest():
    rng = np.random.default_rng(5)
    x = np.minimum(rng.zipf(1.3, 60_000) - 1, 49_999).astype(np.float32)
    codes, _, level, used = binned(x, levels=50_000)
    assert (used, level[254]) == (254, -1)
    mass = np.bincount(x.astype(int), minlength=50_000)
    assert mass[level[:254]].min() >= np.delete(mass, level[:254]).max()
    kept = codes < MISSING
    np.testing.assert_array_equal(level[codes[kept]], x[kept])
    assert not np.isin(x[~kept], level[:254]).any()


def test_a_table_codes_new_rows_of_several_columns():
    rng = np.random.default_rng(6)
    n = _bins._BLOCK + 77  # more than are coded at a time
    matrix = rng.normal(size=(n, 5)).astype(np.float32)
    matrix[:, 2] = rng.integers(-1, 7, n)
    matrix[::9, 3] = np.nan
    columns = {name: matrix[:, j] for j, name in enumerate("abcde")}
    shape = shape_of(columns, c=7)
    prepared = bin_columns(shape, columns, np.ones(n), 32)
    assert prepared.rows.shape == (n, 8)
    assert prepared.rows.flags.c_contiguous
    for j in (0, 1, 3, 4):
        edges = prepared.shared.edges[j]
        expected = np.where(np.isnan(matrix[:, j]), MISSING, np.searchsorted(edges, matrix[:, j]))
        np.testing.assert_array_equal(prepared.rows[:, j], expected)
    level = prepared.shared.level[2, prepared.rows[:, 2] % 32]
    np.testing.assert_array_equal(level[matrix[:, 2] >= 0], matrix[matrix[:, 2] >= 0, 2])
    few = {name: np.append(x[:4], [np.nan, 99]).astype(np.float64) for name, x in columns.items()}
    again = with_table(shape, few, prepared.shared)
    np.testing.assert_array_equal(again.rows[:4], prepared.rows[:4])
    np.testing.assert_array_equal(again.rows[4:, 2], [MISSING, MISSING])
    np.testing.assert_array_equal(again.rows[5, [0, 1, 3, 4]], 31)


def test_many_rows_are_cut_by_a_sample_and_no_rare_value_is_lost(monkeypatch):
    monkeypatch.setattr(_bins, "_SAMPLE", 500)
    rng = np.random.default_rng(7)
    x = rng.normal(size=20_000).astype(np.float32)
    codes, edges, _, used = binned(x, bins=10)
    np.testing.assert_array_equal(codes, by_hand(x, edges))
    assert used == 10
    assert np.bincount(codes).min() > 20_000 / 10 * 0.6
    rare = np.zeros(20_000, np.float32)
    rare[[17, 3000]] = 1, 2  # a sample of 1 in 40 hardly sees both
    codes, _, _, used = binned(rare, bins=10)
    assert (used, list(codes[[17, 3000]])) == (3, [1, 2])
    wave = (np.arange(20_000) % 40 + rng.random(20_000)).astype(np.float32)  # in step with every 40th row
    codes, _, _, used = binned(wave, bins=20)
    assert used == 20
    assert np.bincount(codes).min() > 20_000 / 20 * 0.5
