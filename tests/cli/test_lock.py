"""`mldsl lock` and `--locked`: written, checked, held to before data is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mldsl.plugin.lock import read_lock


@pytest.fixture
def locked(command: Any, project: Path, tmp_path: Path) -> Path:
    """A copy of the project with its lock file, and no data."""
    (tmp_path / "flowers.mlp").write_text((project / "flowers.mlp").read_text())
    assert command("lock", tmp_path / "flowers.mlp").out == f"{tmp_path / 'mldsl.lock'}: added core 0.1.0\n"
    return tmp_path


def spoil(folder: Path, old: str = 'version = "0.1.0"', new: str = 'version = "0.0.9"') -> None:
    path = folder / "mldsl.lock"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_it_is_written_once_and_checked(command: Any, locked: Path) -> None:
    text = (locked / "mldsl.lock").read_text()
    again = command("lock", locked / "flowers.mlp")
    assert (again.status, "nothing to change" in again.out) == (0, True)
    assert (locked / "mldsl.lock").read_text() == text
    assert command("lock", "--check", locked / "flowers.mlp").status == 0
    spoil(locked)
    ended = command("lock", "--check", locked / "flowers.mlp")
    assert ended.status == 1
    assert "error[MLP0501]: `mldsl.lock` names `core` 0.0.9, and 0.1.0 is installed" in ended.err
    assert "core 0.0.9 -> 0.1.0" in command("lock", locked / "flowers.mlp").out
    assert (locked / "mldsl.lock").read_text() == text


def test_several_files_share_it(command: Any, locked: Path) -> None:
    (locked / "more.mlp").write_text((locked / "flowers.mlp").read_text())
    assert command("lock", locked / "flowers.mlp", locked / "more.mlp").status == 0
    assert read_lock(locked / "mldsl.lock").plugins[0].pipelines == ("flowers.mlp", "more.mlp")
    (locked / "flowers.mlp").unlink()
    command("lock", locked / "more.mlp")
    assert read_lock(locked / "mldsl.lock").plugins[0].pipelines == ("more.mlp",)


def test_a_param_without_value_is_no_matter_of_plugins(command: Any, locked: Path) -> None:
    text = (locked / "flowers.mlp").read_text()
    (locked / "flowers.mlp").write_text(text.replace("number = 1e-9", "number"))
    assert command("lock", "--check", locked / "flowers.mlp").status == 0


def test_a_file_with_mistakes_is_not_locked(command: Any, locked: Path) -> None:
    (locked / "flowers.mlp").write_text("mlp 1\nmodle { x }\n")
    ended = command("lock", locked / "flowers.mlp")
    assert (ended.status, "MLP0002" in ended.err) == (1, True)


@pytest.mark.parametrize("verb", ["run", "plan"])
def test_locked_refuses_before_data_is_looked_at(command: Any, locked: Path, verb: str) -> None:
    spoil(locked)
    ended = command(verb, locked / "flowers.mlp", "--locked")
    assert ended.status == 1
    assert "MLP0501" in ended.err
    assert "MLP0406" not in ended.err, "the data is not there, and nobody asked for it"
    (locked / "mldsl.lock").unlink()
    ended = command(verb, locked / "flowers.mlp", "--locked")
    assert (ended.status, "there is no" in ended.err) == (1, True)


def test_a_run_keeps_what_it_was_made_with_and_predict_holds_to_it(
    command: Any, locked: Path, project: Path, tmp_path: Path
) -> None:
    (locked / "flowers.csv").write_bytes((project / "flowers.csv").read_bytes())
    ended = command("run", locked / "flowers.mlp", "--locked", "-q")
    assert ended.status == 0, ended.err
    (run,) = (locked / "runs").glob("[!.]*")
    assert (run / "mldsl.lock").read_text() == (locked / "mldsl.lock").read_text()
    for artifact in (run, run / "models" / "gaussian_naive_bayes"):
        assert command("predict", artifact, locked / "flowers.csv", "--locked").status == 0
    spoil(run)
    ended = command("predict", run, locked / "flowers.csv", "--locked")
    assert ended.status == 1
    assert "error[MLP0501]: `mldsl.lock` names `core` 0.0.9" in ended.err
    assert "run the pipeline again" in ended.err
