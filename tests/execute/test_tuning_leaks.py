"""No leak through tuning: what a search looks at is what chooses, and never what is measured.

Each test also changes rows that do choose, and something must change: otherwise the comparison proves nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

MODEL = "logistic_regression(l2 = $l2)"
TUNE = "param l2: number = 1\ntune {\n  search = grid(points = 3)\n  folds = 3\n  $l2 in log(0.01..100)\n}"


@pytest.fixture(scope="module")
def run(engine: Any) -> Any:
    def call(split: str, rows: pl.DataFrame) -> Any:
        return engine.run(engine.pipeline(TUNE, model=MODEL, split=f"split {{\n  {split}\n}}"), rows)

    return call


def changed(rows: pl.DataFrame, which: np.ndarray) -> pl.DataFrame:
    """The other class and other numbers in some rows; the levels stay, which are decided once for all folds."""
    other = pl.when(pl.Series(which))
    return rows.with_columns(
        other.then(pl.col("a") * -3.0 + 1.0).otherwise("a").alias("a"),
        other.then(pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))).otherwise("y").alias("y"),
    )


def scores(finished: Any, fold: int | None) -> list[tuple[Any, float]]:
    """The trials of one search: that inside of an outer fold, or that of the last fit."""
    trials = [trial for trial in finished.record.tune.trials if trial.fold == fold]
    assert len(trials) == 3
    return [(dict(trial.params), trial.score) for trial in trials]


def test_test_rows_score_no_trial(run: Any, table: pl.DataFrame) -> None:
    split = "test = 25%\n  folds = 3\n  by = order"
    base = run(split, table)
    test = base.result.run.split.part == "test"
    other = run(split, changed(table, test))
    assert scores(base, None) == scores(other, None)
    assert base.record.tune.best == other.record.tune.best
    model = base.record.models["logistic_regression"].metrics, other.record.models["logistic_regression"].metrics
    assert model[0]["test"] != model[1]["test"]
    held = base.result.run.split.folds[0].held
    assert scores(base, None) != scores(run(split, changed(table, held)), None)


def test_rows_that_an_outer_fold_holds_out_score_no_trial_inside_of_it(run: Any, table: pl.DataFrame) -> None:
    """Nested: fold 0 is tuned as if the rows that it holds out did not exist; the other folds train on them."""
    split = "folds = 3\n  by = random"
    base = run(split, table)
    folds = base.result.run.split.folds
    other = run(split, changed(table, folds[0].held))
    assert scores(base, 0) == scores(other, 0)
    assert scores(base, 1) != scores(other, 1)
    assert scores(base, None) != scores(other, None)
