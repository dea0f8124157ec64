"""Intervals of metrics: they cover the truth, weights and groups mean what they say, equal keys give equal bits."""

from __future__ import annotations

from importlib import import_module

import attrs
import numpy as np
import pytest

from mldsl.contract import MetricView
from mldsl.execute.intervals import fold_interval, intervals, percentiles, replicate_weights
from mldsl.execute.programs import Programs

KEY = np.array([7, 11], np.uint32)


def key(i):
    return np.array([i, 1], np.uint32)


@pytest.fixture(scope="module")
def programs():
    return Programs(keep=False)


def metric(name):
    component = import_module(f"mldsl_plugins.metrics.{name}").mldsl_components()[0]
    return component, component.Spec()


def view(error, weight=None, group=None):
    error = np.asarray(error, np.float32)
    weight = np.ones(len(error), np.float32) if weight is None else np.asarray(weight, np.float32)
    return MetricView(weight=weight, target=np.zeros_like(error), prediction=error, group=group)


def widths(programs, seen, keys=range(12), names=("mse",), groups=None):
    metrics = [metric(name) for name in names]
    out = []
    for i in keys:
        _, low, high = intervals(metrics, [seen] * len(metrics), key(i), programs.call, groups=groups)
        out.append(high - low)
    return np.mean(out, axis=0)


def test_the_first_replicate_is_the_data_itself():
    weight = np.array([1, 0, 1, 1], np.float32)
    block = next(replicate_weights(KEY, weight, replicates=10))
    assert np.array_equal(block.counts[0] * block.scale * block.factor[0], weight)
    fractional = np.array([0.25, 0, 3], np.float32)
    block = next(replicate_weights(KEY, fractional, replicates=10))
    assert np.array_equal(block.counts[0] * block.scale * block.factor[0], fractional)


def weights_of(*arguments, **named):
    blocks = replicate_weights(KEY, *arguments, **named)
    return np.concatenate([b.counts * b.scale[None, :].astype(float) * b.factor[:, None] for b in blocks])


def test_few_rows_are_drawn_exactly():
    weight = np.ones(50, np.float32)
    weight[[3, 40]] = 0
    drawn = weights_of(weight, replicates=4000)[1:]
    assert (drawn[:, [3, 40]] == 0).all()
    assert (drawn.sum(axis=1) == 48).all()
    present = drawn[:, weight > 0]
    assert present.mean() == 1
    # Multinomial: variance 1 - 1/n, covariance -1/n.
    assert present.var(axis=0).mean() == pytest.approx(1 - 1 / 48, rel=0.02)


@pytest.mark.parametrize(("n", "weight"), [(20_001, 1.0), (300, 2.0), (300, 0.5)])
def test_other_counts_keep_the_sum_and_the_spread(n, weight):
    drawn = weights_of(np.full(n, weight, np.float32), replicates=400)[1:]
    assert drawn.sum(axis=1) == pytest.approx(n * weight, rel=1e-5)
    assert drawn.var() == pytest.approx(weight, rel=0.06)


def test_whole_groups_are_drawn():
    groups = np.array([0, 0, 1, 1, 2, 9, 9], np.int32)
    weight = np.array([1, 2, 1, 1, 0, 1, 0.5], np.float32)
    drawn = weights_of(weight, groups, replicates=300)[1:]
    assert np.array_equal(drawn[:, 1], 2 * drawn[:, 0])
    assert np.array_equal(drawn[:, 6], 0.5 * drawn[:, 5])
    assert (drawn[:, 4] == 0).all()
    assert (drawn[:, 0] + drawn[:, 2] + drawn[:, 5] == 3).all()


def test_no_rows_give_no_interval(programs):
    value, low, high = intervals([metric("mse")], [view(np.zeros(8), np.zeros(8))], KEY, programs.call)
    assert np.isnan([value, low, high]).all()
    groups = np.zeros(8, np.int32)
    value, low, high = intervals([metric("mse")], [view(np.zeros(8), np.zeros(8))], KEY, programs.call, groups=groups)
    assert np.isnan([value, low, high]).all()


def test_intervals_cover_the_truth(programs):
    """Mean squared error of normal errors is 1; a 95 % interval from 200 rows holds it in 91 to 98 % of samples."""
    random, held = np.random.default_rng(0), 0
    for i in range(300):
        _, low, high = intervals([metric("mse")], [view(random.normal(size=200))], key(i), programs.call)
        held += low[0] <= 1 <= high[0]
    assert 0.90 <= held / 300 <= 0.98


def test_a_row_of_weight_2_is_two_rows(programs):
    error = np.random.default_rng(1).normal(size=100)
    once = view(error, np.full(100, 2.0))
    twice = view(np.repeat(error, 2))
    one = intervals([metric("mse")], [once], KEY, programs.call)
    two = intervals([metric("mse")], [twice], KEY, programs.call)
    assert one[0] == pytest.approx(two[0], rel=1e-5)
    assert widths(programs, once)[0] == pytest.approx(widths(programs, twice)[0], rel=0.06)
    assert widths(programs, once)[0] == pytest.approx(widths(programs, view(error))[0] / np.sqrt(2), rel=0.06)


def test_absent_rows_do_not_matter(programs):
    error = np.random.default_rng(2).normal(size=64).astype(np.float32)
    weight = np.ones(64, np.float32)
    weight[50:] = 0
    rubbish = error.copy()
    rubbish[50:] = 1e15
    one = intervals([metric("mse"), metric("r2")], [view(error, weight)] * 2, KEY, programs.call)
    two = intervals([metric("mse"), metric("r2")], [view(rubbish, weight)] * 2, KEY, programs.call)
    assert np.array_equal(one, two)


def test_groups_that_agree_within_widen_the_interval(programs):
    random = np.random.default_rng(3)
    group = np.repeat(np.arange(40), 10).astype(np.int32)
    error = (random.normal(size=40)[group] + 0.1 * random.normal(size=400)).astype(np.float32)
    seen = view(error, group=group)
    by_row, by_group = widths(programs, seen, range(4))[0], widths(programs, seen, range(4), groups=group)[0]
    assert by_group > 2.5 * by_row  # of all but independent groups of 10: about sqrt(10)


def test_equal_keys_give_equal_bits(programs):
    seen = view(np.random.default_rng(4).normal(size=128))
    one, again, other = (intervals([metric("mse")], [seen], k, programs.call) for k in (KEY, KEY.copy(), key(5)))
    assert np.array_equal(one, again)
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_equal_shapes_compile_once():
    programs = Programs(keep=False)
    random = np.random.default_rng(5)
    for _ in range(3):
        intervals([metric("mse"), metric("r2")], [view(random.normal(size=40))] * 2, KEY, programs.call)
    assert programs.counts.compiled == 1


def test_metrics_of_one_run_are_one_program_and_agree_with_each_alone(programs):
    random = np.random.default_rng(6)
    p = random.dirichlet([1, 1], 96).astype(np.float32)
    seen = MetricView(
        weight=np.ones(96, np.float32), target=random.integers(0, 2, 96).astype(np.int32), probability=p,
        prediction=p.argmax(1).astype(np.int32), classes=2, positive=1,
    )  # fmt: skip
    names = ["accuracy", "roc_auc", "log_loss", "f1", "average_precision"]
    before = programs.counts.compiled
    together = intervals([metric(n) for n in names], [seen] * 5, KEY, programs.call)
    assert programs.counts.compiled == before + 1
    for i, name in enumerate(names):
        alone = intervals([metric(name)], [seen], KEY, programs.call)
        assert np.ravel(alone) == pytest.approx(np.stack(together)[:, i], rel=1e-5)
        assert together[1][i] < together[0][i] < together[2][i]


def test_float64_stays_float64():
    programs = Programs(keep=False)
    seen = view(np.random.default_rng(7).normal(size=40))
    seen = attrs.evolve(seen, **{k: getattr(seen, k).astype(np.float64) for k in ("weight", "target", "prediction")})
    value, _, _ = intervals([metric("mse")], [seen], KEY, programs.call, x64=True)
    assert value[0] == pytest.approx((seen.prediction**2).mean(), rel=1e-14)


def test_percentiles_leave_undefined_replicates_out():
    drawn = np.random.default_rng(8).normal(size=(101, 2))
    holes = drawn.copy()
    holes[1::3, 0] = np.nan
    value, low, high = percentiles(holes)
    assert np.array_equal(value, holes[0]) or np.isnan(holes[0]).any()
    for column in range(2):
        defined = holes[1:, column][~np.isnan(holes[1:, column])]
        assert [low[column], high[column]] == pytest.approx(np.quantile(defined, [0.025, 0.975]))
    infinite = np.array([[1.0], [np.inf], [1.0], [np.inf]])
    assert percentiles(infinite)[2][0] == np.inf


def test_folds():
    values = np.array([0.8, 0.9, 0.85, 0.95, 0.75])
    low, high = fold_interval(values, 0.8)
    half = 2.7764451051977987 * np.sqrt((1 / 5 + 0.25) * values.var(ddof=1))
    assert (low, high) == pytest.approx((0.85 - half, 0.85 + half))
    assert np.isnan(fold_interval(values[:1], 0.8)).all()
