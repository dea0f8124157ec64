"""What a plan says of rows: counts against counting by hand, and the table that people read."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import numpy as np
import pytest

from mldsl.data import learn_levels, make_split
from mldsl.data.facts import row_facts
from mldsl.diagnostics import MldslError
from mldsl.plan import ColumnPlan, ComponentValue, ModelPlan, SplitPlan, Threshold, TunePlan
from mldsl.plan.rows import PartRows, SplitRows
from mldsl.plan.rows_text import rows_facts, share_text
from mldsl.plan.text import plan_text

X = ColumnPlan("x", "continuous")
Y = ColumnPlan("y", "categorical", role="target")
N = ColumnPlan("n", "continuous", role="target")
W = ColumnPlan("w", "continuous", role="weight")
G = ColumnPlan("g", "id", role="group")
T = ColumnPlan("t", "time", role="time")
START = datetime(2024, 1, 1)
MODEL = ModelPlan("m", ComponentValue("model", "m", "core"))
ACCURACY = ComponentValue("metric", "accuracy", "core")


def facts_of(rig, split: SplitPlan, columns, parts=None, models=(MODEL,), tune=None, task=None, **values):
    columns = list(columns)
    dataset = rig.dataset(columns, parts, **values)
    plan = attrs.evolve(rig.plan(columns, split=split, models=models, task=task), tune=tune)
    made = make_split(plan, dataset, 0)
    facts = row_facts(plan, dataset, made, learn_levels(dataset, made.mask("train")), 0)
    return plan, made, facts


def table(plan, facts: SplitRows) -> dict[str, list[str]]:
    """The rows of the table: label -> cells."""
    return {label: text.split() for label, text in rows_facts(plan, facts)["Rows"]}


def choosing(plan, facts: SplitRows) -> dict[str, str]:
    return dict(rows_facts(plan, facts)["Choosing"])


# ---- counts ----------------------------------------------------------------------------------------------------------
def test_rows_and_classes_of_every_part_and_fold(rig) -> None:
    y = np.array(["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    split = SplitPlan(0.2, 0.1, folds=3, by=("stratified",), held_out="test")
    plan, made, facts = facts_of(rig, split, (X, Y), x=np.arange(100), y=y.tolist())
    for name, part in facts.parts:
        mask = made.mask(name)
        assert part.rows == int(mask.sum())
        assert dict(part.classes) == {level: int((y[mask] == level).sum()) for level in "abc"}
    assert [name for name, _ in facts.parts] == ["train", "validation", "test"]
    for fold, counted in zip(made.folds, facts.folds, strict=True):
        for mask, side in ((fold.train, counted.train), (fold.held, counted.held_out)):
            assert dict(side.classes) == {level: int((y[mask] == level).sum()) for level in "abc"}
    assert table(plan, facts)["train"] == ["70", "70.0%", "60.0%", "30.0%", "10.0%"]
    assert table(plan, facts)["3 folds: held out"][0] == "23..24"


def test_numbers_have_mean_and_deviation_and_weights_count(rig) -> None:
    n, w = np.array([1.0, 2.0, 3.0, 4.0, 10.0]), np.array([1.0, 2.0, 0.0, 1.0, 1.0])
    plan, _, facts = facts_of(rig, SplitPlan(1, by=("order",)), (X, N, W), x=np.arange(5), n=n, w=w)
    assert facts.all.mean == pytest.approx((n * w).sum() / 5)
    repeated = np.repeat(n, w.astype(int))
    assert facts.all.deviation == pytest.approx(repeated.std(ddof=1))
    assert (facts.all.rows, facts.all.weight) == (5, 5.0)
    assert dict(facts.parts)["test"] == PartRows(1, 1.0, mean=10.0)
    assert table(plan, facts)["part"] == ["rows", "share", "weight", "mean", "deviation"]


def test_class_shares_are_weighted(rig) -> None:
    plan, _, facts = facts_of(
        rig, SplitPlan(0.0, held_out="train"), (X, Y, W), x=np.arange(4), y=["a", "b", "a", "b"], w=[9.0, 1.0, 0.0, 0.0]
    )
    assert facts.positive == "b"
    assert table(plan, facts) == {
        "positive": ["`b`"], "part": ["rows", "share", "weight", "a", "b"],
        "all": ["4", "100%", "10", "90.0%", "10.0%"],
    }  # fmt: skip


def test_groups_and_time_and_the_gap(rig) -> None:
    t = [START + timedelta(days=d) for d in range(40)]
    g = [f"g{d // 2}" for d in range(40)]
    split = SplitPlan(0.25, folds=3, by=("group", "time"), gap=2 * 86400.0)
    plan, made, facts = facts_of(rig, split, (X, G, T), task="regression", x=np.arange(40), g=g, t=t)
    parts = dict(facts.parts)
    assert parts["test"].time == ("2024-01-31", "2024-02-09")
    assert dict(parts["test"].distinct) == {"group": 5}
    assert parts["gap"].rows == int(made.mask("gap").sum()) == 1
    shown = table(plan, facts)
    assert shown["test"] == ["10", "25.0%", "5", "2024-01-31", "2024-02-09"]
    assert [label for label in shown if "fold" in label] == [
        f"fold {i}: {side}" for i in (1, 2, 3) for side in ("train", "held out")
    ]


def test_times_of_the_day_are_shown_and_numbers_are_ordered_as_numbers(rig) -> None:
    t = [START + timedelta(hours=7 * h) for h in range(10)]
    _, _, facts = facts_of(rig, SplitPlan(0.2, by=("time",)), (X, T), task="regression", x=np.arange(10), t=t)
    assert dict(facts.parts)["test"].time == ("2024-01-03 08:00", "2024-01-03 15:00")
    years = ColumnPlan("t", "integer", role="time")
    plan, _, facts = facts_of(
        rig, SplitPlan(None, folds=8, by=("time",)), (X, years), task="regression", x=np.arange(27), t=range(90, 117)
    )
    assert table(plan, facts)["8 folds: held out"][-2:] == ["93", "116"]


def test_users_and_items_and_those_that_are_new(rig) -> None:
    columns = [ColumnPlan("u", "id", role="user"), ColumnPlan("i", "id", role="item"), N]
    parts = ["train"] * 4 + ["test"] * 3
    plan, _, facts = facts_of(
        rig, SplitPlan(None, separate=("test",), by=("user",)), columns, parts, task="recommendation",
        u=["a", "a", "b", "b", "a", "b", "c"], i=["p", "q", "p", "q", "r", "s", "p"], n=[1.0] * 7,
    )  # fmt: skip
    test = dict(facts.parts)["test"]
    assert (dict(test.distinct), dict(test.unknown)) == ({"user": 3, "item": 3}, {"user": 1, "item": 2})
    assert "58.3%" in " ".join(table(plan, facts)["density"])


def test_many_classes_show_the_commonest_and_the_rarest(rig) -> None:
    y = [f"class {i % 7}" for i in range(70)] + ["class 3"] * 20 + ["a class with a long name"] * 2
    plan, _, facts = facts_of(rig, SplitPlan(0.25, by=("stratified",)), (X, Y), x=np.arange(92), y=y)
    text = dict(rows_facts(plan, facts)["Rows"])
    assert text["part"].split("  ")[-2:] == ["class 3", "a class with …"]
    assert table(plan, facts)["all"] == ["92", "100%", "8", "32.6%", "2.2%"]


def test_the_table_fits_its_section(rig) -> None:
    """Everything at once: the share goes, and then the last columns, instead of lines that wrap."""
    n = 400
    columns = [
        ColumnPlan("u", "id", role="user"), ColumnPlan("i", "id", role="item"), ColumnPlan("g", "id", role="group"),
        T, W, N,
    ]  # fmt: skip
    plan, _, facts = facts_of(
        rig, SplitPlan(2, folds=3, by=("user", "time")), columns, task="recommendation", w=np.full(n, 123456.0),
        u=[f"u{k % 8}" for k in range(n)], i=[f"i{k % 50}" for k in range(n)], g=[f"g{k % 9}" for k in range(n)],
        t=[START + timedelta(hours=k) for k in range(n)], n=np.linspace(0.0, 1e9, n),
    )  # fmt: skip
    text = plan_text(plan, rows_facts(plan, facts))
    lines = text.split("\nRows\n")[1].split("\n\n")[0].split("\n")[1:]
    assert len(lines) == 10
    assert max(map(len, lines)) <= 100
    assert len({len(line) for line in lines}) == 1, "columns are aligned"
    shown = lines[0].split()
    assert "share" not in shown
    assert shown[:3] == ["part", "rows", "weight"]


def test_the_hour_is_left_out_of_long_times(rig) -> None:
    t = [START + timedelta(hours=31 * h) for h in range(60)]
    plan, _, facts = facts_of(rig, SplitPlan(0.2, by=("time",)), (X, T), task="regression", x=np.arange(60), t=t)
    assert dict(facts.parts)["test"].time == ("2024-03-03", "2024-03-17 05:00")
    assert table(plan, facts)["all"][-2:] == ["2024-01-01", "2024-03-17"]


# ---- who chooses -----------------------------------------------------------------------------------------------------
def threshold() -> ModelPlan:
    return attrs.evolve(MODEL, threshold=Threshold(direction="maximize", metric=ACCURACY))


def stopping() -> ModelPlan:
    return attrs.evolve(MODEL, stop_when=ComponentValue("stop", "no_improvement", "core"))


TUNE = TunePlan(ComponentValue("search", "grid", "core"), (("l2", ("range", 0, 1)),), folds=4)
CLASSES = {"x": np.arange(200), "y": ["a", "b"] * 100}


@pytest.mark.parametrize(
    ("split", "models", "tune", "expected"),
    [
        (SplitPlan(0.2), (MODEL,), None, {}),
        (SplitPlan(0.2, folds=5), (threshold(),), None, {"threshold": "on the 160 rows held out in 5 folds"}),
        (
            SplitPlan(0.2, 0.1, folds=5), (threshold(),), None,
            {"threshold": "on the 140 rows held out in 5 folds"},
        ),
        (SplitPlan(0.2, 0.1), (threshold(),), None, {"threshold": "on the 20 validation rows"}),
        (
            SplitPlan(None, folds=5, repeats=2, held_out="folds"), (threshold(),), None,
            {"threshold": "on the 200 rows held out in 5 folds, 2 times over; "
                          "a fold is judged by what the others choose"},
        ),
        (
            SplitPlan(0.2, implicit_folds=5), (MODEL, MODEL), None,
            {"best model": "on 5 folds of the 160 training rows, made for this"},
        ),
        (SplitPlan(0.2, folds=5), (MODEL,), TUNE, {"params": "on the 160 rows held out in 5 folds"}),
        (
            SplitPlan(None, folds=5, held_out="folds"), (MODEL,), TUNE,
            {"params, in a fold": "on 4 folds of its training rows: 120 to train on, 40 held out",
             "params, last fit": "on the 200 rows held out in 5 folds"},
        ),
        (
            SplitPlan(0.2, 0.1, folds=5), (stopping(),), None,
            {"stopping, in folds": "on rows cut from each fold's training rows, 11 at most",
             "stopping": "on the 20 validation rows"},
        ),
        (
            SplitPlan(None, folds=5, held_out="folds"), (stopping(),), None,
            {"stopping, in folds": "on rows cut from each fold's training rows, 16 at most",
             "stopping": "the last fit makes as many updates as the folds found best"},
        ),
    ],
)  # fmt: skip
def test_who_chooses(rig, split, models, tune, expected) -> None:
    plan, _, facts = facts_of(rig, split, (X, Y), models=models, tune=tune, **CLASSES)
    assert choosing(plan, facts) == expected


def test_a_part_column_with_validation_rows_chooses_there(rig) -> None:
    part = ColumnPlan("p", "categorical", role="part")
    p = ["train"] * 120 + ["validation"] * 40 + ["test"] * 40
    plan, _, facts = facts_of(
        rig, SplitPlan(None, part_column="p", implicit_folds=5), (X, Y, part), models=(threshold(),), p=p, **CLASSES
    )
    assert choosing(plan, facts) == {"threshold": "on the 40 validation rows"}


def test_inner_folds_that_cannot_be_are_said_with_the_plan(rig) -> None:
    tune = attrs.evolve(TUNE, folds=9)
    g = [f"g{i // 20}" for i in range(200)]
    with pytest.raises(MldslError) as caught:
        facts_of(rig, SplitPlan(None, folds=5, by=("group",), held_out="folds"), (X, G), tune=tune, g=g,
                 x=np.arange(200), task="regression")  # fmt: skip
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == (
        "MLP0405", "fold 9 of 9 inside fold 1, where settings are tuned, holds no row out"
    )  # fmt: skip


# ---- numbers as people read them -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.5, "50.0%"), (0.0004, "<0.1%"), (0.9996, ">99.9%"), (0.0123, "1.2%")],
)
def test_shares(share, text) -> None:
    assert share_text(share) == text
