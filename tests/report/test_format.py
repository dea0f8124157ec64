"""Numbers, shares, p-values, intervals and durations as people read them; ticks that are round and right."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldsl.report.axis import Scale, linear_ticks, log_ticks, shorten, spread, text_width
from mldsl.report.format import cell, interval, number, plain, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.98765, "0.9877"), (0.5, "0.5000"), (12.3456, "12.35"), (1234567.8, "1,234,568"), (3, "3"), (3.0, "3"),
        (-2.5, "−2.500"), (0, "0"), (1.234e-5, "1.234e-05"), (1e12, "1.000e+12"), (math.nan, "–"), (math.inf, "∞"),
        (-math.inf, "−∞"), (99999, "99,999"), (-99.998, "−100.0"), (0.99999, "1.000"),
    ],
)  # fmt: skip
def test_numbers(value, text) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.1234, "share", "12.3%"), (1.0, "share", "100.0%"), (0.04567, "p", "0.046"), (1e-9, "p", "<0.001"),
        (1234, "integer", "1,234"), (1234.0, "integer", "1,234"), (2.5, "integer", "2.500"), (None, "number", "–"),
        (math.nan, "share", "–"), (math.nan, "p", "–"), (True, "text", "yes"), ("a", "number", "a"), (7, "text", "7"),
        (np.float32(0.1), "number", "0.1000"), (np.int64(3), "integer", "3"), (np.bool_(False), "text", "no"),
    ],
)  # fmt: skip
def test_cells(value, form, text) -> None:
    assert cell(value, form) == text


def test_intervals_have_ends_of_equal_precision() -> None:
    assert interval(0.8, 0.9234) == "0.800 to 0.923"
    assert interval(-12.5, 3.0) == "−12.5 to 3.0"
    assert interval(-12.5, -3.0) == "−12.5 to −3.0"
    assert interval(math.nan, 1.0) == ""
    assert interval(120000.4, 130000.6) == "120,000 to 130,001"
    assert interval(0.99849, 1.0) == "0.9985 to 1.0000"  # not 1.00 to 1.00, which leaves 0.9992 out
    assert interval(0.961, 1.0) == "0.961 to 1.000"
    assert interval(0.999999999, 1.0) == "1.00 to 1.00"
    assert interval(1.0, 1.0) == "1.00 to 1.00"


def test_durations() -> None:
    assert [seconds(v) for v in (0.0042, 1.256, 200)] == ["4.2 ms", "1.26 s", "3 min 20 s"]


def test_single_precision_is_not_shown_as_double() -> None:
    assert plain(np.float32(0.1)) == 0.1


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(2, 12))
def test_ticks_are_round_within_the_range_and_labelled_right(low, size, count) -> None:
    high = low + size
    if high - low < 1e-9 * max(abs(low), abs(high)):
        return
    ticks = linear_ticks(low, high, count)
    assert len(ticks) <= 2 * count + 2
    labels = [text for _, text in ticks]
    assert len(set(labels)) == len(labels)
    for value, text in ticks:
        assert low - 1e-6 * size <= value <= high + 1e-6 * size
        said = float(text.replace(",", "").replace("−", "-"))
        assert said == pytest.approx(value, rel=1e-6, abs=size * 1e-6)


def test_tick_labels_carry_the_decimals_of_their_step() -> None:
    assert [text for _, text in linear_ticks(0.5, 1.5, 4)] == ["0.50", "0.75", "1.00", "1.25", "1.50"]
    assert [text for _, text in linear_ticks(-1, 1, 4)] == ["−1.0", "−0.5", "0.0", "0.5", "1.0"]
    assert [text for _, text in linear_ticks(0, 200000, 4)] == ["0", "50,000", "100,000", "150,000", "200,000"]


def test_years_bear_no_comma_and_five_digits_do() -> None:
    assert [text for _, text in linear_ticks(1949, 1960, 5, whole=True)] == ["1950", "1955", "1960"]
    assert [text for _, text in linear_ticks(0, 10_000, 2)] == ["0", "5,000", "10,000"]
    assert [text for _, text in log_ticks(100, 1000, 2)] == ["100", "200", "500", "1000"]
    assert [text for _, text in log_ticks(100, 10_000, 3)][-2:] == ["5,000", "10,000"]


def test_between_whole_numbers_there_is_no_tick() -> None:
    assert [value for value, _ in linear_ticks(0, 10, 4, whole=True)] == [0, 5, 10]
    assert [value for value, _ in linear_ticks(2007, 2009, 8, whole=True)] == [2007, 2008, 2009]
    assert 2.5 in [value for value, _ in linear_ticks(0, 10, 4)]


def test_logarithmic_ticks() -> None:
    assert [text for _, text in log_ticks(1e-4, 1e4, 8)] == [
        "0.0001", "0.001", "0.01", "0.1", "1", "10", "100", "1,000", "10,000",
    ]  # fmt: skip
    assert [text for _, text in log_ticks(1, 30, 5)] == ["1", "2", "5", "10", "20"]
    assert all(value > 0 for value, _ in log_ticks(2, 9, 4))


def test_ranges_are_never_empty() -> None:
    assert spread([], False, 0.05) == (0.0, 1.0)
    for values, log in (([3.0, 3.0], False), ([0.0], False), ([3.0], True), ([math.nan], True), ([-1.0, 0.0], True)):
        low, high = spread(values, log, 0.05)
        assert low < high
        assert low > 0 or not log


def test_scales() -> None:
    assert Scale(0, 10, 100, 200)(5) == 150
    assert Scale(1, 100, 0, 2, log=True)(10) == pytest.approx(1)
    assert Scale(0, 1, 0, 100)(50) == 200  # clipped one picture beyond the edge


def test_texts_are_cut_to_fit() -> None:
    cut = shorten("a rather long label", 50, 12)
    assert cut.endswith("…")
    assert text_width(cut, 12) <= 50
    assert shorten("short", 50, 12) == "short"
