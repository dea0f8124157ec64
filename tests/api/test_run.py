"""`mldsl.run`, `check`, `compile`: paths and texts, data of one's own, and how results show themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mldsl
from mldsl.source import Source

IRIS = """mlp 1
data { frame("flowers") }
features {
  species: categorical as target
  "*": continuous
}
model { gaussian_naive_bayes }
metrics {
  accuracy
  log_loss
}
"""
FLOWERS = Path(__file__).parents[2] / "examples" / "data" / "iris.csv"


@pytest.fixture(scope="module")
def flowers() -> pl.DataFrame:
    return pl.read_csv(FLOWERS)


@pytest.fixture(scope="module")
def bare(flowers: pl.DataFrame) -> Any:
    return mldsl.run(IRIS, frames={"flowers": flowers}, keep=False)


def test_keep_false_leaves_nothing(bare: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bare.folder is None
    assert bare.report() is None
    assert bare.metrics["accuracy"].value > 0.8
    assert bare.best == "gaussian_naive_bayes"


def test_text_runs_leave_their_folder_where_one_is(
    flowers: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = mldsl.run(IRIS, frames={"flowers": flowers})
    assert run.folder.parent == tmp_path / "runs"
    assert run.report() == run.folder / "report.html"


def test_kinds_of_frames_are_the_same_data(bare: Any, flowers: pl.DataFrame) -> None:
    import pandas as pd

    for frame in (flowers.to_arrow(), pd.DataFrame(flowers.to_dict(as_series=False)), flowers.to_dict(as_series=False)):
        run = mldsl.run(IRIS, frames={"flowers": frame}, keep=False)
        assert run.predictions.equals(bare.predictions)


def test_data_takes_the_place_of_the_files_source(done: Any, project: Path, rows: pl.DataFrame) -> None:
    run = mldsl.run(project / "people.mlp", data=rows, keep=False)
    assert run.record.models["logistic_regression"].metrics == done.record.models["logistic_regression"].metrics
    half = mldsl.run(project / "people.mlp", data=rows.head(100), keep=False)
    assert half.record.data.rows == 98


def test_a_frame_that_was_not_given_is_named() -> None:
    with pytest.raises(mldsl.MldslError, match="flowers"):
        mldsl.run(IRIS, keep=False)


def test_every_mistake_is_in_the_exception_with_its_source() -> None:
    with pytest.raises(mldsl.MldslError) as caught:
        mldsl.run(IRIS.replace("accuracy", "acuracy").replace("gaussian_naive_bayes", "guassian_naive_bayes"))
    assert [d.code for d in caught.value.diagnostics] == ["MLP0101", "MLP0101"]
    assert "<text>" in caught.value.sources


def test_check_and_compile(flowers: pl.DataFrame, bare: Any) -> None:
    assert mldsl.check(IRIS) == []
    (found,) = mldsl.check(IRIS.replace("accuracy", "acuracy"))
    assert found.code == "MLP0101"
    pipeline = mldsl.compile(IRIS)
    assert pipeline.text == IRIS
    assert pipeline.run(frames={"flowers": flowers}, keep=False).predictions.equals(bare.predictions)
    with pytest.raises(mldsl.MldslError, match="MLP0101"):
        mldsl.compile(Source("mine.mlp", IRIS.replace("accuracy", "acuracy")))


def test_params_are_python_values(project: Path) -> None:
    text = (project / "people.mlp").read_text()
    (found,) = mldsl.check(text, params={"l3": 1})
    assert found.code == "MLP0104"
    assert mldsl.check(text, params={"l2": 2.5}) == []


def test_unknown_models_and_reports_are_told(done: Any) -> None:
    with pytest.raises(mldsl.MldslError, match="there is no model `forest`"):
        done.model("forest")
    assert done.model("logistic_regression").name == "logistic_regression"
    (matrix,) = done.tables("confusion_matrix")
    test = done.predictions.filter(pl.col("part") == "test")
    assert matrix["rows"].sum() == pytest.approx(test["weight"].sum())


def test_a_run_shows_itself(done: Any, bare: Any) -> None:
    text = repr(done)
    assert "accuracy" in text
    assert "on the test rows" in text
    assert "\x1b[" not in text
    html = done._repr_html_()
    assert html.startswith('<div class="mldsl-run"><style>')
    assert "accuracy" in html
    assert "<svg" in html
    assert "<script" not in html
    assert "accuracy" in bare._repr_html_()


def test_the_report_page_is_named(done: Any) -> None:
    assert done.report().read_text().startswith("<!doctype html>")
