"""Character counts: a text becomes how often it holds each character, in a sparse matrix.

The alphabet is the characters of the training rows that occur in at least `min_rows` of them, in code order; others
are not counted. Runs on the host.

Shapes:  n texts of c characters, d characters in the alphabet. O(n c) time.
Units:   counts.
Errors:  none; a missing text counts as an empty one.
Sources: Cavnar & Trenkle 1994, SDAIR (n-grams of characters; here of length one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from mldsl.contract import HostSparse
from mldsl.plugin import Component, Output, Transform, hookimpl, param


@attrs.frozen
class Spec:
    """Hyperparameters of character counts."""

    min_rows: int = param(2, ge=1, unit="rows", doc="Rows in which a character must occur.")


def fit(spec: Spec, columns: Mapping[str, Any], weight: np.ndarray) -> dict[str, list[str]]:
    """Learn the alphabet of each column from the rows that count."""
    there = np.asarray(weight) > 0
    state = {}
    for name, texts in columns.items():
        rows = Counter(c for text, use in zip(texts, there, strict=True) if use for c in set(text or ""))
        state[name] = sorted(c for c, count in rows.items() if count >= spec.min_rows)
    return state


def apply(spec: Spec, state: Mapping[str, list[str]], columns: Mapping[str, Any]) -> dict[str, HostSparse]:
    """Count."""
    return {name: _count(name, state[name], texts) for name, texts in columns.items()}


def _count(name: str, alphabet: list[str], texts: Any) -> HostSparse:
    place = {c: i for i, c in enumerate(alphabet)}
    lengths, indices, values = [0], [], []
    for text in texts:
        counts = Counter(place[c] for c in text or "" if c in place)
        for index in sorted(counts):
            indices.append(index)
            values.append(counts[index])
        lengths.append(len(indices))
    names = tuple(f"{name}_{ord(c):04x}" for c in alphabet)
    return HostSparse(
        indptr=np.asarray(lengths, np.int64),
        indices=np.asarray(indices, np.int32),
        values=np.asarray(values, np.float32),
        names=names,
    )


@hookimpl
def mldsl_components() -> list[Component]:
    """The one component of this module."""
    return [
        Transform(
            "character_counts",
            Spec,
            fit=fit,
            apply=apply,
            inputs=("text",),
            outputs=(Output("{column}_*", "integer", sparse="yes"),),
            missing="fills",
            host=True,
            sources=["Cavnar & Trenkle 1994, SDAIR"],
        )
    ]
