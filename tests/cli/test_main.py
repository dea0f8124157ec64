"""The command line as a whole: what it imports, what it says to unknown words, how it ends."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest

from mldsl.cli import main
from mldsl.cli.commands import COMMANDS
from mldsl.diagnostics import Diagnostic, InternalError, MldslError

HEAVY = ["numpy", "jax", "jaxlib", "polars", "matplotlib", "optax", "rich", "lark", "jinja2", "safetensors"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that is filled once, since filling it takes JAX (in a child)."""
    return tmp_path_factory.mktemp("cache")


def imported(arguments: list[str], cache: Path, folder: Path) -> set[str]:
    """The modules that a command leaves in `sys.modules`."""
    program = (
        "import sys\nfrom mldsl.cli import main\n"
        f"status = main({arguments!r})\nprint(file=sys.stderr)\nprint(*sys.modules, file=sys.stderr)\nsys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", program],
        capture_output=True, text=True, check=False, cwd=folder, env={"MLDSL_CACHE_DIR": str(cache)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], ["list", "model", "--json"], ["doc", "accuracy"], ["plugins"], ["new", "plugin", "acme"]],
    ids=" ".join,
)
def test_no_array_library_is_imported(arguments: list[str], cache: Path, tmp_path: Path) -> None:
    assert imported(arguments, cache, tmp_path).isdisjoint(HEAVY)


def test_help_imports_no_command_and_no_attrs(cache: Path, tmp_path: Path) -> None:
    modules = imported(["--help"], cache, tmp_path)
    commands = {module for module, _ in COMMANDS.values()}
    assert modules.isdisjoint(commands | {"attrs", "pluggy", "importlib.metadata", "mldsl.plugin.declaration"})


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_the_table_is_there_and_documented(name: str) -> None:
    module, summary = COMMANDS[name]
    command = import_module(module).command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help
    assert len(summary) <= 60


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out and summary in out for name, (_, summary) in COMMANDS.items())
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("mldsl ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "no command `lst`; did you mean `list`"),
        (["iris.mlp"], "no command `iris.mlp`; did you mean `mldsl run iris.mlp`?"),
        (["frobnicate"], "no command `frobnicate`\n"),
        (["--frobnicate"], "No such option"),
        (["list", "--frobnicate"], "No such option"),
        (["doc"], "Missing argument"),
    ],
)
def test_wrong_usage_is_status_2(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `mldsl doc` raise."""

    def callback(**_: Any) -> None:
        raise error

    monkeypatch.setattr(import_module("mldsl.cli.doc").command, "callback", callback)


def test_a_mistake_of_the_user_is_a_message_and_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(MldslError(Diagnostic("MLP0406", "no file `x.csv`", help="look for it")), monkeypatch)
    assert main(["doc", "x"]) == 1
    err = capsys.readouterr().err
    assert "error[MLP0406]: no file `x.csv`" in err
    assert "help: look for it" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "whose"),
    [(KeyError("oops"), "a mistake of mldsl"), (InternalError("bad shape", owner="acme"), "of the plugin `acme`")],
)
def test_a_mistake_of_ours_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, whose: str
) -> None:
    raising(error, monkeypatch)
    assert main(["doc", "x"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("internal error: ")
    assert whose in err
    assert "Traceback" not in err
    assert main(["--verbose", "doc", "x"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_is_status_130(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    raising(KeyboardInterrupt(), monkeypatch)
    assert main(["doc", "x"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(cache: Path) -> None:
    command = f"{sys.executable} -c 'from mldsl.cli import main; raise SystemExit(main())' list --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, env={"MLDSL_CACHE_DIR": str(cache)}
    )
    assert done.stdout == "[\n"
    assert done.stderr == "" or "not shown here" in done.stderr


def test_completion_offers_commands_without_importing_them() -> None:
    from mldsl.cli.group import group

    found = group.shell_complete(click.Context(group), "pl")
    assert [item.value for item in found] == ["plan", "plugins"]
