"""Levels spread over a fixed number of columns by a hash, for columns with more levels than one would give a column.

The level's text (UTF-8) is hashed by MurmurHash3 (32 bits, seed 0) to h; the row gets 1 in the column of bucket
|h| mod buckets, or -1 where h is negative and `signed`: so levels that share a bucket cancel on average instead of
adding up. A missing value has 0 in all columns. Nothing is learned: a level that training has not seen is hashed as any
other, which is why this runs on the host, where levels are still text.

Shapes:  n rows, d columns; d buckets come out, `city_hash1` first. O(n d buckets) time and memory.
Units:   the result has none: -1, 0 or 1.
Errors:  none.
Sources: Weinberger et al. 2009, doi:10.1145/1553374.1553516; the hash: Appleby 2008, MurmurHash3 (public domain).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs
import numpy as np

from mldsl.plugin import Component, Output, Transform, hookimpl, param

_32 = 0xFFFFFFFF


@attrs.frozen
class Spec:
    """Hyperparameters of encoding by hash."""

    buckets: int = param(
        32, ge=2, le=4096, doc="How many columns.", search="8..256", simpler="smaller",
        also_known_as=("n_features", "n_components"),
    )  # fmt: skip
    signed: bool = param(
        True, doc="Whether half of the levels are -1, so that those of a bucket cancel.",
        also_known_as=("alternate_sign",),
    )  # fmt: skip


def _rotate(x: int, by: int) -> int:
    return ((x << by) | (x >> (32 - by))) & _32


def _mixed(block: int) -> int:
    return _rotate((block * 0xCC9E2D51) & _32, 15) * 0x1B873593 & _32


@lru_cache(maxsize=1 << 16)
def murmur3(text: str) -> int:
    """MurmurHash3 of 32 bits with seed 0, as a signed number."""
    data = text.encode()
    whole = len(data) - len(data) % 4
    h = 0
    for (block,) in np.frombuffer(data[:whole], "<u4").reshape(-1, 1).tolist():
        h = (_rotate(h ^ _mixed(block), 13) * 5 + 0xE6546B64) & _32
    if data[whole:]:
        h ^= _mixed(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _32
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _32
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def apply(spec: Spec, state: None, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Hash the levels of each column; equal levels once."""
    made: dict[str, np.ndarray] = {}
    for name, series in columns.items():
        levels = series.unique().drop_nulls().to_list()
        hashes = [murmur3(str(level)) for level in levels]
        bucket = {level: abs(h) % spec.buckets for level, h in zip(levels, hashes, strict=True)}
        sign = {level: -1.0 if spec.signed and h < 0 else 1.0 for level, h in zip(levels, hashes, strict=True)}
        cells = series.to_list()
        at = np.array([bucket.get(cell, -1) for cell in cells], np.int64)
        value = np.array([sign.get(cell, 0.0) for cell in cells])
        for b in range(spec.buckets):
            made[f"{name}_hash{b + 1}"] = np.where(at == b, value, 0.0)
    return made


@hookimpl
def mldsl_components() -> list[Component]:
    """Encoding by hash."""
    return [
        Transform(
            "hash_encode", Spec, apply=apply, host=True, inputs=("categorical", "text", "id", "ordinal", "binary"),
            missing="fills", outputs=(Output("{column}_*", "continuous", "no"),),
            snippet="hash_encode(buckets = 8) on categorical",
            sources=("Weinberger et al. 2009, doi:10.1145/1553374.1553516",),
            also_known_as=("FeatureHasher", "HashingEncoder", "hashing", "feature_hashing"),
        )
    ]  # fmt: skip
