"""`mldsl ast`: the tree for people and programs, and text from a tree."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from mldsl.cli.ast import command
from mldsl.diagnostics import MldslError

TEXT = """\
mlp 1

# one hidden layer is enough
model forest { cart(a = -1 ^ $b, "x") }

features { age, `b c`: binary("n", "y")? in 0..20% as target }

metrics { f1 >= 0.5 as primary }
"""
TREE = """\
program <stdin>
  edition 1
  model forest  4:1
    component cart  4:16
      named a  4:21
        value: negate  4:25
          operand: power  4:26
            left: number 1  4:26
            right: param_ref $b  4:30
      string "x"  4:34
  features  6:1
    feature as target  6:12
      columns  6:12
        column `age`  6:12
        column `b c`  6:17
      type binary ?  6:24
        string "n"  6:31
        string "y"  6:36
      range  6:45
        low: number 0  6:45
        high: quantity 20%  6:48
  metrics  8:1
    metric >= as primary  8:11
      component f1  8:11
      bound: number 0.5  8:17
"""


def ast(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=text, standalone_mode=False)


def test_the_tree_as_text() -> None:
    result = ast("-", text=TEXT)
    assert (result.return_value, result.stdout, result.stderr) == (0, TREE, "")


def test_there_and_back() -> None:
    data = ast("-", "--json", text=TEXT).stdout
    assert json.loads(data)["format_version"] == "1.0"
    assert json.loads(data)["items"][0]["doc"] == "one hidden layer is enough"
    assert ast("--from-json", "-", text=data).stdout == TEXT


def test_what_parses_is_printed_and_errors_are_said() -> None:
    result = ast("-", "--json", text="mlp 1\nmodel { cart }\nsplit { a = }\n")
    assert result.return_value == 1
    assert [item["kind"] for item in json.loads(result.stdout)["items"]] == ["model", "split"]
    assert "error[MLP0008]" in result.stderr


def test_the_schema_is_printed() -> None:
    assert json.loads(ast("--schema").stdout)["title"] == "The syntax tree of an .mlp file"


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"items": 3}', "null"])
def test_what_is_no_tree_is_refused(text: str) -> None:
    result = ast("--from-json", "-", text=text)
    assert isinstance(result.exception, MldslError)
    assert [d.code for d in result.exception.diagnostics] == ["MLP0001"]


@pytest.mark.parametrize("arguments", [[], ["-", "--schema"]])
def test_one_thing_is_asked_for(arguments: list[str]) -> None:
    assert isinstance(ast(*arguments, text="").exception, click.UsageError)


def test_a_file_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.mlp"
    path.write_text("mlp 1\n")
    assert ast(str(path)).stdout == f"program {path}\n  edition 1\n"
