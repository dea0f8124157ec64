"""`mldsl evaluate`: the metrics of a trained model on labelled rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sklearn.metrics import accuracy_score, log_loss

from mldsl.cli import main


@pytest.fixture(scope="module")
def labelled(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labelled") / "rows.csv"
    pl.read_csv(project / "flowers.csv").head(60).write_csv(path)
    return path


def test_the_table(command: Any, trained: Path, labelled: Path) -> None:
    ended = command("evaluate", trained, labelled)
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == f"gaussian_naive_bayes on {labelled}"
    assert [line.split()[0] for line in lines[2:]] == ["metric", "accuracy", "log_loss"]
    assert " to " in lines[3]


def test_json_agrees_with_scikit_learn_on_the_predictions(
    command: Any, trained: Path, labelled: Path, tmp_path: Path
) -> None:
    ended = command("evaluate", trained, labelled, "--json")
    metrics = json.loads(ended.out)
    assert main(["predict", str(trained), str(labelled), "-o", str(tmp_path / "said.parquet")]) == 0
    said = pl.read_parquet(tmp_path / "said.parquet")
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(said["kind"], said["prediction"]), rel=1e-6)
    expected = log_loss(said["kind"] == "fancy", said["probability_fancy"])
    assert metrics["log_loss"]["value"] == pytest.approx(expected, rel=1e-4)
    assert metrics["log_loss"]["low"] < metrics["log_loss"]["value"] < metrics["log_loss"]["high"]


def test_rows_are_checked_as_strictly_as_training_rows(
    command: Any, trained: Path, labelled: Path, tmp_path: Path
) -> None:
    rows = pl.read_csv(labelled)
    rows.drop("kind").write_csv(tmp_path / "a.csv")
    rows.with_columns(length=-1.0).write_csv(tmp_path / "b.csv")
    rows.with_columns(kind=pl.lit("odd")).write_csv(tmp_path / "c.csv")
    for name, code in (("a", "MLP0413"), ("b", "MLP0401"), ("c", "MLP0404"), ("none", "MLP0406")):
        ended = command("evaluate", trained, tmp_path / f"{name}.csv")
        assert ended.status == 1
        assert f"error[{code}]" in ended.err
        assert ended.out == ""
