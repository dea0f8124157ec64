"""Calibration agrees with scikit-learn, is learned on rows that the fit has not seen, and is replayed by artifacts."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize_scalar
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import f1_score, log_loss

import mldsl
from mldsl.contract import Prediction
from mldsl.execute.calibrate import Isotonic, Sigmoid, Temperature, calibrated, learn
from mldsl.execute.decide import classes_at
from mldsl.execute.engine import predictions_frame

METHODS = ("sigmoid", "isotonic", "temperature")


def margins(k: int, n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithms of overconfident probabilities [n, k], classes and weights."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, k, n)
    raw = 3 * (1.3 * rng.normal(size=(n, k)) + (target[:, None] == np.arange(k)))
    score = raw - np.logaddexp.reduce(raw, axis=1, keepdims=True)
    return score, target, rng.choice([0.0, 1, 1, 2], n)


def scored(score: np.ndarray) -> Prediction:
    return Prediction(probability=np.exp(score), score=score)


def loss(prediction: Prediction, target: np.ndarray, weight: np.ndarray) -> float:
    own = np.take_along_axis(np.asarray(prediction.probability), target[:, None], axis=1)[:, 0]
    return float(-np.average(np.log(np.maximum(own, 1e-3)), weights=weight))


# ---- agreement -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("given", ["scores", "probabilities"])
def test_sigmoid_agrees_with_scikit_learn(given: str) -> None:
    score, target, weight = margins(2)
    prediction = scored(score) if given == "scores" else Prediction(probability=np.exp(score))
    x = score[:, 1] - score[:, 0] if given == "scores" else np.exp(score[:, 1])
    theirs = _SigmoidCalibration().fit(x, target, weight)
    ours = learn("sigmoid", prediction, target, weight, 2)
    assert isinstance(ours, Sigmoid)
    after = calibrated(ours, prediction, 2).probability
    # Theirs stops at a gradient of 1e-6 or so; ours is no further from the optimum.
    np.testing.assert_allclose(after[:, 1], theirs.predict(x), atol=2e-6)
    np.testing.assert_allclose(after.sum(axis=1), 1)


@pytest.mark.parametrize("given", ["scores", "probabilities"])
def test_isotonic_agrees_with_scikit_learn(given: str) -> None:
    score, target, weight = margins(2)
    score = np.round(score, 1)  # ties
    prediction = scored(score) if given == "scores" else Prediction(probability=np.exp(score))
    x = score[:, 1] - score[:, 0] if given == "scores" else np.exp(score[:, 1])
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(x, target, weight)
    ours = learn("isotonic", prediction, target, weight, 2)
    assert isinstance(ours, Isotonic)
    np.testing.assert_allclose(calibrated(ours, prediction, 2).probability[:, 1], theirs.predict(x), atol=1e-6)
    assert len(ours.margin[0]) < len(np.unique(x)), "the insides of levels are not kept"


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("given", ["scores", "probabilities"])
def test_temperature_is_the_one_of_greatest_likelihood(k: int, given: str) -> None:
    score, target, weight = margins(k)
    prediction = scored(score) if given == "scores" else Prediction(probability=np.exp(score))
    ours = learn("temperature", prediction, target, weight, k)
    assert isinstance(ours, Temperature)

    def at(log_temperature: float) -> float:
        return loss(calibrated(Temperature(np.exp(log_temperature)), prediction, k), target, weight)

    theirs = minimize_scalar(at, bounds=(-5, 5), method="bounded", options={"xatol": 1e-10})
    assert float(ours.temperature) == pytest.approx(np.exp(theirs.x), rel=1e-4)
    assert float(ours.temperature) > 1.5, "the model was overconfident"
    after = calibrated(ours, prediction, k).probability
    assert (after.argmax(axis=1) == score.argmax(axis=1)).all(), "the order of classes stays"


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_several_classes_are_calibrated_one_against_the_rest(method: str) -> None:
    score, target, weight = margins(3)
    p = np.exp(score)
    if method == "sigmoid":
        one = [_SigmoidCalibration().fit(p[:, c], target == c, weight).predict(p[:, c]) for c in range(3)]
    else:
        one = [
            IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
            .fit(p[:, c], target == c, weight)
            .predict(p[:, c])
            for c in range(3)
        ]
    expected = np.stack(one, axis=1)
    expected = np.where(expected.sum(1, keepdims=True) > 0, expected / expected.sum(1, keepdims=True), 1 / 3)
    prediction = Prediction(probability=p)
    after = calibrated(learn(method, prediction, target, weight, 3), prediction, 3).probability
    np.testing.assert_allclose(after, expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [2, 3])
def test_weights_are_repetitions_and_weight_0_is_absent(method: str, k: int) -> None:
    score, target, weight = margins(k)
    repeated = np.repeat(np.arange(len(target)), weight.astype(int))
    rubbish = score.copy()
    rubbish[weight == 0] = 77.0
    one = learn(method, scored(rubbish), target, weight, k)
    two = learn(method, scored(score[repeated]), target[repeated], np.ones(len(repeated)), k)
    for a, b in zip(one, two, strict=True):
        for x, y in zip(a if isinstance(a, tuple) else (a,), b if isinstance(b, tuple) else (b,), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [2, 3])
def test_overconfident_probabilities_get_better_on_other_rows(method: str, k: int) -> None:
    score, target, weight = margins(k)
    prediction = calibrated(learn(method, scored(score), target, weight, k), scored(score), k)
    other, truth, _ = margins(k, seed=1)
    found = calibrated(learn(method, scored(score), target, weight, k), scored(other), k)
    assert loss(found, truth, np.ones(400)) < loss(scored(other), truth, np.ones(400)) - 0.05
    np.testing.assert_allclose(prediction.probability.sum(axis=1), 1)


@pytest.mark.parametrize("method", METHODS)
def test_hard_cases_stay_finite(method: str) -> None:
    target = np.array([0, 0, 1, 1])
    apart = np.array([[0.0, -50.0], [-1e-9, -30.0], [-30.0, 0.0], [-80.0, 0.0]])
    equal = np.full((4, 2), np.log(0.5))
    for score in (apart, equal):
        found = calibrated(learn(method, scored(score), target, np.ones(4), 2), scored(score), 2)
        assert np.isfinite(found.probability).all()
        assert ((found.probability >= 0) & (found.probability <= 1)).all()
    assert found.probability[:, 1] == pytest.approx(0.5)
    certain = Prediction(probability=np.eye(2)[[0, 1, 1, 0]].astype(np.float32))
    after = calibrated(learn(method, certain, target, np.ones(4), 2), certain, 2)
    assert after.probability.dtype == np.float32
    assert np.isfinite(after.probability).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_class_without_rows_that_choose_teaches_nothing(method: str) -> None:
    score, target, weight = margins(3)
    assert learn(method, scored(score), target, weight * (target != 1), 3) is None
    assert learn(method, scored(score), np.full(400, -1), weight, 3) is None
    assert calibrated(None, scored(score), 3).probability is not None
    score[target == 2] = np.nan
    assert learn(method, scored(score), target, weight, 3) is None


# ---- in a run --------------------------------------------------------------------------------------------------------
TWO = "features {\n  a, b: continuous\n  y: categorical as target\n}"


def model(method: str, *more: str) -> str:
    return "\n  ".join(["model {", "gaussian_naive_bayes", f"calibrate = {method}", *more]) + "\n}"


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    """400 rows; `b` is `a` again with little noise, which makes naive Bayes overconfident."""
    rng = np.random.default_rng(11)
    a = rng.normal(size=400)
    y = np.where(a + rng.normal(size=400) > 0.3, "yes", "no")
    return pl.DataFrame({"a": a, "b": a + 0.05 * rng.normal(size=400), "y": y})


@pytest.fixture(scope="module")
def truth(rows: pl.DataFrame) -> np.ndarray:
    return (rows["y"] == "yes").to_numpy().astype(int)


@pytest.fixture(scope="module")
def folded(engine: Any, rows: pl.DataFrame) -> tuple[Any, Any]:
    """With folds and a test part, calibrated and not."""
    split = "split {\n  test = 25%\n  folds = 3\n}"
    metrics = "metrics {\n  log_loss\n  f1\n}"
    texts = [
        engine.pipeline(features=TWO, steps="", split=split, metrics=metrics, model=m)
        for m in (model("sigmoid", "threshold = maximize(f1)"), "gaussian_naive_bayes")
    ]
    calibrated_run, plain = (engine.run(text, rows) for text in texts)
    return calibrated_run, plain


def raw(plain: Any) -> tuple[Prediction, ...]:
    """What the fits of the folds and the last one say before calibration."""
    (outcome,) = plain.result.outcomes
    return (*outcome.model.folds, outcome.model.last.prediction)


def cut(prediction: Prediction, n: int = 400) -> Prediction:
    return Prediction(*(None if v is None else np.asarray(v)[:n] for v in prediction))


def test_each_fold_is_calibrated_by_what_the_others_taught(folded: Any, truth: np.ndarray) -> None:
    run, plain = folded
    (outcome,) = run.result.outcomes
    folds = run.result.run.split.folds
    *per_fold, last = [cut(p) for p in raw(plain)]
    score = np.zeros((400, 2))
    for fold, p in zip(folds, per_fold, strict=True):
        score[fold.held] = p.score[fold.held]
    held = np.any([f.held for f in folds], axis=0)
    for fold, p, at, said in zip(folds, per_fold, outcome.fold_thresholds, outcome.fold_metrics, strict=True):
        others = (held & ~fold.held).astype(float)
        teacher = learn("sigmoid", scored(score), truth, others, 2)
        after = calibrated(teacher, p, 2).probability[fold.held]
        assert said["log_loss"] == pytest.approx(log_loss(truth[fold.held], after), rel=1e-4)
        assert said["f1"] == pytest.approx(f1_score(truth[fold.held], classes_at(after, 1, at)))
    final = learn("sigmoid", scored(score), truth, held.astype(float), 2)
    for ours, expected in zip(outcome.calibrator, final, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4)
    after = calibrated(final, last, 2).probability
    np.testing.assert_allclose(np.asarray(outcome.model.last.prediction.probability)[:400], after, atol=1e-5)
    shown = predictions_frame(run.result)
    test = shown.filter(pl.col("part") == "test")
    np.testing.assert_allclose(test["probability_yes"], after[test["row"].to_numpy(), 1], atol=1e-5)
    assert ((test["probability_yes"] >= outcome.threshold) == (test["prediction"] == "yes")).all()


def test_test_rows_reach_neither_calibrator_nor_threshold(engine: Any, rows: pl.DataFrame, folded: Any) -> None:
    run, _ = folded
    test = pl.Series(run.result.run.split.part == "test")
    parts = rows.with_columns(p=pl.when(test).then(pl.lit("test")).otherwise(pl.lit("train")))
    turned = parts.with_columns(y=pl.when(test & (pl.col("y") == "no")).then(pl.lit("yes")).otherwise("y"))
    text = engine.pipeline(
        features=TWO.replace("\n}", "\n  p: categorical as part\n}"), steps="", split="split { folds = 3 }",
        model=model("isotonic", "threshold = maximize(f1)"), metrics="metrics { log_loss }",
    )  # fmt: skip
    one, two = (engine.run(text, table).result.outcomes[0] for table in (parts, turned))
    assert one.threshold == two.threshold
    for a, b in zip(one.calibrator, two.calibrator, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
    assert one.metrics["test"] != two.metrics["test"]


def test_calibration_makes_held_out_probabilities_better_and_the_record_says_so(folded: Any) -> None:
    run, plain = folded
    (after,), (before,) = run.record.models.values(), plain.record.models.values()
    assert after.metrics["test"]["log_loss"].value < before.metrics["test"]["log_loss"].value
    found = after.calibration
    assert (found.method, found.on, found.rows) == ("sigmoid", "folds", 300)
    assert set(found.error) == {"folds", "test"}
    for part in found.error.values():
        assert part["after"] < part["before"]
    assert set(found.learned) == {"slope", "intercept"}
    assert found.learned["slope"][0] < 0.9, "overconfident"
    assert before.calibration is None
    assert after.metrics["folds"]["log_loss"].selected_on
    assert not after.metrics["test"]["log_loss"].selected_on


@pytest.mark.parametrize(
    ("split", "on"), [("split {\n  test = 20%\n  validation = 25%\n}", "validation"), ("", "train")]
)
def test_without_folds_validation_or_implicit_folds_teach(split: str, on: str, engine: Any, rows: pl.DataFrame) -> None:
    finished = engine.run(engine.pipeline(features=TWO, steps="", split=split, model=model("temperature")), rows)
    (found,) = finished.record.models.values()
    assert found.calibration.on == on
    part = finished.result.run.split.part
    assert found.calibration.rows == (part == on).sum()
    assert set(found.calibration.error) == {on, "test"}
    assert [p for p, ms in found.metrics.items() if ms["log_loss"].selected_on] == (
        ["validation"] if on != "train" else []
    )
    assert finished.record.split.implicit_folds == (5 if on == "train" else 0)


@pytest.mark.parametrize("method", METHODS)
def test_the_artifact_replays_the_calibration(method: str, engine: Any, rows: pl.DataFrame, tmp_path: Any) -> None:
    finished = engine.run(
        engine.pipeline("report { calibration_curve }", features=TWO, steps="", model=model(method)),
        rows,
        runs_dir=tmp_path,
    )
    part = finished.result.run.split.part
    (record,) = finished.record.models.values()
    trained = mldsl.load(finished.folder)
    said = trained.predict(rows.filter(pl.Series(part == "test")))
    kept = pl.read_parquet(finished.folder / "predictions.parquet").filter(pl.col("part") == "test")
    np.testing.assert_allclose(said["probability_yes"], kept["probability_yes"], rtol=1e-6)
    again = trained.evaluate(rows.filter(pl.Series(part == "test")))
    assert again["log_loss"].value == pytest.approx(record.metrics["test"]["log_loss"].value, rel=1e-5)
    stored = json.loads((finished.folder / "models" / "gaussian_naive_bayes" / "manifest.json").read_text())["params"]
    assert f"mldsl.execute.calibrate:{method.capitalize()}" in json.dumps(stored)
    tables = {t.title: t for t in finished.outputs["calibration_curve"].tables}
    compared = {c.name: list(c.values) for c in tables["Calibration error before and after `calibrate`"].columns}
    assert compared["after"] == [pair["after"] for pair in record.calibration.error.values()]
    errors = {c.name: list(c.values) for c in finished.outputs["calibration_curve"].tables[0].columns}
    assert errors["calibration error"] == pytest.approx([record.calibration.error["test"]["after"]])


def test_where_a_class_is_missing_the_run_goes_on_and_says_so(engine: Any, rows: pl.DataFrame) -> None:
    parts = rows.with_columns(
        p=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("test"))
        .when((pl.int_range(pl.len()) % 4 == 1) & (pl.col("y") == "no")).then(pl.lit("validation"))
        .otherwise(pl.lit("train"))
    )  # fmt: skip
    text = engine.pipeline(
        features=TWO.replace("\n}", "\n  p: categorical as part\n}"), steps="", split="", model=model("sigmoid"),
        metrics="metrics { accuracy }",
    )  # fmt: skip
    finished = engine.run(text, parts)
    (found,) = finished.record.models.values()
    assert found.calibration.learned == {}
    warning = next(w for w in finished.record.warnings if "not calibrated" in w)
    assert "have none of `yes`" in warning
    (outcome,) = finished.result.outcomes
    assert outcome.calibrator is None
    for pair in found.calibration.error.values():
        assert pair["before"] == pytest.approx(pair["after"], nan_ok=True)
