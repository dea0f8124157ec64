"""Fits kept between runs: what decides them is their key, what is read back is what was written, and nothing else."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import polars as pl
import pytest

from mldsl.contract import Prediction
from mldsl.data import Fold
from mldsl.execute import stages as module
from mldsl.execute.fit import FoldResult
from mldsl.execute.stages import FOLDER, Stages, entries, explain, make_room
from mldsl.plan import ComponentValue, ModelPlan
from mldsl.record.agreement import compare_folders

SPLIT = "split {\n  test = 25%\n  folds = 3\n}"
MODEL = "model nb {\n  gaussian_naive_bayes(smoothing = $s)\n  threshold = maximize(accuracy)\n}"


@pytest.fixture(scope="module")
def text(engine: Any) -> Any:
    def make(*blocks: str, model: str = MODEL, split: str = SPLIT, metrics: str = "accuracy", **parts: Any) -> str:
        metrics = f"metrics {{\n  {metrics}\n}}"
        head = "param s: number = 1e-9 in 0..1"
        return str(engine.pipeline(head, *blocks, model=model, split=split, metrics=metrics, **parts))

    return make


def cached(finished: Any) -> dict[str, str]:
    return {name: model.cached for name, model in finished.record.models.items()}


# ---- whole runs ------------------------------------------------------------------------------------------------------
def test_an_edit_to_metrics_or_reports_trains_nothing_and_gives_the_bits_of_a_fresh_run(
    engine: Any, text: Any, table: pl.DataFrame, tmp_path: Path
) -> None:
    first = engine.run(text(), table, runs_dir=tmp_path)
    assert cached(first) == {"nb": ""}
    edited = text("report {\n  confusion_matrix\n  roc_curve\n}", metrics="log_loss\n  accuracy as primary")
    again = engine.run(edited, table, runs_dir=tmp_path)
    assert cached(again) == {"nb": first.record.id}
    assert again.record.models["nb"].seconds["fit"] == 0
    forced = engine.run(edited, table, runs_dir=tmp_path, force=True)
    assert cached(forced) == {"nb": ""}
    assert [f for f in compare_folders(forced.folder, again.folder) if not f.same] == []
    for path in sorted((forced.folder / "reports").iterdir()):
        assert path.read_bytes() == (again.folder / "reports" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"metrics": "roc_auc"}, True),
        ({"model": MODEL.replace("  threshold = maximize(accuracy)\n", "")}, True),
        ({"model": MODEL.replace("maximize(accuracy)", "0.25")}, True),
        ({"model": f"{MODEL}\nmodel other {{ constant }}"}, True),
        ({"model": MODEL.replace("$s", "0.5")}, False),
        ({"model": MODEL.replace("model nb", "model bn")}, False),
        ({"split": SPLIT.replace("3", "4")}, False),
        ({"split": SPLIT.replace("25%", "20%")}, False),
        ({"steps": "transforms {\n  standardize on a\n  one_hot on s\n}"}, False),
    ],
)  # fmt: skip
def test_what_decides_the_fits_is_their_key(
    change: dict[str, Any], kept: bool, engine: Any, text: Any, table: pl.DataFrame, runs: Path
) -> None:
    finished = engine.run(text(**change), table, runs_dir=runs)
    name = next(iter(finished.record.models))
    assert bool(cached(finished)[name]) == kept
    if len(finished.record.models) > 1:
        assert cached(finished)["other"] == ""


@pytest.fixture
def runs(engine: Any, text: Any, table: pl.DataFrame, tmp_path: Path) -> Path:
    """A folder with one run."""
    engine.run(text(), table, runs_dir=tmp_path)
    return tmp_path


def test_data_seed_and_params_decide_too(engine: Any, text: Any, table: pl.DataFrame, runs: Path) -> None:
    others = [
        (table.with_columns(pl.col("b") * 2), {}),
        (table, {"params": {"seed": "1"}}),
        (table, {"params": {"s": "0.25"}}),
        (table, {"device": "cpu"}),
    ]
    for rows, options in others:
        assert cached(engine.run(text(metrics="log_loss"), rows, runs_dir=runs, **options)) == {"nb": ""}
    assert cached(engine.run(text(metrics="f1"), table, runs_dir=runs))["nb"]


def test_the_trials_of_a_search_are_kept(engine: Any, text: Any, table: pl.DataFrame, tmp_path: Path) -> None:
    tune = "tune {\n  search = grid(points = 3)\n  $s in log(1e-3..1)\n}"
    first = engine.run(text(tune), table, runs_dir=tmp_path)
    again = engine.run(text(tune, "report { tuning_history }"), table, runs_dir=tmp_path)
    assert cached(again) == {"nb": first.record.id}
    assert again.record.tune == first.record.tune, "the seconds of each trial too: they are those of the first run"
    forced = engine.run(text(tune, "report { tuning_history }"), table, runs_dir=tmp_path, force=True)
    assert [f for f in compare_folders(forced.folder, again.folder) if not f.same] == []
    assert forced.record.tune != first.record.tune, "trained anew, so the seconds are others"
    other = engine.run(text(tune, metrics="log_loss"), table, runs_dir=tmp_path)
    assert other.record.tune.trials[0].score != first.record.tune.trials[0].score, "another metric decides"


@pytest.mark.parametrize("damage", ["arrays", "facts", "absent"])
def test_damaged_entries_are_not_trusted(damage: str, engine: Any, text: Any, table: pl.DataFrame, runs: Path) -> None:
    (entry,) = (runs / FOLDER).iterdir()
    if damage == "arrays":
        content = bytearray((entry / "fits.safetensors").read_bytes())
        content[-1] ^= 1
        (entry / "fits.safetensors").write_bytes(content)
    elif damage == "facts":
        (entry / "stage.json").write_text("{")
    else:
        (entry / "fits.safetensors").unlink()
    assert cached(engine.run(text(metrics="f1"), table, runs_dir=runs)) == {"nb": ""}
    assert cached(engine.run(text(metrics="log_loss"), table, runs_dir=runs))["nb"], "whole again"


def test_what_was_trained_outlives_a_run_that_fails_later(
    engine: Any, text: Any, table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mldsl.execute import reports

    def fail(*args: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(reports, "compute_reports", fail)
    with pytest.raises(ZeroDivisionError):
        engine.run(text(), table, runs_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER], "no run folder that is not complete"
    monkeypatch.undo()
    assert cached(engine.run(text(), table, runs_dir=tmp_path))["nb"]


def test_components_without_a_package_are_not_kept(
    engine: Any, table: pl.DataFrame, registry: Any, tmp_path: Path
) -> None:
    target = engine.features("z: continuous as target").replace("y: binary as target\n", "")
    text = engine.pipeline(model="echo", use="use tiny", features=target, steps="transforms { drop on s }", metrics="")
    for _ in range(2):
        finished = engine.run(text, table, registry, runs_dir=tmp_path)
        assert not finished.unchanged
    assert not (tmp_path / FOLDER).exists()


# ---- the store -------------------------------------------------------------------------------------------------------
class Learned(NamedTuple):
    """What a model may learn."""

    weights: Any
    words: Any
    nothing: Any


FACTS = {"data": "d", "columns": "c", "split": "s", "seed": "0", "code": "v", "device": "cpu"}


def a_model(**changes: Any) -> ModelPlan:
    return attrs.evolve(ModelPlan("m", ComponentValue("model", "ridge", "core", (("l2", 1.0),))), **changes)


def a_fold(n: int = 12, index: int = 0) -> Fold:
    held = np.arange(n) % 3 == index
    return Fold(0, index, ~held, held, None)


class Fitted(NamedTuple):
    """As much of a fitted model as is kept."""

    last: FoldResult
    folds: tuple[Prediction, ...]


def fitted(n: int = 4) -> Any:
    tree = Learned(np.arange(n, dtype=np.float32) / 3, np.array(["a", None], object), None)
    nothing = np.zeros((0, 2), np.int32)
    answer = Prediction(probability=np.array([[0.1, 0.9], [math.nan, 1.0]]))
    history = {"loss": [1.0, math.nan, math.inf]}
    last = FoldResult(
        (tree, None), (None, nothing), tree, {"k": np.float64(2)}, {"bins": [tree]}, answer, history, None, 7
    )
    return Fitted(last, (answer, Prediction(mean=np.float32([1, 2]))))


def test_what_is_read_is_what_was_written_bit_for_bit(tmp_path: Path) -> None:
    store = Stages(tmp_path, "run-1", FACTS, tmp_path / "fresh")
    folds, given = (a_fold(), a_fold(index=1)), fitted()
    assert store.load(a_model(), folds) is None
    store.save(a_model(), folds, given)
    assert store.load(a_model(), folds) is None, "not before the run is over"
    store.settle()
    kept = store.load(a_model(), folds)
    assert kept is not None
    assert kept.run == "run-1"
    assert type(kept.last.params) is Learned
    assert kept.last.params.weights.dtype == np.float32
    assert kept.last.params.weights.tobytes() == given.last.params.weights.tobytes()
    assert kept.last.params.words.tolist() == ["a", None]
    assert kept.last.steps[1] is None
    assert kept.last.steps_info[1].shape == (0, 2)
    assert kept.last.prediction.probability.tobytes() == given.last.prediction.probability.tobytes()
    assert repr(kept.last.history) == repr(given.last.history)
    assert (kept.last.matrix, kept.last.updates) == (None, 7)
    assert kept.folds[1].mean.dtype == np.float32
    assert not (tmp_path / "fresh").exists()


def test_the_key_follows_folds_models_and_facts(tmp_path: Path) -> None:
    store = Stages(tmp_path, "run-1", FACTS, tmp_path / "fresh")
    folds = (a_fold(), a_fold(index=1))
    store.save(a_model(), folds, fitted())
    store.settle()
    assert store.load(a_model(threshold=None, doc="words", calibrate="sigmoid"), folds) is not None
    assert store.load(a_model(), folds[:1]) is None
    assert store.load(a_model(), folds[::-1]) is None
    assert store.load(a_model(), folds, (a_model(), a_model())) is None
    assert store.load(a_model(name="other"), folds) is None
    assert attrs.evolve(store, read=False).load(a_model(), folds) is None
    for name in FACTS:
        assert attrs.evolve(store, facts={**FACTS, name: "x"}).load(a_model(), folds) is None


def test_why_something_is_not_kept(tmp_path: Path) -> None:
    store, folds = Stages(tmp_path, "run-1", FACTS, tmp_path / "fresh"), (a_fold(),)
    assert explain(store, "m", store.parts(a_model(), folds)) == ("new", "")
    store.save(a_model(), folds, fitted())
    store.settle()
    assert explain(store, "m", store.parts(a_model(), folds)) == ("kept", "run-1")
    later = attrs.evolve(store, facts={**FACTS, "data": "x", "seed": "1"})
    said = ("changed", "the data changed, the seed changed since run-1")
    assert explain(later, "m", later.parts(a_model(), folds)) == said
    assert explain(store, "other", store.parts(a_model(name="other"), folds)) == ("new", "")
    assert explain(store, "m", store.parts(a_model(), folds, search=["grid"]))[0] == "new", "fits are no trials"


def test_the_least_recently_used_go_first_and_large_ones_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age, name in enumerate("abc"):
        store = Stages(tmp_path, name, FACTS, tmp_path / "fresh")
        store.save(a_model(name=name), (), fitted(1000))
        store.settle()
        entry = next(place for facts, _, place in entries(tmp_path) if facts["model"] == name)
        os.utime(entry / "stage.json", (1000 + age, 1000 + age))
    assert store.load(a_model(name="a"), ()) is not None, "and thereby the one used last"
    size = next(facts["bytes"] for facts, _, _ in entries(tmp_path))
    make_room(tmp_path, 2 * size)
    assert {facts["model"] for facts, _, _ in entries(tmp_path)} == {"a", "c"}
    monkeypatch.setattr(module, "LARGEST", 100)
    store.save(a_model(name="d"), (), fitted(1000))
    store.settle()
    assert {facts["model"] for facts, _, _ in entries(tmp_path)} == {"a", "c"}


def test_what_cannot_be_kept_harms_no_run(tmp_path: Path) -> None:
    store = Stages(tmp_path, "run", FACTS, tmp_path / "fresh")
    given = fitted()
    odd = Fitted(attrs.evolve(given.last, state=object()), given.folds)
    store.save(a_model(), (), odd)
    (tmp_path / "file").write_text("")
    attrs.evolve(store, fresh=tmp_path / "file").save(a_model(), (), given)
    store.settle()
    assert list(entries(tmp_path)) == []
    store.save_trials(a_model(), {"x": "y"}, {"a": [1.0, None]})
    store.settle()
    assert store.load_trials({"x": "y"}) == {"a": [1.0, None]}
    assert store.load_trials({"x": "z"}) == {}


def test_an_entry_names_no_class_that_is_not_in_use(tmp_path: Path) -> None:
    store = Stages(tmp_path, "run", FACTS, tmp_path / "fresh")
    store.save(a_model(), (), fitted())
    store.settle()
    (entry,) = (tmp_path / FOLDER).iterdir()
    text = (entry / "stage.json").read_text()
    assert "test_stages:Learned" in text
    for name in ("os:system", "antigravity:Learned", "pathlib:Path", f"{Learned.__module__}:Absent"):
        (entry / "stage.json").write_text(text.replace(f"{Learned.__module__}:Learned", name))
        assert store.load(a_model(), ()) is None
        assert not entry.exists(), "what cannot be read goes"
        store.save(a_model(), (), fitted())
        store.settle()
    assert store.load(a_model(), ()) is not None
