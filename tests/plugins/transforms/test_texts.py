"""Steps from text to text: the libraries they stand on, what stays around the words, what is missing, real messages."""

from __future__ import annotations

import importlib
from pathlib import Path

import polars as pl
import pytest

TEXTS = ["Don't stop  me, now!", None, "", "Äpfel über 3 Bäume: DÉJÀ-VU ﬁn", "The cats were sitting on their mats"]


def rewritten(name, texts=TEXTS, **arguments):
    (component,) = importlib.import_module(f"mldsl_plugins.text.{name}").mldsl_components()
    columns = {"t": pl.Series("t", texts, dtype=pl.String)}
    made = component.apply(component.Spec(**arguments), None, columns)
    assert list(made) == ["t"]
    return made["t"].to_list()


@pytest.fixture(scope="module")
def messages():
    return pl.read_csv(Path("examples/data/sms_spam.csv"))["text"]


def test_lowercase_is_pythons(messages):
    assert rewritten("lowercase") == [None if text is None else text.lower() for text in TEXTS]
    assert rewritten("lowercase", messages) == [text.lower() for text in messages]


def test_accents_are_stripped_as_by_scikit_learn(messages):
    from sklearn.feature_extraction.text import strip_accents_unicode

    given = [*TEXTS, "ﬀ Å ñ ç ø ß ½ ｗｉｄｅ e\u0301 ก็ हिन्दी", *messages.head(2000)]
    assert rewritten("strip_accents", given) == [None if t is None else strip_accents_unicode(t) for t in given]


def test_stems_are_snowballs(messages):
    import snowballstemmer

    found = rewritten("stem")
    assert found[:3] == ["don't stop  me, now!", None, ""]
    assert found[4] == "the cat were sit on their mat"
    words = [w for text in messages.head(300) for w in text.split() if w.isalpha()]
    expected = snowballstemmer.stemmer("english").stemWords([w.lower() for w in words])
    assert rewritten("stem", words) == expected
    assert rewritten("stem", ["Häuser laufen"], language="german") == ["haus lauf"]


def test_lemmas_are_simplemmas():
    import simplemma

    found = rewritten("lemmatize", ["The mice were running, 3 geese flew!"])[0]
    words = ["The", "mice", "were", "running", "geese", "flew"]
    lemmas = [simplemma.lemmatize(word, lang="en") for word in words]
    assert found == "{} {} {} {}, 3 {} {}!".format(*lemmas)
    assert lemmas[1:] == ["mouse", "be", "run", "goose", "fly"]
    assert rewritten("lemmatize", [None, ""]) == [None, ""]


def test_stop_words_leave_and_nothing_else():
    found = rewritten("remove_stop_words")
    assert found == ["stop  , now!", None, "", TEXTS[3], "cats sitting mats"]
    assert rewritten("remove_stop_words", ["there is theology in the other"])[0] == "theology "
    assert rewritten("remove_stop_words", ["We don’t and DON'T know"])[0] == "know"
    own = rewritten("remove_stop_words", ["buy now (now) knowledge c++ c"], words=("now", "c"))[0]
    assert own == "buy () knowledge ++ "
    both = rewritten("remove_stop_words", ["the cat and the hat"], also=("cat",))[0]
    assert both == "hat"


@pytest.mark.parametrize("language", ["english", "dutch", "french", "german", "italian", "portuguese", "spanish"])
def test_lists_of_stop_words_are_words_of_that_language(language):
    from mldsl_plugins.text._stop_words import WORDS

    words = WORDS[language].split()
    assert len(words) > 100
    assert all(word == word.lower() and word.replace("'", "").isalpha() for word in words)
    assert len(set(words)) >= len(words) - 15  # some are two kinds of word


def test_english_stop_words_are_among_scikit_learns_or_are_function_words():
    from mldsl_plugins.text._stop_words import WORDS
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    ours = {word for word in WORDS["english"].split() if "'" not in word}
    assert len(ours & ENGLISH_STOP_WORDS) / len(ours) > 0.85


def test_an_empty_list_of_stop_words_is_refused():
    from mldsl.contract import Shape

    (component,) = importlib.import_module("mldsl_plugins.text.remove_stop_words").mldsl_components()
    (problem,) = component.check(component.Spec(words=()), Shape(10))
    assert "at least one word" in problem.message
