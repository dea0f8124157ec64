"""What the language says of splits (4.4, points 2 to 6), sentence by sentence, on real data.

Each test has its sentence as docstring. `tests/data/test_split.py` has the same claims on generated rows, with their
corners; what happens to the parts afterwards (nothing of a test row reaches a fit) is in `tests/execute/test_leaks.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mldsl.data import load, make_split
from mldsl.driver import Looked, Options, check, look, plan
from mldsl.plan import ColumnPlan, SplitPlan
from mldsl.source import Source

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not here")

TITANIC = 'csv("titanic.csv")', 'survived: binary("died", "survived") as target\n  sibsp, parch: integer', "bayes"
MOTIONS = (
    'csv("basic_motions.csv")',
    'series_id: id as group\n  label: categorical as target\n  "ch*": continuous',
    "bayes",
)
SUNSPOTS = 'csv("sunspots.csv")', "sunactivity: continuous as target\n  year: integer", "ridge"
FLIGHTS = (
    '\n  parquet("nycflights13.parquet")\n  where = origin == "JFK" and not is_missing(arr_delay) and day <= 10\n',
    (
        "arr_delay: continuous as target\n  distance: continuous\n  origin: categorical as ignore\n  "
        "year, month, day: integer as ignore\n  when: time = date(year, month, day) as time"
    ),
    "ridge",
)
MODELS = {"bayes": "gaussian_naive_bayes", "ridge": "ridge"}


def source(case: tuple[str, str, str], split: str, more: str = "") -> Source:
    data, features, model = case
    text = (
        f"mlp 1\ndata {{ {data} }}\nfeatures {{\n  {features}\n}}\n"
        f"split {{\n  {split}\n}}\nmodel {{ {MODELS[model]} }}\n{more}"
    )
    return Source("t.mlp", text.replace("split {\n  \n}\n", ""), SHARED / "t.mlp")


def looked(case: tuple[str, str, str], split: str = "", more: str = "") -> Looked:
    written = source(case, split, more)
    return look(written, plan(written), Options())


def counts(found: Looked) -> dict[str, int]:
    names, sizes = np.unique(found.split.part, return_counts=True)
    return dict(zip(names.tolist(), sizes.tolist(), strict=True))


def column(found: Looked, name: str) -> np.ndarray:
    return found.dataset.frame[name].to_numpy()


# ---- point 3: shares -------------------------------------------------------------------------------------------------
def test_shares_are_of_the_rows_after_where() -> None:
    """`Shares are of the rows after `where``, and `test = 20%` and `validation = 10%` leave 70 %`."""
    data = '\n  csv("titanic.csv")\n  where = sibsp == 0\n'
    found = looked((data, *TITANIC[1:]), "test = 20%\n  validation = 10%")
    assert found.dataset.rows == 891
    assert counts(found) == {"train": 891 - 178 - 89, "test": 178, "validation": 89}


def test_shares_are_of_the_train_source_where_files_are_separate() -> None:
    """`(of the `train` source if files are separate)`."""
    data = '\n  train = parquet("newsgroups20_train.parquet")\n  test = parquet("newsgroups20_test.parquet")\n'
    features = "category: categorical as target\n  text: text as ignore\n  long: integer = length(text)"
    found = looked((data, features, "bayes"), "validation = 10%\n  folds = 3")
    assert counts(found) == {"train": 11293 - 1129, "validation": 1129, "test": 7528}
    test = found.split.part == "test"
    assert not any((fold.train | fold.held)[test].any() for fold in found.split.folds)


def test_whole_groups_are_the_nearest_by_rows() -> None:
    """`nearest by rows where whole groups must stay together`: series have 100 rows each."""
    assert counts(looked(MOTIONS, "test = 21%")) == {"train": 6300, "test": 1700}


def test_validation_rows_are_never_trained_on_and_folds_partition_the_rest() -> None:
    """`Validation rows are never trained on`; `folds partition the rows that are neither test nor validation`."""
    found = looked(TITANIC, "test = 20%\n  validation = 10%\n  folds = 4\n  repeats = 2")
    train = found.split.part == "train"
    for repeat in (0, 1):
        held = np.stack([fold.held for fold in found.split.folds if fold.repeat == repeat])
        assert (held.sum(axis=0) == train).all()
    for fold in found.split.folds:
        assert not (fold.train & ~train).any()
        assert (fold.train ^ fold.held == train).all()


def test_last_is_a_number_of_rows() -> None:
    """``last(1)` is a number of rows`."""
    assert counts(looked(SUNSPOTS, "test = last(1)\n  by = order")) == {"train": 308, "test": 1}


# ---- point 4: what folds are for -------------------------------------------------------------------------------------
def test_with_a_test_part_folds_choose_and_without_they_measure() -> None:
    """`With `test`, folds score `tune` and choose`; `without `test`, `folds` are the outer loop`, tuned inside."""
    text = "param l2: number = 1\n" + "tune {\n  search = grid\n  folds = 3\n  $l2 in log(0.1..10)\n}\n"
    case = (*SUNSPOTS[:2], "ridge")
    tuned = source(case, "test = 20%\n  folds = 4", text)
    tuned = Source(tuned.name, tuned.text.replace("model { ridge }", "model { ridge(l2 = $l2) }"), tuned.path)
    found = look(tuned, plan(tuned), Options())
    assert found.checked.sound().split.held_out == "test"
    assert [(c.what, c.on) for c in found.facts.choices] == [("params", "folds")]
    assert all(fold.inner == () for fold in found.facts.folds)
    alone = Source(tuned.name, tuned.text.replace("  test = 20%\n", ""), tuned.path)
    found = look(alone, plan(alone), Options())
    assert found.checked.sound().split.held_out == "folds"
    assert (found.split.part == "train").all()
    assert [(c.what, c.on) for c in found.facts.choices] == [
        ("params, in a fold", "inner folds"),
        ("params, last fit", "folds"),
    ]
    assert all(len(fold.inner) == 3 for fold in found.facts.folds)
    for fold in found.facts.folds:
        assert all(train + held == fold.train.rows for train, held in fold.inner)


# ---- point 5: what stays together, what is earlier -------------------------------------------------------------------
@pytest.mark.parametrize("by", ["group", "[group, stratified]"])
def test_rows_of_one_group_stay_together(by: str) -> None:
    """`Rows of one `group` or `query` stay together`; `lists combine`."""
    found = looked(MOTIONS, f"test = 20%\n  folds = 5\n  repeats = 2\n  by = {by}")
    series, label = column(found, "series_id"), column(found, "label")
    masks = [found.split.part == "test", *(fold.held for fold in found.split.folds)]
    for mask in masks:
        assert not set(series[mask]) & set(series[~mask])
    if by != "group":
        shares = [[(label[mask] == level).mean() for level in np.unique(label)] for mask in masks]
        assert np.ptp(shares) < 0.12, "16 series of each class, 13 or fewer held out"


def test_rows_of_one_query_stay_together(shared: Any) -> None:
    """The same of queries, without a word in the file."""
    columns = [ColumnPlan("relevance", "integer", role="target"), ColumnPlan("query_id", "id", role="query")]
    made = shared.plan(
        columns,
        shared.source("svmlight", path="trec_news_2018_train.svm"),
        split=SplitPlan(0.2, folds=5, by=("group",)),
    )
    dataset = load(made, shared.context())
    split = make_split(made, dataset, 0)
    query = dataset.frame["query_id"].to_numpy()
    for held in (split.part == "test", *(fold.held for fold in split.folds)):
        assert 0 < held.sum() < len(query)
        assert not set(query[held]) & set(query[~held])


def test_other_splits_of_groups_are_refused() -> None:
    """`other splits are MLP0302`."""
    found = check(source(MOTIONS, "test = 20%\n  by = stratified"))
    assert [d.code for d in found.errors] == ["MLP0302"]


def test_time_is_the_default_and_others_are_warned_of() -> None:
    """``as time` makes `by = time` the default and others a warning`."""
    assert plan(source(FLIGHTS, "")).sound().split.by == ("time",)
    found = check(source(FLIGHTS, "test = 20%\n  by = random"))
    assert [(d.code, d.severity) for d in found.diagnostics] == [("MLP0315", "warning")]


def test_test_is_the_last_validation_before_it_folds_train_on_earlier_rows_and_gap_keeps_a_distance() -> None:
    """`test is the last rows, validation the last before it, folds train only on earlier rows, `gap` ...`."""
    found = looked(FLIGHTS, "test = 20%\n  validation = 20%\n  folds = 3\n  gap = 5d")
    day = found.dataset.frame["when"].dt.timestamp("us").to_numpy() / 86_400_000_000
    train, validation, test = (day[found.split.part == part] for part in ("train", "validation", "test"))
    assert train.max() + 5 <= validation.min()
    assert validation.max() + 5 <= test.min()
    assert test.max() == day.max()
    for fold in found.split.folds:
        assert day[fold.train].max() + 5 <= day[fold.held].min()
        assert day[fold.held].max() <= train.max()


def test_order_takes_the_order_of_the_file_as_time() -> None:
    """``by = order` takes the file's order as time`; a gap may be a number of rows."""
    found = looked(SUNSPOTS, "test = 20%\n  folds = 3\n  by = order\n  gap = 4")
    test = np.flatnonzero(found.split.part == "test")
    assert test.tolist() == list(range(309 - 62, 309))
    assert np.flatnonzero(found.split.part == "gap").tolist() == list(range(309 - 66, 309 - 62))
    for fold in found.split.folds:
        assert np.flatnonzero(fold.held).min() - np.flatnonzero(fold.train).max() == 5


@pytest.fixture
def ratings(shared: Any) -> Any:
    columns = [
        ColumnPlan("user_id", "id", role="user"), ColumnPlan("movie_id", "id", role="item"),
        ColumnPlan("rating", "continuous", role="target"), ColumnPlan("timestamp", "integer", role="time"),
    ]  # fmt: skip
    source = shared.source(path="movielens100k_ratings.csv")

    def of(split: SplitPlan) -> tuple[pl.DataFrame, Any]:
        made = shared.plan(columns, source, split=split, task="recommendation")
        dataset = load(made, shared.context())
        return dataset.frame, make_split(made, dataset, 0)

    return of


def test_user_parts_each_users_rows(ratings: Any) -> None:
    """``by = user` parts each user's rows`, and leaves every user a row to train on."""
    frame, split = ratings(SplitPlan(0.2, folds=3, by=("user",)))
    shares = frame.with_columns(test=pl.Series(split.part == "test")).group_by("user_id").agg(
        pl.col("test").sum().alias("held"), pl.len().alias("rows")
    )  # fmt: skip
    assert (shares["held"] - 0.2 * shares["rows"]).abs().max() <= 1
    assert (shares["held"] < shares["rows"]).all()
    assert int((split.part == "test").sum()) == 20_000


def test_user_and_time_take_each_users_last(ratings: Any) -> None:
    """``[user, time]` takes each user's last`."""
    frame, split = ratings(SplitPlan(5, folds=2, by=("user", "time")))

    def ends(mask: np.ndarray, name: str) -> pl.DataFrame:
        rows = frame.filter(pl.Series(mask)).group_by("user_id")
        return rows.agg(
            pl.col("timestamp").min().alias(f"first_{name}"), pl.col("timestamp").max().alias(f"last_{name}")
        )

    held = frame.filter(pl.Series(split.part == "test")).group_by("user_id").len()
    assert (len(held), set(held["len"])) == (943, {5})
    for train, later in ((split.part == "train", split.part == "test"), *((f.train, f.held) for f in split.folds)):
        both = ends(train, "train").join(ends(later, "held"), on="user_id")
        assert len(both) == 943
        assert (both["last_train"] <= both["first_held"]).all()


# ---- point 6: what is not written ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "expected"),
    [(TITANIC, ("stratified",)), (MOTIONS, ("group",)), (FLIGHTS, ("time",)), (SUNSPOTS, ("random",))],
    ids=["classes", "groups", "times", "numbers"],
)
def test_no_split(case: tuple[str, str, str], expected: tuple[str, ...]) -> None:
    """`No `split`: `test = 20%`, stratified for classification, by group, query or time if such a role exists`."""
    found = looked(case)
    assert found.checked.sound().split.by == expected
    assert abs((found.split.part == "test").mean() - 0.2) < 0.01


def test_tasks_without_a_target_are_not_split() -> None:
    """`tasks without a target are not split, and their metrics are of all rows`."""
    text = (
        'mlp 1\ndata { csv("faithful.csv") }\nfeatures { "*": continuous }\n'
        "transforms { standardize on numeric }\nmodel { k_means(clusters = 2) }\n"
    )
    written = Source("t.mlp", text, SHARED / "t.mlp")
    found = look(written, plan(written), Options())
    assert (counts(found), found.checked.sound().split.held_out) == ({"train": 272}, "all")


@pytest.mark.parametrize(
    ("split", "expected"),
    [("folds = 5", {"train": 1309}), ("validation = 10%", {"train": 916, "validation": 131, "test": 262})],
)
def test_a_split_without_test(split: str, expected: dict[str, int]) -> None:
    """`A written `split` without `test`: no test part if there are folds ... else 20 %`."""
    assert counts(looked(TITANIC, split)) == expected


def test_a_part_column_says_the_parts() -> None:
    """`... a `test` source or a `part` column`: nothing else is cut."""
    case = (MOTIONS[0], MOTIONS[1] + "\n  split: categorical as part", "bayes")
    found = looked(case, "folds = 4")
    assert counts(found) == {"train": 4000, "test": 4000}
    assert (column(found, "split") == found.split.part).all()
    assert found.warnings == (), "no series is in both"


def test_a_part_column_that_tears_groups_apart_is_said() -> None:
    """Not in the language's power to prevent, but in its power to see: here a series is a class, in both parts."""
    features = (
        "label: categorical as group\n  split: categorical as part\n  ch0: continuous as target\n  ch1: continuous"
    )
    found = looked((MOTIONS[0], features, "ridge"))
    assert [(d.code, d.severity) for d in found.warnings] == [("MLP0302", "warning")]


def test_no_test_at_all_is_said() -> None:
    """``test = 0%` holds nothing out: metrics are of the training rows and say so`."""
    found = looked(TITANIC, "test = 0%")
    assert (counts(found), found.checked.sound().split.held_out) == ({"train": 1309}, "train")
    assert "nothing is held out: metrics are of the rows trained on" in found.checked.sound().defaults


# ---- point 2: implicit folds -----------------------------------------------------------------------------------------
def test_implicit_folds_are_of_the_training_rows_by_the_same_way() -> None:
    """`else five implicit folds of the training rows (same `by`), which `plan` and the record say`."""
    written = source(MOTIONS, "test = 20%")
    text = written.text.replace("gaussian_naive_bayes", "\n  gaussian_naive_bayes\n  threshold = maximize(accuracy)\n")
    text = text.replace(
        "label: categorical as target", "walks: binary = ch0 > 1 as target\n  label: categorical as ignore"
    )
    written = Source(written.name, text, written.path)
    found = look(written, plan(written), Options())
    assert found.split.implicit
    series, test = column(found, "series_id"), found.split.part == "test"
    assert len(found.split.folds) == 5
    for fold in found.split.folds:
        assert not (fold.train | fold.held)[test].any()
        assert not set(series[fold.train]) & set(series[fold.held])
    assert any("5 folds of the training rows" in text for text in found.checked.sound().defaults)
