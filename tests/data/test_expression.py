"""Row expressions: operators, missing values, levels, and what functions are given."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from mldsl.data import columns_of, derive, row_expression, truth_expression
from mldsl.diagnostics import MldslError
from mldsl.plan import Apply, ColumnPlan, Columns, ColumnUse, Constant

NAN = float("nan")
COLUMNS = {
    "size": ColumnPlan("size", "ordinal", levels=("small", "medium", "large")),
    "grade": ColumnPlan("grade", "ordinal"),
    "smoker": ColumnPlan("smoker", "binary"),
    "won": ColumnPlan("won", "binary", levels=("no way", "yes sir")),
    "at": ColumnPlan("at", "time"),
    "x": ColumnPlan("x", "continuous"),
}
FRAME = pl.DataFrame({
    "x": [1.0, -4.0, None, 0.0],
    "n": [2, 3, 4, None],
    "size": ["small", "large", None, "medium"],
    "grade": ["2", "10", "3", None],
    "smoker": ["Yes", "no", None, "no"],
    "won": ["yes sir", "no way", "no way", None],
    "at": [datetime(2020, 1, 1), datetime(2021, 1, 1, 12), None, datetime(2022, 1, 1)],
})  # fmt: skip


def op(name: str, *args) -> Apply:
    return Apply(name, tuple(_node(arg) for arg in args))


def call(name: str, *args) -> Apply:
    return Apply(name, tuple(_node(arg) for arg in args), f"core.{name}")


def _node(arg):
    if isinstance(arg, str) and arg in FRAME.columns:
        return ColumnUse(arg)
    return arg if isinstance(arg, Apply | ColumnUse | Columns | Constant) else Constant(arg)


def value(rig, expr) -> list[object]:
    made = FRAME.select(row_expression(expr, rig.function, COLUMNS).alias("v"))
    return made["v"].to_list()


def truth(rig, expr) -> list[object]:
    return FRAME.select(truth_expression(expr, rig.function, COLUMNS).alias("v"))["v"].to_list()


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (op("+", "x", "n"), [3.0, -1.0, None, None]),
        (op("/", 1, "x"), [1.0, -0.25, None, float("inf")]),
        (op("/", "x", "x"), [1.0, 1.0, None, None]),
        (op("^", "x", 0.5), [1.0, None, None, 0.0]),
        (op("^", "n", -1), [0.5, 1 / 3, 0.25, None]),
        (op("negate", "n"), [-2, -3, -4, None]),
        (op("*", op("-", "n", 1), 2), [2, 4, 6, None]),
        (op(">", "x", 0), [True, False, None, False]),
        (op("and", op(">", "x", 0), op("<", "n", 3)), [True, False, False, False]),
        (op("and", op("<", "x", 9), op(">", "n", 2)), [False, True, None, None]),
        (op("or", op(">", "x", -9), op("<", "n", 0)), [True, True, None, True]),
        (op("not", op("==", "n", 3)), [True, False, True, None]),
        # an order is that of the levels, not of their letters
        (op(">=", "size", "medium"), [False, True, None, True]),
        (op("<", "medium", "size"), [False, True, None, False]),
        (op("==", "size", "small"), [True, False, None, False]),
        # a binary column is a truth value
        (op("==", "smoker", True), [True, False, None, False]),
        (op("==", "smoker", "no"), [False, True, None, True]),
        # times against text and durations
        (op(">", "at", "2020-06-01"), [False, True, None, True]),
        (op(">=", op("+", "at", 86400.0), "2022-01-02T00:00Z"), [False, False, None, True]),
    ],
)
def test_operators(rig, expr, expected) -> None:
    assert value(rig, expr) == expected


def test_conditions(rig) -> None:
    assert truth(rig, ColumnUse("smoker")) == [True, False, None, False]
    assert truth(rig, ColumnUse("won")) == [True, False, False, None]
    assert truth(rig, op("not", "won")) == [False, True, True, None]


def test_unwritten_ordinals_that_are_numbers_compare_as_numbers(rig) -> None:
    assert value(rig, op("<", "grade", 5)) == [True, False, True, None]


def test_a_comparison_never_holds_for_what_has_no_value(rig) -> None:
    # In Polars NaN is greater than every number; the square root of -4 must not be.
    assert value(rig, op(">", call("sqrt", "x"), 100)) == [False, None, None, False]
    assert value(rig, op(">", op("/", "x", "x"), 100)) == [False, False, None, None]


def test_functions_get_truth_values_where_they_want_them(rig) -> None:
    assert value(rig, call("if_else", "smoker", 1, 0)) == [1, 0, None, 0]
    assert value(rig, call("coalesce", "smoker", False)) == [True, False, False, False]
    assert value(rig, call("is_missing", "size")) == [False, False, True, False]
    assert value(rig, op("and", call("coalesce", "won", False), op(">", "n", 0))) == [True, False, False, False]


def test_optional_and_literal_operands(rig) -> None:
    assert value(rig, call("round", op("/", "n", 3), Constant(None))) == [1.0, 1.0, 1.0, None]
    assert value(rig, call("round", op("/", "n", 3), 2)) == [0.67, 1.0, 1.33, None]
    assert value(rig, call("clip", "x", op("negate", 1), 0.5)) == [0.5, -1.0, None, 0.0]


def test_a_pattern_that_is_none_is_the_users_mistake(rig) -> None:
    with pytest.raises(MldslError) as caught:
        value(rig, call("matches", "size", "(small"))
    found = caught.value.diagnostics[0]
    assert (found.code, found.message) == (
        "MLP0201", "`matches`: `(small` is not a regular expression: unclosed group",
    )  # fmt: skip


def test_columns_of_an_expression() -> None:
    expr = op("+", call("log", "x"), call("vector", Columns(("n", "x"))))
    assert list(columns_of(expr)) == ["x", "n", "x"]


# ---- computed columns ------------------------------------------------------------------------------------------------
def test_computed_columns_may_read_each_other_in_any_order(rig) -> None:
    rig.file("a\n1\n2\n")
    twice = ColumnPlan("twice", "integer", computed=op("*", ColumnUse("a"), 2))
    columns = [
        ColumnPlan("late", "binary", role="target", computed=op(">", ColumnUse("four"), 4)),
        ColumnPlan("four", "integer", computed=op("*", ColumnUse("twice"), 2)), twice, ColumnPlan("a", "integer"),
    ]  # fmt: skip
    frame = rig.load(columns).frame
    assert frame.columns[:4] == ["late", "four", "twice", "a"]
    assert frame["four"].to_list() == [4, 8]
    assert frame["late"].to_list() == ["false", "true"]


def test_a_condition_takes_the_written_levels(rig) -> None:
    rig.file("a\n1\n20\n")
    late = ColumnPlan("late", "binary", levels=("on time", "late"), computed=op(">", ColumnUse("a"), 15))
    assert rig.load([ColumnPlan("a", "integer"), late]).frame["late"].to_list() == ["on time", "late"]


def test_a_computed_value_that_is_not_of_its_type(rig) -> None:
    rig.file("a\n1\n2\n")
    half = ColumnPlan("half", "integer", computed=op("/", ColumnUse("a"), 2))
    found = rig.problem([ColumnPlan("a", "integer"), half])
    assert (found.code, found.notes) == ("MLP0402", ("line 2", "`half` is computed"))


# ---- derived columns -------------------------------------------------------------------------------------------------
def test_a_derived_column_is_canonical_and_knows_its_levels(rig) -> None:
    columns = list(COLUMNS.values())
    big = derive("big", "binary", op(">", "size", "small"), FRAME, columns, rig.function, fitting=True)
    assert big.to_list() == ["false", "true", None, "true"]
    whole = derive("n2", "continuous", op("*", "n", 2), FRAME, columns, rig.function, fitting=True)
    assert whole.dtype == pl.Float64


def test_infinite_values_are_refused_while_fitting_and_missing_afterwards(rig) -> None:
    expr = call("log", op("*", "x", "x"))
    with pytest.raises(MldslError) as caught:
        derive("l", "continuous", expr, FRAME, list(COLUMNS.values()), rig.function, fitting=True)
    found = caught.value.diagnostics[0]
    assert (found.code, found.message) == ("MLP0411", "`l` is infinite in 1 row")
    later = derive("l", "continuous", expr, FRAME, list(COLUMNS.values()), rig.function, fitting=False)
    assert [None if v is None else round(v, 6) for v in later] == [0.0, 2.772589, None, None]
