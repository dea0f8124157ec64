"""`tune`: the scores of one fit after the other and of scikit-learn's search, on the rows that may choose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mldsl.diagnostics import MldslError
from mldsl.execute import fit, tune
from mldsl.execute.host import fit_host
from mldsl.execute.ways import Way

FOLDS = "split {\n  test = 25%\n  folds = 4\n}"
PARAM = "param l2: number = 1 in 1e-6..1e6"
GRID = "tune {\n  search = grid(points = 5)\n  $l2 in log(0.01..100)\n}"
LOGISTIC = "logistic_regression(l2 = $l2)"


def trials(finished: Any) -> list[tuple[dict[str, Any], float]]:
    return [(dict(trial.params), trial.score) for trial in finished.record.tune.trials]


def one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "way_of", lambda *_: Way("loop", "asked for"))


@pytest.mark.parametrize(
    ("steps", "model", "declared", "varied"),
    [
        ("", LOGISTIC, PARAM, "$l2 in log(0.01..100)"),
        ("transforms {\n  standardize on numeric\n  one_hot on s\n}", LOGISTIC, PARAM, "$l2 in log(0.01..100)"),
        (
            "transforms {\n  standardize on numeric\n  one_hot on s\n}",
            "gaussian_naive_bayes(smoothing = $v)",
            "param v: number = 1e-9 in 0..1",
            "$v in log(1e-9..0.1)",
        ),
        (
            "transforms {\n  min_max_scale on a\n  impute(constant(value = $v)) on b\n  one_hot on s\n}",
            "logistic_regression",
            "param v: number = 0 in -5..5",
            "$v in -2..2",
        ),
    ],
    ids=["product", "product after steps", "mapped", "a step varies"],
)
def test_one_program_is_the_loop(
    engine: Any,
    table: pl.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    steps: str,
    model: str,
    declared: str,
    varied: str,
) -> None:
    features = engine.features()
    if not steps:
        features = features.replace("  s: categorical\n", "")
    holes = "impute" in steps
    if holes:
        features = features.replace("a, b: continuous", "a: continuous\n  b: continuous?")
        table = table.with_columns(pl.when(pl.col("b") > 0.8).then(None).otherwise(pl.col("b")).alias("b"))
    block = f"tune {{\n  search = grid(points = 5)\n  {varied}\n}}"
    metrics = "metrics {\n  log_loss\n}"
    text = engine.pipeline(declared, block, model=model, steps=steps, split=FOLDS, features=features, metrics=metrics)
    at_once = engine.run(text, table)
    one_after_the_other(monkeypatch)
    looped = engine.run(text, table)
    assert len(trials(at_once)) == 5
    for (params, score), (same, other) in zip(trials(at_once), trials(looped), strict=True):
        assert params == same
        assert score == pytest.approx(other, rel=2e-6)
    assert len({score for _, score in trials(at_once)}) > 1
    assert at_once.record.tune.best == looped.record.tune.best


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        (("w: integer as weight",), "transforms { standardize on numeric }"),
        ((), 'transforms {\n  standardize on numeric\n  downsample on "*"\n}'),
    ],
    ids=["rows of weight 0", "rows drawn"],
)
def test_rows_that_weigh_nothing_or_are_drawn_are_those_of_the_loop(
    engine: Any, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], steps: str
) -> None:
    features = engine.features(*lines).replace("  s: categorical\n", "")
    metrics = "metrics {\n  log_loss\n}"
    text = engine.pipeline(PARAM, GRID, model=LOGISTIC, steps=steps, split=FOLDS, features=features, metrics=metrics)
    rows = table.with_columns(pl.col("w") - 1)
    at_once = engine.run(text, rows)
    one_after_the_other(monkeypatch)
    looped = engine.run(text, rows)
    for (params, score), (same, other) in zip(trials(at_once), trials(looped), strict=True):
        assert params == same
        assert score == pytest.approx(other, rel=1e-9)


def test_settings_of_steps_share_the_rows_that_they_begin_with(
    engine: Any, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(fit, "fit_host", lambda *args: calls.append(1) or fit_host(*args))
    block = "tune {\n  search = grid\n  $v in [true, false]\n}"
    steps = "transforms {\n  robust_scale(center = $v) on numeric\n  one_hot on s\n}"
    found = engine.run(engine.pipeline("param v: boolean = true", block, steps=steps, split=FOLDS), table)
    assert len(trials(found)) == 2
    assert len(calls) == 1  # the fits after the search share them too


def test_a_column_computed_with_a_param_is_tuned(engine: Any, table: pl.DataFrame) -> None:
    declared = "param v: number = 0 in -5..5"
    steps = "transforms {\n  capped = clip(a, $v, 9)\n  drop on [a, s]\n}"
    metrics = "metrics {\n  log_loss\n}"
    text = engine.pipeline(
        declared, "tune {\n  search = grid\n  $v in [-1, 0, 1]\n}", steps=steps, split=FOLDS, metrics=metrics
    )
    found = engine.run(text, table)
    assert len({score for _, score in trials(found)}) == 3
    for params, score in trials(found):
        alone = engine.run(text, table, params={"v": str(params["v"])})
        value = alone.record.models["gaussian_naive_bayes"].metrics["folds"]["log_loss"].value
        assert score == pytest.approx(value, rel=1e-6)


def test_the_scores_are_those_of_grid_search_on_the_same_folds(engine: Any, table: pl.DataFrame) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    features = engine.features().replace("  s: categorical\n", "")
    text = engine.pipeline(
        PARAM, GRID, model=LOGISTIC, steps="", split=FOLDS, features=features, metrics="metrics {\n  log_loss\n}"
    )
    found = engine.run(text, table)
    split = found.result.run.split
    place = np.cumsum(split.part == "train") - 1
    x = table.select("a", "b").to_numpy()[split.part == "train"]
    y = table["y"].to_numpy()[split.part == "train"]
    folds = [(place[fold.train], place[fold.held]) for fold in split.folds]
    search = GridSearchCV(
        LogisticRegression(tol=1e-10, max_iter=10_000), {"C": 1 / np.geomspace(0.01, 100, 5)}, cv=folds,
        scoring="neg_log_loss",
    ).fit(x, y)  # fmt: skip
    scores = [score for _, score in trials(found)]
    np.testing.assert_allclose(scores, -search.cv_results_["mean_test_score"], rtol=1e-6)
    deviation = search.cv_results_["std_test_score"] * np.sqrt(4 / 3) / np.sqrt(4)
    np.testing.assert_allclose([t.deviation for t in found.record.tune.trials], deviation, rtol=1e-4)
    best = found.record.tune.best["logistic_regression"]["l2"]
    assert best == pytest.approx(1 / search.best_params_["C"])
    assert found.result.outcomes[0].model.prepared.plan.algorithm.arg("l2") == pytest.approx(best)


def test_every_run_gives_the_same_bits(engine: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline(PARAM, GRID, model=LOGISTIC, split=FOLDS)
    assert trials(engine.run(text, table)) == trials(engine.run(text, table))


def changed(table: pl.DataFrame, rows: np.ndarray) -> pl.DataFrame:
    """The same table with nonsense in some rows."""
    mask = pl.Series(rows)
    other = pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    return table.with_columns(
        pl.when(mask).then(other).otherwise(pl.col("y")).alias("y"),
        pl.when(mask).then(pl.col("a") * 3 - 1).otherwise(pl.col("a")).alias("a"),
    )


def test_the_test_rows_choose_nothing(engine: Any, table: pl.DataFrame) -> None:
    split = FOLDS.replace("test = 25%", "test = 25%\n  by = order")
    text = engine.pipeline(PARAM, GRID, model=LOGISTIC, split=split)
    first = engine.run(text, table)
    test = first.result.run.split.part == "test"
    assert test.sum() == 30
    again = engine.run(text, changed(table, test))
    assert trials(again) == trials(first)
    assert (
        again.record.models["logistic_regression"].metrics["test"]
        != (first.record.models["logistic_regression"].metrics["test"])
    )


def test_what_an_outer_fold_holds_out_does_not_choose_its_setting(engine: Any, table: pl.DataFrame) -> None:
    block = GRID.replace("}", "  folds = 3\n}")
    text = engine.pipeline(PARAM, block, model=LOGISTIC, split="split {\n  folds = 3\n  by = random\n}")
    first = engine.run(text, table)
    tried = first.record.tune.trials
    assert [sum(t.fold == fold for t in tried) for fold in (0, 1, 2, None)] == [5, 5, 5, 5]
    held = first.result.run.split.folds[1].held
    again = engine.run(text, changed(table, held)).record.tune.trials

    def of(trials: Any, fold: int | None) -> list[float]:
        return [trial.score for trial in trials if trial.fold == fold]

    assert of(again, 1) == of(tried, 1)
    assert of(again, 0) != of(tried, 0)
    assert not first.record.models["logistic_regression"].metrics["folds"]["accuracy"].selected_on


def test_folds_that_chose_are_called_so_and_the_winner_is_trained(engine: Any, table: pl.DataFrame) -> None:
    found = engine.run(engine.pipeline(PARAM, GRID, model=LOGISTIC, split=FOLDS), table)
    record = found.record.models["logistic_regression"]
    assert record.metrics["folds"]["accuracy"].selected_on
    assert not record.metrics["test"]["accuracy"].selected_on
    best = max(found.record.tune.trials, key=lambda t: t.score)
    assert record.metrics["folds"]["accuracy"].value == pytest.approx(best.score)
    assert record.spec["l2"] == pytest.approx(best.params["l2"])


def test_validation_rows_choose_where_there_are_no_folds(engine: Any, table: pl.DataFrame) -> None:
    split = "split {\n  test = 25%\n  validation = 25%\n}"
    found = engine.run(engine.pipeline(PARAM, GRID, model=LOGISTIC, split=split), table)
    validation = found.record.models["logistic_regression"].metrics["validation"]
    assert validation["accuracy"].selected_on
    assert max(score for _, score in trials(found)) == pytest.approx(validation["accuracy"].value)


def test_each_model_has_its_own_search(engine: Any, table: pl.DataFrame) -> None:
    declared = f"{PARAM}\nparam v: number = 1e-9 in 0..1"
    models = "model one { logistic_regression(l2 = $l2) }\nmodel two { gaussian_naive_bayes(smoothing = $v) }\n"
    block = "tune {\n  search = random(trials = 3)\n  $l2 in log(0.01..100)\n  $v in log(1e-9..0.1)\n}"
    text = engine.pipeline(declared, block, model=models + "model three { constant }", split=FOLDS)
    found = engine.run(text, table)
    varied = {(t.model, tuple(t.params)) for t in found.record.tune.trials}
    assert varied == {("one", ("l2",)), ("two", ("v",))}
    assert set(found.record.tune.best) == {"one", "two"}


def test_words_can_be_tried_and_share_no_program(engine: Any, table: pl.DataFrame) -> None:
    declared = "param how: choice = newton in [newton, lbfgs]"
    block = "tune {\n  search = grid\n  $how in [newton, lbfgs]\n}"
    model = "logistic_regression(solver = $how)"
    metrics = "metrics {\n  log_loss\n}"
    found = engine.run(engine.pipeline(declared, block, model=model, split=FOLDS, metrics=metrics), table)
    (first, one), (second, other) = trials(found)
    assert (first["how"], second["how"]) == ("newton", "lbfgs")
    assert one == pytest.approx(other, rel=1e-5)


def test_halving_gives_more_rows_to_fewer(engine: Any, table: pl.DataFrame) -> None:
    block = "tune {\n  search = halving(trials = 9, reduction = 3)\n  $l2 in log(0.01..100)\n}"
    found = engine.run(engine.pipeline(PARAM, block, model=LOGISTIC, split=FOLDS), table)
    shares = [t.share for t in found.record.tune.trials]
    assert sorted(set(shares)) == pytest.approx([1 / 9, 1 / 3, 1])
    assert [sum(s == share for s in shares) for share in sorted(set(shares))] == [9, 3, 1]
    last = next(t for t in found.record.tune.trials if t.share == 1)
    assert found.record.tune.best["logistic_regression"] == dict(last.params)


@pytest.mark.parametrize("rounds", [True, False])
def test_rounds_of_iterative_models_are_a_resource(
    engine: Any, table: pl.DataFrame, registry: Any, rounds: bool
) -> None:
    resource = "rounds" if rounds else "rows"
    block = f"tune {{\n  search = halving(trials = 4, reduction = 2, resource = {resource})\n  $p in 0..1\n}}"
    text = engine.pipeline(
        "param p: number = 0 in 0..1", block, model="tiny.counter(rounds = 8, pause = $p)", use="use tiny", split=FOLDS,
        features="features {\n  a, b: continuous\n  z: continuous as target\n}", steps="", metrics="metrics { mae }",
    )  # fmt: skip
    found = engine.run(text, table, registry)
    by_share = {t.share: t.score for t in found.record.tune.trials}
    # The model predicts how many rounds it made, so that more rounds come nearer to the target.
    assert (by_share[1] < by_share[min(by_share)]) is rounds


def test_settings_that_cannot_be_trained_score_nothing_and_are_told(engine: Any, table: pl.DataFrame) -> None:
    declared = "param k: integer = 3 in 1..500"
    block = "tune {\n  search = grid\n  $k in [2, 3, 400]\n}"
    text = engine.pipeline(
        declared, block, model="k_means(clusters = $k)", split="", steps="",
        features="features { a, b: continuous }", metrics="metrics { silhouette }",
    )  # fmt: skip
    found = engine.run(text, table)
    scores = {params["k"]: score for params, score in trials(found)}
    assert np.isnan(scores[400])
    assert np.isfinite([scores[2], scores[3]]).all()
    assert any("1 setting of `k_means` could not be trained" in text for text in found.record.warnings)
    assert found.record.models["k_means"].spec["clusters"] == max((2, 3), key=scores.__getitem__)


def test_no_setting_that_works_is_an_error(engine: Any, table: pl.DataFrame) -> None:
    declared = "param k: integer = 3 in 1..500"
    block = "tune {\n  search = grid\n  $k in [400, 450]\n}"
    text = engine.pipeline(
        declared, block, model="k_means(clusters = $k)", split="", steps="",
        features="features { a, b: continuous }", metrics="metrics { silhouette }",
    )  # fmt: skip
    with pytest.raises(MldslError) as raised:
        engine.run(text, table)
    (found,) = raised.value.diagnostics
    assert found.code == "MLP0312"
    assert "no setting of `k_means`" in found.message
    assert any("expected at most" in note for note in found.notes)


def test_where_the_metric_is_undefined_is_said(engine: Any, table: pl.DataFrame) -> None:
    one_class = pl.when(pl.int_range(pl.len()).is_between(30, 80)).then(pl.lit("no")).otherwise(pl.col("y")).alias("y")
    split = "split {\n  test = 25%\n  folds = 3\n  by = order\n}"
    text = engine.pipeline(PARAM, GRID, model=LOGISTIC, split=split, metrics="metrics { roc_auc }")
    with pytest.raises(MldslError) as raised:
        engine.run(text, table.with_columns(one_class))
    (found,) = raised.value.diagnostics
    assert found.notes == ("`roc_auc` is undefined on the rows that fold 2 holds out for 5 of them",)
    assert "by = stratified" in (found.help or "")


def test_one_reason_that_nothing_works_comes_with_its_own_help(engine: Any, table: pl.DataFrame) -> None:
    text = engine.pipeline(
        "param l2: number = 1 in 0..1e6", GRID, model="model {\n  ridge(l2 = $l2)\n  target = log(z)\n}",
        features=engine.features("z: continuous as target").replace("  y: binary as target\n", ""),
        metrics="metrics { rmse }", split=FOLDS,
    )  # fmt: skip
    with pytest.raises(MldslError) as raised:
        engine.run(text, table.with_columns(pl.col("z") - 20))
    (found,) = raised.value.diagnostics
    assert any("5 settings: `target = log(...)` needs values above 0" in note for note in found.notes)
    assert "ranges" not in (found.help or "")


def test_an_interrupted_search_goes_on_from_its_trials(
    engine: Any, table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = engine.pipeline(
        "param v: number = 1e-9 in 0..1", "tune {\n  search = grid(points = 20)\n  $v in log(1e-9..0.1)\n}",
        model="gaussian_naive_bayes(smoothing = $v)", split=FOLDS,
    )  # fmt: skip
    whole = engine.run(text, table)
    rows = tmp_path / "rows.csv"
    table.write_csv(rows)
    filed = text.replace('frame("rows")', f'csv("{rows}")')

    calls = count_calls(monkeypatch, stop_after=4)
    with pytest.raises(KeyboardInterrupt):
        engine.run(filed, None, runs_dir=tmp_path / "runs")
    assert len(calls) == 4
    (log,) = (tmp_path / "runs").glob(".partial/*/checkpoints/*.trials.json")
    tried = len(json.loads(log.read_text()))
    assert 0 < tried < 20
    calls = count_calls(monkeypatch, stop_after=None)
    resumed = engine.run(filed, None, runs_dir=tmp_path / "runs", resume=True)
    assert resumed.resumed
    assert len(calls) == 10 - tried // 2
    assert trials(resumed) == trials(whole)
    assert resumed.record.tune.best == whole.record.tune.best


def count_calls(monkeypatch: pytest.MonkeyPatch, stop_after: int | None) -> list[str]:
    """Count calls of the program that fits many; interrupt after some."""
    from mldsl.execute.programs import Programs

    monkeypatch.undo()
    call: Callable[..., Any] = Programs.call
    calls: list[str] = []

    def counted(self: Any, name: str, *args: Any, **options: Any) -> Any:
        if name == "many":
            if stop_after is not None and len(calls) == stop_after:
                raise KeyboardInterrupt
            calls.append(name)
        return call(self, name, *args, **options)

    monkeypatch.setattr(Programs, "call", counted)
    return calls


def test_a_timeout_keeps_what_was_tried(engine: Any, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(tune.time, "monotonic", clock)
    block = "tune {\n  search = grid(points = 20, timeout = 3s)\n  $v in log(1e-9..0.1)\n}"
    text = engine.pipeline(
        "param v: number = 1e-9 in 0..1", block, model="gaussian_naive_bayes(smoothing = $v)", split=FOLDS
    )
    found = engine.run(text, table)
    assert 0 < len(found.record.tune.trials) < 20
    assert any("timeout" in text for text in found.record.warnings)
    assert found.record.tune.best


def test_progress_tells_the_best_so_far(engine: Any, table: pl.DataFrame) -> None:
    told: list[tuple[int, int, dict[str, float]]] = []
    text = engine.pipeline(
        "param v: number = 1e-9 in 0..1", "tune {\n  search = grid(points = 20)\n  $v in log(1e-9..0.1)\n}",
        model="gaussian_naive_bayes(smoothing = $v)", split=FOLDS,
    )  # fmt: skip
    engine.run(text, table, progress=lambda stage, step, total, info: told.append((step, total, dict(info))))
    assert [step for step, _, _ in told] == list(range(2, 21, 2))
    assert {total for _, total, _ in told} == {20}
    best = [info["best accuracy"] for _, _, info in told]
    assert best == sorted(best)


def test_a_line_search_never_goes_side_by_side() -> None:
    """Two batched triangular solves beside each other wait for each other forever on two cores."""
    from mldsl_plugins.linear.logistic_regression import Spec, batches

    assert batches(Spec(solver="newton"), 30)
    assert not batches(Spec(solver="lbfgs"), 30)
