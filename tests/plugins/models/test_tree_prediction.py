"""What trees say of rows: against a walk in plain Python, and LightGBM's own trees against its predictions."""

from __future__ import annotations

import math

import jax
import lightgbm
import numpy as np
import pytest
from mldsl_plugins.trees import _predict

from benchmarks.trees import translated
from mldsl.contract import Trees
from mldsl.execute.programs import QUICK

ROWS, COLUMNS, OUTPUTS = 333, 6, 3
CATEGORIES = np.array([False, True, False, False, True, False])
LEVELS = {1: 3, 4: 70}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 100 rows, so that few rows are many blocks, the last of which overlaps; loops that compile fast."""
    monkeypatch.setattr(_predict, "_ROWS", 100)
    monkeypatch.setattr(_predict, "_WALKED", 90)
    monkeypatch.setattr(_predict, "_UNROLL", 2)


def random_trees(rng, count, size, categories):
    """Trees of up to so many nodes, which stand in no order but that the root is first."""
    words = 3 if any(categories) else 0
    lone = np.tile(np.arange(size, dtype=np.int32), (count, 1))
    trees = Trees(
        np.full((count, size), -1, np.int32),
        np.full((count, size), np.nan, np.float32),  # of leaves: anything
        np.zeros((count, size, words), np.uint32),
        rng.random((count, size)) < 0.5,
        lone.copy(),
        lone.copy(),
        rng.normal(size=(count, size, OUTPUTS)).astype(np.float32),
        np.zeros((count, size), np.float32),
        np.zeros((count, size), np.float32),
    )
    for t in range(count):
        free = list(1 + rng.permutation(size - 1))
        leaves = [0]
        for _ in range(int(rng.integers(1, (size + 1) // 2)) if t else (size - 1) // 2):  # the first is full, one may
            if t == 1:  # be a root alone
                break
            node = leaves.pop(int(rng.integers(min(len(leaves), 4))))
            feature = int(rng.integers(len(categories)))
            trees.feature[t, node] = feature
            if categories[feature]:
                trees.subset[t, node] = rng.integers(0, 2**32, words)
            else:
                trees.threshold[t, node] = rng.choice([round(rng.normal(), 1), 0.5, math.inf], p=[0.8, 0.15, 0.05])
            trees.left[t, node], trees.right[t, node] = children = free.pop(), free.pop()
            leaves += [int(child) for child in children]
    return trees


def rows_of(rng):
    x = np.round(rng.normal(size=(ROWS, COLUMNS)), 1).astype(np.float32)
    for column, levels in LEVELS.items():
        x[:, column] = rng.integers(-1, levels, ROWS)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[:2, 0] = math.inf, -math.inf
    return x


def walk(trees, t, row, categories):
    """The leaf of one row, by the contract's words."""
    node = 0
    while (feature := trees.feature[t, node]) >= 0:
        value = float(row[feature])
        if math.isnan(value) or (categories[feature] and value < 0):
            left = trees.missing_left[t, node]
        elif categories[feature]:
            left = int(trees.subset[t, node, int(value) // 32]) >> (int(value) % 32) & 1
        else:
            left = value <= trees.threshold[t, node]
        node = (trees.left if left else trees.right)[t, node]
    return node


NUMBERS = np.zeros(COLUMNS, bool)


@pytest.mark.parametrize(
    ("size", "categories"),
    [(1, NUMBERS), (61, NUMBERS), (127, CATEGORIES), (27, CATEGORIES), (301, NUMBERS), (301, CATEGORIES)],
)
def test_rows_fall_into_the_leaves_that_a_walk_ends_in(size, categories, monkeypatch):
    rng = np.random.default_rng(size)
    monkeypatch.setattr(_predict, "_SELECTED", 2 if size == 27 else 8)
    trees = random_trees(rng, 5 if size > 1 else 1, size, categories)
    x = rows_of(rng)
    leaf = np.array([[walk(trees, t, row, categories) for row in x] for t in range(len(trees.feature))])
    assert size == 1 or len(set(leaf[0])) > 8

    found = jax.jit(_predict.leaf_of, compiler_options=QUICK)(trees, x, categories)
    np.testing.assert_array_equal(found, leaf)


def test_values_are_averaged_and_float64_stays_float64():
    rng = np.random.default_rng(0)
    trees = random_trees(rng, 3, 29, CATEGORIES)
    trees = trees._replace(threshold=trees.threshold.astype(np.float64), value=trees.value.astype(np.float64))
    x = rows_of(rng).astype(np.float64)
    leaf = np.array([[walk(trees, t, row, CATEGORIES) for row in x] for t in range(3)])
    with jax.enable_x64(True):
        found = jax.jit(_predict.averaged, compiler_options=QUICK)(trees, x, CATEGORIES)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, trees.value[np.arange(3)[:, None], leaf].mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize("size", [29, 301])
def test_trees_take_turns_and_those_after_the_first_are_not_heard(size):
    rng = np.random.default_rng(2)
    trees, x = random_trees(rng, 7, size, NUMBERS), rows_of(rng)
    one = trees.value[..., :1]
    leaf = np.array([[walk(trees, t, row, NUMBERS) for row in x] for t in range(7)])
    summed = jax.jit(_predict.summed, static_argnums=4, compiler_options=QUICK)
    found = summed(trees._replace(value=one), x, None, np.int32(5), 3)
    parts = one[np.arange(7)[:, None], leaf, 0]
    expected = [parts[0] + parts[3], parts[1] + parts[4], parts[2]]
    np.testing.assert_allclose(found, np.transpose(expected), atol=1e-6)


@pytest.mark.parametrize("leaves", [24, 90])
def test_trees_of_lightgbm_say_what_lightgbm_says(data, agreement, leaves):
    x, y = data("digits_8x8")
    x = x[:, 10:40].astype(np.float32)
    missing = np.random.default_rng(0).random(x.shape) < 0.1
    x[:, 3] = 6 * (x[:, 8] // 3) + x[:, 9] // 3  # a category of up to 36 levels, few of which rows of a digit share
    x[missing] = np.nan
    options = {"num_leaves": leaves, "min_data_in_leaf": 5, "min_data_per_group": 1, "cat_smooth": 0, "cat_l2": 0}
    rows = lightgbm.Dataset(x, y, categorical_feature=[3], params={"verbose": -1})
    booster = lightgbm.train({**options, "learning_rate": 0.3, "num_threads": 1, "verbose": -1}, rows, 6)
    trees = translated(booster, words=2)
    assert (trees.subset > 0).any(axis=2).sum() > 6
    assert 0 < trees.missing_left.sum() < (trees.feature >= 0).sum()
    assert (trees.feature >= 0).sum(axis=1).max() == leaves - 1
    categories = np.arange(x.shape[1]) == 3
    found = jax.jit(_predict.summed, compiler_options=QUICK)(trees, x, categories)[:, 0]
    agreement(
        "model.gradient_boosting", f"scores by LightGBM's own trees of {leaves} leaves", found, booster.predict(x),
        reference="lightgbm", data="digits_8x8, a tenth of it missing", relative=1e-6,
    )  # fmt: skip
