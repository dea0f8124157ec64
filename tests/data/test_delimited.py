"""Delimited files as they come: encodings, compression, ends of lines, headers, ragged rows."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mldsl.data.delimited import DelimitedFile, _Shape
from mldsl.diagnostics import MldslError
from mldsl.plan import ColumnPlan

A = ColumnPlan("a", "continuous")
B = ColumnPlan("b", "text")
TEXT = "a,b\n1,naïve\n2,façade\n"


def cells(rig, **args) -> list[object]:
    return rig.load([A, B], rig.source(**args)).frame["b"].to_list()


# ---- encodings -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8"])
def test_named_encodings_are_transcoded(rig, encoding) -> None:
    rig.file(TEXT.encode(encoding))
    assert cells(rig, encoding=encoding) == ["naïve", "façade"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_needs_no_setting(rig, encoding) -> None:
    rig.file(TEXT.encode(encoding))
    assert cells(rig) == ["naïve", "façade"]


@pytest.mark.parametrize(
    ("encoding", "text", "remedy"),
    [
        ("latin-1", TEXT, "latin-1"),
        ("cp1252", "a,b\n1,x\n2,10 €\n", "cp1252"),
        ("utf-16-le", TEXT, "utf-16-le"),
        ("utf-16-be", TEXT, "utf-16-be"),
    ],
)
def test_the_wrong_encoding_names_the_right_one(rig, encoding, text, remedy) -> None:
    rig.file(text.encode(encoding))
    found = rig.problem([A, B])
    assert found.code == "MLP0407"
    assert found.help == f'write `encoding = "{remedy}"`'
    read = rig.load([A, B], rig.source(encoding=remedy))
    assert read.rows == 2


def test_the_place_of_a_byte_that_does_not_decode(rig) -> None:
    rig.file(b"a,b\n" + b"1,x\n" * 400_000 + b"1,\xe9\n")  # in the second chunk of a megabyte
    found = rig.problem([A, B])
    assert (found.code, found.notes) == ("MLP0407", ("byte 0xe9 on line 400002",))
    with pytest.raises(MldslError) as caught:
        DelimitedFile("d.csv", rig.base / "d.csv").inspect()
    assert caught.value.diagnostics[0].notes == ("byte 0xe9 on line 400002",)


def test_an_encoding_that_does_not_exist(rig) -> None:
    rig.file(TEXT)
    found = rig.problem([A, B], rig.source(encoding="latn-1"))
    assert (found.code, found.help) == ("MLP0407", "did you mean `latin-1`?")


# ---- compression -----------------------------------------------------------------------------------------------------
def test_gzip_and_zstd_are_recognised_by_their_bytes(rig) -> None:
    rig.file(gzip.compress(TEXT.encode()), "d.csv")
    assert cells(rig) == ["naïve", "façade"]
    pl.DataFrame({"a": [1, 2], "b": ["naïve", 'a "quoted"\nfaçade']}).write_csv(rig.base / "d.zst", compression="zstd")
    assert cells(rig, path="d.zst") == ["naïve", 'a "quoted"\nfaçade']
    assert rig.load([A, B], rig.source(path="d.zst")).sources[0].sha256 == _sha(rig.base / "d.zst")


def test_compressed_latin_1(rig) -> None:
    rig.file(gzip.compress(TEXT.encode("latin-1")), "d.csv.gz")
    assert cells(rig, path="d.csv.gz", encoding="latin-1") == ["naïve", "façade"]


def test_a_damaged_archive(rig) -> None:
    rig.file(gzip.compress(TEXT.encode() * 100)[:-20], "d.csv.gz")
    assert rig.problem([A, B], rig.source(path="d.csv.gz")).code == "MLP0406"


def _sha(path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- shape -----------------------------------------------------------------------------------------------------------
def test_ragged_rows_are_counted_with_their_lines(rig) -> None:
    rig.file("a,b,c\n1,x,y\n2,x\n3,x,y,z\n\n4,x,y\n5\n")
    found = rig.problem([A, B])  # `c` is not declared, and a short row is a short row all the same
    assert found.code == "MLP0408"
    assert found.message == "4 rows of `d.csv` do not have the 3 fields of the header"
    assert found.notes == ("fields found: line 3: 2; line 4: 4; line 5 is blank; line 7: 1",)


def test_short_and_long_rows_do_not_make_up_for_each_other(rig) -> None:
    rig.file("a,b,c\n1,x\n2,x,y,z\n")
    assert rig.problem([A, B]).message.startswith("2 rows")


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n\r\n"])
def test_blank_lines_at_the_end_are_no_rows(rig, end) -> None:
    rig.file("a,b\n1,x\n2,y" + end)
    assert cells(rig) == ["x", "y"]


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
def test_every_end_of_line(rig, eol) -> None:
    rig.file(eol.join(["a,b", "1,x", '2,"y, z"', ""]))
    assert cells(rig) == ["x", "y, z"]


def test_one_column_may_have_blank_rows(rig) -> None:
    rig.file("a\n1\n\n3\n")
    assert rig.load([ColumnPlan("a", "integer", missing=True)]).frame["a"].to_list() == [1, None, 3]


def test_quoted_cells(rig) -> None:
    rig.file('a,b\n1,"two\nlines, and ""quotes"""\n2,plain\n')
    assert cells(rig) == ['two\nlines, and "quotes"', "plain"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('a,b\n1,x\n2,"never\n3,y\n', "is never closed"),
        ('a,b\n1,5" pipe\n2,x\n', "quotes where none may stand"),
        ('a,b\n1,"x"y\n2,x\n', "quotes where none may stand"),
    ],
)
def test_quotes_that_do_not_fit(rig, text, says) -> None:
    rig.file(text)
    found = rig.problem([A, B])
    assert found.code == "MLP0408"
    assert says in found.message
    assert any("line" in note for note in found.notes)


def test_a_hash_of_the_bytes_on_disk(rig) -> None:
    path = rig.file(TEXT)
    assert rig.load([A, B]).sources[0].sha256 == _sha(path)


# ---- header ----------------------------------------------------------------------------------------------------------
def test_a_column_named_twice(rig) -> None:
    rig.file("a,b,a\n1,x,2\n")
    found = rig.problem([A, B])
    assert (found.code, found.notes) == ("MLP0409", ("`a`: fields 1, 3",))


def test_names_are_trimmed_and_blank_ones_numbered(rig) -> None:
    rig.file(' a , "b" ,\n1,x,2\n'.replace(' "b" ', '"b"'))
    assert DelimitedFile("d.csv", rig.base / "d.csv").names == ("a", "b", "column_3")
    assert cells(rig) == ["x"]


def test_no_header(rig) -> None:
    rig.file("1,x\n2,y\n")
    columns = [ColumnPlan("column_1", "integer"), ColumnPlan("column_2", "text")]
    read = rig.load(columns, rig.source(header=False))
    assert read.frame["column_2"].to_list() == ["x", "y"]
    rig.file("1,x\nbad,y\n")
    assert rig.problem(columns, rig.source(header=False)).notes == ('line 2: "bad"',)


def test_a_blank_first_line(rig) -> None:
    rig.file("\na,b\n1,x\n")
    assert rig.problem([A, B]).code == "MLP0408"


# ---- settings --------------------------------------------------------------------------------------------------------
def test_delimiter_decimal_and_missing_markers(rig) -> None:
    rig.file("a;b\n1,5;x\nNA;?\n-2;y\n")
    read = rig.load(
        [ColumnPlan("a", "continuous", missing=True), ColumnPlan("b", "text", missing=True)],
        rig.source(delimiter=";", decimal=",", missing=("NA", "?")),
    )
    assert read.frame["a"].to_list() == [1.5, None, -2.0]
    assert read.frame["b"].to_list() == ["x", None, "y"]


@pytest.mark.parametrize("args", [{"delimiter": ";;"}, {"delimiter": '"'}, {"decimal": "x"}, {"decimal": ","}])
def test_settings_that_cannot_be(rig, args) -> None:
    rig.file("a,b\n1,x\n")
    assert rig.problem([A, B], rig.source(**args)).code == "MLP0201"


# ---- against Python's own reader -------------------------------------------------------------------------------------
field = st.text(st.sampled_from('xé,"\n ;0'), max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(field, min_size=1, max_size=4), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 9))
def test_regular_means_that_every_record_has_that_many_fields(rows, columns, chunk) -> None:
    """The separators alone never call a file regular that Python's reader finds ragged."""
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows(rows)
    text = file.getvalue()
    shape = _Shape(columns, ",", "\n")
    data = text.encode()
    for start in range(0, len(data), chunk):
        shape.feed(data[start : start + chunk])
    shape.close()
    records = list(csv.reader(io.StringIO(text, newline="")))
    if shape.regular:
        kept = records[: len(records) - shape.blank_end] if shape.blank_end else records
        assert all(len(record) == columns or (columns == 1 and not record) for record in kept)
        lines = text.count("\n")
        assert shape.newline_in_field or len(records) == lines
    elif all(len(row) == columns for row in rows) and columns > 1:
        raise AssertionError(f"a regular file was not seen as one: {text!r}")


texts = st.text(st.sampled_from("aß,\"\n '0"), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), texts), min_size=1, max_size=8))
def test_what_is_written_is_read(rig, rows) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n").writerows([("a", "b"), *rows])
    rig.file(file.getvalue())
    read = rig.load([A, B]).frame
    assert list(read.select("a", "b").iter_rows()) == rows


# ---- two ways to read numbers ----------------------------------------------------------------------------------------
numbers = st.one_of(
    st.floats().map(repr), st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["", "NA", "1_0", "0x1", " 7", "3.0"]),
    st.text(st.sampled_from("0123456789.eE+-infa "), max_size=6),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(numbers, min_size=1, max_size=6), st.sampled_from(["continuous", "integer"]))
def test_reading_numbers_at_once_says_the_same_as_reading_them_as_text(rig, monkeypatch, cells, type_) -> None:
    from mldsl.data import table

    rig.file("a,b\n" + "".join(f"{cell},x\n" for cell in cells))
    found = []
    for quick in (table.NUMBERS, {}):
        monkeypatch.setattr(table, "NUMBERS", quick)
        try:
            found.append(rig.load([ColumnPlan("a", type_, missing=True), B]).frame["a"].to_list())
        except MldslError as error:
            found.append([(d.code, d.message, d.notes) for d in error.diagnostics])
    assert found[0] == found[1]
