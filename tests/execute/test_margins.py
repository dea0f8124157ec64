"""Classifiers that give margins: classes, metrics, files, reports go by them; probabilities come with `calibrate`."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import attrs
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from sklearn.calibration import _SigmoidCalibration
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

import mldsl
from mldsl.contract import Prediction, segment_reduce
from mldsl.driver import Options, check
from mldsl.execute.calibrate import Unlearned, calibrated, learn
from mldsl.execute.engine import predictions_frame
from mldsl.execute.kept import Recomputed, read_kept
from mldsl.execute.resolver import RegistryResolver
from mldsl.plugin import Model, param
from mldsl.plugin.extract import DeclarationError, declare
from mldsl.plugin.registry import Registry
from mldsl.source import Source

TWO = """features {
  a, b: continuous
  y: binary as target
}"""
FOUR = TWO.replace("y: binary", "k: categorical")
USE = "use side"


@attrs.frozen
class SideSpec:
    """Hyperparameters of `side`."""

    shrink: float = param(0.0, ge=0, le=1, traced=True, doc="Share by which the means are drawn to 0.")


class SideParams(NamedTuple):
    """The mean of each class."""

    mean: Any


def _fit(spec: SideSpec, key: Any, shape: Any, examples: Any) -> tuple[SideParams, None]:
    ones = jnp.ones_like(examples.weight)
    mass = segment_reduce(ones, examples.target, shape.classes, weight=examples.weight)
    total = segment_reduce(examples.inputs, examples.target, shape.classes, weight=examples.weight)
    return SideParams((1 - spec.shrink) * total / jnp.maximum(mass, 1e-9)[:, None]), None


def _predict(spec: SideSpec, params: SideParams, inputs: Any) -> Prediction:
    """How much nearer each class's mean is than the others': a margin of no probability's size."""
    near = -10 * ((inputs[:, None, :] - params.mean[None]) ** 2).sum(axis=2)
    return Prediction(score=near - near.mean(axis=1, keepdims=True))


SIDE = Model(
    "side", SideSpec, doc="The nearest mean, by margins.", fit=_fit, predict=_predict, tasks=("classify",), margins=True
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.load().with_components("side", [SIDE])


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    n = 300
    a, b = rng.normal(size=n), rng.normal(size=n)
    return pl.DataFrame(
        {
            "a": a,
            "b": b,
            "y": np.where(a + 0.9 * rng.normal(size=n) > 0.4, "yes", "no"),
            "k": np.array(["p", "q", "r"])[((a + 0.3 * rng.normal(size=n) > 0).astype(int) + (b > 0.5))],
        }
    )


@pytest.fixture(scope="module")
def kept(engine: Any, rows: pl.DataFrame, registry: Registry, tmp_path_factory: Any) -> Any:
    """A run on margins alone, with folds and all the reports that can show them."""
    text = engine.pipeline(
        "report {\n  roc_curve\n  precision_recall_curve\n  lift_curve\n  confusion_matrix\n  classification_report\n"
        "  feature_importance(repeats = 3)\n  partial_dependence\n}",
        use=USE, features=TWO, steps="", model="side", split="split {\n  test = 25%\n  folds = 3\n}",
        metrics="metrics {\n  roc_auc\n  average_precision\n  accuracy\n}",
    )  # fmt: skip
    return engine.run(text, rows, registry, runs_dir=tmp_path_factory.mktemp("runs"))


def said(finished: Any, part: str = "test") -> pl.DataFrame:
    return predictions_frame(finished.result).filter(pl.col("part") == part)


def test_classes_and_metrics_go_by_margins(kept: Any) -> None:
    shown = said(kept)
    margin = (shown["score_yes"] - shown["score_no"]).to_numpy()
    truth = (shown["target"] == "yes").to_numpy()
    assert not [c for c in shown.columns if c.startswith("probability")]
    assert ((margin > 0) == (shown["prediction"] == "yes").to_numpy()).all()
    assert 0.2 < (margin > 0).mean() < 0.8
    found = kept.record.models["side"].metrics["test"]
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(truth, margin), rel=1e-5)
    assert found["average_precision"].value == pytest.approx(average_precision_score(truth, margin), rel=1e-5)
    assert found["accuracy"].value == pytest.approx(accuracy_score(truth, margin > 0))
    for metric in found.values():
        assert metric.low < metric.value < metric.high
    held = said(kept, "folds")
    by_fold = [roc_auc_score(f["target"] == "yes", f["score_yes"] - f["score_no"]) for _, f in held.group_by("fold")]
    assert kept.record.models["side"].metrics["folds"]["roc_auc"].value == pytest.approx(np.mean(by_fold), rel=1e-5)


def test_reports_show_margins(kept: Any, rows: pl.DataFrame) -> None:
    outputs = kept.outputs
    shown = said(kept)
    auc = roc_auc_score(shown["target"] == "yes", shown["score_yes"] - shown["score_no"])
    table = {c.name: list(c.values) for c in outputs["roc_curve"].tables[0].columns}
    assert table["AUC"] == pytest.approx([auc], rel=1e-5)
    for name in ("roc_curve", "precision_recall_curve", "lift_curve", "partial_dependence"):
        assert outputs[name].figures, name
    curves = outputs["partial_dependence"]
    assert curves.tables[0].title.startswith("Mean margin")
    assert curves.figures[0].panels[0].y == "margin of yes"
    lost = {c.name: list(c.values) for c in outputs["feature_importance"].tables[0].columns}
    assert lost["column"] == ["a", "b"]
    assert lost["importance"][0] > 0.2 > 10 * abs(lost["importance"][1])
    assert lost["95% low"][0] < lost["importance"][0] < lost["95% high"][0]


def test_a_kept_run_answers_and_is_measured_again(kept: Any, rows: pl.DataFrame, registry: Registry) -> None:
    model = read_kept(kept.folder)
    again = Recomputed(RegistryResolver(registry))
    of_part = model.rows()
    assert of_part is not None
    for name in ("roc_auc", "accuracy"):
        values = again.replicates(model, of_part, name)
        assert values[0] == pytest.approx(model.metrics[name].value, rel=1e-5)
        assert len(np.unique(values)) > 10


def test_a_class_that_no_training_row_has_is_a_mistake(engine: Any, rows: pl.DataFrame, registry: Registry) -> None:
    parts = rows.with_columns(
        p=pl.when(pl.int_range(pl.len()) < 200).then(pl.lit("train")).otherwise(pl.lit("test")),
        k=pl.when(pl.int_range(pl.len()) % 20 == 19).then(pl.lit("z")).otherwise("k"),
    ).filter((pl.col("p") == "test") | (pl.col("k") != "z"))
    text = engine.pipeline(
        "report { roc_curve }", use=USE, features=FOUR.replace("\n}", "\n  p: categorical as part\n}"), steps="",
        model="side", split="", metrics="metrics {\n  accuracy\n  top_k_accuracy(k = 3)\n}",
    )  # fmt: skip
    finished = engine.run(text, parts, registry)
    shown = said(finished)
    assert (shown["target"] == "z").sum() == 5
    found = finished.record.models["side"].metrics["test"]
    assert found["accuracy"].value == pytest.approx((shown["target"] == shown["prediction"]).mean())
    assert found["top_k_accuracy(k = 3)"].value == pytest.approx(95 / 100)


# ---- calibration -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def calibrated_run(engine: Any, rows: pl.DataFrame, registry: Registry, tmp_path_factory: Any) -> Any:
    text = engine.pipeline(
        "report {\n  calibration_curve\n  threshold_curve\n}",
        use=USE, features=TWO, steps="", split="split {\n  test = 25%\n  folds = 3\n}",
        model="model {\n  side\n  calibrate = sigmoid\n  threshold = maximize(f1)\n}",
        metrics="metrics {\n  log_loss\n  roc_auc\n  f1\n}",
    )  # fmt: skip
    return engine.run(text, rows, registry, runs_dir=tmp_path_factory.mktemp("calibrated"))


def test_margins_are_calibrated_as_by_scikit_learn(calibrated_run: Any, kept: Any) -> None:
    margins = said(kept, "folds").sort("row")  # the same folds of the same rows
    held = (margins["score_yes"] - margins["score_no"]).to_numpy()
    theirs = _SigmoidCalibration().fit(held, (margins["target"] == "yes").to_numpy())
    bare, shown = said(kept).sort("row"), said(calibrated_run).sort("row")
    expected = theirs.predict((bare["score_yes"] - bare["score_no"]).to_numpy())
    np.testing.assert_allclose(shown["probability_yes"], expected, atol=2e-5)
    assert not [c for c in shown.columns if c.startswith("score_")]
    threshold = calibrated_run.record.models["side"].threshold
    assert ((shown["probability_yes"] >= threshold) == (shown["prediction"] == "yes")).all()
    truth = (shown["target"] == "yes").to_numpy()
    found = calibrated_run.record.models["side"]
    assert found.metrics["test"]["roc_auc"].value == pytest.approx(roc_auc_score(truth, expected), rel=1e-4)
    assert found.metrics["test"]["log_loss"].value < 0.55
    for part in found.calibration.error.values():
        assert np.isnan(part["before"])
        assert 0 < part["after"] < 0.2


def test_the_folder_of_a_calibrated_run_says_and_answers_the_same(
    calibrated_run: Any, rows: pl.DataFrame, registry: Registry
) -> None:
    json.loads((calibrated_run.folder / "run.json").read_text())
    assert "sigmoid calibration of margins: calibration error" in (calibrated_run.folder / "report.html").read_text()
    test = rows.filter(pl.Series(calibrated_run.result.run.split.part == "test"))
    answers = mldsl.load(calibrated_run.folder, registry=registry).predict(test)
    np.testing.assert_allclose(answers["probability_yes"], said(calibrated_run)["probability_yes"], rtol=1e-5)


def test_several_margins_are_calibrated_one_class_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 3, 300)
    score = 4 * (rng.normal(size=(300, 3)) + (target[:, None] == np.arange(3)))
    weight = rng.choice([0.0, 1, 2], 300)
    given = Prediction(score=score)
    found = learn("sigmoid", given, target, weight, 3)
    assert found is not None
    each = np.stack(
        [_SigmoidCalibration().fit(score[:, c], target == c, weight).predict(score[:, c]) for c in range(3)], axis=1
    )
    np.testing.assert_allclose(calibrated(found, given, 3).probability, each / each.sum(1, keepdims=True), atol=5e-6)


def test_what_could_not_be_calibrated_is_the_softmax_and_said(
    engine: Any, rows: pl.DataFrame, registry: Registry, tmp_path: Any
) -> None:
    parts = rows.with_columns(
        p=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.lit("test"))
        .when((pl.int_range(pl.len()) % 4 == 1) & (pl.col("y") == "no")).then(pl.lit("validation"))
        .otherwise(pl.lit("train"))
    )  # fmt: skip
    text = engine.pipeline(
        use=USE, features=TWO.replace("\n}", "\n  p: categorical as part\n}"), steps="", split="",
        model="model {\n  side\n  calibrate = isotonic\n}", metrics="metrics { log_loss }",
    )  # fmt: skip
    finished = engine.run(text, parts, registry, runs_dir=tmp_path)
    (outcome,) = finished.result.outcomes
    assert isinstance(outcome.calibrator, Unlearned)
    warning = next(w for w in finished.record.warnings if "not calibrated" in w)
    assert "have none of `yes`" in warning
    assert "softmax of its margins" in warning
    shown = said(finished)
    score = np.asarray(outcome.model.last.prediction.score)[:300][shown["row"].to_numpy()]
    expected = 1 / (1 + np.exp(score[:, 0] - score[:, 1]))
    np.testing.assert_allclose(shown["probability_yes"], expected, rtol=1e-5)


# ---- what is refused -------------------------------------------------------------------------------------------------
def refusals(registry: Registry, text: str) -> list[str]:
    found = check(Source("x.mlp", text), Options(registry=registry)).diagnostics
    return [f"{d.code} {d.message} | {d.help}" for d in found if d.severity == "error"]


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"metrics": "metrics { log_loss }"}, ["`log_loss` needs probabilities, and `side` gives margins"]),
        ({"metrics": "metrics {\n  roc_auc\n  brier\n  calibration_error\n}"},
         ["`brier` needs probabilities", "`calibration_error` needs probabilities"]),
        ({"model": "model {\n  side\n  threshold = 0.3\n}"}, ["a `threshold` is a probability, and `side`"]),
        ({"model": "model {\n  side\n  threshold = maximize(f1)\n}"}, ["a `threshold` is a probability"]),
        ({"blocks": "report {\n  calibration_curve\n  threshold_curve\n}"},
         ["`calibration_curve` shows probabilities", "`threshold_curve` shows probabilities"]),
        ({"blocks": "report { feature_importance(metric = log_loss) }"}, ["`log_loss` needs probabilities"]),
        ({"model": "model one { side }\nmodel two { logistic_regression }",
          "blocks": "report { calibration_curve }"}, []),
        ({"model": "model one { side }\nmodel two { logistic_regression }",
          "blocks": "report { calibration_curve(model = one) }"}, ["`calibration_curve` shows probabilities"]),
        ({"model": "model {\n  side\n  calibrate = sigmoid\n}", "metrics": "metrics { log_loss }"}, []),
        ({"model": "model {\n  side(shrink = $s)\n  calibrate = sigmoid\n}", "metrics": "metrics { log_loss }",
          "blocks": "param s: number = 0.1\ntune {\n  search = grid\n  $s in 0..0.5\n}"},
         ["a search cannot compare margins by `log_loss`"]),
    ],
)  # fmt: skip
def test_probabilities_are_asked_for_with_calibrate(
    engine: Any, registry: Registry, blocks: dict[str, str], expected: list[str]
) -> None:
    parts = {"model": "side", "metrics": "metrics { roc_auc }", "blocks": "", **blocks}
    text = engine.pipeline(
        parts["blocks"], use=USE, features=TWO, steps="", model=parts["model"], metrics=parts["metrics"]
    )
    found = refusals(registry, text)
    assert len(found) == len(expected), found
    for said_, wanted in zip(found, expected, strict=True):
        assert said_.startswith("MLP0318 ")
        assert wanted in said_
        assert "calibrate = sigmoid" in said_ or "be primary" in said_


def test_the_default_metrics_are_those_that_margins_have(engine: Any, rows: pl.DataFrame, registry: Registry) -> None:
    for features, names in ((TWO, {"roc_auc", "accuracy"}), (FOUR, {"accuracy", "balanced_accuracy"})):
        text = engine.pipeline(use=USE, features=features, steps="", model="side", metrics="")
        assert set(engine.run(text, rows, registry).record.models["side"].metrics["test"]) == names


def test_rounds_of_margins_need_a_loss() -> None:
    looped = attrs.evolve(SIDE, fit=None, init=_fit, update=_fit, finish=_fit, steps=len)
    with pytest.raises(DeclarationError, match="give `loss`"):
        declare(looped, "side", "nowhere")
