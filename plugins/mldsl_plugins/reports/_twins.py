"""Rows that are held out and trained on alike, and how likely that is by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

IMPROBABLE = 0.01
_LONG = 30  # characters
_NEVER = -50.0


@attrs.frozen
class Twins:
    """`held` rows were looked at; `same` of them have a twin that was trained on; `pairs` (held, train) are those of
    which fewer than 0.01 would be expected by chance, if columns had nothing to do with each other."""

    held: int
    same: int
    pairs: list[tuple[int, int]]


def twins(
    frame: Any, columns: Sequence[str], sides: Sequence[tuple[np.ndarray, np.ndarray]], following: Sequence[str] = ()
) -> Twins:
    """Equal rows in the given columns; `sides` are Bool[n] masks: trained on, held out. O(n) hashes a side.

    Columns in `following` follow from the others, as a target does: that they agree too makes nothing less probable.
    """
    hashes = frame.select(*columns, *following).hash_rows(seed=7).to_numpy()
    rarity = _log_frequency(frame, columns)
    held = same = 0
    pairs: list[tuple[int, int]] = []
    for train, out in sides:
        places = np.flatnonzero(train)
        value, first = np.unique(hashes[places], return_index=True)
        asked = np.flatnonzero(out)
        found = np.searchsorted(value, hashes[asked])
        hit = found < len(value)
        hit[hit] = value[found[hit]] == hashes[asked[hit]]
        held += len(asked)
        same += int(hit.sum())
        rare = hit & (np.log(max(1, len(places))) + rarity[asked] < np.log(IMPROBABLE))
        pairs += [(int(a), int(places[first[f]])) for a, f in zip(asked[rare], found[rare], strict=True)]
    return Twins(held, same, pairs)


def _log_frequency(frame: Any, columns: Sequence[str]) -> np.ndarray:
    """The logarithm of the share of rows that would be equal to each row if columns were independent: [n].

    Long texts are taken never to be equal by chance, however often they come.
    """
    import polars as pl

    n = frame.height
    total = np.zeros(n)
    for name in columns:
        counts = frame.select(pl.len().over(name).alias("count"))["count"].to_numpy()
        share = np.log(counts / n)
        if frame.schema[name] == pl.String:
            long = (frame[name].str.len_chars() >= _LONG).fill_null(value=False).to_numpy()
            share = np.where(long, _NEVER, share)
        total += share
    return total
