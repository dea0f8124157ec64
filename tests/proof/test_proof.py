"""The contract, proved: one algorithm of each family goes through the real engine, from text to a reloaded artifact.

The algorithms are those of `mldsl_proof`, which know nothing of the engine. Each is run once; what it learned is
compared with a few lines of NumPy on the rows that `split.parquet` names; its artifact must answer with the same bits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import polars as pl
import pytest

import mldsl
from mldsl.execute.reports import report_view

pytestmark = pytest.mark.xdist_group("proof")


@attrs.frozen
class Done:
    """A finished run, the rows it was given, and which of them were trained on."""

    run: Any
    rows: pl.DataFrame

    @property
    def train(self) -> np.ndarray:
        return (pl.read_parquet(self.run.folder / "split.parquet")["part"] == "train").to_numpy()

    def info(self) -> Any:
        return self.run.model().info


def iris(data: Path) -> pl.DataFrame:
    return pl.read_csv(data / "iris.csv")


def steps(data: Path) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 3))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": 5.0 + 3.0 * (x[:, 1] > 0)})


def wine(data: Path) -> pl.DataFrame:
    return pl.read_csv(data / "wine.csv")


def unique_levels(data: Path) -> pl.DataFrame:
    """A column whose levels say nothing, since each stands in a row of its own, beside a fair coin."""
    rng = np.random.default_rng(2)
    return pl.DataFrame({"name": [f"n{i}" for i in range(400)], "won": rng.choice(["no", "yes"], 400)})


def rare(data: Path) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    positive = np.arange(1000) < 100
    return pl.DataFrame({"x": rng.normal(size=1000) + positive, "y": np.where(positive, "yes", "no")})


def queries(data: Path) -> pl.DataFrame:
    rng = np.random.default_rng(4)
    query = np.repeat(np.arange(60), 5)
    x = rng.normal(size=(300, 2)) + rng.normal(size=60)[query, None] * 10
    relevance = x @ [1.0, -2.0] + rng.normal(size=60)[query] * 100
    rank = np.empty(300, int)
    for q in range(60):
        rows = query == q
        rank[rows] = relevance[rows].argsort().argsort()
    return pl.DataFrame({"query": query, "a": x[:, 0], "b": x[:, 1], "relevance": rank})


def ratings(data: Path) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    taste, kind = rng.normal(size=40), rng.normal(size=30)
    pairs = np.argwhere(rng.random((40, 30)) < 0.6)
    rating = 3 + taste[pairs[:, 0]] * kind[pairs[:, 1]]
    names = {"user": [f"u{u}" for u in pairs[:, 0]], "item": [f"i{i}" for i in pairs[:, 1]]}
    return pl.DataFrame({**names, "rating": rating})


def digits(data: Path) -> pl.DataFrame:
    return pl.read_csv(data / "digits_8x8.csv").head(600)


def messages(data: Path) -> pl.DataFrame:
    return pl.read_csv(data / "sms_spam.csv").head(800)


def many(data: Path) -> pl.DataFrame:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(30_000, 2))
    return pl.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": 7 + x @ [2.0, -3.0] + rng.normal(size=30_000) * 0.1})


def cut(data: Path) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    x, kind = rng.normal(size=(30_000, 2)), rng.integers(0, 2, 30_000)
    y = 4.0 * (x[:, 0] > 0.5) - 3.0 * (x[:, 1] > -0.2) + 2.0 * kind + rng.normal(size=30_000) * 0.1
    return pl.DataFrame({"kind": np.array(["no", "yes"])[kind], "a": x[:, 0], "b": x[:, 1], "y": y})


TABLES: dict[str, Callable[[Path], pl.DataFrame]] = {
    "classify": iris, "regress": steps, "cluster": wine, "target": unique_levels, "resample": rare, "generate": wine,
    "rank": queries, "recommend": ratings, "tensors": digits, "sparse": messages, "prepare": iris, "shards": many,
    "boost": cut,
}  # fmt: skip


@pytest.fixture(scope="session")
def done(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    """Runs a program of `programs/`, once a session."""
    folder = tmp_path_factory.mktemp("proof")
    finished: dict[str, Done] = {}

    def run(name: str) -> Done:
        if name not in finished:
            rows = TABLES[name](data)
            text = (Path(__file__).parent / "programs" / f"{name}.mlp").read_text("utf-8")
            finished[name] = Done(mldsl.run(text, frames={"rows": rows}, runs_dir=folder / name), rows)
        return finished[name]

    return run


def value(done: Done, metric: str) -> float:
    return float(done.run.metrics[metric].value)


# ---- one by one ------------------------------------------------------------------------------------------------------
def test_classify(done: Callable[[str], Done]) -> None:
    it = done("classify")
    rows = it.rows.filter(pl.Series(it.train))
    expected = rows.group_by("species").mean().sort("species").drop("species").to_numpy()
    np.testing.assert_allclose(it.run.model().params.centroids, expected, rtol=1e-5)
    assert value(it, "accuracy") > 0.85


def test_regress(done: Callable[[str], Done]) -> None:
    it = done("regress")
    rows = it.rows.filter(pl.Series(it.train))
    params, above = it.run.model().params, rows["b"] > rows["b"].median()
    assert params.column == 1
    np.testing.assert_allclose(params.threshold, rows["b"].median(), rtol=1e-5)
    expected = [rows.filter(~above)["y"].mean(), rows.filter(above)["y"].mean()]
    np.testing.assert_allclose(params.means, expected, rtol=1e-5)
    assert value(it, "absolute_bias") < 0.3


def test_cluster(done: Callable[[str], Done]) -> None:
    it = done("cluster")
    distance = it.run.model().predict(it.rows)
    assert distance["cluster"].n_unique() == 3
    # Gonzalez: every row is at most the radius from its centre, and the centres are at least that far from each other.
    centres, radius = it.run.model().params.centroids, float(it.info().radius)
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)[np.triu_indices(3, 1)]
    assert apart.min() >= radius > 0


def test_a_step_that_uses_the_target_runs_out_of_fold(done: Callable[[str], Done]) -> None:
    it = done("target")
    # Fitted and applied to the same rows, the encoding would tell the target, and the slope would be enormous. Out of
    # fold all levels are unseen, and get the mean of the other folds, which is the lower the more often this one won.
    assert float(it.run.model().params.coefficients.ravel()[0]) < 1
    assert value(it, "accuracy") < 0.65


def test_resample(done: Callable[[str], Done]) -> None:
    it = done("resample")
    mass = np.asarray(it.info().mass)
    assert mass[1] == (it.rows.filter(pl.Series(it.train))["y"] == "yes").sum()
    assert 0.6 * mass[1] < mass[0] < 1.5 * mass[1]
    assert len(it.run.predictions) == 200, "held-out rows keep their shares"


def test_generate(done: Callable[[str], Done]) -> None:
    it = done("generate")
    drawn = np.asarray(it.run.model().sample(4000, seed=1))
    inputs = it.rows.drop("cultivar").to_numpy()
    spread = inputs.std(axis=0)
    np.testing.assert_allclose(drawn.mean(axis=0) / spread, inputs.mean(axis=0) / spread, atol=0.1)
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(inputs.T), atol=0.1)
    assert (np.asarray(it.run.model().sample(10, seed=1)) == np.asarray(it.run.model().sample(10, seed=1))).all()


def test_rank(done: Callable[[str], Done]) -> None:
    it = done("rank")
    slope = np.asarray(it.run.model().params.coefficients)
    np.testing.assert_allclose(slope[1] / slope[0], -2, rtol=0.1)
    assert value(it, "first_place") > 0.9
    parts = pl.read_parquet(it.run.folder / "split.parquet")["part"]
    together = pl.DataFrame({"query": it.rows["query"], "part": parts}).group_by("query").n_unique()
    assert together["part"].max() == 1, "rows of one query stay together"


def test_recommend(done: Callable[[str], Done]) -> None:
    it = done("recommend")
    held = it.run.predictions
    error = (held["score"] - held["target"]).to_numpy()
    spread = (it.rows["rating"] - it.rows["rating"].mean()).to_numpy()
    assert np.sqrt((error**2).mean()) < 0.5 * np.sqrt((spread**2).mean())


def test_top_k_leaves_out_what_was_seen(done: Callable[[str], Done]) -> None:
    factors = importlib.import_module("mldsl_proof.small_factors")
    params = done("recommend").run.model().params
    items, scores = factors.top_k(factors.Spec(), params, np.asarray([0, -1]), 3, np.asarray([[-1, -1], [2, 5]]))
    every = params.mean + np.asarray(params.users[0]) @ np.asarray(params.items).T
    assert items[0].tolist() == every.argsort()[::-1][:3].tolist()
    assert not {2, 5} & set(items[1].tolist())
    np.testing.assert_allclose(scores[1], params.mean)


def test_iterative_over_named_tensors(done: Callable[[str], Done]) -> None:
    it = done("tensors")
    assert value(it, "accuracy") > 0.85
    assert it.run.tables("training_curve")[0]["steps"].to_list() == [8]
    assert it.run.model().params.weights.shape == (64 + 1, 10), "the photo, and the table beside it"


def test_sparse(done: Callable[[str], Done]) -> None:
    it = done("sparse")
    text = "".join(it.rows.filter(pl.Series(it.train) & (it.rows["label"] == "spam"))["text"])
    counts = np.asarray(it.info().counts)
    assert counts[:, 1].max() == max(text.count(c) for c in set(text))
    assert value(it, "roc_auc") > 0.9


def test_prepare(done: Callable[[str], Done]) -> None:
    it = done("prepare")
    counts = np.asarray(it.info().counts)  # [columns, bins, classes]
    assert counts.shape == (4, 5, 3)
    assert (counts.sum(axis=(1, 2)) == it.train.sum()).all()
    assert value(it, "accuracy") > 0.85
    (view,) = report_view(it.run._finished.result).models
    said = it.run.model().predict(it.rows).select(pl.selectors.starts_with("probability")).to_numpy()
    asked = view.predict(it.rows.drop("species").to_numpy()).probability
    np.testing.assert_allclose(asked, said, rtol=1e-6, err_msg="reports ask with bins, too")


def test_shards(done: Callable[[str], Done]) -> None:
    import jax

    it = done("shards")
    rows = it.rows.filter(pl.Series(it.train))
    x = np.column_stack([np.ones(len(rows)), rows["a"], rows["b"]])
    expected = np.linalg.lstsq(x, rows["y"].to_numpy(), rcond=None)[0]
    params = it.run.model().params
    np.testing.assert_allclose([params.intercept, *params.coefficients], expected, rtol=1e-4)
    padded = int(it.info().rows_per_device) * jax.device_count()
    assert 30_000 <= padded < 1.3 * 30_000, "each device has its share of the rows"


def by_hand(rows: pl.DataFrame, rounds: int, bins: int = 16, rate: float = 0.3) -> tuple[list[Any], np.ndarray]:
    """Boosted stumps in plain NumPy: each cut as (column, cut, the two values), and what is said of each row."""
    x = np.column_stack([(rows["kind"] == "yes").to_numpy().astype(float), rows["a"], rows["b"]]).astype(np.float32)
    y, made = rows["y"].to_numpy(), []
    said = np.full(len(y), y.mean())
    quantiles = np.quantile(x, np.arange(1, bins) / bins, axis=0, method="inverted_cdf")
    for _ in range(rounds):
        best: Any = (-1.0,)
        for column in range(3):
            for edge in np.unique(quantiles[:, column]):
                above = x[:, column] > edge
                if 0 < above.sum() < len(y):
                    off = y - said
                    gain = sum(off[side].sum() ** 2 / side.sum() for side in (above, ~above)) - off.sum() ** 2 / len(y)
                    if gain > best[0]:
                        best = (gain, column, edge, rate * off[~above].mean(), rate * off[above].mean(), above)
        said = said + np.where(best[5], best[4], best[3])
        made.append(best[1:5])
    return made, said


def test_boost(done: Callable[[str], Done]) -> None:
    """A host `prepare`, rounds over rows that are spread over the devices, and trees for reports."""
    import jax

    it = done("boost")
    made, said = by_hand(it.rows, 8)
    params = it.run.model().params
    assert params.column.tolist() == [column for column, *_ in made]
    np.testing.assert_allclose(params.cut, [cut for _, cut, _, _ in made], rtol=1e-6)
    np.testing.assert_allclose(params.value, [values for _, _, *values in made], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(it.run.model().predict(it.rows)["prediction"], said, rtol=1e-3, atol=1e-3)
    padded = it.run.record.models["boosted_stumps"].info["rows_per_device"] * jax.device_count()
    assert 30_000 <= padded < 1.3 * 30_000, "each device has its share of the rows"


def test_the_command_line_adds_rounds(
    done: Callable[[str], Done], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from mldsl.cli import main

    it = done("boost")
    it.rows.write_csv(tmp_path / "rows.csv")
    model = it.run.folder / "models" / "boosted_stumps"
    assert not main(["update", str(model), str(tmp_path / "rows.csv"), "--rounds", "2", "-o", str(tmp_path / "more")])
    assert capsys.readouterr().out.startswith("boosted_stumps went on for 2 rounds on 30,000 rows of ")
    more = mldsl.load(tmp_path / "more")
    made, _ = by_hand(it.rows, 10)
    assert more.params.column.tolist() == [column for column, *_ in made]
    assert more.params.column[:8].tolist() == it.run.model().params.column.tolist()


def test_reports_see_trees_with_the_names_and_levels_of_their_columns(done: Callable[[str], Done]) -> None:
    (table,) = done("boost").run.tables("first_cuts")
    made, _ = by_hand(done("boost").rows, 8)
    words = {0: "kind in {{no}}", 1: "a <= {:.3g}", 2: "b <= {:.3g}"}
    assert table["goes left"].to_list() == [words[column].format(edge) for column, edge, _, _ in made]
    assert (table["gain"] > 0).all()


# ---- all of them -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("generate", "recommend")])
def test_a_reloaded_artifact_answers_with_the_same_bits(name: str, done: Callable[[str], Done]) -> None:
    it = done(name)
    model = it.run.model()
    answers = model.predict(it.rows)
    again = mldsl.load(it.run.folder / "models" / model.name).predict(it.rows)
    assert again.equals(answers)
    assert len(set(answers.columns) - set(it.rows.columns)) >= 1


@pytest.mark.parametrize("name", ["classify", "sparse", "tensors"])
def test_the_same_file_data_and_seed_give_the_same_bits(name: str, done: Callable[[str], Done]) -> None:
    it = done(name)
    text = (Path(__file__).parent / "programs" / f"{name}.mlp").read_text("utf-8")
    again = mldsl.run(text, frames={"rows": it.rows}, keep=False)
    assert again.predictions.equals(it.run.predictions)


MODULES = sorted(path.stem for path in (Path(__file__).parent / "mldsl_proof").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("module", MODULES)
def test_the_conformance_kit_finds_nothing(module: str) -> None:
    from mldsl.testing import check_component

    loaded = importlib.import_module(f"mldsl_proof.{module}")
    for component in loaded.mldsl_components() if hasattr(loaded, "mldsl_components") else ():
        assert [str(finding) for finding in check_component(component)] == []


# ---- what is not an algorithm ----------------------------------------------------------------------------------------
def test_report_exporter_and_observer(data: Path, tmp_path: Path) -> None:
    diary = importlib.import_module("mldsl_proof.diary")
    diary.ENTRIES.clear()
    (tmp_path / "untitled.mlp").write_text((Path(__file__).parent / "programs" / "everything.mlp").read_text("utf-8"))
    (tmp_path / "iris.csv").write_bytes((data / "iris.csv").read_bytes())
    run = mldsl.run(tmp_path / "untitled.mlp")

    (worst,) = run.tables("worst_rows")
    assert worst["error"].to_list() == sorted(worst["error"].to_list(), reverse=True)
    assert (run.folder / "reports" / "worst_rows.svg").exists()
    sheet = (tmp_path / "sheet.txt").read_text().splitlines()
    assert sheet[0] == "nearest_centroid"
    assert f"test accuracy {run.metrics['accuracy'].value:.6f}" in sheet

    kinds = [kind for kind, _ in diary.ENTRIES]
    assert kinds.count("run_start") == kinds.count("run_end") == 1
    assert kinds.count("stage_start") == kinds.count("stage_end") > 0
    assert kinds[-1] == "run_end"
    assert any("no name that says" in warning for warning in run.record.warnings)
    assert "The diary has" in (run.folder / "report.html").read_text("utf-8")


def test_progress_of_an_iterative_fit_is_seen_by_observers(data: Path) -> None:
    diary = importlib.import_module("mldsl_proof.diary")
    diary.ENTRIES.clear()
    text = (Path(__file__).parent / "programs" / "tensors.mlp").read_text("utf-8")
    mldsl.run(text, frames={"rows": digits(data)}, keep=False)
    updates = [entry for kind, entry in diary.ENTRIES if kind == "fit_progress"]
    assert [step for stage, step, _, _ in updates if stage == updates[-1][0]] == list(range(1, 9))
    assert all(total == 8 and info["loss"] > 0 for _, _, total, info in updates)


def test_an_interrupted_fit_goes_on_where_it_was(
    data: Path, tmp_path: Path, done: Callable[[str], Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = importlib.import_module("mldsl_proof.diary")

    class Impatient(list[Any]):
        def append(self, entry: Any) -> None:
            super().append(entry)
            if entry[0] == "fit_progress" and entry[1][1] == 3:
                raise KeyboardInterrupt

    rows = {"rows": digits(data)}
    text = (Path(__file__).parent / "programs" / "tensors.mlp").read_text("utf-8")
    monkeypatch.setattr(diary, "ENTRIES", Impatient())
    with pytest.raises(KeyboardInterrupt):
        mldsl.run(text, frames=rows, runs_dir=tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name != ".partial"], "no run folder that is not complete"
    monkeypatch.setattr(diary, "ENTRIES", [])
    again = mldsl.run(text, frames=rows, runs_dir=tmp_path, resume=True)
    steps = [entry[1] for kind, entry in diary.ENTRIES if kind == "fit_progress"]
    assert steps == [4, 5, 6, 7, 8]
    assert again.predictions.equals(done("tensors").run.predictions)


def test_a_loop_over_several_devices_goes_on_with_the_same_bits(
    data: Path, tmp_path: Path, done: Callable[[str], Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its state has by row is spread over the devices again."""
    diary = importlib.import_module("mldsl_proof.diary")

    class Impatient(list[Any]):
        def append(self, entry: Any) -> None:
            super().append(entry)
            if entry[0] == "fit_progress" and entry[1][1] == 3:
                raise KeyboardInterrupt

    whole = done("boost")
    text = (Path(__file__).parent / "programs" / "boost.mlp").read_text("utf-8")
    monkeypatch.setattr(diary, "ENTRIES", Impatient())
    with pytest.raises(KeyboardInterrupt):
        mldsl.run(text, frames={"rows": whole.rows}, runs_dir=tmp_path)
    monkeypatch.setattr(diary, "ENTRIES", [])
    again = mldsl.run(text, frames={"rows": whole.rows}, runs_dir=tmp_path, resume=True)
    steps = [entry[1] for kind, entry in diary.ENTRIES if kind == "fit_progress"]
    assert steps == [4, 5, 6, 7, 8]
    for one, other in zip(again.model().params, whole.run.model().params, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def test_an_observer_that_raises_is_named_and_harms_nobody(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diary = importlib.import_module("mldsl_proof.diary")

    class Broken(list[Any]):
        def append(self, entry: Any) -> None:
            raise OSError("the diary is full")

    monkeypatch.setattr(diary, "ENTRIES", Broken())
    run = mldsl.run(
        (Path(__file__).parent / "programs" / "classify.mlp").read_text("utf-8"), frames={"rows": iris(data)}
    )
    assert any("proof" in w and "the diary is full" in w for w in run.record.warnings)
    assert run.metrics["accuracy"].value > 0.85


def test_an_observer_adds_a_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from mldsl.cli import main
    from mldsl.cli.group import group

    monkeypatch.setattr(group, "_asked_plugins", False)  # another test may have asked before the package was there
    assert not main(["diary"])
    assert "entries" in capsys.readouterr().out
