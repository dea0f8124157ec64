"""What is chosen, on which rows, and what is said of it: thresholds, the best model, gates, the part that counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from mldsl import MldslError
from mldsl.execute.decide import best_threshold, candidates
from mldsl.execute.engine import predictions_frame

MAXIMIZE = "model {\n  gaussian_naive_bayes\n  threshold = maximize(f1)\n}"


@pytest.fixture(scope="module")
def truth(table: pl.DataFrame) -> np.ndarray:
    return (table["y"] == "yes").to_numpy()


def only(finished: Any) -> Any:
    (model,) = finished.record.models.values()
    return model


def best_f1(probability: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> float:
    points = candidates(probability, rows.astype(float))
    return best_threshold(points, np.array([f1_score(truth[rows], probability[rows] >= p) for p in points]), True)


# ---- thresholds ------------------------------------------------------------------------------------------------------
def test_a_written_threshold_is_used_and_nothing_is_chosen(engine: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline(
        model="model {\n  gaussian_naive_bayes\n  threshold = 0.35\n}", split="split {\n  test = 25%\n  folds = 3\n}"
    )
    finished = engine.run(text, table)
    model = only(finished)
    assert model.threshold == 0.35
    assert not any(v.selected_on for part in model.metrics.values() for v in part.values())
    said = predictions_frame(finished.result)
    assert ((said["prediction"] == "yes") == (said["probability_yes"] >= 0.35)).all()
    assert ((said["probability_yes"] >= 0.35) & (said["probability_yes"] < 0.5)).any(), "else 0.35 made no difference"


def test_a_threshold_is_chosen_on_validation_rows(engine: Any, table: pl.DataFrame, truth: np.ndarray) -> None:
    finished = engine.run(engine.pipeline(model=MAXIMIZE, split="split {\n  test = 20%\n  validation = 30%\n}"), table)
    (outcome,) = finished.result.outcomes
    validation = finished.result.run.split.part == "validation"
    probability = np.asarray(outcome.model.last.prediction.probability)[: len(table), 1]
    assert only(finished).threshold == pytest.approx(best_f1(probability, truth, validation))
    assert [part for part, ms in only(finished).metrics.items() if ms["accuracy"].selected_on] == ["validation"]
    assert outcome.headline == "test"


def test_a_threshold_is_chosen_on_implicit_folds_of_the_training_rows(
    engine: Any, table: pl.DataFrame, truth: np.ndarray
) -> None:
    finished = engine.run(engine.pipeline(model=MAXIMIZE), table)
    run, (outcome,) = finished.result.run, finished.result.outcomes
    assert run.split.implicit
    assert len(run.split.folds) == 5
    held = np.sum([f.held for f in run.split.folds], axis=0)
    assert (held == (run.split.part == "train")).all(), "each training row is held out once, and no test row is"
    probability = np.asarray(outcome.out_of_fold[0].probability)[:, 1]
    assert only(finished).threshold == pytest.approx(best_f1(probability, truth, held > 0))
    assert (finished.record.split.folds, finished.record.split.implicit_folds) == (0, 5)
    assert "folds" not in only(finished).metrics
    assert any("5 folds of the training rows" in sentence for sentence in run.plan.defaults)


def test_implicit_folds_are_not_made_for_nothing(engine: Any, table: pl.DataFrame) -> None:
    finished = engine.run(engine.pipeline(), table)
    assert finished.result.outcomes[0].model.folds == ()
    assert finished.record.split.implicit_folds == 0


# ---- the best model --------------------------------------------------------------------------------------------------
THREE = (
    "model nothing { constant }",
    "model flat { gaussian_naive_bayes(smoothing = 100) }",
)


@pytest.fixture(scope="module")
def three(engine: Any, table: pl.DataFrame) -> Any:
    split = "split {\n  test = 25%\n  folds = 3\n}"
    return engine.run(
        engine.pipeline(
            *THREE, model="model bayes { gaussian_naive_bayes }", split=split,
            metrics="metrics {\n  accuracy > 0.999\n  log_loss < 0.65 as primary\n}",
        ),
        table,
    )  # fmt: skip


def test_best_has_the_best_mean_over_folds(three: Any) -> None:
    means = {
        name: np.mean([fold["log_loss"] for fold in model.fold_metrics]) for name, model in three.record.models.items()
    }
    assert list(means) == ["bayes", "nothing", "flat"]
    assert three.record.best == min(means, key=means.__getitem__)
    for name, model in three.record.models.items():
        assert model.metrics["folds"]["log_loss"].value == pytest.approx(means[name])
        assert model.metrics["folds"]["log_loss"].selected_on
        assert not model.metrics["test"]["log_loss"].selected_on


def test_gates_look_at_the_best_model_and_the_part_that_counts(three: Any) -> None:
    best = three.record.models[three.record.best]
    accuracy, loss = three.record.gates
    assert (accuracy.metric, accuracy.model, accuracy.part) == ("accuracy", three.record.best, "test")
    assert accuracy.value == best.metrics["test"]["accuracy"].value
    assert not accuracy.passed
    assert loss.value == best.metrics["test"]["log_loss"].value
    assert loss.passed == (loss.value < 0.65)


def test_adding_models_changes_none(engine: Any, table: pl.DataFrame, three: Any) -> None:
    split = "split {\n  test = 25%\n  folds = 3\n}"
    alone = engine.run(engine.pipeline(model="model bayes { gaussian_naive_bayes }", split=split), table)
    mine, theirs = alone.record.models["bayes"], three.record.models["bayes"]
    assert mine.fold_metrics == theirs.fold_metrics
    for part in ("train", "test"):
        assert mine.metrics[part] == theirs.metrics[part], "intervals too"


def test_without_test_the_folds_count_and_say_when_they_chose(engine: Any, table: pl.DataFrame) -> None:
    split = "split {\n  folds = 3\n}"
    alone = engine.run(engine.pipeline(model=MAXIMIZE, split=split), table)
    assert alone.result.outcomes[0].headline == alone.record.held_out == "folds"
    assert not only(alone).metrics["folds"]["accuracy"].selected_on, "each fold is judged at the others' threshold"
    assert alone.record.split.train == len(table), "the artifact is fitted on all rows"
    two = engine.run(engine.pipeline(THREE[0], model="model bayes { gaussian_naive_bayes }", split=split), table)
    assert all(m.metrics["folds"]["accuracy"].selected_on for m in two.record.models.values())


def test_reports_of_folds_say_what_the_predictions_say(engine: Any, table: pl.DataFrame) -> None:
    """Each row as the fit of its fold says, at the threshold of the other folds."""
    finished = engine.run(
        engine.pipeline("report { confusion_matrix }", model=MAXIMIZE, split="split { folds = 3 }"), table
    )
    said = predictions_frame(finished.result)
    (outcome,) = finished.result.outcomes
    assert len(set(outcome.fold_thresholds)) > 1
    at_the_last = (said["probability_yes"] >= outcome.threshold) == (said["prediction"] == "yes")
    assert not at_the_last.all(), "else the folds' thresholds made no difference"
    columns = {c.name: list(c.values) for c in finished.outputs["confusion_matrix"].tables[0].columns}
    for actual in ("no", "yes"):
        row = columns["actual"].index(actual)
        for predicted in ("no", "yes"):
            count = ((said["target"] == actual) & (said["prediction"] == predicted)).sum()
            assert columns[predicted][row] == count


def test_a_gate_on_a_metric_without_value_does_not_pass(engine: Any, table: pl.DataFrame) -> None:
    rows = table.with_columns(p=pl.when(pl.col("key") == "row 0").then(pl.lit("test")).otherwise(pl.lit("train")))
    finished = engine.run(
        engine.pipeline(
            features=engine.features("p: categorical as part"), split="", metrics="metrics {\n  roc_auc > 0\n}"
        ),
        rows,
    )
    (gate,) = finished.record.gates
    assert np.isnan(gate.value)
    assert not gate.passed


# ---- which part counts -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("split", "part"),
    [
        ("split { test = 25% }", "test"),
        ("split {\n  test = 25%\n  folds = 3\n  validation = 10%\n}", "test"),
        ("split {\n  validation = 25%\n  test = 0%\n}", "validation"),
        ("split { test = 0% }", "train"),
        ("", "test"),
    ],
)
def test_the_part_that_counts(split: str, part: str, engine: Any, table: pl.DataFrame) -> None:
    finished = engine.run(engine.pipeline(split=split), table)
    assert finished.record.held_out == finished.result.outcomes[0].headline == part
    warned = any("nothing is held out" in warning for warning in finished.record.warnings)
    assert warned == (part == "train")


def test_without_target_nothing_is_split(engine: Any, table: pl.DataFrame) -> None:
    finished = engine.run(
        engine.pipeline(
            features="features {\n  a, b: continuous\n}", steps="transforms { standardize on numeric }", split="",
            model="k_means(clusters = 3)", metrics="metrics { inertia }",
        ),
        table,
    )  # fmt: skip
    assert list(only(finished).metrics) == ["all"]
    assert finished.record.held_out == "all"
    assert finished.record.split.train == len(table)
    assert not finished.record.warnings
    assert predictions_frame(finished.result).height == len(table)


# ---- the target's scale ----------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def logarithmic(engine: Any, table: pl.DataFrame) -> Any:
    return engine.run(
        engine.pipeline(
            features="features {\n  a, b: continuous\n  z: continuous as target\n}",
            steps="transforms { standardize on numeric }",
            split="split {\n  test = 25%\n  folds = 3\n}",
            model="model {\n  ridge(l2 = 0)\n  target = log(z)\n}", metrics="metrics { rmse }",
        ),
        table,
    )  # fmt: skip


def test_a_target_learned_as_logarithm_is_measured_in_its_own_unit(logarithmic: Any, table: pl.DataFrame) -> None:
    said = predictions_frame(logarithmic.result)
    test = said.filter(pl.col("part") == "test")
    error = (test["prediction"] - test["target"]).to_numpy()
    assert only(logarithmic).metrics["test"]["rmse"].value == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    train = table.filter(pl.Series(logarithmic.result.run.split.part == "train"))
    x = np.column_stack([np.ones(len(train)), train["a"], train["b"]])
    slopes = np.linalg.lstsq(x, np.log(train["z"].to_numpy()), rcond=None)[0]
    rows = table[test["row"].to_numpy()]
    expected = np.exp(np.column_stack([np.ones(len(rows)), rows["a"], rows["b"]]) @ slopes)
    np.testing.assert_allclose(test["prediction"], expected, rtol=1e-4)


def test_folds_are_back_transformed_too(logarithmic: Any, table: pl.DataFrame) -> None:
    said = predictions_frame(logarithmic.result).filter(pl.col("part") == "folds")
    x = np.column_stack([np.ones(len(table)), table["a"], table["b"]])
    for i, fold in enumerate(logarithmic.result.run.split.folds):
        slopes = np.linalg.lstsq(x[fold.train], np.log(table["z"].to_numpy()[fold.train]), rcond=None)[0]
        rows = said.filter(pl.col("fold") == i)
        np.testing.assert_allclose(rows["prediction"], np.exp(x[rows["row"].to_numpy()] @ slopes), rtol=1e-4)
        error = (rows["prediction"] - rows["target"]).to_numpy()
        assert only(logarithmic).fold_metrics[i]["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)


def test_a_target_outside_the_domain_of_its_scale_is_refused(engine: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline(
        features="features {\n  a: continuous\n  z: continuous as target\n}", steps="",
        model="model {\n  ridge\n  target = log(z)\n}", metrics="",
    )  # fmt: skip
    with pytest.raises(MldslError, match=r"MLP0401.*3 rows") as caught:
        engine.run(text, table.with_columns(z=pl.when(pl.int_range(pl.len()) < 3).then(0.0).otherwise("z")))
    assert caught.value.diagnostics[0].span is not None


# ---- what cannot be learned ------------------------------------------------------------------------------------------
def test_a_class_without_training_rows_counts_as_mistakes(engine: Any, table: pl.DataFrame) -> None:
    rows = table.with_columns(p=pl.when(pl.col("s") == "w").then(pl.lit("test")).otherwise(pl.lit("train")))
    rows = rows.with_columns(p=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("test")).otherwise("p"))
    text = engine.pipeline(
        "report {\n  confusion_matrix\n  classification_report\n}", steps="", split="",
        features="features {\n  a, b: continuous\n  s: categorical as target\n  p: categorical as part\n}",
    )  # fmt: skip
    finished = engine.run(text, rows)
    said = predictions_frame(finished.result)
    metrics = only(finished).metrics["test"]
    assert metrics["accuracy"].value == pytest.approx((said["prediction"] == said["target"]).mean())
    own = pl.concat([said["probability_u"], said["probability_v"], pl.zeros(len(said), eager=True)])
    place = said["target"].replace_strict({"u": 0, "v": 1, "w": 2}) * len(said) + pl.int_range(len(said), eager=True)
    # What was said to be impossible costs -log of the epsilon of float32, in which the model computes.
    expected = -np.log(np.clip(own.gather(place).to_numpy(), np.finfo(np.float32).eps, 1)).mean()
    assert metrics["log_loss"].value == pytest.approx(expected, rel=1e-5)
    assert any("no training rows" in w and "`w`" in w for w in finished.record.warnings)
    table_ = finished.outputs["confusion_matrix"].tables[0]
    counts = {c.name: list(c.values) for c in table_.columns}
    assert sum(counts["rows"]) == len(said), "every row is shown, those of the unknown class too"


def test_the_seed_moves_the_split_and_nothing_else_does(engine: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline()
    seeded = text.replace("mlp 1\n", "mlp 1\nparam seed: integer = 5\n")
    first, again, other = engine.run(text, table), engine.run(text, table), engine.run(seeded, table)
    assert (first.result.run.split.part == again.result.run.split.part).all()
    assert only(first).metrics == only(again).metrics
    assert (first.result.run.split.part != other.result.run.split.part).any()
    assert (first.record.seed, other.record.seed) == (0, 5)
    assert predictions_frame(first.result).equals(predictions_frame(again.result))


def test_a_threshold_for_three_classes_is_refused_once_the_levels_are_learned(engine: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline(
        features="features {\n  a, b: continuous\n  s: categorical as target\n}", steps="",
        model="model {\n  gaussian_naive_bayes\n  threshold = 0.3\n}",
    )  # fmt: skip
    with pytest.raises(MldslError, match=r"MLP0314.*two classes"):
        engine.run(text, table)
    two = engine.run(text, table.filter(pl.col("s") != "w"))
    assert only(two).threshold == 0.3


def test_an_offset_is_added_with_coefficient_one(engine: Any, table: pl.DataFrame) -> None:
    """Where the target is the offset and nothing else, the columns have nothing left to explain."""
    from mldsl.api import Run

    rows = table.with_columns(z=pl.col("t") * 1.0)
    text = engine.pipeline(
        features="features {\n  a, b: continuous\n  t: continuous as offset\n  z: continuous as target\n}",
        steps="", model="ridge(l2 = 0)", metrics="metrics { rmse }",
    )  # fmt: skip
    finished = engine.run(text, rows)
    assert only(finished).metrics["test"]["rmse"].value < 1e-6
    model = Run(finished).model()
    np.testing.assert_allclose(model.predict(rows)["prediction"], rows["t"], atol=1e-6)
    with pytest.warns(UserWarning, match="the offset `t` is absent; it counts as 0"):
        without = model.predict(rows.drop("t"))
    np.testing.assert_allclose(without["prediction"], 0, atol=1e-6)
