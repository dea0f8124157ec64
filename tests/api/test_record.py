"""What a run leaves behind agrees with itself: the record, the split, the predictions, the reports, the artifacts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, log_loss

import mldsl
from mldsl.record import RunRecord
from mldsl.record.model import schema

FILES = {
    "run.json",
    "pipeline.mlp",
    "plan.txt",
    "mldsl.lock",
    "split.parquet",
    "predictions.parquet",
    "models",
    "reports",
    "report.html",
}


@pytest.fixture(scope="module")
def record(done: Any) -> dict[str, Any]:
    return json.loads((done.folder / "run.json").read_text())


@pytest.fixture(scope="module")
def said(done: Any) -> pl.DataFrame:
    return pl.read_parquet(done.folder / "predictions.parquet")


@pytest.fixture(scope="module")
def split(done: Any) -> pl.DataFrame:
    return pl.read_parquet(done.folder / "split.parquet")


def test_the_folder_is_complete_and_nothing_else_is_left(done: Any, project: Path) -> None:
    assert {p.name for p in done.folder.iterdir()} == set(FILES)
    assert done.folder.parent == project / "runs"
    assert [p.name for p in done.folder.parent.glob("[!.]*")] == [done.folder.name]


def test_the_record_keeps_to_its_schema_and_reads_back(done: Any, record: dict[str, Any]) -> None:
    jsonschema.validate(record, schema())
    assert RunRecord.read(done.folder).to_json() == done.record.to_json() == record


def test_the_record_says_what_was_run_with_what(done: Any, record: dict[str, Any], project: Path) -> None:
    text = (done.folder / "pipeline.mlp").read_bytes()
    assert text == (project / "people.mlp").read_bytes()
    assert record["pipeline"]["sha256"] == hashlib.sha256(text).hexdigest()
    (source,) = record["data"]["sources"]
    assert source["name"] == "people.csv"
    assert source["sha256"] == hashlib.sha256((project / "people.csv").read_bytes()).hexdigest()
    assert (source["rows"], record["data"]["rows"]) == (130, 128)
    assert record["seed"] == 0
    assert record["params"] == {"l2": 1, "seed": 0}
    assert {"mldsl", "python", "jax", "jaxlib", "numpy", "polars"} <= set(record["versions"])
    assert record["device"]["platform"] == "cpu"
    assert record["outputs"] == ["said.csv"]
    assert done.folder.name == record["id"]


def test_the_split_is_the_one_that_was_counted(record: dict[str, Any], split: pl.DataFrame, rows: pl.DataFrame) -> None:
    counts = {part: (split["part"] == part).sum() for part in ("train", "validation", "test")}
    assert counts == {part: record["split"][part] for part in counts}
    assert (record["split"]["folds"], record["split"]["repeats"], record["split"]["by"]) == (3, 1, "stratified")
    assert split["row"].to_list() == list(range(130))
    assert split.filter(pl.col("part").is_null())["row"].to_list() == [3, 77], "what `where` dropped"
    train = split.filter(pl.col("part") == "train")
    assert sorted(train["fold"].unique()) == [0, 1, 2]
    assert split.filter(pl.col("part") == "test")["fold"].is_null().all()
    kept = split.filter(pl.col("part").is_not_null())
    assert (kept["weight"] == rows["times"].gather(kept["row"])).all()


def test_metrics_can_be_computed_again_from_the_predictions(
    record: dict[str, Any], said: pl.DataFrame, split: pl.DataFrame, rows: pl.DataFrame
) -> None:
    model = record["models"]["logistic_regression"]
    test = said.filter(pl.col("part") == "test")
    assert test["row"].to_list() == split.filter(pl.col("part") == "test")["row"].to_list()
    assert (test["name"] == rows["name"].gather(test["row"])).all(), "key columns are copied"
    assert (test["target"] == rows["lived"].gather(test["row"])).all()
    at = model["threshold"]
    assert ((test["prediction"] == "yes") == (test["probability_yes"] >= at)).all()
    np.testing.assert_allclose(test["probability_no"] + test["probability_yes"], 1, rtol=1e-6)

    def again(part: pl.DataFrame) -> dict[str, float]:
        weight = part["weight"].to_numpy()
        return {
            "accuracy": accuracy_score(part["target"], part["prediction"], sample_weight=weight),
            "log_loss": log_loss(part["target"], part["probability_yes"], sample_weight=weight, labels=["no", "yes"]),
        }

    assert {k: v["value"] for k, v in model["metrics"]["test"].items()} == pytest.approx(again(test), rel=1e-5)
    for fold, metrics in enumerate(model["fold_metrics"]):
        assert metrics == pytest.approx(again(said.filter(pl.col("fold") == fold)), rel=1e-5)
    for name, cell in model["metrics"]["folds"].items():
        assert cell["value"] == pytest.approx(np.mean([m[name] for m in model["fold_metrics"]]))
    for cells in model["metrics"].values():
        assert all(cell["low"] <= cell["value"] <= cell["high"] for cell in cells.values())


def test_out_of_fold_rows_are_there_once(said: pl.DataFrame, split: pl.DataFrame) -> None:
    folds = said.filter(pl.col("part") == "folds").sort("row")
    train = split.filter(pl.col("part") == "train")
    assert folds["row"].to_list() == train["row"].to_list()
    assert folds["fold"].to_list() == train["fold"].to_list()


def test_reports_and_exports_are_where_the_record_says(done: Any, record: dict[str, Any], project: Path) -> None:
    assert set(record["reports"]) == {"confusion_matrix", "coefficients"}
    for report in record["reports"].values():
        assert report["tables"]
        for path in (*report["tables"], *report["figures"]):
            assert (done.folder / path).stat().st_size > 0
    assert pl.read_csv(project / "said.csv").height == pl.read_parquet(done.folder / "predictions.parquet").height
    page = (done.folder / "report.html").read_text()
    assert "http" + "://" not in page.replace("http://www.w3.org", "")
    assert "src=" not in page
    assert "logistic_regression" in (done.folder / "plan.txt").read_text()


def test_no_pickle_anywhere(done: Any) -> None:
    files = [p for p in done.folder.rglob("*") if p.is_file()]
    assert {p.suffix for p in files} <= {
        ".json",
        ".lock",
        ".mlp",
        ".txt",
        ".parquet",
        ".csv",
        ".svg",
        ".html",
        ".safetensors",
    }


def test_the_same_seed_gives_the_same_bits_and_another_does_not(done: Any, project: Path) -> None:
    again = mldsl.run(project / "people.mlp", keep=False)
    assert again.predictions.equals(done.predictions)
    assert again.record.models["logistic_regression"].metrics == done.record.models["logistic_regression"].metrics
    seeded = (project / "people.mlp").read_text().replace("param l2", "param seed: integer = 4\nparam l2")
    (project / "seeded.mlp").write_text(seeded)
    other = mldsl.run(project / "seeded.mlp", keep=False)
    assert other.record.seed == 4
    assert not other.predictions["row"].equals(done.predictions["row"])


def test_params_given_in_python_are_in_the_record(done: Any, project: Path) -> None:
    run = mldsl.run(project / "people.mlp", params={"l2": 50}, keep=False)
    assert run.record.params == {"l2": 50, "seed": 0}
    assert run.record.models["logistic_regression"].spec["l2"] == 50
    weak, strong = (np.abs(r.model().params.coefficients).sum() for r in (done, run))
    assert strong < 0.8 * weak
    with pytest.raises(mldsl.MldslError, match="MLP0202"):
        mldsl.run(project / "people.mlp", params={"l2": -1}, keep=False)
