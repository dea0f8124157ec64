"""`users =` and `items =`: joined by the role column, checked as tables of their own."""

from __future__ import annotations

import numpy as np
import pytest

from mldsl.data import learn_levels, load
from mldsl.diagnostics import MldslError
from mldsl.plan import Apply, ColumnPlan, ColumnUse

COLUMNS = [
    ColumnPlan("user", "id", role="user"),
    ColumnPlan("item", "integer", role="item"),
    ColumnPlan("rating", "continuous", role="target"),
    ColumnPlan("age", "integer", missing=True),
    ColumnPlan("year", "integer", low=1900, high=2030),
    ColumnPlan("gap", "integer", missing=True, computed=Apply("-", (ColumnUse("year"), ColumnUse("age")))),
]
RATINGS = "item,user,rating\n10,a,5\n11,a,1\n10,b,3\n"
USERS = "user,age,unused\na,30,x\nc,,y\n"
ITEMS = "year,item\n1990,10\n2000,11\n2010,12\n"


@pytest.fixture
def sources(rig):
    rig.file(RATINGS, "ratings.csv")
    rig.file(USERS, "users.csv")
    rig.file(ITEMS, "items.csv")
    return {name: rig.source(path=f"{file}.csv") for name, file in
            (("data", "ratings"), ("users", "users"), ("items", "items"))}  # fmt: skip


def test_columns_are_joined_before_others_are_computed(rig, sources) -> None:
    dataset = rig.load(COLUMNS, sources)
    assert dataset.frame.select("age", "year", "gap").rows() == [
        (30, 1990, 1960), (30, 2000, 1970), (None, 1990, None),
    ]  # fmt: skip
    assert [(source.name, source.rows, source.part) for source in dataset.sources] == [
        ("ratings.csv", 3, None), ("users.csv", 2, "users"), ("items.csv", 3, "items"),
    ]  # fmt: skip
    assert dataset.sides["items"].rows() == [(10, 1990), (11, 2000), (12, 2010)]


def test_every_item_is_a_candidate(rig, sources) -> None:
    levels = learn_levels(rig.load(COLUMNS, sources), np.array([True, False, False]))
    assert (levels.of["item"], levels.of["user"]) == (("10", "11", "12"), ("a", "c"))


def test_a_side_is_checked_with_its_own_lines(rig, sources) -> None:
    rig.file("year,item\n1990,10\n1066,11\n", "items.csv")
    found = rig.problem(COLUMNS, sources)
    assert (found.code, found.notes) == ("MLP0401", ("line 3: 1066",))
    assert "`items.csv`" in found.message


def test_rows_that_a_side_lacks(rig, sources) -> None:
    rig.file("year,item\n1990,10\n", "items.csv")
    found = rig.problem(COLUMNS, sources)
    assert (found.code, found.message) == ("MLP0403", "`items.csv` lacks the `item` of 1 row")
    assert found.notes[0] == "line 3: 11"


def test_two_rows_for_one_user(rig, sources) -> None:
    rig.file("user,age\na,30\nb,2\na,31\n", "users.csv")
    found = rig.problem(COLUMNS, sources)
    assert (found.code, found.message) == ("MLP0409", "1 user of `users.csv` has several rows")
    assert found.notes == ("line 2: a; line 4: a",)


def test_a_side_without_its_key(rig, sources) -> None:
    rig.file("age\n30\n", "users.csv")
    with pytest.raises(MldslError) as caught:
        load(rig.plan(COLUMNS, sources), rig.context())
    assert caught.value.diagnostics[0].code == "MLP0413"
