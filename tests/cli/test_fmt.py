"""`mldsl fmt`: in place and whole, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mldsl.cli.fmt import command

UGLY = "mlp 1\nmodel{cart( a=1)}\n"
FINE = "mlp 1\nmodel { cart(a = 1) }\n"
BROKEN = "mlp 1\nmodle { cart }\n"


def fmt(*arguments: str, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=text, standalone_mode=False)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_files_are_rewritten_in_place() -> None:
    Path("a.mlp").write_text(UGLY)
    Path("b.mlp").write_text(FINE)
    before = Path("b.mlp").stat().st_mtime_ns
    result = fmt("a.mlp", "b.mlp")
    assert (result.return_value, result.output) == (0, "1 file reformatted, 1 file left unchanged\n")
    assert Path("a.mlp").read_text() == Path("b.mlp").read_text() == FINE
    assert Path("b.mlp").stat().st_mtime_ns == before
    assert sorted(os.listdir()) == ["a.mlp", "b.mlp"]


def test_without_paths_all_pipelines_below_are_meant_but_no_records_and_nothing_hidden() -> None:
    for name in ("a.mlp", "deep/er/b.mlp", ".hidden/c.mlp", "runs/x/pipeline.mlp"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(UGLY)
    Path("runs/x/run.json").write_text("{}")
    assert fmt().output == "2 files reformatted\n"
    assert Path("deep/er/b.mlp").read_text() == FINE
    assert Path(".hidden/c.mlp").read_text() == Path("runs/x/pipeline.mlp").read_text() == UGLY


def test_of_nothing_it_says_so() -> None:
    result = fmt()
    assert (result.return_value, result.output) == (0, "no .mlp files found\n")


def test_check_names_files_and_writes_nothing() -> None:
    Path("a.mlp").write_text(UGLY)
    Path("b.mlp").write_text(FINE)
    result = fmt("--check")
    assert result.return_value == 1
    assert result.stdout == "would reformat a.mlp\n"
    assert result.stderr == "1 file would be reformatted, 1 file in canonical form\n"
    assert Path("a.mlp").read_text() == UGLY
    assert fmt("--check", "b.mlp").return_value == 0


def test_diff_shows_and_writes_nothing() -> None:
    Path("a.mlp").write_text(UGLY.rstrip("\n"))
    result = fmt("--diff")
    assert result.return_value == 1
    assert result.stdout == (
        "--- a.mlp\n+++ a.mlp\n@@ -1,2 +1,2 @@\n mlp 1\n-model{cart( a=1)}\n\\ No newline at end of file\n"
        "+model { cart(a = 1) }\n"
    )
    assert Path("a.mlp").read_text() == UGLY.rstrip("\n")


def test_standard_input_goes_to_standard_output() -> None:
    result = fmt("-", text=UGLY)
    assert (result.return_value, result.stdout, result.stderr) == (0, FINE, "")
    assert (fmt("-", "--check", text=UGLY).return_value, fmt("-", "--check", text=FINE).return_value) == (1, 0)


def test_broken_files_are_reported_and_left_while_others_are_written() -> None:
    Path("a.mlp").write_text(BROKEN)
    Path("b.mlp").write_text(UGLY)
    result = fmt()
    assert result.return_value == 1
    assert result.stdout == ""
    assert "error[MLP0002]: unknown block `modle`\n --> a.mlp:2:1\n" in result.stderr
    assert result.stderr.endswith("no data was read\n1 file reformatted, 1 file with errors\n")
    assert Path("a.mlp").read_text() == BROKEN
    assert Path("b.mlp").read_text() == FINE
    assert (fmt("-", text=BROKEN).return_value, fmt("-", text=BROKEN).stdout) == (1, "")


def test_what_is_no_text_is_said_with_its_line() -> None:
    Path("a.mlp").write_bytes(b"mlp 1\n# caf\xe9\n")
    result = fmt("a.mlp")
    assert result.return_value == 1
    assert "error[MLP0407]: `a.mlp` is not UTF-8 text" in result.stderr
    assert "line 2: the byte 0xe9" in result.stderr


def test_line_ends_modes_and_links_stay() -> None:
    Path("a.mlp").write_bytes(UGLY.replace("\n", "\r\n").encode())
    Path("a.mlp").chmod(0o640)
    Path("link.mlp").symlink_to("a.mlp")
    assert fmt("link.mlp").return_value == 0
    assert Path("link.mlp").is_symlink()
    assert Path("a.mlp").read_bytes() == FINE.replace("\n", "\r\n").encode()
    assert Path("a.mlp").stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_replaced_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    Path("a.mlp").write_text(UGLY)
    monkeypatch.setattr("os.replace", refuse)
    result = fmt("a.mlp")
    assert result.return_value == 1
    assert "error[MLP0602]: `a.mlp` cannot be written: no space left on device" in result.stderr
    assert Path("a.mlp").read_text() == UGLY
    assert os.listdir() == ["a.mlp"]


def test_it_imports_no_array_library() -> None:
    code = (
        "import sys; from mldsl.cli import main; main(['fmt', '-'])\n"
        "print([m for m in ('numpy', 'jax', 'polars', 'matplotlib', 'rich') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], input=UGLY, capture_output=True, text=True, check=True)
    assert result.stdout == FINE + "[]\n"
