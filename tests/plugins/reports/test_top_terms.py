"""The terms that speak for a class: by hand from counts, from coefficients, and of real messages."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import mldsl

TEXTS = [("good", "apple apple pear"), ("good", "apple plum"), ("bad", "worm worm pear"), ("bad", "worm mud")] * 8
FILE = """\
mlp 1
data {{ csv("fruit.csv") }}
features {{
  label: categorical as target
  note: text
}}
transforms {{ count_words on note }}
split {{ test = 25% }}
model {{ {model} }}
metrics {{ accuracy }}
report {{ top_terms(per_class = 2) }}
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The report's table of a model of the fruit notes."""
    folder = tmp_path_factory.mktemp("fruit")
    pl.DataFrame(TEXTS, schema=["label", "note"], orient="row").write_csv(folder / "fruit.csv")

    def of(model):
        path = folder / "fruit.mlp"
        path.write_text(FILE.format(model=model))
        run = mldsl.run(path)
        return pl.read_csv(run.folder / "reports" / "top_terms.rows.csv"), run.folder

    return of


def test_naive_bayes_by_hand(table):
    found, folder = table("multinomial_naive_bayes(smoothing = 1)")
    rows = pl.read_parquet(folder / "split.parquet").filter(pl.col("part") == "train")["row"].to_list()
    words = {"good": [], "bad": []}
    for row in rows:
        words[TEXTS[row][0]] += TEXTS[row][1].split()
    kinds = {word for _, text in TEXTS for word in text.split()}

    def weight(word, own, other):
        p = [(words[c].count(word) + 1) / (len(words[c]) + len(kinds)) for c in (own, other)]
        return np.log(p[0] / p[1])

    assert found["class"].to_list() == ["bad", "bad", "good", "good"]
    assert found["term"].to_list() == ["worm", "mud", "apple", "plum"]
    expected = [weight(w, "bad", "good") for w in ("worm", "mud")] + [
        weight(w, "good", "bad") for w in ("apple", "plum")
    ]
    np.testing.assert_allclose(found["weight"], expected, rtol=1e-5)
    texts = [TEXTS[row] for row in rows]
    share = np.mean(["mud" in text for label, text in texts if label == "bad"])
    assert found["rows of the class"].to_list()[:2] == [1, pytest.approx(share)]
    assert found["other rows"].to_list() == [0] * 4


def test_coefficients_of_two_classes_have_both_signs(table):
    found, _ = table("logistic_regression")
    assert found["term"].to_list()[0] == "worm"
    assert found["term"].to_list()[2] == "apple"
    assert found["weight"].to_list()[0] == pytest.approx(found["weight"].to_list()[2], rel=0.3)


def test_a_model_without_weights_of_terms_says_so(table, tmp_path):
    with pytest.raises(FileNotFoundError):
        table("constant")


def test_spam_speaks_of_prizes():
    from pathlib import Path

    run = mldsl.run(Path("examples/spam.mlp"))
    beside = pl.read_csv(run.folder / "reports" / "top_terms.csv")
    assert beside.columns == ["ham", "weight, ham", "spam", "weight, spam"]
    assert beside.height == 20
    found = pl.read_csv(run.folder / "reports" / "top_terms.rows.csv")
    assert found.filter(pl.col("class") == "spam")["term"].to_list() == beside["spam"].to_list()
    spam = found.filter(pl.col("class") == "spam")
    assert {"free", "txt", "claim", "prize"} <= set(spam["term"])
    assert (spam["rows of the class"] > spam["other rows"]).all()
    assert run.metrics['f1(positive = "spam")'].value >= 0.93
    assert np.isfinite(found["weight"].to_numpy()).all()
