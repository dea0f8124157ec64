"""Loops of additive models: looks that read the state, the best state told from the last, checkpoints."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest

from mldsl.execute import apart, shards
from mldsl.execute.watch import reads_state
from mldsl.plugin.registry import Registry

VALIDATION = "split {\n  test = 25%\n  validation = 25%\n}"


@pytest.fixture(scope="module")
def stumps() -> Any:
    """Boosted stumps, of the package that proves the contract."""
    sys.path.append(str(Path(__file__).parents[1] / "proof"))
    try:
        module = importlib.import_module("mldsl_proof.boosted_stumps")
    finally:
        sys.path.pop()
    return attrs.evolve(module.mldsl_components()[0], doc=module.__doc__)


@pytest.fixture(scope="module")
def registries(stumps: Any) -> dict[str, Registry]:
    """The model as it is, and without what makes its loops quick."""
    slow = attrs.evolve(stumps, so_far=None, cut=None)
    return {
        name: Registry.load().with_components("boost", [component])
        for name, component in {"quick": stumps, "slow": slow, "kept": attrs.evolve(stumps, cut=None)}.items()
    }


@pytest.fixture(scope="module")
def text(engine: Any) -> Any:
    def make(stop: str = "", **more: str) -> str:
        given: dict[str, str] = {"features": "features {\n  a, b: continuous\n  z: continuous as target\n}",
                                 "split": VALIDATION, "steps": "", "metrics": "metrics { rmse }", **more}  # fmt: skip
        body = f"boosted_stumps(rounds = 40, rate = 0.5)\n  {stop}"
        return str(engine.pipeline(use="use boost", model=f"model {{\n  {body}\n}}", **given))

    return make


def last(finished: Any) -> Any:
    return finished.result.outcomes[0].model.last


@pytest.mark.parametrize(
    "stop",
    [
        "stop_when = no_improvement(rounds = 3)", "stop_when = no_improvement(rounds = 3, metric = mae)",
        "stop_when = no_improvement(rounds = 3, metric = r2)",
        "target = log(z)\n  stop_when = no_improvement(rounds = 3, tolerance = 0.05, metric = mae)",
    ],
)  # fmt: skip
def test_looks_that_read_the_state_see_what_predictions_would_tell(
    stop: str, engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame
) -> None:
    """The same history and the same stumps, whether states are finished and asked, or read; kept, or cut."""
    quick, kept, slow = (last(engine.run(text(stop), table, registries[name])) for name in ("quick", "kept", "slow"))
    assert 0 < quick.updates < 40
    (name,) = [name for name in quick.history if "validation" in name]
    assert len(quick.history[name]) == quick.updates + 3 < 40
    for other in (kept, slow):
        assert other.updates == quick.updates
        np.testing.assert_allclose(other.history[name], quick.history[name], rtol=1e-5)
        for one, two in zip(quick.params, other.params, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6)
    assert (quick.params.column[: quick.updates] >= 0).all()
    assert (quick.params.column[quick.updates :] == -1).all()
    assert float(quick.info.gain) == pytest.approx(float(quick.params.gain.sum())), "what is told is of the cut state"


@pytest.mark.parametrize("name", ["quick", "slow"])
@pytest.mark.parametrize("what", ["mae", "loss"])
def test_the_watched_numbers_are_those_of_the_validation_rows(
    what: str, name: str, engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame
) -> None:
    stop = f"stop_when = no_improvement(rounds = 3{', metric = mae' if what == 'mae' else ''})"
    finished = engine.run(text(stop), table, registries[name])
    fit, validation = last(finished), finished.result.run.split.part == "validation"
    off = np.asarray(fit.prediction.mean)[: len(table)][validation] - table["z"].to_numpy()[validation]
    expected = np.abs(off).mean() if what == "mae" else (off**2).mean()
    assert fit.history[f"validation_{what}"][fit.updates - 1] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "roc_auc"])
@pytest.mark.parametrize("target", ["y: binary", "s: categorical"])
def test_a_watched_metric_of_classes_is_that_of_the_kept_state(
    metric: str, target: str, engine: Any, table: pl.DataFrame
) -> None:
    """Inside of the program it is what the run measures afterwards; also where validation has a class of its own."""
    name = target.partition(":")[0]
    other = "s: categorical" if name == "y" else "y: binary"
    text = engine.pipeline(
        features=f"features {{\n  a, b: continuous\n  {other}\n  {target} as target\n}}", split=VALIDATION,
        steps=f"transforms {{\n  standardize on numeric\n  one_hot on {other[0]}\n}}",
        metrics=f"metrics {{ {metric} }}",
        model="model {\n  logistic_regression(solver = stochastic, epochs = 6)\n"
        f"  stop_when = no_improvement(rounds = 2, metric = {metric})\n}}",
    )  # fmt: skip
    finished = engine.run(text, table)
    validation = finished.result.run.split.part == "validation"
    if name == "s":  # as if one row of the validation part were of a class that no training row has
        place = int(np.flatnonzero(validation)[0])
        level = pl.when(pl.int_range(len(table)) == place).then(pl.lit("x")).otherwise("s")
        finished = engine.run(text, table.with_columns(s=level))
    (outcome,) = finished.result.outcomes
    fit = outcome.model.last
    (watched,) = fit.history.keys() & {f"validation_{metric}", f"minus_validation_{metric}"}
    sign = -1 if watched.startswith("minus") else 1
    expected = finished.record.models["logistic_regression"].metrics["validation"][metric].value
    assert sign * fit.history[watched][fit.updates - 1] == pytest.approx(expected, rel=1e-5)


def test_rows_that_are_changed_for_training_are_not_what_is_looked_at(
    engine: Any, text: Any, stumps: Any, table: pl.DataFrame
) -> None:
    """The state has rows of its own then, so all rows are predicted."""
    from mldsl.plugin import NoSpec, Transform

    twice = Transform(
        "twice", NoSpec, doc="Each training row twice.", phase="train",
        capacity=lambda spec, shape: 2 * shape.rows, inputs=("continuous",),
        resample=lambda spec, key, shape, examples: examples.followed_by(examples),
    )  # fmt: skip
    registry = Registry.load().with_components("boost", [stumps, twice])
    stop = "stop_when = no_improvement(rounds = 3)"
    plain = engine.run(text(stop), table, registry)
    doubled = engine.run(text(stop, steps="transforms { twice on numeric }"), table, registry)
    assert reads_state(plain.result.outcomes[0].model.prepared.pipeline)
    assert not reads_state(doubled.result.outcomes[0].model.prepared.pipeline)
    assert last(doubled).updates == last(plain).updates
    np.testing.assert_allclose(
        last(doubled).history["validation_loss"], last(plain).history["validation_loss"], rtol=1e-4
    )


@pytest.mark.parametrize("step", [2, 6])
def test_a_loop_that_cuts_goes_on_with_the_same_bits(
    step: int, engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame, tmp_path: Path
) -> None:
    stop = text("stop_when = no_improvement(rounds = 3)")
    whole = last(engine.run(stop, table, registries["quick"]))

    def interrupt(stage: str, at: int, total: int, info: dict[str, float]) -> None:
        if at == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(stop, table, registries["quick"], runs_dir=tmp_path, progress=interrupt)
    again = last(engine.run(stop, table, registries["quick"], runs_dir=tmp_path, resume=True))
    assert again.history == whole.history
    for one, two in zip(again.params, whole.params, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()


def test_ctrl_c_within_an_update_that_uses_its_state_up_waits_for_its_end(
    engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What is on disk is a state that is whole, and the run goes on from it."""
    import os
    import signal

    update = apart.Rounds.update
    made: list[int] = []

    def pressed(self: Any, state: Any) -> Any:
        made.append(1)
        if len(made) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return update(self, state)

    whole = last(engine.run(text(), table, registries["quick"]))
    monkeypatch.setattr(apart.Rounds, "update", pressed)
    with pytest.raises(KeyboardInterrupt):
        engine.run(text(), table, registries["quick"], runs_dir=tmp_path)
    assert len(made) == 5
    monkeypatch.setattr(apart.Rounds, "update", update)
    seen: list[int] = []
    again = engine.run(
        text(), table, registries["quick"], runs_dir=tmp_path, resume=True,
        progress=lambda stage, at, total, info: seen.append(at),
    )  # fmt: skip
    assert seen[0] == 6
    for one, two in zip(last(again).params, whole.params, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(two).tobytes()


# ---- further rounds --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def trained(engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame) -> Any:
    """A model of so many rounds, fitted on all rows."""
    from mldsl.api import Model
    from mldsl.execute.trained import trained_of

    def fit(rounds: int, **more: str) -> Model:
        written = text(split="split { test = 0% }", **more).replace("rounds = 40", f"rounds = {rounds}")
        finished = engine.run(written, table, registries["quick"])
        return Model(trained_of(finished.result, finished.result.outcomes[0], {}))

    return fit


def test_further_rounds_are_those_of_a_longer_fit(
    trained: Any, table: pl.DataFrame, registries: dict[str, Registry], tmp_path: Path
) -> None:
    """From memory and from an artifact, at once and in two turns."""
    from mldsl import load

    steps = {"steps": "transforms { standardize on numeric }"}
    whole, part = trained(12, **steps), trained(5, **steps)
    with pytest.warns(UserWarning, match="not learned anew: standardize on"):
        more = part.update(table, rounds=7)
    with pytest.warns(UserWarning, match="not learned anew: standardize on"):
        kept = load(part.update(table, rounds=4).save(tmp_path / "kept"), registry=registries["quick"])
    with pytest.warns(UserWarning, match="not learned anew: standardize on"):
        twice = kept.update(table, rounds=3)
    assert len(part.params.column) == 5, "the model that goes on stays as it is"
    for found in (more, twice):
        assert found.params.column.tolist() == whole.params.column.tolist()
        for one, two in zip(found.params, whole.params, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.predict(table)["prediction"], whole.predict(table)["prediction"], rtol=1e-5)
    assert twice._trained.learned.more_rounds == 7
    assert float(more.info.gain) == pytest.approx(float(whole.info.gain), rel=1e-4)


def test_a_fit_that_was_cut_short_goes_on_from_its_best_state(
    engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame
) -> None:
    from mldsl.api import Model
    from mldsl.execute.trained import trained_of

    finished = engine.run(text("stop_when = no_improvement(rounds = 3)"), table, registries["quick"])
    model = Model(trained_of(finished.result, finished.result.outcomes[0], {}))
    made = int((model.params.column >= 0).sum())
    more = model.update(table, rounds=2)
    assert int((more.params.column >= 0).sum()) == made + 2
    np.testing.assert_array_equal(more.params.column[:made], model.params.column[:made])


def test_other_rows_are_learned_from_as_they_are(trained: Any, table: pl.DataFrame) -> None:
    """With the bins of the fit: a cut is one of its cuts, and what is left over is that of these rows."""
    part = trained(5)
    other = table.with_columns(z=pl.col("z") + 100)
    more = part.update(other, rounds=30)
    assert set(more.params.cut.tolist()) <= set(np.ravel(part._trained.learned.state["cuts"]).tolist())
    before, after = (np.abs(m.predict(other)["prediction"] - other["z"]).mean() for m in (part, more))
    assert after < 0.1 * before


def test_models_that_cannot_go_on_say_so(trained: Any, table: pl.DataFrame, engine: Any, tmp_path: Path) -> None:
    from mldsl import MldslError, run

    with pytest.raises(MldslError, match="`boosted_stumps` does not learn in batches"):
        trained(5).update(table)
    with pytest.raises(ValueError, match="expected rounds >= 1, found 0"):
        trained(5).update(table, rounds=0)
    other = run(engine.pipeline(), frames={"rows": table}, keep=False).model()
    with pytest.raises(MldslError, match="`gaussian_naive_bayes` cannot go on for further rounds") as refused:
        other.update(table, rounds=5)
    assert refused.value.diagnostics[0].code == "MLP0310"


# ---- prepared once ---------------------------------------------------------------------------------------------------
TUNED = "tune {{\n  search = grid(points = 3)\n  {}\n}}"


@pytest.mark.parametrize(
    ("param", "domain", "times", "words"),
    [
        ("param r: number = 0.1 in 0.01..1", "$r in 0.1..0.5", 3 + 1, "once for each fold"),
        ("param b: integer = 4 in 2..256", "$b in [4, 6, 8]", 3 * 3 + 1, "once for each fold and value of `$b`"),
    ],
)
def test_a_search_over_what_prepare_does_not_read_prepares_once_a_fold(
    param: str, domain: str, times: int, words: str, engine: Any, text: Any, stumps: Any, table: pl.DataFrame
) -> None:
    """Three folds, three settings, and the last fit; and `plan` says so."""
    from mldsl.driver import Options, batching_words, look, plan
    from mldsl.source import Source

    made: list[Any] = []

    def counted(spec: Any, *args: Any) -> Any:
        made.append(spec.bins)
        return stumps.prepare(spec, *args)

    registry = Registry.load().with_components("boost", [attrs.evolve(stumps, prepare=counted)])
    blocks = "\n".join((param, TUNED.format(domain)))
    written = text(split="split {\n  test = 25%\n  folds = 3\n}").replace("model {", f"{blocks}\nmodel {{", 1)
    argument = "rate = $r" if "$r" in domain else "bins = $b, rate = 0.5"
    written = written.replace("rounds = 40, rate = 0.5", f"rounds = 4, {argument}")
    finished = engine.run(written, table, registry)
    # The winner is fitted on the folds again, for its metrics: with the bins that the search has made.
    assert len(made) == times
    assert len(finished.record.tune.trials) == 3
    options = Options(frames={"rows": table}, registry=registry)
    source = Source("<test>", written)
    looked = look(source, plan(source, options), options)
    said = dict(batching_words(looked.checked.sound(), looked.facts, options))
    assert said["  why"] == "the engine owns its rounds"
    assert said["  inputs"] == f"bins, or what else it learns from, are made on the host, {words}"


def test_what_is_kept_is_bounded_and_told_apart_by_values() -> None:
    from mldsl.execute.preparing import Kept

    kept, made = Kept(most_bytes=1000), []

    def make(size: int) -> Any:
        made.append(size)
        return np.zeros(size, np.uint8)

    for key in ("a", "b", "a", "c", "a", "b"):  # b went when c came, as it was not used since
        kept.get(key, lambda: make(450))
    assert len(made) == 4
    kept.get("large", lambda: make(2000))
    kept.get("large", lambda: make(2000))
    assert made[-2:] == [2000, 2000], "what is larger than all there is room for is not kept"


# ---- over several devices --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["quick", "slow"])
def test_a_watched_loop_over_two_devices_is_that_of_one(
    name: str, engine: Any, text: Any, registries: dict[str, Registry], table: pl.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Looks, cuts and further rounds see the whole of what is spread."""
    from mldsl.api import Model
    from mldsl.execute.trained import trained_of

    stop = text("stop_when = no_improvement(rounds = 3, metric = mae)")
    alone = last(engine.run(stop, table, registries[name]))
    monkeypatch.setattr(shards, "SHARD_FROM", 0)
    finished = engine.run(stop, table, registries[name])
    spread = last(finished)
    assert spread.history["rows_per_device"][0] == alone.history["rows_per_device"][0] / 2
    assert spread.updates == alone.updates
    np.testing.assert_allclose(spread.history["validation_mae"], alone.history["validation_mae"], rtol=1e-4)
    for one, two in zip(spread.params, alone.params, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
    more = Model(trained_of(finished.result, finished.result.outcomes[0], {})).update(table, rounds=2)
    assert int((more.params.column >= 0).sum()) == spread.updates + 2


def test_a_prepared_fit_in_one_step_goes_over_two_devices(
    engine: Any, text: Any, stumps: Any, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bins are cut by rows, and the edges of bins are everywhere."""
    from mldsl.contract import fit_whole
    from mldsl.plugin.spec import Configured

    monkeypatch.setenv("MLDSL_NO_CACHE", "1")  # a program that an earlier run kept would not be traced
    seen: list[tuple[int, int]] = []

    def whole(spec: Any, key: Any, shape: Any, examples: Any) -> Any:
        seen.append((len(examples.inputs.rows), len(examples.inputs.shared)))
        return fit_whole(Configured(stumps, spec), key, shape, examples)

    loops = ("init", "update", "finish", "steps", "so_far", "cut", "resume", "info")
    at_once = attrs.evolve(stumps, fit=whole, row_state=(), **dict.fromkeys(loops))
    one = last(engine.run(text(), table, Registry.load().with_components("boost", [at_once])))
    monkeypatch.setattr(shards, "SHARD_FROM", 0)
    two = last(engine.run(text(), table, Registry.load().with_components("boost", [at_once])))
    assert seen[-1] == (seen[0][0] // 2, 2)
    for left, right in zip(one.params, two.params, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
