"""`mldsl plan`: the rows of every part, the header only, as JSON, and what is wrong with rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mldsl.plan.json import schema


def section(text: str, title: str) -> list[str]:
    """The lines of a section, without those of the next."""
    return text.split(f"\n{title}\n")[1].split("\n\n")[0].split("\n")


def test_the_rows_of_every_part(command: Any, project: Path) -> None:
    ended = command("plan", project / "flowers.mlp")
    assert (ended.status, ended.err) == (0, "")
    lines = section(ended.out, "Rows")
    assert lines[0].split() == ["positive", "`fancy`"]
    assert lines[1].split() == ["part", "rows", "share", "plain", "fancy"]
    assert [line.split()[:3] for line in lines[2:]] == [
        ["all", "120", "100%"], ["train", "96", "80.0%"], ["test", "24", "20.0%"],
    ]  # fmt: skip
    assert len({len(line) for line in lines[1:]}) == 1, "columns are aligned"


def test_a_level_that_no_row_has_is_found(command: Any, project: Path, tmp_path: Path) -> None:
    """Where the file leaves levels open, the rows say which there are."""
    text = (project / "flowers.mlp").read_text().replace('binary("plain", "fancy")', "categorical")
    (tmp_path / "flowers.mlp").write_text(text.replace("  log_loss\n", '  recall(positive = "fance")\n'))
    (tmp_path / "flowers.csv").write_bytes((project / "flowers.csv").read_bytes())
    assert command("plan", tmp_path / "flowers.mlp", "--no-data").status == 0
    ended = command("plan", tmp_path / "flowers.mlp")
    assert ended.status == 1
    assert "error[MLP0203]" in ended.err
    assert "did you mean `fancy`?" in ended.err


def test_the_header_alone(command: Any, project: Path, tmp_path: Path) -> None:
    (tmp_path / "flowers.mlp").write_text((project / "flowers.mlp").read_text())
    (tmp_path / "flowers.csv").write_text("kind,colour,width,length\nneither,red,99,x\n")
    ended = command("plan", tmp_path / "flowers.mlp", "--no-data")
    assert ended.status == 0
    assert "\nRows\n" not in ended.out
    looked = command("plan", tmp_path / "flowers.mlp")
    assert (looked.status, looked.out) == (1, "")
    assert "error[MLP0404]" in looked.err
    assert "error[MLP0401]" in looked.err
    assert "error[MLP0402]" in looked.err


def test_a_split_that_cannot_be_is_said_as_in_a_run(command: Any, project: Path, tmp_path: Path) -> None:
    (tmp_path / "flowers.mlp").write_text((project / "flowers.mlp").read_text())
    lines = (project / "flowers.csv").read_text().splitlines()
    (tmp_path / "flowers.csv").write_text("\n".join([lines[0], *(line for line in lines[1:] if "plain" in line)]))
    said = [command(verb, tmp_path / "flowers.mlp").err for verb in ("plan", "run")]
    assert said[0] == said[1]
    assert "error[MLP0405]: all" in said[0]


@pytest.mark.parametrize("options", [[], ["--no-data"]])
def test_json_follows_its_schema(command: Any, project: Path, options: list[str]) -> None:
    plan = json.loads(command("plan", project / "flowers.mlp", "--json", *options).out)
    jsonschema.validate(plan, schema())
    if options:
        assert plan["rows"] is None
        return
    rows = plan["rows"]
    assert (rows["read"], rows["dropped"], rows["positive"]) == (120, 0, "fancy")
    assert rows["parts"]["train"]["rows"] + rows["parts"]["test"]["rows"] == 120
    assert sum(rows["parts"]["test"]["classes"].values()) == 24


def test_the_schema_refuses_other_rows() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    rows = {"$ref": "#/$defs/rows", "$defs": schema()["$defs"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"read": -1}, rows)


def test_a_run_keeps_what_the_plan_says_of_rows(command: Any, project: Path, trained: Path) -> None:
    kept = (trained / "plan.txt").read_text()
    assert section(kept, "Rows") == section(command("plan", project / "flowers.mlp").out, "Rows")
