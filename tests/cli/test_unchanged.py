"""A run of which nothing has changed is answered from its folder; whatever changed, or is gone, is run again."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

SAID = "nothing has changed since"


@pytest.fixture
def kept(command: Any, project: Path, tmp_path: Path) -> Path:
    """A copy of the project with one run and an export."""
    text = (project / "flowers.mlp").read_text() + '\nexport { predictions("out/said.csv") }\n'
    (tmp_path / "flowers.mlp").write_text(text)
    (tmp_path / "flowers.csv").write_bytes((project / "flowers.csv").read_bytes())
    ended = command("run", tmp_path / "flowers.mlp", "-q")
    assert (ended.status, ended.err) == (0, "")
    return tmp_path


def runs(folder: Path) -> list[Path]:
    """The run folders, the oldest first."""
    return sorted((folder / "runs").glob("[!.]*"), key=lambda run: run.stat().st_mtime_ns)


def test_it_is_answered_from_its_folder(command: Any, kept: Path) -> None:
    first = command("run", kept / "flowers.mlp", "--force")
    again = command("run", kept / "flowers.mlp")
    assert again.status == 0
    assert f"{SAID} {runs(kept)[-1]}; --force runs it again" in again.err
    assert again.out == first.out, "the same summary, of the same folder"
    assert len(runs(kept)) == 2, "the first, and the forced one"
    record = command("run", kept / "flowers.mlp", "--json")
    assert record.out == (runs(kept)[-1] / "run.json").read_text()


def test_a_missed_gate_is_missed_again(command: Any, project: Path, tmp_path: Path) -> None:
    for _ in range(2):
        ended = command("run", project / "strict.mlp", "-q", "--runs-dir", tmp_path)
        assert ended.status == 3
    assert SAID in ended.err


def test_time_stamps_mean_nothing(command: Any, kept: Path) -> None:
    os.utime(kept / "flowers.csv", (time.time() + 9, time.time() + 9))
    (kept / "flowers.mlp").touch()
    assert SAID in command("run", kept / "flowers.mlp", "-q").err


@pytest.mark.parametrize("what", ["file", "data", "same size", "param", "device", "unkept"])
def test_what_changes_a_result_is_run_again(what: str, command: Any, kept: Path) -> None:
    more: list[object] = []
    if what == "file":
        (kept / "flowers.mlp").write_text((kept / "flowers.mlp").read_text() + "# more\n")
    elif what == "data":
        with (kept / "flowers.csv").open("a") as file:
            file.write("plain,red,2,20\n")
    elif what == "same size":
        text = (kept / "flowers.csv").read_text()
        swapped = text.replace("plain,red", "plain,xed", 1)
        assert len(text) == len(swapped) != 0
        assert text != swapped
        (kept / "flowers.csv").write_text(swapped)
    elif what == "param":
        more = ["-p", "smoothing=0.25"]
    elif what == "device":
        more = ["--device", "cpu"]
    elif what == "unkept":
        (kept / "runs" / ".index").rename(kept / "index")
    ended = command("run", kept / "flowers.mlp", "-q", *more)
    assert (ended.status, ended.err) == (0, "")
    assert len(runs(kept)) == 2
    again = command("run", kept / "flowers.mlp", "-q", *more)
    assert f"{SAID} {runs(kept)[1]}" in again.err


DAMAGE = {
    "record": lambda run: (run / "run.json").unlink(),
    "half a record": lambda run: (run / "run.json").write_text((run / "run.json").read_text()[:300]),
    "model": lambda run: (run / "models" / "gaussian_naive_bayes" / "params.safetensors").write_bytes(b"x"),
    "predictions": lambda run: (run / "predictions.parquet").unlink(),
    "report": lambda run: (run / "reports" / "confusion_matrix.json").write_text("{}"),
    "page": lambda run: (run / "report.html").unlink(),
    "export": lambda run: (run.parents[1] / "out" / "said.csv").unlink(),
    "another export": lambda run: (run.parents[1] / "out" / "said.csv").write_text("of another run"),
    "note": lambda run: next((run.parent / ".index").glob("*.json")).write_text("[]"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_damaged_or_gone_is_not_trusted(what: str, command: Any, kept: Path) -> None:
    said = (kept / "out" / "said.csv").read_bytes()
    DAMAGE[what](runs(kept)[0])
    ended = command("run", kept / "flowers.mlp", "-q")
    assert (ended.status, ended.err) == (0, "")
    assert len(runs(kept)) == 2
    assert (kept / "out" / "said.csv").read_bytes() == said


def test_a_run_that_was_rendered_anew_is_as_it_was(command: Any, kept: Path) -> None:
    (run,) = runs(kept)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    printed = command("run", kept / "flowers.mlp").out
    for path in (run / "reports").glob("*.[cs][sv][vg]"):
        path.unlink()
    (run / "report.html").unlink()
    assert command("report", run, "--render").out == printed
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert SAID in command("run", kept / "flowers.mlp", "-q").err


def test_plan_says_what_is_kept_and_what_is_not(command: Any, kept: Path) -> None:
    def said() -> str:
        out = command("plan", kept / "flowers.mlp").out
        return " ".join(out.split("\nKept\n")[1].split("\n\n")[0].split()) if "\nKept\n" in out else ""

    (run,) = runs(kept)
    file, text = kept / "flowers.mlp", (kept / "flowers.mlp").read_text()
    assert said() == f"run nothing has changed since {run.name}, which answers"
    file.write_text(text.replace("log_loss", "f1"))
    assert said() == f"gaussian_naive_bayes its fits are those of {run.name}"
    file.write_text(text.replace("impute(mean)", "impute(median)"))
    assert said() == f"gaussian_naive_bayes is trained: the model or its steps changed since {run.name}"
    file.write_text(text.replace("model {", "model other {"))
    assert said() == "other is trained: nothing of it is kept"
    file.write_text(text)
    with (kept / "flowers.csv").open("a") as rows:
        rows.write("plain,red,2,20\n")
    assert said() == f"gaussian_naive_bayes is trained: the data changed, the split changed since {run.name}"
    command("plan", file, "--no-data")
    (kept / "runs").rename(kept / "gone")
    assert said() == ""


def test_the_summary_says_whose_fits_it_shows(command: Any, kept: Path) -> None:
    (run,) = runs(kept)
    (kept / "flowers.mlp").write_text((kept / "flowers.mlp").read_text().replace("log_loss", "f1"))
    ended = command("run", kept / "flowers.mlp")
    assert f"fits      those of {run.name}: nothing was trained" in ended.out
    assert f"those of {run.name}: nothing was trained" in (runs(kept)[1] / "report.html").read_text()
    assert "fits" not in command("run", kept / "flowers.mlp", "--force").out


def test_the_cache_is_shown_and_cleared(
    command: Any, kept: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLDSL_CACHE_DIR", str(tmp_path_factory.mktemp("cache") / "none"))
    monkeypatch.chdir(kept)
    ended = command("cache")
    assert [line.split()[0] for line in ended.out.splitlines()] == ["runs/.index", "runs/.stages"]
    monkeypatch.chdir(kept.parent)
    assert f"{kept.name}/runs/.stages" in command("cache").out
    monkeypatch.chdir(kept)
    assert command("cache", "--clear").out.endswith("cleared\n")
    assert command("cache").out == "nothing is kept\n"
    assert len(runs(kept)) == 1, "runs are no cache"
    assert command("run", kept / "flowers.mlp", "-q").err == ""


def test_other_files_in_the_folder_do_no_harm(command: Any, kept: Path) -> None:
    (runs(kept)[0] / "notes.txt").write_text("mine")
    assert SAID in command("run", kept / "flowers.mlp", "-q").err


def test_python_gets_the_same_answers(kept: Path) -> None:
    import polars as pl

    import mldsl

    fresh = mldsl.run(kept / "flowers.mlp", force=True)
    again = mldsl.run(kept / "flowers.mlp")
    assert (fresh.unchanged, again.unchanged) == (False, True)
    assert again.folder == fresh.folder
    assert again.metrics == fresh.metrics
    assert again.predictions.equals(fresh.predictions)
    assert again.tables("confusion_matrix")[0].equals(fresh.tables("confusion_matrix")[0])
    rows = pl.read_csv(kept / "flowers.csv")
    assert again.model().predict(rows).equals(fresh.model().predict(rows))
    assert repr(again) == repr(fresh)


def test_a_table_of_python_is_known_by_its_contents(tmp_path: Path) -> None:
    import polars as pl

    import mldsl

    text = 'mlp 1\ndata { frame("t") }\nfeatures {\n  y: continuous as target\n  x: continuous\n}\nmodel { ridge }\n'
    table = pl.DataFrame({"x": [float(i % 7) for i in range(40)], "y": [float(i % 5) for i in range(40)]})
    first = mldsl.run(text, frames={"t": table}, runs_dir=tmp_path)
    assert mldsl.run(text, frames={"t": table.clone()}, runs_dir=tmp_path).folder == first.folder
    other = mldsl.run(text, frames={"t": table.with_columns(pl.col("x") + 1)}, runs_dir=tmp_path)
    assert not other.unchanged
