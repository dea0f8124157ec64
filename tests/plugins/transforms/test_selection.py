"""Steps that choose among columns: what they keep is what the references, or a loop in plain Python, would keep."""

from __future__ import annotations

import numpy as np
import pytest
from mldsl_plugins.selection import drop_collinear, drop_correlated, drop_low_variance
from scipy.stats import spearmanr
from sklearn.feature_selection import VarianceThreshold
from statsmodels.stats.outliers_influence import variance_inflation_factor

from mldsl.contract import ColumnShape, Shape

rng = np.random.default_rng(4)


def vif(x):
    design = np.c_[np.ones(len(x)), x]
    return np.array([variance_inflation_factor(design, j + 1) for j in range(x.shape[1])])


def repeated(x, times):
    return np.repeat(x, times, axis=0)


def shape_of(names):
    return Shape(8, tuple(ColumnShape(n) for n in names))


# ---- variance --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("limit", [0.0, 1.0, 100.0])
def test_low_variance(limit, run, wine, agreement):
    x = np.c_[wine[0], np.full(178, 7.25)]
    fitted = run("drop_low_variance", drop_low_variance.Spec(limit), x)
    expected = VarianceThreshold(limit).fit(x)
    agreement("transform.drop_low_variance", "variances", fitted.info.variance[:-1], x[:, :-1].var(axis=0),
              reference="numpy", data="wine", relative=1e-4)  # fmt: skip
    assert (fitted.params.active == expected.get_support()).all()
    assert fitted.info.variance[-1] == 0


def test_low_variance_leaves_missing_values_out_and_counts_weights(run, wine):
    x = wine[0].copy()
    x[::3, 2] = np.nan
    times = np.arange(178) % 4
    found = run("drop_low_variance", drop_low_variance.Spec(), x, weight=times, pad=14).info.variance
    np.testing.assert_allclose(found, np.nanvar(repeated(x, times), axis=0), rtol=1e-4)


def test_a_step_that_would_leave_nothing_is_refused(run):
    fitted = run("drop_low_variance", drop_low_variance.Spec(50.0), rng.normal(size=(30, 3)))
    (problem,) = drop_low_variance.remarks(drop_low_variance.Spec(50.0), fitted.info, shape_of("abc"))
    assert problem.parameter == "at_most"
    assert "largest variance is" in problem.message
    assert not list(drop_low_variance.remarks(drop_low_variance.Spec(0.0), fitted.info, shape_of("abc")))


# ---- correlation -----------------------------------------------------------------------------------------------------
def greedy(r, above):
    stays = []
    for j in range(len(r)):
        if all(abs(r[j, i]) <= above for i in stays):
            stays.append(j)
    return stays


@pytest.mark.parametrize("above", [0.5, 0.7, 0.8])
@pytest.mark.parametrize("by", ["pearson", "spearman"])
def test_correlated(by, above, run, ames):
    x = ames[0]
    r = np.corrcoef(x.T) if by == "pearson" else spearmanr(x).statistic
    fitted = run("drop_correlated", drop_correlated.Spec(above, by), x, pad=86)
    assert np.flatnonzero(fitted.params.active).tolist() == greedy(r, above)
    assert 0 < fitted.params.active.sum() < x.shape[1]


@pytest.mark.parametrize("by", ["pearson", "spearman"])
def test_correlations_of_weighted_rows_are_those_of_repeated_rows(by, run, wine, agreement):
    x, times = wine[0], np.arange(178) % 4
    weighted = run("drop_correlated", drop_correlated.Spec(0.7, by), x, weight=times, pad=14)
    rows = repeated(x, times)
    r = np.abs(np.corrcoef(rows.T) if by == "pearson" else spearmanr(rows).statistic)
    stays = greedy(r, 0.7)
    expected = [max((r[j, i] for i in stays if i < j), default=0) for j in range(x.shape[1])]
    agreement("transform.drop_correlated", f"largest correlation, {by}", weighted.info.correlation, expected,
              reference="scipy", data="wine, weighted", relative=1e-5)  # fmt: skip
    assert np.flatnonzero(weighted.params.active).tolist() == stays


def test_a_chain_loses_every_second_column(run):
    """b repeats a, c repeats b but hardly a: with b gone, c stays."""
    a, e, f = rng.normal(size=(3, 4000))
    b = a + 0.6 * e
    c = b + 0.8 * f
    fitted = run("drop_correlated", drop_correlated.Spec(0.75), np.stack([a, b, c, np.ones(4000)], 1))
    assert fitted.params.active.tolist() == [True, False, True, True]
    assert fitted.info.column.tolist() == [-1, 0, 0, -1]


def test_a_column_that_does_not_exist_takes_none_with_it(run):
    a = rng.normal(size=200)
    x = np.stack([a, a, rng.normal(size=200)], 1)
    fitted = run("drop_correlated", drop_correlated.Spec(0.5), x, active=[False, True, True])
    assert fitted.params.active.tolist() == [False, True, True]


# ---- variance inflation ----------------------------------------------------------------------------------------------
def stepwise(x, above):
    columns = list(range(x.shape[1]))
    while True:
        found = vif(x[:, columns])
        if found.max() <= above:
            return columns, found
        columns.pop(int(found.argmax()))


@pytest.mark.parametrize("above", [2.0, 5.0])
def test_collinear_goes_as_an_analyst_would(above, run, ames, wine, agreement):
    for name, x in (("ames", ames[0][::10]), ("wine", wine[0])):
        columns, factors = stepwise(x, above)
        fitted = run("drop_collinear", drop_collinear.Spec(above), x)
        assert np.flatnonzero(fitted.params.active).tolist() == columns
        agreement("transform.drop_collinear", f"factors of what stays, limit {above:g}",
                  fitted.info.vif[columns], factors, reference="statsmodels", data=name)  # fmt: skip
        agreement("transform.drop_collinear", "factors of all columns", fitted.info.vif_before, vif(x),
                  reference="statsmodels", data=name)  # fmt: skip
        went = fitted.info.went
        assert sorted(went[went > 0]) == list(range(1, x.shape[1] - len(columns) + 1))


def test_collinear_on_weighted_rows_is_that_on_repeated_rows(run, wine, agreement):
    x, times = wine[0], np.arange(178) % 4
    columns, factors = stepwise(repeated(x, times), 2.5)
    fitted = run("drop_collinear", drop_collinear.Spec(2.5), x, weight=times, pad=14)
    assert np.flatnonzero(fitted.params.active).tolist() == columns
    agreement("transform.drop_collinear", "factors of what stays", fitted.info.vif[columns], factors,
              reference="statsmodels", data="wine, weighted")  # fmt: skip


def test_what_is_explained_exactly_goes_first_and_the_last_of_it(run):
    a, b, c = rng.normal(size=(3, 300))
    x = np.stack([a, b, a + b, c, 2 * c, np.full(300, 3.0)], 1)
    fitted = run("drop_collinear", drop_collinear.Spec(10.0), x)
    assert fitted.params.active.tolist() == [True, True, False, True, False, True]
    assert fitted.info.went.tolist() == [0, 0, 2, 0, 1, 0]
    np.testing.assert_allclose(fitted.info.vif[[0, 1, 3]], vif(x[:, [0, 1, 3]]), rtol=1e-9)
    assert fitted.info.vif[5] == 1
    (said,) = drop_collinear.remarks(drop_collinear.Spec(10.0), fitted.info, shape_of("abcdef"))
    assert said == "c, e are explained exactly by the columns before them"
