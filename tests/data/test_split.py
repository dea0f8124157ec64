"""Parts and folds: partitions, shares, whole groups, order of time, determinism; language 4.4, points 3 to 6."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations

import attrs
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mldsl.data import Split, folds_within, make_split, split_frame
from mldsl.data.allot import balanced_groups, nearest_groups, quotas
from mldsl.data.draws import draws
from mldsl.diagnostics import MldslError
from mldsl.plan import ColumnPlan, ComponentValue, ModelPlan, SplitPlan

X = ColumnPlan("x", "continuous")
Y = ColumnPlan("y", "categorical", role="target")
G = ColumnPlan("g", "id", role="group")
Q = ColumnPlan("q", "id", role="query")
U = ColumnPlan("u", "id", role="user")
T = ColumnPlan("t", "time", role="time")
START = datetime(2024, 1, 1)

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def stopping() -> ModelPlan:
    stop = ComponentValue("stop", "no_improvement", "core")
    return ModelPlan("m", ComponentValue("model", "m", "core"), stop_when=stop)


def split_of(rig, split: SplitPlan, columns=(X,), seed=0, parts=None, models=(), **values) -> Split:
    columns = list(columns)
    dataset = rig.dataset(columns, parts, **values)
    return make_split(rig.plan(columns, split=split, models=models), dataset, seed)


def counts(split: Split) -> dict[str, int]:
    return dict(Counter(split.part.tolist()))


def problem(rig, split: SplitPlan, columns=(X,), **values):
    with pytest.raises(MldslError) as caught:
        split_of(rig, split, columns, **values)
    assert {d.code for d in caught.value.diagnostics} == {"MLP0405"}
    return caught.value.diagnostics[0]


# ---- shares ----------------------------------------------------------------------------------------------------------
@quick
@given(st.integers(20, 400), st.sampled_from([0.1, 0.2, 0.25]), st.sampled_from([None, 0.1, 0.15]), st.integers(0, 3))
def test_parts_are_the_nearest_shares_and_folds_partition_the_rest(rig, n, test, validation, seed) -> None:
    split = split_of(rig, SplitPlan(test, validation, folds=4), x=np.arange(n), seed=seed)
    found = counts(split)
    assert found["test"] == int(n * test + 0.5)
    assert found.get("validation", 0) == int(n * (validation or 0) + 0.5)
    assert sum(found.values()) == n
    held = np.stack([fold.held for fold in split.folds])
    assert (held.sum(axis=0) == split.mask("train")).all()
    assert np.ptp(held.sum(axis=1)) <= 1
    for fold in split.folds:
        assert (fold.train ^ fold.held == split.mask("train")).all()
        assert not (fold.train & fold.held).any()


@quick
@given(st.lists(st.integers(0, 3), min_size=30, max_size=300), st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 5))
def test_stratified_shares_are_within_one_row(rig, classes, test, seed) -> None:
    assume(len(set(classes)) > 1 and min(Counter(classes).values()) > 6)
    y = [f"c{c}" for c in classes]
    split = split_of(rig, SplitPlan(test, 0.1, folds=3, by=("stratified",)), (X, Y), seed, x=np.arange(len(y)), y=y)
    labels, n = np.array(y), len(y)
    assert counts(split)["test"] == int(n * test + 0.5)
    for label in set(y):
        size = int((labels == label).sum())
        assert abs(int((labels[split.mask("test")] == label).sum()) - test * size) < 1 + 1e-9
        assert abs(int((labels[split.mask("validation")] == label).sum()) - 0.1 * size) < 1 + 1e-9
        in_folds = [int((labels[fold.held] == label).sum()) for fold in split.folds]
        assert max(in_folds) - min(in_folds) <= 1


def test_a_number_of_rows(rig) -> None:
    assert counts(split_of(rig, SplitPlan(7, 3), x=np.arange(50))) == {"train": 40, "test": 7, "validation": 3}


def test_no_test_part(rig) -> None:
    for test in (None, 0.0):
        assert counts(split_of(rig, SplitPlan(test), x=np.arange(5))) == {"train": 5}


# ---- determinism -----------------------------------------------------------------------------------------------------
def test_the_same_seed_gives_the_same_parts_and_another_others(rig) -> None:
    def part(seed: int) -> list[str]:
        return split_of(rig, SplitPlan(0.2, folds=3, repeats=2), x=np.arange(100), seed=seed).part.tolist()

    assert part(1) == part(1)
    assert part(1) != part(2)


def test_a_known_split_never_changes() -> None:
    """Results of runs depend on it: this may only change with a new format of the record."""
    assert draws(7, "split/test", 3).tolist() == draws(7, "split/test", 5).tolist()[:3]
    assert np.argsort(draws(7, "split/test", 8)).tolist() == KNOWN


KNOWN = [2, 3, 4, 7, 1, 0, 5, 6]


def test_asking_for_more_does_not_change_the_test_part(rig) -> None:
    x = np.arange(200)
    alone = split_of(rig, SplitPlan(0.2), x=x)
    more = split_of(rig, SplitPlan(0.2, 0.1, folds=5, repeats=3), x=x)
    assert (alone.mask("test") == more.mask("test")).all()


def test_weights_play_no_part(rig) -> None:
    weight = ColumnPlan("w", "continuous", role="weight")
    x, rng = np.arange(80), np.random.default_rng(0)
    parts = [
        split_of(rig, SplitPlan(0.2, folds=4), (X, weight), x=x, w=w).part.tolist()
        for w in (np.ones(80), rng.uniform(0, 9, 80), np.zeros(80))
    ]
    assert parts[0] == parts[1] == parts[2]


def test_repeats_are_new_folds(rig) -> None:
    split = split_of(rig, SplitPlan(None, folds=3, repeats=2), x=np.arange(60))
    assert [(fold.repeat, fold.index) for fold in split.folds] == [(r, i) for r in (0, 1) for i in (0, 1, 2)]
    assert not (split.folds[0].held == split.folds[3].held).all()


def test_implicit_folds_are_marked(rig) -> None:
    split = split_of(rig, SplitPlan(0.2, implicit_folds=5), x=np.arange(50))
    assert (split.implicit, len(split.folds)) == (True, 5)
    assert not split_of(rig, SplitPlan(0.2, folds=5), x=np.arange(50)).implicit


# ---- groups ----------------------------------------------------------------------------------------------------------
groups = st.lists(st.integers(1, 9), min_size=4, max_size=12)


@quick
@given(groups, st.sampled_from([0.1, 0.25, 0.4]), st.integers(0, 3))
def test_groups_are_never_parted_and_shares_are_the_nearest(rig, sizes, test, seed) -> None:
    g = [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
    values = {"x": np.arange(len(g)), "g": g}
    split = split_of(rig, SplitPlan(test, by=("group",)), (X, G), seed, **values)
    folds = split_of(rig, SplitPlan(None, folds=3, by=("group",)), (X, G), seed, **values).folds
    for mask in (split.mask("test"), *(fold.held for fold in folds)):
        assert not set(np.array(g)[mask]) & set(np.array(g)[~mask])
    want = int(len(g) * test + 0.5)
    sums = {sum(chosen) for k in range(1, len(sizes)) for chosen in combinations(sizes, k)}
    assert abs(counts(split)["test"] - want) == min(abs(total - want) for total in sums)


def test_the_choice_of_groups_is_random(rig) -> None:
    g = [f"g{i // 5}" for i in range(100)]
    chosen = {
        tuple(split_of(rig, SplitPlan(0.2, by=("group",)), (X, G), seed, x=np.arange(100), g=g).part)
        for seed in range(8)
    }
    assert len(chosen) == 8


def test_many_groups_are_chosen_greedily(monkeypatch) -> None:
    from mldsl.data import allot

    monkeypatch.setattr(allot, "EXACT_BITS", 0)
    sizes = np.random.default_rng(0).integers(1, 30, 500)
    taken = nearest_groups(sizes, 1000)
    assert abs(int(sizes[taken].sum()) - 1000) <= sizes.min() / 2


def test_queries_stay_together_and_so_does_what_they_connect(rig) -> None:
    # Query 2 has rows of both groups a and b, so all three belong together.
    g = ["a", "a", "b", "b", "c", "d", "e", "f"]
    q = ["1", "2", "2", "3", "4", "5", "6", "7"]
    split = split_of(rig, SplitPlan(0.5, by=("group",)), (X, G, Q), x=np.arange(8), g=g, q=q)
    assert len(set(split.part[:4])) == 1
    only_queries = split_of(rig, SplitPlan(0.5, by=("group",)), (X, Q), x=np.arange(8), q=q)
    assert only_queries.part[1] == only_queries.part[2]


def test_a_missing_group_is_a_group_of_its_own(rig) -> None:
    g = ["a", "a", None, None, None, None]
    split = split_of(rig, SplitPlan(1 / 6, by=("group",)), (X, G), x=np.arange(6), g=g)
    assert counts(split) == {"test": 1, "train": 5}


@quick
@given(st.integers(0, 20))
def test_groups_with_class_shares(rig, seed) -> None:
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(60), rng.integers(2, 8, 60))
    rate = rng.choice([0.1, 0.5], 60)[g]
    y = np.where(rng.random(len(g)) < rate, "yes", "no")
    split = split_of(
        rig, SplitPlan(0.25, folds=4, by=("group", "stratified")), (X, G, Y), seed,
        x=np.arange(len(g)), g=[f"g{i}" for i in g], y=y.tolist(),
    )  # fmt: skip
    share = (y == "yes").mean()
    test = split.mask("test")
    assert not set(g[test]) & set(g[~test])
    assert abs(test.mean() - 0.25) < 0.04
    assert abs((y[test] == "yes").mean() - share) < 0.06
    for fold in split.folds:
        assert abs((y[fold.held] == "yes").mean() - share) < 0.09


# ---- time ------------------------------------------------------------------------------------------------------------
days = st.lists(st.integers(0, 400), min_size=30, max_size=120)


@quick
@given(days, st.sampled_from([0.1, 0.2]), st.sampled_from([None, 2.0 * 86400]))
def test_time_only_goes_forward(rig, when, test, gap) -> None:
    assume(len(set(when)) > 25)
    t = [START + timedelta(days=d) for d in when]
    split = split_of(rig, SplitPlan(test, 0.1, folds=3, by=("time",), gap=gap), (X, T), x=np.arange(len(t)), t=t)
    day = np.array(when)
    distance = 0.5 if gap is None else gap / 86400
    train, validation = day[split.mask("train")], day[split.mask("validation")]
    assert train.max() + distance <= validation.min()
    assert validation.max() + distance <= day[split.mask("test")].min()
    last = None
    for fold in split.folds:
        assert day[fold.train].max() + distance <= day[fold.held].min()
        assert last is None or day[fold.held].min() > last
        last = day[fold.held].max()
    if gap is None:
        assert "gap" not in counts(split)


def test_equal_times_stay_together_and_the_cut_is_the_nearest(rig) -> None:
    t = [START + timedelta(days=d) for d in (0, 0, 0, 1, 1, 1, 1, 2, 2, 3)]
    split = split_of(rig, SplitPlan(0.2, by=("time",)), (X, T), x=np.arange(10), t=t)
    assert np.flatnonzero(split.mask("test")).tolist() in ([9], [7, 8, 9])
    exact = split_of(rig, SplitPlan(2, by=("time",)), (X, T), x=np.arange(10), t=t)
    assert np.flatnonzero(exact.mask("test")).tolist() == [8, 9]


def test_the_order_of_the_file(rig) -> None:
    split = split_of(rig, SplitPlan(3, 0.2, by=("order",), gap=1), x=np.arange(20))
    assert "".join(part[0] for part in split.part) == "t" * 11 + "g" + "v" * 4 + "g" + "t" * 3
    assert split.part[-1] == "test"


def test_folds_in_order_have_blocks(rig) -> None:
    split = split_of(rig, SplitPlan(None, folds=3, by=("order",)), x=np.arange(12))
    held = [np.flatnonzero(fold.held).tolist() for fold in split.folds]
    assert held == [[3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert [int(fold.train.sum()) for fold in split.folds] == [3, 6, 9]


def test_a_number_as_time(rig) -> None:
    year = ColumnPlan("t", "integer", role="time")
    split = split_of(rig, SplitPlan(0.25, by=("time",)), (X, year), x=np.arange(8), t=[8, 7, 6, 5, 4, 3, 2, 1])
    assert split.part.tolist() == ["test", "test", *["train"] * 6]


def test_whole_groups_in_time_train_on_earlier_rows_only(rig) -> None:
    #         a  a  b  b  c  c  d  d      b goes on after c has begun
    when = [0, 1, 1, 6, 5, 7, 8, 9]
    t = [START + timedelta(days=d) for d in when]
    g = list("aabbccdd")
    split = split_of(rig, SplitPlan(0.5, by=("group", "time")), (X, G, T), x=np.arange(8), g=g, t=t)
    assert split.part.tolist() == ["train"] * 3 + ["gap"] + ["test"] * 4


# ---- users -----------------------------------------------------------------------------------------------------------
ratings = st.lists(st.integers(0, 9), min_size=40, max_size=120)


@quick
@given(ratings, st.integers(0, 3))
def test_each_users_rows_are_parted(rig, who, seed) -> None:
    u = np.array(who)
    split = split_of(rig, SplitPlan(0.25, by=("user",)), (X, U), seed, x=np.arange(len(u)), u=[f"u{i}" for i in who])
    for user in set(who):
        mine = u == user
        assert abs(int((split.mask("test") & mine).sum()) - 0.25 * mine.sum()) < 1 + 1e-9
        assert (split.mask("train") & mine).any()


@quick
@given(ratings, st.sampled_from([1, 2, 0.25]))
def test_each_users_last_rows(rig, who, test) -> None:
    u, n = np.array(who), len(who)
    t = [START + timedelta(hours=(7919 * i) % n) for i in range(n)]
    split = split_of(
        rig, SplitPlan(test, by=("user", "time")), (X, U, T), x=np.arange(n), u=[f"u{i}" for i in who], t=t
    )
    when = np.array([moment.timestamp() for moment in t])
    for user in set(who):
        train, held = (when[(u == user) & split.mask(part)] for part in ("train", "test"))
        assert len(train)
        if not isinstance(test, float):
            assert len(held) == min(test, len(train) + len(held) - 1)
        if len(held):
            assert train.max() < held.min()


def test_folds_of_users_in_time_go_forward(rig) -> None:
    n = 60
    u = [f"u{i % 4}" for i in range(n)]
    t = [START + timedelta(hours=i) for i in range(n)]
    split = split_of(rig, SplitPlan(None, folds=3, by=("user", "time"), gap=1), (X, U, T), x=np.arange(n), u=u, t=t)
    for fold in split.folds:
        for user in range(4):
            mine = np.arange(n) % 4 == user
            train, held = np.flatnonzero(fold.train & mine), np.flatnonzero(fold.held & mine)
            assert held.min() - train.max() == 8  # four users, one row apart


# ---- parts that are given --------------------------------------------------------------------------------------------
def test_separate_sources(rig) -> None:
    parts = ["train"] * 50 + ["test"] * 30
    split = split_of(rig, SplitPlan(None, 0.1, folds=3, separate=("train", "test")), parts=parts, x=np.arange(80))
    assert counts(split) == {"train": 45, "validation": 5, "test": 30}
    assert split.mask("test")[50:].all()
    assert not any(fold.held[50:].any() or fold.train[50:].any() for fold in split.folds)


def test_a_part_column(rig) -> None:
    column = ColumnPlan("p", "categorical", role="part")
    p = ["train", "test", "validation", "train"]
    split = split_of(rig, SplitPlan(None, part_column="p"), (X, column), x=np.arange(4), p=p)
    assert split.part.tolist() == p


P = ColumnPlan("p", "categorical", role="part")


def test_given_parts_that_share_groups_are_said(rig) -> None:
    g, p = list("aabbccdd"), ["train", "test", "train", "train", "test", "test", "train", "train"]
    split = split_of(rig, SplitPlan(None, by=("group",), part_column="p"), (X, G, P), x=np.arange(8), g=g, p=p)
    assert [(d.code, d.severity, d.message) for d in split.warnings] == [
        ("MLP0302", "warning", "1 of the 2 `g` of the test rows has training rows too")
    ]
    apart = ["train"] * 6 + ["test"] * 2
    assert not split_of(
        rig, SplitPlan(None, by=("group",), separate=("test",)), (X, G), parts=apart, x=np.arange(8), g=g
    ).warnings


def test_given_parts_against_the_order_of_time_are_said(rig) -> None:
    t = [START + timedelta(days=d) for d in range(6)]
    split = SplitPlan(None, by=("time",), separate=("test",))
    later = split_of(rig, split, (X, T), parts=["train"] * 2 + ["test"] * 2 + ["train"] * 2, x=np.arange(6), t=t)
    assert [(d.code, d.message) for d in later.warnings] == [
        ("MLP0315", "2 rows to train on are later than the first of the test rows")
    ]
    assert not split_of(rig, split, (X, T), parts=["train"] * 4 + ["test"] * 2, x=np.arange(6), t=t).warnings


def test_a_part_that_is_given_and_cut_is_refused(rig) -> None:
    p = ["train"] * 8 + ["test"] * 2
    dataset = rig.dataset([X, P], x=np.arange(10), p=p)
    with pytest.raises(MldslError) as caught:
        make_split(rig.plan([X, P], split=SplitPlan(0.2, part_column="p")), dataset, 0)
    assert [(d.code, d.message) for d in caught.value.diagnostics] == [("MLP0103", "the test part is defined twice")]
    validation = make_split(rig.plan([X, P], split=SplitPlan(None, 0.25, part_column="p")), dataset, 0)
    assert counts(validation) == {"train": 6, "validation": 2, "test": 2}


# ---- stopping --------------------------------------------------------------------------------------------------------
def test_stopping_cuts_the_same_proportion_from_each_fold(rig) -> None:
    split = split_of(rig, SplitPlan(0.2, 0.1, folds=5), models=[stopping()], x=np.arange(1000))
    for fold in split.folds:
        assert fold.stop is not None
        assert int(fold.stop.sum()) == 56  # 10 % of 700 * 4 / 5
        assert int(fold.train.sum()) == 504
        assert not (fold.stop & (fold.train | fold.held)).any()
    assert all(fold.stop is None for fold in split_of(rig, SplitPlan(0.2, 0.1, folds=5), x=np.arange(1000)).folds)


def test_stopping_rows_in_time_are_the_last(rig) -> None:
    split = split_of(rig, SplitPlan(None, folds=3, by=("order",), gap=1), models=[stopping()], x=np.arange(40))
    for fold in split.folds:
        assert fold.stop is not None
        assert np.flatnonzero(fold.train).max() + 2 == np.flatnonzero(fold.stop).min()
        assert np.flatnonzero(fold.stop).max() + 2 == np.flatnonzero(fold.held).min()


# ---- mistakes --------------------------------------------------------------------------------------------------------
def test_a_part_without_rows(rig) -> None:
    found = problem(rig, SplitPlan(0.1), x=np.arange(3))
    assert found.message == "the test part is empty"
    assert found.notes == ("rows: train 3, test 0",)


def test_a_single_group(rig) -> None:
    found = problem(rig, SplitPlan(0.2, by=("group",)), (X, G), x=np.arange(6), g=["a"] * 6)
    assert "whole groups" in (found.help or "")


def test_all_at_one_time(rig) -> None:
    assert "test" in problem(rig, SplitPlan(0.2, by=("time",)), (X, T), x=np.arange(6), t=[START] * 6).message


def test_one_class(rig) -> None:
    found = problem(rig, SplitPlan(0.2), (X, Y), x=np.arange(10), y=["a"] * 10)
    assert found.message == "all 8 training rows have the same class, `a`"
    late = ["a"] * 40 + ["b"] * 10
    found = problem(rig, SplitPlan(0.2, by=("order",)), (X, Y), x=np.arange(50), y=late)
    assert found.code == "MLP0405"


def test_a_named_part_of_one_class_is_a_warning(rig) -> None:
    y = ["a", "b"] * 10
    split = split_of(rig, SplitPlan(1, by=("order",)), (X, Y), x=np.arange(20), y=y)
    assert [d.severity for d in split.warnings] == ["warning"]


def test_levels_without_training_rows_are_said(rig) -> None:
    y = ["a", "b"] * 10 + ["c"] + ["a", "b"]
    split = split_of(rig, SplitPlan(3, by=("order",)), (X, Y), x=np.arange(23), y=y)
    assert [d.message for d in split.warnings] == ["1 level has no training rows: `c` of `y`"]


def test_more_folds_than_groups(rig) -> None:
    g = ["a", "b", "c"] * 4
    found = problem(rig, SplitPlan(None, folds=5, by=("group",)), (X, G), x=np.arange(12), g=g)
    assert found.message == "fold 4 of 5 holds no row out"


def test_a_fold_of_one_class(rig) -> None:
    y = ["a"] * 30 + ["b"]
    found = problem(rig, SplitPlan(None, folds=3), (X, Y), x=np.arange(31), y=y)
    assert "only one class" in found.message
    assert found.help == "write `by = stratified`"


# ---- arithmetic ------------------------------------------------------------------------------------------------------
@quick
@given(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.integers(0, 60), st.data())
def test_quotas(sizes, want, data) -> None:
    size = np.array(sizes)
    limits = np.array([data.draw(st.integers(0, s)) for s in sizes])
    found = quotas(size, want, limits, np.arange(len(sizes)))
    assert (found <= limits).all()
    assert int(found.sum()) == min(want, int(limits.sum())) or int(found.sum()) <= want
    if int(limits.sum()) >= want and (limits == size).all() and sum(sizes) >= want > 0:
        assert int(found.sum()) == want
        assert (abs(found - want * size / sum(sizes)) < 1 + 1e-9).all()


# ---- the record ------------------------------------------------------------------------------------------------------
def test_the_table_of_the_split(rig) -> None:
    weight = ColumnPlan("w", "integer", role="weight")
    columns = [X, weight]
    dataset = rig.dataset(columns, x=np.arange(10), w=[2] * 10)
    dropped = pl.DataFrame({"__source": [0], "__row": [10]}, schema=dataset.dropped.schema)
    dataset = attrs.evolve(dataset, dropped=dropped)
    split = make_split(rig.plan(columns, split=SplitPlan(0.2, folds=2, repeats=3)), dataset, 0)
    table = split_frame(dataset, split)
    assert table.columns == ["source", "row", "part", "fold", "repeat", "weight"]
    assert table.height == 8 * 3 + 2 + 1
    assert table["source"].null_count() == table.height
    assert table.filter(pl.col("part").is_null()).select("row", "fold", "weight").rows() == [(10, None, None)]
    for fold in split.folds:
        chosen = table.filter((pl.col("fold") == fold.index) & (pl.col("repeat") == fold.repeat))
        assert chosen["row"].to_list() == np.flatnonzero(fold.held).tolist()
    assert table.filter(pl.col("part") == "test")["fold"].null_count() == 2


# ---- folds inside of folds -------------------------------------------------------------------------------------------
def nested(rig, split: SplitPlan, columns=(X,), count=3, models=(), seed=0, **values):
    """Outer folds, and for each the folds of its training rows."""
    columns = list(columns)
    dataset = rig.dataset(columns, **values)
    plan = rig.plan(columns, split=split, models=models)
    outer = make_split(plan, dataset, seed).folds
    return [
        (fold, folds_within(plan, dataset, seed, fold.train, count, f"fold={fold.repeat}.{fold.index}"))
        for fold in outer
    ]


@quick
@given(st.integers(40, 200), st.integers(2, 4), st.integers(0, 3))
def test_inner_folds_partition_the_outer_training_rows_and_touch_no_other(rig, n, count, seed) -> None:
    y = ["a", "b"] * n
    by = ("stratified",)
    for outer, inner in nested(rig, SplitPlan(None, folds=3, by=by), (X, Y), count, seed=seed, x=np.arange(2 * n), y=y):
        assert len(inner) == count
        assert (np.stack([fold.held for fold in inner]).sum(axis=0) == outer.train).all()
        for fold in inner:
            assert (fold.train ^ fold.held == outer.train).all()
            assert not (fold.train & fold.held).any()
            shares = [(np.array(y)[mask] == "a").mean() for mask in (fold.held, fold.train)]
            assert np.allclose(shares, 0.5, atol=0.1)


def test_inner_folds_are_a_function_of_seed_path_and_pool(rig) -> None:
    dataset = rig.dataset([X], x=np.arange(60))
    plan, pool = rig.plan([X], split=SplitPlan(None, folds=3)), np.arange(60) < 40

    def held(seed: int, path: str) -> list[list[bool]]:
        return [fold.held.tolist() for fold in folds_within(plan, dataset, seed, pool, 4, path)]

    assert held(1, "fold=0.0") == held(1, "fold=0.0")
    assert held(1, "fold=0.0") != held(1, "fold=0.1")
    assert held(1, "fold=0.0") != held(2, "fold=0.0")


@quick
@given(st.lists(st.integers(1, 9), min_size=12, max_size=30), st.sampled_from([("group",), ("group", "stratified")]))
def test_whole_groups_stay_together_inside(rig, sizes, by) -> None:
    g = np.repeat(np.arange(len(sizes)), sizes)
    y = np.where(np.arange(len(g)) % 2, "a", "b")
    assume(min(Counter(g.tolist()).values()) > 1 or by == ("group",))
    columns = (X, G, Y) if "stratified" in by else (X, G)
    values = {"x": np.arange(len(g)), "g": [f"g{i}" for i in g]}
    if "stratified" in by:
        values["y"] = y.tolist()
    for outer, inner in nested(rig, SplitPlan(None, folds=3, by=by), columns, **values):
        for fold in inner:
            assert not set(g[fold.held]) & set(g[fold.train])
            assert not ((fold.held | fold.train) & ~outer.train).any()


@pytest.mark.parametrize("by", [("time",), ("order",), ("group", "time")])
def test_inner_folds_train_on_earlier_rows_only(rig, by) -> None:
    n, gap = 240, None if "order" in by else 86400.0
    day = np.arange(n) if "order" in by else np.sort(np.random.default_rng(3).integers(0, 120, n))
    values = {"x": np.arange(n), "t": [START + timedelta(days=int(d)) for d in day], "g": [f"g{d // 2}" for d in day]}
    for outer, inner in nested(rig, SplitPlan(None, folds=3, by=by, gap=gap), (X, T, G), **values):
        assert inner
        for fold in inner:
            assert day[fold.train].max() + (1 if gap else 0.5) <= day[fold.held].min()
            assert day[fold.held].max() < day[outer.held].min()


def test_inner_folds_of_users_go_forward(rig) -> None:
    n = 120
    u, t = [f"u{i % 4}" for i in range(n)], [START + timedelta(hours=i) for i in range(n)]
    split = SplitPlan(None, folds=2, by=("user", "time"))
    for outer, inner in nested(rig, split, (X, U, T), x=np.arange(n), u=u, t=t):
        for fold in inner:
            assert not (fold.held & ~outer.train).any()
            for user in range(4):
                mine = np.arange(n) % 4 == user
                assert np.flatnonzero(fold.train & mine).max() < np.flatnonzero(fold.held & mine).min()


def test_inner_folds_cut_rows_to_stop_on_from_their_own_training_rows(rig) -> None:
    found = nested(rig, SplitPlan(None, folds=3), models=[stopping()], x=np.arange(900))
    for outer, inner in found:
        assert int(outer.train.sum()) == 540
        for fold in inner:
            assert fold.stop is not None
            assert (int(fold.held.sum()), int(fold.stop.sum()), int(fold.train.sum())) == (180, 36, 324)
            assert not (fold.stop & (fold.train | fold.held | ~outer.train)).any()


def test_inner_folds_that_cannot_be_name_the_outer_fold(rig) -> None:
    def problem_of(split: SplitPlan, columns, path: str, **values) -> str:
        dataset = rig.dataset(list(columns), **values)
        plan, pool = rig.plan(list(columns), split=split), np.arange(dataset.rows) < 12
        with pytest.raises(MldslError) as caught:
            folds_within(plan, dataset, 0, pool, 5, path)
        assert [d.code for d in caught.value.diagnostics] == ["MLP0405"]
        return str(caught.value.diagnostics[0].message)

    g, x = [f"g{i // 4}" for i in range(24)], np.arange(24)
    grouped = SplitPlan(None, folds=2, by=("group",))
    assert problem_of(grouped, (X, G), "fold=0.1", x=x, g=g) == "fold 4 of 5 inside fold 2 holds no row out"
    repeated = attrs.evolve(grouped, repeats=3)
    message = problem_of(repeated, (X, G), "fold=2.0", x=x, g=g)
    assert message == "fold 4 of 5 inside fold 1 of repeat 3 holds no row out"
    y = ["a"] * 12 + ["b"] * 12
    message = problem_of(SplitPlan(None, folds=2), (X, Y), "tune/last", x=x, y=y)
    assert message == "the training rows of fold 1 of 5 of the training rows have only one class"


# ---- quality of whole groups -----------------------------------------------------------------------------------------
def test_grouped_folds_share_what_is_left_over() -> None:
    """16 groups of each of four classes in five folds: no fold takes the sixteenth of every class."""
    counts = np.zeros((64, 4), int)
    counts[np.arange(64), np.arange(64) % 4] = 100
    found = balanced_groups(counts, np.tile(counts.sum(axis=0) / 5, (5, 1)), draws(0, "x", 64))
    assert sorted(np.bincount(found)) == [12, 13, 13, 13, 13]
    for bin_ in range(5):
        assert set(counts[found == bin_].sum(axis=0)) <= {300, 400}


@pytest.mark.parametrize("seed", range(4))
def test_grouped_shares_are_as_near_as_the_best_of_all_assignments(seed) -> None:
    """Few enough groups to try every one: what is lacking is at most a little more than the least possible."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 9, (9, 2))
    targets = np.stack([counts.sum(axis=0) * 0.3, counts.sum(axis=0) * 0.7])

    def lacking(found: np.ndarray) -> float:
        off = np.stack([counts[found == bin_].sum(axis=0) for bin_ in (0, 1)]) - targets
        return float(((off / counts.sum(axis=0)) ** 2).sum() + 2 * ((off.sum(axis=1) / counts.sum()) ** 2).sum())

    every = [np.array([code >> i & 1 for i in range(9)]) for code in range(1, 511)]
    best = min(lacking(found) for found in every)
    found = balanced_groups(counts, targets, draws(seed, "x", 9))
    rank = sum(lacking(other) < lacking(found) - 1e-12 for other in every)
    assert lacking(found) >= best - 1e-12
    assert rank <= 10, "among the best fiftieth of all assignments"


@pytest.mark.parametrize("by", [("group",), ("group", "stratified")])
def test_repeated_folds_of_groups_differ_though_all_sizes_do(rig, by) -> None:
    """Largest first would put groups of different sizes the same way in every repeat."""
    g = np.repeat(np.arange(30), np.arange(20, 50))
    y = np.where(np.random.default_rng(0).random(len(g)) < 0.3, "a", "b").tolist()
    split = split_of(
        rig, SplitPlan(None, folds=3, repeats=3, by=by), (X, G, Y), x=np.arange(len(g)), g=[f"{i}" for i in g], y=y
    )
    held = {tuple(sorted(fold.held.tobytes() for fold in split.folds if fold.repeat == r)) for r in range(3)}
    assert len(held) == 3
    for fold in split.folds:
        assert abs(fold.held.mean() - 1 / 3) < 0.02
        assert abs((np.array(y)[fold.held] == "a").mean() - 0.3) < (0.03 if "stratified" in by else 0.1)


def test_a_class_that_one_group_has_alone(rig) -> None:
    g = [f"g{i // 5}" for i in range(60)]
    y = ["rare" if i < 5 else "ab"[i % 2] for i in range(60)]
    split = split_of(rig, SplitPlan(None, folds=4, by=("group", "stratified")), (X, G, Y), x=np.arange(60), g=g, y=y)
    assert {int(fold.held.sum()) for fold in split.folds} == {15}


def test_a_class_smaller_than_the_folds(rig) -> None:
    """Three rows in five folds: three folds hold one out each, and all train on two or three."""
    y = ["rare"] * 3 + ["a", "b"] * 50
    split = split_of(rig, SplitPlan(None, folds=5, by=("stratified",)), (X, Y), x=np.arange(103), y=y)
    rare = np.arange(103) < 3
    assert sorted(int((fold.held & rare).sum()) for fold in split.folds) == [0, 0, 1, 1, 1]
    assert all((fold.train & rare).any() for fold in split.folds)


def test_all_times_equal_in_folds(rig) -> None:
    found = problem(rig, SplitPlan(None, folds=3, by=("time",)), (X, T), x=np.arange(9), t=[START] * 9)
    assert found.message.startswith("fold ")


def test_one_group_in_folds(rig) -> None:
    found = problem(rig, SplitPlan(None, folds=3, by=("group",)), (X, G), x=np.arange(9), g=["a"] * 9)
    assert (found.message, found.help) == (
        "fold 1 of 3 has no row to train on", "whole groups stay together: have fewer folds than groups"
    )  # fmt: skip
