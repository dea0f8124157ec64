"""Row functions: values, units, missing operands, edges."""

from __future__ import annotations

import importlib
import math
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from mldsl.plugin import Function
from mldsl.plugin.extract import declare

FAMILIES = ("arithmetic", "text", "dates", "logic", "tensors")
NAMES = (
    "abs", "clip", "coalesce", "concat", "contains", "cos", "date", "day", "days_between", "elapsed", "exp",
    "extract", "hour", "if_else", "image", "is_missing", "length", "log", "log1p", "lower", "matches", "max",
    "min", "month", "null_if", "one_of", "replace", "round", "sequence", "sign", "sin", "sqrt", "to_number",
    "upper", "vector", "weekday", "year",
)  # fmt: skip
INF = math.inf


def modules() -> list[Any]:
    return [importlib.import_module(f"mldsl_plugins.functions.{family}") for family in FAMILIES]


FUNCTIONS: dict[str, Function] = {c.name: c for module in modules() for c in module.mldsl_components()}


def test_every_function_of_the_catalogue_is_there_and_nothing_else() -> None:
    assert sorted(FUNCTIONS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_declared_and_documented(name) -> None:
    module = next(m for m in modules() if name in {c.name for c in m.mldsl_components()})
    declaration = declare(FUNCTIONS[name], "core", module.__name__)
    assert len(declaration.summary) > 3
    assert f"`{name}(" in declaration.doc or f"{name}(" in declaration.doc
    assert declaration.gives


def apply(name: str, *args: Any) -> list[Any]:
    """Lists are columns, expressions and other values are operands as they are."""
    columns = {f"c{i}": arg for i, arg in enumerate(args) if isinstance(arg, list)}
    operands = [pl.col(f"c{i}") if isinstance(arg, list) else arg for i, arg in enumerate(args)]
    frame = pl.DataFrame(columns, strict=False)
    made = frame.select(FUNCTIONS[name].expression(*operands).alias("made"))["made"].to_list()
    return made * (frame.height // len(made)) if made else made


def assert_close(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for value, wanted in zip(found, expected, strict=True):
        if isinstance(wanted, float):
            assert value == pytest.approx(wanted, rel=1e-12, abs=1e-15)
        else:
            assert value == wanted
            assert type(value) is type(wanted)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("log", [math.e, 1.0, 0.0, -1.0, None], [1.0, 0.0, -INF, None, None]),
        ("log1p", [0.0, 1e-12, -1.0, -2.0, None], [0.0, 1e-12, -INF, None, None]),
        ("exp", [0.0, 1.0, 1000.0, None], [1.0, math.e, INF, None]),
        ("sqrt", [4.0, 0.0, -1.0, None], [2.0, 0.0, None, None]),
        ("sin", [0.0, math.pi / 2, INF, None], [0.0, 1.0, None, None]),
        ("cos", [0.0, math.pi, None], [1.0, -1.0, None]),
        ("abs", [-2.5, 2.5, -INF, None], [2.5, 2.5, INF, None]),
        ("abs", [-3, 3, None], [3, 3, None]),
        ("sign", [-2.5, 0.0, 9.0, None], [-1, 0, 1, None]),
        ("round", [0.5, 1.5, 2.5, -0.5, 2.4, None], [0.0, 2.0, 2.0, 0.0, 2.0, None]),
        ("length", ["", "abc", "naïve", "日本", None], [0, 3, 5, 2, None]),
        ("lower", ["ÀB", None], ["àb", None]),
        ("upper", ["straße", None], ["STRASSE", None]),
        ("to_number", ["1", " -2.5 ", "1e3", "x", "", "nan", None], [1.0, -2.5, 1000.0, None, None, None, None]),
        ("is_missing", [1.0, None], [False, True]),
    ],
)
def test_one_operand(name, x, expected) -> None:
    assert_close(apply(name, x), expected)


def test_functions_of_whole_numbers_compute_in_float64() -> None:
    frame = pl.DataFrame({"x": [16_777_217]}, schema={"x": pl.Int32})
    assert frame.select(FUNCTIONS["sqrt"].expression(pl.col("x"))).item() == math.sqrt(16_777_217)
    small = pl.DataFrame({"x": [0.1]}, schema={"x": pl.Float32})
    assert small.select(FUNCTIONS["exp"].expression(pl.col("x"))).dtypes == [pl.Float64]


def test_round_to_digits() -> None:
    assert apply("round", [1.005, 1234.5], 2) == [1.0, 1234.5]
    assert apply("round", [1250.0, 1350.0, -49.0], -2) == [1200.0, 1400.0, 0.0]
    assert apply("round", [1.5], None) == [2.0]


def test_clip_keeps_within_both_bounds() -> None:
    assert apply("clip", [-1.0, 0.5, 9.0, None], 0, 1) == [0.0, 0.5, 1.0, None]


def test_min_and_max_skip_nothing() -> None:
    assert apply("min", [3, 1, None], [2, 2, 2], [9, 9, 9]) == [2, 1, None]
    assert apply("max", [3.0, 1.0, None], [2.0, 2.0, 2.0]) == [3.0, 2.0, None]


def test_text_parts() -> None:
    assert apply("contains", ["a.c", "abc", None], ".") == [True, False, None]
    assert apply("contains", ["Free", "free"], "free") == [False, True]
    assert apply("matches", ["PC 17", "xPC 1", None], r"^PC \d+") == [True, False, None]
    assert apply("matches", ["FREE"], "(?i)free") == [True]
    assert apply("replace", ["1,234,567", "a", None], ",", "") == ["1234567", "a", None]
    assert apply("replace", ["a.b"], ".", "$1") == ["a$1b"]
    assert apply("concat", ["a", None], pl.lit("-"), ["b", "c"]) == ["a-b", None]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r", (\w+)\.", ["Mr", None, None]),
        (r"\w+\.", ["Mr.", None, None]),
        (r"(?:Mr|Mrs)\.", ["Mr.", None, None]),
        (r"(?P<title>\w+)\.", ["Mr", None, None]),
        (r"[(]\d", [None, "(1", None]),
        (r"\(\d", [None, "(1", None]),
    ],
)
def test_extract_gives_the_first_group_or_the_whole_match(pattern, expected) -> None:
    assert apply("extract", ["Braund, Mr. Owen", "x (1)", None], pattern) == expected


@pytest.mark.parametrize("name", ["matches", "extract"])
def test_a_pattern_with_an_open_bracket(name) -> None:
    with pytest.raises(ValueError, match="unclosed group"):
        FUNCTIONS[name].expression(pl.col("x"), "(a")


WHEN = [datetime(2024, 2, 29, 23, 59, 59), datetime(1969, 12, 29, 1), None]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("year", [2024, 1969, None]),
        ("month", [2, 12, None]),
        ("day", [29, 29, None]),
        ("hour", [23, 1, None]),
        ("weekday", [4, 1, None]),  # a Thursday and a Monday
    ],
)
def test_parts_of_times(name, expected) -> None:
    assert apply(name, WHEN) == expected


def test_time_between() -> None:
    noon = [datetime(2024, 3, 1, 12)] * 3
    assert_close(apply("days_between", noon, WHEN), [-0.5 - 1 / 86400, -19786.0 - 11 / 24, None])
    assert apply("days_between", [datetime(2024, 1, 1)], [datetime(2024, 1, 2, 6)]) == [1.25]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        (None, 1.5), ("days", 1.5), ("hours", 36.0), ("minutes", 2160.0), ("seconds", 129600.0), ("weeks", 1.5 / 7),
        ("years", 1.5 / 365.2425),
    ],
)  # fmt: skip
def test_elapsed_since_1970(unit, expected) -> None:
    assert_close(apply("elapsed", [datetime(1970, 1, 2, 12), None], unit), [expected, None])


def test_dates_from_parts() -> None:
    years, months, days = [2024, 2023, 1900, 2000, 2024, None], [2, 2, 2, 2, 13, 1], [29, 29, 29, 29, 1, 1]
    assert apply("date", years, months, days) == [
        datetime(2024, 2, 29), None, None, datetime(2000, 2, 29), None, None,
    ]  # fmt: skip
    assert apply("date", [2024, 2024, 2024], [1, 1, 1], [5.0, 5.5, 5.0], [13, 0, 24]) == [
        datetime(2024, 1, 5, 13), None, None,
    ]  # fmt: skip
    assert apply("date", [0, 10_000], [1, 1], [1, 1]) == [None, None]


def test_choices() -> None:
    assert apply("coalesce", [None, None, 3], [None, 2, 9], pl.lit(0)) == [0, 2, 3]
    assert apply("null_if", [1, 999, None], pl.lit(999)) == [1, None, None]
    assert apply("one_of", ["a", "b", None], pl.lit("a"), pl.lit("c")) == [True, False, None]
    assert apply("if_else", [True, False, None], [1, 1, 1], [2, 2, 2]) == [1, 2, None]


def gather(name: str, frame: pl.DataFrame, *args: Any) -> pl.Series:
    columns = [pl.col(column) for column in frame.columns]
    return frame.select(FUNCTIONS[name].expression(columns, *args).alias("v")).to_series()


def test_gathered_arrays() -> None:
    frame = pl.DataFrame({f"c{i}": [i, i + 10, None if i == 3 else 0] for i in range(6)})
    vector = gather("vector", frame)
    assert vector.dtype == pl.Array(pl.Float32, 6)
    assert vector.to_list() == [[0, 1, 2, 3, 4, 5], [10, 11, 12, 13, 14, 15], None]
    series = gather("sequence", frame, 2)
    assert series.to_list() == [[[0, 1], [2, 3], [4, 5]], [[10, 11], [12, 13], [14, 15]], None]
    assert gather("sequence", frame, None).to_list()[0] == [[0], [1], [2], [3], [4], [5]]
    image = gather("image", frame, 2, 3, None)
    assert image.to_numpy()[0].tolist() == [[[0], [1], [2]], [[3], [4], [5]]]
    coloured = gather("image", frame, 1, 2, 3)
    assert coloured.to_numpy()[0].tolist() == [[[0, 1, 2], [3, 4, 5]]]


def test_columns_that_do_not_fill_the_array() -> None:
    columns = [pl.col(f"c{i}") for i in range(6)]
    with pytest.raises(ValueError, match="expected 2 x 2 x 1 = 4 columns, found 6"):
        FUNCTIONS["image"].expression(columns, 2, 2)
    with pytest.raises(ValueError, match="a multiple of 4 columns"):
        FUNCTIONS["sequence"].expression(columns, 4)
