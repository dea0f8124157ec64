"""`mldsl update`: messages in two halves, flowers in batches, and the mistakes of a beginner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import mldsl
from mldsl.cli import main

DATA = Path(__file__).parents[2] / "examples" / "data"

SPAM = """mlp 1
data { csv("first.csv") }
features {
  label: binary("ham", "spam") as target
  text: text
}
transforms { tfidf(min_documents = 2) on text }
split { folds = 3 }
model {
  multinomial_naive_bayes(smoothing = 0.1)
  threshold = maximize(f1(positive = "spam"))
}
metrics { f1(positive = "spam") as primary }
export { artifact("model") }
"""


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the first thousand messages, and the next two thousand."""
    folder = tmp_path_factory.mktemp("messages")
    messages = pl.read_csv(DATA / "sms_spam.csv")
    messages[:1000].write_csv(folder / "first.csv")
    messages[1000:3000].write_csv(folder / "more.csv")
    messages[3000:].write_csv(folder / "rest.csv")
    (folder / "spam.mlp").write_text(SPAM)
    assert main(["run", str(folder / "spam.mlp"), "--quiet"]) == 0
    return folder


def test_messages_in_two_halves(command: Any, halves: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in (halves / "model").iterdir()}
    ended = command("update", halves / "model", halves / "more.csv", "-o", tmp_path / "new")
    assert (ended.status, ended.err) == (0, "")
    threshold = mldsl.load(halves / "model")._trained.learned.threshold
    assert ended.out.splitlines() == [
        f"multinomial_naive_bayes learned from 2,000 rows of {halves / 'more.csv'}, which makes 3,000 in all",
        "",
        "not learned anew, as it comes from the first rows",
        "  tfidf(min_documents = 2) on text",
        f"  the threshold, {threshold:.4g}",
        "",
        f"written  {tmp_path / 'new'}",
    ]
    assert {file.name: file.read_bytes() for file in (halves / "model").iterdir()} == before
    scores = []
    for folder in (halves / "model", tmp_path / "new"):
        scores.append(json.loads(command("evaluate", folder, halves / "rest.csv", "--json").out))
    old, new = (next(iter(score.values()))["value"] for score in scores)
    assert new > old  # three times the messages, of the words that the first ones have


def test_weights_of_words_are_those_of_the_first_rows(halves: Path) -> None:
    """What the new rows add to the counts is what the fitted `tfidf` makes of them."""
    model = mldsl.load(halves / "model")
    with pytest.warns(UserWarning, match="tfidf"):
        more = model.update(pl.read_csv(halves / "more.csv"))
    assert more.params.log_likelihood.shape == model.params.log_likelihood.shape
    from sklearn.feature_extraction.text import TfidfVectorizer

    first, rows = (pl.read_csv(halves / f"{name}.csv") for name in ("first", "more"))
    peer = TfidfVectorizer(min_df=2).fit(first["text"].to_list())
    made = peer.transform(rows["text"].to_list())
    spam = (rows["label"] == "spam").to_numpy()
    added = more.info.counts.count - model.info.counts.count
    assert added[1].sum() == pytest.approx(made[spam].sum(), rel=1e-3)
    assert added[0].sum() == pytest.approx(made[~spam].sum(), rel=1e-3)


def test_json_and_several_batches(command: Any, trained: Path, project: Path, tmp_path: Path) -> None:
    """A run names its best model; an artifact may be replaced by what it becomes."""
    rows = pl.read_csv(project / "flowers.csv")
    rows[:50].write_csv(tmp_path / "a.csv")
    rows[50:].write_csv(tmp_path / "b.csv")
    first = json.loads(command("update", trained, tmp_path / "a.csv", "-o", tmp_path / "new", "--json").out)
    assert first["rows"] == 50
    assert first["stays"] == ["impute(mean) on width", "one_hot on colour"]
    assert (first["model"], first["algorithm"], first["warnings"]) == (*2 * ["gaussian_naive_bayes"], [])
    assert first["artifact"] == str(tmp_path / "new")
    second = json.loads(command("update", tmp_path / "new", tmp_path / "b.csv", "-o", tmp_path / "new", "--json").out)
    assert second["rows_in_all"] == first["rows_in_all"] + 70
    counts = mldsl.load(tmp_path / "new").info.counts
    assert counts.mass.sum() == second["rows_in_all"]


def test_mistakes_are_said_and_leave_nothing_behind(command: Any, halves: Path, tmp_path: Path) -> None:
    rows = pl.read_csv(halves / "more.csv")
    rows.drop("label").write_csv(tmp_path / "unlabelled.csv")
    rows.with_columns(label=pl.lit("egg")).write_csv(tmp_path / "other.csv")
    rows.drop("text").write_csv(tmp_path / "silent.csv")
    rows[:0].write_csv(tmp_path / "empty.csv")
    for name, code in (
        ("unlabelled", "MLP0413"), ("other", "MLP0404"), ("silent", "MLP0413"), ("empty", "MLP0405"),
        ("absent", "MLP0406"),
    ):  # fmt: skip
        ended = command("update", halves / "model", tmp_path / f"{name}.csv", "-o", tmp_path / "new")
        assert (ended.status, ended.out) == (1, "")
        assert f"error[{code}]" in ended.err
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".csv"]


def test_a_damaged_artifact(command: Any, halves: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(halves / "model", tmp_path / "model")
    with (tmp_path / "model" / "info.safetensors").open("ab") as file:
        file.write(b"more")
    ended = command("update", tmp_path / "model", halves / "more.csv", "-o", tmp_path / "new")
    assert (ended.status, ended.out) == (1, "")
    assert "error[MLP0502]" in ended.err
    assert "`info.safetensors` was changed after it was written" in ended.err
    assert not (tmp_path / "new").exists()


def test_an_output_is_asked_for(command: Any, halves: Path) -> None:
    ended = command("update", halves / "model", halves / "more.csv")
    assert ended.status == 2
    assert "'--output' / '-o'" in ended.err
