"""Which run a word means."""

import os

import pytest

from mldsl.diagnostics import MldslError
from mldsl.record.find import find_run, known_runs

OLD, MIDDLE, NEW = "20260801-101500-iris-aaaa1111", "20260801-101700-iris-bbbb2222", "20260802-090000-wine-cccc3333"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs under runs/ of the current directory; what is not complete is none."""
    folder = tmp_path / "project" / "runs"
    for i, name in enumerate((OLD, MIDDLE, NEW)):
        (folder / name).mkdir(parents=True)
        (folder / name / "run.json").write_text("{}")
        os.utime(folder / name / "run.json", (1_000 + i, 1_000 + i))
    (folder / "20260803-incomplete").mkdir()
    (folder / ".partial").mkdir()
    monkeypatch.chdir(folder.parent)
    return folder


def refused(word, **named):
    with pytest.raises(MldslError) as caught:
        find_run(word, **named)
    (found,) = caught.value.diagnostics
    assert found.code == "MLP0502"
    return found


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("latest", NEW),
        ("latest~0", NEW),
        ("latest~1", MIDDLE),
        ("latest~2", OLD),
        (OLD, OLD),
        ("20260802", NEW),
        ("20260801-1015", OLD),
        (f"runs/{OLD}", OLD),
        (f"runs/{OLD}/run.json", OLD),
        ("runs", NEW),
    ],
)
def test_a_run_has_many_names(runs, word, meant) -> None:
    assert find_run(word).resolve() == runs / meant


def test_runs_of_pipelines_one_folder_down_are_found(runs, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_run("latest").resolve() == runs / NEW
    assert [r.name for r in known_runs(runs)] == [NEW, MIDDLE, OLD]


def test_a_folder_of_runs_can_be_given(runs, tmp_path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert find_run("latest", runs).name == NEW
    assert find_run("20260802", runs).name == NEW
    assert "`runs/` here" in refused("latest").message


def test_a_start_that_several_runs_share_is_refused_and_they_are_named(runs) -> None:
    found = refused("20260801")
    assert "any of 2 runs" in found.message
    assert OLD in found.notes[0]
    assert MIDDLE in found.notes[0]
    assert NEW not in found.notes[0]


def test_a_whole_id_wins_over_longer_ones(runs) -> None:
    (runs / f"{OLD}-2").mkdir()
    (runs / f"{OLD}-2" / "run.json").write_text("{}")
    assert find_run(OLD).name == OLD


def test_what_comes_near_is_suggested(runs) -> None:
    assert refused("20260801-101500-iris-aaaa1112").help == f"did you mean `{OLD}`?"
    assert refused("lastest").help == "did you mean `latest`?"
    found = refused("nothing-like-it")
    assert "latest" in found.help
    assert NEW in found.notes[0]


def test_before_the_first_run_there_is_none(runs) -> None:
    found = refused("latest~3")
    assert found.message == "there is no `latest~3`: 3 runs are under `runs/` here"
    assert found.help == "the oldest is `latest~2`"


def test_other_files_and_folders_are_not_runs(runs) -> None:
    (runs.parent / "notes.txt").write_text("x")
    (runs.parent / "empty").mkdir()
    assert "`notes.txt` is a file, but not the folder of a run" in refused("notes.txt").message
    assert "`empty` is a folder, but not the folder of a run" in refused("empty").message
