"""Levels and arrays."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from mldsl.data import Levels, encode, input_columns, learn_levels
from mldsl.data.checks import positive_pair
from mldsl.data.levels import in_level_order
from mldsl.diagnostics import MldslError
from mldsl.plan import Apply, ColumnPlan, Columns, ColumnUse, Constant

NAN = float("nan")


# ---- levels ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("values", "order"),
    [
        (["10", "9", "-1", "2.5"], ("-1", "2.5", "9", "10")),
        (["1.0", "1", "0"], ("0", "1", "1.0")),
        (["b", "a", "B", "é", "z"], ("B", "a", "b", "z", "é")),
        (["10", "9", "x"], ("10", "9", "x")),
        (["nan", "1"], ("1", "nan")),
        (["inf", "1"], ("1", "inf")),
        ([], ()),
    ],
)
def test_levels_sort_as_numbers_or_by_code_point(values, order) -> None:
    assert in_level_order(pl.Series(values, dtype=pl.String)) == order


@pytest.mark.parametrize(
    ("values", "pair"),
    [
        (["0", "1"], ("0", "1")),
        (["1"], ("0", "1")),
        (["yes"], ("no", "yes")),
        (["No"], ("No", "Yes")),
        (["TRUE", "FALSE"], ("FALSE", "TRUE")),
        (["True"], ("False", "True")),
        (["0.0"], ("0.0", "1.0")),
        (["yes", "true"], None),
        (["a", "b"], None),
        (["0", "1", "2"], None),
        (["Yes", "yes"], None),
        ([], None),
    ],
)
def test_which_level_is_positive(values, pair) -> None:
    assert positive_pair(values) == pair


def test_levels_are_learned_on_training_rows_only(rig) -> None:
    columns = [
        ColumnPlan("c", "categorical"), ColumnPlan("w", "ordinal", levels=("lo", "hi")),
        ColumnPlan("u", "id", role="user"),
        ColumnPlan("k", "id", role="key"), ColumnPlan("y", "binary", role="target"),
    ]  # fmt: skip
    dataset = rig.dataset(
        columns,
        c=["b", "a", "z", None],
        w=["lo"] * 4,
        u=["10", "9", "8", "7"],
        k=["p"] * 4,
        y=["no", "no", "yes", "no"],
    )
    levels = learn_levels(dataset, np.array([True, True, False, True]))
    assert levels.of == {"c": ("a", "b"), "w": ("lo", "hi"), "u": ("7", "9", "10"), "y": ("no", "yes")}


def test_a_derived_binary_column_is_refused_too(rig) -> None:
    dataset = rig.dataset([ColumnPlan("b", "binary")], b=["ham", "spam"])
    with pytest.raises(MldslError) as caught:
        learn_levels(dataset, np.array([True, True]))
    assert caught.value.diagnostics[0].code == "MLP0404"


# ---- the matrix ------------------------------------------------------------------------------------------------------
COLUMNS = (
    ColumnPlan("y", "categorical", role="target"), ColumnPlan("x", "continuous"), ColumnPlan("n", "integer"),
    ColumnPlan("b", "binary"), ColumnPlan("o", "ordinal", levels=("s", "m", "l")), ColumnPlan("c", "categorical"),
    ColumnPlan("t", "time"), ColumnPlan("words", "text"), ColumnPlan("code", "id"),
    ColumnPlan("w", "integer", role="weight"), ColumnPlan("e", "continuous", role="offset"),
    ColumnPlan("g", "id", role="group"), ColumnPlan("u", "integer", role="user"), ColumnPlan("i", "id", role="item"),
    ColumnPlan("when", "time", role="time"), ColumnPlan("k", "id", role="key"),
    ColumnPlan("z", "continuous", role="ignore"),
)  # fmt: skip
FRAME = pl.DataFrame({
    "y": ["p", "q", "r"], "x": [1.5, None, -2.0], "n": [3, None, 2**40], "b": ["yes", "no", None],
    "o": ["l", None, "?"],
    "c": ["new", "d", None], "t": [datetime(1970, 1, 2, 12), None, datetime(1969, 12, 31)], "words": ["a b", None, ""],
    "code": ["1", "2", None], "w": [1, 2, 0], "e": [0.5, None, 1.0], "g": ["v", "u", "v"], "u": [9, 10, 11],
    "i": ["i1", "i2", "i1"], "when": [datetime(1970, 1, 3)] * 3, "k": ["k1", "k2", "k3"], "z": [1.0, 2.0, 3.0],
})  # fmt: skip
LEVELS = Levels({
    "y": ("p", "q"), "b": ("no", "yes"), "o": ("s", "m", "l"), "c": ("d", "e"), "u": ("9", "10"), "i": ("i1", "i2"),
})  # fmt: skip


def test_every_type_and_role() -> None:
    made = encode(FRAME, COLUMNS, LEVELS)
    assert made.names == ("x", "n", "b", "o", "c", "t")
    assert made.types == ("continuous", "integer", "binary", "ordinal", "categorical", "time")
    assert made.matrix.dtype == np.float64
    expected = [[1.5, 3, 1, 2, -1, 1.5], [NAN, NAN, 0, NAN, 0, NAN], [-2, 2**40, NAN, -1, NAN, -1]]
    np.testing.assert_array_equal(made.matrix, expected)
    assert list(made.host) == ["words", "code"]
    assert made.target is not None
    assert made.target.tolist() == [0, 1, -1]
    assert made.target.dtype == np.int64
    assert made.weight.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(made.offset, [0.5, NAN, 1])
    assert made.group.tolist() == [1, 0, 1]
    assert made.user.tolist() == [0, 1, -1]
    assert made.item.tolist() == [0, 1, 0]
    assert made.time.tolist() == [2, 2, 2]
    assert made.query is None
    assert made.unseen == {"y": 1, "o": 1, "c": 1, "u": 1}
    assert made.keys.to_dict(as_series=False) == {"k": ["k1", "k2", "k3"]}
    assert made.levels["c"] == ("d", "e")


def test_a_number_as_target_and_rows_to_predict() -> None:
    columns = (ColumnPlan("y", "integer", role="target"), ColumnPlan("x", "continuous"))
    made = encode(pl.DataFrame({"y": [3, 4], "x": [0.0, 1.0]}), columns, Levels({}))
    assert made.target.tolist() == [3.0, 4.0]
    without = encode(pl.DataFrame({"x": [0.0, 1.0]}), columns, Levels({}))
    assert (without.target, without.weight, without.matrix.tolist()) == (None, None, [[0.0], [1.0]])


def test_no_rows() -> None:
    made = encode(FRAME.clear(), COLUMNS, LEVELS)
    assert made.matrix.shape == (0, 6)
    assert made.unseen == {}


def test_gathered_columns_leave_the_inputs(rig) -> None:
    rig.file("p1,p2,p3,p4,x\n1,2,3,4,0\n5,6,7,8,\n9,,1,1,2\n")
    names = ("p1", "p2", "p3", "p4")
    image = Apply("image", (Columns(names), Constant(2), Constant(2), Constant(None)), "core.image")
    columns = [
        *(ColumnPlan(name, "integer", missing=True) for name in names), ColumnPlan("x", "integer", missing=True),
        ColumnPlan("photo", "image", missing=True, computed=image),
    ]  # fmt: skip
    frame = rig.load(columns).frame
    made = encode(frame, columns, Levels({}))
    assert made.names == ("x",)
    photo = made.tensors["photo"]
    assert (photo.shape, photo.dtype) == ((3, 2, 2, 1), np.float32)
    assert photo[1, :, :, 0].tolist() == [[5, 6], [7, 8]]
    assert np.isnan(photo[2]).all()
    full = encode(frame.head(2), columns, Levels({}))
    np.testing.assert_array_equal(full.tensors["photo"], photo[:2])


def test_what_a_computed_target_is_made_from_is_no_input() -> None:
    late = Apply(">", (ColumnUse("delay2"), Constant(15)))
    columns = (
        ColumnPlan("late", "binary", role="target", computed=late),
        ColumnPlan("delay2", "integer", computed=Apply("+", (ColumnUse("delay"), ColumnUse("delay")))),
        ColumnPlan("delay", "integer"), ColumnPlan("distance", "integer"),
    )  # fmt: skip
    assert [column.name for column in input_columns(columns)] == ["distance"]


def test_vectors_from_lists(rig) -> None:
    pl.DataFrame({"e": [[1.0, 2.0], None, [3.0, 4.0]]}).write_parquet(rig.base / "e.parquet")
    columns = [ColumnPlan("e", "vector", missing=True)]
    frame = rig.load(columns, rig.source("parquet", "e.parquet")).frame
    vector = encode(frame, columns, Levels({})).tensors["e"]
    np.testing.assert_array_equal(vector, np.array([[1, 2], [NAN, NAN], [3, 4]], np.float32))
    pl.DataFrame({"e": [[1.0, 2.0], [3.0]]}).write_parquet(rig.base / "e.parquet")
    found = rig.problem(columns, rig.source("parquet", "e.parquet"))
    assert (found.code, found.notes[0]) == ("MLP0402", 'row 2: "[3.0]"')
