"""`mldsl new plugin`."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldsl.cli import main


def test_it_says_what_it_made_and_what_comes_next(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["new", "plugin", "acme", "--into", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"made {tmp_path / 'mldsl-acme'}" in out
    assert "  mldsl_acme/nearest_centroid.py\n" in out
    assert 'python -m pip install --editable ".[test]"' in out
    assert (tmp_path / "mldsl-acme" / "pyproject.toml").is_file()


def test_by_default_it_is_made_where_one_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "plugin", "acme"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mldsl-acme"]
    assert "  cd mldsl-acme\n" in capsys.readouterr().out


def test_a_wrong_name_is_wrong_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["new", "plugin", "core", "--into", str(tmp_path)]) == 2
    assert "`core` cannot be a plugin" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_left_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "mldsl-acme").mkdir()
    (tmp_path / "mldsl-acme" / "mine.txt").write_text("mine")
    assert main(["new", "plugin", "acme", "--into", str(tmp_path)]) == 2
    assert "is in the way" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mldsl-acme").iterdir()] == ["mine.txt"]


def test_where_it_cannot_write_it_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert main(["new", "plugin", "acme", "--into", str(tmp_path / "file" / "deep")]) == 1
    assert "cannot write to" in capsys.readouterr().err
