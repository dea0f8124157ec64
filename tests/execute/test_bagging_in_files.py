"""Bagging and AdaBoost in a file: what the base decides, what is wrong with it, and their artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import mldsl

DATA = Path(__file__).parents[2] / "examples" / "data"
FILE = """mlp 1
data {{ frame("rows") }}
features {{
  {target} as target
  {inputs}
}}
{steps}
split {{ test = 25% }}
model {{ {model} }}
"""


@pytest.fixture(scope="module")
def wine() -> pl.DataFrame:
    return pl.read_csv(DATA / "wine.csv").select("cultivar", "alcohol", "hue", "proline")


def text(model: str, target: str = "cultivar: categorical", inputs: str = '"*": continuous', steps: str = "") -> str:
    return FILE.format(model=model, target=target, inputs=inputs, steps=steps)


def answers(model: Any, frame: pl.DataFrame) -> np.ndarray:
    return np.asarray(model.predict(frame).select(pl.selectors.numeric()).to_numpy())


@pytest.mark.parametrize(
    "model",
    [
        "bagging(cart(min_samples_leaf = 2), members = 3, column_sample = 70%)",
        "bagging(adaboost(gaussian_naive_bayes, rounds = 2), members = 2)",
    ],
)
def test_an_artifact_answers_as_the_run_did(wine: pl.DataFrame, tmp_path: Path, model: str) -> None:
    made = mldsl.run(text(model), frames={"rows": wine}, keep=False).model()
    again = mldsl.load(made.save(tmp_path / "model"))
    found = answers(again, wine)
    np.testing.assert_array_equal(found, answers(made, wine))
    assert np.isfinite(found).all()
    assert found.std() > 0
    if "cart" in model:  # without room for nodes that no member needs
        before, after = (m.params.members.weight for m in (made, again))
        assert after.shape[1] == np.count_nonzero(after, axis=1).max() < before.shape[1]
        assert after.dtype == np.float64  # as precise as the base


def test_the_curve_of_rounds_whose_inputs_are_prepared(wine: pl.DataFrame) -> None:
    """Of the base that stands where none is written, on a column with levels, and with missing values."""
    frame = wine.with_columns(
        alcohol=pl.when(pl.col("alcohol") > 14).then(None).otherwise(pl.col("alcohol")),
        deep=pl.when(pl.col("hue") < 0.9).then(pl.lit("deep")).otherwise(pl.lit("light")),
    )
    inputs = "alcohol: continuous?\n  proline: continuous\n  deep: categorical\n  hue: continuous as ignore"
    more = "metrics { accuracy }\nreport { training_curve }"
    run = mldsl.run(text("adaboost(rounds = 6)", inputs=inputs, steps=more), frames={"rows": frame}, keep=False)
    (table, *_) = run.tables("training_curve")
    assert table["watched"].to_list() == ["error", "training error"]
    assert table["steps"].to_list() == [6, 6]
    assert run.metrics["accuracy"].value > 0.7


def test_what_is_left_out_of_samples_is_in_the_record(wine: pl.DataFrame) -> None:
    run = mldsl.run(text("bagging(gaussian_naive_bayes, members = 30)"), frames={"rows": wine}, keep=False)
    (model,) = run.record.models.values()
    assert 0.8 < model.info["out_of_bag_score"] <= 1
    assert model.info["out_of_bag_share"] == 1


NUMBERS = {"target": "proline: continuous", "inputs": "cultivar, alcohol: continuous\n  hue: continuous?"}


@pytest.mark.parametrize(
    ("model", "more", "code", "words"),
    [
        ("bagging(nonsense)", {}, "MLP0101", "unknown model `nonsense`"),
        ("bagging", {}, "MLP0115", "`base`"),
        ("bagging(3)", {}, "MLP0201", "`base` of `bagging` takes a model, not an integer"),
        ("bagging(gaussian_naive_bayes, members = 0)", {}, "MLP0202", "`members` is out of range"),
        ("adaboost(gaussian_naive_bayes, rounds = 0)", {}, "MLP0202", "`rounds` is out of range"),
        ("bagging(ridge)", {}, "MLP0310", "`bagging(base = ridge)`"),
        ("bagging(ridge)", NUMBERS, "MLP0307", "`bagging(base = ridge)`"),
        ("adaboost(gaussian_naive_bayes)", {"inputs": "alcohol: categorical\n  hue: continuous"}, "MLP0311",
         "`adaboost(base = gaussian_naive_bayes)`"),
        ("adaboost", {"inputs": "words: text", "steps": "transforms { count_words on words }"}, "MLP0311",
         "`adaboost(base = cart)` does not take sparse columns"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_the_base(model: str, more: dict[str, str], code: str, words: str) -> None:
    found = mldsl.check(text(model, **more))
    assert [d.code for d in found if d.code.startswith("MLP0") and d.severity == "error"] == [code]
    assert any(words in d.message for d in found)


def test_margins_stay_margins_when_they_are_averaged() -> None:
    """Metrics of probabilities need `calibrate`, as for the base; votes of AdaBoost do without."""
    metrics = "metrics { log_loss }"
    assert "MLP0318" in [d.code for d in mldsl.check(text("bagging(svm)", steps=metrics))]
    assert "MLP0318" not in [d.code for d in mldsl.check(text("adaboost(svm)", steps=metrics))]


def test_what_the_base_says_of_its_arguments(wine: pl.DataFrame) -> None:
    with pytest.raises(mldsl.MldslError) as caught:
        mldsl.run(
            text('bagging(gaussian_naive_bayes(priors = ["0" = 0.5, "1" = 0.6, "2" = 0.4]))'),
            frames={"rows": wine},
            keep=False,
        )
    assert "`base`: `gaussian_naive_bayes`: `priors`:" in caught.value.diagnostics[0].message
