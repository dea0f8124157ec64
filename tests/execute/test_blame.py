"""A component that raises, or gives no numbers, is named with its plugin, at its line, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import jax.numpy as jnp
import polars as pl
import pytest

from mldsl import MldslError
from mldsl.contract import Prediction
from mldsl.plugin import Metric, Model, NoSpec, Output, Report, Stop, Transform, hookimpl
from mldsl.plugin.failure import PluginError
from mldsl.plugin.registry import Registry

FEATURES = "features {\n  a: continuous\n  z: continuous as target\n}"


def fail(*args: Any) -> Any:
    raise ZeroDivisionError("the sky fell")


def zeros(spec: Any, key: Any, shape: Any, examples: Any) -> Any:
    return (jnp.zeros(()),), None


def zero_rows(spec: Any, params: Any, inputs: Any) -> Prediction:
    return Prediction(mean=jnp.zeros(inputs.shape[0]))


def gaps(spec: Any, params: Any, inputs: Any) -> Prediction:
    return Prediction(mean=jnp.where(inputs[:, 0] > 0.5, jnp.nan, 0.0))


def nothing(spec: Any, params: Any, inputs: Any) -> Prediction:
    return Prediction(mean=jnp.full(inputs.shape[0], jnp.nan))


def model(name: str, **functions: Any) -> Model:
    functions = {"fit": zeros, "predict": zero_rows, **functions}
    return Model(name, NoSpec, doc="A model of the tests.", tasks=("regress",), **functions)


def step(name: str, **functions: Any) -> Transform:
    functions = {"fit": zeros, "apply": lambda spec, params, inputs: inputs, **functions}
    return Transform(name, NoSpec, doc="A step of the tests.", outputs=(Output("{column}", "continuous"),), **functions)


LOOP = {
    "fit": None, "init": lambda spec, key, shape, rows: jnp.zeros(()),
    "update": lambda spec, state, batch: (state + 1, None),
    "finish": lambda spec, state: (state,), "steps": lambda spec: 2,
}  # fmt: skip
BROKEN = {
    "bad_fit": model("bad_fit", fit=fail),
    "bad_predict": model("bad_predict", predict=fail),
    "bad_check": model("bad_check", check=fail),
    "bad_prepare": model("bad_prepare", prepare=fail, apply_prepared=fail),
    "bad_init": model("bad_init", **{**LOOP, "init": fail}),
    "bad_update": model("bad_update", **{**LOOP, "update": fail}),
    "bad_finish": model("bad_finish", **{**LOOP, "finish": fail}),
    "bad_steps": model("bad_steps", **{**LOOP, "steps": fail}),
    "bad_loss": model("bad_loss", **{**LOOP, "loss": fail}),
}
STEPS = {
    "bad_fit": step("bad_fit", fit=fail),
    "bad_apply": step("bad_apply", apply=fail),
    "bad_names": step("bad_names", names=fail),
    "bad_host_fit": step("bad_host_fit", host=True, fit=fail),
    "bad_host_apply": step("bad_host_apply", host=True, fit=None, apply=fail),
}
OTHERS = [
    model("fine"),
    model("gaps", predict=gaps),
    model("nothing", predict=nothing),
    model("counting", **LOOP),
    Metric("bad_metric", NoSpec, doc="A metric of the tests.", metric=fail, tasks=("regress",)),
    Metric("bad_prepare", NoSpec, doc="Another.", metric=fail, prepare=fail, tasks=("regress",)),
    Report("bad_report", NoSpec, doc="A report of the tests.", compute=fail),
    Stop("bad_stop", NoSpec, doc="A stop of the tests.", should_stop=fail),
]


@pytest.fixture(scope="module")
def broken() -> Registry:
    return Registry.load().with_components("acme", [*BROKEN.values(), *STEPS.values(), *OTHERS])


@pytest.fixture(scope="module")
def run(engine: Any, broken: Registry, table: pl.DataFrame) -> Any:
    def start(model: str = "fine", steps: str = "", metrics: str = "metrics { rmse }", **options: Any) -> Any:
        text = engine.pipeline(
            options.pop("report", ""), use="use acme", features=FEATURES,
            model=f"model {{\n  {model}\n}}", steps=steps and f"transforms {{\n  {steps} on a\n}}", metrics=metrics,
            split=options.pop("split", "split { test = 25% }"),
        )  # fmt: skip
        return engine.run(text, table, broken, **options)

    return start


def assert_named(error: MldslError, kind: str, name: str, function: str) -> None:
    (found,) = error.diagnostics
    assert found.code == "MLP0504"
    assert found.message == f"the {kind} `{name}` of the plugin `acme` failed"
    assert found.notes == (f"in `{function}`: ZeroDivisionError: the sky fell",)
    assert isinstance(error, PluginError)
    assert "in fail" in error.failure.traceback


@pytest.mark.parametrize("name", BROKEN)
def test_a_model_that_raises(name: str, run: Any, tmp_path: Path) -> None:
    more = {"split": "split {\n  test = 20%\n  validation = 20%\n}"} if name == "bad_loss" else {}
    stop = "\n  stop_when = no_improvement(rounds = 2)" if name == "bad_loss" else ""
    with pytest.raises(MldslError) as caught:
        run(name + stop, runs_dir=tmp_path / "runs", **more)
    assert_named(caught.value, "model", name, name.removeprefix("bad_"))
    assert caught.value.diagnostics[0].span is not None
    assert caught.value.sources, "who prints it can show the line"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_raises(name: str, run: Any) -> None:
    with pytest.raises(MldslError) as caught:
        run(steps=name)
    assert_named(caught.value, "transform", name, name.rpartition("_")[2])


def test_a_metric_that_raises(run: Any) -> None:
    for name, function in (("bad_metric", "metric"), ("bad_prepare", "prepare")):
        with pytest.raises(MldslError) as caught:
            run(metrics=f"metrics {{ {name} }}")
        assert_named(caught.value, "metric", name, function)


def test_a_report_that_raises(run: Any) -> None:
    with pytest.raises(MldslError) as caught:
        run(report="report { bad_report }")
    assert_named(caught.value, "report", "bad_report", "compute")


def test_a_stop_that_raises(run: Any) -> None:
    with pytest.raises(MldslError) as caught:
        run("counting\n  stop_when = bad_stop", split="split {\n  test = 20%\n  validation = 20%\n}")
    assert_named(caught.value, "stop", "bad_stop", "should_stop")


def test_a_model_without_any_number(run: Any) -> None:
    with pytest.raises(MldslError, match="`nothing` gave no finite prediction for any row") as caught:
        run("nothing")
    assert caught.value.diagnostics[0].code == "MLP0312"
    with pytest.raises(MldslError, match="`nothing` gave no finite prediction"):
        run("nothing", split="split { folds = 3 }")


def test_a_model_with_gaps_says_how_many(run: Any, table: pl.DataFrame) -> None:
    finished = run("gaps", metrics="")
    count = int((table["a"] > 0.5).sum())
    assert f"`gaps` gave no finite prediction for {count} of 120 rows" in finished.record.warnings


# ---- observers -------------------------------------------------------------------------------------------------------
@attrs.define
class Observer:
    """Raises at one hook and counts how often each was called."""

    breaks: str
    calls: dict[str, int] = attrs.field(factory=dict)

    def seen(self, hook: str) -> None:
        self.calls[hook] = self.calls.get(hook, 0) + 1
        if hook == self.breaks:
            raise ConnectionError("no tracker there")

    @hookimpl
    def mldsl_run_start(self, record: Any) -> None:
        self.seen("mldsl_run_start")

    @hookimpl
    def mldsl_stage_start(self, stage: str) -> None:
        self.seen("mldsl_stage_start")

    @hookimpl
    def mldsl_fit_progress(self, stage: str, step: int) -> None:
        self.seen("mldsl_fit_progress")

    @hookimpl
    def mldsl_report_sections(self, record: Any) -> list[Any]:
        self.seen("mldsl_report_sections")
        return []

    @hookimpl
    def mldsl_run_end(self, record: Any) -> None:
        self.seen("mldsl_run_end")


HOOKS = ("mldsl_run_start", "mldsl_stage_start", "mldsl_fit_progress", "mldsl_report_sections", "mldsl_run_end")


@pytest.mark.parametrize("hook", HOOKS)
def test_an_observer_that_raises_is_reported_once_and_the_run_goes_on(
    hook: str, engine: Any, table: pl.DataFrame, tmp_path: Path
) -> None:
    from mldsl.record import RunRecord

    registry = Registry.load().with_components("acme", OTHERS)
    observer = Observer(hook)
    registry.hooks().register(observer, "acme", "tracker")
    text = engine.pipeline(
        use="use acme", features=FEATURES, steps="",
        model="counting", metrics="metrics { rmse }", split="split { folds = 3 }",
    )  # fmt: skip
    finished = engine.run(text, table, registry, runs_dir=tmp_path)
    said = [w for w in finished.record.warnings if "no tracker there" in w]
    assert said == [f"the plugin `acme` failed in `{hook}`: ConnectionError: no tracker there"]
    assert said[0] in RunRecord.read(finished.folder).warnings
    assert observer.calls[hook] == 1, "it is not called again"
    assert finished.record.held_out == "folds"
