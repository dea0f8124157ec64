"""run.json: the published schema holds for what we write, and a record survives the round trip."""

import json
import math

import attrs
import jsonschema
import pytest

from mldsl.diagnostics import MldslError
from mldsl.record import (
    CalibrationRecord,
    ColumnRecord,
    DataRecord,
    GateResult,
    MetricValue,
    ModelRecord,
    PipelineRecord,
    ReportFiles,
    RunRecord,
    SourceRecord,
    SplitRecord,
    Trial,
    TuneRecord,
)
from mldsl.record.model import schema


@pytest.fixture
def record() -> RunRecord:
    return RunRecord(
        id="20260801-142233-iris-3fa9c1d2",
        pipeline=PipelineRecord("iris.mlp", "ab" * 32),
        task="classification",
        seed=7,
        data=DataRecord(
            (SourceRecord("data/iris.csv", "cd" * 32, 150),), 150, (ColumnRecord("species", "categorical", "target"),)
        ),
        split=SplitRecord(train=120, test=30, folds=5, by="stratified"),
        params={"seed": 7},
        models={
            "a": ModelRecord(
                "logistic_regression",
                spec={"l2": 1.0, "bound": math.inf},
                threshold={"setosa": 0.2, "other": 0.8},
                calibration=CalibrationRecord(
                    "sigmoid", "folds", 120, {"slope": [1.5]}, {"test": {"before": 0.2, "after": math.nan}}
                ),
                metrics={
                    "test": {"accuracy": MetricValue(0.9, 0.8, 1.0)},
                    "folds": {"accuracy": MetricValue(0.95, math.nan, math.nan, selected_on=True)},
                },
                fold_metrics=({"accuracy": 0.95}, {"accuracy": math.nan}),
                info={"iterations": 12, "converged": True},
                seconds={"fit": 0.01},
            )
        },
        best="a",
        primary="accuracy",
        gates=(GateResult("accuracy", "a", "test", ">=", 0.9, 0.9, True),),
        tune=TuneRecord((Trial("a", {"l2": 0.1}, 0.9),), {"a": {"l2": 0.1}}),
        reports={"confusion_matrix": ReportFiles(("reports/confusion_matrix.csv",), ())},
        warnings=("one",),
        versions={"mldsl": "0.1.0"},
        outputs=("out/iris",),
    )


def test_what_we_write_follows_the_published_schema(record: RunRecord) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(record.to_json(), schema())
    jsonschema.validate(attrs.evolve(record, models={}, tune=None, best=None).to_json(), schema())


def test_the_schema_refuses_what_is_not_a_record(record: RunRecord) -> None:
    for key in schema()["required"]:
        broken = record.to_json()
        del broken[key]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema())


def test_round_trip(record: RunRecord) -> None:
    text = record.text()
    again = RunRecord.from_json(json.loads(text))
    assert again.text() == text
    assert again.models["a"].metrics["folds"]["accuracy"].selected_on
    assert math.isnan(again.models["a"].fold_metrics[1]["accuracy"])
    assert again.gates == record.gates


def test_keys_stand_in_the_documented_order(record: RunRecord) -> None:
    assert list(record.to_json()) == list(schema()["properties"])
    required = schema()["required"]
    assert list(record.to_json())[: len(required)] == required, "what later minor versions add stands at the end"


def test_numbers_that_json_cannot_write_become_null(record: RunRecord) -> None:
    written = record.to_json()
    assert written["models"]["a"]["spec"]["bound"] is None
    assert written["models"]["a"]["metrics"]["folds"]["accuracy"] == {
        "value": 0.95, "low": None, "high": None, "selected_on": True,
    }  # fmt: skip
    assert "selected_on" not in written["models"]["a"]["metrics"]["test"]["accuracy"]


def test_unknown_keys_of_a_newer_minor_version_are_ignored(record: RunRecord) -> None:
    written = record.to_json()
    written["format_version"] = "1.9"
    written["new"] = written["models"]["a"]["new"] = written["data"]["new"] = 1
    assert RunRecord.from_json(written).best == "a"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format_version": "2.0"}, "MLP0503"),
        ({"format_version": "x"}, "MLP0502"),
        ({"format_version": 1}, "MLP0502"),
        ({"models": []}, "MLP0502"),
        ({"pipeline": None}, "MLP0502"),
        ({"models": {"a": {"algorithm": "x", "metrics": {"test": {"m": {"value": 1}}}}}}, "MLP0502"),
    ],
)
def test_what_is_not_a_record_is_refused_with_a_code(record: RunRecord, change: dict, code: str) -> None:
    with pytest.raises(MldslError) as caught:
        RunRecord.from_json(record.to_json() | change)
    assert caught.value.diagnostics[0].code == code


def test_read(record: RunRecord, tmp_path) -> None:
    with pytest.raises(MldslError, match="cannot be read"):
        RunRecord.read(tmp_path)
    (tmp_path / "run.json").write_text(record.text())
    assert RunRecord.read(tmp_path).text() == RunRecord.read(tmp_path / "run.json").text()
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(MldslError) as caught:
        RunRecord.read(tmp_path)
    assert caught.value.diagnostics[0].code == "MLP0502"


def test_the_part_that_counts(record: RunRecord) -> None:
    assert record.held_out == "test"
    without = ModelRecord("x", metrics={"train": {"m": MetricValue(1)}, "folds": {"m": MetricValue(1)}})
    assert without.held_out == "folds"
    assert ModelRecord("x").held_out == "train"
