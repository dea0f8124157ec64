"""Words cut down to their stem, so that `connect`, `connected` and `connections` count as one.

Snowball's stemmer of the language takes endings off by rule. Stems need not be words (`happi`), and words of one stem
need not mean the same (`universe`, `university`): `lemmatize` is the more careful and slower way. Words are put into
lower case on the way, since the rules are written for it; what stands between words stays.

Shapes: n texts in, n texts out. O(characters) time; each different word is stemmed once.
Units:  none.
Errors: none; a missing text stays missing.
Sources: Porter 1980, doi:10.1108/eb046814; snowballstem.org (the rules of each language).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import polars as pl

from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl_plugins.text._pieces import rewritten


@attrs.frozen
class Spec:
    """Which language's rules."""

    language: Literal[
        "english", "porter", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "finnish", "french",
        "german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian",
        "portuguese", "romanian", "russian", "serbian", "spanish", "swedish", "tamil", "turkish",
    ] = param("english", doc="Whose endings; `porter` is the rule set of 1980 for English.")  # fmt: skip


def apply(spec: Spec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """Every word as its stem."""
    import snowballstemmer

    stemmer = snowballstemmer.stemmer(spec.language)
    return rewritten(columns, lambda words: stemmer.stemWords([word.lower() for word in words]))


@hookimpl
def mldsl_components() -> list[Component]:
    """Stemming."""
    return [
        Transform(
            "stem", Spec, apply=apply, host=True, inputs=("text",), missing="accepts", outputs=(Output(),),
            snippet="stem(english) on text",
            also_known_as=("stemming", "snowball", "porter_stemmer", "SnowballStemmer"),
            sources=("Porter 1980, doi:10.1108/eb046814",),
        )
    ]  # fmt: skip
