"""`mldsl verify`: a kept run, run again on the same data, in another place, and compared bit for bit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def kept(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a file that includes another from beside its folder, with a param that was given."""
    from mldsl.cli import main

    base = tmp_path_factory.mktemp("verify")
    text = (project / "flowers.mlp").read_text()
    head, _, rest = text.partition("features {")
    features, _, tail = rest.partition("}")
    (base / "shared").mkdir()
    (base / "work").mkdir()
    (base / "shared" / "columns.mlp").write_text("mlp 1\n\nfeatures {" + features + "}\n")
    (base / "work" / "f.mlp").write_text(
        head.replace("mlp 1\n", 'mlp 1\n\ninclude "../shared/columns.mlp"\n')
        + tail
        + '\nexport { predictions("p.csv") }\n'
    )
    (base / "work" / "flowers.csv").write_bytes((project / "flowers.csv").read_bytes())
    assert main(["run", str(base / "work" / "f.mlp"), "-q", "-p", "smoothing=0.125"]) == 0
    return base


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """The run folder, in a copy of everything."""
    shutil.copytree(kept, tmp_path / "moved")
    (run,) = (tmp_path / "moved" / "work" / "runs").glob("[!.]*")
    return run


def test_the_bits_agree_wherever_the_project_lies(command: Any, folder: Path) -> None:
    work = folder.parents[1]
    (work / "p.csv").unlink()
    (work / "f.mlp").write_text("mlp 1\n# the file has changed since; the run keeps its own copy\n")
    shutil.rmtree(work.parent / "shared")
    before = sorted(p for p in work.rglob("*"))
    ended = command("verify", folder)
    assert ended.err == ""
    assert ended.status == 0
    assert ended.out.endswith("the bits agree\n")
    for part in ("data", "split", "predictions", "model gaussian_naive_bayes", "metrics"):
        assert f"  {part} " in ended.out
    assert "differs" not in ended.out
    assert sorted(p for p in work.rglob("*")) == before, "nothing is left, and nothing is exported"


def test_other_data_is_said_and_nothing_is_run(command: Any, folder: Path) -> None:
    with (folder.parents[1] / "flowers.csv").open("a") as file:
        file.write("plain,red,2,20\n")
    ended = command("verify", folder, "--json")
    assert ended.status == 1
    value = json.loads(ended.out)
    assert value["agrees"] is False
    (part,) = value["parts"]
    assert part["part"] == "data"
    assert "`flowers.csv` has changed" in part["words"]


def test_data_that_lies_elsewhere_now(command: Any, folder: Path, tmp_path: Path) -> None:
    (folder.parents[1] / "flowers.csv").rename(tmp_path / "flowers.csv")
    ended = command("verify", folder)
    assert (ended.status, "error[MLP0406]" in ended.err) == (1, True)
    ended = command("verify", folder, "--base", tmp_path)
    assert (ended.status, "the bits agree" in ended.out) == (0, True)


def test_a_folder_that_was_changed_is_said(command: Any, folder: Path) -> None:
    (folder / "predictions.parquet").write_bytes(b"x")
    ended = command("verify", folder)
    assert ended.status == 1
    assert "`predictions.parquet` was changed after the run" in ended.out
    assert ended.out.rstrip().endswith("not run again: no bits were compared")


def test_what_differs_is_said_with_what_else_is_different(command: Any, folder: Path) -> None:
    """As if another version had made it: the record is not guarded by a hash of its own."""
    record = json.loads((folder / "run.json").read_text())
    record["models"]["gaussian_naive_bayes"]["metrics"]["test"]["accuracy"]["value"] = 0.5
    record["versions"]["jax"] = "0.0.1"
    record["device"]["count"] = 8
    (folder / "run.json").write_text(json.dumps(record))
    ended = command("verify", folder)
    assert ended.status == 1
    assert "metrics                     differs  gaussian_naive_bayes, test, accuracy, value: 0.5 then, 0." in ended.out
    assert "the bits do not agree" in ended.out
    assert "jax: 0.0.1 then, " in ended.out
    assert "8 cpu devices then, " in ended.out
    assert "plan:" not in ended.out


def test_a_run_that_does_not_exist(command: Any, tmp_path: Path) -> None:
    ended = command("verify", tmp_path / "nothing")
    assert (ended.status, "error[MLP0502]" in ended.err) == (1, True)
