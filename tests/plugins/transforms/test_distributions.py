"""Transforms of a column's distribution: powers and quantiles, with scikit-learn's and scipy's numbers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mldsl_plugins.scaling import _power, power_transform, quantile_transform
from scipy import stats
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

from mldsl.contract import ColumnShape, Shape, quantiles, weighted_quantile

rng = np.random.default_rng(7)


# ---- powers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("method", ["yeo_johnson", "box_cox"])
def test_powers(method, standardize, run, wine, agreement):
    x = wine[0]
    expected = PowerTransformer(method.replace("_", "-"), standardize=standardize).fit(x)
    fitted = run("power_transform", power_transform.Spec(method, standardize), x, pad=14)
    agreement("transform.power_transform", f"exponents, {method}", fitted.params.exponent, expected.lambdas_,
              reference="scikit-learn", data="wine", relative=1e-5)  # fmt: skip
    scale = np.abs(expected.transform(x)).max(axis=0)
    agreement("transform.power_transform", f"values, {method}, standardize {standardize}", fitted.apply(x) / scale,
              expected.transform(x) / scale, reference="scikit-learn", data="wine", relative=1e-6)  # fmt: skip


def test_exponents_of_hard_columns_are_at_the_maximum(run, ames):
    """Years, mixed signs, many zeros, and a column of negative numbers: scipy's likelihood is nowhere larger nearby."""
    x = np.c_[ames[0][:, [0, 1, 2, 6]], ames[0][:, 1] - 1970, -ames[0][:, 7], rng.standard_t(3, len(ames[0]))]
    fitted = run("power_transform", power_transform.Spec(), x)
    exponent = fitted.params.exponent
    assert fitted.info.iterations < 20
    for column, p in zip(x.T, exponent, strict=True):
        at = stats.yeojohnson_llf(p, column)
        assert all(at >= stats.yeojohnson_llf(p + off, column) for off in (-1e-3, -1e-4, 1e-4, 1e-3))
        assert all(at > stats.yeojohnson_llf(p + off, column) for off in (-1e-1, 1e-1))


def test_a_year_is_no_reason_for_infinity(run, ames):
    longitude = ames[0][:, [12]]  # varies by a thousandth: its most likely exponent is beyond all numbers
    assert np.isfinite(run("power_transform", power_transform.Spec(), longitude).apply(longitude)).all()
    year = ames[0][:, [1]]
    for method in ("yeo_johnson", "box_cox"):
        fitted = run("power_transform", power_transform.Spec(method), year)
        made = fitted.apply(np.r_[year, [[1500.0], [2500.0]]])
        assert np.isfinite(made).all()
        np.testing.assert_allclose([made[:-2].mean(), made[:-2].std()], [0, 1], atol=1e-9)
        assert (np.diff(made[np.argsort(np.r_[year[:, 0], 1500, 2500]), 0]) >= 0).all(), "order is kept"


def test_weighted_rows_are_repeated_rows_and_missing_values_do_not_count(run, wine, agreement):
    x, times = wine[0].copy(), np.arange(178) % 4
    x[::5, 3] = np.nan
    fitted = run("power_transform", power_transform.Spec("box_cox"), x, weight=times, pad=14)
    expected = PowerTransformer("box-cox").fit(np.repeat(x, times, axis=0)).transform(x)
    made = fitted.apply(x)
    assert (np.isnan(made) == np.isnan(x)).all()
    agreement("transform.power_transform", "values, box_cox", made[~np.isnan(x)], expected[~np.isnan(x)],
              reference="scikit-learn", data="wine, weighted, with gaps", relative=1e-6)  # fmt: skip


def test_box_cox_refuses_what_is_not_above_zero(run):
    x = np.array([[1.0, 2.0], [0, 3], [-1, 4], [5, 8]])
    shape = Shape(4, (ColumnShape("debt"), ColumnShape("age")))
    info = run("power_transform", power_transform.Spec("box_cox"), x, weight=[1, 1, 1, 1]).info
    (problem,) = power_transform.remarks(power_transform.Spec("box_cox"), info, shape)
    assert "found 2 rows of `debt` at 0 or less; `yeo_johnson` takes all numbers" in problem.message
    fitted = run("power_transform", power_transform.Spec("box_cox"), x, weight=[1, 0, 0, 1])
    assert not list(power_transform.remarks(power_transform.Spec("box_cox"), fitted.info, shape))
    assert (fitted.apply(x)[:3, 0] == fitted.apply(x)[0, 0]).all(), "taken for the least value of the training rows"


def test_a_column_that_does_not_vary(run):
    fitted = run("power_transform", power_transform.Spec(), np.c_[np.full(20, 5.0), np.full(20, np.nan)])
    assert fitted.params.exponent.tolist() == [1, 1]
    assert (fitted.apply(np.full((2, 2), 5.0))[:, 0] == 0).all()


@pytest.mark.parametrize("p", [-3.0, -1e-9, 0.0, 1e-7, 0.5, 2.0, 2 + 1e-9, 3.5])
def test_the_inverse_undoes_a_power(p):
    x = np.r_[-np.geomspace(1e-6, 50, 40), 0, np.geomspace(1e-6, 50, 40)][:, None]
    with jax.enable_x64(True):
        power = jnp.full((1, 1), p)
        made = _power.yeo_johnson(jnp.asarray(x), power)
        np.testing.assert_allclose(made[:, 0], stats.yeojohnson(x[:, 0], p), rtol=1e-7, atol=1e-12)
        back = np.asarray(_power.yeo_johnson_back(made, power))
    # Where a branch levels off, several x have the same value in 16 digits.
    steep = np.abs(x) < 20
    np.testing.assert_allclose(back[steep], x[steep], rtol=1e-6, atol=1e-12)


# ---- quantiles -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("count", [10, 1000])
def test_quantiles(count, distribution, run, ames, agreement):
    x = ames[0]
    new = np.r_[x[:200], x[:3] * 3, -x[:3] * 3]
    fitted = run("quantile_transform", quantile_transform.Spec(distribution, count), x, dtype=np.float64, pad=86)
    expected = QuantileTransformer(n_quantiles=count, output_distribution=distribution, subsample=None).fit(x)
    agreement("transform.quantile_transform", f"{distribution}, {count} quantiles", fitted.apply(new),
              expected.transform(new), reference="scikit-learn", data="ames")  # fmt: skip
    in_float32 = run("quantile_transform", quantile_transform.Spec(distribution, count), x[:, 1:12], pad=86)
    difference = np.abs(in_float32.apply(x[:200, 1:12]) - expected.transform(x[:200])[:, 1:12])
    assert difference.max() < (1e-4 if distribution == "uniform" else 2e-3)


def test_weighted_quantiles_and_fewer_rows_than_quantiles(run, wine, agreement):
    x, times = wine[0], np.arange(178) % 3
    rows = np.repeat(x, times, axis=0)
    fitted = run("quantile_transform", quantile_transform.Spec(quantiles=45), x, weight=times, dtype=np.float64, pad=14)
    expected = QuantileTransformer(n_quantiles=45, subsample=None).fit(rows)  # every fourth of 177
    agreement("transform.quantile_transform", "uniform, 45 quantiles", fitted.apply(x), expected.transform(x),
              reference="scikit-learn", data="wine, weighted")  # fmt: skip
    few = rng.normal(size=(60, 2))
    fitted = run("quantile_transform", quantile_transform.Spec(), few, dtype=np.float64)
    np.testing.assert_allclose(
        fitted.apply(few), QuantileTransformer(n_quantiles=60, subsample=None).fit_transform(few), atol=1e-9
    )


def test_missing_and_constant_columns(run):
    x = np.c_[np.arange(10.0), np.full(10, 3.0), np.full(10, np.nan)]
    x[4, 0] = np.nan
    found = run("quantile_transform", quantile_transform.Spec("normal"), x).apply(x)
    assert np.isnan(found[4, 0])
    np.testing.assert_allclose(found[[0, 9], 0], [-5.199337582, 5.199337582], rtol=1e-6)
    assert np.isnan(found[:, 2]).all()


@pytest.mark.parametrize("x64", [False, True])
def test_many_quantiles_of_long_columns_are_those_of_sorted_ones(x64, monkeypatch):
    """Selection with short digits finds the same order statistics, to the bit, as sorting."""
    n = 400
    x = np.stack([rng.normal(size=n), np.round(rng.exponential(3, n)), np.r_[np.full(n - 3, 2.5), -1, 1e30, -1e-30]], 1)
    weight = rng.integers(0, 3, n).astype(float)
    q = np.linspace(0, 1, 65)
    with jax.enable_x64(x64):
        given = [jnp.asarray(v, np.float64 if x64 else np.float32) for v in (x, weight, q)]
        by_sorting = np.asarray(weighted_quantile(*given))
        monkeypatch.setattr(quantiles, "LONG", 0)
        selected = np.asarray(weighted_quantile(*given))
    assert (selected == by_sorting).all()
