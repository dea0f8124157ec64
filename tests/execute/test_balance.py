"""Uneven classes, from the file to the fit: class weights against scikit-learn's, and resampling that leaks nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import attrs
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from mldsl.contract import Prediction
from mldsl.diagnostics import MldslError
from mldsl.execute.programs import Programs
from mldsl.plugin import Model, NoSpec
from mldsl.plugin.registry import Registry

CREDIT = Path("examples/data/german_credit.csv")
NUMBERS = ["duration_months", "credit_amount", "installment_rate", "age", "existing_credits"]
FEATURES = 'features {\n  class: binary("good", "bad") as target\n  ' + ", ".join(NUMBERS) + ": continuous\n}"
SCALED = "transforms { standardize on numeric }"
STEPS = ["downsample", "upsample", "smote"]


@pytest.fixture(scope="module")
def credit() -> pl.DataFrame:
    """300 of 1000 are bad; numbers on one scale, so that nothing of the comparison is lost to scaling."""
    frame = pl.read_csv(CREDIT).select("class", pl.col(NUMBERS).cast(float))
    return frame.with_columns((pl.col(c) - pl.col(c).mean()) / pl.col(c).std() for c in NUMBERS)


@pytest.fixture(scope="module")
def fit(engine: Any, credit: pl.DataFrame) -> Any:
    """Run logistic regression with these class weights, in float64."""

    def run(weights: str, rows: pl.DataFrame = credit, *, more: str = "", **options: Any) -> Any:
        model = f"logistic_regression(class_weights = {weights})" if weights else "logistic_regression"
        given = {"steps": "", "split": "split { folds = 3 }", "features": FEATURES, **options}
        return engine.run(engine.pipeline(more, model=model, **given), rows)

    return run


def reference(rows: pl.DataFrame, which: np.ndarray, weights: Any) -> LogisticRegression:
    """scikit-learn on the same rows, in the engine's float64."""
    x, y = rows.select(NUMBERS).to_numpy()[which], (rows["class"] == "bad").to_numpy()[which].astype(int)
    return LogisticRegression(C=1, class_weight=weights, tol=1e-8, max_iter=5000).fit(x, y)


def coefficients(finished: Any) -> np.ndarray:
    params = finished.result.outcomes[0].model.last.params
    return np.r_[np.asarray(params.coefficients).ravel(), np.asarray(params.intercept).ravel()]


@pytest.mark.parametrize(
    ("written", "weights"),
    [
        ("balanced", "balanced"),
        ('["good" = 0.5, "bad" = 3]', {0: 0.5, 1: 3}),
        ('["bad" = 3]', {0: 1, 1: 3}),
        ("none", None),
    ],
)
def test_class_weights_are_those_of_scikit_learn(written: str, weights: Any, fit: Any, credit: pl.DataFrame) -> None:
    finished = fit(written)
    expected = reference(credit, finished.result.run.split.part == "train", weights)
    found = np.r_[expected.coef_.ravel(), expected.intercept_]
    np.testing.assert_allclose(coefficients(finished), found, atol=1e-6)


def test_balanced_counts_the_rows_of_the_fold_alone(fit: Any, credit: pl.DataFrame) -> None:
    """Folds of unequal shares, so that the weights of all training rows would give other probabilities."""
    rows = credit.sort("class")
    finished = fit("balanced", rows, split="split {\n  folds = 3\n  by = random\n}")
    x = rows.select(NUMBERS).to_numpy()
    bad = (rows["class"] == "bad").to_numpy()
    shares = set()
    for fold, answer in zip(finished.result.run.split.folds, finished.result.outcomes[0].model.folds, strict=True):
        shares.add(bad[fold.train].mean())
        expected = reference(rows, fold.train, "balanced").predict_proba(x)[fold.held]
        np.testing.assert_allclose(np.asarray(answer.probability)[: len(x)][fold.held], expected, atol=1e-6)
    assert len(shares) == 3


def test_balanced_counts_a_row_by_its_weight(fit: Any, credit: pl.DataFrame) -> None:
    rows = credit.with_columns(w=pl.int_range(pl.len()) % 3)
    features = FEATURES.replace("\n}", "\n  w: integer as weight\n}")
    weighted = fit("balanced", rows, features=features, split="split { test = 0% }")
    index = np.repeat(np.arange(len(rows)), rows["w"].to_numpy())
    expected = reference(credit[index], np.ones(len(index), bool), "balanced")
    np.testing.assert_allclose(coefficients(weighted), np.r_[expected.coef_.ravel(), expected.intercept_], atol=1e-6)


def test_balanced_after_resampling_has_nothing_left_to_do(fit: Any) -> None:
    step = 'transforms { upsample on "*" }'
    plain, balanced = fit("", steps=step), fit("balanced", steps=step)
    np.testing.assert_allclose(coefficients(plain), coefficients(balanced), atol=1e-9)
    assert balanced.record.models["logistic_regression"].info["class_weights"] == {"good": 1, "bad": 1}


def test_a_class_weight_may_be_a_param_and_compiles_nothing_anew(
    fit: Any, credit: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    original = Programs._obtain

    def spy(self: Programs, key: str, *rest: Any) -> Any:
        compiled.append(key)
        return original(self, key, *rest)

    monkeypatch.setattr(Programs, "_obtain", spy)
    fits = [fit('["bad" = $w]', use=f"param w: number = {w} in 0.1..10") for w in (2, 5)]
    half = len(compiled) // 2
    assert compiled[:half] == compiled[half:], "the weight is no part of the program's key"
    for w, finished in zip((2, 5), fits, strict=True):
        expected = reference(credit, finished.result.run.split.part == "train", {0: 1, 1: w})
        np.testing.assert_allclose(coefficients(finished)[:-1], expected.coef_.ravel(), atol=1e-6)
    chosen = [fit("$how", use=f"param how: choice = {how} in [balanced, none]") for how in ("balanced", "none")]
    assert [c.record.models["logistic_regression"].spec["class_weights"] for c in chosen] == ["balanced", "none"]
    assert np.abs(coefficients(chosen[0]) - coefficients(chosen[1])).max() > 0.01


def test_a_search_may_try_class_weights(fit: Any, credit: pl.DataFrame) -> None:
    """Many settings and folds in one program: each is scored as scikit-learn would be on the same folds."""
    params = "param how: choice = none in [balanced, none]\nparam w: number = 1 in 0.1..10"
    for weights, domain, expected in (
        ("$how", "$how in [balanced, none]", ["balanced", None]),
        ('["bad" = $w]', "$w in [1, 4]", [None, {0: 1, 1: 4}]),
    ):
        param = params.splitlines()[0 if "how" in domain else 1]
        finished = fit(
            weights, use=param, split="split {\n  test = 20%\n  folds = 3\n}", metrics="metrics { log_loss }",
            more=f"tune {{\n  search = grid\n  {domain}\n}}",
        )  # fmt: skip
        bad, x = (credit["class"] == "bad").to_numpy(), credit.select(NUMBERS).to_numpy()
        scores = [
            np.mean([log_loss(bad[f.held], reference(credit, f.train, weights).predict_proba(x[f.held]))
                     for f in finished.result.run.split.folds])
            for weights in expected
        ]  # fmt: skip
        assert [trial.score for trial in finished.record.tune.trials] == pytest.approx(scores, abs=1e-6)


def test_the_record_says_what_was_done(fit: Any) -> None:
    steps = 'transforms {\n  downsample(ratio = 2) on "*"\n  smote on numeric\n}'
    finished = fit("balanced", steps=steps, split="split { test = 20% }")
    info = finished.record.models["logistic_regression"].info
    assert info["resampled"] == [
        {"step": "downsample(ratio = 2)", "before": {"good": 560, "bad": 240}, "after": {"good": 480, "bad": 240}},
        {"step": "smote", "before": {"good": 480, "bad": 240}, "after": {"good": 480, "bad": 480}},
    ]
    assert info["class_weights"] == {"good": 1, "bad": 1}
    weights = fit("balanced", split="split { test = 20% }").record.models["logistic_regression"].info["class_weights"]
    assert weights == pytest.approx({"good": 800 / (2 * 560), "bad": 800 / (2 * 240)})


# ---- no leak ---------------------------------------------------------------------------------------------------------
def overwritten(rows: pl.DataFrame, which: np.ndarray, *, target: bool = True) -> pl.DataFrame:
    """Other numbers and the other class in the rows `which`."""
    other = pl.when(pl.Series(which))
    if not target:
        return rows.with_columns(other.then(1e6).otherwise(c).alias(c) for c in NUMBERS)
    flipped = pl.when(pl.col("class") == "bad").then(pl.lit("good")).otherwise(pl.lit("bad"))
    return rows.with_columns(
        other.then(flipped).otherwise("class").alias("class"), *(other.then(1e6).otherwise(c).alias(c) for c in NUMBERS)
    )


@pytest.mark.parametrize("step", STEPS)
def test_resampling_sees_the_training_rows_of_each_fit_alone(step: str, fit: Any, credit: pl.DataFrame) -> None:
    """Rows that are held out, from the last fit or from a fold, may be anything: not a bit changes.

    And all of them are judged, each once: no synthetic row, no repeated one, none left out.
    """
    steps = f'transforms {{\n  standardize on numeric\n  {step} on "*"\n}}'
    options = {"steps": steps, "split": "split {\n  test = 25%\n  folds = 2\n  by = random\n}"}
    base = fit("", credit, **options)
    split, outcome = base.result.run.split, base.result.outcomes[0]
    before = [
        np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((outcome.model.last.steps, outcome.model.last.params))
    ]

    test = split.part == "test"
    changed = fit("", overwritten(credit, test), **options)
    assert (changed.result.run.split.part == split.part).all()
    last = changed.result.outcomes[0].model.last
    assert [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves((last.steps, last.params))] == before
    metrics = [f.record.models["logistic_regression"].metrics for f in (base, changed)]
    assert metrics[0]["folds"] == metrics[1]["folds"]
    assert metrics[0]["test"] != metrics[1]["test"]

    held = split.folds[0].held
    # Not the classes: how many rows there is room for is decided once, on all outer training rows.
    folds = fit("", overwritten(credit, held, target=False), **options).result.outcomes[0].model.folds
    for number, same in ((0, True), (1, False)):
        answers = [np.asarray(f[number].probability)[: len(credit)][~held] for f in (outcome.model.folds, folds)]
        assert (answers[0].tobytes() == answers[1].tobytes()) == same, "of the other fold these are training rows"

    from mldsl.execute.engine import predictions_frame

    said = predictions_frame(base.result)
    assert sorted(said.filter(pl.col("part") == "test")["row"]) == np.flatnonzero(test).tolist()
    assert sorted(said.filter(pl.col("part") == "folds")["row"]) == np.flatnonzero(split.part == "train").tolist()
    assert set(said["weight"]) == {1}


def test_what_adds_rows_goes_through_a_model_that_is_fitted_apart(engine: Any, table: pl.DataFrame) -> None:
    """A step behind it learns from the added rows too, and the answers are for the rows of the data."""
    steps = "transforms {\n  smote on numeric\n  standardize on numeric\n  one_hot on s\n}"
    finished = engine.run(engine.pipeline(steps=steps), table)
    outcome = finished.result.outcomes[0]
    part = finished.result.run.split.part == "train"
    mass = {y: float(((table["y"] == y).to_numpy() & part).sum()) for y in ("no", "yes")}
    done = finished.record.models["gaussian_naive_bayes"].info["resampled"][0]
    assert done["before"] == mass
    assert set(done["after"].values()) == {max(mass.values())}
    scaler = outcome.model.last.steps[1]
    numbers = table.select("a", "b").to_numpy()[part]
    assert np.abs(np.asarray(scaler.mean).ravel()[:2] - numbers.mean(axis=0)).max() > 1e-3, "it saw the new rows"
    assert len(outcome.model.last.prediction.probability) >= len(table)


def test_a_target_without_classes_or_with_one(engine: Any, table: pl.DataFrame) -> None:
    numbers = "features {\n  a: continuous as target\n  b: continuous\n}"
    with pytest.raises(MldslError) as found:
        engine.run(
            engine.pipeline(model="ridge", features=numbers, steps="transforms { smote on b }", metrics=""), table
        )
    assert [d.code for d in found.value.diagnostics] == ["MLP0314"]


# ---- stopping --------------------------------------------------------------------------------------------------------
class Learned(NamedTuple):
    """The share that is said of the positive class."""

    share: Any


class State(NamedTuple):
    """How many updates were made."""

    made: Any


def always(share: float = 0.1) -> Model:
    """An iterative classifier that learns nothing: what it is stopped on is the loss of one fixed answer."""

    def update(spec: Any, state: State, batch: Any) -> tuple[State, State]:
        return State(state.made + 1), State(state.made + 1)

    def predict(spec: Any, params: Learned, inputs: Any) -> Prediction:
        positive = jnp.zeros(len(inputs), inputs.dtype) + params.share
        return Prediction(probability=jnp.stack([1 - positive, positive], axis=1))

    return Model(
        "always", NoSpec, doc="Says one share.", init=lambda spec, key, shape, rows: State(jnp.zeros(())),
        update=update, finish=lambda spec, state: Learned(jnp.asarray(share) + 0 * state.made), predict=predict,
        steps=lambda spec: 3, tasks=("classify",), costs=True,
    )  # fmt: skip


def test_an_iterative_fit_stops_on_the_loss_that_it_lowers(engine: Any, table: pl.DataFrame) -> None:
    """So its classes weigh as in the fit, by the training rows, and not as in the rows it stops on."""
    registry = Registry.load().with_components("tiny", [always()])
    model = "model {\n  always(class_weights = balanced)\n  stop_when = no_improvement(rounds = 2)\n}"
    split = "split {\n  test = 20%\n  validation = 30%\n  by = random\n}"
    finished = engine.run(engine.pipeline(model=model, split=split, use="use tiny"), table, registry)
    part, yes = finished.result.run.split.part, (table["y"] == "yes").to_numpy()
    train, stop = part == "train", part == "validation"
    weight = np.where(yes, train.sum() / (2 * yes[train].sum()), train.sum() / (2 * (~yes)[train].sum()))
    expected = np.average(-np.log(np.where(yes, 0.1, 0.9))[stop], weights=weight[stop])
    history = finished.result.outcomes[0].model.last.history["validation_loss"]
    assert history[0] == pytest.approx(expected, rel=1e-5)
    assert abs(expected - -np.log(np.where(yes, 0.1, 0.9))[stop].mean()) > 0.05, "weights make a difference here"


def test_rows_of_more_than_numbers_cannot_be_made(engine: Any, table: pl.DataFrame) -> None:
    model = attrs.evolve(always(), accepts=("continuous", "binary", "image"))
    registry = Registry.load().with_components("tiny", [model])
    features = "features {\n  a, b, w, t: continuous\n  y: binary as target\n}"
    photo = 'photo = image(["w", "t"], height = 1, width = 2)'

    def run(step: str) -> Any:
        steps = f"transforms {{\n  {photo}\n  standardize on numeric\n  {step}\n}}"
        return engine.run(
            engine.pipeline(features=features, steps=steps, model="always", use="use tiny"), table, registry
        )

    with pytest.raises(MldslError) as found:
        run("smote on numeric")
    (said,) = found.value.diagnostics
    assert (said.code, said.message) == (
        "MLP0312", "`smote` cannot work here: it makes rows of numbers, and `photo` is more than one"
    )  # fmt: skip
