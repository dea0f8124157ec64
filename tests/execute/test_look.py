"""Asking fitted models: what reports may ask is what predicting changed rows would say."""

import attrs
import numpy as np
import polars as pl
import pytest

from mldsl.execute.importance import permuted
from mldsl.execute.look import Looker
from mldsl.execute.refit import Refitter
from mldsl.execute.reports import report_view

HOST = """transforms {
  c = a * b
  standardize on numeric
  one_hot on s
}"""


@pytest.fixture(scope="module")
def held_out(engine, table):
    """Folds, a threshold, calibration, and a column that the host derives."""
    model = "model {\n  logistic_regression(l2 = 1)\n  threshold = maximize(accuracy)\n  calibrate = sigmoid\n}"
    text = engine.pipeline(model=model, steps=HOST, split="split { folds = 3 }")
    return engine.run(text, table).result


@pytest.fixture(scope="module")
def tested(engine, table):
    """A test part, the target on another scale, and a column that only the host sees."""
    features = "features {\n  a, b: continuous\n  s: categorical\n  z: continuous as target\n}"
    text = engine.pipeline(
        model="model {\n  ridge\n  target = log(z)\n}", features=features, steps=HOST, metrics="metrics { rmse }"
    )
    return engine.run(text, table).result


def looker_of(result) -> Looker:
    model = report_view(result).models[0]
    return Looker(result.run, result.outcomes[0], model.held_out.index)


def test_unchanged_rows_are_answered_by_the_fit_that_has_not_seen_them(held_out) -> None:
    looker, outcome = looker_of(held_out), held_out.outcomes[0]
    assert len(looker.asked) == 3
    assert sorted(np.concatenate([a.index for a in looker.asked])) == list(range(120))
    for asked in looker.asked:
        same = np.arange(len(asked.index))
        said = looker.answers(asked, [{"a": same}, {"s": same}, {"a": same, "b": same}])
        expected = outcome.out_of_fold[0].probability[asked.index]
        for probability in said.probability:
            np.testing.assert_allclose(probability, expected, atol=2e-6)


def test_what_is_replaced_is_what_predicting_such_rows_says(tested, table) -> None:
    model, looker = report_view(tested).models[0], looker_of(tested)
    assert model.reads == ("a", "b", "s")
    data, index = tested.run.dataset, model.held_out.index
    for name, cells in {"a": [0.5, -1.0], "s": ["w", "u"]}.items():  # `c` is made from `a`, by the host
        found = model.replaced({name: cells})
        assert found.shape == (2, len(index), 1)
        for i, cell in enumerate(cells):
            changed = data.frame[index].with_columns(pl.lit(cell).alias(name))
            expected, _ = looker.asked[0].scorer.raw(attrs.evolve(data, frame=changed))
            np.testing.assert_allclose(found[i, :, 0], expected.mean[: len(index)], rtol=1e-5)


def test_what_the_host_reads_is_not_changed_in_the_matrix(tested, held_out) -> None:
    looker = looker_of(tested)
    assert set(looker._position) == {"s"}
    assert set(looker_of(held_out)._position) == {"s"}


def test_columns_dropped_before_anything_looked_at_them_are_not_read(engine, table) -> None:
    steps = "transforms {\n  drop on b\n  standardize on numeric\n  one_hot on s\n}"
    result = engine.run(engine.pipeline(steps=steps), table).result
    assert looker_of(result).reads == ("a", "s")


def test_a_column_of_noise_is_told_from_one_that_matters(tested) -> None:
    found = permuted(looker_of(tested), ["a", "s"], 20)
    assert found.metric == "rmse"
    assert found.base == pytest.approx(tested.outcomes[0].metrics["test"]["rmse"].value, rel=1e-5)
    assert found.drop.shape == (2, 20)
    assert found.low[0] > 0
    assert found.low[1] < 0 < found.high[1]
    again = permuted(looker_of(tested), ["s"], 20)
    np.testing.assert_array_equal(again.drop[0], found.drop[1])  # other columns change nothing


def test_importance_over_folds_is_the_mean_of_the_folds(held_out) -> None:
    found = permuted(looker_of(held_out), ["a", "b", "s"], 5)
    assert found.fits == 3
    assert found.base == pytest.approx(held_out.outcomes[0].metrics["folds"]["accuracy"].value, abs=1e-6)
    assert (found.low < found.drop.mean(axis=1)).all()


def test_a_whole_fold_fitted_again_is_what_it_was(held_out) -> None:
    run, outcome = held_out.run, held_out.outcomes[0]
    fold = run.split.folds[1]
    found = Refitter(run, outcome).refit(fold.train, fold)
    assert found["held"] == pytest.approx(dict(outcome.fold_metrics[1]))
    compiled = run.programs.counts.compiled
    fewer = fold.train.copy()
    fewer[np.flatnonzero(fewer)[30:]] = False
    less = Refitter(run, outcome).refit(fewer, fold)
    assert run.programs.counts.compiled == compiled  # the same program, another weight vector
    assert less["train"].keys() == {"accuracy", "log_loss"}
    assert less["held"] != found["held"]


def test_a_refit_sees_only_its_rows(engine, table) -> None:
    """Against ridge by hand, on the rows that are left."""
    features = "features {\n  a, b: continuous\n  z: continuous as target\n}"
    text = engine.pipeline(
        model="ridge(l2 = 0)", features=features, steps="", split="split { folds = 3 }", metrics="metrics { rmse }"
    )
    result = engine.run(text, table).result
    fold = result.run.split.folds[0]
    some = fold.train & (np.arange(120) % 3 == 0)
    found = Refitter(result.run, result.outcomes[0]).refit(some, fold)
    x = np.column_stack([np.ones(120), table["a"], table["b"]])
    y = table["z"].to_numpy()
    b = np.linalg.lstsq(x[some], y[some], rcond=None)[0]
    for part, rows in (("train", some), ("held", fold.held)):
        assert found[part]["rmse"] == pytest.approx(np.sqrt(np.mean((y - x @ b)[rows] ** 2)), rel=1e-4)


def test_where_the_file_has_no_folds_five_are_made_to_look_with(engine, table) -> None:
    result = engine.run(engine.pipeline(), table).result
    view, train = report_view(result), result.run.split.part == "train"
    folds = view.training_folds()
    assert view.folds == ()
    assert len(folds) == 5
    np.testing.assert_array_equal(np.sum([fold.held for fold in folds], axis=0), train)
    assert not any((fold.train & ~train).any() for fold in folds)


def test_folds_that_were_tuned_apart_are_asked_with_their_own_settings(engine, table) -> None:
    tune = "tune {\n  search = grid\n  folds = 2\n  $l2 in [0.1, 1, 3, 10, 30, 100]\n}"
    text = engine.pipeline(
        tune, model="logistic_regression(l2 = $l2)", split="split { folds = 3 }", use="param l2: number = 1"
    )
    result = engine.run(text, table).result
    outcome, looker = result.outcomes[0], looker_of(result)
    assert len({repr(model.algorithm) for model in outcome.model.of_folds}) > 1
    for asked in looker.asked:
        said = looker.answers(asked, [{"a": np.arange(len(asked.index))}])
        np.testing.assert_allclose(said.probability[0], outcome.out_of_fold[0].probability[asked.index], atol=2e-6)
