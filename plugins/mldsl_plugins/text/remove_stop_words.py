"""Texts without the words that every text has: articles, pronouns, auxiliaries, prepositions.

A word is left out if it is on the list, whatever its case; the rest of the text stays as it is. The list is that of a
language (function words, by their kinds), or one of your own, or both.

Shapes: n texts in, n texts out. O(characters) time.
Units:  none.
Errors: a list without a word; a missing text stays missing.
Sources: Luhn 1957, doi:10.1147/rd.14.0309 (common words carry no meaning).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import attrs
import polars as pl

from mldsl.contract import Shape
from mldsl.plugin import Component, Output, Problem, Transform, hookimpl, param
from mldsl_plugins.text._stop_words import WORDS

Language = Literal["english", "dutch", "french", "german", "italian", "portuguese", "spanish"]


@attrs.frozen
class Spec:
    """Which words."""

    words: Language | tuple[str, ...] = param(
        "english", doc="A language, or a list of words in quotes.", also_known_as=("language", "stop_words"),
    )  # fmt: skip
    also: tuple[str, ...] = param((), doc="Further words, beside those of the language.")


def stop_words(spec: Spec) -> tuple[str, ...]:
    """All words that are left out, in lower case."""
    listed = WORDS[spec.words].split() if isinstance(spec.words, str) else spec.words
    return tuple(dict.fromkeys(word.lower() for word in (*listed, *spec.also)))


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Without a word there is nothing to do."""
    if not stop_words(spec):
        yield Problem("words", "expected at least one word, found an empty list")


def apply(spec: Spec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """Leave the words out, with one of the blanks around each."""
    # Longest first, so that `don't` is not taken for `don`.
    listed = sorted((re.escape(word).replace("'", "['’]") for word in stop_words(spec)), key=len, reverse=True)
    pattern = rf"(?i)\b(?:{'|'.join(listed)})\b ?"
    return {name: series.str.replace_all(pattern, "") for name, series in columns.items()}


@hookimpl
def mldsl_components() -> list[Component]:
    """Stop words."""
    return [
        Transform(
            "remove_stop_words", Spec, apply=apply, check=check, host=True, inputs=("text",), missing="accepts",
            outputs=(Output(),), snippet="remove_stop_words(english) on text",
            also_known_as=("stop_words", "stopwords", "drop_words"), sources=("Luhn 1957, doi:10.1147/rd.14.0309",),
        )
    ]  # fmt: skip
