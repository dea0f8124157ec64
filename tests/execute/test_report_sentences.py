"""Sentences of reports: what is said of several models in the same words is said once."""

from mldsl.execute.reports import together


def test_the_same_words_name_all_models_and_others_stay() -> None:
    said = ["a: scaled.", "b: scaled.", "All rows count.", "a: slow.", "note: scaled.", "b: scaled."]
    assert together(said, ["a", "b"]) == ["a, b: scaled.", "All rows count.", "a: slow.", "note: scaled."]
