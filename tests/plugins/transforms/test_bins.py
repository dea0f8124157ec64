"""Bins and splines: scikit-learn's, and what happens to ties, gaps and values beyond."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from mldsl_plugins.encoding import discretize
from mldsl_plugins.expansion import spline
from sklearn.preprocessing import KBinsDiscretizer, SplineTransformer

from mldsl.contract import ColumnShape, Shape
from mldsl.plugin import NamedColumn

rng = np.random.default_rng(3)
STRATEGIES = {"quantile": "quantile", "uniform": "uniform", "k_means": "kmeans"}


def binned(x, bins, strategy, weight=None):
    # scikit-learn has no type-7 quantiles with weights: there the rows are repeated.
    method = {"quantile_method": "linear"} if strategy == "quantile" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # bins that are joined
        made = KBinsDiscretizer(bins, encode="ordinal", strategy=STRATEGIES[strategy], subsample=None, **method)
        return made.fit(x if weight is None else np.repeat(x, weight, axis=0))


@pytest.mark.parametrize("bins", [3, 8])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_bins(strategy, bins, run, wine, agreement):
    x, times = wine[0], 1 + np.arange(178) % 2
    expected = binned(x, bins, strategy, times)
    fitted = run("discretize", discretize.Spec(bins, strategy), x, weight=times, dtype=np.float64, pad=14)
    if strategy == "uniform" or bins == 3:  # of more, some k-means bins are empty, and the reference moves these
        agreement("transform.discretize", f"edges of {bins} bins, {strategy}", fitted.info.edge,
                  np.stack(expected.bin_edges_), reference="scikit-learn", data="wine, weighted",
                  relative=1e-9)  # fmt: skip
        assert (fitted.apply(x) == expected.transform(x)).all()
    beyond = fitted.apply(np.stack([x.min(0) - 1e6, x.max(0) + 1e6]))
    assert (beyond[0] == 0).all()
    assert (beyond[1] == fitted.info.bins - 1).all()


def test_bins_of_equal_values_are_joined_as_the_reference_joins_them(run, ames):
    x = ames[0][:, [2, 6, 8, 9, 11]]  # areas that many houses do not have, and counts of rooms
    fitted = run("discretize", discretize.Spec(6), x, dtype=np.float64)
    expected = binned(x, 6, "quantile")
    assert fitted.info.bins.tolist() == expected.n_bins_.tolist()
    assert (fitted.apply(x) == expected.transform(x)).all()
    shape = Shape(8, tuple(ColumnShape(n) for n in ("masonry", "second_floor", "baths", "rooms", "deck")))
    (said,) = discretize.remarks(discretize.Spec(6), fitted.info, shape)
    assert said.startswith("bins were joined, since many rows share a value: masonry 3,")
    assert said.endswith("instead of 6")


def test_columns_of_bins(run, ames):
    x = ames[0][:, [2, 7]].copy()
    x[5] = np.nan
    fitted = run("discretize", discretize.Spec(4, encode="one_hot"), x)
    ordinal = run("discretize", discretize.Spec(4), x)
    code, made = ordinal.apply(x), fitted.apply(x)
    assert [c.name for c in fitted.names[:5]] == ["x0_bin1", "x0_bin2", "x0_bin3", "x0_bin4", "x1_bin1"]
    assert np.isnan(code[5]).all()
    assert (made[5] == 0).all()
    assert (made.reshape(-1, 2, 4).argmax(2)[6:] == code[6:]).all()
    joined = ordinal.info.bins[0]
    assert joined < 4
    assert fitted.params.active.tolist() == [b < joined for b in range(4)] + [True] * 4
    assert ordinal.names[0] == NamedColumn("x0", "ordinal", ("1", "2", "3", "4"))


def test_k_means_in_plain_python(run):
    """Lloyd's iterations with weights; a centre without rows stays where it is."""
    x = np.r_[rng.normal(0, 1, 60), rng.normal(30, 1, 40), 100.0]
    weight = rng.integers(0, 3, 101)
    weight[-1] = 1
    there = x[weight > 0]
    center = there.min() + (np.arange(5) + 0.5) * (there.max() - there.min()) / 5
    for _ in range(100):
        label = np.abs(x[:, None] - center[None]).argmin(1)
        center = np.array([
            np.average(x[label == k], weights=weight[label == k]) if weight[label == k].sum() else center[k]
            for k in range(5)
        ])  # fmt: skip
    fitted = run("discretize", discretize.Spec(5, "k_means"), x[:, None], weight=weight, dtype=np.float64)
    np.testing.assert_allclose(fitted.info.edge[0, 1:-1], (center[1:] + center[:-1]) / 2, rtol=1e-12)
    assert 50 < center[3] < 90, "no row is near"


# ---- splines ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize(("degree", "knots", "place"), [(3, 5, "uniform"), (1, 4, "quantile"), (2, 6, "quantile")])
def test_splines(degree, knots, place, extrapolation, run, wine, agreement):
    x = wine[0][:, :6]
    span = x.max(0) - x.min(0)
    new = np.r_[x[:60], x.min(0)[None] - 0.3 * span, x.max(0)[None] + 0.3 * span, x.min(0)[None], x.max(0)[None]]
    spec = spline.Spec(knots, degree, place, extrapolation, bias=True)
    theirs = SplineTransformer(knots, degree, knots=place, extrapolation=extrapolation)
    # Column by column: of several it takes the ends of degree 1 for those of degree 2 from the second on.
    expected = np.hstack([theirs.fit(x[:, [j]]).transform(new[:, [j]]) for j in range(6)])
    fitted = run("spline", spec, x, dtype=np.float64, pad=14)
    agreement("transform.spline", f"degree {degree}, {knots} knots, {place}, {extrapolation}", fitted.apply(new),
              expected, reference="scikit-learn", data="wine")  # fmt: skip


def test_the_last_spline_of_each_column_is_left_out(run, wine):
    x = wine[0][:, :6]
    every, fewer = (run("spline", spline.Spec(bias=bias), x) for bias in (True, False))
    assert [c.name for c in fewer.names[:7]] == [f"x0_spline{i}" for i in range(1, 7)] + ["x1_spline1"]
    np.testing.assert_array_equal(fewer.apply(x), np.delete(every.apply(x), np.s_[6::7], 1))


def test_splines_of_weighted_rows_and_in_float32(run, wine):
    x, times = wine[0], np.arange(178) % 4
    expected = SplineTransformer(5, 3, knots="quantile").fit(np.repeat(x, times, axis=0)).transform(x)
    found = run("spline", spline.Spec(5, 3, "quantile", bias=True), x, weight=times, pad=14).apply(x)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_splines_of_a_constant_column_add_up_to_one(run):
    found = run("spline", spline.Spec(bias=True), np.full((9, 1), 1960.0)).apply(np.array([[1960.0], [1961], [1900]]))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)


def test_splines_that_cannot_be():
    column = (NamedColumn("hour", "integer"),)
    (problem,) = spline.bind(spline.Spec(3, 3, extrapolation="periodic"), column)
    assert problem.message == "expected more than 3 (the degree) if periodic, found 3"
    assert spline.bind(spline.Spec(2, 0), column)[0].parameter == "knots"
