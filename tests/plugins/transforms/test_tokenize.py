"""Token numbers: by frequency and weight, filled up and cut, and through an artifact."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import polars as pl
import pytest
from mldsl_plugins.text import tokenize

TEXTS = ["The cat and THE dog", "a cat, the cat!", None, "", "one two three four five six", "the zebra"]
WEIGHT = np.asarray([1.0, 1, 1, 1, 1, 0])


def fitted(weight=WEIGHT, texts=TEXTS, **arguments):
    spec = tokenize.Spec(**arguments)
    columns = {"t": pl.Series("t", texts, dtype=pl.String)}
    state = tokenize.fit(spec, columns, weight)
    return spec, state, columns


def test_the_commonest_words_come_first():
    spec, state, columns = fitted(length=5)
    made = tokenize.apply(spec, state, columns)["t"]
    assert made.dtype == np.int32
    assert made.shape == (6, 5)
    cat, the = 2, 3  # three of each; of equals the first by letters
    assert made[0, [0, 1, 3]].tolist() == [the, cat, the]
    assert made[1].tolist() == [cat, the, cat, 0, 0]
    assert not made[2].any()
    assert not made[3].any()
    assert made[5].tolist() == [the, tokenize.OTHER, 0, 0, 0]  # a row of weight 0 teaches no word
    assert (made[4] >= tokenize.FIRST).all()


def test_rows_count_by_their_weight_and_the_vocabulary_ends():
    weight = np.asarray([1.0, 0, 0, 0, 5, 0])
    spec, state, columns = fitted(weight, vocabulary=8, length=6)
    made = tokenize.apply(spec, state, columns)["t"]
    assert sorted(made[4]) == [2, 3, 4, 5, 6, 7]
    assert made[0].tolist() == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize(("keep", "kept"), [("start", ["one", "two", "three"]), ("end", ["four", "five", "six"])])
def test_long_texts_are_cut(keep, kept):
    spec, state, columns = fitted(length=3, keep=keep)
    made = tokenize.apply(spec, state, columns)["t"][4]
    alone = tokenize.apply(tokenize.Spec(length=1), state, {"t": pl.Series(kept)})["t"][:, 0]
    assert made.tolist() == alone.tolist()


def test_characters():
    spec, state, columns = fitted(tokens="characters", length=4, texts=["aab", "ba", "c", None, "", "x"])
    assert tokenize.apply(spec, state, columns)["t"].tolist() == [
        [2, 2, 3, 0], [3, 2, 0, 0], [4, 0, 0, 0], [0] * 4, [0] * 4, [1, 0, 0, 0]
    ]  # fmt: skip


def test_numbers_are_those_of_a_counter_on_real_messages(tmp_path):
    texts = pl.read_csv("examples/data/sms_spam.csv")["text"]
    spec = tokenize.Spec(vocabulary=500, length=20)
    state = tokenize.fit(spec, {"t": texts}, np.ones(len(texts)))
    words = texts.str.to_lowercase().str.extract_all(r"\b\w\w+\b").to_list()
    counts = Counter(word for text in words for word in text)
    order = [word for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))][:498]
    number = {word: place + 2 for place, word in enumerate(order)}
    expected = np.zeros((len(texts), 20), np.int32)
    for row, text in enumerate(words):
        ids = [number.get(word, 1) for word in text[:20]]
        expected[row, : len(ids)] = ids
    np.testing.assert_array_equal(tokenize.apply(spec, state, {"t": texts})["t"], expected)
    from mldsl.record.tree import load_tree, save_tree

    arrays, structure = save_tree(state)
    again = load_tree(json.loads(json.dumps(structure)), arrays, lambda name: None)
    np.testing.assert_array_equal(tokenize.apply(spec, again, {"t": texts})["t"], expected)


def test_a_file_may_hand_sequences_to_a_model(tmp_path):
    import mldsl

    pl.read_csv("examples/data/sms_spam.csv").head(300).write_csv(tmp_path / "sms.csv")
    (tmp_path / "a.mlp").write_text(
        'mlp 1\ndata { csv("sms.csv") }\nfeatures {\n  label: binary("ham", "spam") as target\n  text: text\n}\n'
        "transforms { tokenize(vocabulary = 100, length = 8) on text }\nmodel { constant }\nmetrics { accuracy }\n"
    )
    run = mldsl.run(tmp_path / "a.mlp", keep=False)
    assert run.metrics["accuracy"].value > 0.7


def test_sequences_beside_counted_words_are_refused(tmp_path):
    import mldsl

    pl.read_csv("examples/data/sms_spam.csv").head(100).write_csv(tmp_path / "sms.csv")
    (tmp_path / "a.mlp").write_text(
        'mlp 1\ndata { csv("sms.csv") }\nfeatures {\n  label: binary("ham", "spam") as target\n  text: text\n}\n'
        "transforms {\n  count_words(keep = true) on text\n  tokenize(vocabulary = 100, length = 8) on text\n}\n"
        "model { constant }\n"
    )
    with pytest.raises(mldsl.MldslError, match="sparse columns of `text` beside `text`"):
        mldsl.run(tmp_path / "a.mlp", keep=False)
