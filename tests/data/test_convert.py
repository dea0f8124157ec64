"""Cells of any type to the canonical type of the declared one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from mldsl.data.convert import BAD, CANONICAL, convert, converted, fixed_width
from mldsl.data.moments import iso_8601, written_form
from mldsl.plan import ColumnPlan


def both(type_: str, values: pl.Series, form: str | None = None, lenient: bool = False, decimal: str = "."):
    """(canonical values, places of cells that do not fit)"""
    column = ColumnPlan("x", type_, form=form)
    conversion = convert(column, values.dtype, lenient=lenient, decimal=decimal)
    frame = converted(values.alias("x").to_frame().lazy(), {column: conversion}).collect()
    marks = frame[BAD + "x"].fill_null(False) if BAD + "x" in frame.columns else pl.Series([False] * len(values))
    assert frame["x"].dtype == CANONICAL.get(type_, frame["x"].dtype)
    return frame["x"].to_list(), marks.arg_true().to_list()


TEXT = pl.Series(["1", "-2.5", "1e3", "+4", ".5", "nan", None, "x", " 7 ", "1_000", "0x1F", "3.0", ""])


def test_numbers_in_text() -> None:
    values, wrong = both("continuous", TEXT)
    assert values == [1.0, -2.5, 1000.0, 4.0, 0.5, None, None, None, None, None, None, 3.0, None]
    assert [TEXT[i] for i in wrong] == ["x", " 7 ", "1_000", "0x1F", ""]
    values, wrong = both("continuous", TEXT, lenient=True)
    assert [TEXT[i] for i in wrong] == ["x", "1_000", "0x1F"]
    assert values[8] == 7.0


def test_whole_numbers_in_text() -> None:
    values, wrong = both("integer", TEXT, lenient=True)
    assert values == [1, None, 1000, 4, None, None, None, None, 7, None, None, 3, None]
    assert [TEXT[i] for i in wrong] == ["-2.5", ".5", "x", "1_000", "0x1F"]
    huge = pl.Series(["9007199254740993", "1e300", "99999999999999999999"])
    assert both("integer", huge, lenient=True) == ([9007199254740993, None, None], [1, 2])


def test_a_decimal_comma() -> None:
    assert both("continuous", pl.Series(["1,5", "2", "-0,25"]), decimal=",") == ([1.5, 2.0, -0.25], [])


def test_typed_numbers() -> None:
    floats = pl.Series([1.0, 2.5, float("nan"), None, float("inf")])
    assert both("continuous", floats) == ([1.0, 2.5, None, None, float("inf")], [])
    assert both("integer", floats) == ([1, None, None, None, None], [1, 4])
    assert both("categorical", floats) == (["1", "2.5", None, None, "inf"], [])
    whole = pl.Series([1, 2, None], dtype=pl.UInt8)
    assert both("continuous", whole) == ([1.0, 2.0, None], [])
    assert both("ordinal", whole) == (["1", "2", None], [])
    assert both("integer", pl.Series([2**63], dtype=pl.UInt64)) == ([None], [0])
    assert both("continuous", pl.Series(["1.5"]).cast(pl.Decimal(4, 2))) == ([1.5], [])


def test_truth_values_are_levels_and_no_numbers() -> None:
    truths = pl.Series([True, None, False])
    assert both("binary", truths) == (["true", None, "false"], [])
    assert both("continuous", truths) == ([None, None, None], [0, 2])


def test_categories_are_their_text() -> None:
    assert both("categorical", pl.Series(["b", "a", None], dtype=pl.Categorical)) == (["b", "a", None], [])
    assert both("integer", pl.Series(["2", "a", None], dtype=pl.Categorical)) == ([2, None, None], [1])


def test_a_column_without_type_is_missing() -> None:
    for type_ in ("continuous", "text", "time", "binary", "vector"):
        assert both(type_, pl.Series([None, None])) == ([None, None], [])


def test_times_of_every_kind() -> None:
    noon = datetime(2024, 3, 1, 12)
    for values, form in (
        (pl.Series([noon]), None),
        (pl.Series([noon.replace(tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin"), None),
        (pl.Series(["2024-03-01T12:00:00"]), None),
        (pl.Series(["2024-03-01 12:00:00"]), None),
        (pl.Series(["1.3.2024 12:00"]), "%d.%m.%Y %H:%M"),
        (pl.Series(["1709294400"]), "seconds"),
        (pl.Series([1709294400]), "seconds"),
        (pl.Series([1709294400000.0]), "milliseconds"),
    ):
        assert both("time", values, form) == ([noon], []), values
    assert both("time", pl.Series([date(2024, 3, 1)])) == ([datetime(2024, 3, 1)], [])
    assert both("time", pl.Series([1709294400])) == ([None], [0])  # a number of what?


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-01", datetime(2024, 3, 1)),
        ("2024-03-01T12:30", datetime(2024, 3, 1, 12, 30)),
        ("2024-03-01 12", datetime(2024, 3, 1, 12)),
        ("2024-03-01T12:30:15.25", datetime(2024, 3, 1, 12, 30, 15, 250_000)),
        ("2024-03-01T12:30:15Z", datetime(2024, 3, 1, 12, 30, 15)),
        ("2024-03-01t12:30z", datetime(2024, 3, 1, 12, 30)),
        ("2024-03-01 12:30:00+02:00", datetime(2024, 3, 1, 10, 30)),
        ("2024-03-01T12:30-0330", datetime(2024, 3, 1, 16, 0)),
        ("2024-03-01T12+02", datetime(2024, 3, 1, 10)),
        ("20240301", datetime(2024, 3, 1)),
        ("20240301T123015", datetime(2024, 3, 1, 12, 30, 15)),
        ("2024-03", datetime(2024, 3, 1)),
        ("2023-02-29", None),
        ("2024-13-01", None),
        ("01.03.2024", None),
        ("soon", None),
        ("", None),
    ],
)
def test_iso_8601(text, moment) -> None:
    frame = pl.DataFrame({"t": [text]})
    assert frame.select(iso_8601(pl.col("t"), every_form=True)).item() == moment
    strict = frame.select(iso_8601(pl.col("t"))).item()
    assert strict in (None, moment)


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("%d-%b-%Y", "2-Jan-2020", datetime(2020, 1, 2)),
        ("%Y", "1999", datetime(1999, 1, 1)),
        ("%m/%Y", "03/2020", datetime(2020, 3, 1)),
        ("%Y-%m-%d %H", "2020-01-02 13", datetime(2020, 1, 2, 13)),
        ("%Y-%m-%d %H:%M %z", "2020-01-02 13:00 +0200", datetime(2020, 1, 2, 11)),
        ("%d.%m.%y", "2020", None),
    ],
)
def test_written_forms(form, text, moment) -> None:
    assert pl.DataFrame({"t": [text]}).select(written_form(pl.col("t"), form)).item() == moment


def test_lists_become_vectors_of_one_width() -> None:
    column = ColumnPlan("x", "vector")
    values, wrong = fixed_width(column, pl.Series("x", [[1, 2], None, [3, 4, 5], [6, 7]]))
    assert values.dtype == pl.Array(pl.Float32, 2)
    assert values.to_list() == [[1.0, 2.0], None, None, [6.0, 7.0]]
    assert wrong.arg_true().to_list() == [2]
    assert both("vector", pl.Series([["a"]])) == ([None], [0])


def test_lenient_reading_happens_by_itself(rig) -> None:
    rig.file("n,t\n 1 ,2020-01-02T03:04Z\n3.0,2020-01-02\n")
    read = rig.load([ColumnPlan("n", "integer"), ColumnPlan("t", "time")])
    assert read.frame["n"].to_list() == [1, 3]
    assert read.frame["t"].to_list() == [datetime(2020, 1, 2, 3, 4), datetime(2020, 1, 2)]
