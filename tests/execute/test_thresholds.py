"""Thresholds of several classes, and of costs: chosen on rows the fit has not seen, used wherever it answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

import mldsl
from mldsl.execute.decide import CLASS_CANDIDATES, best_thresholds, candidates, choose_threshold, classes_at
from mldsl.execute.engine import predictions_frame

CHOOSE = "model {\n  gaussian_naive_bayes\n  threshold = maximize(f1)\n}"
THREE = "features {\n  a, b: continuous\n  s: categorical as target\n}"


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """300 rows of three classes of unequal size, which two columns tell in part."""
    rng = np.random.default_rng(3)
    code = rng.choice(3, 300, p=[0.7, 0.2, 0.1])
    a, b = rng.normal(size=300) + 1.2 * code, rng.normal(size=300) - 0.7 * (code == 2)
    return pl.DataFrame({"a": a, "b": b, "s": np.array(["u", "v", "w"])[code]})


@pytest.fixture(scope="module")
def chosen(engine: Any, rows: pl.DataFrame) -> Any:
    text = engine.pipeline(
        features=THREE, steps="", model=CHOOSE, split="split {\n  test = 25%\n  folds = 3\n}",
        metrics="metrics {\n  f1\n  accuracy\n}",
    )  # fmt: skip
    return engine.run(text, rows)


def answers(seed: int, n: int = 200, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    target = rng.choice(k, n, p=np.arange(k, 0, -1) / (k * (k + 1) / 2))
    raw = rng.gamma(1.0, size=(n, k)) + 0.6 * (target[:, None] == np.arange(k))
    return raw / raw.sum(axis=1, keepdims=True), target


# ---- the rule --------------------------------------------------------------------------------------------------------
def test_two_thresholds_say_what_one_says() -> None:
    probability = answers(0, k=2)[0]
    for t in (0.1, 0.35, 0.5, 0.8):
        one = classes_at(probability, 1, t)
        assert (one == (probability[:, 1] >= t)).all()
        assert (classes_at(probability, None, (1 - t, t)) == one).all()
    assert (classes_at(probability, 1, None) == probability.argmax(axis=1)).all()


def test_a_class_of_a_low_threshold_is_said_more_readily() -> None:
    probability = answers(1)[0]
    assert (classes_at(probability, None, (0.25,) * 4) == probability.argmax(axis=1)).all()
    said = [(classes_at(probability, None, (0.3, 0.3, 0.4 - t, t)) == 3).sum() for t in (0.01, 0.1, 0.25, 0.39)]
    assert said == sorted(said, reverse=True)
    assert said[0] > said[-1]


@pytest.mark.parametrize("seed", range(4))
def test_no_better_thresholds_are_near_and_the_most_probable_class_is_no_better(seed: int) -> None:
    probability, target = answers(seed)
    weight = np.random.default_rng(seed).choice([0.0, 1, 2], len(target))

    def score(t: np.ndarray) -> float:
        said = classes_at(probability, None, tuple(t))
        return float(balanced_accuracy_score(target, said, sample_weight=weight))

    def scores(points: np.ndarray) -> np.ndarray:
        assert points.shape == (CLASS_CANDIDATES, 4), "one compiled program serves every call"
        assert points.sum(axis=1) == pytest.approx(1)
        assert (points > 0).all()
        return np.array([score(p) for p in points])

    at = best_thresholds(probability, weight, scores, True)
    assert at == best_thresholds(probability, weight, scores, True)
    assert sum(at) == pytest.approx(1)
    assert score(np.array(at)) > score(np.full(4, 0.25)), "classes of unequal size gain"
    for c in range(4):
        for factor in (0.7, 0.95, 1.05, 1.4):
            near = np.array(at)
            near[c] *= factor
            assert score(near) <= score(np.array(at)) + 1e-12


def test_where_nothing_is_better_equal_thresholds_stay() -> None:
    probability = np.eye(3)[[0, 1, 2, 0]] * 0.8 + 0.2 / 3
    assert best_thresholds(probability, np.ones(4), lambda points: np.ones(len(points)), True) == (1 / 3,) * 3
    worthless = best_thresholds(probability, np.ones(4), lambda points: np.full(len(points), np.nan), True)
    assert worthless == (1 / 3,) * 3


def test_no_row_or_only_certain_rows_leave_equal_thresholds() -> None:
    certain = np.eye(3)[[0, 1, 2]]
    for weight in (np.ones(3), np.zeros(3)):
        assert best_thresholds(certain, weight, lambda points: points[:, 0], True) == (1 / 3,) * 3


def test_all_or_none_can_be_said_when_that_is_best() -> None:
    """One row of the class is worth a hundred mistakes: the least threshold lies below every probability."""
    probability = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.7, 0.3]])
    for positive, worth in ((0, 100.0), (1, 100.0)):
        target = np.full(4, positive)

        def cost(points: np.ndarray, target: np.ndarray = target, worth: float = worth) -> np.ndarray:
            said = probability[:, 1] >= points[:, None]
            return np.where(said != target, worth, 0).sum(axis=1)

        at = choose_threshold(probability, np.ones(4), cost, False)
        assert (classes_at(probability, 1, at) == target).all()


def test_candidates_are_always_as_many_and_within_0_and_1() -> None:
    for values in (np.array([]), np.array([0.5]), np.array([0.0, 1.0]), np.linspace(0, 1, 5000)):
        points = candidates(values, np.ones(len(values)))
        assert len(points) == 200
        assert ((points > 0) & (points < 1)).all()
        assert 0.5 in points


# ---- in a run --------------------------------------------------------------------------------------------------------
def out_of_fold(outcome: Any) -> np.ndarray:
    return np.asarray(outcome.out_of_fold[0].probability)


def macro_f1(truth: np.ndarray, probability: np.ndarray, at: Any) -> float:
    return float(f1_score(truth, classes_at(probability, None, at), average="macro"))


def test_thresholds_are_chosen_out_of_fold_and_beat_the_most_probable_class(chosen: Any, rows: pl.DataFrame) -> None:
    (outcome,) = chosen.result.outcomes
    truth = rows["s"].replace_strict({"u": 0, "v": 1, "w": 2}).to_numpy()
    held = np.any([f.held for f in chosen.result.run.split.folds], axis=0)
    probability = out_of_fold(outcome)[held]
    assert macro_f1(truth[held], probability, outcome.threshold) > macro_f1(truth[held], probability, None) + 0.01
    assert len({outcome.threshold, *outcome.fold_thresholds}) > 1


def test_a_fold_is_judged_at_the_thresholds_of_the_others(chosen: Any, rows: pl.DataFrame) -> None:
    (outcome,) = chosen.result.outcomes
    truth = rows["s"].replace_strict({"u": 0, "v": 1, "w": 2}).to_numpy()
    folds = chosen.result.run.split.folds
    for fold, at, said in zip(folds, outcome.fold_thresholds, outcome.fold_metrics, strict=True):
        others = np.any([f.held for f in folds], axis=0) & ~fold.held
        best, plain = (macro_f1(truth[others], out_of_fold(outcome)[others], t) for t in (at, None))
        assert best >= plain
        right = classes_at(out_of_fold(outcome)[fold.held], None, at) == truth[fold.held]
        assert said["accuracy"] == pytest.approx(right.mean())


def test_the_record_names_the_levels_and_predictions_follow(chosen: Any) -> None:
    (model,) = chosen.record.models.values()
    assert list(model.threshold) == ["u", "v", "w"]
    assert sum(model.threshold.values()) == pytest.approx(1)
    said = predictions_frame(chosen.result).filter(pl.col("part") == "test")
    probability = said.select("probability_u", "probability_v", "probability_w").to_numpy()
    at = np.array(list(model.threshold.values()))
    expected = np.array(["u", "v", "w"])[(probability / at).argmax(axis=1)]
    assert (said["prediction"].to_numpy() == expected).all()
    assert (expected != np.array(["u", "v", "w"])[probability.argmax(axis=1)]).any(), "else they made no difference"


def test_the_artifact_answers_as_the_run_did(engine: Any, rows: pl.DataFrame, tmp_path: Any) -> None:
    text = engine.pipeline(features=THREE, steps="", model=CHOOSE, metrics="metrics {\n  f1\n  accuracy\n}")
    finished = engine.run(text, rows, runs_dir=tmp_path)
    test = pl.Series(finished.result.run.split.part == "test")
    trained = mldsl.load(finished.folder)
    said = trained.predict(rows.filter(test))
    kept = pl.read_parquet(finished.folder / "predictions.parquet").filter(pl.col("part") == "test")
    assert said["prediction"].to_list() == kept["prediction"].to_list()
    model = json.loads((finished.folder / "run.json").read_text())["models"]["gaussian_naive_bayes"]
    assert set(model["threshold"]) == {"u", "v", "w"}
    assert "threshold u: " in (finished.folder / "report.html").read_text()


# ---- costs -----------------------------------------------------------------------------------------------------------
COST = 'expected_cost(costs = ["u" = ["v" = 2, "w" = 0.5], "w" = ["u" = 8, "v" = 8]])'


def test_costs_decide_and_are_measured(engine: Any, rows: pl.DataFrame) -> None:
    text = engine.pipeline(
        features=THREE, steps="", metrics=f"metrics {{\n  {COST}\n  accuracy\n}}",
        model=f"model {{\n  gaussian_naive_bayes\n  threshold = minimize({COST})\n}}",
    )  # fmt: skip
    finished = engine.run(text, rows)
    (model,) = finished.record.models.values()
    said = predictions_frame(finished.result).filter(pl.col("part") == "test")
    table = {("u", "v"): 2, ("u", "w"): 0.5, ("v", "u"): 1, ("v", "w"): 1, ("w", "u"): 8, ("w", "v"): 8}
    paid = [table.get(pair, 0) for pair in said.select("target", "prediction").iter_rows()]
    assert model.metrics["test"][COST].value == pytest.approx(np.mean(paid))
    plain = engine.run(text.replace(f"\n  threshold = minimize({COST})", ""), rows)
    (other,) = plain.record.models.values()
    assert model.metrics["train"][COST].value < other.metrics["train"][COST].value
    assert (said["prediction"] == "w").sum() > (predictions_frame(plain.result)["prediction"] == "w").sum()


def test_a_row_of_an_unknown_class_costs_1(engine: Any, rows: pl.DataFrame) -> None:
    parts = rows.with_columns(
        p=pl.when((pl.col("s") == "v") | (pl.int_range(pl.len()) % 3 == 0))
        .then(pl.lit("test"))
        .otherwise(pl.lit("train"))
    )
    cost = 'expected_cost(costs = ["w" = ["u" = 8]])'
    text = engine.pipeline(
        features="features {\n  a, b: continuous\n  s: categorical as target\n  p: categorical as part\n}", steps="",
        split="", metrics=f"metrics {{ {cost} }}",
    )  # fmt: skip
    finished = engine.run(text, parts)
    said = predictions_frame(finished.result)
    table = {("u", "w"): 1, ("w", "u"): 8, ("v", "u"): 1, ("v", "w"): 1}
    paid = [table.get(pair, 0) for pair in said.select("target", "prediction").iter_rows()]
    (model,) = finished.record.models.values()
    assert model.metrics["test"][cost].value == pytest.approx(np.mean(paid))
    assert (said["target"] == "v").any()


def test_costs_of_a_learned_level_that_does_not_exist_are_refused(engine: Any, rows: pl.DataFrame) -> None:
    text = engine.pipeline(features=THREE, steps="", metrics='metrics { expected_cost(["x" = ["u" = 8]]) }')
    with pytest.raises(mldsl.MldslError, match=r'MLP0203.*"x"'):
        engine.run(text, rows)
