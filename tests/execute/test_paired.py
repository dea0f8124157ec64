"""Paired comparisons: noise is not called a difference, a real one is found, the formulas are the published ones."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from mldsl.execute.intervals import replicate_weights
from mldsl.execute.paired import Difference, bootstrap, corrected_t, holm

COMPARISONS = 200
FOLDS, REPEATS = 10, 3


def folds(rng: np.random.Generator, n: int) -> Iterator[np.ndarray]:
    for _ in range(REPEATS):
        yield from np.array_split(rng.permutation(n), FOLDS)


def fold_differences(seed: int, effect: float = 0.0) -> np.ndarray:
    """Squared errors of two regressions, each on half of the inputs, over 3 x 10 folds of 200 rows.

    The halves are equally good, so that the models differ by noise only, unless `effect` makes the second half better.
    """
    rng = np.random.default_rng(seed)
    n, d = 200, 3
    x = rng.normal(size=(n, 2 * d))
    y = x[:, :d].sum(axis=1) + (1 + effect) * x[:, d:].sum(axis=1) + rng.normal(size=n)
    found = []
    for held in folds(rng, n):
        train = np.setdiff1d(np.arange(n), held)
        error = []
        for columns in (slice(0, d), slice(d, None)):
            design = np.column_stack([np.ones(n), x[:, columns]])
            learned = np.linalg.lstsq(design[train], y[train], rcond=None)[0]
            error.append(np.mean((y[held] - design[held] @ learned) ** 2))
        found.append(error[0] - error[1])
    return np.array(found)


@pytest.fixture(scope="module")
def noise() -> list[np.ndarray]:
    return [fold_differences(seed) for seed in range(COMPARISONS)]


def share_called(found: list[Difference]) -> float:
    return float(np.mean([d.p < 0.05 for d in found]))


def test_over_folds_noise_is_not_called_a_difference(noise) -> None:
    found = [corrected_t(d, 1 - 1 / FOLDS) for d in noise]
    assert share_called(found) <= 0.05
    assert all((d.p < 0.05) == (d.low > 0 or d.high < 0) for d in found), "interval and p say the same"


def test_the_uncorrected_t_would_call_noise_a_difference(noise) -> None:
    plain = np.mean([stats.ttest_1samp(d, 0).pvalue < 0.05 for d in noise])
    assert plain > 0.15, "so the test above is able to fail"


def test_over_folds_a_difference_is_found() -> None:
    found = [corrected_t(fold_differences(seed, effect=0.5), 1 - 1 / FOLDS) for seed in range(40)]
    assert share_called(found) >= 0.9
    assert all(d.value > 0 for d in found)


def row_differences(seed: int, n: int = 300, effect: float = 0.0, groups: int | None = None) -> Difference:
    """The difference of two models' root mean squared errors on n rows, under the same replicates."""
    rng = np.random.default_rng(seed)
    unit = None if groups is None else np.arange(n) % groups
    # Rows of a group share what the models get wrong, so that they are fewer facts than they look.
    shared = 0.0 if unit is None else rng.normal(0, 2, (groups, 2))[unit]
    error = rng.normal(0, [1 + effect, 1], (n, 2)) + shared
    key = np.array([seed, 1], np.uint32)
    weight = np.concatenate([b.counts.astype(float) for b in replicate_weights(key, np.ones(n, np.float32), unit)])
    rmse = np.sqrt(weight @ error**2 / weight.sum(axis=1, keepdims=True))
    return bootstrap(rmse[:, 0] - rmse[:, 1], n if groups is None else groups)


def test_on_one_part_noise_is_not_called_a_difference() -> None:
    found = [row_differences(seed) for seed in range(COMPARISONS)]
    assert share_called(found) <= 0.05
    assert all((d.p <= 0.05) == (d.low > 0 or d.high < 0) for d in found), "interval and p say the same"


def test_rows_of_one_group_are_drawn_together() -> None:
    together = [row_differences(seed, 200, groups=20) for seed in range(100)]
    assert share_called(together) <= 0.1
    apart = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        error = rng.normal(size=(200, 2)) + rng.normal(0, 2, (20, 2))[np.arange(200) % 20]
        difference = error[:, 0] ** 2 - error[:, 1] ** 2
        apart.append(abs(difference.mean()) > 1.96 * difference.std() / math.sqrt(200))
    assert np.mean(apart) > 0.3, "so the test above is able to fail"


def test_on_one_part_a_difference_is_found() -> None:
    found = [row_differences(seed, effect=0.3) for seed in range(40)]
    assert share_called(found) >= 0.9
    assert all(d.low < d.value < d.high for d in found)


def test_sharing_the_replicates_is_what_finds_it() -> None:
    rng = np.random.default_rng(0)
    hard = rng.exponential(3, 300)  # rows that are hard for both models
    error = np.column_stack([hard + rng.normal(0, 0.1, 300), hard + 0.05 + rng.normal(0, 0.1, 300)])
    weight = next(replicate_weights(np.array([1, 1], np.uint32), np.ones(300, np.float32))).counts.astype(float)
    mean = weight @ error / weight.sum(axis=1, keepdims=True)
    assert bootstrap(mean[:, 0] - mean[:, 1], 300).p < 0.01
    shuffled = np.r_[mean[:1], rng.permutation(mean[1:])]
    assert bootstrap(mean[:, 0] - shuffled[:, 1], 300).p > 0.2


def test_the_corrected_t_is_the_published_formula() -> None:
    d = np.array([0.02, -0.01, 0.03, 0.01, 0.04])
    train, test = 80, 20
    mean = sum(d) / 5
    variance = sum((v - mean) ** 2 for v in d) / 4
    t = mean / math.sqrt((1 / 5 + test / train) * variance)
    found = corrected_t(d, train / (train + test), 0.9)
    assert found.value == pytest.approx(mean)
    assert found.p == pytest.approx(2 * stats.t.sf(t, 4))
    half = stats.t.ppf(0.95, 4) * mean / t
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half))


@pytest.mark.parametrize("p", [0.04, 0.2, 0.9])
def test_on_many_rows_the_bootstrap_is_the_t_test(p) -> None:
    rng = np.random.default_rng(5)
    d = rng.normal(size=2000)
    d += stats.norm.isf(p / 2) * d.std(ddof=1) / math.sqrt(len(d)) - d.mean()
    weight = np.concatenate(
        [b.counts * b.scale * b.factor[:, None] for b in replicate_weights(np.array([3, 1], np.uint32), np.ones(2000))]
    )
    found = bootstrap(weight @ d / 2000, 2000)
    expected = stats.ttest_1samp(d, 0)
    assert found.p == pytest.approx(expected.pvalue, abs=0.06)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()), abs=0.2 * d.std() / 44.7)


def test_few_units_widen_the_interval() -> None:
    drawn = np.r_[1.0, np.random.default_rng(0).normal(1, 0.45, 1000)]
    few, many = bootstrap(drawn, 8), bootstrap(drawn, 10_000)
    assert few.high - few.low > 1.15 * (many.high - many.low)
    assert many.p < 0.05 < few.p
    assert bootstrap(drawn, 100, 0.99).low < bootstrap(drawn, 100, 0.9).low


def test_models_that_say_the_same_do_not_differ() -> None:
    assert corrected_t(np.zeros(10), 0.9) == Difference(0, 0, 0, 1)
    assert bootstrap(np.zeros(1001), 50) == Difference(0, 0, 0, 1)


@pytest.mark.parametrize("differences", [[0.1], [0.1, 0.1, 0.1 + 1e-12], [], [math.nan, 0.1]])
def test_without_spread_nothing_is_claimed(differences) -> None:
    found = corrected_t(np.array(differences), 0.5)
    assert math.isnan(found.p)
    assert math.isnan(found.low)


def test_undefined_folds_and_replicates_are_left_out() -> None:
    d = np.array([0.1, math.nan, 0.2, 0.4, math.inf])
    assert corrected_t(d, 0.8) == corrected_t(d[[0, 2, 3]], 0.8)
    drawn = np.random.default_rng(0).normal(0.2, 1, 1001)
    assert bootstrap(np.r_[drawn, math.nan, math.nan], 50) == bootstrap(drawn, 50)
    assert math.isnan(bootstrap(np.array([math.nan, 0.1, 0.2]), 50).p)


def test_holm() -> None:
    # Holm's own arithmetic: 4 * 0.01, 3 * 0.013, 2 * 0.02, 1 * 0.04, never falling.
    assert holm([0.02, 0.01, 0.04, 0.013]) == pytest.approx([0.04, 0.04, 0.04, 0.04])
    assert holm([0.5, 0.001, 0.6]) == pytest.approx([1.0, 0.003, 1.0])
    assert holm([0.03]) == [0.03]
    assert holm([]) == []
    some = holm([math.nan, 0.01, 0.5])
    assert math.isnan(some[0])
    assert some[1:] == pytest.approx([0.02, 0.5])


def test_of_many_models_that_differ_by_noise_none_is_called_better() -> None:
    rng = np.random.default_rng(0)
    pairs = [(i, j) for i in range(6) for j in range(i)]
    called, uncorrected = 0, 0
    for _ in range(COMPARISONS):
        scores = rng.normal(size=(6, 10))
        best = scores.mean(axis=1).argmax()
        p = [corrected_t(scores[i] - scores[j], 0.9999).p for i, j in pairs]
        with_best = [n for n, pair in enumerate(pairs) if best in pair]
        called += min(np.array(holm(p))[with_best]) < 0.05
        uncorrected += min(np.array(p)[with_best]) < 0.05
    assert called <= 0.05 * COMPARISONS
    assert uncorrected > 0.2 * COMPARISONS, "so the line above is able to fail"
