"""Models that answer: any table in, the same kind out; every row an answer; the same bits after loading."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mldsl

pytestmark = pytest.mark.xdist_group("api_model")  # one process makes what they share

INPUTS = ["pclass", "sex", "age", "fare"]


@pytest.fixture(scope="module")
def model(done: Any) -> Any:
    return done.model()


@pytest.fixture(scope="module")
def new(rows: pl.DataFrame) -> pl.DataFrame:
    """Ten rows with inputs only, and one column that the pipeline knows nothing of."""
    return rows.select(INPUTS).head(10).with_columns(ticket=pl.int_range(10))


@pytest.fixture(scope="module")
def answers(model: Any, new: pl.DataFrame) -> pl.DataFrame:
    return model.predict(new)


def test_inputs_alone_are_needed_and_all_that_was_given_comes_back(answers: pl.DataFrame, new: pl.DataFrame) -> None:
    assert answers.columns == [*new.columns, "prediction", "probability_no", "probability_yes"]
    assert answers.select(new.columns).equals(new)
    assert set(answers["prediction"]) == {"no", "yes"}


def test_the_threshold_of_the_run_is_used(answers: pl.DataFrame, done: Any) -> None:
    at = done.record.models["logistic_regression"].threshold
    assert ((answers["probability_yes"] >= at) == (answers["prediction"] == "yes")).all()


def test_new_rows_get_what_held_out_rows_got(model: Any, done: Any, rows: pl.DataFrame) -> None:
    test = done.predictions.filter(pl.col("part") == "test")
    again = model.predict(rows.select(INPUTS)[test["row"].to_numpy()])
    np.testing.assert_allclose(again["probability_yes"], test["probability_yes"], rtol=1e-6)
    assert again["prediction"].to_list() == test["prediction"].to_list()


def test_where_does_not_filter_what_is_predicted(model: Any, rows: pl.DataFrame) -> None:
    assert model.predict(rows.select(INPUTS)).height == 130


# ---- kinds of tables -------------------------------------------------------------------------------------------------
def test_pandas_keeps_its_index_and_types(model: Any, new: pl.DataFrame, answers: pl.DataFrame) -> None:
    import pandas as pd

    given = pd.DataFrame({name: new[name].to_list() for name in new.columns}, index=[f"i{i}" for i in range(10)])
    given["sex"] = given["sex"].astype("category")
    given["when"] = pd.date_range("2020-01-01", periods=10, tz="UTC")
    before = given.copy()
    said = model.predict(given)
    assert isinstance(said, pd.DataFrame)
    assert said.index.tolist() == given.index.tolist()
    pd.testing.assert_frame_equal(said[given.columns], before)
    pd.testing.assert_frame_equal(given, before)
    np.testing.assert_array_equal(said["probability_yes"], answers["probability_yes"])
    assert said["prediction"].tolist() == answers["prediction"].to_list()


def test_arrow_tables(model: Any, new: pl.DataFrame, answers: pl.DataFrame) -> None:
    import pyarrow as pa

    said = model.predict(new.to_arrow())
    assert isinstance(said, pa.Table)
    assert said.schema.names == answers.columns
    assert pl.DataFrame(said).equals(answers)
    again = model.predict(said)
    assert again.schema.names == answers.columns, "answers of before are replaced"


def test_dictionaries(model: Any, new: pl.DataFrame, answers: pl.DataFrame) -> None:
    said = model.predict(new.to_dict(as_series=False))
    assert isinstance(said, dict)
    assert said == answers.to_dict(as_series=False)


def test_lazy_frames(model: Any, new: pl.DataFrame, answers: pl.DataFrame) -> None:
    assert model.predict(new.lazy()).equals(answers)


def test_anything_else_is_refused(model: Any) -> None:
    with pytest.raises(mldsl.MldslError, match="MLP0406"):
        model.predict([1, 2, 3])


# ---- every row an answer ---------------------------------------------------------------------------------------------
def test_what_is_odd_about_a_row_stands_beside_its_answer(model: Any, new: pl.DataFrame, answers: pl.DataFrame) -> None:
    odd = new.with_columns(
        fare=pl.Series([-5.0, *new["fare"][1:]]),
        sex=pl.Series([new["sex"][0], "other", *new["sex"][2:]]),
        age=pl.Series([*new["age"][:2], 400.0, *new["age"][3:]]),
        pclass=pl.Series([*new["pclass"][:3], "crew", *new["pclass"][4:]]),
    )
    said = model.predict(odd)
    warnings = said["warning"].to_list()
    assert warnings[0] == "`fare` is outside 0..1000"
    assert warnings[1] == "`sex` has the unseen level `other`"
    assert warnings[2] == "`age` is outside 0..100"
    assert warnings[3] == "`pclass` has the unseen level `crew`"
    assert warnings[4:] == [None] * 6
    assert said["probability_yes"].is_finite().all()
    assert said["prediction"].null_count() == 0
    assert said[4:].drop("warning").equals(answers[4:]), "odd rows do not touch the others"


def test_missing_cells_and_words_among_numbers_are_answered(model: Any, new: pl.DataFrame) -> None:
    odd = new.with_columns(
        fare=pl.Series(["many", None, *new["fare"][2:].cast(pl.String)]), sex=pl.Series([*new["sex"][:9], None])
    )
    said = model.predict(odd)
    assert said["warning"][0] == "`fare` is not continuous"
    assert said["warning"][1] == "`fare` is missing"
    assert said["warning"][9] == "`sex` is missing"
    assert said["probability_yes"].is_finite().all()


def test_a_column_that_may_be_missing_may_be_absent(model: Any, new: pl.DataFrame) -> None:
    with pytest.warns(UserWarning, match="the column `age` is absent; all of its values count as missing"):
        without = model.predict(new.drop("age"))
    null = model.predict(new.with_columns(age=pl.lit(None, pl.Float64)))
    assert without["probability_yes"].equals(null["probability_yes"])


def test_other_absent_columns_are_named_in_one_message(model: Any, new: pl.DataFrame) -> None:
    with pytest.raises(mldsl.MldslError, match="MLP0413") as caught:
        model.predict(new.drop("fare", "sex"))
    text = str([(d.message, d.notes) for d in caught.value.diagnostics])
    assert "fare" in text
    assert "sex" in text


def test_no_rows_give_no_answers(model: Any, new: pl.DataFrame) -> None:
    assert model.predict(new.head(0)).height == 0


# ---- loading ---------------------------------------------------------------------------------------------------------
def test_a_loaded_model_gives_the_same_bits(done: Any, new: pl.DataFrame, answers: pl.DataFrame) -> None:
    for path in (done.folder, done.folder / "models" / "logistic_regression", str(done.folder)):
        model = mldsl.load(path)
        assert model.predict(new).equals(answers)
    assert (model.name, model.algorithm) == ("logistic_regression", "logistic_regression")
    assert "classification of lived from pclass, sex, age, fare" in repr(model)
    for mine, theirs in zip(model.params, done.model().params, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert model.info.converged == done.model().info.converged


def test_a_fresh_process_gives_the_same_bits(
    done: Any, new: pl.DataFrame, answers: pl.DataFrame, tmp_path: Path
) -> None:
    new.write_parquet(tmp_path / "new.parquet")
    script = (
        "import sys, polars as pl, mldsl\n"
        "said = mldsl.load(sys.argv[1]).predict(pl.read_parquet(sys.argv[2]))\n"
        "said.write_parquet(sys.argv[3])\n"
    )
    paths = [str(done.folder), str(tmp_path / "new.parquet"), str(tmp_path / "said.parquet")]
    subprocess.run([sys.executable, "-W", "error", "-c", script, *paths], check=True, capture_output=True)
    assert pl.read_parquet(tmp_path / "said.parquet").equals(answers)


@pytest.mark.parametrize("name", ["manifest.json", "params.safetensors", "info.safetensors"])
def test_a_damaged_artifact_is_refused(name: str, done: Any, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(done.folder / "models" / "logistic_regression", copy)
    content = bytearray((copy / name).read_bytes())
    content[-40] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(mldsl.MldslError, match="MLP0502"):
        mldsl.load(copy)


def test_what_is_no_artifact_is_refused(tmp_path: Path, done: Any) -> None:
    for path in (tmp_path, tmp_path / "absent", done.folder / "reports"):
        with pytest.raises(mldsl.MldslError, match="MLP0502"):
            mldsl.load(path)


def test_a_newer_artifact_is_refused(done: Any, tmp_path: Path) -> None:
    value = json.loads((done.folder / "models" / "logistic_regression" / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**value, "format_version": "2.0"}))
    with pytest.raises(mldsl.MldslError, match="MLP0503"):
        mldsl.load(tmp_path)


# ---- measuring again -------------------------------------------------------------------------------------------------
def test_evaluating_the_test_rows_gives_the_metrics_of_the_run(model: Any, done: Any, rows: pl.DataFrame) -> None:
    test = done.predictions.filter(pl.col("part") == "test")["row"].to_numpy()
    again = model.evaluate(rows[test])
    for name, value in done.metrics.items():
        assert again[name].value == pytest.approx(value.value, rel=1e-5)
        assert again[name].low <= again[name].value <= again[name].high


def test_where_applies_to_evaluation(model: Any, rows: pl.DataFrame) -> None:
    kept, all_ = rows.filter(pl.col("fare") < 900), rows
    assert model.evaluate(all_)["log_loss"].value == pytest.approx(model.evaluate(kept)["log_loss"].value, rel=1e-6)


def test_labels_are_needed_to_evaluate(model: Any, rows: pl.DataFrame) -> None:
    with pytest.raises(mldsl.MldslError, match="MLP0413"):
        model.evaluate(rows.drop("lived"))
