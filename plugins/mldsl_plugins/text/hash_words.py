"""Hashed words: a text becomes counts in a fixed number of columns, to which a hash function assigns its words.

Word w goes to column |h(w)| mod `buckets`, where h is MurmurHash3 (32 bits, signed, seed 0); it adds 1, or with `signs`
the sign of h(w), so that words that share a column cancel rather than add up. Then each row is brought to length 1
(`norm`). Nothing is learned, so nothing leaks, words that training has not seen are counted, and memory is known before
the data is seen; but a column has no word to be called by. The columns are `text_0`, `text_1`, ... and sparse. A word
is two or more letters, digits or underscores in a row. A text without a word, and a missing one, is a row of zeros.

Shapes:  n texts of t words in all, `buckets` columns, e entries that are not 0. O(t log t) time, O(t + e) memory.
Units:   none; counts with `norm = none`.
Errors:  none. With few buckets different words share a column.
Sources: Weinberger et al. 2009, doi:10.1145/1553374.1553516.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import attrs
import numpy as np
import polars as pl

from mldsl.contract import HostSparse, Numbered, Shape
from mldsl.plugin import Component, Output, Problem, Range, Transform, hookimpl, param
from mldsl_plugins.text import _counting as counting
from mldsl_plugins.text import _grams as grams
from mldsl_plugins.text._murmur import murmur3
from mldsl_plugins.text._tokens import Unit

LARGEST = 1 << 31


@attrs.frozen
class Spec:
    """Hyperparameters of hashed words."""

    buckets: int = param(1 << 18, ge=1, lt=LARGEST, unit="columns", doc="Columns.", also_known_as=("n_features",))
    ngrams: Range = counting.NGRAMS
    binary: bool = counting.BINARY
    signs: bool = param(True, doc="Whether half of the words count below 0.", also_known_as=("alternate_sign",))
    norm: Literal["l2", "l1", "none"] = param("l2", doc="Which length of each row becomes 1.")
    unit: Unit = counting.UNIT
    lowercase: bool = counting.LOWERCASE


def check(spec: Spec, shape: Shape) -> Iterator[Problem]:
    """Lengths are whole numbers."""
    if any(int(end) != end for end in spec.ngrams):
        yield Problem("ngrams", f"expected whole numbers, found {spec.ngrams[0]:g}..{spec.ngrams[1]:g}")


def apply(spec: Spec, state: None, columns: Mapping[str, pl.Series]) -> dict[str, HostSparse]:
    """Count by column."""
    return {name: _block(spec, name, texts) for name, texts in columns.items()}


def _block(spec: Spec, name: str, texts: pl.Series) -> HostSparse:
    low, high = (int(end) for end in spec.ngrams)
    n = len(texts)
    known, entries = grams.learned(texts, spec.unit, spec.lowercase, (low, high), np.ones(n), 0)
    hashed = murmur3(known.texts(spec.unit)).astype(np.int64)
    column, sign = np.abs(hashed) % spec.buckets, np.where(hashed >= 0, 1.0, -1.0)
    places = known.places()
    row = np.concatenate([one.row for one in entries])
    gram = np.concatenate([place[one.gram] for place, one in zip(places, entries, strict=True)])
    count = np.concatenate([one.count for one in entries]) * (sign[gram] if spec.signs else 1.0)
    cell, inverse = np.unique(row * spec.buckets + column[gram], return_inverse=True)
    value = np.bincount(inverse, count, len(cell)).astype(np.float64)  # integers where there is nothing
    if spec.binary:
        value = np.ones(len(cell))
    row, column = np.divmod(cell, spec.buckets)
    if spec.norm != "none":
        size = np.bincount(row, np.abs(value) if spec.norm == "l1" else value**2, n)
        size = size if spec.norm == "l1" else np.sqrt(size)
        value = np.divide(value, size[row], out=np.zeros_like(value), where=size[row] > 0)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))]).astype(np.int64)
    return HostSparse(indptr, column.astype(np.int32), value.astype(np.float32), Numbered(f"{name}_", spec.buckets))


@hookimpl
def mldsl_components() -> list[Component]:
    """Hashed words."""
    return [
        Transform(
            "hash_words", Spec, host=True, apply=apply, check=check, inputs=("text",), missing="fills",
            outputs=(Output("{column}_*", "continuous", "no", sparse="yes"),),
            snippet="hash_words(buckets = 4096, signs = false) on text", example=Spec(buckets=64),
            also_known_as=("HashingVectorizer", "feature_hashing", "hashing_trick", "step_texthash"),
            sources=["Weinberger et al. 2009, doi:10.1145/1553374.1553516"],
        )
    ]  # fmt: skip
