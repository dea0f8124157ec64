"""Filling gaps from the nearest rows: scikit-learn's numbers, and what weights and missing columns mean."""

from __future__ import annotations

import numpy as np
import pytest
from mldsl_plugins.missing import _neighbors, impute
from sklearn.impute import KNNImputer

from mldsl.plugin import NamedColumn

rng = np.random.default_rng(2)


def with_gaps(x, share=0.1):
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return np.where(rng.random(x.shape) < share, np.nan, x)


@pytest.mark.parametrize("k", [1, 5])
def test_gaps_are_filled_as_the_reference_fills_them(k, run, wine, agreement):
    x = with_gaps(wine[0])
    new = np.r_[x, with_gaps(wine[0][:30] * 1.01, 0.3)]
    fitted = run("impute", impute.Spec(impute.Neighbors(k)), x, dtype=np.float64)
    agreement("transform.impute", f"neighbors({k})", fitted.apply(new), KNNImputer(n_neighbors=k).fit(x).transform(new),
              reference="scikit-learn", data="wine")  # fmt: skip


def test_a_row_of_weight_two_is_two_neighbors_and_one_of_weight_zero_none(run, wine):
    x, times = with_gaps(wine[0][:90]), np.arange(90) % 3
    fitted = run("impute", impute.Spec(impute.Neighbors(4)), x, weight=times, pad=6, dtype=np.float64)
    rows = np.repeat(x, times, axis=0)
    new = with_gaps(wine[0][90:], 0.2)
    np.testing.assert_allclose(fitted.apply(new), KNNImputer(n_neighbors=4).fit(rows).transform(new), rtol=1e-9)


def test_blocks_without_gaps_are_passed_and_others_found(run, monkeypatch):
    monkeypatch.setattr(_neighbors, "BLOCK", 4)
    x = rng.normal(size=(23, 3))
    x[[3, 21], [0, 2]] = np.nan
    fitted = run("impute", impute.Spec(impute.Neighbors(2), indicator=True), x, dtype=np.float64)
    found = fitted.apply(x)
    np.testing.assert_allclose(found[:, :3], KNNImputer(n_neighbors=2).fit_transform(x), rtol=1e-12)
    assert found[:, 3:].sum() == 2


def test_no_shared_column_and_columns_that_do_not_exist(run):
    x = np.array([[1.0, np.nan, 9], [3, np.nan, 9], [np.nan, 5, 9]])
    fitted = run("impute", impute.Spec(impute.Neighbors(1)), x, active=[True, True, False])
    assert fitted.apply(np.array([[np.nan, 4.0, 9]]))[0].tolist() == [2, 4, 9], "the mean, for nothing is shared"
    assert fitted.params.active.tolist() == [True, True, False]


def test_levels_have_no_mean():
    columns = (NamedColumn("sex", "categorical", ("f", "m"), True),)
    (problem,) = impute.bind(impute.Spec(impute.Neighbors()), columns)
    assert "found neighbors, and `sex` is categorical" in problem.message
