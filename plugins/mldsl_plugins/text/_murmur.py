"""MurmurHash3 of many texts at once: 32 bits, x86 variant, seed 0, as a signed number, in NumPy.

Texts are taken four bytes at a time, all of them together, so the loop is over the length of the longest and not over
texts. Source: Appleby 2011, MurmurHash3 (public domain), github.com/aappleby/smhasher.
"""

from __future__ import annotations

import numpy as np
import polars as pl

_C1, _C2 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593)


def murmur3(texts: pl.Series) -> np.ndarray:
    """The hash of each text's UTF-8 bytes, Int32."""
    length = texts.str.len_bytes().to_numpy().astype(np.int64)
    order = np.argsort(-length, kind="stable")  # longest first: those that have a further block stand in front
    data = np.frombuffer("".join(texts.to_list()).encode() + b"\0\0\0\0", np.uint8)
    start = (np.cumsum(length) - length)[order]
    size = length[order]
    found = np.zeros(len(texts), np.uint32)
    for block in range(int(size[0] // 4) if len(size) else 0):
        many = int(np.searchsorted(-size, -4 * (block + 1), side="right"))
        k = _scrambled(_word(data, start[:many] + 4 * block))
        h = found[:many] ^ k
        found[:many] = _rotated(h, 13) * np.uint32(5) + np.uint32(0xE6546B64)
    rest = size % 4
    tail = _word(data, start + size - rest) & ((np.uint64(1) << (8 * rest).astype(np.uint64)) - 1).astype(np.uint32)
    found ^= np.where(rest > 0, _scrambled(tail), np.uint32(0)) ^ size.astype(np.uint32)
    hashed = np.empty(len(texts), np.int32)
    hashed[order] = _mixed(found).view(np.int32)
    return hashed


def _word(data: np.ndarray, at: np.ndarray) -> np.ndarray:
    parts = [data[at + i].astype(np.uint32) << np.uint32(8 * i) for i in range(4)]
    return parts[0] | parts[1] | parts[2] | parts[3]


def _rotated(x: np.ndarray, by: int) -> np.ndarray:
    return (x << np.uint32(by)) | (x >> np.uint32(32 - by))


def _scrambled(k: np.ndarray) -> np.ndarray:
    return _rotated(k * _C1, 15) * _C2


def _mixed(h: np.ndarray) -> np.ndarray:
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))
