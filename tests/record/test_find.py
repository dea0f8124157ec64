"""Which run is meant: by path, id, the beginning of either part of it, `latest`, `latest~1`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mldsl.diagnostics import MldslError
from mldsl.record.find import find_run, named_or_path, runs_in, runs_near

IDS = ("20260801-142233-titanic-3fa9c1d2", "20260801-142400-titanic-3fa9c1d2-2", "20260802-090000-iris-77aa0b1c")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Two runs beside a file here, a newer one beside a file in a folder, and a folder that is no run."""
    for i, (folder, name) in enumerate(zip(("runs", "runs", "examples/runs"), IDS, strict=True)):
        run = tmp_path / folder / name
        run.mkdir(parents=True)
        (run / "run.json").write_text("{}")
        os.utime(run / "run.json", (1_000_000 + i, 1_000_000 + i))
    (tmp_path / "runs" / "20260803-000000-half-00000000").mkdir()
    (tmp_path / "runs" / ".partial").mkdir()
    (tmp_path / "notes.txt").write_text("no run")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "which"),
    [
        ("latest", 2), ("latest~0", 2), ("latest~1", 1), ("latest~2", 0), ("20260802", 2),
        ("77aa", 2), (IDS[0], 0), (IDS[1], 1), ("20260801-1424", 1),
        (f"runs/{IDS[1]}", 1), (f"runs/{IDS[1]}/run.json", 1), ("runs", 1), ("examples/runs", 2),
        ("examples/runs/2026", 2), (f"runs/{IDS[0]}", 0),
    ],
)  # fmt: skip
def test_a_run_is_found(base: Path, text: str, which: int) -> None:
    assert find_run(text, base).name == IDS[which]


def test_an_absolute_path_is_found_from_anywhere(base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert find_run(str(base / "runs" / IDS[0]), elsewhere).name == IDS[0]
    assert find_run("latest", base / "runs").name == IDS[1], "the folder of runs itself"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("20260801", "begins 2 runs"), ("3fa9", "begins 2 runs"), ("3f", "there is no run"),
        ("20260802-090000-iris-77aa0b1d", f"did you mean `{IDS[2]}`"), ("nothing", "the newest is"),
        ("runs/20260803-000000-half-00000000", "it has no `run.json`"), ("", "is not the folder of a run"),
        ("runs/.partial", "it has no `run.json`"), ("latest~3", "the oldest is `latest~2`"),
        ("lastest", "did you mean `latest`"), ("notes.txt", "is a file"),
    ],
)  # fmt: skip
def test_what_is_not_found_is_said(base: Path, text: str, words: str) -> None:
    with pytest.raises(MldslError) as caught:
        find_run(text, base)
    (found,) = caught.value.diagnostics
    assert found.code == "MLP0502"
    assert words in f"{found.message} {found.help}"


def test_runs_come_newest_first(base: Path) -> None:
    assert [run.name for run in runs_near(base)] == [IDS[2], IDS[1], IDS[0]]
    assert [run.name for run in runs_in(base / "runs")] == [IDS[1], IDS[0]]


def test_no_runs_at_all(tmp_path: Path) -> None:
    with pytest.raises(MldslError, match="there is no run under"):
        find_run("latest", tmp_path)
    assert runs_near(tmp_path / "absent") == []


def test_a_word_that_is_no_path_names_a_run(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(base)
    assert named_or_path(Path("latest"), Path()).name == IDS[2]
    assert named_or_path(Path("runs"), Path()) == Path("runs")
    assert named_or_path(Path("absent/models/a"), Path()) == Path("absent/models/a"), "its reader says what is wrong"
