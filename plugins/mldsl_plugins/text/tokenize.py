"""Texts as sequences of token numbers, for networks that read them in order.

The commonest words (or characters) of the training rows are numbered from 2, the commonest first; 1 is any other word,
0 fills up what is shorter than `length`. Longer texts keep their beginning, or their end. A word is two or more
letters, digits or underscores in a row, in lower case, as for `count_words`; with `tokens = characters` every character
counts.

The vocabulary is decided once, on the training rows that are not held out by the split, each counted by its weight.

Shapes: n texts in, a sequence Int[n, length] for each out. O(characters) time.
Units:  token numbers.
Errors: none; an empty or missing text is all 0. Training rows without a single word leave no vocabulary, and all is 1.
Sources: Sutskever, Vinyals & Le 2014, arXiv:1409.3215 (words as numbers, the rare ones as one).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import numpy as np
import polars as pl

from mldsl.plugin import Component, Output, Transform, hookimpl, param
from mldsl_plugins.text._tokens import packed, tokens_of, unpacked

FILL, OTHER, FIRST = 0, 1, 2


@attrs.frozen
class Spec:
    """How many tokens are told apart, and how many of a text are kept."""

    vocabulary: int = param(
        20_000, ge=3, unit="tokens", doc="Most different numbers, those for filling and for other words included.",
        also_known_as=("max_tokens", "num_words", "vocab_size"),
    )  # fmt: skip
    length: int = param(
        200,
        ge=1,
        unit="tokens",
        doc="Tokens of each text.",
        also_known_as=("max_len", "output_sequence_length", "maxlen"),
    )
    keep: Literal["start", "end"] = param("start", doc="What longer texts keep.", also_known_as=("truncating",))
    tokens: Literal["words", "characters"] = param(
        "words", doc="What is numbered.", also_known_as=("analyzer", "level")
    )
    lowercase: bool = param(True, doc="Whether upper and lower case are one.")


def fit(spec: Spec, columns: Mapping[str, pl.Series], weight: np.ndarray) -> dict[str, Any]:
    """Number the commonest tokens of the rows that count, by column."""
    return {name: _vocabulary(spec, series, weight) for name, series in columns.items()}


def _vocabulary(spec: Spec, texts: pl.Series, weight: np.ndarray) -> dict[str, Any]:
    there = weight > 0
    found = tokens_of(texts.filter(pl.Series(there)), spec.tokens, spec.lowercase)
    count = np.bincount(found.number, weights=weight[there][found.row], minlength=len(found.known))
    most = np.argsort(-count, kind="stable")[: spec.vocabulary - FIRST]
    known = np.sort(most)
    number = np.empty(len(known), np.int32)
    number[np.searchsorted(known, most)] = np.arange(len(most)) + FIRST
    return {"tokens": packed(found.known.gather(known), spec.tokens), "number": number}


def apply(spec: Spec, state: Mapping[str, Any], columns: Mapping[str, pl.Series]) -> dict[str, Any]:
    """Int32[n, length] for each column."""
    return {name: _sequences(spec, state[name], series) for name, series in columns.items()}


def _sequences(spec: Spec, state: Mapping[str, Any], texts: pl.Series) -> np.ndarray:
    known = unpacked(state["tokens"], spec.tokens)
    found = tokens_of(texts, spec.tokens, spec.lowercase, known)
    number = np.append(np.asarray(state["number"], np.int32), OTHER)[found.number]  # -1, unknown, is the last
    lengths = np.bincount(found.row, minlength=len(texts))
    place = np.arange(len(found.row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    if spec.keep == "end":
        place = place - np.maximum(lengths - spec.length, 0)[found.row]
    inside = (place >= 0) & (place < spec.length)
    made = np.full((len(texts), spec.length), FILL, np.int32)
    made[found.row[inside], place[inside]] = number[inside]
    return made


@hookimpl
def mldsl_components() -> list[Component]:
    """Token numbers."""
    return [
        Transform(
            "tokenize", Spec, fit=fit, apply=apply, host=True, inputs=("text",), missing="accepts",
            outputs=(Output("{column}", "sequence", "no"),), example=Spec(50, 12),
            snippet="tokenize(vocabulary = 2000, length = 40) on text",
            also_known_as=("TextVectorization", "Tokenizer", "pad_sequences", "token_ids"),
        )
    ]  # fmt: skip
