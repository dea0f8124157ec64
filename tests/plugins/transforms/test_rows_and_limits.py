"""Scaling rows to length 1, and moving what lies beyond quantiles."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.scaling import unit_norm, winsorize
from sklearn.preprocessing import Normalizer

from mldsl.contract import ColumnShape, Shape, Sparse
from mldsl.plugin import NamedColumn


@pytest.mark.parametrize("norm", ["l2", "l1", "max"])
def test_rows_of_length_one(norm, run, wine, agreement):
    x = np.r_[wine[0], np.zeros((1, 13)), -wine[0][:2]]
    found = run("unit_norm", unit_norm.Spec(norm), x).apply(x)
    agreement("transform.unit_norm", f"rows, {norm}", found, Normalizer(norm).fit_transform(x),
              reference="scikit-learn", data="wine", relative=1e-6)  # fmt: skip
    assert (found[178] == 0).all()


@pytest.mark.parametrize("norm", ["l2", "l1", "max"])
def test_sparse_rows_of_length_one(norm):
    dense = np.array([[3.0, 0, -4], [0, 0, 0], [0, 2, 0]], np.float32)
    row, column = np.nonzero(dense)
    x = Sparse(*map(jnp.asarray, (dense[row, column], row, column)), jnp.zeros((3, 0, 3)))
    found = unit_norm.apply(unit_norm.Spec(norm), None, x)
    np.testing.assert_allclose(found.matmul(jnp.eye(3)), Normalizer(norm).transform(dense), rtol=1e-6)


@pytest.mark.parametrize("size", [1e30, 1e-30])
def test_squares_neither_overflow_nor_vanish(size, run):
    found = run("unit_norm", unit_norm.Spec(), np.ones((1, 2))).apply(np.array([[3 * size, -4 * size]]))
    np.testing.assert_allclose(found, [[0.6, -0.8]], rtol=1e-6)


def test_winsorize_moves_to_quantiles_of_the_training_rows(run, ames, agreement):
    x, times = ames[0], np.arange(len(ames[0])) % 3
    rows = np.repeat(x, times, axis=0)
    fitted = run("winsorize", winsorize.Spec((0.02, 0.9)), x, weight=times, pad=30)
    low, high = np.quantile(rows, [0.02, 0.9], axis=0)
    agreement("transform.winsorize", "values", fitted.apply(x), np.clip(x, low, high), reference="numpy",
              data="ames, weighted", relative=1e-6)  # fmt: skip
    moved = ((rows < low) | (rows > high)).sum(axis=0)
    # A limit that lies between two values is rounded in float32; the counts are of values that differ from it.
    assert np.abs(fitted.info.moved - moved).max() <= 0.002 * len(rows)
    assert (fitted.info.moved > 0).any()


def test_winsorize_leaves_missing_values_and_columns_without_any_alone(run):
    x = np.array([[1.0, np.nan], [2, np.nan], [np.nan, np.nan], [3, np.nan], [100, np.nan]])
    fitted = run("winsorize", winsorize.Spec((0.0, 0.5)), x)
    assert fitted.apply(x)[:, 0].tolist()[:2] == [1, 2]
    assert fitted.apply(x)[4, 0] == 2.5
    assert np.isnan(fitted.apply(x)[2, 0])
    assert np.isnan(fitted.info.lower[-1, 1])
    assert fitted.apply(np.array([[0.0, 5.0]]))[0, 1] == 5


def test_winsorize_by_group(run):
    x, group = np.r_[np.arange(11.0), np.arange(100, 111)][:, None], np.repeat([0, 1], 11)
    found = run("winsorize", winsorize.Spec((0.1, 0.9), per="g"), x, per=group).apply(x, per=group)
    assert found[[0, 10, 11, 21], 0].tolist() == [1, 9, 101, 109]


def test_limits_in_the_wrong_order_and_columns_made_constant_are_said(run):
    columns = (NamedColumn("a", "continuous"),)
    (problem,) = winsorize.bind(winsorize.Spec((0.9, 0.1)), columns)
    assert problem.message == "expected a lower quantile first, found 0.9..0.1"
    x = np.r_[np.zeros(97), 1, 2, 3][:, None]
    info = run("winsorize", winsorize.Spec(), x).info
    said = list(winsorize.remarks(winsorize.Spec(), info, Shape(100, (ColumnShape("pool_area"),))))
    assert said == ["pool_area has one value between the limits, and no other now"]
