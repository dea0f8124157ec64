"""`mldsl compare` and `mldsl diff`: what changed between runs, and differences that are paired where they can be."""

import json
import re
import shutil

import attrs
import numpy as np
import polars as pl
import pytest
from scipy import stats

from mldsl.cli import main
from mldsl.execute.across import Compared
from mldsl.execute.paired import Difference
from mldsl.record.disk import sha256
from mldsl.record.model import MetricValue


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are as wide as the terminal: here as wide everywhere, whatever starts the tests."""
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="module")
def runs(project, tmp_path_factory):
    """Runs of `flowers.mlp`: as it is, smoother, on other rows, over folds (twice), and of other data."""
    folder = tmp_path_factory.mktemp("compared")
    for name in ("flowers.mlp", "flowers.csv"):
        shutil.copy(project / name, folder)
    text = (folder / "flowers.mlp").read_text()
    folds = text.replace("model {", "split { folds = 4 }\n\nmodel {")
    (folder / "folds.mlp").write_text(folds)
    (folder / "measured.mlp").write_text(folds.replace("metrics {", "metrics {\n  brier"))
    (folder / "colour.mlp").write_text(_of_another_target(text))
    (folder / "other.mlp").write_text(text.replace("flowers.csv", "other.csv"))
    pl.read_csv(folder / "flowers.csv").with_columns(pl.col("length") + 1).write_csv(folder / "other.csv")
    calls = {
        "base": ["flowers.mlp"], "smooth": ["flowers.mlp", "-p", "smoothing=0.5"],
        "seed": ["flowers.mlp", "-p", "seed=1"],
        "measured": ["measured.mlp"], "colour": ["colour.mlp"],
        "folds": ["folds.mlp"], "folds2": ["folds.mlp", "-p", "smoothing=0.5"], "data": ["other.mlp"],
    }  # fmt: skip
    found = {}
    for name, (file, *rest) in calls.items():
        place = folder / "runs" / name
        assert main(["run", str(folder / file), *rest, "--quiet", "--runs-dir", str(place)]) in (0, 3)
        (found[name],) = (p for p in place.iterdir() if not p.name.startswith("."))
    return found


def _of_another_target(text):
    text = text.replace('kind: binary("plain", "fancy") as target', "kind: categorical")
    text = text.replace("colour: categorical", 'colour: binary("red", "blue") as target')
    return text.replace("one_hot on colour", "one_hot on kind")


def as_json(command, *arguments):
    ended = command(*arguments, "--json")
    assert ended.status == 0
    return json.loads(ended.out)


def test_the_same_rows_are_paired(command, runs) -> None:
    ended = command("diff", runs["base"], runs["smooth"])
    assert ended.status == 0
    assert re.search(r"smoothing +1e-09 +0.5", ended.out)
    assert "the same  pipeline, data, split, versions, device" in ended.out
    assert "the same rows in both (24 rows): paired, by the bootstrap" in ended.out
    assert re.search(r"log_loss +[\d.]+ +[\d.]+ +\S+ \(\S+ to \S+\) +[\d.<]+ +(worse|better|not told apart)", ended.out)


def test_the_difference_is_that_of_the_record_and_agrees_with_a_t_test(command, runs) -> None:
    found = as_json(command, "diff", runs["base"], runs["smooth"])
    (model,) = found["models"]
    loss = model["metrics"]["log_loss"]
    assert loss["test"] == "bootstrap"
    assert loss["units"] == 24
    assert loss["difference"]["value"] == pytest.approx(loss["after"]["value"] - loss["before"]["value"], abs=1e-6)
    each = []
    for run in ("base", "smooth"):
        rows = pl.read_parquet(runs[run] / "predictions.parquet").sort("row")
        p = np.where(rows["target"] == "fancy", rows["probability_fancy"], rows["probability_plain"])
        each.append(-np.log(p))
    expected = stats.ttest_rel(each[1], each[0])
    between = expected.confidence_interval()
    width = between.high - between.low
    assert loss["difference"]["low"] == pytest.approx(between.low, abs=0.25 * width)
    assert loss["difference"]["high"] == pytest.approx(between.high, abs=0.25 * width)
    assert loss["difference"]["p"] == pytest.approx(expected.pvalue, abs=0.1)
    assert found["params"] == [{"what": "smoothing", "before": 1e-09, "after": 0.5}]
    assert found["format_version"] == "1.0"


def test_a_run_does_not_differ_from_itself(command, runs) -> None:
    ended = command("diff", runs["base"], runs["base"])
    assert "the same  pipeline, plan, params, data, split, versions, device" in ended.out
    assert ended.out.rstrip().splitlines()[-1].startswith("  No difference: accuracy ")
    found = as_json(command, "diff", runs["base"], runs["base"])
    assert {m["verdict"] for m in found["models"][0]["metrics"].values()} == {"the same"}


def test_other_rows_are_compared_unpaired_and_that_is_said(command, runs) -> None:
    ended = command("diff", runs["base"], runs["seed"])
    assert "unpaired, since the test rows are other rows" in ended.out
    metrics = as_json(command, "diff", runs["base"], runs["seed"])["models"][0]["metrics"]
    d, a, b = (metrics["accuracy"][k] for k in ("difference", "before", "after"))
    half = np.hypot(b["high"] - b["value"], a["value"] - a["low"])
    assert d["high"] == pytest.approx(b["value"] - a["value"] + half)
    assert d["p"] is None


def test_other_data_is_not_paired_and_its_hash_is_shown(command, runs) -> None:
    ended = command("diff", runs["base"], runs["data"])
    assert "unpaired, since the data is not the same" in ended.out
    assert re.search(r"flowers.csv +120 rows, sha256 [0-9a-f]{12} +–", ended.out)
    assert re.search(r'-data \{ csv\("flowers.csv"\) \}', ended.out)


def test_equal_numbers_of_other_rows_are_not_called_the_same() -> None:
    value = MetricValue(0.9, 0.8, 0.95)
    unpaired = Compared("accuracy", "higher", value, value, Difference(0.0, -0.1, 0.1), "unpaired", why="of other rows")
    assert unpaired.verdict == "not told apart"
    paired = Compared("accuracy", "higher", value, value, Difference(0.0, 0.0, 0.0, 1.0), "bootstrap", "rows", 9)
    assert paired.verdict == "the same"
    assert attrs.evolve(paired, difference=Difference(0.0, -0.1, 0.1, 1.0)).verdict == "not told apart"


def test_another_target_is_not_compared(command, runs) -> None:
    ended = command("compare", runs["base"], runs["colour"])
    assert "2 against 1: not compared, since `kind` and `colour` are different targets" in ended.out
    assert re.search(r"  2  [\d.]+ +[\d.]+ to [\d.]+ +– +– +cannot be told", ended.out)
    assert as_json(command, "diff", runs["base"], runs["colour"])["models"][0]["metrics"]["log_loss"]["verdict"] == (
        "cannot be told"
    )


def test_what_only_one_run_measured_takes_a_line(command, runs) -> None:
    ended = command("compare", runs["folds"], runs["measured"])
    assert re.search(r"only in 2: brier 0\.\d+ \(", ended.out)
    assert "\nbrier\n" not in ended.out
    ended = command("diff", runs["measured"], runs["folds"])
    assert re.search(r"only before, gaussian_naive_bayes: brier 0\.\d+ \(", ended.out)


def test_folds_are_paired_by_the_corrected_t(command, runs) -> None:
    found = as_json(command, "diff", runs["folds"], runs["folds2"])["models"][0]["metrics"]["log_loss"]
    each = [json.loads((runs[r] / "run.json").read_text()) for r in ("folds", "folds2")]
    folds = [[f["log_loss"] for f in next(iter(e["models"].values()))["fold_metrics"]] for e in each]
    d = np.array(folds[1]) - np.array(folds[0])
    assert (found["test"], found["unit"], found["units"]) == ("corrected_t", "folds", 4)
    t = d.mean() / np.sqrt((1 / 4 + 1 / 3) * d.var(ddof=1))
    assert found["difference"]["p"] == pytest.approx(2 * stats.t.sf(abs(t), 3), rel=1e-6)
    mixed = as_json(command, "diff", runs["base"], runs["folds"])["models"][0]["metrics"]["log_loss"]
    assert mixed["why_unpaired"] == "one was measured on the test rows, the other on folds"


def test_compare_shows_every_run_beside_the_first(command, runs) -> None:
    ended = command("compare", runs["base"], runs["smooth"], runs["seed"])
    assert ended.status == 0
    assert re.search(rf"1 +{runs['base'].name} +\S*flowers.mlp +gaussian_naive_bayes +test", ended.out)
    assert "2 against 1: the same rows in both (24 rows): paired, by the bootstrap" in ended.out
    assert "3 against 1: unpaired, since the test rows are other rows" in ended.out
    assert ended.out.index("\naccuracy\n") < ended.out.index("\nlog_loss\n")
    found = as_json(command, "compare", runs["base"], runs["smooth"], runs["seed"])
    assert [r["run"] for r in found["runs"]] == [runs[n].name for n in ("base", "smooth", "seed")]
    assert [d["metrics"]["accuracy"]["test"] for d in found["differences"]] == ["bootstrap", "unpaired"]


def test_p_is_corrected_for_the_number_of_runs(command, runs) -> None:
    two = as_json(command, "compare", runs["base"], runs["smooth"])["differences"][0]["metrics"]["log_loss"]
    three = as_json(command, "compare", runs["base"], runs["smooth"], runs["smooth"])["differences"]
    assert [d["metrics"]["log_loss"]["difference"]["p"] for d in three] == pytest.approx(
        [min(1, 2 * two["difference"]["p"])] * 2
    )


def test_runs_are_found_by_id_and_as_latest(command, runs, monkeypatch) -> None:
    monkeypatch.chdir(runs["base"].parent.parent.parent)
    found = as_json(command, "compare", "latest", "latest", "--runs-dir", runs["base"].parent)
    assert found["runs"][0]["run"] == runs["base"].name
    assert command("diff", runs["base"].name[:-2], "latest", "--runs-dir", runs["base"].parent).status == 0


def test_mistakes_are_coded(command, runs, tmp_path) -> None:
    ended = command("diff", runs["base"], "nowhere")
    assert (ended.status, ended.out) == (1, "")
    assert "error[MLP0502]: there is no run `nowhere`" in ended.err
    ended = command("compare", runs["base"], runs["smooth"], "--model", "gausian_naive_bayes")
    assert ended.status == 1
    assert "did you mean `gaussian_naive_bayes`?" in ended.err
    assert command("compare", runs["base"]).status == 2
    copy = tmp_path / runs["base"].name
    shutil.copytree(runs["base"], copy)
    (copy / "predictions.parquet").write_bytes(b"PAR1 no more")
    ended = command("diff", copy, runs["smooth"])
    assert ended.status == 1
    assert "error[MLP0502]" in ended.err
    assert "predictions.parquet` is damaged: it was changed after it was written" in ended.err
    (copy / "run.json").write_text("{}")
    assert "is not the record of a run" in command("compare", copy, runs["smooth"]).err


def test_what_was_not_kept_is_not_paired(command, runs, tmp_path) -> None:
    copy = tmp_path / runs["base"].name
    shutil.copytree(runs["base"], copy)
    (copy / "predictions.parquet").unlink()
    assert "unpaired, since the predictions of one are not kept" in command("diff", copy, runs["smooth"]).out


def test_a_metric_that_comes_out_otherwise_is_not_used(command, runs, tmp_path) -> None:
    copy = tmp_path / runs["base"].name
    shutil.copytree(runs["base"], copy)
    record = json.loads((copy / "run.json").read_text())
    record["models"]["gaussian_naive_bayes"]["metrics"]["test"]["accuracy"]["value"] = 0.123
    (copy / "run.json").write_text(json.dumps(record))
    out = command("diff", copy, runs["smooth"]).out
    assert "and 0.123 in the record" in out
    assert "log_loss: the same rows in both" in out
    assert sha256(copy / "predictions.parquet") == sha256(runs["base"] / "predictions.parquet")
