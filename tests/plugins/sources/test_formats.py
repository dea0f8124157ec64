"""What each format has of its own."""

from __future__ import annotations

import gzip
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from mldsl.plan import ColumnPlan


def plan(name: str, type_: str = "continuous", **more) -> ColumnPlan:
    return ColumnPlan(name, type_, **more)


# ---- JSON lines ------------------------------------------------------------------------------------------------------
def test_json_lines(rig) -> None:
    rig.file('{"a": 1, "b": "x", "v": [1, 2]}\n{"a": 2.5, "b": null}\n{"a": "bad", "v": [3, 4]}\n', "d.jsonl")
    columns = [plan("a"), plan("b", "text", missing=True), plan("v", "vector", missing=True)]
    found = rig.problem(columns, rig.source("json_lines", "d.jsonl"))
    assert (found.code, found.notes[0]) == ("MLP0402", 'line 3: "bad"')
    read = rig.load(columns[1:], rig.source("json_lines", "d.jsonl"))
    assert read.frame["b"].to_list() == ["x", None, None]
    assert read.frame["v"].to_list() == [[1.0, 2.0], None, [3.0, 4.0]]


def test_json_lines_with_blank_lines_have_rows(rig) -> None:
    rig.file('{"a": 1}\n\n{"a": "bad"}\n', "d.jsonl")
    assert rig.problem([plan("a")], rig.source("json_lines", "d.jsonl")).notes[0] == 'row 2: "bad"'


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "MLP0406", "is empty"),
        ('{"a": 1}\n{"a": \n[1]\n', "MLP0406", "2 lines of `d.jsonl` hold no JSON object"),
        ('{"a": 1, "a": 2}\n', "MLP0409", "has the key `a` twice"),
    ],
)
def test_json_lines_that_are_none(rig, text, code, says) -> None:
    rig.file(text, "d.jsonl")
    found = rig.problem([plan("a")], rig.source("json_lines", "d.jsonl"))
    assert found.code == code
    assert says in found.message


def test_json_lines_that_break_late_and_in_latin_1(rig) -> None:
    good = b'{"a": 1, "t": "' + b"x" * 80 + b'"}\n'
    rig.file(good * 20_000 + b"{broken\n", "d.jsonl")
    found = rig.problem([plan("a")], rig.source("json_lines", "d.jsonl"))
    assert (found.code, found.notes[0].partition(":")[0]) == ("MLP0406", "line 20001")
    rig.file('{"a": 1, "t": "é"}\n'.encode("latin-1"), "d.jsonl")
    assert rig.problem([plan("a")], rig.source("json_lines", "d.jsonl")).code == "MLP0407"


def test_compressed_json_lines(rig) -> None:
    rig.file(gzip.compress(b'{"a": 1}\n{"a": 2}\n'), "d.jsonl.gz")
    assert rig.load([plan("a")], rig.source("json_lines", "d.jsonl.gz")).frame["a"].to_list() == [1.0, 2.0]


# ---- Arrow and Parquet -----------------------------------------------------------------------------------------------
TABLE = pl.DataFrame({
    "n": pl.Series([1, 2], dtype=pl.Int8), "c": pl.Series(["x", "y"], dtype=pl.Categorical), "b": [True, False],
    "t": [datetime(2024, 1, 1), None],
})  # fmt: skip
COLUMNS = [plan("n"), plan("c", "categorical"), plan("b", "binary"), plan("t", "time", missing=True)]


def check_table(rig, kind: str, path: str) -> None:
    frame = rig.load(COLUMNS, rig.source(kind, path)).frame
    assert frame.select("n", "c", "b", "t").rows() == [
        (1.0, "x", "true", datetime(2024, 1, 1)), (2.0, "y", "false", None),
    ]  # fmt: skip


def test_parquet(rig) -> None:
    TABLE.write_parquet(rig.base / "d.parquet")
    check_table(rig, "parquet", "d.parquet")


def test_arrow_files_and_streams(rig) -> None:
    TABLE.write_ipc(rig.base / "d.arrow")
    TABLE.write_ipc_stream(rig.base / "d.stream")
    check_table(rig, "arrow", "d.arrow")
    check_table(rig, "arrow", "d.stream")
    rig.file(gzip.compress((rig.base / "d.arrow").read_bytes()), "d.arrow.gz")
    check_table(rig, "arrow", "d.arrow.gz")
    rig.file(b"FEA1....", "old.feather")
    assert "Feather 1" in rig.problem(COLUMNS, rig.source("arrow", "old.feather")).message


def test_a_column_twice_in_parquet(rig) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    twice = arrow.table([arrow.array([1]), arrow.array([2])], names=["a", "a"])
    parquet.write_table(twice, rig.base / "d.parquet")
    assert rig.problem([plan("a")], rig.source("parquet", "d.parquet")).code == "MLP0409"


# ---- svmlight --------------------------------------------------------------------------------------------------------
def test_svmlight(rig) -> None:
    rig.file("2 qid:7 1:0.5 3:-1 # a comment\n0 qid:7\n1 qid:8 2:1e3\n", "d.svm")
    columns = [plan("relevance", "integer", role="target"), plan("query_id", "id", role="query")]
    columns += [plan(f"f{i}") for i in (1, 2, 3, 9)]  # the ninth is in no line: all of it is 0
    frame = rig.load(columns, rig.source("svmlight", "d.svm")).frame
    assert frame["relevance"].to_list() == [2, 0, 1]
    assert frame["query_id"].to_list() == ["7", "7", "8"]
    expected = [[0.5, 0, -1, 0], [0, 0, 0, 0], [0, 1000, 0, 0]]
    np.testing.assert_array_equal(frame.select("f1", "f2", "f3", "f9").to_numpy(), expected)


def test_svmlight_from_index_0_and_without_queries(rig) -> None:
    rig.file("1 0:2 1:3\n-1\n", "d.svm")
    from mldsl.data import read_header

    source = rig.source("svmlight", "d.svm")
    assert read_header(rig.plan([], source), rig.context()) == {"data": ("relevance", "f0", "f1")}
    assert rig.load([plan("f0"), plan("f1")], source).frame["f0"].to_list() == [2.0, 0.0]


def test_svmlight_lines_of_another_form(rig) -> None:
    rig.file("1 qid:1 1:2\n\n1,2,3 4\n1 1:x\n", "d.svm")
    found = rig.problem([plan("f1")], rig.source("svmlight", "d.svm"))
    assert (found.code, found.message) == ("MLP0408", "1 line of `d.svm` does not have the form of svmlight")
    assert found.notes == ("line 3",)
    rig.file("1 1:2\n1 1:x\n", "d.svm")
    assert rig.problem([plan("f1")], rig.source("svmlight", "d.svm")).notes == ("line 2",)
    rig.file("1 1:2\nbad 1:3\n", "d.svm")
    assert rig.problem([plan("relevance", "integer")], rig.source("svmlight", "d.svm")).notes[0] == 'line 2: "bad"'


def test_svmlight_agrees_with_scikit_learn(rig, shared) -> None:
    sklearn = pytest.importorskip("sklearn.datasets")
    path = shared.base / "trec_news_2018_train.svm"
    matrix, target, query = sklearn.load_svmlight_file(str(path), query_id=True)
    columns = [plan("relevance", "integer"), plan("query_id", "integer"), *(plan(f"f{i}") for i in range(1, 6))]
    frame = shared.load(columns, shared.source("svmlight", "trec_news_2018_train.svm")).frame
    np.testing.assert_array_equal(frame.select(f"f{i}" for i in range(1, 6)).to_numpy(), matrix.toarray())
    np.testing.assert_array_equal(frame["relevance"].to_numpy(), target)
    np.testing.assert_array_equal(frame["query_id"].to_numpy(), query)


# ---- frames ----------------------------------------------------------------------------------------------------------
def frame_of(rig, value, columns=COLUMNS):
    from mldsl.data import load

    source = rig.source("frame", name="df")
    return load(rig.plan(columns, source), rig.context(frames={"df": value}))


def test_frames_of_every_maker(rig) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("pandas")
    hashes = set()
    for value in (TABLE, TABLE.lazy(), TABLE.to_arrow(), TABLE.to_pandas()):
        read = frame_of(rig, value)
        assert read.frame["c"].to_list() == ["x", "y"]
        hashes.add(read.sources[0].sha256)
        assert read.sources[0].name == "df"
    assert len(hashes) <= 2  # pandas has other types


def test_the_hash_of_a_frame_is_that_of_its_values() -> None:
    from mldsl.data.frames import sha256_of_frame

    whole = pl.DataFrame({"a": [1, 2, None], "b": ["x", None, "a longer text than fits inline"]})
    pieces = pl.concat([whole[:1], whole[1:]])
    sliced = pl.concat([whole, whole]).slice(3)
    assert len({sha256_of_frame(frame) for frame in (whole, pieces, sliced)}) == 1
    for other in (whole.rename({"a": "z"}), whole.cast({"a": pl.Int32}), whole.reverse()):
        assert sha256_of_frame(other) != sha256_of_frame(whole)


def test_frames_that_are_not_there(rig) -> None:
    found = rig.problem(COLUMNS, rig.source("frame", name="df"))
    assert (found.code, found.message) == ("MLP0406", "the calling program gives no frame `df`")
    from mldsl.data import load
    from mldsl.diagnostics import MldslError

    plan_ = rig.plan(COLUMNS, rig.source("frame", name="custmers"))
    with pytest.raises(MldslError) as caught:
        load(plan_, rig.context(frames={"customers": TABLE}))
    assert caught.value.diagnostics[0].help == "did you mean `customers`?"


def test_a_pandas_column_of_mixed_objects_is_checked_cell_by_cell(rig) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, "many", 3], "m": [1.0, 2.0, 3.0]})
    from mldsl.diagnostics import MldslError

    with pytest.raises(MldslError) as caught:
        frame_of(rig, frame, [plan("n"), plan("m")])
    found = caught.value.diagnostics[0]
    assert (found.code, found.notes[0]) == ("MLP0402", 'row 2: "many"')
