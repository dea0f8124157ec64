"""class_balance, missing_values, timings, learning_curve: known numbers."""

from types import SimpleNamespace

import attrs
import numpy as np
import polars as pl
import pytest
from mldsl_plugins.reports import class_balance, learning_curve, missing_values, timings
from mldsl_plugins.reports._chi_square import chi_square
from mldsl_plugins.reports._statistics import corrected_t
from mldsl_plugins.reports._subsets import subset, subset_order
from scipy import stats

from mldsl.plan import ColumnPlan
from mldsl.plugin import NoSpec


def classes(build, counts: dict[str, tuple[int, int]], **facts):
    """A view with so many training and test rows of each class."""
    cells = [(level, part) for level, both in counts.items() for part, n in zip(("train", "test"), both, strict=True)
             for _ in range(n)]  # fmt: skip
    frame = pl.DataFrame({"y": [level for level, _ in cells]})
    column = ColumnPlan("y", "categorical", role="target")
    part = np.array([part for _, part in cells])
    return build.view("classification", [], list(counts), frame=frame, columns=[column], part=part, **facts)


def test_balance_by_part(build) -> None:
    view = classes(build, {"no": (60, 20), "yes": (20, 20)})
    output = class_balance.compute(NoSpec(), view)
    table = build.cells(output)
    assert table["class"] == ["no", "yes"]
    assert table["training"] == [60, 20]
    assert table["all"] == [80, 40]
    assert table["share of test"] == pytest.approx([0.5, 0.5])
    assert output.notes == ["Always to say `no` is right for 66.7% of the rows: that is what an accuracy must beat."]
    assert output.warnings == []  # chi-square finds p = 0.006 only
    worse = class_balance.compute(NoSpec(), classes(build, {"no": (60, 10), "yes": (20, 30)}))
    assert "The parts differ: `no` makes up 75.0% of the training, 25.0% of the test rows" in worse.warnings[0]


def test_rare_classes_are_pointed_out(build) -> None:
    output = class_balance.compute(NoSpec(), classes(build, {"a": (300, 90), "b": (100, 40), "c": (10, 2)}))
    assert output.warnings[0].startswith("`c` is rare: 12 of 542 rows (2.21%).")
    assert output.warnings[1] == "Fewer than 10 test rows of `c` (2): its metrics hang on single rows."


def test_balance_of_folds(build) -> None:
    view = classes(build, {"a": (6, 0), "b": (4, 0)})
    held = [np.arange(10) < 5, np.arange(10) >= 5]
    folds = tuple(SimpleNamespace(repeat=0, index=i, held=h, train=~h) for i, h in enumerate(held))
    output = class_balance.compute(NoSpec(), attrs.evolve(view, folds=folds))
    assert build.cells(output, 1)["rows"] == [5, 0, 1, 4]
    assert "No row of `b` in 1 of 2 folds" in output.warnings[-1]
    implicit = class_balance.compute(NoSpec(), attrs.evolve(view, folds=folds, implicit_folds=True))
    assert len(implicit.tables) == 1


def test_a_number_has_no_classes(numbers) -> None:
    assert "no classes" in class_balance.compute(NoSpec(), numbers).notes[0]


# ---- missing values --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def holes(build):
    """Of 200 rows `a` is missing where `y` is large, `b` with it and in 10 more, `c` never."""
    y = np.arange(200.0)
    a = pl.Series(y).set(pl.Series(y >= 150), None)
    b = a.set(pl.Series(y < 10), None)
    frame = pl.DataFrame({"a": a, "b": b, "c": y, "y": y})
    columns = [ColumnPlan(n, "continuous", n in "ab", role="target" if n == "y" else "input") for n in frame.columns]
    part = np.where(np.arange(200) % 4 == 0, "test", "train")
    return build.view("regression", [], frame=frame, columns=columns, part=part)


def test_missing_by_column_part_and_pattern(holes, build) -> None:
    output = missing_values.compute(missing_values.Spec(), holes)
    table, patterns, target = (build.cells(output, i) for i in range(3))
    assert table["column"] == ["b", "a"]
    assert table["missing"] == [60, 50]
    assert table["of all rows"] == pytest.approx([0.3, 0.25])
    assert table["of test rows"] == pytest.approx([(3 + 12) / 50, 12 / 50])
    assert patterns["missing"] == ["(nothing)", "a + b", "b"]
    assert patterns["rows"] == [140, 50, 10]
    y, train = np.arange(200.0), np.arange(200) % 4 != 0
    gone = y >= 150
    theirs = stats.ttest_ind(y[gone & train], y[~gone & train], equal_var=False)
    i = target["column"].index("a")
    assert target["where missing"][i] == pytest.approx(y[gone & train].mean())
    assert target["p"][i] == pytest.approx(min(1, 2 * theirs.pvalue))  # two columns are tested
    assert output.warnings[0].startswith("Whether `a` is missing tells something about `y`: the mean is 174.7 where")
    assert output.notes == ["2 of 4 columns have missing cells; 140 of 200 rows are complete."]


def test_missing_and_classes(holes, build) -> None:
    level = pl.Series("y", ["no", "yes"] * 75 + ["yes"] * 50)
    columns = [*holes.columns[:3], ColumnPlan("y", "binary", role="target")]
    view = attrs.evolve(
        holes, frame=holes.frame.with_columns(level), levels=("no", "yes"), positive=1, columns=tuple(columns)
    )
    target = build.cells(missing_values.compute(missing_values.Spec(patterns=1), view), 2)
    i = target["column"].index("a")
    assert target["where missing"][i] == 1
    assert target["where present"][i] == pytest.approx(75 / 113, abs=0.01)


def test_nothing_missing(numbers, holes) -> None:
    whole = attrs.evolve(holes, frame=holes.frame.drop_nulls())
    output = missing_values.compute(missing_values.Spec(), whole)
    assert output.notes == ["No cell is missing in 140 rows of 4 columns."]
    assert not output.tables


def test_chi_square_is_that_of_scipy() -> None:
    table = np.array([[12, 30, 7], [25, 10, 9]])
    p, v = chi_square(table)
    assert p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert v == pytest.approx(stats.contingency.association(table, method="cramer"))
    assert np.isnan(chi_square(np.array([[3, 4]]))[0])


# ---- timings ---------------------------------------------------------------------------------------------------------
def test_timings_add_up(build, two_classes) -> None:
    seconds = {
        "": {"read": 0.5, "split": 0.1, "report/roc_curve": 0.4},
        "all": {"compile": 2.0, "fit": 0.5, "metrics": 0.25, "fold=0.0": 0.3, "last": 0.2, "rows=9/fold=0.0": 9.0},
        "one": {"compile": 0.1, "fit": 0.15, "metrics": 0.0, "last": 0.1},
    }
    output = timings.compute(NoSpec(), attrs.evolve(two_classes, seconds=seconds))
    table, fits = build.cells(output), build.cells(output, 1)
    assert table["stage"] == [
        "read",
        "split",
        "compile",
        "fit",
        "metrics",
        "compile",
        "fit",
        "metrics",
        "roc_curve",
        "",
    ]
    assert table["seconds"][-1] == pytest.approx(4.0)
    assert sum(table["share"][:-1]) == pytest.approx(1)
    assert list(zip(fits["model"], fits["fit"], strict=True)) == [("all", "fold=0.0"), ("all", "last"), ("one", "last")]
    assert output.notes == ["4.00 s in all; most of it, 50%, went into `compile` of all."]


def test_trials_are_summed_up_by_model(build, two_classes) -> None:
    trials = [SimpleNamespace(model=m, seconds=s) for m, s in (("all", 0.5), ("all", 1.5), ("one", 0.25))]
    tried = attrs.evolve(two_classes, seconds={"": {"read": 1.0}}, tune=SimpleNamespace(trials=trials))
    table = build.cells(timings.compute(NoSpec(), tried), 1)
    assert table["trials"] == [2, 1]
    assert table["seconds"] == [2.0, 0.25]
    assert table["longest"] == [1.5, 0.25]


def test_nothing_timed(two_classes) -> None:
    assert timings.compute(NoSpec(), two_classes).notes == ["Nothing was timed."]


# ---- learning curves -------------------------------------------------------------------------------------------------
def fold_of(train: np.ndarray, index: int = 0) -> SimpleNamespace:
    return SimpleNamespace(repeat=0, index=index, train=train, held=~train)


def rows_view(build, **columns):
    frame = pl.DataFrame({name: values for name, (values, _, _) in columns.items()})
    plans = [ColumnPlan(name, kind, role=role) for name, (_, kind, role) in columns.items()]
    levels = ("a", "b") if "y" in columns and columns["y"][1] == "categorical" else ()
    return build.view("classification", [], levels, frame=frame, columns=plans, part=np.array(["train"] * len(frame)))


def test_subsets_are_nested_and_keep_shares(build) -> None:
    y = np.array(["a"] * 90 + ["b"] * 10)
    view = rows_view(build, y=(y, "categorical", "target"))
    fold = fold_of(np.arange(100) % 5 != 0)
    order = subset_order(view, fold)
    assert sorted(order) == np.flatnonzero(fold.train).tolist()
    small, large = (subset(order, share, 100) for share in (0.1, 0.5))
    assert (small <= large).all()
    assert small.sum() == 8
    assert (y[small] == "b").sum() == 1
    assert (y[large] == "b").sum() == 4
    assert not (large & fold.held).any()
    other = subset_order(view, fold_of(fold.train, 1))
    assert other.tolist() != order.tolist()


def test_groups_stay_whole_and_time_counts_from_the_end(build) -> None:
    group = np.repeat(np.arange(20), 5)
    view = rows_view(build, g=(group, "integer", "group"))
    fold = fold_of(group % 4 != 0)
    mask = subset(subset_order(view, fold), 0.3, 100, group)
    assert set(np.bincount(group[mask], minlength=20)) <= {0, 5}
    assert 22 <= mask.sum() <= 30
    ordered = rows_view(build, x=(np.arange(100.0), "continuous", "input"))
    later = fold_of(np.arange(100) < 80)
    assert np.flatnonzero(subset(subset_order(ordered, later), 0.25, 100)).tolist() == list(range(60, 80))


def curve(build, gain: float, noise: float):
    """A model whose score is 0.9 - 20 / rows, and in the last step `gain` more."""
    random = np.random.default_rng(3)
    folds = tuple(fold_of(np.arange(500) % 5 != i, i) for i in range(5))

    def refit(train, fold):
        n = train.sum()
        score = 0.7 + 0.1 * (n > 100) + (gain + noise * random.normal()) * (n > 300)
        return {"train": {"accuracy": 0.95}, "held": {"accuracy": score}}

    held = build.part(target=np.zeros(3), prediction=np.zeros(3))
    model = build.model("m", held, refit=refit)
    frame = pl.DataFrame({"y": ["a", "b"] * 250})
    return build.view(
        "classification", [model], ["a", "b"], frame=frame, columns=[ColumnPlan("y", "categorical", role="target")],
        part=np.array(["train"] * 500), primary="accuracy", better={"accuracy": "higher"},
        bounds={"accuracy": (0.0, 1.0)}, training_folds=lambda: folds, folds=folds,
    )  # fmt: skip


def test_curve_and_words(build) -> None:
    output = learning_curve.compute(learning_curve.Spec(), curve(build, 0.05, 0.001))
    table = build.cells(output)
    assert table["training rows"] == [40, 120, 400]
    assert table["held out"][:2] == pytest.approx([0.7, 0.8])
    assert table["95% low"][2] < table["held out"][2] < table["95% high"][2]
    assert output.notes[0] == "5 folds."
    assert output.notes[1].startswith(
        "More rows would probably help: from 120 to 400 rows accuracy got better by 0.0496"
    )
    assert output.notes[2].startswith("Rows it was trained on score better by 0.1")
    unsure = learning_curve.compute(learning_curve.Spec(), curve(build, 0.0, 0.05))
    assert unsure.notes[1].startswith("It cannot be told whether more rows would help")
    worse = learning_curve.compute(learning_curve.Spec(rows=(1.0, 0.5)), curve(build, -0.2, 0.001))
    assert build.cells(worse)["training rows"] == [200, 400]
    assert "accuracy got worse, by 0.2" in worse.notes[1]


def test_no_curve(build) -> None:
    view = curve(build, 0, 0)
    assert (
        "too few"
        in learning_curve.compute(learning_curve.Spec(), attrs.evolve(view, training_folds=lambda: ())).notes[0]
    )
    assert (
        "no metric"
        in learning_curve.compute(learning_curve.Spec(), attrs.evolve(view, primary=None, better={})).notes[0]
    )


def test_the_corrected_interval_is_that_of_the_engine() -> None:
    from mldsl.execute.intervals import fold_interval

    values = np.array([0.81, 0.84, 0.79, 0.88, 0.83])
    assert corrected_t(values, 0.8) == pytest.approx(fold_interval(values, 0.8))
    assert np.isnan(corrected_t(values[:1], 0.8)).all()
