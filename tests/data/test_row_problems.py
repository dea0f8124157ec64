"""Every message about cells and rows: code, count, place, remedy."""

from __future__ import annotations

import polars as pl
import pytest

from mldsl.plan import Apply, ColumnPlan, ColumnUse, Constant
from mldsl.source import Span

A = ColumnPlan("a", "continuous")
B = ColumnPlan("b", "categorical")


def use(name: str) -> ColumnUse:
    return ColumnUse(name)


def test_out_of_range_as_the_language_shows_it(rig) -> None:
    ages = ["30"] * 900
    for line, value in ((62, "622.0"), (401, "-1.0"), (830, "240.0")):
        ages[line - 2] = value
    rig.file("age,b\n" + "".join(f"{age},x\n" for age in ages), "data/titanic.csv")
    at = Span("titanic.mlp", 9, 19, 9, 25)
    age = ColumnPlan("age", "continuous", low=0, high=100, span=Span("titanic.mlp", 9, 3, 9, 6), range_span=at)
    found = rig.problem([age, B], rig.source(path="data/titanic.csv"))
    assert found.code == "MLP0401"
    assert found.message == "3 rows of `titanic.csv` are outside the range declared for `age`"
    assert (found.span, found.label) == (at, "declared here")
    assert found.notes == ("line 62: 622.0; line 401: -1.0; line 830: 240.0",)
    start = "correct the data, widen the range, or drop the rows with `where = "
    assert found.help == start + "age >= 0 and age <= 100`"


@pytest.mark.parametrize(
    ("missing", "cells", "condition"),
    [
        (False, "1\n200", "a <= 100"),
        (False, "1\n-3", "a >= 0"),
        (True, "1\n200", "is_missing(a) or a <= 100"),
        (True, "-1\n200", "is_missing(a) or (a >= 0 and a <= 100)"),
    ],
)
def test_the_remedy_keeps_every_other_row(rig, missing, cells, condition) -> None:
    rig.file(f"a\n{cells}\n")
    found = rig.problem([ColumnPlan("a", "continuous", missing, low=0, high=100)])
    assert f"`where = {condition}`" in (found.help or "")


def test_only_five_examples_and_the_rest_is_counted(rig) -> None:
    rig.file("a\n" + "bad\n" * 1234)
    found = rig.problem([A])
    assert found.code == "MLP0402"
    assert found.message == "1,234 cells of `a` in `d.csv` are not numbers"
    assert found.notes[0].endswith('line 6: "bad"; and 1,229 more')


def test_everything_is_reported_together_in_the_order_of_the_columns(rig) -> None:
    rig.file("a,b,c,d\n1,x,1,5\nfoo,,2.5,5\ninf,z,,5\n,y,3,500\n")
    columns = [
        A, ColumnPlan("b", "categorical", levels=("x", "y")), ColumnPlan("c", "integer"),
        ColumnPlan("d", "integer", low=0, high=10),
    ]  # fmt: skip
    found = rig.problems(columns)
    codes = [(d.code, d.message.partition(" of")[0]) for d in found]
    assert codes == [
        ("MLP0402", "1 cell"), ("MLP0403", "1 cell"), ("MLP0411", "1 cell"), ("MLP0403", "1 cell"),
        ("MLP0404", "1 cell"), ("MLP0402", "1 cell"), ("MLP0403", "1 cell"), ("MLP0401", "1 row"),
    ]  # fmt: skip
    assert [d.notes[0] for d in found] == [
        'line 3: "foo"', "line 5", "line 4: inf", "line 3", 'line 4: "z"', 'line 3: "2.5"', "line 4", "line 5: 500",
    ]  # fmt: skip


def test_a_quoted_newline_turns_lines_into_rows(rig) -> None:
    rig.file('a,b\n1,"one\ntwo"\nbad,x\n')
    assert rig.problem([A, B]).notes[0] == 'row 2: "bad"'


def test_wrong_types_say_what_else_they_may_be(rig) -> None:
    rig.file("a,n\n1,2\nNA,2\n?,2\n")
    assert (
        rig.problem([A]).help
        == 'if they mean missing, write `missing = ["?", "NA"]` in the source and declare `a: continuous?`'
    )
    rig.file("a\n1,5\n2,25\n".replace(",", ";"), "semi.csv")
    rig.file('a\n"1,5"\n"2,25"\n')
    assert "decimal" in (rig.problem([A]).help or "")
    rig.file("a\n1\n2.5\n")
    assert rig.problem([ColumnPlan("a", "integer")]).help == "declare `a: continuous`"
    rig.file("t\n881250949\n")
    assert "time(seconds)" in (rig.problem([ColumnPlan("t", "time")]).help or "")
    rig.file("t\n881250949000\n")
    assert "time(milliseconds)" in (rig.problem([ColumnPlan("t", "time")]).help or "")
    rig.file("t\n3. March\n")
    assert 'time("%d.%m.%Y")' in (rig.problem([ColumnPlan("t", "time")]).help or "")


def test_missing_cells_without_a_question_mark(rig) -> None:
    rig.file("a,b\n1,x\n,y\n,z\n")
    found = rig.problem([A, B])
    assert found.code == "MLP0403"
    assert found.message == "2 cells of `a` in `d.csv` are missing, and it has no `?`"
    assert found.notes == ("line 3, line 4",)
    assert found.help == "write `a: continuous?`, or drop the rows with `where = not is_missing(a)`"


def test_a_missing_target_can_only_be_dropped(rig) -> None:
    rig.file("a,b\n1,x\n2,\n")
    found = rig.problem([A, ColumnPlan("b", "categorical", role="target")])
    assert found.help == "drop the rows with `where = not is_missing(b)`"


def test_undeclared_levels_with_the_one_that_is_meant(rig) -> None:
    rig.file("sex\nmale\nfemal\nfemal\nother\n")
    found = rig.problem([ColumnPlan("sex", "categorical", levels=("female", "male"))])
    assert found.code == "MLP0404"
    assert found.message == "3 cells of `sex` in `d.csv` have 2 levels that are not declared"
    assert found.notes == ('line 3: "femal"; line 4: "femal"; line 5: "other"', 'declared: "female", "male"')
    assert (found.help or "").startswith('is it "female" for "femal"?')


def test_a_binary_column_must_say_which_level_is_positive(rig) -> None:
    rig.file("a,b\n1,ham\n2,spam\n")
    found = rig.problem([A, ColumnPlan("b", "binary", role="target")])
    assert found.code == "MLP0404"
    assert 'b: binary("ham", "spam")' in (found.help or "")
    rig.file("a,b\n1,Yes\n2,yes\n")
    assert rig.problem([A, ColumnPlan("b", "binary")]).code == "MLP0404"


@pytest.mark.parametrize("cells", ["0,1", "1.0,0.0", "True,False", "yes,no", "NO,YES", "1"])
def test_binary_columns_that_say_it_by_themselves(rig, cells) -> None:
    rig.file("b\n" + cells.replace(",", "\n") + "\n")
    assert rig.load([ColumnPlan("b", "binary")]).rows == cells.count(",") + 1


def test_a_part_column_holds_parts(rig) -> None:
    rig.file("a,p\n1,train\n2,tst\n3,test\n")
    found = rig.problem([A, ColumnPlan("p", "categorical", role="part")])
    assert found.code == "MLP0404"
    assert (found.help or "").startswith('is it "test" for "tst"? a part is train, validation or test')


def test_negative_weights(rig) -> None:
    rig.file("a,w\n1,2\n2,-1\n")
    found = rig.problem([A, ColumnPlan("w", "continuous", role="weight")])
    assert (found.code, found.notes[0]) == ("MLP0401", "line 3: -1")


def test_a_column_that_is_missing_everywhere(rig) -> None:
    rig.file("a,b\n,x\n,y\n")
    found = rig.problem([ColumnPlan("a", "continuous", missing=True), B])
    assert (found.code, found.message) == ("MLP0410", "`a` is missing in all 2 rows of `d.csv`")
    ignored = rig.load([ColumnPlan("a", "continuous", missing=True, role="ignore"), B])
    assert [d.code for d in ignored.warnings] == ["MLP0410"]


def test_infinite_values_of_the_data_and_of_divisions(rig) -> None:
    rig.file("a,b\n1,2\n-inf,2\n3,0\n")
    ratio = ColumnPlan("r", "continuous", missing=True, computed=Apply("/", (use("a"), use("b"))))
    found = rig.problems([A, ColumnPlan("b", "integer"), ratio])
    assert [(d.code, d.notes[0]) for d in found] == [("MLP0411", "line 3: -inf"), ("MLP0411", "line 4: inf")]
    assert "dividing by 0" in (found[1].help or "")


def test_what_is_computed_from_a_wrong_cell_is_not_reported_again(rig) -> None:
    rig.file("a,b\n1,2\nbad,2\n,2\n")
    ratio = ColumnPlan("r", "continuous", computed=Apply("/", (use("a"), use("b"))))
    twice = ColumnPlan("s", "continuous", computed=Apply("*", (use("r"), Constant(2))))
    assert [d.code for d in rig.problems([A, ColumnPlan("b", "integer"), ratio, twice])] == ["MLP0402", "MLP0403"]


def test_what_has_no_value_is_missing(rig) -> None:
    rig.file("a\n0\n-4\n2\n")
    square_root = Apply("sqrt", (use("a"),), "core.sqrt")
    assert rig.problem([A, ColumnPlan("r", "continuous", computed=square_root)]).code == "MLP0403"
    read = rig.load([A, ColumnPlan("r", "continuous", missing=True, computed=square_root)])
    assert read.frame["r"].to_list() == [0.0, None, 2**0.5]


def test_where_comes_before_the_checks(rig) -> None:
    rig.file("a,b\n1,x\n500,\n2,y\n")
    kept = rig.load([ColumnPlan("a", "continuous", low=0, high=100), B], where=Apply("<=", (use("a"), Constant(100))))
    assert kept.frame["a"].to_list() == [1.0, 2.0]
    assert kept.dropped.rows() == [(0, 1)]
    assert (kept.rows, kept.rows_read, kept.sources[0].rows) == (2, 3, 3)


def test_where_warns_of_rows_that_it_drops_unread(rig) -> None:
    rig.file("a\n1\nabc\n2\n")
    kept = rig.load([A], where=Apply(">", (use("a"), Constant(0))))
    assert kept.rows == 2
    assert [(d.code, d.severity, d.message) for d in kept.warnings] == [
        ("MLP0402", "warning", "`where` dropped 1 row in which `a` is not `continuous`")
    ]


def test_where_that_keeps_nothing(rig) -> None:
    rig.file("a\n1\n2\n")
    found = rig.problem([A], where=Apply(">", (use("a"), Constant(5))))
    assert (found.code, found.message) == ("MLP0405", "`where` keeps none of the 2 rows of `d.csv`")


def test_no_rows_at_all(rig) -> None:
    for text in ("a,b\n", "a,b"):
        rig.file(text)
        assert rig.problem([A, B]).code == "MLP0405"


def test_absent_columns_come_in_one_message(rig) -> None:
    rig.file("agee,b\n1,x\n")
    found = rig.problem([ColumnPlan("age", "continuous"), B, ColumnPlan("zone", "text")])
    assert found.code == "MLP0413"
    assert found.message == "`d.csv` lacks the columns `age`, `zone`"
    assert found.notes == ("`d.csv` has `agee`, `b`",)
    assert found.help == "did you mean `agee` for `age`?"


@pytest.mark.parametrize(("sign", "written"), [(";", ";"), ("\t", r"\t"), ("|", "|")])
def test_the_wrong_delimiter(rig, sign, written) -> None:
    rig.file(f"a{sign}b\n1{sign}x\n")
    assert f'`delimiter = "{written}"`' in (rig.problem([A, B]).help or "")


def test_more_data_than_memory_is_said_before_reading(rig, monkeypatch) -> None:
    from mldsl.data import read

    rig.file("a,b\n" + "1.5,x\n" * 5000)
    monkeypatch.setattr(read, "available_memory", lambda: 10_000)
    monkeypatch.setattr(read, "read_table", lambda *_: pytest.fail("rows were read"))
    found = rig.problem([A, B])
    assert (found.code, found.span is not None) == ("MLP0412", True)
    assert "takes about 60 kB of memory, and 10 kB are free" in found.message


def test_a_column_with_blanks_in_its_name(rig) -> None:
    rig.file("my age\n200\n")
    found = rig.problem([ColumnPlan("my age", "integer", low=0, high=100)])
    assert "`where = `my age` <= 100`" in (found.help or "")


def test_several_files_are_named_in_the_examples(rig) -> None:
    rig.file("a\n1\nx\n", "part_1.csv")
    rig.file("a\ny\n2\n", "part_2.csv")
    found = rig.problem([A], rig.source(path="part_*.csv"))
    assert found.message == "2 cells of `a` in the 2 sources are not numbers"
    assert found.notes[0] == 'part_1.csv line 3: "x"; part_2.csv line 2: "y"'


def test_typed_sources_have_rows_and_not_lines(rig) -> None:
    pl.DataFrame({"a": [1.0, 200.0]}).write_parquet(rig.base / "d.parquet")
    found = rig.problem([ColumnPlan("a", "continuous", high=100)], rig.source("parquet", "d.parquet"))
    assert found.notes[0] == "row 2: 200.0"
