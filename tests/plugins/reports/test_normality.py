"""normality agrees with SciPy and statsmodels, and its words fit the number of rows."""

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import normality
from mldsl_plugins.reports._normal import anderson_darling, jarque_bera, lilliefors, quantile_series, shape, shapiro
from scipy import stats
from statsmodels.stats.diagnostic import lilliefors as sm_lilliefors
from statsmodels.stats.diagnostic import normal_ad

TESTS = {"jarque_bera": jarque_bera, "anderson_darling": anderson_darling, "lilliefors": lilliefors}


@pytest.fixture(scope="module")
def residual():
    frame = pl.read_csv("examples/data/ames_housing.csv")[::7]
    x = frame.select("gr_liv_area", "year_built").to_numpy().astype(float)
    design = np.column_stack([np.ones(len(x)), x])
    y = np.log(frame["sale_price"].to_numpy().astype(float))
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0]


@pytest.fixture(scope="module")
def calm():
    """A sample near the normal, so that p-values are not all tiny."""
    return np.random.default_rng(3).standard_t(12, size=150)


def expected(test, values):
    if test == "jarque_bera":
        return stats.jarque_bera(values)
    if test == "anderson_darling":
        return normal_ad(values)
    return sm_lilliefors(values, pvalmethod="approx")


@pytest.mark.parametrize("test", list(TESTS))
@pytest.mark.parametrize("data", ["ames_housing", "random"])
def test_as_scipy_and_statsmodels(test, data, residual, calm, agreement) -> None:
    values = residual if data == "ames_housing" else calm
    ours, theirs = TESTS[test](values, np.ones(len(values))), expected(test, values)
    reference = "scipy" if test == "jarque_bera" else "statsmodels"
    agreement("report.normality", test, ours[0], theirs[0], reference=reference, data=data, relative=1e-9)
    if test != "lilliefors" or theirs[1] < 0.1:
        agreement("report.normality", f"{test} p", ours[1], theirs[1], reference=reference, data=data, absolute=1e-8)
    else:  # above 0.1 R's nortest has a formula, statsmodels a table of simulations
        assert ours[1] == pytest.approx(sm_lilliefors(values)[1], abs=0.1)


def test_shapiro_is_that_of_scipy_up_to_5000_values(residual, calm) -> None:
    assert shapiro(calm, np.ones(len(calm)))[:2] == pytest.approx(tuple(stats.shapiro(calm)))
    many = np.random.default_rng(0).normal(size=20_000)
    w, p, size = shapiro(many, np.ones(len(many)))
    assert size == 5000
    assert (w > 0.999, p > 0.01) == (True, True)


@pytest.mark.parametrize("test", list(TESTS))
def test_a_weight_is_so_many_values(test, calm) -> None:
    weight = np.random.default_rng(0).integers(1, 4, len(calm)).astype(float)
    repeated = np.repeat(calm, weight.astype(int))
    assert TESTS[test](calm, weight) == pytest.approx(TESTS[test](repeated, np.ones(len(repeated))))
    assert shapiro(calm, weight)[:2] == pytest.approx(tuple(stats.shapiro(repeated)))


@pytest.mark.parametrize("n", [30, 500])
def test_p_values_are_uniform_of_normal_samples(n) -> None:
    rng = np.random.default_rng(1)
    for test in (anderson_darling, lilliefors):
        p = np.array([test(rng.normal(5, 2, size=n), np.ones(n))[1] for _ in range(400)])
        assert 0.02 < (p < 0.05).mean() < 0.09
        assert 0.4 < (p < 0.5).mean() < 0.6


def test_the_band_holds_each_order_statistic_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(200):
        z = rng.normal(size=60)
        band, _, points = quantile_series(z, np.ones(60))
        inside.append((np.asarray(band.low) <= points.y) & (points.y <= np.asarray(band.high)))
    share = np.mean(inside, axis=0)
    assert len(share) == 60
    assert (share > 0.88).all()
    assert share.mean() == pytest.approx(0.95, abs=0.01)


def test_of_the_model(numbers, build) -> None:
    part = numbers.models[0].held_out
    output = normality.compute(normality.Spec(test="shapiro"), numbers)
    found = {name: values[0] for name, values in build.cells(output).items()}
    residual = part.target - part.prediction
    assert (found["Shapiro-Wilk W"], found["p"]) == pytest.approx(tuple(stats.shapiro(residual)))
    assert found["skewness"] == pytest.approx(stats.skew(residual))
    assert found["excess kurtosis"] == pytest.approx(stats.kurtosis(residual))
    assert [p.title for p in output.figures[0].panels] == ["Quantiles", "Distribution"]


def said(build, values) -> str:
    part = build.part("train", target=values, prediction=np.zeros(len(values)))
    model = build.model("m", part, train=part)
    return " ".join(normality.compute(normality.Spec(), build.view("regression", [model])).notes)


def test_words_fit_the_size_of_the_departure(build) -> None:
    rng = np.random.default_rng(0)
    assert "no departure" in said(build, rng.normal(size=200))
    assert "only a strong one" in said(build, rng.normal(size=20))
    slight = said(build, rng.standard_t(20, size=100_000))
    assert "slight. 100,000 rows show even slight ones" in slight
    skewed = said(build, rng.exponential(size=2000))
    assert "are skewed to the right and have heavier tails" in skewed
    assert "prediction intervals do not" in skewed
    assert "too few" in said(build, np.zeros(100))
    assert "too few" in said(build, rng.normal(size=4))


def test_residuals_of_a_target_on_another_scale(build) -> None:
    rng = np.random.default_rng(0)
    target = np.exp(rng.normal(size=300))
    part = build.part("train", target=target, prediction=np.ones(300))
    model = build.model("m", part, train=part, target_scale="log")
    output = normality.compute(normality.Spec(), build.view("regression", [model]))
    assert abs(build.cells(output)["skewness"][0]) < 0.3
    assert any("residuals are of log(y)" in note for note in output.notes)


def test_skewness_and_kurtosis_of_a_constant_are_nothing() -> None:
    assert np.isnan(shape(np.ones(5), np.ones(5))).all()
