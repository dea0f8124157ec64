"""The loop of iterative fits: progress, stopping, the best state, Ctrl-C, kill -9 and going on with the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from mldsl import MldslError
from mldsl.execute import loop
from mldsl.execute.checkpoint import Checkpoints
from mldsl.execute.engine import predictions_frame

FEATURES = "features {\n  a, b: continuous\n  z: continuous as target\n}"


@pytest.fixture(scope="module")
def text(engine: Any) -> Any:
    def make(*settings: str, model: str = "counter", split: str = "split { test = 25% }", **more: str) -> str:
        body = "\n  ".join([model, *settings])
        return engine.pipeline(
            use="use tiny", features=FEATURES, steps="", model=f"model {{\n  {body}\n}}", split=split,
            metrics="metrics { rmse }", **more,
        )  # fmt: skip

    return make


@pytest.fixture(scope="module")
def run(engine: Any, registry: Any, table: pl.DataFrame) -> Any:
    return lambda text, rows=table, **options: engine.run(text, rows, registry, **options)


@pytest.fixture(scope="module")
def whole(run: Any, text: Any) -> Any:
    """An uninterrupted run of 12 updates."""
    return run(text())


def params(finished: Any) -> Any:
    return finished.result.outcomes[0].model.last.params


def bits(finished: Any) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in params(finished)]


# ---- progress and history --------------------------------------------------------------------------------------------
def test_progress_names_stage_step_and_total(run: Any, text: Any, whole: Any) -> None:
    seen: list[tuple[str, int, int, dict[str, float]]] = []
    again = run(text(split="split {\n  test = 25%\n  folds = 2\n}"), progress=lambda *call: seen.append(call))
    stages = ["model/counter/fold=0.0", "model/counter/fold=0.1", "model/counter/last"]
    assert [(stage, step) for stage, step, _, _ in seen] == [(s, i) for s in stages for i in range(1, 13)]
    assert all(total == 12 and info == {"steps": float(step)} for _, step, total, info in seen)
    assert bits(again) == bits(whole), "folds change nothing of the last fit"


def test_the_record_says_how_far_it_went(whole: Any) -> None:
    assert whole.record.models["counter"].info == {"steps": 12.0}


# ---- early stopping --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def about_five(table: pl.DataFrame) -> pl.DataFrame:
    """Targets of 4.6 to 5.4: the squared error of `counter` on any rows is least after five updates."""
    return table.with_columns(z=5 + 0.1 * (pl.col("t") % 9 - 4))


VALIDATION = "split {\n  test = 25%\n  validation = 25%\n}"


def test_it_stops_on_validation_rows_and_keeps_the_best_state(run: Any, text: Any, about_five: pl.DataFrame) -> None:
    stopped = run(text("stop_when = no_improvement(rounds = 3)", split=VALIDATION), about_five)
    assert params(stopped).steps == 5
    history = stopped.result.outcomes[0].model.last.history["validation_loss"]
    assert len(history) == 8, "three more rounds were borne"
    validation = stopped.result.run.split.part == "validation"
    expected = [((about_five["z"].to_numpy()[validation] - step) ** 2).mean() for step in range(1, 9)]
    np.testing.assert_allclose(history, expected, rtol=1e-4)
    model = stopped.record.models["counter"]
    assert (model.info["steps"], model.info["kept_step"]) == (8.0, 5)
    assert model.metrics["validation"]["rmse"].selected_on
    assert not model.metrics["test"]["rmse"].selected_on
    said = predictions_frame(stopped.result)
    assert (said["prediction"] == 5).all(), "the best state is what predicts"


def test_test_rows_do_not_stop(run: Any, text: Any, about_five: pl.DataFrame) -> None:
    stopping = text("stop_when = no_improvement(rounds = 3)", split=VALIDATION)
    test = pl.Series(run(stopping, about_five).result.run.split.part == "test")
    elsewhere = about_five.with_columns(z=pl.when(test).then(11.0).otherwise("z"))
    assert params(run(stopping, elsewhere)).steps == 5
    validation = pl.Series(run(stopping, about_five).result.run.split.part == "validation")
    elsewhere = about_five.with_columns(z=pl.when(validation).then(9.0).otherwise("z"))
    assert params(run(stopping, elsewhere)).steps == 9


def test_a_tolerance_keeps_the_state_of_the_last_improvement(run: Any, text: Any, about_five: pl.DataFrame) -> None:
    stopped = run(text("stop_when = no_improvement(rounds = 3, tolerance = 2)", split=VALIDATION), about_five)
    # (s - 5)^2 is 16, 9, 4, 1, 0: the step from 1 to 0, and from there on, is no improvement of more than 2.
    assert params(stopped).steps == 4


def test_what_is_watched_may_be_a_metric(run: Any, text: Any, about_five: pl.DataFrame) -> None:
    for metric, name in (("mae", "validation_mae"), ("r2", "minus_validation_r2")):
        stopped = run(text(f"stop_when = no_improvement(rounds = 2, metric = {metric})", split=VALIDATION), about_five)
        assert params(stopped).steps == 5
        assert len(stopped.result.outcomes[0].model.last.history[name]) == 7


def test_folds_stop_on_a_share_of_their_own_rows_and_tell_the_last_fit(
    run: Any, text: Any, about_five: pl.DataFrame
) -> None:
    seen: dict[str, int] = {}
    stopped = run(
        text("stop_when = no_improvement(rounds = 3)", split="split {\n  test = 25%\n  folds = 3\n}"),
        about_five, progress=lambda stage, step, total, info: seen.update({stage: step}),
    )  # fmt: skip
    split = stopped.result.run.split
    for fold in split.folds:
        assert fold.stop is not None
        assert fold.stop.any()
        assert not (fold.stop & (fold.held | fold.train)).any()
        assert not fold.stop[split.part == "test"].any()
    assert [seen[f"model/counter/fold=0.{i}"] for i in range(3)] == [8, 8, 8]
    assert seen["model/counter/last"] == 5, "as many updates as the folds found best"
    assert params(stopped).steps == 5


# ---- interruption ----------------------------------------------------------------------------------------------------
def interrupt_at(step: int) -> Any:
    def progress(stage: str, at: int, total: int, info: dict[str, float]) -> None:
        if at == step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("step", [1, 7, 12])
def test_ctrl_c_leaves_a_checkpoint_and_resume_goes_on(
    step: int, run: Any, text: Any, whole: Any, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(text(), runs_dir=tmp_path, progress=interrupt_at(step))
    assert [p.name for p in tmp_path.iterdir()] == [".partial"]
    seen: list[int] = []
    again = run(text(), runs_dir=tmp_path, resume=True, progress=lambda stage, at, total, info: seen.append(at))
    assert seen == list(range(step + 1, 13))
    assert again.resumed
    assert bits(again) == bits(whole)
    assert again.result.outcomes[0].model.last.history == whole.result.outcomes[0].model.last.history
    assert again.record.models["counter"].metrics == whole.record.models["counter"].metrics
    assert [p.name for p in tmp_path.glob("[!.]*")] == [again.folder.name], "nothing of the interrupted run is left"


def test_a_loop_in_float64_stays_there_when_it_goes_on(
    engine: Any, tiny: Any, text: Any, table: pl.DataFrame, tmp_path: Path
) -> None:
    import attrs

    from mldsl.plugin.registry import Registry

    exact = Registry.load().with_components("tiny", [attrs.evolve(tiny[0], precision="float64")])
    whole = engine.run(text(), table, exact)
    with pytest.raises(KeyboardInterrupt):
        engine.run(text(), table, exact, runs_dir=tmp_path, progress=interrupt_at(7))
    again = engine.run(text(), table, exact, runs_dir=tmp_path, resume=True)
    assert params(whole).drawn.dtype == np.float64
    assert bits(again) == bits(whole)


def test_the_best_state_survives_an_interruption(run: Any, text: Any, about_five: pl.DataFrame, tmp_path: Path) -> None:
    stopping = text("stop_when = no_improvement(rounds = 3)", split=VALIDATION)
    for step in (6, 8):  # after the best; and in the very update that stops
        with pytest.raises(KeyboardInterrupt):
            run(stopping, about_five, runs_dir=tmp_path / str(step), progress=interrupt_at(step))
        again = run(stopping, about_five, runs_dir=tmp_path / str(step), resume=True)
        assert bits(again) == bits(run(stopping, about_five))
        assert len(again.result.outcomes[0].model.last.history["validation_loss"]) == 8


def test_ctrl_c_within_an_update_is_as_if_the_update_was_not_made(tmp_path: Path) -> None:
    """The first look at the third state is cut off; state, history and count in the checkpoint agree all the same."""
    watched: list[float] = []

    def value(state: np.ndarray) -> float:
        watched.append(float(state))
        if len(watched) == 3:
            raise KeyboardInterrupt
        return -float(state)

    def make(resume: bool) -> loop.Loop:
        watch = loop.Watch(lambda h: len(h) >= 6, lambda h: int(np.argmin(h)), value)
        return loop.Loop(
            "model/x/last", 10, lambda: np.zeros(()), lambda s: (s + 1, {"step": s + 1}), watch,
            lambda *call: None, Checkpoints(tmp_path, resume),
        )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        make(resume=False).run()
    kept = Checkpoints(tmp_path, True).load("model/x/last")
    assert kept is not None
    assert (kept.step, float(kept.state[0])) == (2, 2.0)
    assert {name: len(values) for name, values in kept.history.items()} == {"step": 2, "validation_loss": 2}
    done = make(resume=True).run()
    assert done.history["step"] == [1, 2, 3, 4, 5, 6]
    assert (float(done.state), done.updates) == (6.0, 6)


def test_another_file_or_data_does_not_resume(run: Any, text: Any, table: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(text(), runs_dir=tmp_path, progress=interrupt_at(7))
    seen: list[int] = []
    run(text("# another file"), runs_dir=tmp_path, resume=True, progress=lambda s, at, t, i: seen.append(at))
    assert seen[0] == 1
    other = table.with_columns(z=pl.col("z") + 1)
    seen.clear()
    run(text(), other, runs_dir=tmp_path, resume=True, progress=lambda s, at, t, i: seen.append(at))
    assert seen[0] == 1


def test_without_resume_an_interrupted_run_starts_over(run: Any, text: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(text(), runs_dir=tmp_path, progress=interrupt_at(7))
    seen: list[int] = []
    run(text(), runs_dir=tmp_path, progress=lambda s, at, t, i: seen.append(at))
    assert seen == list(range(1, 13))


def test_a_damaged_checkpoint_starts_its_stage_over(run: Any, text: Any, whole: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(text(), runs_dir=tmp_path, progress=interrupt_at(7))
    (kept,) = tmp_path.glob(".partial/*/checkpoints/*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-20])
    assert bits(run(text(), runs_dir=tmp_path, resume=True)) == bits(whole)


def test_ctrl_c_where_nothing_can_go_on_leaves_nothing(run: Any, text: Any, tmp_path: Path) -> None:
    def stop(stage: str, begins: bool) -> None:
        raise KeyboardInterrupt

    from mldsl.execute import engine as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "judge_model", lambda *args: stop("", True))
        with pytest.raises(KeyboardInterrupt):
            run(text(), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_errors_leave_nothing_behind(run: Any, text: Any, table: pl.DataFrame, tmp_path: Path) -> None:
    def fail(stage: str, at: int, total: int, info: dict[str, float]) -> None:
        if at == 3:
            raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        run(text(), runs_dir=tmp_path / "runs", progress=fail)
    assert not (tmp_path / "runs").exists()


def test_one_run_at_a_time(run: Any, text: Any, tmp_path: Path) -> None:
    refused: list[MldslError] = []

    def again(stage: str, at: int, total: int, info: dict[str, float]) -> None:
        if at == 1:
            with pytest.raises(MldslError, match="MLP0602") as caught:
                run(text(), runs_dir=tmp_path)
            refused.append(caught.value)

    assert run(text(), runs_dir=tmp_path, progress=again).folder.is_dir()
    assert len(refused) == 1


# ---- a model that has both ways --------------------------------------------------------------------------------------
def test_a_model_with_both_ways_goes_in_rounds_as_its_spec_says(run: Any, text: Any, whole: Any) -> None:
    at_once = run(text(model="either"))
    assert params(at_once).steps == -1
    assert at_once.result.outcomes[0].model.last.history == {}
    looped = run(text(model="either(way = rounds)"))
    assert params(looped).steps == 12
    assert looped.result.outcomes[0].model.last.history == {"steps": [float(i) for i in range(1, 13)]}
    with pytest.raises(MldslError, match="`either` with `way = at_once` does not learn in rounds") as refused:
        run(text("stop_when = no_improvement(rounds = 3)", model="either", split=VALIDATION))
    assert "write `way = rounds` or `way = slow_rounds`, or leave `stop_when` out" in str(
        refused.value.diagnostics[0].help
    )
    stopped = run(text("stop_when = no_improvement(rounds = 3)", model="either(way = rounds)", split=VALIDATION))
    assert params(stopped).steps == 12
    with pytest.raises(MldslError, match="has `pace` only if `way = rounds` or `way = slow_rounds`"):
        run(text(model="either(pace = 2)"))
    run(text(model="either(way = slow_rounds, pace = 2)"))
