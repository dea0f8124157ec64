"""Rows to predict: only inputs are needed, every row gets an answer, and what is odd is said row by row."""

from __future__ import annotations

import polars as pl
import pytest

from mldsl.data import Levels, load_rows
from mldsl.diagnostics import MldslError
from mldsl.plan import Apply, ColumnPlan, ColumnState, ColumnUse, ComponentValue, Constant, ModelPlan, StepPlan

COLUMNS = [
    ColumnPlan("y", "binary", role="target", levels=("n", "y")),
    ColumnPlan("age", "continuous", low=0, high=100),
    ColumnPlan("sex", "categorical"),
    ColumnPlan("deck", "categorical", missing=True),
    ColumnPlan("w", "continuous", role="weight"),
    ColumnPlan("id", "id", role="key"),
    ColumnPlan("note", "text", role="ignore"),
    ColumnPlan("old", "binary", computed=Apply(">", (ColumnUse("age"), Constant(60)))),
]


def test_only_inputs_are_needed(rig) -> None:
    rows = load_rows(
        rig.plan(COLUMNS), pl.DataFrame({"age": [70, 20], "sex": ["f", "m"], "deck": ["A", None]}), rig.context()
    )
    assert rows.frame.columns == ["age", "sex", "deck", "old", "__source", "__row"]
    assert rows.frame["old"].to_list() == ["true", "false"]
    assert (rows.warnings, rows.row_warnings) == ((), (None, None))


def test_a_column_with_a_question_mark_may_be_absent(rig) -> None:
    rows = load_rows(rig.plan(COLUMNS), pl.DataFrame({"age": [70.0], "sex": ["f"]}), rig.context())
    assert rows.frame["deck"].to_list() == [None]
    assert [(d.code, d.severity) for d in rows.warnings] == [("MLP0413", "warning")]
    assert rows.row_warnings == (None,)


def test_other_absent_columns_come_in_one_message(rig) -> None:
    with pytest.raises(MldslError) as caught:
        load_rows(rig.plan(COLUMNS), pl.DataFrame({"ages": [1], "y": ["n"]}), rig.context())
    assert [d.code for d in caught.value.diagnostics] == ["MLP0413"]
    assert caught.value.diagnostics[0].message == "`data` lacks the columns `age`, `sex`"


def test_odd_rows_are_counted_and_named(rig) -> None:
    given = pl.DataFrame({
        "age": ["30", "300", "old", None, "inf", "50"], "sex": ["f", "x", "m", None, "m", "q"], "deck": ["A"] * 6,
        "id": [1, 2, 3, 4, 5, 6], "other": list("abcdef"),
    })  # fmt: skip
    rows = load_rows(rig.plan(COLUMNS), given, rig.context(), Levels({"sex": ("f", "m"), "deck": ("A",)}))
    assert rows.row_warnings == (
        None,
        "`age` is outside 0..100; `sex` has the unseen level `x`",
        "`age` is not continuous; `old` is missing",
        "`age` is missing; `sex` is missing; `old` is missing",
        "`age` is infinite",
        "`sex` has the unseen level `q`",
    )
    assert rows.frame["age"].to_list() == [30.0, 300.0, None, None, None, 50.0]
    assert {d.severity for d in rows.warnings} == {"warning"}
    assert [d.code for d in rows.warnings] == [
        "MLP0402", "MLP0403", "MLP0411", "MLP0401", "MLP0403", "MLP0404", "MLP0403",
    ]  # fmt: skip
    assert rows.given is not None
    assert rows.given.equals(given)
    assert rows.extra.columns == ["other"]


def test_a_file_and_one_row(rig) -> None:
    rig.file("sex,age,deck\nm,41,\n", "new.csv")
    rows = load_rows(rig.plan(COLUMNS), rig.source(path="new.csv"), rig.context())
    assert rows.frame.select("age", "sex", "deck").row(0) == (41.0, "m", None)
    assert rows.row_warnings == (None,)
    assert rows.sources[0].name == "new.csv"


def test_no_rows(rig) -> None:
    rows = load_rows(rig.plan(COLUMNS), pl.DataFrame({"age": [1.0], "sex": ["f"]}).clear(), rig.context())
    assert (rows.rows, rows.row_warnings) == (0, ())


def test_columns_that_steps_work_on_or_read_are_needed_though_they_are_no_inputs(rig) -> None:
    state = (ColumnState("note", "text"),)
    length = Apply("length", (ColumnUse("note"),), "core.length")
    algorithm = ComponentValue("model", "m", "core")
    plans = (
        StepPlan(None, ("size", length), (), state, state),
        StepPlan(ComponentValue("transform", "s", "core"), None, ("note",), state, state),
    )
    for step in plans:
        plan = rig.plan(COLUMNS, models=[ModelPlan("m", algorithm, steps=(step,))])
        with pytest.raises(MldslError) as caught:
            load_rows(plan, pl.DataFrame({"age": [1], "sex": ["f"]}), rig.context())
        assert "`note`" in caught.value.diagnostics[0].message


def test_users_and_items_are_needed(rig) -> None:
    columns = [
        ColumnPlan("u", "id", role="user"), ColumnPlan("i", "id", role="item"),
        ColumnPlan("r", "continuous", role="target"),
    ]  # fmt: skip
    levels = Levels({"u": ("1", "2"), "i": ("7",)})
    rows = load_rows(rig.plan(columns), pl.DataFrame({"u": [1, 3], "i": [7, 7]}), rig.context(), levels)
    assert rows.row_warnings == (None, "`u` has the unseen level `3`")


def test_pandas_and_arrow_tables(rig) -> None:
    pandas = pytest.importorskip("pandas")
    arrow = pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(
        {"age": [1.0, None], "sex": pandas.Categorical(["f", "m"]), "mixed": [1, "a"]}, index=[5, 6]
    )
    plan = rig.plan(COLUMNS)
    rows = load_rows(plan, frame, rig.context())
    assert rows.frame["sex"].to_list() == ["f", "m"]
    assert rows.row_warnings == (None, "`age` is missing; `old` is missing")
    assert rows.extra["mixed"].to_list() == ["1", "a"]
    table = arrow.table({"age": [1.5], "sex": ["f"]})
    assert load_rows(plan, table, rig.context()).frame["age"].to_list() == [1.5]
    with pytest.raises(MldslError) as caught:
        load_rows(plan, 17, rig.context())
    assert caught.value.diagnostics[0].code == "MLP0406"
