"""N-grams and their vocabulary: which there are, in which column each stands, and how often each text has it.

The n-grams of length k are numbered by (number of their first k - 1 tokens, number of the last token), level by level,
so that all is integers and no n-gram is ever written out to be counted. Columns are in the order of their texts, which
is a walk through the tree of prefixes. O(t log t) for t tokens and each length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import attrs
import numpy as np
import polars as pl

from mldsl.contract import HostSparse
from mldsl_plugins.text._tokens import Tokens, Unit, gap, packed, tokens_of, unpacked


class Entries(NamedTuple):
    """How often each row has each n-gram of one length: sorted by row, then by number."""

    row: np.ndarray
    gram: np.ndarray
    count: np.ndarray


class Vocabulary(NamedTuple):
    """`known` tokens; `keys[k - 1]` Int64, the n-grams of length k in order, as prefix * tokens + last token.

    Those of length 1 are the tokens. `ngrams` are the least and the greatest length that have columns.
    """

    known: pl.Series
    keys: tuple[np.ndarray, ...]
    ngrams: tuple[int, int]

    def places(self) -> list[np.ndarray]:
        """For each length the columns of its n-grams, in the order of texts; lengths without columns have none."""
        low, high = self.ngrams
        base = max(len(self.known), 1)
        own = [int(low <= k) for k in range(1, high + 1)]
        size = [np.full(len(keys), is_own) for keys, is_own in zip(self.keys, own, strict=True)]
        for k in range(high - 1, 0, -1):  # a prefix is followed by all that begin with it
            below = np.bincount(self.keys[k] // base, size[k], len(self.keys[k - 1]))
            size[k - 1] = size[k - 1] + below.astype(np.int64)
        start = [np.cumsum(size[0]) - size[0]]
        for k in range(1, high):
            prefix = self.keys[k] // base
            before = np.cumsum(size[k]) - size[k]
            first = np.searchsorted(prefix, prefix)  # of the n-grams with this prefix
            inside = before - (before[first] if len(first) else 0)
            start.append(start[k - 1][prefix] + own[k - 1] + inside)
        return start[low - 1 :]

    def texts(self, unit: Unit) -> pl.Series:
        """The n-grams themselves, in the order of their columns."""
        low, high = self.ngrams
        levels, base = [self.known], max(len(self.known), 1)
        for k in range(1, high):
            prefix, last = divmod(self.keys[k], base)
            parts = {"a": levels[-1].gather(prefix), "b": self.known.gather(last)}
            levels.append(pl.DataFrame(parts).select(pl.concat_str("a", "b", separator=gap(unit)))["a"])
        every = pl.concat(levels[low - 1 :])
        return every.gather(np.argsort(np.concatenate(self.places())))


@attrs.frozen(eq=False)
class Names(Sequence[str]):
    """Column names, made of the vocabulary when they are first asked for."""

    prefix: str
    vocabulary: Vocabulary
    unit: Unit
    _made: list[pl.Series] = attrs.field(factory=list, init=False)

    def __len__(self) -> int:
        """How many columns."""
        return sum(len(keys) for keys in self.vocabulary.keys[self.vocabulary.ngrams[0] - 1 :])

    def _texts(self) -> pl.Series:
        if not self._made:
            self._made.append(self.prefix + self.vocabulary.texts(self.unit))
        return self._made[0]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: Any) -> Any:
        """The name at a place."""
        return self._texts()[index].to_list() if isinstance(index, slice) else self._texts()[range(len(self))[index]]

    def __iter__(self) -> Any:
        """All names in order."""
        return iter(self._texts())


# ---- counting --------------------------------------------------------------------------------------------------------


def learned(
    texts: pl.Series, unit: Unit, lowercase: bool, ngrams: tuple[int, int], weight: np.ndarray, least: float
) -> tuple[Vocabulary, list[Entries]]:
    """The n-grams of the rows of weight above 0, in at least `least` of them by weight; and all rows counted."""
    found = tokens_of(texts, unit, lowercase)
    everything = Vocabulary(found.known, (np.arange(len(found.known)),), (1, 1))
    counted = _counted(found.row, found.number, len(found.known))
    kept, _ = _kept(counted, len(found.known), weight, least)
    renumbered = np.full(len(found.known) + 1, -1)  # the last stands for -1
    renumbered[np.flatnonzero(kept)] = np.arange(kept.sum())
    tokens = Tokens(renumbered[found.number], found.row, everything.known.filter(pl.Series(kept)))
    keys: list[np.ndarray] = [np.arange(len(tokens.known))]
    entries = [_only(counted, renumbered)]
    gram = tokens.number
    for k in range(2, ngrams[1] + 1):
        place, key = _pairs(tokens, gram, k)
        rank = pl.Series(key).rank("dense").cast(pl.Int64).to_numpy() - 1
        different = pl.Series(key).unique().sort().to_numpy()
        counted = _counted(tokens.row[place], rank, len(different))
        kept, there = _kept(counted, len(different), weight, least)
        keys.append(different[kept])
        entries.append(_only(counted, there))
        gram = np.full(len(gram), -1)
        gram[place] = there[rank]
    return Vocabulary(tokens.known, tuple(keys), ngrams), entries[ngrams[0] - 1 :]


def counted_by(vocabulary: Vocabulary, texts: pl.Series, unit: Unit, lowercase: bool) -> list[Entries]:
    """How often each text has the n-grams of a vocabulary; all others are left out."""
    tokens = tokens_of(texts, unit, lowercase, vocabulary.known)
    gram, entries = tokens.number, []
    for k, keys in enumerate(vocabulary.keys, start=1):
        if k > 1:
            place, key = _pairs(tokens, gram, k)
            at = np.minimum(np.searchsorted(keys, key), max(len(keys) - 1, 0))
            found = np.where(keys[at] == key, at, -1) if len(keys) else np.full(len(key), -1)
            gram = np.full(len(gram), -1)
            gram[place] = found
        entries.append(_counted(tokens.row, gram, len(keys)))
    return entries[vocabulary.ngrams[0] - 1 :]


def _pairs(tokens: Tokens, gram: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Where n-grams of length k begin, and their keys: `gram` are those of length k - 1 that begin at each token."""
    many = max(len(gram) - k + 1, 0)
    last = tokens.number[k - 1 :]
    there = (gram[:many] >= 0) & (last >= 0) & (tokens.row[:many] == tokens.row[k - 1 :])
    place = np.flatnonzero(there)
    return place, gram[place] * max(len(tokens.known), 1) + last[place]


def _counted(row: np.ndarray, gram: np.ndarray, grams: int) -> Entries:
    there = gram >= 0
    cell = np.sort(row[there] * max(grams, 1) + gram[there])
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    row, gram = np.divmod(cell[first], max(grams, 1))
    return Entries(row, gram, np.diff(first, append=len(cell)))


def _kept(entries: Entries, grams: int, weight: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Which n-grams are in enough rows, Bool; and their new numbers, -1 for the others."""
    rows = np.bincount(entries.gram, weight[entries.row], grams)
    kept = (rows > 0) & (rows >= least)
    return kept, np.where(kept, np.cumsum(kept) - 1, -1)


def _only(entries: Entries, number: np.ndarray) -> Entries:
    new = number[entries.gram]
    there = new >= 0
    return Entries(entries.row[there], new[there], entries.count[there])


# ---- blocks and files ------------------------------------------------------------------------------------------------


def block(name: str, vocabulary: Vocabulary, unit: Unit, entries: Sequence[Entries], rows: int) -> HostSparse:
    """The counts of all lengths as one matrix; those of a row stand together, one length after the other."""
    by_row = [np.bincount(one.row, minlength=rows) for one in entries]
    indptr = np.concatenate([[0], np.cumsum(np.sum(by_row, axis=0))]).astype(np.int64)
    indices, values = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    before = indptr[:-1].copy()
    for one, count, place in zip(entries, by_row, vocabulary.places(), strict=True):
        own = np.cumsum(count) - count
        at = np.arange(len(one.row)) + (before - own)[one.row]
        indices[at], values[at] = place[one.gram], one.count
        before += count
    return HostSparse(indptr, indices, values, Names(f"{name}_", vocabulary, unit))


def as_state(vocabulary: Vocabulary, unit: Unit) -> dict[str, Any]:
    """A vocabulary as arrays, for artifacts."""
    longer = {str(k): keys for k, keys in enumerate(vocabulary.keys[1:], start=2)}
    return {"tokens": packed(vocabulary.known, unit), "longer": longer}


def of_state(state: Any, unit: Unit, ngrams: tuple[int, int]) -> Vocabulary:
    """The vocabulary again."""
    known = unpacked(state["tokens"], unit)
    longer = tuple(np.asarray(state["longer"][str(k)]) for k in range(2, ngrams[1] + 1))
    return Vocabulary(known, (np.arange(len(known)), *longer), ngrams)
