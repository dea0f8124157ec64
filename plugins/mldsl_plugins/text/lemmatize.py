"""Words as a dictionary lists them, so that `mice` counts as `mouse` and `was` as `be`.

The dictionary of the language (simplemma's, bundled with it) gives each word's commonest lemma; a word that it does not
hold stays, or loses an ending by the library's few rules. The sentence around a word is not looked at, so `saw` is one
word whatever it means. What stands between words stays.

Shapes: n texts in, n texts out. O(characters) time; each different word is looked up once. Reading a dictionary takes
        up to a second and some 50 MB.
Units:  none.
Errors: none; a missing text stays missing.
Sources: Barbaresi 2021, doi:10.5281/zenodo.4673264 (simplemma and its word lists).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import polars as pl

from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl_plugins.text._pieces import rewritten

CODES = {
    "english": "en", "albanian": "sq", "arabic": "ar", "bulgarian": "bg", "catalan": "ca", "czech": "cs",
    "danish": "da", "dutch": "nl", "estonian": "et", "finnish": "fi", "french": "fr", "german": "de",
    "greek": "el", "hindi": "hi", "hungarian": "hu", "indonesian": "id", "irish": "ga", "italian": "it",
    "latin": "la", "latvian": "lv", "lithuanian": "lt", "norwegian": "nb", "polish": "pl", "portuguese": "pt",
    "romanian": "ro", "russian": "ru", "slovak": "sk", "slovenian": "sl", "spanish": "es", "swedish": "sv",
    "turkish": "tr", "ukrainian": "uk",
}  # fmt: skip


@attrs.frozen
class Spec:
    """Which language's dictionary."""

    language: Literal[
        "english", "albanian", "arabic", "bulgarian", "catalan", "czech", "danish", "dutch", "estonian", "finnish",
        "french", "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "latin", "latvian",
        "lithuanian", "norwegian", "polish", "portuguese", "romanian", "russian", "slovak", "slovenian", "spanish",
        "swedish", "turkish", "ukrainian",
    ] = param("english", doc="Whose dictionary.")  # fmt: skip


def apply(spec: Spec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """Every word as its lemma."""
    import simplemma

    code = CODES[spec.language]
    return rewritten(columns, lambda words: [_lemma(word, code, simplemma.lemmatize) for word in words])


def _lemma(word: str, code: str, lemma: Any) -> str:
    return str(lemma(word, lang=code)) if word[0].isalpha() else word


@hookimpl
def mldsl_components() -> list[Component]:
    """Lemmas."""
    return [
        Transform(
            "lemmatize", Spec, apply=apply, host=True, inputs=("text",), missing="accepts", outputs=(Output(),),
            snippet="lemmatize(english) on text",
            also_known_as=("lemma", "lemmatization", "WordNetLemmatizer", "simplemma"),
        )
    ]  # fmt: skip
