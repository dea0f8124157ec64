"""Real data sets, read whole: levels, times, queries, large files; skipped where the shared data are not here."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from mldsl.data import Levels, encode, learn_levels, load, make_split, read_header
from mldsl.plan import Apply, ColumnPlan, Columns, ColumnUse, Constant, SplitPlan


def column(name: str, type_: str = "continuous", **more) -> ColumnPlan:
    return ColumnPlan(name, type_, **more)


def prepared(rig, columns, source, split, seed=0):
    plan = rig.plan(columns, source, split=split)
    dataset = load(plan, rig.context())
    parts = make_split(plan, dataset, seed)
    levels = learn_levels(dataset, parts.mask("train"))
    return dataset, parts, encode(dataset.frame, plan.columns, levels)


def test_titanic(shared) -> None:
    columns = [
        column("survived", "binary", role="target", levels=("died", "survived")),
        column("pclass", "ordinal", levels=("3rd", "2nd", "1st")), column("sex", "categorical"),
        column("age", missing=True, low=0, high=100), column("sibsp", "integer", low=0, high=20),
        column("parch", "integer", low=0, high=20),
        column("family", "integer", computed=Apply("+", (ColumnUse("sibsp"), ColumnUse("parch")))),
    ]  # fmt: skip
    split = SplitPlan(0.2, folds=10, by=("stratified",))
    dataset, parts, made = prepared(shared, columns, shared.source(path="titanic.csv"), split)
    assert (dataset.rows, dataset.frame["age"].null_count()) == (1309, 263)
    assert made.names == ("pclass", "sex", "age", "sibsp", "parch", "family")
    assert made.levels["sex"] == ("female", "male")
    assert made.matrix[0].tolist() == [2, 0, 29, 0, 0, 0]
    assert int(np.isnan(made.matrix).sum()) == 263
    test = parts.mask("test")
    assert int(test.sum()) == 262
    assert made.target is not None
    assert abs(made.target[test].sum() - 0.2 * made.target.sum()) < 1
    outside = [*columns[:3], column("age", missing=True, low=0, high=70), *columns[4:]]
    found = shared.problem(outside, shared.source(path="titanic.csv"))
    assert (found.code, found.notes) == (
        "MLP0401", ("line 11: 71.0; line 16: 80.0; line 63: 76.0; line 137: 71.0; line 729: 70.5; and 1 more",),
    )  # fmt: skip


def test_houses(shared) -> None:
    header = read_header(shared.plan([], shared.source(path="ames_housing.csv")), shared.context())["data"]
    assert len(header) == 74
    text = pl.read_csv(shared.base / "ames_housing.csv", infer_schema_length=None)
    columns = [
        column(name, "continuous" if text[name].dtype.is_numeric() else "categorical", missing=True) for name in header
    ]
    where = Apply("<", (ColumnUse("gr_liv_area"), Constant(4000)))
    dataset = shared.load(columns, shared.source(path="ames_housing.csv"), where)
    kept = text.filter(pl.col("gr_liv_area") < 4000)
    assert (dataset.rows, dataset.dropped.height) == (kept.height, 5)
    numeric = [name for name in header if text[name].dtype.is_numeric()]
    assert dataset.frame.select(numeric).equals(kept.select(pl.col(numeric).cast(pl.Float64)))


def test_flights_from_parquet(shared) -> None:
    columns = [
        column("month", "integer", low=1, high=12), column("weekday", "integer"), column("distance"),
        column("origin", "categorical"), column("delay", "integer"),
        column("late", "binary", role="target", computed=Apply(">", (ColumnUse("delay"), Constant(15)))),
    ]  # fmt: skip
    source = shared.source("parquet", "flights_2001.parquet")
    _, parts, made = prepared(shared, columns, source, SplitPlan(0.2, by=("stratified",)))
    truth = pl.read_parquet(shared.base / "flights_2001.parquet")
    assert made.target is not None
    np.testing.assert_array_equal(made.target, (truth["delay"] > 15).to_numpy())
    assert made.names == ("month", "weekday", "distance", "origin")  # `delay` would give the answer away
    airports = sorted(truth["origin"].cast(pl.String).unique())
    assert made.levels["origin"] == tuple(airports)
    assert airports[int(made.matrix[5, 3])] == truth["origin"][5]
    assert int(parts.mask("test").sum()) == round(0.2 * truth.height)


def test_ratings_by_each_users_time(shared) -> None:
    columns = [
        column("user_id", "id", role="user"), column("movie_id", "id", role="item"),
        column("rating", low=0, high=5, role="target"), column("timestamp", "time", form="seconds", role="time"),
    ]  # fmt: skip
    split = SplitPlan(0.2, 0.1, by=("user", "time"))
    dataset, parts, made = prepared(shared, columns, shared.source(path="movielens100k_ratings.csv"), split)
    assert dataset.frame["timestamp"].dt.year().unique().sort().to_list() == [1997, 1998]
    assert made.user is not None
    assert (int(made.user.max()) + 1, int(made.user.min())) == (943, 0)
    assert made.levels["user_id"][:3] == ("1", "2", "3")
    moment, user = made.time, made.user
    for part, later in (("train", "validation"), ("validation", "test")):
        last = np.full(943, -np.inf)
        np.maximum.at(last, user[parts.mask(part)], moment[parts.mask(part)])
        first = np.full(943, np.inf)
        np.minimum.at(first, user[parts.mask(later)], moment[parts.mask(later)])
        assert (last <= first).all()
    assert abs(int(parts.mask("test").sum()) - 20_000) <= 1


def test_queries_with_separate_files(shared) -> None:
    sources = {
        "train": shared.source("svmlight", "trec_news_2018_train.svm"),
        "test": shared.source("svmlight", "trec_news_2018_test.svm"),
    }
    columns = [
        column("relevance", "integer", role="target", low=0, high=4), column("query_id", "id", role="query"),
        *(column(f"f{i}") for i in range(1, 6)),
    ]  # fmt: skip
    split = SplitPlan(None, 0.15, by=("group",), separate=("train", "test"))
    dataset, parts, made = prepared(shared, columns, sources, split)
    assert dataset.rows == 782 + 41
    assert int(parts.mask("test").sum()) == 41
    assert abs(int(parts.mask("validation").sum()) - 117) <= 1
    assert made.query is not None
    inside = set(made.query[parts.mask("validation")])
    assert not inside & set(made.query[parts.mask("train")])


def test_pictures(shared) -> None:
    names = tuple(f"p{i}" for i in range(784))
    image = Apply("image", (Columns(names), Constant(28), Constant(28), Constant(None)), "core.image")
    columns = [
        column("label", "categorical", role="target"), *(column(name, low=0, high=255) for name in names),
        column("photo", "image", computed=image),
    ]  # fmt: skip
    frame = shared.load(columns, shared.source("parquet", "mnist_10k.parquet")).frame.head(50)
    made = encode(frame, columns, Levels({"label": tuple("0123456789")}))
    assert made.names == ()
    truth = pl.read_parquet(shared.base / "mnist_10k.parquet").head(50)
    np.testing.assert_array_equal(made.tensors["photo"].reshape(50, 784), truth.select(names).to_numpy())


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("adult.csv", 48842),
        ("sms_spam.csv", 4862),
        ("penguins.csv", 344),
        ("diamonds.csv", 53940),
        ("mushrooms.csv", 8124),
    ],
)
def test_every_cell_is_read_as_text(shared, file, rows) -> None:
    header = read_header(shared.plan([], shared.source(path=file)), shared.context())["data"]
    dataset = shared.load([column(name, "text", missing=True) for name in header], shared.source(path=file))
    truth = pl.read_csv(shared.base / file, infer_schema=False)
    assert dataset.rows == rows
    assert dataset.frame.select(header).equals(truth)


def test_times_in_a_monthly_series(shared) -> None:
    columns = [column("year", "integer"), column("month", "integer"), column("passengers", role="target")]
    made = Apply("date", (ColumnUse("year"), ColumnUse("month"), Constant(1), Constant(None)), "core.date")
    columns.append(column("at", "time", role="time", computed=made))
    split = SplitPlan(12, folds=3, by=("time",))
    dataset, parts, _ = prepared(shared, columns, shared.source(path="airline_passengers.csv"), split)
    assert dataset.frame["at"][0] == datetime(1949, 1, 1)
    assert parts.part.tolist() == ["train"] * 132 + ["test"] * 12
