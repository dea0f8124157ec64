"""prediction_intervals: coverage of intervals that are right and wrong, conformal ones by their definition."""

import math
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
from mldsl_plugins.reports import prediction_intervals
from mldsl_plugins.reports._statistics import wilson

Spec = prediction_intervals.Spec


@attrs.frozen
class Confident:
    confidence: float = 0.9
    l2: float = 0.0


def held(build, target, fitted, *, name="test", **facts):
    return build.part(name, target=target, prediction=fitted, **facts)


def shown(build, part, report=None, **facts):
    view_facts = {k: facts.pop(k) for k in ("folds", "seed") if k in facts}
    model = build.model("m", part, train=part, **facts)
    output = prediction_intervals.compute(report or Spec(), build.view("regression", [model], **view_facts))
    return {name: values[0] for name, values in build.cells(output).items()}, output


@pytest.fixture(scope="module")
def noise():
    rng = np.random.default_rng(0)
    fitted = rng.normal(size=2000)
    return fitted, fitted + rng.normal(size=2000)


def test_a_models_own_intervals(noise, build) -> None:
    fitted, target = noise
    z = 1.6448536269514722
    interval = np.column_stack([fitted - z, fitted + z])
    found, output = shown(build, held(build, target, fitted, interval=interval), spec=Confident())
    inside = np.abs(target - fitted) <= z
    assert (found["method"], found["promised"]) == ("native", 0.9)
    assert found["covered"] == inside.mean()
    low, high = wilson(np.array([inside.mean()]), np.array([2000.0]))
    assert [found["95% low"], found["95% high"]] == [low[0], high[0]]
    assert found["mean width"] == pytest.approx(2 * z)
    off = np.maximum(np.abs(target - fitted) - z, 0)
    assert found["interval score"] == pytest.approx(2 * z + 2 / 0.1 * off.mean())
    assert not output.warnings
    drawn = output.figures[0].panels[0].series
    assert len(drawn[2].x) == min(300, (~inside).sum())
    levels = build.cells(output, 1)
    assert sum(levels["rows"]) == 2000
    assert np.average(levels["covered"], weights=levels["rows"]) == pytest.approx(inside.mean())


def test_intervals_that_promise_too_much_or_too_little_are_told(noise, build) -> None:
    fitted, target = noise
    for half, word in ((1.0, "too narrow"), (3.0, "wider than they need be")):
        interval = np.column_stack([fitted - half, fitted + half])
        _, output = shown(build, held(build, target, fitted, interval=interval), spec=Confident())
        assert word in output.warnings[0]


def test_one_width_that_does_not_suit_all_levels_is_told(build) -> None:
    rng = np.random.default_rng(0)
    fitted = rng.uniform(1, 10, 3000)
    target = fitted + fitted * rng.normal(size=3000)
    _, output = shown(build, held(build, target, fitted), Spec(confidence=0.9))
    assert "one width does not suit all" in output.warnings[-1]
    covered = build.cells(output, 1)["covered"]
    assert covered[0] > 0.97
    assert covered[-1] < 0.8


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_conformal_intervals_cover_as_promised_whatever_the_errors(confidence, build) -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(60):
        target = rng.standard_cauchy(size=200)
        shares.append(shown(build, held(build, target, np.zeros(200)), Spec(confidence=confidence))[0]["covered"])
    assert np.mean(shares) == pytest.approx(confidence, abs=0.01)


def test_conformal_half_widths_leave_out_a_rows_own_fold(build) -> None:
    rng = np.random.default_rng(2)
    n, target = 60, rng.normal(size=60)
    fold = np.arange(n) % 3
    folds = tuple(SimpleNamespace(repeat=0, held=fold == k, train=fold != k) for k in range(3))
    part = held(build, target, np.zeros(n), name="folds", index=np.arange(n))
    model = build.model("m", part, train=part)
    view = build.view("regression", [model], folds=folds)
    output = prediction_intervals.compute(Spec(confidence=0.9), view)
    found = {name: values[0] for name, values in build.cells(output).items()}
    half = np.empty(n)
    for k in range(3):
        others = np.sort(np.abs(target[fold != k]))
        half[fold == k] = others[math.ceil(41 * 0.9) - 1]
    assert found["covered"] == np.mean(np.abs(target) <= half)
    assert found["mean width"] == pytest.approx(2 * half.mean())
    every = np.sort(np.abs(target))[math.ceil(61 * 0.9) - 1]
    assert f"± {every:.4g}" in output.notes[0]
    assert "60 rows predicted out of fold is judged by the residuals of those outside its own fold" in output.notes[0]


def test_a_weight_is_so_many_rows() -> None:
    rng = np.random.default_rng(0)
    size, weight = rng.uniform(size=50), rng.integers(1, 4, 50).astype(float)
    repeated = np.repeat(size, weight.astype(int))
    for confidence in (0.5, 0.9, 0.95):
        ours = prediction_intervals._reach(size, weight, confidence)
        assert ours == prediction_intervals._reach(repeated, np.ones(len(repeated)), confidence)
        assert ours == np.sort(repeated)[math.ceil((len(repeated) + 1) * confidence) - 1]


def test_of_a_target_learned_by_its_logarithm(build) -> None:
    rng = np.random.default_rng(0)
    fitted = np.exp(rng.uniform(0, 3, 500))
    target = fitted * np.exp(0.3 * rng.normal(size=500))
    found, output = shown(build, held(build, target, fitted), target_scale="log")
    assert found["covered"] == pytest.approx(0.95, abs=0.02)
    assert not any("one width" in w for w in output.warnings)
    assert "on the scale of log(y)" in output.notes[0]
    band = output.figures[0].panels[0].series[0]
    assert (np.asarray(band.low) > 0).all()


def test_what_cannot_be_is_said(noise, build) -> None:
    fitted, target = noise
    _, output = shown(build, held(build, target[:15], fitted[:15]))
    assert "endless; 15 rows are too few for 95%" in output.warnings[0]
    model = build.model("m", held(build, target, fitted))
    output = prediction_intervals.compute(Spec(method="native"), build.view("regression", [model]))
    assert "gives no intervals; `method = conformal` makes some" in output.notes[0]
    own = held(build, target, fitted, interval=np.column_stack([fitted - 9, fitted + 9]))
    assert shown(build, own, Spec(method="conformal"))[0]["method"] == "conformal"
