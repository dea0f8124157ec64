"""Texts as token numbers: words, or characters, in the order of their texts. No Python loop sees a row or a token.

A word is two or more letters, digits or underscores in a row, as in scikit-learn: `[\\p{L}\\p{N}_]` is what Python's
`\\w` takes. Numbers follow the code points of the tokens, so that order by number is order by text.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import polars as pl

WORD = r"[\p{L}\p{N}_]{2,}"
BLANKS = r"[\s\x1c-\x1f]{2,}"  # what Python calls blank; one blank stays as it is
CODE_POINTS = 0x110000

Unit = Literal["words", "characters"]


class Tokens(NamedTuple):
    """`number` Int64[t] of each token, -1 for one that is not known; `row` Int64[t]; `known` the tokens by number."""

    number: np.ndarray
    row: np.ndarray
    known: pl.Series


def tokens_of(texts: pl.Series, unit: Unit, lowercase: bool, known: pl.Series | None = None) -> Tokens:
    """The tokens of every text; a missing text has none. Without `known`, all that occur are."""
    plain = texts.cast(pl.String).fill_null("")
    plain = plain.str.to_lowercase() if lowercase else plain
    return _characters(plain, known) if unit == "characters" else _words(plain, known)


def _words(texts: pl.Series, known: pl.Series | None) -> Tokens:
    words = texts.str.extract_all(WORD)
    row = np.repeat(np.arange(len(texts)), words.list.len().to_numpy())
    flat = words.explode(empty_as_null=False)
    known = flat.unique().sort() if known is None else known
    if not len(known):
        return Tokens(np.full(len(flat), -1), row, known)
    number = flat.cast(pl.Enum(known), strict=False).to_physical()
    return Tokens(number.cast(pl.Int64).fill_null(-1).to_numpy(), row, known)


def _characters(texts: pl.Series, known: pl.Series | None) -> Tokens:
    plain = texts.str.replace_all(BLANKS, " ")
    row = np.repeat(np.arange(len(texts)), plain.str.len_chars().to_numpy())
    points = _points("".join(plain.to_list()))
    if known is None:
        there = np.flatnonzero(np.bincount(points, minlength=1))
        known = pl.Series(list(_text(there)), dtype=pl.String)
    table = np.full(CODE_POINTS, -1)
    table[_points("".join(known.to_list()))] = np.arange(len(known))
    return Tokens(table[points], row, known)


def _points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def _text(points: np.ndarray) -> str:
    return points.astype("<u4").tobytes().decode("utf-32-le")


# ---- in an artifact --------------------------------------------------------------------------------------------------


def packed(known: pl.Series, unit: Unit) -> np.ndarray:
    """Tokens as bytes, UInt8: words one a line, characters one after the other."""
    text = ("\n" if unit == "words" else "").join(known.to_list())
    return np.frombuffer(text.encode(), np.uint8).copy()


def unpacked(data: np.ndarray, unit: Unit) -> pl.Series:
    """The tokens that `packed` was given."""
    text = np.asarray(data, np.uint8).tobytes().decode()
    parts = (text.split("\n") if text else []) if unit == "words" else list(text)
    return pl.Series(parts, dtype=pl.String)


def gap(unit: Unit) -> str:
    """What stands between the tokens of an n-gram."""
    return " " if unit == "words" else ""
