"""What is said of the parts beside each other: overfitting only beyond the uncertainty, no alarm for noise."""

import math

import attrs
import pytest

from mldsl.record import MetricValue, ModelRecord, PipelineRecord, RunRecord
from mldsl.report import summary_text
from mldsl.report.html import page
from mldsl.report.remarks import remarks


def value(at: float, half: float, selected: bool = False) -> MetricValue:
    return MetricValue(at, at - half, at + half, selected)


def record(models, metric="roc_auc", better="higher", best=None) -> RunRecord:
    """Models as name -> part -> value of one metric; `nothing` is the constant."""
    found = {
        name: ModelRecord(
            "constant" if name == "nothing" else "forest",
            metrics={part: {metric: v} for part, v in parts.items()},
        )
        for name, parts in models.items()
    }
    best = best or next(iter(models))
    return RunRecord(
        "id",
        PipelineRecord("f.mlp"),
        "classification",
        models=found,
        best=best,
        primary=metric,
        better={metric: better},
    )


def test_overfitting_is_said() -> None:
    run = record({"forest": {"train": value(0.99, 0.005), "test": value(0.81, 0.05)}})
    (said,) = remarks(run)
    assert said.startswith(
        "`forest` fits its training rows much better than new ones: roc_auc 0.9900 against 0.8100 (test)"
    )
    assert "Expect the latter" in said
    assert "fits its training rows much better" in summary_text(run, {}, False, 100)
    assert "fits its training rows much better" in page(run, {}, "mlp 1\n", "")


def test_a_smaller_gap_is_said_more_softly() -> None:
    (said,) = remarks(record({"m": {"train": value(0.95, 0.005), "test": value(0.90, 0.01)}}))
    assert "fits its training rows better than new ones" in said


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (value(0.85, 0.02), value(0.81, 0.05)),  # within the uncertainty
        (value(0.812, 0.0005), value(0.81, 0.0005)),  # certain, and of no matter
        (value(0.80, 0.01), value(0.90, 0.01)),  # new rows are easier
        (MetricValue(0.99), value(0.81, 0.05)),  # no interval, so nothing to hold the gap against
        (value(0.99, 0.01), MetricValue(math.nan)),
    ],
)
def test_no_alarm_for_noise(train, test) -> None:
    assert remarks(record({"m": {"train": train, "test": test}})) == []


def test_uncertainties_add_up_like_those_of_independent_rows() -> None:
    # 0.05 apart: more than sqrt(0.03^2 + 0.03^2) = 0.042, less than 0.06; either half towards the other counts.
    assert remarks(record({"m": {"train": value(0.95, 0.03), "test": value(0.90, 0.03)}}))
    lopsided = MetricValue(0.90, 0.90, 0.96)
    assert remarks(record({"m": {"train": value(0.95, 0.03), "test": lopsided}})) == []


def test_errors_overfit_downwards() -> None:
    errors = {"train": value(1.0, 0.1), "test": value(3.0, 0.5)}
    (said,) = remarks(record({"m": errors}, metric="rmse", better="lower"))
    assert "rmse 1 against 3 (test)" in said
    assert remarks(record({"m": dict(zip(errors, reversed(errors.values()), strict=True))}, "rmse", "lower")) == []


def test_several_models_share_the_advice() -> None:
    one = {"train": value(0.99, 0.005), "test": value(0.81, 0.05)}
    (said,) = remarks(record({"a": one, "b": one}))
    assert said.count("Expect the latter") == 1
    assert "`a` fits" in said
    assert "`b` fits" in said


def test_nothing_held_out_is_nothing_to_compare() -> None:
    assert remarks(record({"m": {"train": value(0.99, 0.001)}})) == []
    run = record({"m": {"train": value(0.99, 0.005), "test": value(0.5, 0.05)}})
    assert remarks(attrs.evolve(run, better={})) == [], "a record that does not say which way is better"


def test_learning_nothing_is_said_where_the_constant_is_known() -> None:
    nothing = {"train": value(0.5, 0), "test": value(0.5, 0)}
    level = {"train": value(0.53, 0.05), "test": value(0.52, 0.06)}
    (said,) = remarks(record({"tree": level, "nothing": nothing}))
    assert said.startswith("`tree` is not distinguishable from the constant prediction of `nothing`: ")
    assert said.endswith(": roc_auc 0.5200 against 0.5000 (test).")
    below = {"train": value(0.53, 0.05), "test": value(0.49, 0.06)}
    (said,) = remarks(record({"tree": below, "nothing": nothing}))
    assert "is no better than the constant prediction" in said
    above = {"train": value(0.73, 0.05), "test": value(0.70, 0.06)}
    assert remarks(record({"tree": above, "nothing": nothing})) == []


def test_a_model_chosen_on_the_folds_that_measure_it_flatters() -> None:
    folds = {"train": value(0.82, 0.02), "folds": value(0.81, 0.05, selected=True)}
    (said,) = remarks(record({"a": folds, "b": folds}))
    assert said.startswith("`a` was chosen out of 2 models on the very folds that measure it, so its roc_auc flatters")
    with_test = {**folds, "test": value(0.80, 0.04)}
    assert remarks(record({"a": with_test, "b": with_test})) == []
