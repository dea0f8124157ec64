"""What all file sources share: paths, globs, what cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from mldsl.data import read_header
from mldsl.plan import ColumnPlan, EnvSecret

A = ColumnPlan("a", "integer")


def write(rig, kind: str, name: str, values: list[int]) -> Path:
    frame = pl.DataFrame({"a": values, "other": [str(value) for value in values]})
    path = rig.base / name
    path.parent.mkdir(exist_ok=True, parents=True)
    if kind == "csv":
        frame.write_csv(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "json_lines":
        frame.write_ndjson(path)
    elif kind == "arrow":
        frame.write_ipc(path)
    else:
        path.write_text("".join(f"{value} 1:{value}\n" for value in values))
    return path


KINDS = ("csv", "parquet", "json_lines", "arrow", "svmlight")


def column(kind: str) -> ColumnPlan:
    return ColumnPlan("relevance" if kind == "svmlight" else "a", "integer")


@pytest.mark.parametrize("kind", KINDS)
def test_one_path_a_list_and_a_glob(rig, kind) -> None:
    write(rig, kind, "d/part-2.x", [3])
    write(rig, kind, "d/part-1.x", [1, 2])
    name = column(kind).name
    for path, expected in (
        ("d/part-1.x", [1, 2]), (("d/part-1.x",), [1, 2]), (("d/part-2.x", "d/part-1.x"), [3, 1, 2]),
        ("d/*.x", [1, 2, 3]), ("d/part-[12].x", [1, 2, 3]), (("d/part-2.x", "d/*1.x"), [3, 1, 2]),
    ):  # fmt: skip
        read = rig.load([column(kind)], rig.source(kind, path))
        assert read.frame[name].to_list() == expected, path
    assert [source.name for source in read.sources] == ["d/part-2.x", "d/part-1.x"]
    assert read.frame["__source"].to_list() == [0, 1, 1]
    assert read.frame["__row"].to_list() == [0, 0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_read(rig, kind) -> None:
    write(rig, kind, "titanic.x", [1])
    (rig.base / "folder").mkdir()
    write(rig, kind, "folder/a.x", [1])
    for path, message, help_text in (
        ("titanc.x", "`titanc.x` does not exist", "did you mean `titanic.x`?"),
        ("folder", "`folder` is a folder", "name its files: `folder/*.x`"),
        ("*.y", "no file matches `*.y`", None),
        ("nowhere/a.x", "`nowhere/a.x` does not exist", "there is no folder `nowhere`"),
    ):
        found = rig.problem([column(kind)], rig.source(kind, path))
        assert (found.code, found.message) == ("MLP0406", message)
        assert found.span is not None
        if help_text:
            assert (found.help or "").startswith(help_text)


@pytest.mark.parametrize("kind", KINDS)
def test_all_missing_files_are_named_at_once(rig, kind) -> None:
    found = rig.problems([column(kind)], rig.source(kind, ("no.x", "none.x")))
    assert [d.message for d in found] == ["`no.x` does not exist", "`none.x` does not exist"]


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_file_of_another_format(rig, kind) -> None:
    for content in (b"", b"PAR1 or not", b"a,b\n1,2\n"):
        rig.file(content, "x.bin")
        found = rig.problem([A], rig.source(kind, "x.bin"))
        assert found.code == "MLP0406", content
        assert "cannot be read as" in found.message


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read(rig) -> None:
    path = write(rig, "csv", "d.csv", [1])
    path.chmod(0)
    assert "permission denied" in rig.problem([A]).message


def test_a_path_from_the_environment_is_never_shown(rig) -> None:
    write(rig, "csv", "secret.csv", [1])
    source = rig.source("csv", EnvSecret("DATA"))
    plan = rig.plan([A], source)
    header = read_header(plan, rig.context(environ={"DATA": "secret.csv"}))
    assert header == {"data": ("a", "other")}
    from mldsl.data import load
    from mldsl.diagnostics import MldslError

    assert load(plan, rig.context(environ={"DATA": "secret.csv"})).sources[0].name == 'env("DATA")'
    with pytest.raises(MldslError) as caught:
        load(plan, rig.context(environ={"DATA": "hunter2.csv"}))
    assert "hunter2" not in repr(caught.value.diagnostics)
    with pytest.raises(MldslError) as caught:
        load(plan, rig.context(environ={}))
    assert caught.value.diagnostics[0].code == "MLP0601"


def test_only_headers_are_read_for_a_plan(rig) -> None:
    rig.file("a,other\n1,2\n", "good.csv")
    rig.file("a,other\n1\nragged,rows,x\n" + "y" * (1 << 20) + "\xff", "bad.csv")
    sources = {"train": rig.source(path="good.csv"), "test": rig.source(path="bad.csv")}
    header = read_header(rig.plan([A], sources), rig.context())
    assert header == {"train": ("a", "other"), "test": ("a", "other")}


def test_parts_with_their_own_sources(rig) -> None:
    write(rig, "csv", "train.csv", [1, 2])
    write(rig, "parquet", "test.parquet", [3])
    sources = {"train": rig.source(path="train.csv"), "test": rig.source("parquet", "test.parquet")}
    read = rig.load([A], sources)
    assert read.frame["a"].to_list() == [1, 2, 3]
    assert read.parts is not None
    assert read.parts.tolist() == ["train", "train", "test"]
    assert [source.part for source in read.sources] == ["train", "test"]


def test_a_column_that_one_file_lacks(rig) -> None:
    rig.file("a,b\n1,x\n", "one.csv")
    rig.file("a\n2\n", "two.csv")
    found = rig.problem([A, ColumnPlan("b", "text")], rig.source(path=("one.csv", "two.csv")))
    assert (found.code, found.message) == ("MLP0413", "`two.csv` lacks the column `b`")
