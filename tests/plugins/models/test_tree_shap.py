"""Shapley values of trees: by their definition, beside LightGBM's, and what they must add up to."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.trees._shap import contributions, paths_of, points_of
from sklearn.ensemble import RandomForestClassifier

from mldsl.contract import Trees
from mldsl.execute.programs import QUICK

lightgbm = pytest.importorskip("lightgbm")
compiled = jax.jit(contributions, compiler_options=QUICK)


def values(trees: Trees, x: np.ndarray, categorical: Any = ()) -> tuple[np.ndarray, np.ndarray]:
    """The values [n, d, k], and the mean answer [k]."""
    named = np.zeros(x.shape[1], bool)
    named[list(categorical)] = True
    paths = paths_of(trees)
    return np.asarray(compiled(trees, paths, points_of(paths), x.astype(np.float32), named)), paths.mean


def answer(trees: Trees, t: int, row: np.ndarray, known: frozenset[int], categorical: Any = ()) -> float:
    """What a tree says of a row that it may ask about some columns only: both ways where it may not."""

    def at(node: int) -> float:
        column = int(trees.feature[t, node])
        if column < 0:
            return float(trees.value[t, node, 0])
        left, right = int(trees.left[t, node]), int(trees.right[t, node])
        if column not in known:
            a, b = float(trees.weight[t, left]), float(trees.weight[t, right])
            return (a * at(left) + b * at(right)) / (a + b)
        x = row[column]
        if np.isnan(x) or (column in categorical and x < 0):
            goes = bool(trees.missing_left[t, node])
        elif column in categorical:
            goes = bool(int(trees.subset[t, node, int(x) // 32]) >> int(x) % 32 & 1)
        else:
            goes = x <= trees.threshold[t, node]
        return at(left if goes else right)

    return at(0)


@pytest.fixture(scope="module")
def small(grown: SimpleNamespace) -> Trees:
    """Two trees over four columns: one asked twice on a path, one a category of 40 levels, three on one path."""
    first = [
        {"feature": 0, "threshold": 0.5, "left": 1, "right": 4, "weight": 100, "missing_left": True},
        {"feature": 3, "subset": [0b1011, 1 << 7], "left": 2, "right": 3, "weight": 60},
        {"value": [3.0], "weight": 21}, {"value": [-1.5], "weight": 39},
        {"feature": 0, "threshold": 2.0, "left": 5, "right": 8, "weight": 40},
        {"feature": 1, "threshold": 0.0, "left": 6, "right": 7, "weight": 25, "missing_left": True},
        {"value": [0.25], "weight": 5}, {"value": [7.0], "weight": 20}, {"value": [-4.0], "weight": 15},
    ]  # fmt: skip
    second = [
        {"feature": 1, "threshold": 1.0, "left": 1, "right": 2, "weight": 80},
        {"value": [1.0], "weight": 50},
        {"feature": 3, "subset": [0b110, 1 << 7], "left": 3, "right": 4, "weight": 30, "missing_left": True},
        {"feature": 0, "threshold": 1.2, "left": 5, "right": 6, "weight": 18}, {"value": [-2.0], "weight": 12},
        {"value": [8.0], "weight": 7}, {"value": [-3.0], "weight": 11},
    ]  # fmt: skip
    return grown.stacked([first, second], words=2)


ROWS = np.array([
    [0.2, -1, 9, 0], [0.5, 2, 9, 39], [1, -1, 9, 2], [1, np.nan, 9, 2], [3, 0.5, 0, 1], [np.nan, 1, 0, 2],
    [np.nan, 1.5, 0, np.nan], [1.5, 0.1, 0, -1], [100, 70, 0, 7],
])  # fmt: skip


def test_they_are_the_mean_over_all_orders_of_joining(small: Trees) -> None:
    found, mean = values(small, ROWS, [3])
    d = ROWS.shape[1]
    for i, row in enumerate(ROWS):
        for column in range(d):
            others = [c for c in range(d) if c != column]
            expected = 0.0
            for size in range(d):
                share = factorial(size) * factorial(d - size - 1) / factorial(d)
                for joined in combinations(others, size):
                    for t in range(2):
                        with_it = answer(small, t, row, frozenset((*joined, column)), [3])
                        expected += share * (with_it - answer(small, t, row, frozenset(joined), [3]))
            assert found[i, column, 0] == pytest.approx(expected, abs=1e-5), (i, column)
        whole = sum(answer(small, t, row, frozenset(range(d)), [3]) for t in range(2))
        assert found[i].sum() + mean[0] == pytest.approx(whole, abs=1e-5)
    assert np.all(found[:, 2] == 0), "a column that no tree asks for adds nothing"
    assert mean[0] == pytest.approx(sum(answer(small, t, ROWS[0], frozenset()) for t in range(2)))


@pytest.fixture(scope="module")
def houses() -> tuple[np.ndarray, np.ndarray]:
    frame = pl.read_csv("examples/data/ames_housing.csv")
    target = np.log(frame["sale_price"].to_numpy().astype(float))
    names = ["lot_area", "lot_frontage", "year_built", "gr_liv_area", "total_bsmt_sf", "neighborhood"]
    hoods = frame["neighborhood"]  # numbered by themselves: codes of `Categorical` go on from those of other tests
    codes = hoods.cast(pl.Enum(hoods.unique().sort())).to_physical()
    x = frame.with_columns(neighborhood=codes).select(names).to_numpy().astype(np.float32).astype(float)
    x[np.random.default_rng(0).uniform(size=len(x)) < 0.2, 3] = np.nan
    return x, target


def test_beside_lightgbm(houses: Any, grown: SimpleNamespace, agreement: Any) -> None:
    x, y = houses
    settings = {"objective": "regression", "num_leaves": 31, "verbose": -1, "max_cat_to_onehot": 1, "seed": 1}
    data = lightgbm.Dataset(x, y, categorical_feature=[5])
    booster = lightgbm.train(settings | {"num_threads": 1}, data, 20)
    trees = grown.of_lightgbm(booster, words=1)
    assert trees.subset[trees.feature == 5].any(), "sets of levels are asked for"
    rows = x[:300]
    theirs = booster.predict(rows, pred_contrib=True)
    found, mean = values(trees, rows, [5])
    agreement("report.feature_importance", "SHAP values of 20 trees", found[:, :, 0], theirs[:, :-1],
              reference="lightgbm", data="Ames housing", relative=1e-4)  # fmt: skip
    assert mean[0] == pytest.approx(theirs[0, -1], rel=1e-6)
    raw = booster.predict(rows)
    assert np.abs(found.sum(axis=(1, 2)) + mean[0] - raw).max() <= 1e-4 * np.ptp(raw)


def test_means_of_deep_trees_with_several_outputs_add_up(grown: SimpleNamespace) -> None:
    frame = pl.read_csv("examples/data/wine.csv")
    x, y = frame.drop("cultivar").to_numpy().astype(np.float32), frame["cultivar"].to_numpy()
    forest = RandomForestClassifier(8, random_state=0).fit(x, y)
    found, mean = values(grown.of_sklearn(*forest.estimators_), x)
    assert found.shape == (len(x), x.shape[1], 3)
    raw = forest.predict_proba(x) * 8
    np.testing.assert_allclose(found.sum(axis=1) + mean, raw, atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=2), 0, atol=1e-5)  # shares of all classes are 1 together


def test_rows_do_not_depend_on_their_block(small: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mldsl_plugins.trees._shap._CELLS", 100)
    monkeypatch.setattr("mldsl_plugins.trees._shap._ROWS", 2)
    paths = paths_of(small)
    named = np.array([False, False, False, True])
    blocks = jax.jit(lambda *args: contributions(*args))(small, paths, points_of(paths), ROWS.astype(np.float32), named)
    np.testing.assert_allclose(np.asarray(blocks), values(small, ROWS, [3])[0], atol=1e-6)


def test_a_tree_that_asks_nothing_explains_nothing(grown: SimpleNamespace) -> None:
    found, mean = values(grown.stacked([[{"value": [2.5], "weight": 10}]]), ROWS)
    assert np.all(found == 0)
    assert mean == pytest.approx([2.5])
