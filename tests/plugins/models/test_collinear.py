"""Columns that the others explain exactly are found and named, from rows, sums of products or a null space."""

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.linear._collinear import dependencies, dependencies_of_gram, dependencies_of_null_space


@pytest.fixture(scope="module")
def bikes():
    frame = pl.read_csv("examples/data/bike_sharing.csv").select("temp", "casual", "registered", "count", "humidity")
    return frame.columns, frame.to_numpy().astype(float)


def words(found, names) -> list[str]:
    return [one.words(names) for one in found]


def test_real_columns_that_add_up(bikes) -> None:
    names, x = bikes
    assert words(dependencies(x), names) == ["`count` = `casual` + `registered`"]


def test_all_doors_give_the_same(bikes) -> None:
    names, x = bikes
    mean = x.mean(axis=0)
    centred = x - mean
    null = np.linalg.svd(centred, full_matrices=False)[2][-1:].T
    assert words(dependencies_of_gram(centred.T @ centred, mean), names) == words(dependencies(x), names)
    assert words(dependencies_of_null_space(null, mean), names) == words(dependencies(x), names)


def test_indicators_of_all_levels_add_up_to_one() -> None:
    code = np.arange(60) % 3
    x = np.column_stack([code == k for k in range(3)]).astype(float)
    names = ["port_c", "port_q", "port_s"]
    assert words(dependencies(x), names) == ["`port_s` = 1 - `port_c` - `port_q`"]


def test_a_column_that_does_not_vary_and_one_that_is_a_multiple() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=50)
    x = np.column_stack([np.full(50, 0.1), a, 2 - 3 * a, rng.normal(size=50)])
    found = dependencies(x)
    assert words(found, list("abcd")) == ["`a` does not vary", "`c` = 2 - 3 `b`"]
    assert [one.column for one in found] == [0, 2]


def test_long_or_crooked_relations_are_listed() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 9))
    many = np.column_stack([x, x @ rng.normal(size=9)])
    names = [f"x{i}" for i in range(10)]
    (text,) = words(dependencies(many), names)
    assert text == "`x9` is a linear function of `x0`, `x1`, `x2`, `x3`, `x4`, `x5` and 3 other columns"
    crooked = np.column_stack([x[:, 0], np.sqrt(2) * x[:, 0]])
    assert words(dependencies(crooked), names) == ["`x1` is a linear function of `x0`"]


def test_two_relations_at_once_whatever_the_basis() -> None:
    rng = np.random.default_rng(1)
    a, b, c = rng.normal(size=(3, 40))
    x = np.column_stack([a, b, a + b, c, c - a])
    expected = ["`v2` = `v0` + `v1`", "`v4` = `v3` - `v0`"]
    names = [f"v{i}" for i in range(5)]
    centred = x - x.mean(axis=0)
    null = np.linalg.svd(centred, full_matrices=False)[2][-2:].T @ np.array([[1.0, 2.0], [0.3, -1.0]])
    assert words(dependencies(x), names) == expected
    assert words(dependencies_of_null_space(null, x.mean(axis=0)), names) == expected
    assert words(dependencies_of_gram(centred.T @ centred, x.mean(axis=0)), names) == expected


def test_nearly_collinear_is_not_collinear() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=200) + 1e3
    x = np.column_stack([a, a + 1e-4 * rng.normal(size=200)])
    assert dependencies(x) == []


def test_rows_of_weight_zero_are_not_there() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=30)
    x = np.column_stack([a, 2 * a])
    x[0] = [1e15, -1e15]
    weight = np.ones(30)
    weight[0] = 0
    assert words(dependencies(x, weight), ["a", "b"]) == ["`b` = 2 `a`"]
    x[0] = [3.0, -3.0]
    assert dependencies(x) == []
