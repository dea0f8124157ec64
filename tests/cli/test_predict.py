"""`mldsl predict`: every form of rows in and out, and what is said of odd ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest

WRITE = {
    "csv": pl.DataFrame.write_csv, "parquet": pl.DataFrame.write_parquet, "jsonl": pl.DataFrame.write_ndjson,
    "arrow": pl.DataFrame.write_ipc,
}  # fmt: skip
READ = {"csv": pl.read_csv, "parquet": pl.read_parquet, "jsonl": pl.read_ndjson, "arrow": pl.read_ipc}
ADDED = ["prediction", "probability_plain", "probability_fancy"]


@pytest.fixture(scope="module")
def new(project: Path) -> pl.DataFrame:
    return pl.read_csv(project / "flowers.csv").drop("kind").head(20).with_columns(note=pl.lit("mine"))


def test_without_output_rows_are_printed_as_csv(command: Any, trained: Path, new: pl.DataFrame, tmp_path: Path) -> None:
    new.write_csv(tmp_path / "new.csv")
    ended = command("predict", trained, tmp_path / "new.csv")
    assert (ended.status, ended.err) == (0, "")
    said = pl.read_csv(io.StringIO(ended.out))
    assert said.columns == [*new.columns, *ADDED]
    assert said.select(new.columns).equals(new)


@pytest.mark.parametrize("form", READ)
def test_every_form_in_and_out(form: str, command: Any, trained: Path, new: pl.DataFrame, tmp_path: Path) -> None:
    WRITE[form](new, tmp_path / f"new.{form}")
    output = tmp_path / "deep" / f"said.{form}"
    ended = command("predict", trained / "models" / "gaussian_naive_bayes", tmp_path / f"new.{form}", "-o", output)
    assert (ended.status, ended.out) == (0, "")
    assert "20 rows predicted by `gaussian_naive_bayes`" in ended.err
    said = READ[form](output)
    assert said.columns == [*new.columns, *ADDED]
    assert said.select(new.columns).equals(new)
    assert set(said["prediction"]) == {"plain", "fancy"}
    assert [p.name for p in output.parent.iterdir()] == [output.name]


def test_odd_rows_are_flagged_counted_and_answered(
    command: Any, trained: Path, new: pl.DataFrame, tmp_path: Path
) -> None:
    odd = new.with_columns(
        colour=pl.Series(["green", *new["colour"][1:]]), width=pl.Series([1.0, 99.0, *new["width"][2:]])
    )
    odd.write_csv(tmp_path / "odd.csv")
    ended = command("predict", trained, tmp_path / "odd.csv", "-o", tmp_path / "said.csv")
    assert ended.status == 0
    said = pl.read_csv(tmp_path / "said.csv")
    assert said["warning"][:3].to_list() == ["`colour` has the unseen level `green`", "`width` is outside 0..10", None]
    assert said["prediction"].null_count() == 0
    assert "2 rows are flagged in the column `warning`" in ended.err
    assert "warning[MLP0404]" in ended.err
    assert "warning[MLP0401]" in ended.err


def test_absent_columns(command: Any, trained: Path, new: pl.DataFrame, tmp_path: Path) -> None:
    new.drop("width").write_csv(tmp_path / "a.csv")
    ended = command("predict", trained, tmp_path / "a.csv", "-o", tmp_path / "said.csv")
    assert ended.status == 0
    assert "warning[MLP0413]: the column `width` is absent" in ended.err
    new.drop("length", "colour").write_csv(tmp_path / "b.csv")
    ended = command("predict", trained, tmp_path / "b.csv", "-o", tmp_path / "none.csv")
    assert ended.status == 1
    assert ended.err.count("error[MLP0413]") == 1
    assert "`colour`" in ended.err
    assert "`length`" in ended.err
    assert not (tmp_path / "none.csv").exists()


def test_what_cannot_be_read_or_written(command: Any, trained: Path, new: pl.DataFrame, tmp_path: Path) -> None:
    new.write_csv(tmp_path / "new.csv")
    for arguments, code in (
        ((trained, tmp_path / "absent.csv"), "MLP0406"),
        ((trained, tmp_path / "new.docx"), "MLP0406"),
        ((trained, tmp_path / "new.csv", "-o", tmp_path / "said.docx"), "MLP0602"),
        ((trained, tmp_path / "new.csv", "-o", tmp_path / "new.csv" / "said.csv"), "MLP0602"),
        ((tmp_path, tmp_path / "new.csv"), "MLP0502"),
        ((tmp_path / "nowhere", tmp_path / "new.csv"), "MLP0502"),
    ):
        ended = command("predict", *arguments)
        assert ended.status == 1
        assert f"error[{code}]" in ended.err
        assert ended.out == ""


def test_a_damaged_artifact_is_refused(command: Any, trained: Path, new: pl.DataFrame, tmp_path: Path) -> None:
    import shutil

    new.write_csv(tmp_path / "new.csv")
    shutil.copytree(trained / "models" / "gaussian_naive_bayes", tmp_path / "copy")
    path = tmp_path / "copy" / "params.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    ended = command("predict", tmp_path / "copy", tmp_path / "new.csv")
    assert ended.status == 1
    assert "error[MLP0502]" in ended.err
    assert "was changed after it was written" in ended.err
