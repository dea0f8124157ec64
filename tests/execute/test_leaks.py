"""No leak: what is not trained on may be anything, and nothing that was learned changes by a bit.

Each test also changes a row that is trained on, and something must change: otherwise the comparison proves nothing.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

from mldsl.driver import Options
from mldsl.driver import run as run_source
from mldsl.execute.decide import best_threshold, candidates
from mldsl.source import Source

SPLIT = "split {\n  test = 20%\n  validation = 20%\n  folds = 3\n  by = random\n}"  # strata would follow the targets
MODEL = "model {\n  gaussian_naive_bayes\n  threshold = maximize(accuracy)\n}"
STEPS = "transforms {\n  impute(mean) on b\n  standardize on numeric\n  one_hot on s\n}"
FEATURES = "features {\n  a: continuous\n  b: continuous?\n  s: categorical\n  y: binary as target\n}"


@pytest.fixture(scope="module")
def rows(table: pl.DataFrame) -> pl.DataFrame:
    return table.select("a", pl.when(pl.col("key") == "row 3").then(None).otherwise("b").alias("b"), "s", "y")


@pytest.fixture(scope="module")
def text(engine: Any) -> str:
    second = "model other {\n  gaussian_naive_bayes(smoothing = 0.1)\n}"
    return engine.pipeline(second, model=MODEL.replace("model {", "model first {"), steps=STEPS, features=FEATURES,
                           split=SPLIT)  # fmt: skip


@pytest.fixture(scope="module")
def run(engine: Any, text: str) -> Any:
    return lambda rows: engine.run(text, rows)


@pytest.fixture(scope="module")
def base(run: Any, rows: pl.DataFrame) -> Any:
    return run(rows)


def learned(finished: Any) -> list[np.ndarray]:
    """Every number that a fit or a choice left behind."""
    found = []
    for outcome in finished.result.outcomes:
        last = outcome.model.last
        found += [np.asarray(leaf) for leaf in jax.tree.leaves((last.steps, last.params))]
        found += [np.asarray([np.nan if t is None else t for t in (outcome.threshold, *outcome.fold_thresholds)])]
    return found


def same(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    return len(left) == len(right) and all(a.tobytes() == b.tobytes() for a, b in zip(left, right, strict=True))


def overwritten(rows: pl.DataFrame, which: np.ndarray, *, target: bool = True, gaps: bool = False) -> pl.DataFrame:
    """Other values in the rows `which`: numbers, a level nobody has seen, the other class; `gaps`: missing cells."""
    other = pl.when(pl.Series(which))
    changed = rows.with_columns(
        other.then(pl.col("a") * -37.0 + 1e6).otherwise("a").alias("a"),
        other.then(None if gaps else pl.col("b") + 5e4).otherwise("b").alias("b"),
        other.then(pl.lit("never seen")).otherwise("s").alias("s"),
    )
    flipped = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    return changed.with_columns(other.then(flipped).otherwise("y").alias("y")) if target else changed


def test_test_rows_reach_nothing_that_is_learned(base: Any, run: Any, rows: pl.DataFrame) -> None:
    test = base.result.run.split.part == "test"
    changed = run(overwritten(rows, test, gaps=True))
    assert (changed.result.run.split.part == base.result.run.split.part).all()
    assert same(learned(changed), learned(base))
    assert changed.record.best == base.record.best
    assert changed.record.models["first"].metrics["folds"] == base.record.models["first"].metrics["folds"]
    assert changed.record.models["first"].metrics["test"] != base.record.models["first"].metrics["test"]


def test_validation_rows_choose_but_are_never_trained_on(base: Any, run: Any, rows: pl.DataFrame) -> None:
    validation = base.result.run.split.part == "validation"
    changed = run(overwritten(rows, validation, gaps=True))
    assert same(learned(changed), learned(base)), "with folds, these choose the threshold, and validation rows nothing"


def test_training_rows_change_what_is_learned(base: Any, run: Any, rows: pl.DataFrame) -> None:
    one = np.zeros(len(rows), bool)
    one[np.flatnonzero(base.result.run.split.part == "train")[0]] = True
    assert not same(learned(run(overwritten(rows, one))), learned(base))


def test_rows_that_a_fold_holds_out_do_not_reach_its_fit(base: Any, run: Any, rows: pl.DataFrame) -> None:
    """A fold's answers for all other rows stay the same; those of the other folds, which train on the rows, do not."""
    folds = base.result.run.split.folds
    # Not the levels: what a level is called is decided once, on all outer training rows.
    changed = run(overwritten(rows, folds[0].held, gaps=True).with_columns(rows["s"]))
    others = ~folds[0].held
    for before, after in zip(base.result.outcomes, changed.result.outcomes, strict=True):
        kept = [np.asarray(o.model.folds[0].probability)[: len(rows)][others] for o in (before, after)]
        assert kept[0].tobytes() == kept[1].tobytes()
        other = [np.asarray(o.model.folds[1].probability)[: len(rows)][others] for o in (before, after)]
        assert kept[0].shape == other[0].shape
        assert not np.array_equal(*other)


def test_the_threshold_of_a_fold_is_chosen_on_the_others(base: Any, rows: pl.DataFrame) -> None:
    folds = base.result.run.split.folds
    outcome = base.result.outcomes[0]
    probability = np.asarray(outcome.out_of_fold[0].probability)[:, 1]
    truth = (rows["y"] == "yes").to_numpy()

    def best(held: np.ndarray) -> float:
        points = candidates(probability, held.astype(float))
        return best_threshold(points, np.array([((probability >= p) == truth)[held].mean() for p in points]), True)

    for fold, chosen in zip(folds, outcome.fold_thresholds, strict=True):
        held = np.any([f.held for f in folds if f is not fold], axis=0)
        assert chosen == pytest.approx(best(held))
    assert outcome.threshold == pytest.approx(best(np.any([f.held for f in folds], axis=0)))
    assert len({outcome.threshold, *outcome.fold_thresholds}) > 1
    said = base.record.models["first"].fold_metrics
    for fold, at, metrics in zip(folds, outcome.fold_thresholds, said, strict=True):
        right = ((probability >= at) == truth)[fold.held].mean()
        assert metrics["accuracy"] == pytest.approx(right), "a fold is judged at the threshold of the others"


def in_parts(rows: pl.DataFrame, every: int) -> pl.DataFrame:
    """With a column `p` that calls a share of the groups test."""
    return rows.with_columns(p=pl.when(pl.col("g") % every == 1).then(pl.lit("test")).otherwise(pl.lit("train")))


@pytest.mark.parametrize("kind", ["group", "time", "part", "sources"])
def test_no_leak_however_rows_are_split(kind: str, engine: Any, table: pl.DataFrame) -> None:
    role = {"group": ["g: id as group"], "time": ["t: continuous as time"], "part": ["p: categorical as part"]}
    split = {"group": "split {\n  test = 25%\n  by = group\n}", "time": "split {\n  test = 25%\n  by = time\n}"}
    frame = in_parts(table, 4)
    text = engine.pipeline(features=engine.features(*role.get(kind, [])), split=split.get(kind, ""))
    if kind == "sources":
        text = text.replace('frame("rows")', '\n  train = frame("first")\n  test = frame("second")\n')
        parts = frame.filter(frame["p"] == "train"), frame.filter(frame["p"] == "test")
        frame = pl.concat(parts)

        def run(rows: pl.DataFrame) -> Any:
            frames = {"first": rows[: len(parts[0])], "second": rows[len(parts[0]) :]}
            return run_source(Source("<test>", text), Options(frames=frames, keep=False))
    else:

        def run(rows: pl.DataFrame) -> Any:
            return engine.run(text, rows)

    base = run(frame)
    part = base.result.run.split.part
    test = part == "test"
    assert 0 < test.sum() < len(frame)
    if kind == "group":
        assert not set(frame["g"].filter(pl.Series(test))) & set(frame["g"].filter(pl.Series(part == "train")))
    if kind == "time":
        assert frame["t"].filter(pl.Series(test)).min() > frame["t"].filter(pl.Series(part == "train")).max()
    if kind in ("part", "sources"):
        assert (test == (frame["p"] == "test").to_numpy()).all()
    assert same(learned(run(overwritten(frame, test))), learned(base))
    one = np.zeros(len(frame), bool)
    one[np.flatnonzero(part == "train")[0]] = True
    assert not same(learned(run(overwritten(frame, one, target=False))), learned(base))


def test_weight_two_is_the_row_twice(engine: Any, table: pl.DataFrame) -> None:
    """Through steps, model, metrics: a weight column of 2 and 1 against the rows written out."""
    part, weight = "p: categorical as part", "w: integer as weight"
    rows = in_parts(table.head(60), 3).with_columns(w=pl.lit(2) - pl.col("g") % 2)
    weighted = engine.run(engine.pipeline(features=engine.features(part, weight), split=""), rows)
    written = pl.concat([rows, rows.filter(pl.col("w") == 2)])
    twice = engine.run(engine.pipeline(features=engine.features(part), split=""), written)
    for a, b in zip(learned(weighted), learned(twice), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
    for part in ("train", "test"):
        for metric in ("accuracy", "log_loss"):
            values = [f.record.models["gaussian_naive_bayes"].metrics[part][metric].value for f in (weighted, twice)]
            assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_a_row_of_weight_zero_is_not_there(engine: Any, table: pl.DataFrame) -> None:
    rows = in_parts(table, 3).with_columns(w=(pl.col("t") % 4 != 0).cast(int))
    text = engine.pipeline(features=engine.features("p: categorical as part", "w: integer as weight"), split="")
    base = engine.run(text, rows)
    absent = (rows["w"] == 0).to_numpy()
    changed = engine.run(text, overwritten(rows, absent).with_columns(rows["s"]))
    assert same(learned(changed), learned(base))
    metrics = [f.record.models["gaussian_naive_bayes"].metrics for f in (base, changed)]
    assert metrics[0] == metrics[1]
