"""What evened the classes out, in words: one sentence a thing, models that share it named together."""

from __future__ import annotations

from mldsl.record import ModelRecord, PipelineRecord, RunRecord
from mldsl.report.balance import balance_words


def record(**models):
    found = {name: ModelRecord("logistic_regression", info=info) for name, info in models.items()}
    return RunRecord(id="r", pipeline=PipelineRecord("a.mlp"), task="classification", seed=0, models=found)


def resampled(before, after, step="smote"):
    return {"resampled": [{"step": step, "before": before, "after": after}]}


def test_nothing_is_said_of_classes_that_were_left_as_they_are():
    assert balance_words(record(a={"iterations": 3})) == []


def test_rows_and_weights():
    smoted = resampled({"no": 5600.0, "yes": 240.0}, {"no": 5600.0, "yes": 5600.0})
    assert balance_words(record(a=smoted)) == ["smote: training rows of yes 240 → 5,600"]
    weighed = {"class_weights": {"no": 0.5, "yes": 3.0}}
    assert balance_words(record(a=weighed, b={}, c=weighed)) == ["a, c: loss of no × 0.5000, yes × 3"]
    halves = resampled({"no": 7.5, "yes": 2.0}, {"no": 7.5, "yes": 8.0})
    assert balance_words(record(a=halves | weighed)) == [
        "smote: training rows of yes 2 → 8", "loss of no × 0.5000, yes × 3",
    ]  # fmt: skip


def test_weights_that_change_nothing_stand_back():
    some = {"class_weights": {"a": 1.0, "b": 2.0, "c": 1.0}}
    assert balance_words(record(a=some)) == ["loss of b × 2"]
    assert balance_words(record(a={"class_weights": {"a": 1.0, "b": 1.0}})) == ["loss of a × 1, b × 1"]


def test_what_changed_nothing_says_so():
    even = {"no": 7.5, "yes": 7.5}
    assert balance_words(record(a=resampled(even, even, "upsample"))) == ["upsample had nothing to even out"]


def test_many_classes_are_counted():
    before = {f"c{i}": float(i) for i in range(1, 9)}
    (words,) = balance_words(record(a=resampled(before, dict.fromkeys(before, 9.0))))
    assert words == "smote: training rows of c1 1 → 9, c2 2 → 9, c3 3 → 9, c4 4 → 9 and 4 more classes"
