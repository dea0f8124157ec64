"""Differences between arrays and between run folders, in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from mldsl.cli import main
from mldsl.record.agreement import compare_folders, difference

TEXT = """mlp 1
data { csv("t.csv") }
features {
  y: binary("no", "yes") as target
  x, z: continuous
}
model { gaussian_naive_bayes }
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("agreement")
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, 60))
    pl.DataFrame({"y": np.where(x > 0, "yes", "no"), "x": x, "z": z}).write_csv(base / "t.csv")
    (base / "t.mlp").write_text(TEXT)
    assert main(["run", str(base / "t.mlp"), "-q"]) == 0
    (folder,) = (base / "runs").glob("[!.]*")
    return folder


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ([1.0, 2.0], [1.0, 2.0], ""),
        ([np.nan, 0.0], [np.nan, 0.0], ""),
        ([1.0, 2.0, 4.0], [1.0, 2.0, 4.5], "differs in 1 of 3 values, by 0.5 at most (0.11 of its size)"),
        ([0.0], [-0.0], "differs in 1 of 1 value, by 0 at most (0 of its size)"),
        ([1.0], [np.nan], "differs in 1 of 1 value, 1 then and nan now"),
        ([1.0], [1.0, 2.0], "is float64[1] then, float64[2] now"),
        ([True, False], [True, True], "differs in 1 of 2 values"),
        (["a", "b"], ["a", "c"], "differs in 1 of 2 values"),
        ([1], [1.0], "is int64[1] then, float64[1] now"),
    ],
)  # fmt: skip
def test_how_arrays_differ(before: list[object], after: list[object], words: str) -> None:
    arrays = [np.array(v, dtype=object if isinstance(v[0], str) else None) for v in (before, after)]
    assert difference(arrays[0], arrays[1]) == words


def test_a_number_of_no_axis() -> None:
    assert difference(np.float32(1), np.float32(1)) == ""
    assert difference(np.array(1, np.int32), np.array(2, np.int32)).startswith("differs in 1 of 1 value")


def _metric(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text())
    cell = record["models"]["gaussian_naive_bayes"]["metrics"]["test"]["accuracy"]
    cell["value"] = np.nextafter(cell["value"], 2)
    (folder / "run.json").write_text(json.dumps(record))


def _array(folder: Path) -> None:
    path = folder / "models" / "gaussian_naive_bayes" / "params.safetensors"
    arrays = load_file(path)
    name = next(n for n, a in arrays.items() if a.dtype.kind == "f" and a.size > 1)
    arrays[name] = np.nextafter(arrays[name], np.float32(9))
    save_file(arrays, path)


def _predictions(folder: Path) -> None:
    path = folder / "predictions.parquet"
    frame = pl.read_parquet(path)
    frame.with_columns(pl.col("probability_yes") * 0.5).write_parquet(path)


def _rows(folder: Path) -> None:
    path = folder / "split.parquet"
    pl.read_parquet(path).head(-1).write_parquet(path)


def _column(folder: Path) -> None:
    path = folder / "split.parquet"
    pl.read_parquet(path).drop("weight").write_parquet(path)


def _nothing(folder: Path) -> None:
    path = folder / "split.parquet"
    pl.read_parquet(path).with_columns(fold=pl.lit(1, pl.Int32)).write_parquet(path)


@pytest.mark.parametrize(
    ("change", "part", "words"),
    [
        (_metric, "metrics", "gaussian_naive_bayes, test, accuracy, value: "),
        (_array, "model gaussian_naive_bayes", "params: `log_prior` differs in 2 of 2 values, by "),
        (_predictions, "predictions", "`probability_yes` differs in 12 of 12 values, by "),
        (_rows, "split", "60 rows then, 59 now"),
        (_column, "split", "the columns differ: `weight`"),
        (_nothing, "split", "`fold` is missing in other rows"),
    ],
)  # fmt: skip
def test_what_differs_is_found_and_nothing_else(
    change: Callable[[Path], None], part: str, words: str, kept: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(kept, other)
    assert all(finding.same for finding in compare_folders(kept, other))
    change(other)
    (found,) = [finding for finding in compare_folders(kept, other) if not finding.same]
    assert found.part == part
    assert found.words.startswith(words)


def test_seconds_and_ids_are_no_results(kept: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(kept, other)
    record = json.loads((kept / "run.json").read_text())
    record["id"], record["versions"] = "another", {"jax": "0"}
    record["models"]["gaussian_naive_bayes"]["seconds"] = {"fit": 99.0}
    (other / "run.json").write_text(json.dumps(record))
    assert all(finding.same for finding in compare_folders(kept, other))
