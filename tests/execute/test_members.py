"""Models made of other models, as a run fits them: who sees which rows, and what is learned from whose answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

import mldsl
from mldsl.data import folds_within
from mldsl.diagnostics import MldslError
from mldsl.execute import members as module

STEPS = "transforms scaled {\n  standardize on numeric\n  one_hot on s\n}\ntransforms plain { drop on s }"
LOGISTIC = "model logistic {\n  logistic_regression(l2 = 1)\n  inputs = scaled\n}"
NEAR = "model near {\n  gaussian_naive_bayes\n  inputs = plain\n}"
STACK = "model stack {\n  stacking([logistic, near], final = logistic_regression(l2 = 0.1))\n}"
VOTE = "model vote { voting([logistic, near]) }"


@pytest.fixture(scope="module")
def run(engine: Any) -> Any:
    def of(rows: Any, *models: str, steps: str = STEPS, **more: Any) -> Any:
        options = {key: more.pop(key) for key in ("runs_dir", "params") if key in more}
        return engine.run(engine.pipeline(*models[1:], model=models[0], steps=steps, **more), rows, **options)

    return of


@pytest.fixture(scope="module")
def fitted(run: Any, table: pl.DataFrame) -> Any:
    return run(table, LOGISTIC, NEAR, STACK, VOTE)


def outcome(finished: Any, name: str) -> Any:
    return next(o for o in finished.result.outcomes if o.name == name)


def inner(finished: Any, count: int = 5, fold: str = "last") -> Any:
    run = finished.result.run
    return folds_within(run.plan, run.dataset, run.plan.seed, run.split.part == "train", count, f"members/{fold}")


def test_a_member_of_the_file_is_the_model_of_the_file(fitted: Any) -> None:
    """On all training rows it is the same fit, bit for bit."""
    own, stack = outcome(fitted, "logistic").model.last, outcome(fitted, "stack").model.last
    inside = stack.params.members[0]
    assert [np.asarray(x).tobytes() for x in jax.tree.leaves((own.steps, own.params))] == [
        np.asarray(x).tobytes() for x in jax.tree.leaves((inside.steps, inside.params))
    ]


def test_a_vote_is_the_mean_of_what_its_members_say(fitted: Any) -> None:
    said = [np.asarray(outcome(fitted, name).model.last.prediction.probability) for name in ("logistic", "near")]
    vote = np.asarray(outcome(fitted, "vote").model.last.prediction.probability)
    np.testing.assert_allclose(vote, np.mean(said, axis=0), rtol=0, atol=1e-6)


def test_a_stack_is_that_of_scikit_learn_on_the_same_folds(fitted: Any, table: pl.DataFrame, agreement: Any) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import StackingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    train = fitted.result.run.split.part == "train"
    place = np.cumsum(train) - 1
    cv = [(place[f.train], place[f.held]) for f in inner(fitted)]
    exact = {"tol": 1e-10, "max_iter": 1000}
    scaled = make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["s"]))
    numbers = make_column_transformer(("passthrough", ["a", "b"]))
    theirs = StackingClassifier(
        [("logistic", make_pipeline(scaled, LogisticRegression(C=1, **exact))),
         ("near", make_pipeline(numbers, GaussianNB()))],
        LogisticRegression(C=10, **exact), cv=cv,
    )  # fmt: skip
    frame = table.select("a", "b", "s").to_pandas()
    theirs.fit(frame[train], (table["y"] == "yes").to_numpy()[train])
    ours = outcome(fitted, "stack").model.last
    final = ours.params.final.params
    about = {"reference": "scikit-learn", "data": "120 drawn rows"}
    agreement("model.stacking", "final coefficients", final.coefficients[0], theirs.final_estimator_.coef_[0],
              relative=1e-4, **about)  # fmt: skip
    agreement("model.stacking", "final intercept", final.intercept, theirs.final_estimator_.intercept_,
              relative=1e-4, **about)  # fmt: skip
    said = np.asarray(ours.prediction.probability)[: len(train)]
    agreement("model.stacking", "probabilities", said, theirs.predict_proba(frame), absolute=1e-4, **about)


def test_numbers_are_stacked_as_by_scikit_learn(run: Any, table: pl.DataFrame, agreement: Any) -> None:
    """With the inputs passed on, and a member in place, which gets them too."""
    from sklearn.ensemble import StackingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor

    finished = run(
        table,
        "model stack { stacking([ridge(l2 = 2), k_nearest_neighbors(k = 4)], final = ridge(l2 = 1), "
        "folds = 4, passthrough = true) }",
        features="features {\n  a, b: continuous in -9..9\n  z: continuous as target\n}", steps="",
        metrics="metrics { rmse }",
    )  # fmt: skip
    train = finished.result.run.split.part == "train"
    place = np.cumsum(train) - 1
    cv = [(place[f.train], place[f.held]) for f in inner(finished, 4)]
    estimators = [("ridge", Ridge(2)), ("near", KNeighborsRegressor(4))]
    theirs = StackingRegressor(estimators, Ridge(1), cv=cv, passthrough=True)
    x, y = table.select("a", "b").to_numpy(), table["z"].to_numpy()
    theirs.fit(x[train], y[train])
    last = outcome(finished, "stack").model.last
    about = {"reference": "scikit-learn", "data": "120 drawn rows"}
    agreement("model.stacking", "final coefficients, inputs passed on", last.params.final.params.coefficients[0],
              theirs.final_estimator_.coef_, relative=1e-4, **about)  # fmt: skip
    mean = np.asarray(last.prediction.mean)[: len(train)]
    agreement("model.stacking", "predictions, inputs passed on", mean, theirs.predict(x), relative=1e-5, **about)


# ---- leaks -----------------------------------------------------------------------------------------------------------
def test_a_member_that_remembers_its_rows_is_not_believed(run: Any, table: pl.DataFrame) -> None:
    """One nearest neighbor knows every row that it was fitted on; of others it knows nothing where classes are drawn.

    A final model that saw its answers to its own rows would follow it blindly.
    """
    noise = table.with_columns(
        y=pl.Series(np.array(["no", "yes"])[np.random.default_rng(3).integers(0, 2, len(table))])
    )
    models = (
        "model memory {\n  k_nearest_neighbors(k = 1)\n  inputs = plain\n}", LOGISTIC,
        "model stack { stacking([memory, logistic], final = logistic_regression(l2 = 0.01)) }",
    )  # fmt: skip
    finished = run(noise, *models)
    train = finished.result.run.split.part == "train"
    truth = (noise["y"] == "yes").to_numpy()
    last = outcome(finished, "stack").model.last
    in_sample = last.matrix[: len(train), 0]
    assert np.array_equal(in_sample[train], truth[train].astype(in_sample.dtype)), "it remembers"
    assert abs(last.params.final.params.coefficients[0, 0]) < 1, "and is not trusted: e^9 to 1 would be"
    said = np.asarray(last.prediction.probability)[: len(train), 1]
    assert ((said > 0.5) == truth)[train].mean() < 0.75


def seen(monkeypatch: pytest.MonkeyPatch, run: Any, *args: Any, **more: Any) -> tuple[Any, list[Any]]:
    """A run, and of every fit that members make: model, fold, and the rows."""
    calls: list[Any] = []
    before = module.fit_once

    def told(run: Any, prepared: Any, train: Any, stop: Any, fold: str, *rest: Any) -> Any:
        calls.append((prepared.plan.name, fold, train.copy(), prepared))
        return before(run, prepared, train, stop, fold, *rest)

    monkeypatch.setattr(module, "fit_once", told)
    return run(*args, **more), calls


SPLITS = {
    "stratified": ("split {\n  test = 20%\n  folds = 3\n  by = stratified\n}", ""),
    "group": ("split {\n  test = 20%\n  folds = 3\n  by = group\n}", "g: integer as group"),
    "time": ("split {\n  test = 20%\n  folds = 3\n  by = time\n}", "t: continuous as time"),
}


@pytest.mark.parametrize("by", SPLITS)
def test_no_member_is_fitted_on_a_row_that_it_answers_for(
    by: str, engine: Any, run: Any, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor on a row that the outer fold holds out, one of the same group, or a later one."""
    split, role = SPLITS[by]
    table = table.with_columns(pl.col("t").cast(pl.Int64).cast(pl.Date)) if by == "time" else table
    role = "t: time as time" if by == "time" else role
    stack = STACK.replace("l2 = 0.1)", "l2 = 0.1), folds = 3")
    finished, calls = seen(
        monkeypatch, run, table, LOGISTIC, NEAR, stack, split=split, features=engine.features(*filter(None, [role])),
    )  # fmt: skip
    whole = finished.result.run.split
    outer = {f"fold={f.repeat}.{f.index}": f.train for f in whole.folds} | {"last": whole.part == "train"}
    finals = {fold: train for name, fold, train, _ in calls if name == "stack.final"}
    assert set(finals) == set(outer)
    inside = [(fold, train) for name, fold, train, _ in calls if "/inner=" in fold and name == "logistic"]
    assert len(inside) == 3 * len(outer)
    group, time = table["g"].to_numpy(), table["t"].to_numpy()
    for name, pool in outer.items():
        answered = np.zeros(len(table), int)
        for number, fold in enumerate(inner_of(finished, name, pool)):
            (train,) = (t for f, t in inside if f == f"{name}/inner=3/fold={number}")
            assert np.array_equal(train, fold.train)
            assert not (train & fold.held).any()
            assert not ((train | fold.held) & ~pool).any()
            answered += fold.held
            if by == "group":
                assert not set(group[train]) & set(group[fold.held])
            if by == "time":
                assert time[train].max() < time[fold.held].min()
        assert answered.max() == 1
        assert np.array_equal(finals[name], answered == 1), "the final model learns from the rows that are answered"
        assert by == "time" or np.array_equal(finals[name], pool)


def inner_of(finished: Any, name: str, pool: np.ndarray) -> Any:
    run = finished.result.run
    return folds_within(run.plan, run.dataset, run.plan.seed, pool, 3, f"members/{name}")


def test_held_out_rows_reach_nothing_that_a_stack_learns(run: Any, table: pl.DataFrame) -> None:
    split = "split {\n  test = 20%\n  by = random\n}"
    base = run(table, LOGISTIC, NEAR, STACK, split=split)
    held = pl.Series(base.result.run.split.part == "test")
    flipped = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    other = table.with_columns(
        pl.when(held).then(pl.col("a") * -37 + 1e5).otherwise("a").alias("a"),
        pl.when(held).then(flipped).otherwise("y").alias("y"),
    )
    one = np.zeros(len(table), bool)
    one[np.flatnonzero(base.result.run.split.part == "train")[0]] = True
    trained = table.with_columns(pl.when(pl.Series(one)).then(flipped).otherwise("y").alias("y"))

    def learned(rows: Any) -> list[bytes]:
        params = outcome(run(rows, LOGISTIC, NEAR, STACK, split=split), "stack").model.last.params
        return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(params)]

    assert learned(other) == learned(table)
    assert learned(trained) != learned(table)


# ---- members with decisions of their own -----------------------------------------------------------------------------
def test_margins_vote_softly_once_calibrated(run: Any, table: pl.DataFrame) -> None:
    margin = "model margin {\n  linear_svm\n  inputs = scaled\n  calibrate = sigmoid\n}"
    finished = run(table, LOGISTIC, margin, "model vote { voting([logistic, margin]) }")
    part = outcome(finished, "vote").model.last.params.members[1]
    assert type(part.calibrator).__name__ == "Sigmoid"
    said = np.asarray(outcome(finished, "vote").model.last.prediction.probability)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    votes = run(table, LOGISTIC, margin.replace("  calibrate = sigmoid\n", ""),
                "model vote { voting([logistic, margin], voting = hard) }", metrics="metrics { accuracy }")  # fmt: skip
    counted = np.asarray(outcome(votes, "vote").model.last.prediction.probability)
    assert set(np.unique(counted)) <= {0.0, 0.5, 1.0}


def test_a_hard_vote_counts_classes_at_their_thresholds(run: Any, table: pl.DataFrame) -> None:
    sure = LOGISTIC.replace("  inputs", "  threshold = 0.9\n  inputs")
    third = "model bayes {\n  gaussian_naive_bayes\n  inputs = scaled\n}"
    finished = run(table, sure, NEAR, third, "model vote { voting([logistic, near, bayes], voting = hard) }")
    n = len(table)
    said = [np.asarray(outcome(finished, m).model.last.prediction.probability)[:n, 1] for m in ("logistic", "near")]
    bayes = np.asarray(outcome(finished, "bayes").model.last.prediction.probability)[:n, 1]
    expected = ((said[0] >= 0.9).astype(float) + (said[1] > 0.5) + (bayes > 0.5)) / 3
    np.testing.assert_allclose(np.asarray(outcome(finished, "vote").model.last.prediction.probability)[:n, 1], expected,
                               atol=1e-6)  # fmt: skip
    assert ((said[0] >= 0.9) != (said[0] > 0.5)).any(), "the threshold matters here"


def test_members_in_place_learn_on_the_scale_of_the_whole(run: Any, table: pl.DataFrame) -> None:
    numbers = "features {\n  a, b: continuous in -9..9\n  z: continuous as target\n}"
    alone = (
        "model one {\n  ridge(l2 = 1)\n  target = log(z)\n}",
        "model two {\n  ridge(l2 = 50)\n  target = log(z)\n}",
    )
    vote = "model vote {\n  voting([ridge(l2 = 1), ridge(l2 = 50)], weights = [3, 1])\n  target = log(z)\n}"
    finished = run(table, *alone, vote, features=numbers, steps="", metrics="metrics { rmse }")
    one, two, both = (np.asarray(outcome(finished, m).model.last.prediction.mean) for m in ("one", "two", "vote"))
    np.testing.assert_allclose(both, (3 * one + two) / 4, rtol=1e-5)


# ---- what is kept ----------------------------------------------------------------------------------------------------
def test_the_artifact_answers_as_the_run_did(run: Any, table: pl.DataFrame, tmp_path: Path) -> None:
    inside = "stacking([gaussian_naive_bayes, constant], final = gaussian_naive_bayes)"
    nested = f"model nested {{\n  voting([{inside}, stack])\n  inputs = scaled\n}}"
    passed = "stacking([logistic, near], final = logistic_regression(l2 = 1), passthrough = true)"
    passing = f"model passing {{\n  {passed}\n  inputs = scaled\n}}"
    finished = run(table, LOGISTIC, NEAR, STACK, nested, passing, runs_dir=tmp_path)
    for name in ("stack", "nested", "passing"):
        loaded = mldsl.load(finished.folder / "models" / name)
        said = loaded.predict(table.drop("y"))["probability_yes"].to_numpy()
        kept = np.asarray(outcome(finished, name).model.last.prediction.probability)[: len(table), 1]
        np.testing.assert_allclose(said, kept, rtol=0, atol=1e-6)


def test_fits_are_kept_and_trained_again_where_a_member_changed(run: Any, table: pl.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table.write_parquet(path)

    def again(*models: str) -> Any:
        from mldsl.driver import Options
        from mldsl.driver import run as run_source
        from mldsl.source import Source

        text = "\n".join(["mlp 1", f'data {{ parquet("{path}") }}', FEATURES, STEPS, *models]) + "\n"
        return run_source(Source("<test>", text), Options(runs_dir=tmp_path / "runs"))

    first = again(LOGISTIC, NEAR, STACK)
    second = again(LOGISTIC, NEAR, STACK, "metrics { accuracy }")
    third = again(LOGISTIC.replace("l2 = 1", "l2 = 2"), NEAR, STACK)
    cached = [{name: bool(model.cached) for name, model in f.record.models.items()} for f in (first, second, third)]
    assert cached[0] == {"logistic": False, "near": False, "stack": False}
    assert cached[1] == {"logistic": True, "near": True, "stack": True}
    assert cached[2] == {"logistic": False, "near": True, "stack": False}
    leaves = [jax.tree.leaves(outcome(f, "stack").model.last.params) for f in (first, second)]
    assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in zip(*leaves, strict=True))


FEATURES = "features {\n  a, b: continuous\n  s: categorical\n  y: binary as target\n}"


# ---- searches --------------------------------------------------------------------------------------------------------
def test_a_search_varies_members_in_place_and_takes_members_of_the_file_as_tuned(run: Any, table: pl.DataFrame) -> None:
    params = "param c: number = 1 in 0.001..100\nparam k: integer = 3 in 1..50"
    tuned = LOGISTIC.replace("l2 = 1", "l2 = $c")
    stack = (
        "model stack {\n  stacking([logistic, k_nearest_neighbors(k = $k)], final = logistic_regression, folds = 3)"
        "\n  inputs = scaled\n}"
    )
    tune = "tune {\n  search = grid\n  folds = 3\n  $c in [0.01, 100]\n  $k in [1, 25]\n}"
    finished = run(table, tuned, stack, params, tune, split="split { folds = 2 }")
    best = finished.record.tune.best
    assert set(best) == {"logistic", "stack"}
    assert set(best["stack"]) == {"k"}, "what a model of the file is tuned by is its own search"
    prepared = outcome(finished, "stack").model.prepared
    assert dict(prepared.members[0].plan.algorithm.args)["l2"] == best["logistic"]["c"]
    assert dict(prepared.members[1].plan.algorithm.args)["k"] == best["stack"]["k"]
    folds = outcome(finished, "stack").model.of_folds
    own = outcome(finished, "logistic").model.of_folds
    assert [f.members[0] for f in folds] == list(own), "in a fold, members are those that were found in it"


# ---- reports and refusals --------------------------------------------------------------------------------------------
def test_reports_show_the_final_model_over_the_members_answers(run: Any, table: pl.DataFrame) -> None:
    report = "report {\n  coefficients(model = stack)\n  feature_importance(model = stack, repeats = 2)\n}"
    finished = run(table, LOGISTIC, NEAR, STACK, report)
    of_final, of_columns = (finished.outputs[name].tables[0].columns for name in ("coefficients", "feature_importance"))
    assert list(of_final[0].values) == ["(intercept)", "logistic_yes", "near_yes"]
    assert sorted(of_columns[0].values) == ["a", "b", "s"], "what the members read"
    drop = dict(zip(of_columns[0].values, of_columns[1].values, strict=True))
    assert drop["a"] > 0.1 > abs(drop["s"]), "y follows a"


def test_too_few_rows_of_a_class_are_refused_with_the_place(run: Any, table: pl.DataFrame) -> None:
    few = table.with_columns(y=pl.when(pl.int_range(pl.len()) < 2).then(pl.lit("yes")).otherwise(pl.lit("no")))
    with pytest.raises(MldslError) as raised:
        run(few, LOGISTIC, NEAR, STACK.replace("0.1)", "0.1), folds = 60"), split="split { test = 0% }")
    assert [d.code for d in raised.value.diagnostics] == ["MLP0405"]
    assert "members" in raised.value.diagnostics[0].message


def test_models_that_prepare_their_inputs_are_members_and_final(run: Any, table: pl.DataFrame, tmp_path: Path) -> None:
    named = "model named {\n  cart(max_depth = 2)\n  inputs = scaled\n}"
    stack = "model stack { stacking([named, near], final = cart(max_depth = 2), folds = 2) }"
    finished = run(table, named, NEAR, stack, metrics="metrics { accuracy }", runs_dir=tmp_path)
    last, own = outcome(finished, "stack").model.last, outcome(finished, "named").model.last
    n = len(table)
    np.testing.assert_array_equal(last.matrix[:n, 0], np.asarray(own.prediction.probability)[:n, 1])
    said = mldsl.load(finished.folder / "models" / "stack").predict(table.drop("y"))["probability_yes"].to_numpy()
    np.testing.assert_allclose(said, np.asarray(last.prediction.probability)[:n, 1], rtol=0, atol=1e-6)
