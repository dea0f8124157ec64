"""Word counts: a text becomes how often it has each word, or each sequence of words or characters.

x_ij is how often text i has word j of the vocabulary (1 or 0 with `binary`). The vocabulary is the words of the
training rows that enough and not too many of them have; a fold keeps those that its own rows have often enough. The
columns are `text_free`, `text_call now`, in the order of their letters, and sparse: only what is not 0 is kept. A word
is two or more letters, digits or underscores in a row; `lowercase` is on, as in scikit-learn, so a step `lowercase` is
needed only where another step comes between. A text without a known word, and a missing one, is a row of zeros.

Shapes:  n texts of t words in all, d words in the vocabulary, e entries that are not 0. O(t log t) time, O(t + e)
         memory.
Units:   counts.
Errors:  no text has a word that enough of them have (MLP0312). Words that training has not seen are not counted.
Sources: Salton, Wong & Yang 1975, doi:10.1145/361219.361220.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
from jaxtyping import Array, Bool, Float, Key

from mldsl.contract import Examples, Shape, Sparse
from mldsl.plugin import Component, Output, Range, Transform, hookimpl
from mldsl_plugins.text import _counting as counting
from mldsl_plugins.text._tokens import Unit


@attrs.frozen
class Spec:
    """Hyperparameters of word counts."""

    ngrams: Range = counting.NGRAMS
    min_documents: float = counting.MIN_DOCUMENTS
    max_documents: float | None = counting.MAX_DOCUMENTS
    vocabulary: int | None = counting.VOCABULARY
    binary: bool = counting.BINARY
    unit: Unit = counting.UNIT
    lowercase: bool = counting.LOWERCASE


class Params(NamedTuple):
    """The words that this fit keeps."""

    active: Bool[Array, " d"]


class Info(NamedTuple):
    """How many training rows have each word, and how many there are, by weight."""

    documents: Float[Array, " d"]
    mass: Float[Array, ""]


def fit(spec: Spec, key: Key[Array, ""], shape: Shape, examples: Examples) -> tuple[Params, Info]:
    """Choose the words."""
    seen = counting.seen(spec, examples)
    return Params(seen.active), Info(seen.documents, seen.mass)


def apply(spec: Spec, params: Params, inputs: Sparse) -> Sparse:
    """The counts."""
    return inputs.presence() if spec.binary else inputs


@hookimpl
def mldsl_components() -> list[Component]:
    """Word counts."""
    return [
        Transform(
            "count_words", Spec, host_fit=counting.host_fit, host_apply=counting.host_apply,
            host_reads=counting.HOST_READS, fit=fit, apply=apply, check=counting.check, inputs=("text",),
            missing="fills", outputs=(Output("{column}_*", "continuous", "no", sparse="yes"),),
            snippet="count_words(min_documents = 2) on text", example=Spec(ngrams=(1, 2)),
            also_known_as=("CountVectorizer", "bag_of_words", "step_tf", "DocumentTermMatrix"),
            sources=["Salton, Wong & Yang 1975, doi:10.1145/361219.361220"],
        )
    ]  # fmt: skip
