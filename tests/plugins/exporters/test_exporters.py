"""artifact and predictions: where they write, what they replace, what they leave alone."""

import json

import polars as pl
import pytest
from mldsl_plugins.exporters import artifact, predictions

from mldsl.diagnostics import MldslError
from mldsl.plan.model import ComponentValue, Plan, SplitPlan
from mldsl.record import Artifact, ExportContext, MetricValue, ModelRecord, PipelineRecord, RunRecord
from mldsl.record import artifact as artifacts


@pytest.fixture
def context(tmp_path) -> ExportContext:
    run, base = tmp_path / "runs" / "x", tmp_path / "project"
    plan = Plan(
        "f.mlp", 1, 0, "regression", (), (("data", ComponentValue("source", "csv", "core")),), None, (), None,
        SplitPlan(), (), (), (), (),
    )  # fmt: skip
    models = {}
    for name in ("a", "b"):
        artifacts.write(Artifact(name, "ridge", plan, {}), run / "models" / name)
        models[name] = ModelRecord("ridge", metrics={"test": {"rmse": MetricValue(1.0)}})
    pl.DataFrame(
        {"row": [0, 1, 0, 1], "model": ["a", "a", "b", "b"], "prediction": [1.5, 2.5, 3.5, 4.5]}
    ).write_parquet(run / "predictions.parquet")
    return ExportContext(run, RunRecord("x", PipelineRecord("f.mlp"), "regression", models=models, best="b"), base)


def name_of(folder) -> str:
    return json.loads((folder / "manifest.json").read_text())["name"]


def test_the_best_model_goes_beside_the_pipeline(context) -> None:
    assert artifact.export(artifact.Spec("out/model"), context) == ["out/model"]
    assert name_of(context.base / "out" / "model") == "b"
    artifact.export(artifact.Spec("out/model", model="a"), context)
    assert name_of(context.base / "out" / "model") == "a"
    assert [p.name for p in (context.base / "out").iterdir()] == ["model"]


def test_an_empty_folder_is_taken_and_anything_else_is_left(context) -> None:
    (context.base / "empty").mkdir(parents=True)
    artifact.export(artifact.Spec("empty"), context)
    (context.base / "mine").mkdir()
    (context.base / "mine" / "thesis.txt").write_text("years of work")
    (context.base / "file").write_text("x")
    for path in ("mine", "file", "."):
        with pytest.raises(MldslError) as caught:
            artifact.export(artifact.Spec(path), context)
        assert caught.value.diagnostics[0].code == "MLP0602"
    assert (context.base / "mine" / "thesis.txt").read_text() == "years of work"


def test_an_unknown_model_is_refused(context) -> None:
    with pytest.raises(MldslError) as caught:
        artifact.export(artifact.Spec("out", model="c"), context)
    assert caught.value.diagnostics[0].code == "MLP0112"


def test_a_damaged_artifact_is_not_passed_on(context) -> None:
    (context.run / "models" / "b" / "params.safetensors").write_bytes(b"")
    with pytest.raises(MldslError) as caught:
        artifact.export(artifact.Spec("out"), context)
    assert caught.value.diagnostics[0].code == "MLP0502"
    assert not (context.base / "out").exists()


@pytest.mark.parametrize(
    ("ending", "read"),
    [
        ("csv", pl.read_csv), ("parquet", pl.read_parquet), ("arrow", pl.read_ipc), ("jsonl", pl.read_ndjson),
        ("CSV", pl.read_csv),
    ],
)  # fmt: skip
def test_the_ending_chooses_the_form(context, ending, read) -> None:
    path = f"out/predictions.{ending}"
    assert predictions.export(predictions.Spec(path), context) == [path]
    assert read(context.base / path).equals(pl.read_parquet(context.run / "predictions.parquet"))
    assert len(list((context.base / "out").iterdir())) == 1


def test_predictions_of_one_model(context) -> None:
    predictions.export(predictions.Spec("p.csv", model="best"), context)
    assert pl.read_csv(context.base / "p.csv")["model"].unique().to_list() == ["b"]


@pytest.mark.parametrize("path", ["p.xlsx", "p", "folder.csv"])
def test_predictions_that_cannot_be_written(context, path) -> None:
    (context.base / "folder.csv").mkdir(parents=True)
    with pytest.raises(MldslError) as caught:
        predictions.export(predictions.Spec(path), context)
    assert caught.value.diagnostics[0].code == "MLP0602"
